import { mask } from '../../../src/emulator/sign-in/masking.js';
import { control, postSignIn, rawRequest, signInBody, useEmulator } from '../support.js';

const emulator = useEmulator();
const PASSWORD = 'canary-pässw0rd';

async function journal(
  overrides: Record<string, unknown>,
): Promise<{ options: unknown; context: unknown; text: string }> {
  await postSignIn(emulator(), signInBody(emulator(), overrides));
  const { answer } = await control(emulator(), 'GET', '/sign-ins');
  const [{ options, context }] = answer as [{ options: unknown; context: unknown }];
  return { options, context, text: JSON.stringify(answer) };
}

const SIGN_INS: [string, Record<string, unknown>][] = [
  ['PASSWORD', { passwordPayload: { account: 'alice', password: PASSWORD } }],
  ['AD', { connection: 'AD', adPayload: { sAMAccountName: 'zhangsan', password: PASSWORD } }],
  ['both payloads', { passwordPayload: { account: 'alice', password: 'x' }, adPayload: { password: PASSWORD } }],
  ['no connection at all', { connection: 7, passwordPayload: { password: PASSWORD } }],
];

/** What an app may have forwarded by mistake → what is left of it. */
const LEAKS: [string, unknown, unknown][] = [
  ['a login form', { account: 'alice', password: PASSWORD }, { account: 'alice', password: '***' }],
  [
    'another spelling',
    { Password: 'short', passwd: 'x', pwd: 'y', passcode: '1' },
    { Password: '***', passwd: '***', pwd: '***', passcode: '***' },
  ],
  ['a password under another name', { field1: PASSWORD }, { field1: '***' }],
  ['a password within a text', `account=alice&p=${PASSWORD}!`, 'account=alice&p=***!'],
  ['a password as a name', { [PASSWORD]: 1 }, { '***': 1 }],
  ['a password in a list in a list', { a: [[PASSWORD]] }, { a: [['***']] }],
  ['a password that is no text', { password: { value: 'v' } }, { password: '***' }],
  [
    'tokens',
    { access_token: 'a', idToken: 'b', 'refresh-token': 'c', authorization: 'd' },
    { access_token: '***', idToken: '***', 'refresh-token': '***', authorization: '***' },
  ],
  [
    'secrets',
    { client_secret: 's', appSecret: 's', secret: 's' },
    { client_secret: '***', appSecret: '***', secret: '***' },
  ],
];

describe.each(SIGN_INS)('a sign-in by %s', (_name, body) => {
  test.each(LEAKS)('shows of %s in its context what is no secret', async (_leak, context, shown) => {
    const { text, ...record } = await journal({ ...body, options: { context } });
    expect(record).toEqual({ context: shown, options: { context: shown } });
    expect(text).not.toContain('canary');
  });

  test('shows the app’s own secret nowhere', async () => {
    const { options, text } = await journal({
      ...body,
      options: { clientIp: emulator().appSecret, x: emulator().appSecret },
    });
    expect(options).toEqual({ clientIp: '***', x: '***' });
    expect(text).not.toContain(emulator().appSecret);
  });
});

test('what looks like a secret and is none stays to the letter', async () => {
  const options = {
    scope: 'openid profile',
    clientIp: '203.0.113.7',
    context: {
      source: 'utm',
      password: null,
      tokens: 3,
      secretary: 'Bob',
      passwordHint: 'none',
      a: [1, true, null, 'x'],
    },
    tenantId: 't',
    customData: { age: '20' },
    autoRegister: false,
    captchaCode: 'a8nz',
    captchaToken: 'captcha-1',
    passwordEncryptType: 'none',
  };
  expect((await journal({ options })).options).toEqual(options);
});

test('a short password is not looked for in other texts', async () => {
  const { options } = await journal({
    passwordPayload: { account: 'alice', password: 'utm' },
    options: { context: { source: 'utm' } },
  });
  expect(options).toEqual({ context: { source: 'utm' } });
});

test('nothing deep is shown, and no depth is a crash', async () => {
  const depth = 15_000;
  const context = `${'{"a":'.repeat(depth)}"${PASSWORD}"${'}'.repeat(depth)}`;
  const { status } = await rawRequest(`${emulator().url}/api/v3/signin`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(signInBody(emulator(), { options: { context: 'CONTEXT' } })).replace('"CONTEXT"', context),
  });
  expect(status).toBe(200);
  const { status: read, body } = await rawRequest(`${emulator().url}/emulator/v1/sign-ins`);
  expect([read, body.includes('canary'), body.includes('"***"')]).toEqual([200, false, true]);
});

test('a polluted object stays harmless', () => {
  const value: unknown = JSON.parse('{"__proto__":{"polluted":"canary-secret"},"constructor":"canary-secret"}');
  const masked = mask(value, ['canary-secret']) as Record<string, unknown>;
  expect(JSON.stringify(masked)).toBe('{"__proto__":{"polluted":"***"},"constructor":"***"}');
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});
