import { createSign, generateKeyPairSync } from 'node:crypto';
import type { TokenVerificationErrorCode } from '../../src/core/errors.js';
import { APP_ID, type Issuer } from './issuer.js';
import { createRsaKey } from './rsa-key.js';
import { type SigningKey, buildToken, encodeSegment } from './token.js';

/** The parts of a valid access token, and functions that build tokens with changed parts. */
export interface Forge {
  issuer: Issuer;
  header: Record<string, unknown>;
  payload: Record<string, unknown>;
  /** Seconds since 1970. */
  now: number;
  /** A valid token with other claims. `undefined` removes a claim. */
  claims: (changes: object) => string;
  /** A valid token with other header members, signed with the given key, or with the key of the issuer. */
  head: (changes: object, key?: SigningKey, algorithm?: string) => string;
  /** A token with any header and payload, and a valid signature. */
  text: (header: object | string, payload: object | string) => string;
}

/** @param time - The time at which the tokens were issued, in milliseconds since 1970. */
export function openForge(issuer: Issuer, time = Date.now()): Forge {
  const header = { alg: 'RS256', typ: 'JWT', kid: issuer.key.kid };
  const payload = issuer.accessTokenClaims({}, time);
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
const LIFETIME = 366 * 86_400;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** Changes the last character of a base64url text, so that a lenient decoder reads the same bytes. */
export const respell = (part: string): string =>
  `${part.slice(0, -1)}${LETTERS[LETTERS.indexOf(part.at(-1) ?? '') ^ 1]}`;
/** Changes one of the three parts of a token. */
export const swap = (token: string, index: number, change: (part: string) => string): string =>
  token
    .split('.')
    .map((part, i) => (i === index ? change(part) : part))
    .join('.');
const part = (token: string, index: number): string => token.split('.')[index] ?? '';
const resign = (token: string, change: (bytes: Buffer) => Buffer): string =>
  swap(token, 2, (part) => change(Buffer.from(part, 'base64url')).toString('base64url'));
const pem = ({ issuer }: Forge): string => issuer.key.publicKey.export({ type: 'spki', format: 'pem' }) as string;
const der = ({ issuer }: Forge): Buffer => issuer.key.publicKey.export({ type: 'spki', format: 'der' });
const hmac = ({ head }: Forge, secret: Buffer | string): string => head({ alg: 'HS256' }, secret, 'HS256');
const json = ({ text, header, payload }: Forge, change: (payload: string) => string): string =>
  text(header, change(JSON.stringify(payload)));

type Row = readonly [title: string, make: (forge: Forge) => string];
type Flaw = readonly [...Row, code: TokenVerificationErrorCode];
const refusedAs = (code: TokenVerificationErrorCode, rows: readonly Row[]): Flaw[] =>
  rows.map((row) => [...row, code] as const);

/** Access tokens that must be refused, with the code of the error. Each of them fits into an HTTP header. */
export const TOKEN_FLAWS: readonly Flaw[] = [
  ...refusedAs('token_algorithm_mismatch', [
    ['alg none with a valid signature', ({ head }) => head({ alg: 'none' })],
    ['alg NONE', ({ head }) => head({ alg: 'NONE' })],
    ['an empty alg', ({ head }) => head({ alg: '' })],
    ['a missing alg', ({ head }) => head({ alg: undefined })],
    ['alg as an array', ({ head }) => head({ alg: ['RS256'] })],
    ['alg rs256', ({ head }) => head({ alg: 'rs256' })],
    ['alg RS256 with a space', ({ head }) => head({ alg: 'RS256 ' })],
    ['alg inside __proto__', ({ text, payload }) => text('{"__proto__":{"alg":"RS256"}}', payload)],
    ['alg RS256 followed by alg none', ({ text, payload }) => text('{"alg":"RS256","alg":"none"}', payload)],
    ['a valid RS512 signature', ({ head, issuer }) => head({ alg: 'RS512' }, issuer.key.privateKey, 'RS512')],
    ['a valid PS256 signature', ({ head, issuer }) => head({ alg: 'PS256' }, issuer.key.privateKey, 'PS256')],
    ['a valid ES256 signature', ({ head }) => head({ alg: 'ES256' }, ec, 'ES256')],
    ['HS256 with the PEM of the public key', (forge) => hmac(forge, pem(forge))],
    ['HS256 with the DER of the public key', (forge) => hmac(forge, der(forge))],
    ['HS256 with the JWK', (forge) => hmac(forge, JSON.stringify(forge.issuer.key.jwk))],
    ['HS256 with the modulus', (forge) => hmac(forge, forge.issuer.key.jwk.n)],
    ['HS256 with the application secret', (forge) => hmac(forge, forge.issuer.clientOptions.appSecret)],
    ['HS256 with an empty secret', (forge) => hmac(forge, '')],
  ]),
  ...refusedAs('token_key_unknown', [
    ['an unknown kid', ({ head }) => head({ kid: 'unknown' })],
    ['an unknown kid of 256 characters', ({ head }) => head({ kid: 'k'.repeat(256) })],
    ['a kid in capitals', ({ head, issuer }) => head({ kid: issuer.key.kid.toUpperCase() })],
    ['a kid that is a path', ({ head }) => head({ kid: '../../../../dev/null' })],
    ['kid __proto__', ({ head }) => head({ kid: '__proto__' })],
    ['a kid with control characters', ({ head }) => head({ kid: '\u001B[2J\r\nset-cookie: a=b\u202E' })],
    ['the kid of a key in the header', ({ head }) => head({ jwk: foreign.jwk, kid: foreign.kid }, foreign.privateKey)],
    [
      'a key set URL in the header',
      ({ head, issuer }) => head({ jku: `${issuer.url}/x`, kid: 'x' }, foreign.privateKey),
    ],
  ]),
  ...refusedAs('token_type_mismatch', [
    ['typ of a logout token', ({ head }) => head({ typ: 'logout+jwt' })],
    ['typ of a security event token', ({ head }) => head({ typ: 'application/secevent+jwt' })],
    ['typ as an array', ({ head }) => head({ typ: ['JWT'] })],
    ['typ with a space', ({ head }) => head({ typ: 'JWT ' })],
    ['an id_token', ({ claims }) => claims({ scope: undefined, jti: undefined })],
    ['an id_token with a nonce', ({ claims }) => claims({ nonce: 'n' })],
    ['an id_token with an at_hash', ({ claims }) => claims({ at_hash: 'h' })],
    ['a missing scope', ({ claims }) => claims({ scope: undefined })],
    ['scope as an array', ({ claims }) => claims({ scope: ['openid'] })],
  ]),
  ...refusedAs('token_issuer_mismatch', [
    ['a missing iss', ({ claims }) => claims({ iss: undefined })],
    ['iss as an array with the right issuer', ({ claims, issuer }) => claims({ iss: [issuer.issuer] })],
    ['iss with a slash at the end', ({ claims, issuer }) => claims({ iss: `${issuer.issuer}/` })],
    ['iss without the path', ({ claims, issuer }) => claims({ iss: issuer.url })],
    ['iss in capitals', ({ claims, issuer }) => claims({ iss: issuer.issuer.toUpperCase() })],
    [
      'iss with the right issuer as its start',
      ({ claims, issuer }) => claims({ iss: `${issuer.issuer}.evil.invalid` }),
    ],
    ['iss of another host', ({ claims }) => claims({ iss: 'https://evil.invalid/oidc' })],
    ['iss with control characters', ({ claims }) => claims({ iss: '\u001B[2J\r\n\u202E' })],
    ['a second iss that is wrong', (forge) => json(forge, (payload) => payload.replace('}', ',"iss":"evil"}'))],
    ['all claims inside __proto__', (forge) => json(forge, (payload) => `{"__proto__":${payload}}`)],
    ['iss nested 1,000 levels deep', (forge) => json(forge, () => `{"iss":${'['.repeat(1000)}${']'.repeat(1000)}}`)],
  ]),
  ...refusedAs('token_claim_invalid', [
    ['a missing sub', ({ claims }) => claims({ sub: undefined })],
    ['an empty sub', ({ claims }) => claims({ sub: '' })],
    ['sub as a number', ({ claims }) => claims({ sub: 1 })],
    ['a sub of 256 characters', ({ claims }) => claims({ sub: 's'.repeat(256) })],
    ['a missing aud', ({ claims }) => claims({ aud: undefined })],
    ['an empty aud', ({ claims }) => claims({ aud: '' })],
    ['aud as an empty array', ({ claims }) => claims({ aud: [] })],
    ['aud as an array in an array', ({ claims }) => claims({ aud: [[APP_ID]] })],
    ['aud with a number in the array', ({ claims }) => claims({ aud: [APP_ID, 7], azp: APP_ID })],
    ['aud with an empty string in the array', ({ claims }) => claims({ aud: [APP_ID, ''], azp: APP_ID })],
    ['a missing exp', ({ claims }) => claims({ exp: undefined })],
    ['exp as a string', ({ claims, now }) => claims({ exp: String(now + 60) })],
    ['exp 1e999', (forge) => json(forge, (payload) => payload.replace(/"exp":\d+/, '"exp":1e999'))],
    ['a negative exp', ({ claims }) => claims({ exp: -1, iat: -2 })],
    ['exp in milliseconds', ({ claims, now }) => claims({ exp: now * 1000 })],
    ['exp equal to iat', ({ claims, now }) => claims({ iat: now, exp: now })],
    ['a lifetime of 366 days and a second', ({ claims, now }) => claims({ iat: now, exp: now + LIFETIME + 1 })],
    ['a missing iat', ({ claims }) => claims({ iat: undefined })],
    ['iat as a string', ({ claims, now }) => claims({ iat: String(now) })],
    ['iat in milliseconds', ({ claims, now }) => claims({ iat: now * 1000 })],
    ['nbf as a string', ({ claims, now }) => claims({ nbf: String(now) })],
    ['nbf 1e999', (forge) => json(forge, (payload) => payload.replace('{', '{"nbf":1e999,'))],
  ]),
  ...refusedAs('token_audience_mismatch', [
    ['aud of another application', ({ claims }) => claims({ aud: OTHER_APP })],
    ['aud with the right value as its start', ({ claims }) => claims({ aud: `${APP_ID}0` })],
    ['aud with the right value as one word', ({ claims }) => claims({ aud: `${OTHER_APP} ${APP_ID}` })],
    ['two audiences of other applications', ({ claims }) => claims({ aud: [OTHER_APP, 'x'], azp: APP_ID })],
    ['two audiences without azp', ({ claims }) => claims({ aud: [APP_ID, OTHER_APP] })],
    ['the right audience twice without azp', ({ claims }) => claims({ aud: [APP_ID, APP_ID] })],
    ['two audiences and azp of the other', ({ claims }) => claims({ aud: [APP_ID, OTHER_APP], azp: OTHER_APP })],
    ['azp of another application', ({ claims }) => claims({ azp: OTHER_APP })],
    ['azp null', ({ claims }) => claims({ azp: null })],
  ]),
  ...refusedAs('token_expired', [
    ['a token that expired an hour ago', ({ claims, now }) => claims({ iat: now - 7200, exp: now - 3600 })],
    ['a token that expired before the tolerance', ({ claims, now }) => claims({ iat: now - 90, exp: now - 6 })],
  ]),
  ...refusedAs('token_not_yet_valid', [
    ['iat in an hour', ({ claims, now }) => claims({ iat: now + 3600, exp: now + 7200 })],
    ['nbf in an hour', ({ claims, now }) => claims({ nbf: now + 3600 })],
  ]),
  ...refusedAs('token_signature_invalid', [
    ['a signature of another key', ({ head }) => head({}, foreign.privateKey)],
    ['a signature of another key without kid', ({ head }) => head({ kid: undefined }, foreign.privateKey)],
    ['a signature of a key in the header', ({ head }) => head({ jwk: foreign.jwk }, foreign.privateKey)],
    ['a certificate URL in the header', ({ head, issuer }) => head({ x5u: `${issuer.url}/x` }, foreign.privateKey)],
    ['an HMAC with the PEM as RS256', (forge) => forge.head({}, pem(forge), 'HS256')],
    ['an RS512 signature as RS256', ({ head, issuer }) => head({}, issuer.key.privateKey, 'RS512')],
    ['a PS256 signature as RS256', ({ head, issuer }) => head({}, issuer.key.privateKey, 'PS256')],
    ['an ES256 signature as RS256', ({ head }) => head({}, ec, 'ES256')],
    ['an RSA signature with SHA-1', ({ head, issuer }) => resign(head({}), () => signSha1(head({}), issuer))],
    ['the number one as the signature', ({ head }) => resign(head({}), () => Buffer.alloc(256).fill(1, 255))],
    ['one changed bit in the signature', ({ head }) => resign(head({}), flipLastBit)],
    ['a signature without its last byte', ({ head }) => resign(head({}), (bytes) => bytes.subarray(0, 255))],
    ['a byte after the signature', ({ head }) => `${head({})}A`],
    ['a zero byte before the signature', ({ head }) => resign(head({}), (bytes) => Buffer.from([0, ...bytes]))],
    ['the signature of another payload', ({ head, claims }) => swap(head({}), 1, () => part(claims({ sub: 'x' }), 1))],
    ['the signature of another header', ({ head }) => swap(head({}), 0, () => part(head({ typ: 'jwt' }), 0))],
  ]),
  ...refusedAs('token_malformed', [
    ['alg none without a signature', ({ head }) => head({ alg: 'none' }, '', 'none')],
    ['an empty signature', ({ head }) => swap(head({}), 2, () => '')],
    ['an empty kid', ({ head }) => head({ kid: '' })],
    ['kid as a number', ({ head }) => head({ kid: 7 })],
    ['kid as an array', ({ head, issuer }) => head({ kid: [issuer.key.kid] })],
    ['a kid of 257 characters', ({ head }) => head({ kid: 'k'.repeat(257) })],
    ['crit with an unknown extension', ({ head }) => head({ crit: ['x'], x: 1 })],
    ['an empty crit', ({ head }) => head({ crit: [] })],
    ['crit null', ({ head }) => head({ crit: null })],
    ['b64 false', ({ head }) => head({ b64: false })],
    ['zip', ({ head }) => head({ zip: 'DEF' })],
    ['a signature in another spelling', ({ head }) => swap(head({}), 2, respell)],
    ['padding after the signature', ({ head }) => `${head({})}==`],
    ['padding after the header', ({ head }) => swap(head({}), 0, (part) => `${part}=`)],
    ['padding after the payload', ({ head }) => swap(head({}), 1, (part) => `${part}=`)],
    ['the alphabet of plain base64', ({ head }) => swap(head({ x: '>>>???' }), 0, toPlainBase64)],
    ['a signature of 341 characters', ({ head }) => swap(head({}), 2, (part) => part.slice(0, -1))],
    ['one part', () => encodeSegment({ alg: 'RS256' })],
    ['two parts', ({ head }) => head({}).replace(/\.[^.]*$/, '')],
    ['four parts', ({ head }) => `${head({})}.${encodeSegment('x')}`],
    ['an empty fourth part', ({ head }) => `${head({})}.`],
    ['an empty part before the header', ({ head }) => `.${head({})}`],
    ['an empty header', ({ head }) => swap(head({}), 0, () => '')],
    ['an empty payload', ({ head }) => swap(head({}), 1, () => '')],
    ['a JWE of five parts', () => `${encodeSegment({ alg: 'RSA-OAEP', enc: 'A256GCM' })}.a.a.a.a`],
    ['8,000 dots', () => '.'.repeat(8000)],
    ['a header that is an array', ({ text, header, payload }) => text([header], payload)],
    ['a header that is not JSON', ({ text, payload }) => text('alg=RS256', payload)],
    ['a payload that is an array', (forge) => json(forge, (payload) => `[${payload}]`)],
    ['a payload that is not JSON', (forge) => json(forge, () => 'sub=admin')],
    ['a payload with text after it', (forge) => json(forge, (payload) => `${payload}x`)],
    ['a payload with a byte order mark', (forge) => json(forge, (payload) => `\uFEFF${payload}`)],
    ['a payload that is not UTF-8', ({ text, header, payload }) => text(header, toLatin1(payload, '\xFF'))],
    ['a surrogate in UTF-8', ({ text, header, payload }) => text(header, toLatin1(payload, '\xED\xA0\x80'))],
  ]),
  ...refusedAs('token_too_large', [
    ['8,193 letters', () => 'a'.repeat(8193)],
    ['a valid token of more than 8,192 characters', ({ claims }) => claims({ filler: 'x'.repeat(6500) })],
  ]),
];

function signSha1(token: string, { key }: Issuer): Buffer {
  return createSign('sha1')
    .update(token.slice(0, token.lastIndexOf('.')))
    .sign(key.privateKey);
}

function flipLastBit(bytes: Buffer): Buffer {
  return Buffer.from([...bytes.subarray(0, -1), Number(bytes.at(-1)) ^ 1]);
}

function toPlainBase64(part: string): string {
  return part.replaceAll('-', '+').replaceAll('_', '/');
}

function toLatin1(payload: object, characters: string): Buffer {
  return Buffer.from(JSON.stringify(payload).replace('}', `,"x":"${characters}"}`), 'latin1');
}

/** Wrong values of the Authorization header, with the code of the response. `token` is a valid access token. */
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
