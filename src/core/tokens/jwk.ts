import { KeyObject } from 'node:crypto';
import { importJWK } from 'jose';
import { isRecord, ownProperties } from '../util/record.js';
import { MAX_KID_LENGTH } from './unverified-token.js';

const MIN_MODULUS_BITS = 2048;
const MAX_MODULUS_BITS = 8192;
/** The one algorithm of keys in the key set (RFC 7518 §3.1). */
export const JWK_ALGORITHM = 'RS256';

/** A key of the key set that may verify tokens. */
export interface VerificationKey {
  readonly kid: string;
  /** Modulus and exponent as text: two keys with the same numbers are the same key. */
  readonly numbers: string;
  readonly key: KeyObject;
}

/**
 * Imports a key of the key set, unless `known` has the same numbers: then the known object is returned, so that tokens
 * which it verified need not be verified again.
 *
 * @param value - One member of `keys` (RFC 7517 §5).
 * @param find - Returns the known key with that ID.
 * @returns `undefined` for a key that must not verify tokens here, or that is no key.
 */
export async function importVerificationKey(
  value: unknown,
  find: (kid: string) => VerificationKey | undefined,
): Promise<VerificationKey | undefined> {
  const jwk = toPublicJwk(value);
  if (jwk === undefined) return undefined;
  const { kid, n, e } = jwk;
  const numbers = `${n}.${e}`;
  const known = find(kid);
  if (known?.numbers === numbers) return known;
  try {
    const key = await importJWK({ kty: 'RSA', n, e }, JWK_ALGORITHM);
    return key instanceof Uint8Array ? undefined : { kid, numbers, key: KeyObject.from(key) };
  } catch {
    // The numbers are no RSA key.
    return undefined;
  }
}

/**
 * Takes the ID and the public numbers of a JWK, and neither its `alg` nor other key material.
 *
 * @returns `undefined` for a key with another use, another algorithm or another type (RFC 7517 §4, RFC 7518 §6.3), and
 * for RSA keys outside 2048 to 8192 bits or with another exponent than 65537.
 */
function toPublicJwk(value: unknown): { kid: string; n: string; e: string } | undefined {
  if (!isRecord(value)) return undefined;
  const { kty, kid, use, alg, key_ops: operations, n, e } = ownProperties(value);
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) return undefined;
  if (use !== undefined && use !== 'sig') return undefined;
  if (alg !== undefined && alg !== JWK_ALGORITHM) return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined;
  if (kty !== 'RSA' || typeof n !== 'string' || typeof e !== 'string' || !/^A*AQAB$/.test(e)) return undefined;
  const bits = countBits(Buffer.from(n, 'base64url'));
  return bits >= MIN_MODULUS_BITS && bits <= MAX_MODULUS_BITS ? { kid, n, e } : undefined;
}

function countBits(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first === -1 ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24;
}
