import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { decodeJwt } from 'jose';
import { mask } from '../../../src/emulator/sign-in/masking.js';
import { readSignIn } from '../../../src/emulator/sign-in/request.js';
import { describeSignIn, signIn as runSignIn } from '../../../src/emulator/sign-in/sign-in.js';
import { EmulatorState } from '../../../src/emulator/state/state.js';
import { encryptBySm2 } from '../encryption/ciphertexts.js';
import { asAd, asUser, getTokens, listRows, postSignIn, signIn, useEmulator, WRONG } from '../support.js';
import { propertyRuns } from '../../support/property.js';

const emulator = useEmulator();

const buildRequest = (body: unknown) => ({ method: 'POST', path: '', query: '', headers: {}, body, requestId: 'r' });
const RIGHT = { connection: 'PASSWORD', ...asUser('alice') };
const malformed = (message: string): Error =>
  expect.objectContaining({ outcome: 'invalid_request', answer: { statusCode: 400, message } }) as Error;

describe('readSignIn', () => {
  const withOptions = (...options: unknown[]) => options.map((each) => ({ options: each }));
  const withPayload = (...payloads: unknown[]) => payloads.map((passwordPayload) => ({ passwordPayload }));
  const withAd = (...payloads: unknown[]) => payloads.map((adPayload) => ({ connection: 'AD', adPayload }));
  const withConnection = (...connections: unknown[]) => connections.map((connection) => ({ connection }));
  const withType = (...types: unknown[]) =>
    withOptions(...types.map((passwordEncryptType) => ({ passwordEncryptType })));

  it.each(
    listRows({
      'Parameter passwordPayload must include account, email, username or phone when authenticationType is PASSWORD.':
        withPayload(undefined, null, ['alice'], 'alice', { password: 'p' }, { user: 'a', password: 'p' }),
      'passwordPayload must include only one of account, username.': withPayload({ account: 'a', username: 'a' }),
      'passwordPayload must include only one of email, phone.': withPayload({ phone: 'a', email: 'b' }),
      'passwordPayload.account must be a string.': withPayload({ account: 139 }, { account: null }, { account: ['a'] }),
      'passwordPayload.password must be a string.': withPayload({ account: 'a' }, { account: 'a', password: ['p'] }),
      'adPayload must be an object.': withAd(undefined, []),
      'adPayload.sAMAccountName must be a string.': withAd({ password: 'p' }, { sAMAccountName: ['a'], password: 'p' }),
      'adPayload.password must be a string.': withAd({ sAMAccountName: 'a' }),
      'connection must be PASSWORD, PASSCODE, LDAP or AD.': withConnection(undefined, null, 'password', 7, ['AD']),
      'options must be an object.': withOptions(null, ['openid']),
      'options.scope must contain openid.': withOptions({ scope: '' }, { scope: 'openid2 email' }, { scope: 'OpenID' }),
      'options.scope must be a string.': withOptions({ scope: ['openid'] }),
      'options.clientIp must be a string.': withOptions({ clientIp: ['203.0.113.7'] }, { clientIp: null }),
      'options.tenantId must be a string.': withOptions({ tenantId: 7 }),
      'options.captchaCode must be a string.': withOptions({ captchaCode: 1234 }),
      'options.captchaToken must be a string.': withOptions({ captchaToken: ['t'] }),
      'options.context must be an object or a string.': withOptions({ context: 7 }, { context: [] }),
      'options.customData must be an object.': withOptions({ customData: '{}' }),
      'options.autoRegister must be a boolean.': withOptions({ autoRegister: 'true' }),
      'options.autoRegister needs email, username or phone in passwordPayload, not account.': withOptions({
        autoRegister: true,
      }),
      'options.passwordEncryptType must be one of none, rsa, sm2.': withType('RSA', '', null, 1, 'toString'),
    }),
  )('refuses with "%s" %j', (message, change) => {
    expect(() => readSignIn({ ...RIGHT, ...(change as object) })).toThrow(malformed(message));
  });

  it.each(['LDAP', 'PASSCODE'])('answers the connection %s with 501', (connection) => {
    const message = `The emulator does not implement the connection ${connection}.`;
    const refusal = { outcome: 'not_implemented', answer: { statusCode: 501, message } };
    expect(() => readSignIn({ ...RIGHT, connection })).toThrow(expect.objectContaining(refusal));
  });

  it('reads a password sign-in with the default scopes', () => {
    const scopes = ['openid', 'profile', 'tenant_id'];
    const credentials = { connection: 'PASSWORD', identifier: 'phone', name: '1', password: 'p' };
    const body = { connection: 'PASSWORD', passwordPayload: { phone: '1', password: 'p' } };
    expect(readSignIn(body)).toEqual({ ...credentials, scopes, options: {} });
  });

  it('reads an AD sign-in with all options', () => {
    const context = { scope: 'email unknown openid', context: 'c', customData: {}, autoRegister: true };
    const options = {
      ...context,
      passwordEncryptType: 'none',
      tenantId: '',
      clientIp: '',
      captchaCode: '',
      captchaToken: '',
    };
    const credentials = {
      connection: 'AD',
      identifier: 'account',
      name: 'a',
      password: 'p',
      scopes: ['email', 'openid'],
    };
    expect(readSignIn(asAd('a', 'p', options))).toEqual({ ...credentials, options });
  });
});

it.each<[string, object]>([
  ['a wrong password', asUser('alice', 'wrong')],
  ['an unknown user', asUser('unknown')],
  ['an empty password', asUser('alice', '')],
  ['an empty password of an unknown user', asUser('unknown', '')],
  ['a longer password', asUser('alice', 'passw0rd ')],
  ['the password of another user', asUser('alice', 'AdPassw0rd')],
  ['an AD account as a user', asUser('zhangsan', 'AdPassw0rd')],
  ['a base64 password in clear text', asUser('alice', btoa('passw0rd'))],
  ['a wrong AD password', asAd('zhangsan', 'adpassw0rd')],
  ['an unknown AD account', asAd('lisi')],
  ['an empty AD password', asAd('zhangsan', '')],
  ['a user as an AD account', asAd('alice', 'passw0rd')],
])('answers %s with the same refusal', async (_title, body) => {
  const refused = { status: 200, answer: WRONG, outcome: 'invalid_credentials' };
  expect(await signIn(emulator(), { ...body })).toEqual({ ...refused, code: 2333 });
});

it('signs in by every kind of identifier', async () => {
  const byPhone = { passwordPayload: { phone: '+8613800000001', password: 'passw0rd' } };
  const bodies = [asUser('ALICE@example.com'), asAd('ZHANGSAN'), byPhone];
  const answers = await Promise.all(bodies.map((body) => signIn(emulator(), body)));
  expect(answers.map(({ outcome }) => outcome)).toEqual(['success', 'success', 'success']);
});

it('checks the app before the form of the request', async () => {
  const answer = await signIn(emulator(), { client_secret: 'wrong', passwordPayload: {} });
  expect(answer).toMatchObject({ code: 401, outcome: 'client_authentication_failed' });
});

it.each([
  ['incomplete JSON', '{"passwordPayload":{"password":"hunter2-canary"'],
  ['a string', '"hunter2-canary"'],
  ['null', 'null'],
  ['a list', '[{"password":"hunter2-canary"}]'],
])('answers %s with 400 without quoting it', async (_title, body) => {
  const { status, answer } = await postSignIn(emulator(), body);
  expect([status, answer.statusCode]).toEqual([200, 400]);
  expect(JSON.stringify([answer, emulator().signIns])).not.toContain('canary');
});

it('never signs in by a body with wrong values, and never reads an inherited property', async () => {
  const state = new EmulatorState({});
  const { appId: client_id, appSecret: client_secret } = state.config;
  const names = ['__proto__', 'constructor', 'account', 'email', 'password', 'scope', 'context', 'connection'];
  const key = fc.oneof(fc.constantFrom(...names), fc.string());
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, fc.constantFrom('PASSWORD', 'AD', 'alice', null, 7), tie('object'), fc.string()),
    object: fc.array(fc.tuple(key, tie('value'))).map((members) => Object.fromEntries(members) as object),
  }));
  const part = fc.constantFrom('connection', 'passwordPayload', 'adPayload', 'options', '__proto__');
  const change = fc.dictionary(part, value, { minKeys: 1 });
  await fc.assert(
    fc.asyncProperty(change, async (changes) => {
      const body = { client_id, client_secret, connection: 'PASSWORD', ...changes };
      const answer = await runSignIn(state, buildRequest(body));
      expect((answer.body as { statusCode: number }).statusCode).not.toBe(200);
      expect(Object.keys(Object.prototype)).toEqual([]);
    }),
    propertyRuns(),
  );
});

describe('the journal', () => {
  it('records a sign-in as it was sent', async () => {
    const context = { source: 'utm', nested: { list: [1, null] } };
    const options = { scope: 'openid', clientIp: '203.0.113.7', context, autoRegister: false, unknown: ['kept'] };
    const { answer } = await postSignIn(emulator(), { ...RIGHT, client_id: emulator().appId, options });
    const record = { connection: 'PASSWORD', account: 'alice', clientIp: '203.0.113.7', context, options };
    const outcome = 'client_authentication_failed';
    expect(emulator().signIns).toEqual([{ ...record, requestId: answer.requestId, outcome }]);
  });

  it.each<[string, unknown, object]>([
    ['no body', undefined, {}],
    ['wrong types', { connection: 7, passwordPayload: 'x', options: [] }, {}],
    ['a context of JSON text', { options: { context: '{}' } }, { context: '{}', options: { context: '{}' } }],
    ['an AD account', asAd('a', 'p'), { connection: 'AD', account: 'a' }],
    ['the second identifier', { passwordPayload: { account: 7, phone: '1' } }, { account: '1' }],
    ['a wrong clientIp', { options: { clientIp: 7 } }, { options: { clientIp: 7 } }],
  ])('records null for what is absent: %s', (_title, body, expected) => {
    const nothing = { connection: null, account: null, clientIp: null, context: null, options: {}, requestId: 'r' };
    expect(describeSignIn(buildRequest(body), 'fault')).toEqual({ ...nothing, outcome: 'fault', ...expected });
  });

  const SECRET = `canary-${randomUUID()}`;

  it.each<[string, Record<string, unknown>]>([
    ['password', { passwordPayload: { account: 'alice', password: SECRET } }],
    ['AD password', asAd('zhangsan', SECRET)],
    ['password beside another connection', { connection: 7, passwordPayload: { password: SECRET } }],
    ['password of the other payload', { adPayload: { password: SECRET } }],
    ['app secret', { client_secret: SECRET }],
  ])('masks the %s wherever the options repeat it', (_title, body) => {
    const options = { clientIp: SECRET, context: { a: [[SECRET]], [SECRET]: `x=${SECRET}!` } };
    const record = describeSignIn(buildRequest({ ...body, options }), 'success');
    expect(record).toMatchObject({ clientIp: '***', context: { a: [['***']], '***': 'x=***!' } });
    expect(JSON.stringify(record)).not.toContain('canary');
  });
});

describe('mask', () => {
  const MASKED = ['Password', 'passwd', 'passcode', 'pwd', 'access_token', 'idToken', 'refresh-token', 'authorization'];

  it.each([...MASKED, 'client_secret', 'appSecret', 'secret'])('masks the property %s', (name) => {
    expect(mask({ a: [{ [name]: 'x' }] }, [])).toEqual({ a: [{ [name]: '***' }] });
    expect(mask({ [name]: { b: 'x' } }, [])).toEqual({ [name]: '***' });
    expect(mask({ [name]: null }, [])).toEqual({ [name]: null });
  });

  it('keeps other values', () => {
    const value = { tokens: 3, secretary: 'Bob', passwordHint: 'none', a: [1, true, null, 'x'], captchaToken: 'c' };
    expect(mask(value, [])).toEqual(value);
  });

  it('searches texts for secrets of at least 6 characters', () => {
    expect(mask('a 12345 123456', ['12345', '123456'])).toBe('a 12345 ***');
  });

  it.each([
    [50, 'x'],
    [51, '***'],
  ])('at the depth %i shows %j', (depth, shown) => {
    const masked = JSON.stringify(mask(JSON.parse(`${'['.repeat(depth)}["x"]${']'.repeat(depth)}`), []));
    expect(masked.replaceAll(/[[\]]/g, '')).toBe(JSON.stringify(shown));
  });

  it('masks a deep body and a polluted object without harm', () => {
    const deep: unknown = JSON.parse(`${'{"a":'.repeat(15_000)}"canary"${'}'.repeat(15_000)}`);
    expect(JSON.stringify(mask(deep, []))).not.toContain('canary');
    const polluted: unknown = JSON.parse('{"__proto__":{"polluted":"canary"}}');
    expect(JSON.stringify(mask(polluted, ['canary']))).toBe('{"__proto__":{"polluted":"***"}}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('autoRegister', () => {
  const ask = (passwordPayload: object, options: object = { autoRegister: true }) =>
    signIn(emulator(), { passwordPayload, options });

  it.each([
    ['username', 'carol', { username: 'carol' }],
    ['email', 'Carol@Example.com', { email: 'Carol@Example.com' }],
    ['phone', '+8613900000001', { phone_number: '+8613900000001' }],
  ])('creates a user with an unknown %s and the sent password', async (identifier, name, claims) => {
    const passwordPayload = { [identifier]: name, password: 'new' };
    const options = { autoRegister: true, scope: 'openid username email phone' };
    const { id_token } = await getTokens(emulator(), { passwordPayload, options });
    expect(decodeJwt(id_token)).toMatchObject({ username: null, email: null, phone_number: null, ...claims });
    expect((await ask({ ...passwordPayload, password: 'other' })).answer).toEqual(WRONG);
    expect((await ask(passwordPayload, {})).code).toBe(200);
  });

  it('creates no user without the option, and none for AD', async () => {
    const passwordPayload = { username: 'dora', password: 'new' };
    const codes = [await ask(passwordPayload, { autoRegister: false }), await ask(passwordPayload, {})];
    const ad = asAd('lisi', 'new', { autoRegister: true });
    const answers = [...codes, await signIn(emulator(), ad), await signIn(emulator(), ad)];
    expect(answers.map(({ code }) => code)).toEqual([2333, 2333, 2333, 2333]);
  });

  it('signs in an existing user without changing the password', async () => {
    expect((await ask({ email: 'ALICE@example.com', password: 'passw0rd' })).code).toBe(200);
    expect((await ask({ username: 'alice', password: 'mine-now' })).answer).toEqual(WRONG);
    await getTokens(emulator());
  });

  it.each(['alice@example.com', '+8613800000001'])('refuses the user name %s of another user', async (username) => {
    expect(await ask({ username, password: 'passw0rd' })).toMatchObject({ code: 2026, outcome: 'user_exists' });
  });

  it.each([
    [{ email: 'no address', password: 'x' }, 'autoRegister.email: '],
    [{ phone: 'none', password: 'x' }, 'autoRegister.phone_number: '],
    [{ username: 'a\u001b[2J', password: 'x' }, 'autoRegister.username: '],
    [{ username: 'empty', password: '' }, 'autoRegister.password: '],
  ])('refuses %j with 400', async (passwordPayload, start) => {
    const { answer, outcome } = await ask(passwordPayload);
    expect([answer.statusCode, answer.message.slice(0, start.length), outcome]).toEqual([
      400,
      start,
      'invalid_request',
    ]);
  });

  it('creates one user for simultaneous sign-ins', async () => {
    const state = new EmulatorState({});
    state.origin = 'http://127.0.0.1:1';
    await state.createKeys();
    const { appId: client_id, appSecret: client_secret } = state.config;
    const app = { client_id, client_secret, connection: 'PASSWORD', options: { autoRegister: true } };
    const codeOf = async (password: string) => {
      const answer = await runSignIn(state, buildRequest({ ...app, passwordPayload: { username: 'twice', password } }));
      return (answer.body as { statusCode: number }).statusCode;
    };
    const codes = await Promise.all(['one', 'two', 'three'].map(codeOf));
    expect(codes.toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
    const again = await Promise.all(['one', 'two', 'three'].map(codeOf));
    expect(again).toEqual(codes.map((code) => new Map([[409, 403]]).get(code) ?? code));
  });

  it('stores the decrypted password', async () => {
    const options = { autoRegister: true, passwordEncryptType: 'sm2' };
    expect((await ask({ username: 'dave', password: 'secret' }, options)).code).toBe(2016);
    await ask({ username: 'dave', password: await encryptBySm2(emulator(), 'secret') }, options);
    expect((await ask({ username: 'dave', password: 'secret' }, {})).code).toBe(200);
  });

  it('creates no user under a locked name', async () => {
    emulator().protectLogins({ lockAfter: 1 });
    const payload = { username: 'erin', password: 'x' };
    const codes = [await ask(payload, {}), await ask(payload)].map(({ code }) => code);
    emulator().reset();
    expect([...codes, (await ask(payload, {})).code]).toEqual([2333, 2005, 2333]);
  });
});
