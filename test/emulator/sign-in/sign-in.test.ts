import { randomUUID } from 'node:crypto';
import type { GenAuthEmulator } from '../../../src/emulator/index.js';
import { describeSignIn } from '../../../src/emulator/sign-in/sign-in.js';
import { EmulatorState } from '../../../src/emulator/state/state.js';
import {
  type Answer,
  APP_HEADER,
  getTokens,
  postSignIn,
  postSignInBytes,
  signInBody,
  useEmulator,
  verify,
} from '../support.js';

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
const WRONG = { statusCode: 403, apiCode: 2333, message: 'Account not exists or password is incorrect.' };
const NO_IDENTIFIER =
  'Parameter passwordPayload must include account, email, username or phone when authenticationType is PASSWORD.';

const emulator = useEmulator({
  users: [
    {
      username: 'alice',
      email: 'Alice@Example.com',
      phone_number: '+8613800000001',
      password: 'passw0rd',
    },
    { email: 'mail-only@example.com', password: ' spaced ' },
    { phone_number: '13900000000', password: '密码🔑' },
    { username: '13900000001', password: 'digits' },
  ],
  adAccounts: [{ sAMAccountName: 'ZhangSan', name: '张三', email: 'zhangsan@example.com', password: 'AdPassw0rd' }],
});

async function answerTo(overrides: Record<string, unknown>): Promise<Answer> {
  const { status, answer } = await postSignIn(emulator(), signInBody(emulator(), overrides));
  expect(status).toBe(answer.statusCode === 501 ? 501 : 200);
  expect(answer.requestId).toMatch(UUID);
  return answer;
}

describe('PASSWORD', () => {
  test.each([
    [{ account: 'alice' }, 'passw0rd'],
    [{ account: 'alice@example.com' }, 'passw0rd'],
    [{ account: 'ALICE@EXAMPLE.COM' }, 'passw0rd'],
    [{ account: '+8613800000001' }, 'passw0rd'],
    [{ username: 'alice' }, 'passw0rd'],
    [{ email: 'aLiCe@example.com' }, 'passw0rd'],
    [{ phone: '+8613800000001' }, 'passw0rd'],
    [{ account: 'mail-only@example.com' }, ' spaced '],
    [{ phone: '13900000000' }, '密码🔑'],
    [{ account: '13900000001' }, 'digits'],
  ])('signs in by %p', async (identifier, password) => {
    expect(await answerTo({ passwordPayload: { ...identifier, password } })).toMatchObject({ statusCode: 200 });
    expect(emulator().signIns).toMatchObject([{ account: Object.values(identifier)[0], outcome: 'success' }]);
  });

  test.each([
    ['wrong password', { account: 'alice', password: 'wrong' }],
    ['unknown user', { account: 'nobody', password: 'passw0rd' }],
    ["another user's password", { account: 'alice', password: 'digits' }],
    ['user name in another case', { account: 'Alice', password: 'passw0rd' }],
    ['user name with a space', { account: ' alice', password: 'passw0rd' }],
    ['password with a space', { account: 'alice', password: 'passw0rd ' }],
    ['password in another case', { account: 'alice', password: 'Passw0rd' }],
    ['trimmed password', { account: 'mail-only@example.com', password: 'spaced' }],
    ['empty password', { account: 'alice', password: '' }],
    ['empty password, unknown user', { account: 'nobody', password: '' }],
    ['empty account', { account: '', password: 'passw0rd' }],
    ['e-mail as user name', { username: 'alice@example.com', password: 'passw0rd' }],
    ['user name as e-mail', { email: 'alice', password: 'passw0rd' }],
    ['user name as phone', { phone: '13900000001', password: 'digits' }],
    ['phone as user name', { username: '13900000000', password: '密码🔑' }],
    ['name of an object member', { account: '__proto__', password: 'passw0rd' }],
    ['key of the index', { account: 'username:alice', password: 'passw0rd' }],
    ['AD account', { account: 'ZhangSan', password: 'AdPassw0rd' }],
    ['ciphertext without its type', { account: 'alice', password: Buffer.from('passw0rd').toString('base64') }],
  ])('refuses with one answer: %s', async (_name, passwordPayload) => {
    const { requestId, ...answer } = await answerTo({ passwordPayload });
    expect(answer).toEqual(WRONG);
    expect(emulator().signIns).toMatchObject([{ outcome: 'invalid_credentials', requestId }]);
  });

  test('unknown user and wrong password are the same bytes, but for the request id', async () => {
    const bytes = (account: string) =>
      postSignInBytes(emulator(), signInBody(emulator(), { passwordPayload: { account, password: 'wrong' } }));
    expect(await bytes('nobody')).toEqual(await bytes('alice'));
  });

  test.each<[string, unknown, string]>([
    ['no payload', undefined, NO_IDENTIFIER],
    ['payload null', null, NO_IDENTIFIER],
    ['payload a list', ['alice', 'passw0rd'], NO_IDENTIFIER],
    ['payload a string', 'alice', NO_IDENTIFIER],
    ['no identifier', { password: 'passw0rd' }, NO_IDENTIFIER],
    ['an unknown identifier', { user: 'alice', password: 'passw0rd' }, NO_IDENTIFIER],
    ['two identifiers', { account: 'alice', username: 'alice', password: 'passw0rd' }, 'only one of account, username'],
    [
      'all of them',
      { account: 'a', email: 'b', username: 'c', phone: 'd', password: 'p' },
      'only one of account, email',
    ],
    ['account a number', { account: 13_900_000_000, password: 'passw0rd' }, 'passwordPayload.account must be a string'],
    ['account null', { account: null, password: 'passw0rd' }, 'passwordPayload.account must be a string'],
    ['account a list', { account: ['alice'], password: 'passw0rd' }, 'passwordPayload.account must be a string'],
    ['email an object', { email: { $ne: '' }, password: 'passw0rd' }, 'passwordPayload.email must be a string'],
    ['no password', { account: 'alice' }, 'passwordPayload.password must be a string'],
    ['password null', { account: 'alice', password: null }, 'passwordPayload.password must be a string'],
    ['password an object', { account: 'alice', password: { $ne: '' } }, 'passwordPayload.password must be a string'],
    ['password a list', { account: 'alice', password: ['passw0rd'] }, 'passwordPayload.password must be a string'],
  ])('is malformed: %s', async (_name, passwordPayload, message) => {
    const answer = await answerTo({ passwordPayload });
    expect(answer).toEqual({ statusCode: 400, message: expect.stringContaining(message), requestId: answer.requestId });
    expect(emulator().signIns).toMatchObject([{ outcome: 'invalid_request' }]);
  });
});

describe('AD', () => {
  const ad = (adPayload: unknown) => answerTo({ connection: 'AD', passwordPayload: undefined, adPayload });

  test.each(['ZhangSan', 'zhangsan', 'ZHANGSAN'])('signs in %s', async (sAMAccountName) => {
    expect(await ad({ sAMAccountName, password: 'AdPassw0rd' })).toMatchObject({ statusCode: 200 });
    expect(emulator().signIns).toMatchObject([{ connection: 'AD', account: sAMAccountName, outcome: 'success' }]);
  });

  test('as a user with claims of its own', async () => {
    const tokens = await getTokens(emulator(), {
      connection: 'AD',
      adPayload: { sAMAccountName: 'zhangsan', password: 'AdPassw0rd' },
      options: { scope: 'openid profile username email' },
    });
    const { payload } = await verify(emulator(), tokens.id_token);
    expect(payload).toMatchObject({ username: 'ZhangSan', name: '张三', email: 'zhangsan@example.com' });
  });

  test.each([
    ['wrong password', { sAMAccountName: 'zhangsan', password: 'adpassw0rd' }],
    ['unknown account', { sAMAccountName: 'lisi', password: 'AdPassw0rd' }],
    ['empty password', { sAMAccountName: 'zhangsan', password: '' }],
    ['user of the pool', { sAMAccountName: 'alice', password: 'passw0rd' }],
    ['LDAP wildcard', { sAMAccountName: 'zhang*', password: 'AdPassw0rd' }],
  ])('refuses: %s', async (_name, adPayload) => {
    const { requestId: _, ...answer } = await ad(adPayload);
    expect(answer).toEqual(WRONG);
  });

  test.each<[string, unknown, string]>([
    ['no payload', undefined, 'adPayload must be an object'],
    ['payload a list', [], 'adPayload must be an object'],
    ['no name', { password: 'AdPassw0rd' }, 'adPayload.sAMAccountName must be a string'],
    ['name a list', { sAMAccountName: ['zhangsan'], password: 'x' }, 'adPayload.sAMAccountName must be a string'],
    ['no password', { sAMAccountName: 'zhangsan' }, 'adPayload.password must be a string'],
  ])('is malformed: %s', async (_name, adPayload, message) => {
    expect(await ad(adPayload)).toMatchObject({ statusCode: 400, message: expect.stringContaining(message) });
  });

  test('does not look at the other payload', async () => {
    const passwordPayload = { account: 'alice', password: 'passw0rd' };
    expect(await answerTo({ connection: 'AD', passwordPayload })).toMatchObject({ statusCode: 400 });
  });
});

describe('connection', () => {
  test.each(['LDAP', 'PASSCODE'])('%s is one of GenAuth that is not built: 501', async (connection) => {
    expect(await answerTo({ connection })).toMatchObject({
      statusCode: 501,
      message: `The emulator does not implement the connection ${connection}.`,
    });
    expect(emulator().signIns).toMatchObject([{ connection, outcome: 'not_implemented' }]);
  });

  test.each([undefined, null, '', 'password', 'GITHUB', 7, ['PASSWORD'], { AD: 1 }])(
    '%p is malformed',
    async (value) => {
      expect(await answerTo({ connection: value })).toMatchObject({
        statusCode: 400,
        message: expect.stringContaining('connection must be PASSWORD'),
      });
    },
  );
});

describe('options', () => {
  test.each<[string, unknown, string]>([
    ['null', null, 'options must be an object'],
    ['a list', ['openid'], 'options must be an object'],
    ['scope without openid', { scope: 'profile email' }, 'options.scope must contain openid'],
    ['empty scope', { scope: '' }, 'options.scope must contain openid'],
    ['openid inside another word', { scope: 'openid2 notopenid' }, 'options.scope must contain openid'],
    ['openid in another case', { scope: 'OpenID' }, 'options.scope must contain openid'],
    ['scope a list', { scope: ['openid'] }, 'options.scope must be a string'],
    ['clientIp a list', { clientIp: ['203.0.113.7'] }, 'options.clientIp must be a string'],
    ['clientIp null', { clientIp: null }, 'options.clientIp must be a string'],
    ['tenantId a number', { tenantId: 7 }, 'options.tenantId must be a string'],
    ['context a number', { context: 7 }, 'options.context must be an object or a string'],
    ['context a list', { context: [] }, 'options.context must be an object or a string'],
    ['customData a string', { customData: '{}' }, 'options.customData must be an object'],
    ['autoRegister a string', { autoRegister: 'true' }, 'options.autoRegister must be a boolean'],
    ['captchaCode a number', { captchaCode: 1234 }, 'options.captchaCode must be a string'],
    ['captchaToken a list', { captchaToken: ['t'] }, 'options.captchaToken must be a string'],
    ...['RSA', '', null, 1, {}, ['rsa'], 'toString'].map((passwordEncryptType): [string, unknown, string] => [
      `passwordEncryptType ${JSON.stringify(passwordEncryptType)}`,
      { passwordEncryptType },
      'options.passwordEncryptType must be one of none, rsa, sm2.',
    ]),
  ])('%s is malformed', async (_name, options, message) => {
    expect(await answerTo({ options })).toMatchObject({ statusCode: 400, message: expect.stringContaining(message) });
  });

  test('passwordEncryptType none is clear text', async () => {
    expect(await answerTo({ options: { passwordEncryptType: 'none' } })).toMatchObject({ statusCode: 200 });
  });
});

describe('what is no sign-in', () => {
  const post = (body: string, contentType = 'application/json') =>
    postSignIn(emulator(), body, { [APP_HEADER]: emulator().appId, 'content-type': contentType });

  test.each([
    ['half a body', '{"connection":"PASSWORD","passwordPayload":{"password":"hunter2-canary"'],
    ['not JSON', 'password=hunter2-canary'],
    ['a string', '"hunter2-canary"'],
    ['null', 'null'],
    ['a list', '[{"password":"hunter2-canary"}]'],
  ])('%s is 400, and nothing of it comes back', async (_name, body) => {
    const { status, answer } = await post(body);
    expect(status).toBe(200);
    expect(answer).toMatchObject({ statusCode: 400, requestId: expect.stringMatching(UUID) as string });
    expect(JSON.stringify([answer, emulator().signIns])).not.toContain('canary');
  });

  test('a form is 400', async () => {
    const { answer } = await post('connection=PASSWORD&client_id=x', 'application/x-www-form-urlencoded');
    expect(answer).toMatchObject({ statusCode: 400, message: 'The body must be a JSON object.' });
  });

  test('another character set is 415', async () => {
    const { status, answer } = await post('{}', 'application/json; charset=latin1');
    expect([status, answer.statusCode, answer.message]).toEqual([200, 415, 'The request could not be read.']);
  });

  test('a huge body is 413, and the emulator lives', async () => {
    const body = JSON.stringify(signInBody(emulator(), { padding: 'x'.repeat(2_000_000) }));
    const { status, answer } = await post(body);
    expect([status, answer.statusCode, answer.message]).toEqual([200, 413, 'The body is larger than 100kb.']);
    await getTokens(emulator());
  });

  test.each([
    ['__proto__', '{"__proto__":{"connection":"PASSWORD","polluted":true,"client_id":"genauth-emulator-app"}}'],
    ['constructor', '{"constructor":{"prototype":{"polluted":true}}}'],
    [
      'a payload that inherits',
      '{"connection":"PASSWORD","passwordPayload":{"__proto__":{"account":"alice","password":"passw0rd"}}}',
    ],
    ['options that inherit', '{"connection":"PASSWORD","options":{"__proto__":{"scope":"openid","polluted":true}}}'],
  ])('%s pollutes nothing and signs nobody in', async (_name, body) => {
    const { answer } = await post(body);
    expect(answer.statusCode).not.toBe(200);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(answer.data).toBeUndefined();
  });

  test('an identifier that only the prototype has is none', async () => {
    const credentials = JSON.stringify({ client_id: emulator().appId, client_secret: emulator().appSecret }).slice(1);
    const payload = '"connection":"PASSWORD","passwordPayload":{"__proto__":{"account":"alice"},"password":"passw0rd"}';
    expect((await post(`{${payload},${credentials}`)).answer).toMatchObject({
      statusCode: 400,
      message: NO_IDENTIFIER,
    });
  });
});

describe('the journal', () => {
  const read = async (target: GenAuthEmulator) => (await fetch(`${target.url}/emulator/v1/sign-ins`)).json();

  test('records a sign-in as it came', async () => {
    const options = {
      scope: 'openid',
      clientIp: '203.0.113.7',
      context: { source: 'utm', nested: { list: [1, null] } },
      tenantId: 'tenant-1',
      customData: { school: '清华' },
      autoRegister: false,
      unknown: ['kept'],
    };
    const { answer } = await postSignIn(emulator(), signInBody(emulator(), { options }));
    const record = {
      connection: 'PASSWORD',
      account: 'alice',
      clientIp: '203.0.113.7',
      context: { source: 'utm', nested: { list: [1, null] } },
      options,
      requestId: answer.requestId,
      outcome: 'success',
    };
    expect(emulator().signIns).toEqual([record]);
    expect(await read(emulator())).toEqual([record]);
  });

  test('keeps a context of JSON text as the string that it was', async () => {
    const context = '{"source":"utm"}';
    await getTokens(emulator(), { options: { context } });
    expect(emulator().signIns).toMatchObject([{ context, options: { context } }]);
  });

  test('says null where nothing came', async () => {
    await postSignIn(emulator(), {}, {});
    await postSignIn(emulator(), { connection: 7, passwordPayload: 'x', options: [] }, {});
    const nothing = { connection: null, account: null, clientIp: null, context: null, options: {} };
    expect(await read(emulator())).toMatchObject([nothing, { ...nothing, outcome: 'app_not_found' }]);
  });

  test('is oldest first, and a copy', async () => {
    for (const account of ['one', 'two']) await answerTo({ passwordPayload: { account, password: 'x' } });
    const { signIns } = emulator();
    expect(signIns.map(({ account }) => account)).toEqual(['one', 'two']);
    (signIns as unknown[]).length = 0;
    expect(emulator().signIns).toHaveLength(2);
  });

  test('never holds a password or a secret, however the request was wrong', async () => {
    const canary = `canary-${randomUUID()}`;
    const bodies = [
      signInBody(emulator(), { passwordPayload: { account: 'alice', password: canary } }),
      signInBody(emulator(), { passwordPayload: { password: canary } }),
      signInBody(emulator(), { passwordPayload: { account: 'a', email: 'b', password: canary } }),
      signInBody(emulator(), { connection: 'AD', adPayload: { sAMAccountName: 'zhangsan', password: canary } }),
      signInBody(emulator(), { connection: 'LDAP', ldapPayload: { sAMAccountName: 'a', password: canary } }),
      signInBody(emulator(), { connection: 'PASSCODE', passCodePayload: { phone: '1', passCode: canary } }),
      signInBody(emulator(), { connection: canary.length, passwordPayload: { account: 1, password: canary } }),
      signInBody(emulator(), { options: [canary] }),
      signInBody(emulator(), { client_secret: canary }),
      signInBody(emulator(), { passwordPayload: canary }),
      signInBody(emulator(), {
        passwordPayload: { account: 'alice', password: canary },
        options: { passwordEncryptType: 'rsa' },
      }),
      signInBody(emulator(), {
        passwordPayload: { email: 'no address', password: canary },
        options: { autoRegister: true },
      }),
    ];
    for (const body of bodies) {
      const { answer } = await postSignIn(emulator(), body);
      expect(JSON.stringify(answer)).not.toContain(canary);
    }
    emulator().fault({ endpoint: 'signin', status: 500 });
    await fetch(`${emulator().url}/api/v3/signin`, { method: 'POST', body: JSON.stringify(bodies[0]) });
    expect(emulator().signIns).toHaveLength(bodies.length + 1);
    const journal = JSON.stringify(await read(emulator()));
    expect(journal).not.toContain(canary);
    expect(journal).not.toContain(emulator().appSecret);
  });

  test('keeps the last 1,000', () => {
    // Not over HTTP: on a busy machine so many requests take longer than a test may.
    const state = new EmulatorState({});
    const numbers = Array.from({ length: 1003 }, (_, i) => String(i));
    for (const account of numbers) {
      const body = { connection: 'PASSWORD', passwordPayload: { account } };
      state.journal.add(describeSignIn({ method: '', path: '', query: '', headers: {}, body, requestId: '' }, 'fault'));
    }
    expect(state.journal.records.map(({ account }) => account)).toEqual(numbers.slice(3));
  });
});
