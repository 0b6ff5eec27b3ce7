import { ConfigurationError, type GenAuthOptions, RequestError, SignInRejectedError } from '../../src/index.js';
import type { GenAuthRequest } from '../../src/core/options/types.js';
import { parseAdLogin, parsePasswordLogin } from '../../src/web/login-body.js';
import { signInRequest } from '../../src/web/sign-in.js';
import { admitEverybody, subjectOf } from '../support/admission.js';
import { lastSignIn, useClients } from '../support/client.js';
import { SIGN_IN_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { catchError } from '../support/promise.js';
import { rejection } from '../support/rejection.js';

const issuer = useIssuer();
const open = useClients(issuer);
beforeEach(() => issuer().replySignIn());

const ALICE = { account: 'alice', password: 'canary-password' };
const FIXED = { tenantId: 'tenant-1', context: { source: 'utm' }, customData: { school: 'pku' } };

const signIn = (
  options: Partial<GenAuthOptions> = {},
  request: Partial<GenAuthRequest> = {},
  parse = parsePasswordLogin,
): ReturnType<typeof signInRequest> =>
  signInRequest(open(options), { headers: {}, body: ALICE, ip: '203.0.113.7', ...request }, parse);
const signInWith = async (signInOptions: unknown, request: Partial<GenAuthRequest> = {}): Promise<object> => {
  await signIn({ signInOptions } as Partial<GenAuthOptions>, request);
  return lastSignIn(issuer()).options;
};
const DEFAULTS = { scope: 'openid profile', clientIp: '203.0.113.7' };

it('returns the user, the tokens, all claims and the request ID', async () => {
  const idToken = issuer().sign(issuer().idTokenClaims({ name: 'Alice', email: 'alice@example.com', custom: 1 }));
  issuer().replySignIn({ id_token: idToken, refresh_token: 'refresh-token' });
  const { user, info } = await signIn({ scope: ['openid', 'email'] });
  expect(user).toEqual({ sub: SUBJECT, email: 'alice@example.com', email_verified: false });
  expect(Object.keys(info)).toEqual(['tokens', 'claims', 'requestId']);
  expect(info).toMatchObject({
    tokens: { idToken, accessToken: expect.any(String), refreshToken: 'refresh-token' },
    claims: { sub: SUBJECT, name: 'Alice', custom: 1 },
    requestId: 'request-1',
  });
});

it('signs in to Active Directory with the fields of its body', async () => {
  await signIn({}, { body: { sAMAccountName: 'zhangsan', password: 'p' } }, parseAdLogin);
  expect(lastSignIn(issuer())).toMatchObject({
    connection: 'AD',
    adPayload: { sAMAccountName: 'zhangsan', password: 'p' },
  });
});

it('reads the configured fields of the body', async () => {
  await signIn({ fields: { account: 'login' } }, { body: { login: 'bob', account: 'eve', password: 'p' } });
  expect(lastSignIn(issuer())['passwordPayload']).toEqual({ account: 'bob', password: 'p' });
});

describe('members of the body', () => {
  it.each([
    '"options":{"autoRegister":true,"scope":"openid roles","clientIp":"198.51.100.9","tenantId":"evil"}',
    '"signInOptions":{"tenantId":"evil"}',
    '"autoRegister":true,"tenantId":"evil","tenant_id":"evil","clientIp":"198.51.100.9","ip":"198.51.100.9"',
    '"connection":"LDAP","passwordEncryptType":"rsa","scope":"openid roles extended_fields"',
    '"client_id":"evil","client_secret":"evil","appId":"evil","appHost":"http://127.0.0.1:9"',
    '"context":{"source":"evil"},"customData":{"admin":true}',
    '"Account":"bob","user_name":"bob","phone_number":"+8613800000001","captcha_code":"evil"',
    '"fields":{"account":"connection"},"name":"evil","exposeReasons":true',
    '"passwordPayload":{"account":"bob","password":"passw0rd"},"adPayload":{"sAMAccountName":"zhangsan"}',
    '"sAMAccountName":"zhangsan"',
    '"__proto__":{"tenantId":"evil","clientIp":"198.51.100.9","email":"bob","autoRegister":true}',
    '"constructor":{"prototype":{"tenantId":"evil"}}',
  ])('are not sent to GenAuth: %s', async (members) => {
    const body: unknown = JSON.parse(`{${members},${JSON.stringify(ALICE).slice(1)}`);
    await signIn({ signInOptions: FIXED }, { body });
    const { appId, appSecret } = issuer().clientOptions;
    expect(lastSignIn(issuer())).toStrictEqual({
      connection: 'PASSWORD',
      passwordPayload: ALICE,
      options: { ...DEFAULTS, ...FIXED },
      client_id: appId,
      client_secret: appSecret,
    });
    expect(Object.prototype).not.toHaveProperty('tenantId');
  });

  it('are sent if they are a captcha, unless signInOptions has the same member', async () => {
    const body = { ...ALICE, captchaCode: 'c', captchaToken: 't' };
    expect(await signInWith(undefined, { body })).toEqual({ ...DEFAULTS, captchaCode: 'c', captchaToken: 't' });
    const signInOptions = (): object => ({ captchaCode: 'own', captchaToken: undefined });
    expect(await signInWith(signInOptions, { body })).toMatchObject({ captchaCode: 'own', captchaToken: 't' });
  });

  it('are refused before a request to GenAuth if they are no credentials', async () => {
    await expect(signIn({}, { body: { account: 'alice' } })).rejects.toBeInstanceOf(RequestError);
    expect(issuer().count()).toBe(0);
  });
});

describe('the context', () => {
  const context = async (userAgent: unknown, signInOptions?: object): Promise<unknown> => {
    const headers = { 'user-agent': userAgent } as Record<string, string>;
    return ((await signInWith(signInOptions, { headers })) as Record<string, unknown>)['context'];
  };

  it('has the User-Agent of the request', async () => {
    expect(await context('Browser/1.0')).toEqual({ userAgent: 'Browser/1.0' });
  });

  it.each([undefined, '', ['a', 'b']])('is absent for the User-Agent %j', async (userAgent) => {
    expect(await context(userAgent)).toBeUndefined();
  });

  it('is the one of signInOptions if both exist', async () => {
    expect(await context('Browser/1.0', { context: { source: 'utm' } })).toEqual({ source: 'utm' });
  });
});

describe('signInOptions', () => {
  it.each<[string, unknown, object]>([
    ['undefined', undefined, {}],
    ['an object', FIXED, FIXED],
    ['an object with an address', { clientIp: '198.51.100.1' }, { clientIp: '198.51.100.1' }],
    ['a function', () => FIXED, FIXED],
    ['an async function', async () => FIXED, FIXED],
    [
      'a function of the request',
      (req: GenAuthRequest) => ({ tenantId: req.headers['x-tenant'] }),
      { tenantId: 't-2' },
    ],
    ['a function that returns undefined', () => undefined, {}],
    ['a function that returns an empty object', () => ({}), {}],
    ['a function with undefined members', () => ({ clientIp: undefined, tenantId: undefined }), {}],
    ['a function with an address', () => ({ clientIp: '[2001:DB8::7]:443' }), { clientIp: '2001:db8::7' }],
    ['a function with a scope', () => ({ scope: ['openid'] }), { scope: 'openid' }],
  ])('are sent to GenAuth: %s', async (_title, signInOptions, expected) => {
    expect(await signInWith(signInOptions, { headers: { 'x-tenant': 't-2' } })).toStrictEqual({
      ...DEFAULTS,
      ...expected,
    });
  });

  it.each([[null], [5], ['text'], [[{ tenantId: 't' }]], [() => ({})]])(
    'that a function returns as %j are a wrong configuration',
    async (made) => {
      const error = await catchError(signInWith(() => made));
      expect(error).toBeInstanceOf(ConfigurationError);
      const fix = 'return an object, { context: { source: "utm" } }';
      const mistake = { option: 'signInOptions', problem: expect.stringMatching(/^returned /), fix };
      expect(error).toMatchObject({ code: 'invalid_sign_in_options', details: { mistakes: [mistake] } });
      expect(issuer().count(SIGN_IN_PATH)).toBe(0);
    },
  );

  it('name the returned value and the fix in the message', async () => {
    const message = 'The option signInOptions returned 5: return an object, { context: { source: "utm" } }.';
    expect((await catchError(signInWith(() => 5))).message).toBe(message);
  });

  it.each([
    ['an unknown member', { client_id: 'app' }],
    ['a wrong member', { tenantId: '' }],
    ['an own __proto__', JSON.parse('{"__proto__":{"tenantId":"t"}}') as object],
  ])('of a function are checked: %s', async (_title, made) => {
    await expect(signInWith(() => made)).rejects.toMatchObject({ code: 'invalid_sign_in_options' });
    expect(issuer().count(SIGN_IN_PATH)).toBe(0);
  });

  it('are never those of another request', async () => {
    admitEverybody(issuer());
    const signInOptions = async ({ headers }: GenAuthRequest): Promise<object> => {
      await new Promise((resolve) => setTimeout(resolve, Number(headers['x-delay'])));
      return { tenantId: headers['x-tenant'] };
    };
    const client = open({ signInOptions });
    const names = Array.from({ length: 30 }, (_, i) => `tenant-${i}`);
    const results = await Promise.all(
      names.map((name, i) => {
        const headers = { 'x-tenant': name, 'x-delay': String((i * 7) % 10) };
        return signInRequest(client, { headers, body: { account: name, password: 'p' } }, parsePasswordLogin);
      }),
    );
    expect(results.map(({ user }) => user.sub)).toEqual(names.map((name) => subjectOf(name, issuer())));
    const sent = issuer()
      .requests.filter(({ path }) => path === SIGN_IN_PATH)
      .map(({ body }) => JSON.parse(body));
    expect(sent).toHaveLength(30);
    expect(sent.map(({ options }) => options.tenantId)).toEqual(
      sent.map(({ passwordPayload }) => passwordPayload.account),
    );
  });
});

it('waits for the option clientIp', async () => {
  await signIn({ clientIp: async () => '198.51.100.1' });
  expect(lastSignIn(issuer()).options['clientIp']).toBe('198.51.100.1');
});

it.each<[keyof GenAuthOptions, string, () => unknown]>([
  [
    'clientIp',
    'throws',
    () => {
      throw new Error('of the application');
    },
  ],
  ['clientIp', 'rejects', () => Promise.reject(new Error('of the application'))],
  [
    'signInOptions',
    'throws',
    () => {
      throw new Error('of the application');
    },
  ],
  ['signInOptions', 'rejects', () => Promise.reject(new Error('of the application'))],
])('makes a ConfigurationError if %s %s', async (option, _title, fail) => {
  const error = await catchError(signIn({ [option]: fail }));
  expect(error).toBeInstanceOf(ConfigurationError);
  const fix = 'read the cause of this error and correct the function';
  expect(error).toMatchObject({
    code: 'invalid_sign_in_options',
    message: `The option ${option} threw an error: ${fix}.`,
    cause: { message: 'of the application' },
    details: { mistakes: [{ option, problem: 'threw an error', fix }] },
  });
  expect(issuer().count(SIGN_IN_PATH)).toBe(0);
});

it.each([
  ['en', 'The account or the password is wrong.'],
  ['zh-CN', '账号或密码错误。'],
])('rejects a locked account in the language of %s', async (acceptLanguage, message) => {
  issuer().reply(SIGN_IN_PATH, rejection(403, 2005));
  const error = await catchError(signIn({}, { headers: { 'accept-language': acceptLanguage } }));
  expect(error).toBeInstanceOf(SignInRejectedError);
  expect(error).toMatchObject({ code: 'account_locked', statusCode: 403, message, outcome: { apiCode: 2005 } });
  await expect(signIn({ language: 'en', exposeReasons: true })).rejects.toThrow('Your account is locked.');
});

it('ignores members of Object.prototype', async () => {
  const added = {
    tenantId: 'evil',
    context: 'evil',
    clientIp: '198.51.100.9',
    captchaCode: 'evil',
    autoRegister: true,
  };
  const options = { ...issuer().clientOptions };
  Object.assign(Object.prototype, added);
  const pending = signIn(options).finally(() => {
    for (const name of Object.keys(added)) delete (Object.prototype as Record<string, unknown>)[name];
  });
  await pending;
  expect(lastSignIn(issuer()).options).toEqual(DEFAULTS);
});
