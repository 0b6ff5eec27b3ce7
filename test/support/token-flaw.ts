import type { KeyObject } from 'node:crypto';
import { APP_ID, type Issuer } from './issuer.js';
import { createRsaKey } from './rsa-key.js';
import { type SigningKey, buildToken } from './token.js';

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
const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }) as string;
/** A token with a changed JSON text of the payload, and a valid signature. */
const json = ({ text, header, payload }: Forge, change: (payload: string) => string | Buffer): string =>
  text(header, change(JSON.stringify(payload)));

/** Access tokens that must be refused, by the code of the error and the claim in its details. */
const FLAWS: Record<string, Record<string, (forge: Forge) => string>> = {
  'token_algorithm_mismatch alg': {
    'alg none with a valid signature': ({ head }) => head({ alg: 'none' }),
    'a missing alg': ({ head }) => head({ alg: undefined }),
    'alg as an array': ({ head }) => head({ alg: ['RS256'] }),
    'a valid RS512 signature': ({ head, issuer }) => head({ alg: 'RS512' }, issuer.key.privateKey, 'RS512'),
    'HS256 with the public key': ({ head, issuer }) => head({ alg: 'HS256' }, pem(issuer.key.publicKey), 'HS256'),
  },
  'token_key_unknown kid': {
    'an unknown kid of 256 characters': ({ head }) => head({ kid: 'k'.repeat(256) }),
    'a kid with control characters': ({ head }) => head({ kid: '\u001B[2J\r\nset-cookie: a=b\u202E' }),
    'kid __proto__': ({ head }) => head({ kid: '__proto__' }),
    'the kid of a key in the header': ({ head }) => head({ jwk: foreign.jwk, kid: foreign.kid }, foreign.privateKey),
    'a URL in the header': ({ head, issuer }) => head({ jku: `${issuer.url}/x`, kid: 'x' }, foreign.privateKey),
  },
  'token_type_mismatch typ': {
    'typ of a logout token': ({ head }) => head({ typ: 'logout+jwt' }),
    'typ as an array': ({ head }) => head({ typ: ['JWT'] }),
  },
  token_type_mismatch: {
    'a missing scope': ({ claims }) => claims({ scope: undefined }),
    'scope as an array': ({ claims }) => claims({ scope: ['openid'] }),
    'the nonce of an id_token': ({ claims }) => claims({ nonce: 'n' }),
    'the at_hash of an id_token': ({ claims }) => claims({ at_hash: 'h' }),
  },
  'token_issuer_mismatch iss': {
    'a missing iss': ({ claims }) => claims({ iss: undefined }),
    'iss as an array': ({ claims, issuer }) => claims({ iss: [issuer.issuer] }),
    'iss with a slash at the end': ({ claims, issuer }) => claims({ iss: `${issuer.issuer}/` }),
    'iss with control characters': ({ claims }) => claims({ iss: '\u001B[2J\r\n\u202E' }),
    'all claims inside __proto__': (forge) => json(forge, (payload) => `{"__proto__":${payload}}`),
    'iss nested 1,000 levels deep': (forge) => json(forge, () => `{"iss":${'['.repeat(1000)}${']'.repeat(1000)}}`),
  },
  'token_claim_invalid sub': {
    'sub as a number': ({ claims }) => claims({ sub: 7 }),
    'an empty sub': ({ claims }) => claims({ sub: '' }),
    'a sub of 256 characters': ({ claims }) => claims({ sub: 's'.repeat(256) }),
  },
  'token_claim_invalid aud': {
    'a missing aud': ({ claims }) => claims({ aud: undefined }),
    'aud as an empty array': ({ claims }) => claims({ aud: [] }),
    'aud with a number in the array': ({ claims }) => claims({ aud: [APP_ID, 7], azp: APP_ID }),
    'aud with an empty string in the array': ({ claims }) => claims({ aud: [APP_ID, ''], azp: APP_ID }),
  },
  'token_claim_invalid exp': {
    'exp as a string': ({ claims, now }) => claims({ exp: String(now + 60) }),
    'exp 1e999': (forge) => json(forge, (payload) => payload.replace(/"exp":\d+/, '"exp":1e999')),
    'exp equal to iat': ({ claims, now }) => claims({ iat: now, exp: now }),
    'a lifetime of 366 days and a second': ({ claims, now }) => claims({ exp: now + LIFETIME + 1 }),
  },
  'token_claim_invalid iat': { 'a missing iat': ({ claims }) => claims({ iat: undefined }) },
  'token_claim_invalid nbf': { 'nbf as a string': ({ claims, now }) => claims({ nbf: String(now) }) },
  'token_audience_mismatch aud': {
    'aud of another application': ({ claims }) => claims({ aud: OTHER_APP }),
    'two audiences of other applications': ({ claims }) => claims({ aud: [OTHER_APP, 'x'], azp: APP_ID }),
  },
  'token_audience_mismatch azp': {
    'two audiences without azp': ({ claims }) => claims({ aud: [APP_ID, OTHER_APP] }),
    'azp of another application': ({ claims }) => claims({ azp: OTHER_APP }),
    'azp null': ({ claims }) => claims({ azp: null }),
  },
  token_signature_invalid: {
    'a signature of another key': ({ head }) => head({}, foreign.privateKey),
    'a signature of a key in the header': ({ head }) => head({ jwk: foreign.jwk }, foreign.privateKey),
    'an RS512 signature as RS256': ({ head, issuer }) => head({}, issuer.key.privateKey, 'RS512'),
    'a PS256 signature as RS256': ({ head, issuer }) => head({}, issuer.key.privateKey, 'PS256'),
    'an HMAC with the public key as RS256': ({ head, issuer }) => head({}, pem(issuer.key.publicKey), 'HS256'),
    'a byte after the signature': ({ head }) => `${head({})}A`,
    'the signature of another payload': ({ head, claims }) => swap(head({}), 1, () => part(claims({ sub: 'x' }), 1)),
    'the signature of another header': ({ head }) => swap(head({}), 0, () => part(head({ typ: 'jwt' }), 0)),
  },
  'token_malformed kid': {
    'kid as a number': ({ head }) => head({ kid: 7 }),
    'an empty kid': ({ head }) => head({ kid: '' }),
    'a kid of 257 characters': ({ head }) => head({ kid: 'k'.repeat(257) }),
  },
  token_malformed: {
    'crit null': ({ head }) => head({ crit: null }),
    'b64 false': ({ head }) => head({ b64: false }),
    zip: ({ head }) => head({ zip: 'DEF' }),
    'alg none without a signature': ({ head }) => head({ alg: 'none' }, '', 'none'),
    'a signature in another spelling': ({ head }) => swap(head({}), 2, respell),
    'two parts': ({ head }) => head({}).replace(/\.[^.]*$/, ''),
    'four parts': ({ head }) => `${head({})}.e30`,
    'an empty payload': ({ head }) => swap(head({}), 1, () => ''),
    'a header that is an array': ({ text, header, payload }) => text([header], payload),
    'a payload that is not JSON': (forge) => json(forge, () => 'sub=admin'),
    'a payload with a byte order mark': (forge) => json(forge, (payload) => `\uFEFF${payload}`),
    'a payload that is not UTF-8': (forge) =>
      json(forge, (payload) => Buffer.from(payload.replace('}', ',"x":"\xFF"}'), 'latin1')),
  },
  token_too_large: { 'more than 8,192 characters': ({ claims }) => claims({ filler: 'x'.repeat(6500) }) },
};
export const TOKEN_FLAWS = Object.entries(FLAWS).flatMap(([expected, rows]) =>
  Object.entries(rows).map(([title, make]) => [title, make, expected] as const),
);
