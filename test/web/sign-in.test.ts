import { type GenAuthOptions, RequestError } from '../../src/index.js';
import type { GenAuthRequest } from '../../src/core/options/types.js';
import { parseAdLogin, parsePasswordLogin } from '../../src/web/login-body.js';
import { signInRequest } from '../../src/web/sign-in.js';
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
const signInWith = async (
  signInOptions: unknown,
  request: Partial<GenAuthRequest> = {},
): Promise<Record<string, unknown>> => {
  await signIn({ signInOptions } as Partial<GenAuthOptions>, request);
  return lastSignIn(issuer()).options;
};
const DEFAULTS = { scope: 'openid profile', clientIp: '203.0.113.7' };

it('returns the user, the tokens, all claims and the request ID', async () => {
  const idToken = issuer().sign(issuer().idTokenClaims({ name: 'Alice', email: 'alice@example.com', custom: 1 }));
  issuer().replySignIn({ id_token: idToken, refresh_token: 'refresh-token' });
  const { user, info } = await signIn({ scope: ['openid', 'email'] });
  expect(user).toEqual({ sub: SUBJECT, email: 'alice@example.com', email_verified: false });
  const tokens = expect.objectContaining({ idToken, accessToken: expect.any(String), refreshToken: 'refresh-token' });
  const claims = expect.objectContaining({ sub: SUBJECT, name: 'Alice', custom: 1 });
  expect(info).toEqual({ tokens, claims, requestId: 'request-1' });
});

it('signs in with the given parser and the configured fields', async () => {
  const body = { login: 'zhangsan', sAMAccountName: 'eve', password: 'p' };
  await signIn({ fields: { sAMAccountName: 'login' } }, { body }, parseAdLogin);
  const adPayload = { sAMAccountName: 'zhangsan', password: 'p' };
  expect(lastSignIn(issuer())).toMatchObject({ connection: 'AD', adPayload });
});

it('sends no other member of the body to GenAuth', async () => {
  const members = [
    '"options":{"autoRegister":true,"scope":"openid roles","clientIp":"198.51.100.9","tenantId":"evil"}',
    '"autoRegister":true,"tenantId":"evil","clientIp":"198.51.100.9","ip":"198.51.100.9","customData":{"admin":true}',
    '"connection":"LDAP","passwordEncryptType":"rsa","scope":"openid roles","context":{"source":"evil"}',
    '"client_id":"evil","client_secret":"evil","appId":"evil","appHost":"http://127.0.0.1:9","exposeReasons":true',
    '"fields":{"account":"connection"},"signInOptions":{"tenantId":"evil"},"sAMAccountName":"zhangsan"',
    '"passwordPayload":{"account":"bob","password":"passw0rd"},"constructor":{"prototype":{"tenantId":"evil"}}',
    '"__proto__":{"tenantId":"evil","clientIp":"198.51.100.9","email":"bob","autoRegister":true}',
  ];
  const body: unknown = JSON.parse(`{${members.join(',')},${JSON.stringify(ALICE).slice(1)}`);
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

it('sends a captcha of the body, unless signInOptions has the same member', async () => {
  const body = { ...ALICE, captchaCode: 'c', captchaToken: 't' };
  const signInOptions = (): object => ({ captchaCode: 'own', captchaToken: undefined });
  const captcha = { captchaCode: 'own', captchaToken: 't' };
  expect(await signInWith(signInOptions, { body })).toStrictEqual({ ...DEFAULTS, ...captcha });
});

it('refuses a body without credentials before a request to GenAuth', async () => {
  await expect(signIn({}, { body: { account: 'alice' } })).rejects.toBeInstanceOf(RequestError);
  expect(issuer().count()).toBe(0);
});

it.each<[userAgent: unknown, signInOptions: object, context: object | undefined]>([
  ['Browser/1.0', {}, { userAgent: 'Browser/1.0' }],
  ['Browser/1.0', { context: { source: 'utm' } }, { source: 'utm' }],
  ['', {}, undefined],
  [['a', 'b'], {}, undefined],
])('for the User-Agent %j and signInOptions %j sends the context %j', async (userAgent, signInOptions, context) => {
  const headers = { 'user-agent': userAgent } as Record<string, string>;
  expect((await signInWith(signInOptions, { headers }))['context']).toEqual(context);
});

it.each<[string, unknown, object]>([
  ['an object', FIXED, FIXED],
  ['an async function', async () => FIXED, FIXED],
  ['a function of the request', (req: GenAuthRequest) => ({ tenantId: req.headers['x-tenant'] }), { tenantId: 't' }],
  ['a function that returns undefined', () => undefined, {}],
  ['a function with an address', () => ({ clientIp: '[2001:DB8::7]:443' }), { clientIp: '2001:db8::7' }],
])('signInOptions are sent to GenAuth: %s', async (_title, signInOptions, expected) => {
  const options = { ...DEFAULTS, ...expected };
  expect(await signInWith(signInOptions, { headers: { 'x-tenant': 't' } })).toStrictEqual(options);
});

it.each([
  [null, 'returned null', 'return an object, { context: { source: "utm" } }'],
  [[{ tenantId: 't' }], 'returned [an object]', 'return an object, { context: { source: "utm" } }'],
  [{ tenantId: '' }, 'is ""', 'write the tenant ID as a string of 1 to 4096 characters'],
])('signInOptions that a function returns as %j are a wrong configuration', async (made, problem, fix) => {
  const error = await catchError(signInWith(() => made));
  const details = { mistakes: [{ problem, fix }] };
  expect(error).toMatchObject({ name: 'ConfigurationError', code: 'invalid_sign_in_options', details });
  expect(issuer().count(SIGN_IN_PATH)).toBe(0);
});

const bug = new Error('of the application');
const fail = (): never => {
  throw bug;
};
it.each<[keyof GenAuthOptions, () => unknown]>([
  ['clientIp', () => Promise.reject(bug)],
  ['signInOptions', fail],
  ['signInOptions', () => Promise.reject(bug)],
])('makes a ConfigurationError if %s is a function that fails', async (option, failing) => {
  const error = await catchError(signIn({ [option]: failing }));
  const [problem, fix] = ['threw an error', 'read the cause of this error and correct the function'];
  const details = { mistakes: [{ option, problem, fix }] };
  const message = `The option ${option} ${problem}: ${fix}.`;
  expect(error).toMatchObject({ code: 'invalid_sign_in_options', message, cause: bug, details });
  expect(issuer().count(SIGN_IN_PATH)).toBe(0);
});

it.each<[Partial<GenAuthOptions>, code: string, statusCode: number, message: string]>([
  [{}, 'invalid_credentials', 401, '账号或密码错误。'],
  [{ language: 'en', exposeReasons: true }, 'account_locked', 403, 'Your account is locked.'],
])('rejects a locked account as the options %j require', async (options, code, statusCode, message) => {
  issuer().reply(SIGN_IN_PATH, rejection(403, 2005));
  const error = await catchError(signIn(options, { headers: { 'accept-language': 'zh-CN' } }));
  const outcome = { kind: 'account_locked', apiCode: 2005 };
  expect(error).toMatchObject({ name: 'SignInRejectedError', code, statusCode, message, outcome });
});

it('ignores members of Object.prototype', async () => {
  const added = { tenantId: 'evil', context: 'evil', clientIp: '198.51.100.9', captchaCode: 'evil' };
  Object.assign(Object.prototype, added);
  await signIn().finally(() => Object.keys(added).forEach((name) => Reflect.deleteProperty(Object.prototype, name)));
  expect(lastSignIn(issuer()).options).toEqual(DEFAULTS);
});

it.each(['signInOptions', 'clientIp'])(
  'ends a login whose function %s gives no result within timeout',
  async (option) => {
    const never = (): Promise<never> => new Promise(() => undefined);
    const error = await catchError(signIn({ timeout: 50, [option]: never }));
    const details = { mistakes: [expect.objectContaining({ option, problem: 'gave no result within 50 ms' })] };
    expect(error).toMatchObject({ code: 'callback_timeout', statusCode: 500, details });
    expect(issuer().count(SIGN_IN_PATH)).toBe(0);
  },
);

it('subtracts the time of signInOptions from the time of the login', async () => {
  const slowly = (): Promise<object> => new Promise((resolve) => setTimeout(resolve, 600, {}));
  issuer().reply(SIGN_IN_PATH, () => slowly().then(() => ({ body: { statusCode: 403, apiCode: 2333 } })));
  const error = await catchError(signIn({ timeout: 1000, signInOptions: slowly }));
  expect(error).toMatchObject({ code: 'upstream_timeout', details: { requestSent: true } });
});
