import { KeyObject } from 'node:crypto';
import { importJWK } from 'jose';
import { isRecord, ownProperties } from '../util/record.js';
import { MAX_KID_LENGTH } from './unverified-token.js';

const MIN_MODULUS_BITS = 2048;
const MAX_MODULUS_BITS = 8192;
/** Matches the exponent 65537 in base64url. Leading zero bytes are accepted: each `AAAA` encodes three of them. */
const EXPONENT_65537 = /^(?:AAAA)*AQAB$/;
/** The only signature algorithm that is accepted for keys of GenAuth's key set (RFC 7518 §3.1). */
export const JWK_ALGORITHM = 'RS256';

/** A key of GenAuth's key set that can verify tokens. */
export interface VerificationKey {
  readonly kid: string;
  /** Modulus and exponent as text. Two keys are the same key if this text is equal. */
  readonly modulusAndExponent: string;
  readonly key: KeyObject;
}

/**
 * Imports a key of GenAuth's key set. If the previous key set has the same key (ID, modulus and exponent), the object
 * from the previous key set is returned. Tokens that were verified with this object can then stay in the cache of
 * verified tokens.
 *
 * @param value - One item of the array `keys` in the key set (RFC 7517 §5).
 * @param findKnownKey - Returns the key with the given key ID from the previous key set.
 * @returns The key. `undefined` if the value is not a usable RSA signature key.
 */
export async function importVerificationKey(
  value: unknown,
  findKnownKey: (kid: string) => VerificationKey | undefined,
): Promise<VerificationKey | undefined> {
  const jwk = toPublicJwk(value);
  if (jwk === undefined) return undefined;
  const { kid, n, e } = jwk;
  const modulusAndExponent = `${n}.${e}`;
  const known = findKnownKey(kid);
  if (known?.modulusAndExponent === modulusAndExponent) return known;
  try {
    const key = await importJWK({ kty: 'RSA', n, e }, JWK_ALGORITHM);
    return key instanceof Uint8Array ? undefined : { kid, modulusAndExponent, key: KeyObject.from(key) };
  } catch {
    // Modulus and exponent do not form an RSA key.
    return undefined;
  }
}

/**
 * Reads the ID, the modulus and the exponent of a JWK. All other members of the JWK are only checked (for example
 * `alg`) or are ignored (for example other key material).
 *
 * @returns `undefined` if the JWK is not usable. A usable JWK has a key ID of 1 to 256 characters, the type RSA, a
 * modulus of 2048 to 8192 bits and the exponent 65537. If `use`, `alg` or `key_ops` is present, `use` must be `sig`,
 * `alg` must be `RS256` and `key_ops` must contain `verify` (RFC 7517 §4, RFC 7518 §6.3).
 */
function toPublicJwk(value: unknown): { kid: string; n: string; e: string } | undefined {
  if (!isRecord(value)) return undefined;
  const { kty, kid, use, alg, key_ops: operations, n, e } = ownProperties(value);
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) return undefined;
  if (use !== undefined && use !== 'sig') return undefined;
  if (alg !== undefined && alg !== JWK_ALGORITHM) return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined;
  if (kty !== 'RSA' || typeof n !== 'string' || typeof e !== 'string' || !EXPONENT_65537.test(e)) return undefined;
  const bits = countBits(Buffer.from(n, 'base64url'));
  return bits >= MIN_MODULUS_BITS && bits <= MAX_MODULUS_BITS ? { kid, n, e } : undefined;
}

function countBits(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first === -1 ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24;
}
