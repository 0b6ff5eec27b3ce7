import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { GenAuthClient, GenAuthOptions } from '../../src/index.js';
import { useClients } from '../support/client.js';
import {
  APP_ID,
  DISCOVERY_PATH,
  type Issuer,
  JWKS_PATH,
  type Reply,
  SIGN_IN_PATH,
  SUBJECT,
  useIssuer,
} from '../support/issuer.js';
import { createRsaPasswordKey } from '../support/password-key.js';
import { createRsaKey } from '../support/rsa-key.js';
import { buildToken } from '../support/token.js';

// Forms of tokens, keys, documents and answers that tenants have sent since 2019, and variations of these forms.
// The names, times and keys are made here. Each row goes through the public client and a real connection.

const issuer = useIssuer();
const openClient = useClients(issuer);
const SECRET = randomBytes(16).toString('hex');
const ALICE = { account: 'alice', password: 'passw0rd' };
const HS256 = { appSecret: SECRET, idTokenSignedResponseAlg: 'HS256' } as const;
const OTHER_APP = '65f0c1d2e3a4b5c6d7e80001';
const SYSTEM_PATH = '/api/v3/system';
const APP_JWKS_PATH = `/${APP_ID}${JWKS_PATH}`;
const other = createRsaKey({ kid: 'k'.repeat(43) });
const now = (): number => Math.floor(Date.now() / 1000);

interface Failure {
  name: string;
  code: string;
  cause?: { code?: string };
}
/** Returns the kind and the codes of an outcome, or the name and the codes of an error. */
async function describeSignIn(client: GenAuthClient): Promise<string> {
  try {
    const outcome = await client.signIn(ALICE);
    if (outcome.kind === 'success') return outcome.user.sub === SUBJECT ? 'success' : 'another user';
    return `${outcome.kind} ${outcome.statusCode}/${outcome.apiCode ?? '-'}`;
  } catch (error) {
    return describeFailure(error as Failure);
  }
}
const describeFailure = ({ code, cause }: Failure): string =>
  cause?.code === undefined ? code : `${code} ${cause.code}`;

type Row = [title: string, claims: Record<string, unknown>, expected?: string, header?: object];
const REFUSED = 'upstream_token_invalid';
const CLAIM = `${REFUSED} token_claim_invalid`;
const V3_NULLS = { name: null, gender: 'U', picture: 'https://x.example/a.png', birthdate: null, phone_number: null };
const V2_TEXTS = { name: '', updated_at: '', website: '', address: { formatted: '' } };
const ID_TOKENS: Row[] = [
  ['all profile claims null', { ...V3_NULLS, updated_at: '2023-03-01T02:03:04.005Z', email_verified: false }],
  ['empty texts instead of null', V2_TEXTS],
  ['claims of a pipeline', { KEY: 'x', aws: ['a'], data: { a: 1 }, userpool_id: 'p', iss2: 'y' }],
  ['an nbf before iat', { nbf: now() - 2000 }],
  ['a lifetime of 10 minutes', { exp: now() + 600 }],
  ['a lifetime of a year', { exp: now() + 365 * 86_400 }],
  ['an external ID and roles', { external_id: null, roles: [{ code: 'admin', namespace: 'default' }] }],
  ['an audience list with one item', { aud: [APP_ID] }],
  ['an audience list with two items and azp', { aud: [APP_ID, OTHER_APP], azp: APP_ID }],
  ['an issuer below the application ID', { iss: 'URL/APP/oidc' }],
  ['a clock 60 s ahead', { iat: now() + 58 }],
  ['times with fractions', { iat: now() - 0.5 }],
  ['a size of 20 KiB', { data: 'x'.repeat(20_000) }],
  ['a clock two minutes ahead', { iat: now() + 120 }, `${REFUSED} token_not_yet_valid`],
  ['an issuer with a slash at the end', { iss: 'URL/oidc/' }, `${REFUSED} token_issuer_mismatch`],
  ['an issuer without a path', { iss: 'URL' }, `${REFUSED} token_issuer_mismatch`],
  ['an issuer of 2019', { iss: 'https://oauth.tenant.example/oauth/oidc' }, `${REFUSED} token_issuer_mismatch`],
  ['an audience list without azp', { aud: [APP_ID, OTHER_APP] }, `${REFUSED} token_audience_mismatch`],
  ['an exp that is a text', { exp: String(now() + 600) }, CLAIM],
  ['a lifetime of 400 days', { exp: now() + 400 * 86_400 }, CLAIM],
  ['an exp in milliseconds', { exp: Date.now() + 600_000 }, CLAIM],
  ['a number as sub', { sub: 12_345 }, CLAIM],
  ['a scope and a jti', { scope: 'openid', jti: 'x' }, `${REFUSED} token_type_mismatch`],
  ['a size of 70 KiB', { data: 'x'.repeat(70_000) }, `${REFUSED} token_too_large`],
  ['kid null', {}, `${REFUSED} token_malformed`, { kid: null }],
];
const locate = (claims: Record<string, unknown>): Record<string, unknown> =>
  typeof claims['iss'] === 'string'
    ? { ...claims, iss: claims['iss'].replace('URL', issuer().url).replace('APP', APP_ID) }
    : claims;

describe.each<[algorithm: string, options: Partial<GenAuthOptions>, sign: (claims: object, header?: object) => string]>(
  [
    ['RS256', {}, (claims, header) => issuer().sign(claims, header)],
    ['HS256', HS256, (claims, header) => buildToken({ alg: 'HS256', typ: 'JWT', ...header }, claims, SECRET, 'HS256')],
  ],
)('an id_token with %s', (_algorithm, options, sign) => {
  it.each(ID_TOKENS)('and with %s', async (_title, claims, expected = 'success', header = {}) => {
    const { iat = now() } = claims as { iat?: number };
    const idToken = sign(issuer().idTokenClaims({ exp: now() + 3600, iat, ...locate(claims) }), header);
    issuer().replySignIn({ id_token: idToken });
    expect(await describeSignIn(openClient(options))).toBe(expected);
  });
});

it.each<[title: string, data: () => Record<string, unknown>, expected: string, options?: Partial<GenAuthOptions>]>([
  ['an id_token with HS256, as GenAuth signs by default', hs256, `${REFUSED} token_algorithm_mismatch`],
  ['an id_token with HS256 and a client without authentication', hs256, 'success', noAuthentication()],
  ['no id_token', () => ({ id_token: undefined }), 'upstream_invalid_response'],
  ['no access_token', () => ({ access_token: undefined }), 'upstream_invalid_response'],
  ['an id_token of five parts', () => ({ id_token: 'a.b.c.d.e' }), `${REFUSED} token_malformed`],
  ['expires_in as a text', () => ({ expires_in: '1209600' }), 'success'],
  ['expire_in', () => ({ expire_in: 1_209_600 }), 'success'],
  ['an opaque access token', () => ({ access_token: randomBytes(20).toString('hex') }), 'success'],
  ["another user's access token", strangers, `${REFUSED} token_subject_mismatch`],
])('a sign-in answer with %s', async (_title, data, expected, options = {}) => {
  issuer().replySignIn(data());
  expect(await describeSignIn(openClient(options))).toBe(expected);
});

function hs256(): Record<string, unknown> {
  return { id_token: buildToken({ alg: 'HS256', typ: 'JWT' }, issuer().idTokenClaims(), SECRET, 'HS256') };
}
function noAuthentication(): Partial<GenAuthOptions> {
  return { ...HS256, tokenEndpointAuthMethod: 'none' };
}
function strangers(): Record<string, unknown> {
  return { access_token: issuer().sign(issuer().accessTokenClaims({ sub: OTHER_APP })) };
}

const INVALID = 'upstream_invalid_response';
const CLIENT = 'client_authentication_failed';
it.each<[title: string, reply: () => Reply, expected: string]>([
  [
    'a wrong password',
    () => ({ body: { statusCode: 403, apiCode: 2333, message: 'x' } }),
    'invalid_credentials 403/2333',
  ],
  [
    'the code as a text',
    () => ({ body: { statusCode: 403, apiCode: '2333', data: null } }),
    'invalid_credentials 403/2333',
  ],
  [
    'data',
    () => ({ body: { statusCode: 403, apiCode: 2333, data: { remainCount: 3 } } }),
    'invalid_credentials 403/2333',
  ],
  ['401 twice', () => ({ body: { uniqueId: 'u', code: 401, statusCode: 401, message: 'x' } }), CLIENT],
  ['401 once', () => ({ body: { statusCode: 401, message: 'x' } }), CLIENT],
  ['403 twice', () => ({ body: { code: 403, statusCode: 403, message: 'x' } }), 'rejected 403/-'],
  ['400 in 499', () => ({ body: { code: 400, statusCode: 499, apiCode: 400, message: 'x' } }), 'rejected 499/-'],
  ['429', () => ({ status: 429, body: { code: 429, statusCode: 429, message: 'x' } }), 'rate_limited 429/-'],
  ['500', () => ({ status: 500, body: { code: 500, statusCode: 500, message: 'x' } }), 'upstream_unavailable'],
  ['the error of OAuth', () => ({ status: 401, body: { error: 'invalid_client' } }), CLIENT],
  [
    'a missing user pool',
    () => ({ body: { uniqueId: 'u', code: 2224, statusCode: 499, apiCode: 2224 } }),
    'app_not_found',
  ],
  [
    'MFA',
    () => ({ body: { statusCode: 301, apiCode: 1636, data: { mfaToken: 'm', x: '' } } }),
    'mfa_required 301/1636',
  ],
  [
    'a first login',
    () => ({ body: { statusCode: 301, apiCode: 1639, data: { token: 't' } } }),
    'password_change_required 301/1639',
  ],
  ['a byte order mark', () => ({ body: `\uFEFF{"statusCode":403,"apiCode":2333}` }), 'invalid_credentials 403/2333'],
  ['no statusCode', () => ({ body: { code: 2004, message: 'x' } }), INVALID],
  ['statusCode as a text', () => ({ body: { statusCode: '200', data: {} } }), INVALID],
  ['tokens without an envelope', () => ({ body: { id_token: 'x', access_token: 'y' } }), INVALID],
  ['a page', () => ({ body: '<html></html>' }), INVALID],
  ['a redirect to https', () => ({ status: 301, headers: { location: 'https://x.example' } }), INVALID],
  ['gzip', () => ({ headers: { 'content-encoding': 'gzip' }, body: gzipSync('{}') }), INVALID],
])('a sign-in answer with %s', async (_title, reply, expected) => {
  issuer().reply(SIGN_IN_PATH, reply());
  expect(await describeSignIn(openClient())).toBe(expected);
});

const pem = (): string => createRsaPasswordKey().publicKey;
it.each<[title: string, body: () => object, expected: string]>([
  ['PEM', () => ({ rsa: { publicKey: pem() } }), 'success'],
  ['base64 without PEM lines', () => ({ rsa: { publicKey: pem().replaceAll(/-----.*?-----|\s/g, '') } }), 'success'],
  [
    'PEM whose line breaks are two characters',
    () => ({ rsa: { publicKey: pem().replaceAll('\n', String.raw`\n`) } }),
    INVALID,
  ],
  ['the key at the place of an older version', () => ({ publicKey: pem() }), INVALID],
  ['an envelope', () => ({ statusCode: 404, message: 'Not Found' }), INVALID],
])('a key for passwords as %s', async (_title, body, expected) => {
  issuer().replySignIn();
  issuer().reply(SYSTEM_PATH, { body: body() });
  expect(await describeSignIn(openClient({ passwordEncryptType: 'rsa' }))).toBe(expected);
});

it.each<[title: string, change: Record<string, unknown> | ((at: Issuer) => string), expected: string]>([
  ['as recorded', { azp: undefined }, SUBJECT],
  ['260 scopes of an API', { scope: Array.from({ length: 260 }, (_, i) => `book:read:${i}`).join(' ') }, SUBJECT],
  ['no scope', { scope: undefined }, 'token_type_mismatch'],
  ['a list as scope', { scope: ['openid'] }, 'token_type_mismatch'],
  ['the azp of another client', { azp: OTHER_APP }, 'token_audience_mismatch'],
  ['the form of a machine', { sub: undefined, azp: OTHER_APP }, 'token_claim_invalid'],
  ['a nonce', { nonce: 'n' }, 'token_type_mismatch'],
  ['HS256', (at) => buildToken({ alg: 'HS256' }, at.accessTokenClaims(), SECRET, 'HS256'), 'token_algorithm_mismatch'],
  ['an opaque text', () => 'x'.repeat(40), 'token_malformed'],
])('an access token with %s', async (_title, change, expected) => {
  const token = typeof change === 'function' ? change(issuer()) : issuer().sign(issuer().accessTokenClaims(change));
  const verifying = openClient().verifyAccessToken(token);
  expect(await verifying.then(({ sub }) => sub, describeFailure)).toBe(expected);
});

const UNUSABLE = `upstream_unavailable ${INVALID}`;
const UNKNOWN = 'token_key_unknown';
it.each<[title: string, keys: (jwk: object) => object[], header: object, expected: string]>([
  ['use, alg and key_ops null', (jwk) => [{ ...jwk, use: null, alg: null, key_ops: null }], {}, SUBJECT],
  ['no use and no alg', (jwk) => [{ ...jwk, use: undefined, alg: undefined }], {}, SUBJECT],
  ['no kid, like the token', (jwk) => [{ ...jwk, kid: undefined }], { kid: undefined }, SUBJECT],
  ['one key, and a token without kid', (jwk) => [jwk], { kid: undefined }, SUBJECT],
  ['two keys, and a token without kid', (jwk) => [jwk, other.jwk], { kid: undefined }, UNKNOWN],
  ['two keys with one kid', (jwk) => [{ ...other.jwk, kid: (jwk as { kid: string }).kid }, jwk], {}, SUBJECT],
  ['the key of another application', () => [other.jwk], {}, UNKNOWN],
  ['RSA with 1024 bits', (jwk) => [{ ...jwk, n: createRsaKey({ bits: 1024 }).jwk.n }], {}, UNUSABLE],
  ['exponent 3', (jwk) => [{ ...jwk, e: 'Aw' }], {}, UNUSABLE],
  ['no key', () => [], {}, UNUSABLE],
])('a key set with %s', async (_title, keys, header, expected) => {
  issuer().reply(JWKS_PATH, { body: { keys: keys(issuer().key.jwk) } });
  const verifying = openClient().verifyAccessToken(issuer().sign(issuer().accessTokenClaims(), header));
  expect(await verifying.then(({ sub }) => sub, describeFailure)).toBe(expected);
});

const ENVELOPE = { statusCode: 499, message: 'x' };
it.each<[title: string, discovery: (at: Issuer) => Reply, keySet: Reply, expected?: string]>([
  ['404 and 404', () => ({ status: 404 }), { status: 404 }],
  ['an envelope and 404', () => ({ body: ENVELOPE }), { status: 404 }],
  ['400 and an envelope', () => ({ status: 400 }), { body: ENVELOPE }],
  ['404 and 499', () => ({ status: 404 }), { status: 499, body: ENVELOPE }],
  ['404 and no keys', () => ({ status: 404 }), { body: { keys: [] } }],
  ["404 and another application's key", () => ({ status: 404 }), { body: { keys: [other.jwk] } }],
  ['another issuer', () => ({ body: { issuer: 'http://tenant.example/oidc' } }), {}, 'discovery_issuer_mismatch'],
  [
    'a key set elsewhere',
    (at) => ({ body: { issuer: at.issuer, jwks_uri: 'https://core.example/k' } }),
    {},
    'discovery_jwks_uri_refused',
  ],
])('a host that answers discovery and the key set with %s', async (_title, discovery, keySet, expected = SUBJECT) => {
  issuer().reply(DISCOVERY_PATH, discovery(issuer()));
  issuer().reply(JWKS_PATH, keySet);
  issuer().reply(APP_JWKS_PATH, { body: { keys: [issuer().key.jwk] } });
  const verifying = openClient().verifyAccessToken(issuer().sign(issuer().accessTokenClaims()));
  expect(await verifying.then(({ sub }) => sub, describeFailure)).toBe(expected);
});

const PROFILE = { sub: SUBJECT, birthdate: '2000-01-01T00:00:00.000Z', gender: 'male', tenant_id: '', updated_at: '' };
it.each<[title: string, reply: Reply, expected: string]>([
  ['a profile', { body: PROFILE }, SUBJECT],
  ['401 of OAuth', { status: 401, body: { error: 'invalid_token' } }, 'token_revoked'],
  ['401 in an envelope', { body: { statusCode: 401 } }, 'token_revoked'],
  ['401 twice in an envelope', { body: { code: 401, statusCode: 401 } }, 'token_revoked'],
  ['an expired login of an older version', { body: { code: 2206, message: 'x' } }, INVALID],
  ['400 of OAuth', { status: 400, body: { error: 'invalid_request' } }, INVALID],
])('user info with %s', async (_title, reply, expected) => {
  issuer().reply('/oidc/me', reply);
  const requesting = openClient().userInfo(issuer().sign(issuer().accessTokenClaims()));
  expect(await requesting.then(({ sub }) => sub, describeFailure)).toBe(expected);
});
