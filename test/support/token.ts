import { type KeyObject, constants, createHash, createHmac, sign } from 'node:crypto';

/** A private RSA key, or the secret of an HMAC. */
export type SigningKey = KeyObject | Buffer | string;

/** Encodes an object as JSON. A text and bytes stay as they are. */
export function encodeSegment(part: object | string): string {
  const bytes = typeof part === 'string' || Buffer.isBuffer(part) ? part : JSON.stringify(part);
  return Buffer.from(bytes).toString('base64url');
}

const RSA_PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

/** The JWS signature (RFC 7518 §3.1) by node:crypto. It is empty for `none`. */
function signBytes(algorithm: string, data: Buffer, key: SigningKey): Buffer {
  if (algorithm === 'none') return Buffer.alloc(0);
  const hash = `sha${algorithm.slice(2)}`;
  if (algorithm.startsWith('HS')) return createHmac(hash, key).update(data).digest();
  return sign(hash, data, { key: key as KeyObject, ...(algorithm.startsWith('PS') && RSA_PSS) });
}

/**
 * Builds a compact JWS of any header and payload.
 *
 * @param algorithm - The algorithm that signs. The header may name another one.
 */
export function buildToken(
  header: object | string,
  payload: object | string,
  key: SigningKey,
  algorithm = 'RS256',
): string {
  const input = `${encodeSegment(header)}.${encodeSegment(payload)}`;
  return `${input}.${signBytes(algorithm, Buffer.from(input), key).toString('base64url')}`;
}

/** `at_hash` of an access token (OpenID Connect Core 1.0 §3.1.3.6). */
export function hashAccessToken(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');
}
