import { decodeJwt } from 'jose';
import { checkControlCaller } from '../../../src/emulator/control/caller.js';
import { CONTROL_OPERATIONS } from '../../../src/emulator/control/control.js';
import {
  asAd,
  asUser,
  control,
  getJwks,
  getSystem,
  getTokens,
  listRows,
  rawRequest,
  signIn,
  useEmulator,
} from '../support.js';

const emulator = useEmulator();
const OK = { status: 200, answer: {} };
const ask = (method: string, path: string, body?: unknown) => control(emulator(), method, path, body);
const codeOf = async (body: object = {}) => (await signIn(emulator(), { ...body })).code;

describe('over HTTP', () => {
  it('returns and deletes the recorded sign-ins', async () => {
    await getTokens(emulator());
    expect(await ask('GET', '/sign-ins')).toEqual({ status: 200, answer: emulator().signIns });
    expect([await ask('DELETE', '/sign-ins'), emulator().signIns]).toEqual([OK, []]);
  });

  it('adds and clears faults', async () => {
    expect(await ask('POST', '/faults', { endpoint: 'signin', body: { statusCode: 555 } })).toEqual(OK);
    expect(await codeOf()).toBe(555);
    expect([await ask('DELETE', '/faults'), await codeOf()]).toEqual([OK, 200]);
  });

  it('adds flaws of id_tokens', async () => {
    const isUnsigned = async () => (await getTokens(emulator())).id_token.endsWith('.');
    expect(await ask('POST', '/id-token-flaw', { flaw: 'unsigned' })).toEqual(OK);
    expect([await isUnsigned(), await isUnsigned()]).toEqual([true, false]);
    await ask('POST', '/id-token-flaw', { flaw: 'unsigned', times: 2 });
    expect([await isUnsigned(), await isUnsigned()]).toEqual([true, true]);
  });

  it('rotates the signing keys, with a body and without', async () => {
    const first = await ask('POST', '/keys/rotate');
    expect((await getJwks(emulator())).keys).toMatchObject([first.answer, {}]);
    const second = await ask('POST', '/keys/rotate', { withdraw: true });
    expect((await getJwks(emulator())).keys).toMatchObject([second.answer]);
  });

  it('rotates the keys for passwords', async () => {
    const { rsa, sm2 } = await getSystem(emulator());
    expect(await ask('POST', '/encryption-keys/rotate')).toEqual(OK);
    expect(await getSystem(emulator())).not.toMatchObject({ rsa });
    expect(await getSystem(emulator())).not.toMatchObject({ sm2 });
  });

  it('queues and clears answers to sign-ins', async () => {
    expect(await ask('POST', '/sign-in-answers', { statusCode: 301, apiCode: 1636, times: 2 })).toEqual(OK);
    expect(await codeOf()).toBe(1636);
    expect([await ask('DELETE', '/sign-in-answers'), await codeOf()]).toEqual([OK, 200]);
  });

  it('sets the limits of failed sign-ins and unlocks one account or all', async () => {
    expect(await ask('POST', '/login-protection', { lockAfter: 1 })).toEqual(OK);
    await codeOf(asUser('alice', 'wrong'));
    await ask('POST', '/unlock', { account: 'bob' });
    expect(await codeOf()).toBe(2005);
    expect([await ask('POST', '/unlock', { account: 'alice' }), await codeOf()]).toEqual([OK, 200]);
    await codeOf(asUser('alice', 'wrong'));
    expect([await ask('POST', '/unlock'), await codeOf()]).toEqual([OK, 200]);
  });

  it('sets the clock, and resets', async () => {
    const getIat = async () => Number(decodeJwt((await getTokens(emulator())).id_token).iat);
    const before = await getIat();
    expect(await ask('POST', '/clock-drift', { seconds: 3600 })).toEqual(OK);
    expect(await getIat()).toBeGreaterThanOrEqual(before + 3600);
    expect([await ask('POST', '/reset'), emulator().signIns]).toEqual([OK, []]);
    expect(await getIat()).toBeLessThan(before + 3600);
  });

  it.each(['dora', 'dora%40example.com', '%2B8613800000042'])('adds, changes and removes the user %s', async (name) => {
    const user = { username: 'dora', email: 'dora@example.com', phone_number: '+8613800000042', password: 'd' };
    const added = await ask('POST', '/users', user);
    expect(added).toEqual({ status: 200, answer: { sub: expect.stringMatching(/^[\da-f]{24}$/) } });
    const { id_token } = await getTokens(emulator(), asUser('dora', 'd'));
    expect(decodeJwt(id_token)).toMatchObject(added.answer as object);
    expect(await ask('PATCH', `/users/${name}`, { password: 'new' })).toEqual(OK);
    expect([await codeOf(asUser('dora', 'd')), await codeOf(asUser('dora', 'new'))]).toEqual([2333, 200]);
    expect([await ask('DELETE', `/users/${name}`), await codeOf(asUser('dora', 'new'))]).toEqual([OK, 2333]);
  });

  it('adds, lists, changes and removes an AD account', async () => {
    const { status, answer } = await ask('POST', '/users', { sAMAccountName: 'Li/Si?', password: 'l' });
    expect([status, await codeOf(asAd('li/si?', 'l')), await codeOf(asUser('li/si?', 'l'))]).toEqual([200, 200, 2333]);
    const path = `/ad-accounts/${encodeURIComponent('LI/SI?')}`;
    expect(await ask('PATCH', path, { disabled: true })).toEqual(OK);
    const { adAccounts, users } = (await ask('GET', '/users')).answer as Record<string, object[]>;
    expect(adAccounts).toContainEqual(
      expect.objectContaining({ sAMAccountName: 'Li/Si?', ...(answer as object), disabled: true }),
    );
    expect(users).toMatchObject([{ username: 'alice' }, { username: 'bob' }]);
    expect([await ask('DELETE', path), await codeOf(asAd('li/si?', 'l'))]).toEqual([OK, 2333]);
  });

  it.each<[string, string, unknown, string]>([
    ['POST', '/faults', undefined, 'fault: expected an object, got undefined.'],
    ['POST', '/id-token-flaw', { flaw: 'expired', time: 2 }, 'id-token-flaw: unknown property "time".'],
    ['POST', '/keys/rotate', { withdraw: 1 }, 'withdraw: '],
    ['POST', '/clock-drift', { seconds: '60' }, 'seconds: '],
    ['POST', '/users', { username: 'x', password: ['canary'] }, 'user.password: '],
    ['POST', '/users', { sAMAccountName: '', password: 'canary' }, 'adAccount.sAMAccountName: '],
    ['PATCH', '/users/alice', undefined, 'changes: expected an object'],
    ['DELETE', '/ad-accounts/__proto__', undefined, 'sAMAccountName: '],
  ])('answers %s %s %j with 400', async (method, path, body, start) => {
    const { status, answer } = await ask(method, path, body);
    const { message, ...rest } = answer as { message: string };
    expect([status, rest, message.slice(0, start.length)]).toEqual([400, { statusCode: 400 }, start]);
    expect(message).not.toContain('canary');
  });

  it('answers an undecodable name with 400, and other methods and paths with 404', async () => {
    const { status } = await rawRequest(`${emulator().url}/emulator/v1/users/%E0%A4%A`, { method: 'DELETE' });
    const others = [ask('GET', '/faults'), ask('PUT', '/users'), ask('GET', '/users/alice'), ask('GET', '/sign-ins/')];
    const statuses = (await Promise.all(others)).map((each) => each.status);
    expect([status, ...statuses]).toEqual([400, 404, 404, 404, 404]);
  });
});

describe('the check of the caller', () => {
  const OWN = { host: '127.0.0.1:3999', origin: undefined, address: '127.0.0.1' };
  const check = (caller: object, hasForeignBody = false) =>
    checkControlCaller({ ...OWN, ...caller }, hasForeignBody)?.status;

  it.each(
    listRows({
      address: ['127.0.0.1', '127.0.0.2', '::1', '::ffff:127.0.0.1'],
      origin: [undefined, 'http://127.0.0.1:3999'],
      host: ['127.0.0.1', 'localhost', '[::1]:3999'],
    }),
  )('allows the %s %j', (name, value) => {
    expect(check({ [name]: value })).toBeUndefined();
  });

  it.each(
    listRows({
      address: ['192.0.2.1', '::ffff:192.0.2.1', 'fe80::1%eth0', '', undefined],
      host: ['evil.example', '127.0.0.1.evil.example:3999', 'localhost.evil.example', '0.0.0.0', '%', undefined],
      origin: [
        'https://evil.example',
        'null',
        '',
        'https://127.0.0.1:3999',
        'http://localhost:3999',
        'http://127.0.0.1',
      ],
    }),
  )('refuses the %s %j', (name, value) => {
    expect(check({ [name]: value })).toBe(403);
  });

  it('refuses a body that a browser sends without a preflight', () => {
    expect(check({}, true)).toBe(415);
  });

  it.each(CONTROL_OPERATIONS.map(({ method, path }) => [method.toUpperCase(), path]))(
    'runs before %s %s',
    async (method, path) => {
      const headers = { origin: 'https://evil.example', 'content-type': 'application/json' };
      const options = { method, headers, body: '{' };
      const { status, body } = await rawRequest(`${emulator().url}/emulator/v1${path}`, options);
      expect([status, JSON.parse(body)]).toEqual([403, { statusCode: 403, message: expect.any(String) }]);
    },
  );

  it.each([{ 'content-type': 'text/plain' }, { 'content-type': 'application/x-www-form-urlencoded' }, {}])(
    'refuses a body with the headers %j',
    async (headers: Record<string, string>) => {
      const body = '{"endpoint":"signin","status":500}';
      const answer = await rawRequest(`${emulator().url}/emulator/v1/faults`, { method: 'POST', headers, body });
      expect([answer.status, await codeOf()]).toEqual([415, 200]);
    },
  );

  it('is not weakened by headers for other origins', async () => {
    const { headers } = await rawRequest(`${emulator().url}/emulator/v1/sign-ins`);
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});
