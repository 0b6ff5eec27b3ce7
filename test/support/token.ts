import { type KeyObject, constants, createHash, createHmac, sign } from 'node:crypto';

/** What a token is signed with: a private key, or an HMAC secret. */
export type SigningKey = KeyObject | Buffer | string;

/** An object as JSON; a text or bytes as they stand. */
export function encodeSegment(part: object | string): string {
  const bytes = typeof part === 'string' || Buffer.isBuffer(part) ? part : JSON.stringify(part);
  return Buffer.from(bytes).toString('base64url');
}

const RSA_PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

/** The JWS signature (RFC 7518 §3.1, RFC 8037 §3.1) by node:crypto; empty for `none` in any spelling. */
function signBytes(algorithm: string, input: string, key: SigningKey): Buffer {
  const data = Buffer.from(input);
  const hash = `sha${algorithm.slice(2)}`;
  switch (algorithm.slice(0, 2)) {
    case 'RS':
      return sign(hash, data, key as KeyObject);
    case 'PS':
      return sign(hash, data, { key: key as KeyObject, ...RSA_PSS });
    case 'ES':
      return sign(hash, data, { key: key as KeyObject, dsaEncoding: 'ieee-p1363' });
    case 'HS':
      return createHmac(hash, key).update(data).digest();
    case 'Ed':
      return sign(null, data, key as KeyObject);
    default:
      return Buffer.alloc(0);
  }
}

/**
 * Any compact JWS, right or wrong: nothing in header or payload is looked at.
 *
 * @param algorithm - What really signs; default RS256, whatever the header says.
 */
export function buildToken(
  header: object | string,
  payload: object | string,
  key: SigningKey,
  algorithm = 'RS256',
): string {
  const input = `${encodeSegment(header)}.${encodeSegment(payload)}`;
  return `${input}.${signBytes(algorithm, input, key).toString('base64url')}`;
}

/** `at_hash` of an access token (OpenID Connect Core 1.0 §3.1.3.6). */
export function hashAccessToken(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');
}
