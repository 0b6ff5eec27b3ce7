import { createSign, generateKeyPairSync } from 'node:crypto';
import { APP_ID, type Issuer, SUBJECT } from './issuer.js';
import { createRsaKey } from './rsa-key.js';
import { type SigningKey, buildToken, encodeSegment } from './token.js';

/** What a wrong access token is made of: a right one's parts, and ways to bend them. */
export interface Forge {
  issuer: Issuer;
  header: Record<string, unknown>;
  payload: Record<string, unknown>;
  /** Seconds since 1970. */
  now: number;
  /** A right token but for these claims; `undefined` takes one out. */
  claims: (changes: object) => string;
  /** A right token but for these members of its header, signed as told or with the right key. */
  head: (changes: object, key?: SigningKey, algorithm?: string) => string;
  /** A right signature over any two texts. */
  text: (header: object | string, payload: object | string) => string;
}

export function openForge(issuer: Issuer): Forge {
  const header = { alg: 'RS256', typ: 'JWT', kid: issuer.key.kid };
  const payload = issuer.accessTokenClaims();
  const { privateKey } = issuer.key;
  return {
    issuer,
    header,
    payload,
    now: payload['iat'] as number,
    claims: (changes) => buildToken(header, { ...payload, ...changes }, privateKey),
    head: (changes, key = privateKey, algorithm = 'RS256') =>
      buildToken({ ...header, ...changes }, payload, key, algorithm),
    text: (first, second) => buildToken(first, second, privateKey),
  };
}

const foreign = createRsaKey();
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const OTHER_APP = '65f0c1d2e3a4b5c6d7e8f9ff';
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** Another last character whose bits that count are the same. */
const respell = (part: string): string => `${part.slice(0, -1)}${LETTERS[LETTERS.indexOf(part.at(-1) ?? '') ^ 1]}`;
const swap = (token: string, index: number, change: (part: string) => string): string =>
  token
    .split('.')
    .map((part, i) => (i === index ? change(part) : part))
    .join('.');
const resign = (token: string, change: (bytes: Buffer) => Buffer): string =>
  swap(token, 2, (part) => change(Buffer.from(part, 'base64url')).toString('base64url'));
const pem = ({ issuer }: Forge): string => issuer.key.publicKey.export({ type: 'spki', format: 'pem' }) as string;

/** What each is about, by the requirement that it breaks. */
type Flaw = readonly [title: string, make: (forge: Forge) => string];

/** Tokens that nobody may get in with; all of them fit into a header of HTTP. */
export const TOKEN_FLAWS: readonly Flaw[] = [
  // The algorithm is ours to say.
  ['alg none without a signature', ({ head }) => head({ alg: 'none' }, '', 'none')],
  ['alg none with a right signature', ({ head }) => head({ alg: 'none' })],
  ['alg NONE', ({ head }) => head({ alg: 'NONE' })],
  ['alg nOnE', ({ head }) => head({ alg: 'nOnE' })],
  ['alg empty', ({ head }) => head({ alg: '' })],
  ['no alg', ({ head }) => head({ alg: undefined })],
  ['alg null', ({ head }) => head({ alg: null })],
  ['alg a list', ({ head }) => head({ alg: ['RS256'] })],
  ['alg an object', ({ head }) => head({ alg: { toString: 'RS256' } })],
  ['alg rs256', ({ head }) => head({ alg: 'rs256' })],
  ['alg with a space', ({ head }) => head({ alg: 'RS256 ' })],
  ['alg RS512, really', ({ head, issuer }) => head({ alg: 'RS512' }, issuer.key.privateKey, 'RS512')],
  ['alg PS256, really', ({ head, issuer }) => head({ alg: 'PS256' }, issuer.key.privateKey, 'PS256')],
  ['alg ES256, really', ({ head }) => head({ alg: 'ES256' }, ec, 'ES256')],
  // A public key is no secret.
  ['HS256 by the public PEM', (forge) => forge.head({ alg: 'HS256' }, pem(forge), 'HS256')],
  ['HS256 by the PEM without its end', (forge) => forge.head({ alg: 'HS256' }, pem(forge).trimEnd(), 'HS256')],
  ['HS256 by the JWK', ({ head, issuer }) => head({ alg: 'HS256' }, JSON.stringify(issuer.key.jwk), 'HS256')],
  ['HS256 by the modulus', ({ head, issuer }) => head({ alg: 'HS256' }, issuer.key.jwk.n, 'HS256')],
  ['HS256 by the app secret', ({ head, issuer }) => head({ alg: 'HS256' }, issuer.clientOptions.appSecret, 'HS256')],
  ['HS256 by nothing', ({ head }) => head({ alg: 'HS256' }, '', 'HS256')],
  ['RS256 that is an HMAC by the PEM', (forge) => forge.head({}, pem(forge), 'HS256')],
  ['RS256 that is an HMAC by nothing', ({ head }) => head({}, '', 'HS256')],
  // Keys come from the key set alone.
  ['an unknown kid', ({ head }) => head({ kid: 'unknown' })],
  ['no kid, and a foreign signature', ({ head }) => head({ kid: undefined }, foreign.privateKey)],
  ['an empty kid', ({ head }) => head({ kid: '' })],
  ['kid null', ({ head }) => head({ kid: null })],
  ['kid a number', ({ head }) => head({ kid: 7 })],
  ['kid a list', ({ head, issuer }) => head({ kid: [issuer.key.kid] })],
  ['kid in capitals', ({ head, issuer }) => head({ kid: issuer.key.kid.toUpperCase() })],
  ['kid a path', ({ head }) => head({ kid: '../../../../dev/null' }, '', 'HS256')],
  ['kid SQL', ({ head }) => head({ kid: "x' UNION SELECT 'k'--" }, 'k', 'HS256')],
  ['kid a command', ({ head }) => head({ kid: '|/usr/bin/id' })],
  ['kid __proto__', ({ head }) => head({ kid: '__proto__' })],
  ['kid constructor', ({ head }) => head({ kid: 'constructor' })],
  ['kid with line breaks', ({ head }) => head({ kid: '\u001B[2J\r\nset-cookie: a=b' })],
  ['kid of 257 characters', ({ head }) => head({ kid: 'k'.repeat(257) })],
  ['a key in the header', ({ head }) => head({ jwk: foreign.jwk }, foreign.privateKey)],
  ['a key in the header, and its kid', ({ head }) => head({ jwk: foreign.jwk, kid: foreign.kid }, foreign.privateKey)],
  ['a key set by address', ({ head, issuer }) => head({ jku: `${issuer.url}/evil`, kid: 'evil' }, foreign.privateKey)],
  ['a certificate by address', ({ head, issuer }) => head({ x5u: `${issuer.url}/evil` }, foreign.privateKey)],
  // Extensions.
  ['crit of an unknown one', ({ head }) => head({ crit: ['x'], x: 1 })],
  ['crit of exp', ({ head }) => head({ crit: ['exp'], exp: 1 })],
  ['crit empty', ({ head }) => head({ crit: [] })],
  ['crit null', ({ head }) => head({ crit: null })],
  ['b64 false', ({ head }) => head({ b64: false })],
  ['b64 true', ({ head }) => head({ crit: ['b64'], b64: true })],
  ['zip', ({ head }) => head({ zip: 'DEF' })],
  // Another kind of token under the same key.
  ['typ of a logout token', ({ head }) => head({ typ: 'logout+jwt' })],
  ['typ of a DPoP proof', ({ head }) => head({ typ: 'dpop+jwt' })],
  ['typ of an id_token of another standard', ({ head }) => head({ typ: 'secevent+jwt' })],
  ['typ empty', ({ head }) => head({ typ: '' })],
  ['typ a list', ({ head }) => head({ typ: ['JWT'] })],
  ['an id_token', ({ claims }) => claims({ scope: undefined, jti: undefined })],
  ['an id_token with a nonce', ({ claims }) => claims({ nonce: 'n' })],
  ['an id_token with an at_hash', ({ claims }) => claims({ at_hash: 'h' })],
  ['no scope', ({ claims }) => claims({ scope: undefined })],
  ['scope null', ({ claims }) => claims({ scope: null })],
  ['scope a list', ({ claims }) => claims({ scope: ['openid'] })],
  // Issuer, subject, audience.
  ['no iss', ({ claims }) => claims({ iss: undefined })],
  ['iss null', ({ claims }) => claims({ iss: null })],
  ['iss a list that holds the right one', ({ claims, issuer }) => claims({ iss: [issuer.issuer] })],
  ['iss with a slash at the end', ({ claims, issuer }) => claims({ iss: `${issuer.issuer}/` })],
  ['iss the host alone', ({ claims, issuer }) => claims({ iss: issuer.url })],
  ['iss in capitals', ({ claims, issuer }) => claims({ iss: issuer.issuer.toUpperCase() })],
  ['iss with more behind it', ({ claims, issuer }) => claims({ iss: `${issuer.issuer}.evil.invalid` })],
  ['iss of another host', ({ claims }) => claims({ iss: 'https://evil.invalid/oidc' })],
  ['no sub', ({ claims }) => claims({ sub: undefined })],
  ['sub null', ({ claims }) => claims({ sub: null })],
  ['sub empty', ({ claims }) => claims({ sub: '' })],
  ['sub a number', ({ claims }) => claims({ sub: 1 })],
  ['sub a list', ({ claims }) => claims({ sub: [SUBJECT] })],
  ['sub of 256 characters', ({ claims }) => claims({ sub: 's'.repeat(256) })],
  ['no aud', ({ claims }) => claims({ aud: undefined })],
  ['aud null', ({ claims }) => claims({ aud: null })],
  ['aud an empty list', ({ claims }) => claims({ aud: [] })],
  ['aud another app', ({ claims }) => claims({ aud: OTHER_APP })],
  ['aud ours and more', ({ claims }) => claims({ aud: `${APP_ID}0` })],
  ['aud ours within a text', ({ claims }) => claims({ aud: `${OTHER_APP} ${APP_ID}` })],
  ['aud ours within a list of a list', ({ claims }) => claims({ aud: [[APP_ID]] })],
  ['aud with a number beside ours', ({ claims }) => claims({ aud: [APP_ID, 7], azp: APP_ID })],
  ['two audiences without azp', ({ claims }) => claims({ aud: [APP_ID, OTHER_APP] })],
  ['two audiences, azp the other', ({ claims }) => claims({ aud: [APP_ID, OTHER_APP], azp: OTHER_APP })],
  ['azp another app', ({ claims }) => claims({ azp: OTHER_APP })],
  ['azp null', ({ claims }) => claims({ azp: null })],
  // Times.
  ['expired an hour ago', ({ claims, now }) => claims({ iat: now - 7200, exp: now - 3600 })],
  ['expired by more than the tolerance', ({ claims, now }) => claims({ iat: now - 90, exp: now - 6 })],
  ['no exp', ({ claims }) => claims({ exp: undefined })],
  ['exp null', ({ claims }) => claims({ exp: null })],
  ['exp a text', ({ claims, now }) => claims({ exp: String(now + 60) })],
  ['exp 1e300', ({ claims }) => claims({ exp: 1e300 })],
  ['exp in milliseconds', ({ claims, now }) => claims({ exp: now * 1000 })],
  [
    'exp beyond all numbers',
    ({ text, header, payload }) => text(header, JSON.stringify(payload).replace(/"exp":\d+/, '"exp":1e999')),
  ],
  ['exp before iat', ({ claims, now }) => claims({ iat: now - 5, exp: now - 6 })],
  ['a lifetime of more than a year', ({ claims, now }) => claims({ exp: now + 367 * 86_400 })],
  ['no iat', ({ claims }) => claims({ iat: undefined })],
  ['iat in an hour', ({ claims, now }) => claims({ iat: now + 3600, exp: now + 7200 })],
  ['iat a text', ({ claims, now }) => claims({ iat: String(now) })],
  ['nbf in an hour', ({ claims, now }) => claims({ nbf: now + 3600 })],
  ['nbf null', ({ claims }) => claims({ nbf: null })],
  ['nbf a text', ({ claims, now }) => claims({ nbf: String(now) })],
  // Signatures.
  ["another key's signature", ({ head }) => head({}, foreign.privateKey)],
  ['no signature', ({ head }) => swap(head({}), 2, () => '')],
  ['a signature of zeros', ({ head }) => resign(head({}), () => Buffer.alloc(256))],
  ['a signature of one', ({ head }) => resign(head({}), () => Buffer.concat([Buffer.alloc(255), Buffer.from([1])]))],
  [
    'one bit of the signature',
    ({ head }) =>
      resign(head({}), (bytes) => Buffer.concat([bytes.subarray(0, 255), Buffer.from([Number(bytes[255]) ^ 1])])),
  ],
  ['a byte short of a signature', ({ head }) => resign(head({}), (bytes) => bytes.subarray(0, 255))],
  [
    'a zero byte before the signature',
    ({ head }) => resign(head({}), (bytes) => Buffer.concat([Buffer.alloc(1), bytes])),
  ],
  [
    'RSA with SHA-1',
    ({ head, issuer }) =>
      resign(head({}), () =>
        createSign('sha1')
          .update(head({}).replace(/\.[^.]*$/, ''))
          .sign(issuer.key.privateKey),
      ),
  ],
  [
    'the signature of another payload',
    ({ head, payload }) => swap(head({}), 1, () => encodeSegment({ ...payload, sub: 'admin' })),
  ],
  [
    'the signature of another header',
    ({ head, header }) => swap(head({}), 0, () => encodeSegment({ ...header, typ: 'jwt' })),
  ],
  [
    'the signature of a payload in another order',
    ({ head, payload }) =>
      swap(head({}), 1, () => encodeSegment(Object.fromEntries(Object.entries(payload).toReversed()))),
  ],
  // One token, one spelling.
  ['another spelling of the signature', ({ head }) => swap(head({}), 2, respell)],
  ['padding after the signature', ({ head }) => `${head({})}==`],
  ['padding after the payload', ({ head }) => swap(head({}), 1, (part) => `${part}=`)],
  [
    'the other base64 alphabet',
    ({ head }) => swap(head({ x: '>>>???' }), 0, (part) => part.replaceAll('-', '+').replaceAll('_', '/')),
  ],
  ['a character too many', ({ head }) => `${head({})}A`],
  // No compact JWS of three parts.
  ['one part', () => encodeSegment({ alg: 'RS256' })],
  ['two parts', ({ head }) => head({}).replace(/\.[^.]*$/, '')],
  ['four parts', ({ head }) => `${head({})}.${encodeSegment('x')}`],
  ['an empty fourth part', ({ head }) => `${head({})}.`],
  ['an empty part first', ({ head }) => `.${head({})}`],
  ['five parts: a JWE', () => `${encodeSegment({ alg: 'RSA-OAEP', enc: 'A256GCM' })}.a.a.a.a`],
  ['a JWE of 2^31 rounds', () => `${encodeSegment({ alg: 'PBES2-HS256+A128KW', p2c: 2 ** 31 })}.a.a.a.a`],
  ['nothing but two dots', () => '..'],
  ['8,000 dots', () => '.'.repeat(8000)],
  ['8,193 letters', () => 'a'.repeat(8193)],
  ['a token of 8,193 characters and more', ({ claims }) => claims({ filler: 'x'.repeat(6500) })],
  ['15,000 letters', () => 'a'.repeat(15_000)],
  // Header and payload are JSON objects in UTF-8.
  ['a header that is a list', ({ text, header, payload }) => text([header], payload)],
  ['a header that is null', ({ text, payload }) => text('null', payload)],
  ['a header that is no JSON', ({ text, payload }) => text('alg=RS256', payload)],
  ['a payload that is a list', ({ text, header, payload }) => text(header, [payload])],
  ['a payload that is null', ({ text, header }) => text(header, 'null')],
  ['a payload that is no JSON', ({ text, header }) => text(header, 'sub=admin')],
  ['a payload with a byte order mark', ({ text, header, payload }) => text(header, `\uFEFF${JSON.stringify(payload)}`)],
  [
    'a payload that is no UTF-8',
    ({ text, header, payload }) =>
      text(header, Buffer.from(JSON.stringify(payload).replace('}', ',"x":"\xff"}'), 'latin1')),
  ],
  ['a payload with more behind it', ({ text, header, payload }) => text(header, `${JSON.stringify(payload)}x`)],
  [
    'a payload with two iss, the last wrong',
    ({ text, header, payload }) => text(header, JSON.stringify(payload).replace('}', ',"iss":"evil"}')),
  ],
  ['all claims in __proto__', ({ text, header, payload }) => text(header, `{"__proto__":${JSON.stringify(payload)}}`)],
  ['iss nested 1,000 deep', ({ text, header }) => text(header, `{"iss":${'['.repeat(1000)}${']'.repeat(1000)}}`)],
  ['an empty payload', ({ text, header }) => text(header, '{}')],
];

/** What an Authorization header may be beside one right token; `token` is a right one. */
export const HEADER_FLAWS: readonly (readonly [
  title: string,
  code: 'token_missing' | 'invalid_token',
  write: (token: string) => string | readonly string[] | undefined,
])[] = [
  ['no header', 'token_missing', () => undefined],
  ['an empty header', 'token_missing', () => ''],
  ['another scheme', 'token_missing', () => 'Basic YWxpY2U6cGFzc3cwcmQ='],
  ['DPoP', 'token_missing', (token) => `DPoP ${token}`],
  ['the token alone', 'token_missing', (token) => token],
  ['the scheme without a space', 'token_missing', (token) => `Bearer${token}`],
  ['a scheme that begins alike', 'token_missing', (token) => `BearerX ${token}`],
  ['a colon after the scheme', 'token_missing', (token) => `Bearer: ${token}`],
  ['a tab for the space', 'token_missing', (token) => `Bearer\t${token}`],
  ['a no-break space for the space', 'token_missing', (token) => `Bearer\u00A0${token}`],
  ['a comma before the scheme', 'token_missing', (token) => `,Bearer ${token}`],
  ['a comma alone', 'token_missing', () => ','],
  ['15,000 characters of nothing', 'token_missing', () => 'x'.repeat(15_000)],
  ['the scheme alone', 'invalid_token', () => 'Bearer'],
  ['a comma for a token', 'invalid_token', () => 'Bearer ,'],
  ['two tokens', 'invalid_token', (token) => `Bearer ${token} ${token}`],
  ['two tokens with a comma', 'invalid_token', (token) => `Bearer ${token},${token}`],
  ['two headers in one', 'invalid_token', (token) => `Bearer ${token}, Bearer ${token}`],
  ['another scheme behind it', 'invalid_token', (token) => `Bearer ${token}, Basic YWxpY2U6cGFzc3cwcmQ=`],
  ['a comma behind it', 'invalid_token', (token) => `Bearer ${token},`],
  ['a tab before the token', 'invalid_token', (token) => `Bearer \t${token}`],
  ['a tab in the token', 'invalid_token', (token) => `Bearer ${token.replace('.', '.\t')}`],
  ['a quoted token', 'invalid_token', (token) => `Bearer "${token}"`],
  ['a parameter', 'invalid_token', (token) => `Bearer token=${token}`],
  ['a semicolon behind it', 'invalid_token', (token) => `Bearer ${token};`],
  ['a no-break space in it', 'invalid_token', (token) => `Bearer ${token}\u00A0`],
  ['a percent sign in it', 'invalid_token', (token) => `Bearer ${token.replace('e', '%65')}`],
  ['two lines, one token each', 'invalid_token', (token) => [`Bearer ${token}`, `Bearer ${token}`]],
  ['two lines, the first wrong', 'invalid_token', (token) => ['Bearer x', `Bearer ${token}`]],
  ['two lines, the second of another scheme', 'invalid_token', (token) => [`Bearer ${token}`, 'Basic YTpi']],
  ['two lines, the first of another scheme', 'invalid_token', (token) => ['Basic YTpi', `Bearer ${token}`]],
  ['two lines, the second empty', 'invalid_token', (token) => [`Bearer ${token}`, '']],
];
