import { decodeJwt } from 'jose';
import { PATHS } from '../../src/core/wire/facts.js';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import { encryptRsa } from './encryption/ciphertexts.js';
import { accessTokenClaims, ALL_SCOPES, CONTRACT, idTokenClaims, SIGN_IN, tokens, userInfo } from './contract.js';
import { anyObject, exactly, listOf, object, orNull, text } from './schema.js';
import { getCaptcha, getTokens, signInBody, type Tokens } from './support.js';

const seen = new Set<string>();
const seenSignIns = new Set<string>();

let emulator: GenAuthEmulator;

interface Call {
  method?: string;
  json?: object | string;
  form?: Record<string, string>;
  headers?: Record<string, string>;
  query?: Record<string, string>;
}

/** Asks the emulator, and holds whatever comes against the contract. */
async function ask(path: string, { method = 'GET', json, form, headers = {}, query }: Call = {}) {
  const address = query ? `${path}?${new URLSearchParams(query).toString()}` : path;
  const jsonText = typeof json === 'object' ? JSON.stringify(json) : json;
  const body = form ? new URLSearchParams(form) : jsonText;
  const response = await fetch(`${emulator.url}${address}`, {
    method,
    headers: { ...(json !== undefined && { 'content-type': 'application/json' }), ...headers },
    redirect: 'manual',
    ...(body !== undefined && { body }),
  });
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  const text = await response.text();
  const answer: unknown = isJson ? JSON.parse(text) : text;
  const name = `${method} ${path.replace(emulator.appId, '{appId}')} ${response.status}`;
  const mistakes = CONTRACT[name]?.(answer, 'body') ?? [`${name}: not in the contract`];
  expect({ name, mistakes }).toEqual({ name, mistakes: [] });
  seen.add(name);
  return answer as Record<string, unknown>;
}

async function signIn(overrides: Record<string, unknown> = {}): Promise<string> {
  const answer = await ask(PATHS.signIn, { method: 'POST', json: signInBody(emulator, overrides) });
  const { statusCode, apiCode } = answer as { statusCode: number; apiCode?: number };
  const name = statusCode === 200 ? 'success' : apiCode === undefined ? String(statusCode) : `${statusCode}/${apiCode}`;
  seenSignIns.add(name);
  return name;
}

const as = (account: string, password = 'passw0rd', options: object = {}) => ({
  passwordPayload: { account, password },
  options,
});
const asApp = (form: Record<string, string> = {}): Call => ({
  method: 'POST',
  form: { client_id: emulator.appId, client_secret: emulator.appSecret, ...form },
});
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const signInFor = (scope: string): Promise<Tokens> => getTokens(emulator, { options: { scope } });

const CALLS: [name: string, run: () => Promise<unknown>][] = [
  ['the keys for passwords', () => ask(PATHS.system)],
  ['a captcha', () => ask(PATHS.captcha)],
  ['discovery', () => ask(PATHS.discovery)],
  [
    'a refresh',
    async () =>
      ask(
        PATHS.token,
        asApp({
          grant_type: 'refresh_token',
          refresh_token: String((await signInFor('openid offline_access')).refresh_token),
        }),
      ),
  ],
  ['a refresh of nothing', () => ask(PATHS.token, asApp({ grant_type: 'refresh_token', refresh_token: 'x' }))],
  ['a refresh without a token', () => ask(PATHS.token, asApp({ grant_type: 'refresh_token' }))],
  ['another grant', () => ask(PATHS.token, asApp({ grant_type: 'password' }))],
  [
    'a refresh for too much',
    async () => {
      const { refresh_token } = await signInFor('openid offline_access');
      await ask(
        PATHS.token,
        asApp({ grant_type: 'refresh_token', refresh_token: String(refresh_token), scope: 'email' }),
      );
    },
  ],
  ['a refresh by another app', () => ask(PATHS.token, { method: 'POST', form: { client_id: 'x' } })],
  [
    'an introspection',
    async () => ask(PATHS.introspection, asApp({ token: (await signInFor('openid email')).access_token })),
  ],
  ['an introspection of nothing', () => ask(PATHS.introspection, asApp({ token: 'x' }))],
  ['an introspection without a token', () => ask(PATHS.introspection, asApp())],
  ['an introspection by nobody', () => ask(PATHS.introspection, { method: 'POST', form: { token: 'x' } })],
  ['a revocation', async () => ask(PATHS.revocation, asApp({ token: (await signInFor('openid')).access_token }))],
  ['a revocation of nothing', () => ask(PATHS.revocation, asApp({ token: 'x' }))],
  ['a revocation without a token', () => ask(PATHS.revocation, asApp())],
  ['a revocation by nobody', () => ask(PATHS.revocation, { method: 'POST', form: { token: 'x' } })],
  ...['GET', 'POST'].flatMap((method): typeof CALLS => [
    [
      `${method} user info`,
      async () => ask(PATHS.userInfo, { method, ...bearer((await signInFor('openid')).access_token) }),
    ],
    [`${method} user info of nobody`, () => ask(PATHS.userInfo, { method })],
    [
      `${method} user info with two tokens`,
      () => ask(PATHS.userInfo, { method, ...bearer('x'), query: { access_token: 'x' } }),
    ],
    [
      `${method} user info without openid`,
      async () => {
        const { refresh_token } = await signInFor('openid email offline_access');
        const form = asApp({ grant_type: 'refresh_token', refresh_token: String(refresh_token), scope: 'email' });
        const { access_token } = await ask(PATHS.token, form);
        await ask(PATHS.userInfo, { method, ...bearer(String(access_token)) });
      },
    ],
  ]),
  ['a logout', () => ask(PATHS.endSession)],
  [
    'a logout that leads back',
    async () => {
      const { id_token: id_token_hint } = await signInFor('openid');
      await ask(PATHS.endSession, { query: { id_token_hint, post_logout_redirect_uri: 'https://app.example/' } });
    },
  ],
  ['a logout with a false hint', () => ask(PATHS.endSession, { query: { id_token_hint: 'x' } })],
];

/** The other side of every contradiction in GenAuth's documents. */
const SWITCHES: GenAuthEmulatorOptions[] = [
  {},
  {
    lifetimeField: 'expires_in',
    systemWrapped: true,
    rsaKeyFormat: 'base64',
    introspectionScopeSeparator: ',',
    revocationAnswer: 'true',
    idTokenSignedResponseAlg: 'HS256',
    jwksAddress: 'app',
  },
  {
    lifetimeField: 'expire_in',
    revocationAnswer: 'empty',
    rotateRefreshTokens: false,
    jwksAddress: 'host',
    clockDrift: -86_400,
  },
];

describe.each(SWITCHES)('with %j', (options) => {
  beforeAll(async () => {
    emulator = await new GenAuthEmulator({ ...options, postLogoutRedirectUris: ['https://app.example/'] }).start();
  });
  afterAll(() => emulator.stop());

  it.each(CALLS)('%s', (_name, run) => run());

  it('the key set, wherever it is', async () => {
    const addresses = { host: [''], app: [`/${emulator.appId}`], both: ['', `/${emulator.appId}`] };
    for (const prefix of addresses[options.jwksAddress ?? 'both']) await ask(`${prefix}${PATHS.jwks}`);
  });

  it.each([
    ['every scope', ALL_SCOPES],
    ...ALL_SCOPES.map((scope): [string, string[]] => [scope, [...new Set(['openid', scope])]]),
  ])('tokens and user info for %s', async (_name, granted) => {
    for (const account of ['alice', 'bob']) {
      const scope = granted.join(' ');
      const answer = await getTokens(emulator, as(account, 'passw0rd', { scope, tenantId: 't-1' }));
      expect(tokens(answer, 'tokens')).toEqual([]);
      expect(idTokenClaims(granted)(decodeJwt(answer.id_token), 'id_token')).toEqual([]);
      expect(accessTokenClaims(granted)(decodeJwt(answer.access_token), 'access_token')).toEqual([]);
      const user = await ask(PATHS.userInfo, bearer(answer.access_token));
      expect(userInfo(granted)(user, 'user info')).toEqual([]);
    }
  });
});

describe('every answer to a sign-in', () => {
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

  it.each<[string, Record<string, unknown> | (() => Promise<Record<string, unknown>>)]>([
    ['success', as('alice')],
    ['400', { passwordPayload: {} }],
    ['400', { connection: 'NONE' }],
    ['401', { ...as('alice'), client_secret: 'wrong' }],
    ['499/2011', { ...as('alice'), client_id: 'other' }],
    ['499/2016', as('alice', 'x', { passwordEncryptType: 'rsa' })],
    ['success', async () => as('alice', await encryptRsa(emulator, 'passw0rd'), { passwordEncryptType: 'rsa' })],
    ['403/2333', as('alice', 'wrong')],
    ['403/2333', as('nobody')],
    ['403/2333', async () => (emulator.protectLogins({ lockAfter: 3 }), as('alice', 'wrong'))],
    ['403/2005', as('locked', 'wrong')],
    ['403/2000', async () => (emulator.protectLogins({ captchaAfter: 0 }), as('alice'))],
    [
      '403/2001',
      async () => {
        emulator.protectLogins({ captchaAfter: 0 });
        return as('alice', 'passw0rd', { ...(await getCaptcha(emulator)), captchaCode: 'wrong' });
      },
    ],
    ['403/2120008', as('disabled')],
    ['403/2120008', as('tenant', 'passw0rd', { tenantId: 't-2' })],
    ['403/2130010', as('tenant', 'passw0rd', { tenantId: 't-3' })],
    [
      '409/2026',
      { passwordPayload: { username: 'alice@example.com', password: 'x' }, options: { autoRegister: true } },
    ],
    ['301/1635', as('own')],
    ['301/1636', as('second')],
    ['301/1639', as('first')],
    ['301/2058', as('old')],
  ])('%s', async (expected, body) => {
    expect(await signIn(typeof body === 'function' ? await body() : body)).toBe(expected);
  });

  it('a body that is no JSON, and a connection that is not built', async () => {
    await ask(PATHS.signIn, { method: 'POST', json: '{' });
    await ask(PATHS.signIn, { method: 'POST', json: signInBody(emulator, { connection: 'LDAP' }) });
  });
});

// Last: they tell what the others left out.
describe('nothing was left out:', () => {
  it('every path, method and status of the contract was met', () => {
    expect([...seen].sort()).toEqual(Object.keys(CONTRACT).sort());
  });

  it('every answer to a sign-in was met', () => {
    expect([...seenSignIns].sort()).toEqual(Object.keys(SIGN_IN).sort());
  });

  it('every path that the emulator shares with its client is in the contract', () => {
    const paths = new Set(Object.keys(CONTRACT).map((name) => name.split(' ')[1] ?? ''));
    expect([...paths].sort()).toEqual([...Object.values(PATHS), `/{appId}${PATHS.jwks}`].sort());
  });
});

it.each<[unknown, string[]]>([
  [{ a: 'x', b: [1, 'y'] }, ['body.b[0]: 1 is no text']],
  [{ a: null }, ['body.b: missing']],
  [{ a: 'x', b: [], secret: 's' }, ['body.secret: not known here']],
  [{ a: 7, b: [] }, ['body.a: 7 is no text']],
  [{ a: 'x', b: [], c: {}, d: false }, ['body.d: false is no true']],
  [[], ['body: no object']],
])('a schema finds what is wrong with %j', (value, mistakes) => {
  const schema = object({ a: orNull(text), b: listOf(text), 'c?': anyObject, 'd?': exactly(true) });
  expect(schema(value, 'body')).toEqual(mistakes);
});
