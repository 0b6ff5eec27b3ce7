import { decodeJwt } from 'jose';
import { PATHS } from '../../src/core/wire/facts.js';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import {
  accessTokenClaims,
  ALL_SCOPES,
  anyObject,
  CONTRACT,
  idTokenClaims,
  listOf,
  object,
  orNull,
  SIGN_IN,
  text,
  tokens,
  userInfo,
} from './contract.js';
import { asUser, getCaptcha, getRefreshable, getTokens, signInBody } from './support.js';

const seen = new Set<string>();
const seenSignIns = new Set<string>();
const HOME = 'https://app.example/';
let emulator: GenAuthEmulator;

interface Call {
  method?: string;
  json?: object | string;
  form?: Record<string, string>;
  headers?: Record<string, string>;
}

/** Sends a request and checks the answer by the schema of its path, method and status. */
async function ask(path: string, { method = 'GET', json, form, headers = {} }: Call = {}) {
  const jsonText = typeof json === 'object' ? JSON.stringify(json) : json;
  const body = form ? new URLSearchParams(form) : jsonText;
  const response = await fetch(`${emulator.url}${path}`, {
    method,
    headers: { ...(json !== undefined && { 'content-type': 'application/json' }), ...headers },
    redirect: 'manual',
    ...(body !== undefined && { body }),
  });
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  const content = await response.text();
  const answer: unknown = isJson ? JSON.parse(content) : content;
  const name = `${method} ${path.replace(emulator.appId, '{appId}').replace(/\?.*/, '')} ${response.status}`;
  const mistakes = CONTRACT[name]?.(answer, 'body') ?? ['this status is not in the contract'];
  expect({ name, mistakes }).toEqual({ name, mistakes: [] });
  seen.add(name);
  return answer as Record<string, unknown>;
}

const asApp = (form: Record<string, string> = {}): Call => ({
  method: 'POST',
  form: { client_id: emulator.appId, client_secret: emulator.appSecret, ...form },
});
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const refreshForm = async (scope: string, more = {}) => {
  const { refresh_token } = await getRefreshable(emulator, scope);
  return asApp({ grant_type: 'refresh_token', refresh_token: String(refresh_token), ...more });
};
const UNKNOWN = { grant_type: 'refresh_token', refresh_token: 'x' };
const LDAP = { connection: 'LDAP' };
const OTHER_APP: Call = { method: 'POST', form: { client_id: 'x', token: 'x' } };

const tokenForm = async () => asApp({ token: (await getRefreshable(emulator)).access_token });

async function logOut() {
  const { id_token } = await getTokens(emulator);
  await ask(`${PATHS.endSession}?id_token_hint=${id_token}&post_logout_redirect_uri=${HOME}`);
}

/** Signs in and checks the tokens and the user info for these scopes. */
async function checkScopes(account: string, ...granted: string[]) {
  const options = { scope: granted.join(' '), tenantId: 't-1' };
  const answer = await getTokens(emulator, asUser(account, 'passw0rd', options));
  const user = await ask(PATHS.userInfo, { method: 'POST', ...bearer(answer.access_token) });
  expect([
    ...tokens(answer, 'tokens'),
    ...idTokenClaims(granted)(decodeJwt(answer.id_token), 'id_token'),
    ...accessTokenClaims(granted)(decodeJwt(answer.access_token), 'access_token'),
    ...userInfo(granted)(user, 'user info'),
  ]).toEqual([]);
  await ask(PATHS.userInfo, bearer(answer.access_token));
}

async function askWithoutOpenId(method: string) {
  const form = await refreshForm('openid email offline_access', { scope: 'email' });
  const { access_token } = await ask(PATHS.token, form);
  await ask(PATHS.userInfo, { method, ...bearer(String(access_token)) });
}

const HAPPY_CALLS: [title: string, run: () => Promise<unknown>][] = [
  ['system information', () => ask(PATHS.system)],
  ['captcha', () => ask(PATHS.captcha)],
  ['discovery', async () => ask(new URL(String((await ask(PATHS.discovery))['jwks_uri'])).pathname)],
  ['refresh', async () => ask(PATHS.token, await refreshForm('openid offline_access'))],
  ['introspection', async () => ask(PATHS.introspection, await tokenForm())],
  ['revocation', async () => ask(PATHS.revocation, await tokenForm())],
  ['logout with a redirect', logOut],
  ['sign-in and user info', () => checkScopes('bob', ...ALL_SCOPES)],
];

const OTHER_CALLS: typeof HAPPY_CALLS = [
  ['the key set below the app id', () => ask(`/${emulator.appId}${PATHS.jwks}`)],
  ['a refresh with an unknown token', () => ask(PATHS.token, asApp(UNKNOWN))],
  ['a refresh by another app', () => ask(PATHS.token, OTHER_APP)],
  ['an introspection of an unknown token', () => ask(PATHS.introspection, asApp({ token: 'x' }))],
  ['an introspection without a token', () => ask(PATHS.introspection, asApp())],
  ['an introspection by another app', () => ask(PATHS.introspection, OTHER_APP)],
  ['a revocation without a token', () => ask(PATHS.revocation, asApp())],
  ['a revocation by another app', () => ask(PATHS.revocation, OTHER_APP)],
  ['a logout without a redirect', () => ask(PATHS.endSession)],
  ['a logout with a wrong hint', () => ask(`${PATHS.endSession}?id_token_hint=x`)],
  ['a sign-in that is not JSON', () => ask(PATHS.signIn, { method: 'POST', json: '{' })],
  ['a sign-in by another connection', () => ask(PATHS.signIn, { method: 'POST', json: signInBody(emulator, LDAP) })],
  ...['GET', 'POST'].flatMap((method): typeof HAPPY_CALLS => [
    [`${method} user info without a token`, () => ask(PATHS.userInfo, { method })],
    [`${method} user info with two tokens`, () => ask(`${PATHS.userInfo}?access_token=x`, { method, ...bearer('x') })],
    [`${method} user info without the scope openid`, () => askWithoutOpenId(method)],
  ]),
  ...ALL_SCOPES.map((scope): (typeof HAPPY_CALLS)[number] => [
    `tokens and user info for the scope ${scope}`,
    () => checkScopes('alice', ...new Set(['openid', scope])),
  ]),
];

/** The options that select between the contradictory forms of GenAuth's documents. */
const OTHER_FORMS: GenAuthEmulatorOptions = {
  lifetimeField: 'expires_in',
  systemWrapped: true,
  rsaKeyFormat: 'base64',
  introspectionScopeSeparator: ',',
  revocationAnswer: 'true',
  idTokenSignedResponseAlg: 'HS256',
  jwksAddress: 'app',
};
const FORMS: [title: string, options: GenAuthEmulatorOptions, calls: typeof HAPPY_CALLS][] = [
  ['default options', {}, [...HAPPY_CALLS, ...OTHER_CALLS]],
  ['the other forms', OTHER_FORMS, HAPPY_CALLS],
];

describe.each(FORMS)('with %s, the schema matches', (_title, options, calls) => {
  beforeAll(async () => {
    emulator = await new GenAuthEmulator({ ...options, postLogoutRedirectUris: [HOME] }).start();
  });
  afterAll(() => emulator.stop());

  it.each(calls)('%s', (_name, run) => run());
});

describe('the schema matches the sign-in answer', () => {
  beforeAll(async () => {
    emulator = await new GenAuthEmulator({ tenants: ['t-1', 't-2'] }).start();
    const add = (username: string, states: object) => emulator.addUser({ username, password: 'passw0rd', ...states });
    add('locked', { lockout: true });
    add('disabled', { disabled: true });
    add('first', { mustChangePassword: 'first_login' });
    add('old', { mustChangePassword: true });
    add('second', { mfa: true, phone_number: '+8613800000009', email: 'second@example.com' });
    add('own', { mfa: 'personal' });
    add('tenant', { tenants: ['t-1'] });
  });
  afterAll(() => emulator.stop());
  afterEach(() => emulator.reset());

  const wrongCaptcha = async () =>
    asUser('alice', 'passw0rd', { ...(await getCaptcha(emulator)), captchaCode: 'wrong' });
  const registered = { username: 'alice@example.com', password: 'x' };

  it.each<[string, string, object | (() => Promise<object>), object?]>([
    ['200', 'of a right password', asUser('alice')],
    ['400', 'of a body without an identifier', { passwordPayload: {} }],
    ['401', 'of a wrong app secret', { client_secret: 'wrong' }],
    ['499/2011', 'of another app', { client_id: 'other' }],
    ['499/2016', 'of an undecryptable password', asUser('alice', 'x', { passwordEncryptType: 'rsa' })],
    ['403/2333', 'of a wrong password', asUser('alice', 'wrong')],
    ['403/2333', 'of a wrong password that is counted', asUser('alice', 'wrong'), { lockAfter: 3 }],
    ['403/2005', 'of a locked user', asUser('locked', 'wrong')],
    ['403/2000', 'without a captcha', asUser('alice'), { captchaAfter: 0 }],
    ['403/2001', 'with a wrong captcha', wrongCaptcha, { captchaAfter: 0 }],
    ['403/2120008', 'of a disabled user', asUser('disabled')],
    ['403/2130010', 'to an unknown tenant', asUser('tenant', 'passw0rd', { tenantId: 't-3' })],
    ['409/2026', 'of a registered user', { passwordPayload: registered, options: { autoRegister: true } }],
    ['301/1635', 'of a user with a personal second factor', asUser('own')],
    ['301/1636', 'of a user with a second factor', asUser('second')],
    ['301/1639', 'at the first login', asUser('first')],
    ['301/2058', 'with an old password', asUser('old')],
  ])('%s %s', async (expected, _title, body, limits = {}) => {
    emulator.protectLogins(limits);
    const json = signInBody(emulator, { ...(typeof body === 'function' ? await body() : body) });
    const answer = await ask(PATHS.signIn, { method: 'POST', json });
    const name = [answer['statusCode'], answer['apiCode']].filter(Boolean).map(String).join('/');
    seenSignIns.add(name);
    expect(name).toBe(expected);
  });
});

// The tests above fill the sets that these tests read.
describe('the contract is complete:', () => {
  it('the tests met every path, method and status', () => {
    expect([...seen].toSorted()).toEqual(Object.keys(CONTRACT).toSorted());
  });

  it('the tests met every answer to a sign-in', () => {
    expect([...seenSignIns].toSorted()).toEqual(Object.keys(SIGN_IN).toSorted());
  });

  it('contains every path that the emulator shares with the client', () => {
    const paths = new Set(Object.keys(CONTRACT).map((name) => name.split(' ')[1] ?? ''));
    expect([...paths].toSorted()).toEqual([...Object.values(PATHS), `/{appId}${PATHS.jwks}`].toSorted());
  });
});

it.each<[unknown, string[]]>([
  [{ a: 'x', b: [1, 'y'] }, ['body.b[0]: 1 is not text']],
  [{ a: 7, secret: 's' }, ['body.b: missing', 'body.a: 7 is not text', 'body.secret: unknown']],
  [[], ['body: not an object']],
])('a schema finds the mistakes of %j', (value, mistakes) => {
  expect(object({ a: orNull(text), b: listOf(text), 'c?': anyObject })(value, 'body')).toEqual(mistakes);
});
