import { decodeJwt } from 'jose';
import { checkControlCaller } from '../../../src/emulator/control/caller.js';
import { CONTROL_OPERATIONS } from '../../../src/emulator/control/control.js';
import { GenAuthEmulator } from '../../../src/emulator/index.js';
import {
  asAd,
  asJson,
  asUser,
  getCaptcha,
  getJwks,
  getSystem,
  getTokens,
  inTurn,
  send,
  signIn,
  useEmulator,
} from '../support.js';

const emulator = useEmulator();
const OK = { status: 200, body: {} };

/** Sends a request to a control path, with a JSON body if there is one. */
async function ask(method: string, path: string, ...bodies: unknown[]) {
  const [sent = {}] = bodies.map(asJson);
  const { status, body } = await send(`${emulator().url}/emulator/v1${path}`, { ...sent, method });
  return { status, body };
}
const codesOf = async (...bodies: object[]) =>
  (await inTurn(bodies, (body) => signIn(emulator(), body))).map(({ code }) => code);

it('adds and clears faults and answers to sign-ins, and adds flaws', async () => {
  expect(await ask('POST', '/faults', { endpoint: 'signin', body: { statusCode: 555 } })).toEqual(OK);
  expect([await codesOf({}), await ask('DELETE', '/faults'), await codesOf({})]).toEqual([[555], OK, [200]]);
  expect(await ask('POST', '/sign-in-answers', { statusCode: 301, apiCode: 1636, times: 2 })).toEqual(OK);
  expect([await codesOf({}), await ask('DELETE', '/sign-in-answers'), await codesOf({})]).toEqual([[1636], OK, [200]]);
  expect(await ask('POST', '/id-token-flaw', { flaw: 'unsigned' })).toEqual(OK);
  expect((await getTokens(emulator())).id_token).toMatch(/\.$/);
});

it('rotates the signing keys, with a body and without, and the keys for passwords', async () => {
  const first = await ask('POST', '/keys/rotate');
  expect((await getJwks(emulator())).keys).toMatchObject([first.body, {}]);
  const second = await ask('POST', '/keys/rotate', { withdraw: true });
  expect((await getJwks(emulator())).keys).toMatchObject([second.body]);
  const { rsa } = await getSystem(emulator());
  expect(await ask('POST', '/encryption-keys/rotate')).toEqual(OK);
  expect((await getSystem(emulator())).rsa).not.toEqual(rsa);
});

it('sets the limits of failed sign-ins, and unlocks all accounts or one user and one AD account', async () => {
  const wrong = [asUser('alice', 'wrong'), asAd('zhangsan', 'wrong')];
  const right = [{}, asAd('zhangsan')];
  expect(await ask('POST', '/login-protection', { lockAfter: 1 })).toEqual(OK);
  expect(await codesOf(...wrong, ...right)).toEqual([2333, 2333, 2005, 2005]);
  expect([await ask('POST', '/unlock'), await codesOf(...right, ...wrong)]).toEqual([OK, [200, 200, 2333, 2333]]);
  await ask('POST', '/unlock', { account: 'ZHANGSAN' });
  expect(await codesOf(...right)).toEqual([2005, 200]);
});

it('sets the clock, returns and deletes the recorded sign-ins, and resets', async () => {
  const getIat = async () => Number(decodeJwt((await getTokens(emulator())).id_token).iat);
  const before = await getIat();
  expect(await ask('POST', '/clock-drift', { seconds: 3600 })).toEqual(OK);
  expect(await getIat()).toBeGreaterThanOrEqual(before + 3600);
  expect(Date.parse((await send(emulator().url)).headers.date ?? '')).toBeGreaterThanOrEqual((before + 3600) * 1000);
  expect(await ask('GET', '/sign-ins')).toEqual({ status: 200, body: emulator().signIns });
  expect([await ask('DELETE', '/sign-ins'), emulator().signIns]).toEqual([OK, []]);
  expect([await ask('POST', '/reset'), (await getIat()) < before + 3600]).toEqual([OK, true]);
});

it('adds, lists, changes and removes a user and an AD account by an encoded identifier', async () => {
  const user = await ask('POST', '/users', { username: 'dora', phone_number: '+8613800000042', password: 'd' });
  const ad = await ask('POST', '/users', { sAMAccountName: 'Li/Si?', password: 'l' });
  const [userPath, adPath] = ['/users/%2B8613800000042', `/ad-accounts/${encodeURIComponent('LI/SI?')}`];
  const codes = () => codesOf(asUser('dora', 'd'), asAd('li/si?', 'l'));
  expect(await codes()).toEqual([200, 200]);
  const changed = [await ask('PATCH', userPath, { disabled: true }), await ask('PATCH', adPath, { mfa: true })];
  expect(changed).toEqual([OK, OK]);
  expect(await codes()).toEqual([2_120_008, 1636]);
  const users = [{ username: 'alice' }, { username: 'bob' }, { ...user.body, disabled: true }];
  const adAccounts = [{}, { sAMAccountName: 'Li/Si?', ...ad.body, mfa: true }];
  expect((await ask('GET', '/users')).body).toMatchObject({ users, adAccounts });
  expect([await ask('DELETE', userPath), await ask('DELETE', adPath)]).toEqual([OK, OK]);
  expect(await codes()).toEqual([2333, 2333]);
});

it('answers a wrong body and a wrong name with 400, and other methods and paths with 404', async () => {
  const message: unknown = expect.stringMatching(/^user.password: (?!.*canary)/);
  const refused = await ask('POST', '/users', { username: 'x', password: ['canary'] });
  expect(refused).toEqual({ status: 400, body: { statusCode: 400, message } });
  const requests = [
    'DELETE /users/%E0%A4%A',
    'POST /faults',
    'DELETE /ad-accounts/x',
    'PATCH /faults',
    'GET /sign-ins/',
  ];
  const answers = await inTurn(requests, (each) => ask(...(each.split(' ') as [string, string])));
  expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 404, 404]);
});

it('a refused path names the method, the path and the list of all paths', async () => {
  const answers = await inTurn(
    [
      ['PUT', '/users'],
      ['GET', '/fault'],
      ['POST', ''],
    ] as const,
    ([method, path]) => ask(method, path),
  );
  expect(answers).toEqual(
    ['PUT /emulator/v1/users', 'GET /emulator/v1/fault', 'POST /emulator/v1'].map((request) => {
      const message = `The emulator has no ${request}. GET /emulator/v1 lists the control paths.`;
      return { status: 404, body: { statusCode: 404, message } };
    }),
  );
  const { paths } = (await ask('GET', '')).body as { paths: string[] };
  expect(paths).toHaveLength(CONTROL_OPERATIONS.length);
  expect(paths).toEqual(expect.arrayContaining(['GET /emulator/v1', 'PATCH /emulator/v1/users/:account']));
});

it('lists the active faults, flaws and sign-in answers with the remaining times, and removes them', async () => {
  const fault = { endpoint: 'signin', status: 503, body: { a: [1] } };
  const slow = { endpoint: 'jwks', delayMs: 1 };
  const answer = { statusCode: 301, apiCode: 1636, message: 'm', data: { mfaToken: 'x' }, account: 'alice' };
  await inTurn([{ ...fault, times: 2 }, slow], (each) => ask('POST', '/faults', each));
  await ask('POST', '/id-token-flaw', { flaw: 'expired', times: 3 });
  await ask('POST', '/sign-in-answers', { ...answer, times: 2 });
  await codesOf({}, asUser('bob'), {}, asUser('bob'));
  const list = async (path: string) => (await ask('GET', path)).body;
  expect(await list('/faults')).toEqual([slow]);
  expect([await list('/id-token-flaw'), await list('/sign-in-answers')]).toEqual([
    [{ flaw: 'expired', times: 2 }],
    [{ ...answer, times: 1 }],
  ]);
  expect(emulator().faults).toEqual([slow]);
  expect([emulator().idTokenFlaws, emulator().signInAnswers]).toEqual([
    await list('/id-token-flaw'),
    await list('/sign-in-answers'),
  ]);
  expect(await ask('DELETE', '/id-token-flaw')).toEqual(OK);
  expect(await list('/id-token-flaw')).toEqual([]);
});

it('lists the failed sign-ins of known and unknown names, and unlocks each of them by the name it lists', async () => {
  await ask('POST', '/login-protection', { captchaAfter: 2, lockAfter: 3 });
  const long = 'x'.repeat(300);
  await codesOf(
    ...['alice', 'ALICE@example.com', '+8613800000001', 'carol', long].map((name) => asUser(name, 'wrong')),
  );
  await codesOf(asAd('ZhangSan', 'wrong'));
  // The third failure of alice requires a captcha, so it is not counted.
  const one = { failures: 1, requiresCaptcha: false, isLocked: false };
  expect(await ask('GET', '/login-protection')).toEqual({
    status: 200,
    body: {
      captchaAfter: 2,
      lockAfter: 3,
      accounts: [
        { account: 'ZhangSan', ...one },
        { account: long.slice(0, 256), ...one },
        { account: 'carol', ...one },
        { account: 'ALICE@example.com', failures: 2, requiresCaptcha: true, isLocked: false },
      ],
    },
  });
  const unlocked = await inTurn(['ZhangSan', 'carol', 'alice'], (account) => ask('POST', '/unlock', { account }));
  expect(unlocked).toEqual([OK, OK, OK]);
  expect(emulator().loginProtection.accounts.map(({ account }) => account)).toEqual([long.slice(0, 256)]);
  await ask('POST', '/login-protection', {});
  expect((await ask('GET', '/login-protection')).body).not.toHaveProperty('lockAfter');
});

it.each<[string, string, object?]>([
  ['POST', '/unlock', { account: 'carol' }],
  ['POST', '/totp', { account: 'carol' }],
  ['POST', '/tokens', { account: 'carol' }],
  ['POST', '/tokens/revoke', { account: 'carol' }],
  ['PATCH', '/users/carol', {}],
  ['DELETE', '/users/carol'],
])('%s %s names an unknown account and the accounts that exist', async (method, path, ...bodies) => {
  const { status, body: answer } = await ask(method, path, ...bodies);
  const message: unknown = expect.stringMatching(/got "carol"\. Add it first, or use one of: "alice", "bob"/);
  expect({ status, answer }).toEqual({ status: 400, answer: { statusCode: 400, message } });
});

it('lists the open captchas with picture and code, newest first', async () => {
  const [first, second] = await inTurn([1, 2], () => getCaptcha(emulator()));
  const { body } = await ask('GET', '/captchas');
  expect(body).toMatchObject([second, first]);
  expect(body).toEqual(emulator().captchas);
  expect(emulator().captchas[0]?.captchaCodeSvg).toContain(`>${second?.captchaCode}</text>`);
  expect(Date.parse(emulator().captchas[0]?.expiresAt ?? '')).toBeGreaterThan(Date.now());
  await codesOf(asUser('alice', 'passw0rd', first));
  emulator().protectLogins({ captchaAfter: 0 });
  await codesOf(asUser('alice', 'passw0rd', first));
  expect(emulator().captchas).toMatchObject([second]);
});

it('counts the requests of each endpoint, and returns the clock and the signing keys', async () => {
  await codesOf({}, {});
  const counts = { signin: 2, jwks: 0, token: 0, auth: 0 };
  expect((await ask('GET', '/requests')).body).toMatchObject(counts);
  await ask('POST', '/clock-drift', { seconds: 86_400 });
  const { seconds, now } = (await ask('GET', '/clock-drift')).body as { seconds: number; now: string };
  expect([seconds, emulator().clockDrift]).toEqual([86_400, 86_400]);
  expect(Date.parse(now) - Date.now()).toBeGreaterThan(86_000_000);
  const { kid } = (await ask('POST', '/keys/rotate')).body;
  const keys = (await ask('GET', '/keys')).body as unknown as { kid: string; publishedSince: string }[];
  expect(keys).toEqual(emulator().signingKeys);
  expect(keys.slice(0, 2)).toMatchObject([{ kid, isCurrent: true }, { isCurrent: false }]);
  expect(keys.map((key) => key.kid)).toEqual((await getJwks(emulator())).keys.map((key) => key.kid));
  expect(keys.every(({ publishedSince }) => Date.parse(publishedSince) <= Date.now())).toBe(true);
});

it('shows the public passwords of the default users, until they are changed', async () => {
  const own = await new GenAuthEmulator({ users: [{ username: 'alice', password: 'passw0rd' }] }).start();
  const shown = async (url: string) => {
    const { body } = await send(`${url}/emulator/v1/users`);
    const { users, adAccounts } = body as Record<string, { publicPassword?: string }[]>;
    return [...(users ?? []), ...(adAccounts ?? [])].map(({ publicPassword }) => publicPassword);
  };
  expect(await shown(own.url)).toEqual([undefined, 'AdPassw0rd']);
  own.updateAdAccount('zhangsan', { mfa: true });
  expect(await shown(own.url)).toEqual([undefined, 'AdPassw0rd']);
  own.updateAdAccount('zhangsan', { password: 'AdPassw0rd' });
  expect(await shown(own.url)).toEqual([undefined, undefined]);
  await own.stop();
  expect((await shown(emulator().url)).slice(0, 2)).toEqual(['passw0rd', 'passw0rd']);
});

it.each<[string, number | undefined, unknown[]]>([
  ['address', undefined, ['127.0.0.2', '::1', '::ffff:127.0.0.1']],
  ['origin', undefined, [undefined, 'http://127.0.0.1:3999']],
  ['host', undefined, ['localhost', '[::1]:3999']],
  ['address', 403, ['::ffff:192.0.2.1', 'fe80::1%eth0', undefined]],
  ['host', 403, ['127.0.0.1.evil.example:3999', 'localhost.evil.example', '0.0.0.0', '%', undefined]],
  ['origin', 403, ['https://evil.example', 'null', '', 'https://127.0.0.1:3999', 'http://127.0.0.1']],
])('the check of the caller answers the %s with %s: %j', (name, status, values) => {
  const own = { host: '127.0.0.1:3999', origin: undefined, address: '127.0.0.1', scheme: 'http:' as const };
  const statuses = values.map((value) => checkControlCaller({ ...own, [name]: value }, false)?.status);
  expect(statuses).toEqual(values.map(() => status));
});

it('no operation except the health check can be used by another origin', async () => {
  const headers = { origin: 'https://evil.example', 'content-type': 'application/json' };
  const answers = await inTurn(CONTROL_OPERATIONS, ({ method, path }) =>
    send(`${emulator().url}/emulator/v1${path}`, {
      method: method.toUpperCase(),
      headers,
      // Node.js sends the body of a GET request without its length.
      ...(method !== 'get' && { body: '{' }),
    }),
  );
  expect(answers.map(({ status }) => status)).toEqual(
    CONTROL_OPERATIONS.map(({ path }) => (path === '/health' ? 200 : 403)),
  );
  const { headers: open } = await send(`${emulator().url}/emulator/v1/sign-ins`);
  expect(Object.keys(open).join()).not.toContain('access-control');
});

it('refuses a body that a browser sends without a preflight', async () => {
  const fault = {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: '{"endpoint":"signin","status":500}',
  };
  const { status } = await send(`${emulator().url}/emulator/v1/faults`, fault);
  expect([status, await codesOf({})]).toEqual([415, [200]]);
});
