import { KeyObject } from 'node:crypto';
import { importJWK } from 'jose/key/import';
import { ConfigurationError, type UnusableKey } from '../errors.js';
import { quote } from '../util/quote.js';
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
  /** `undefined` if the key has no key ID. Such a key verifies only tokens without a key ID. */
  readonly kid: string | undefined;
  /** The modulus without leading zero bytes, in base64url. Two keys are the same key if this text is equal. */
  readonly modulus: string;
  readonly key: KeyObject;
}

/** A key of GenAuth's key set that cannot verify tokens. */
export interface RefusedKey extends UnusableKey {
  /** Whether the key is for signatures with {@link JWK_ALGORITHM}, and not for encryption or a different algorithm. */
  readonly isForTokens: boolean;
}

/**
 * Imports a key of GenAuth's key set. If the previous key set has the same key (ID and modulus), the object
 * from the previous key set is returned. Tokens that were verified with this object can then stay in the cache of
 * verified tokens.
 *
 * @param value - One item of the array `keys` in the key set (RFC 7517 §5).
 * @param findKnownKey - Returns the key with the given ID and modulus from the previous key set.
 * @throws ConfigurationError `runtime_unsuitable` if this process cannot import a key that is well-formed.
 */
export async function importVerificationKey(
  value: unknown,
  findKnownKey: (kid: string | undefined, modulus: string) => VerificationKey | undefined,
): Promise<VerificationKey | RefusedKey> {
  const jwk = readPublicJwk(value);
  if ('problem' in jwk) return jwk;
  const { kid, modulus } = jwk;
  return findKnownKey(kid, modulus) ?? { kid, modulus, key: await importKey(modulus) };
}

async function importKey(modulus: string): Promise<KeyObject> {
  try {
    const key = await importJWK({ kty: 'RSA', n: modulus, e: 'AQAB' }, JWK_ALGORITHM);
    return KeyObject.from(key as Exclude<typeof key, Uint8Array>);
  } catch (cause) {
    // The form of the key was checked before, so the fault is not in GenAuth's key set.
    throw runtimeUnsuitable('import an RSA key', cause);
  }
}

/** Builds the error for a cryptographic operation that failed although its input was checked before. */
export function runtimeUnsuitable(operation: string, cause: unknown): ConfigurationError {
  return new ConfigurationError(
    'runtime_unsuitable',
    `This process cannot ${operation}. Start Node.js with its global WebCrypto, and outside jsdom.`,
    { cause },
  );
}

/**
 * Reads the ID and the modulus of a JWK. All other members of the JWK are only checked (for example
 * `alg`) or are ignored (for example other key material). A member that is `null` counts as absent, because some
 * serializers write absent members so.
 *
 * A usable JWK has the type RSA, a modulus of 2048 to 8192 bits and the exponent 65537. If `kid` is present, it must
 * have 1 to 256 characters. If `use`, `alg` or `key_ops` is present, `use` must be `sig`, `alg` must be `RS256` and
 * `key_ops` must contain `verify` (RFC 7517 §4, RFC 7518 §6.3).
 */
function readPublicJwk(value: unknown): { kid: string | undefined; modulus: string } | RefusedKey {
  if (!isRecord(value)) return { kid: undefined, problem: 'is not an object', isForTokens: false };
  const present = Object.entries(value).filter(([, member]) => member !== null);
  const members = ownProperties(Object.fromEntries(present) as Record<string, unknown>);
  const { kty, kid, use, alg, key_ops: operations, n, e } = members;
  const isForTokens = use !== 'enc' && (alg ?? JWK_ALGORITHM) === JWK_ALGORITHM;
  const unusable = (problem: string): RefusedKey => ({ kid, problem, isForTokens });
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH))
    return unusable(`kid is not a string of 1 to ${MAX_KID_LENGTH} characters`);
  if (kty !== 'RSA') return unusable(`kty is ${quote(kty)}`);
  if (use !== undefined && use !== 'sig') return unusable(`use is ${quote(use)}`);
  if (alg !== undefined && alg !== JWK_ALGORITHM) return unusable(`alg is ${quote(alg)}`);
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
    return unusable('key_ops does not contain "verify"');
  if (typeof n !== 'string' || typeof e !== 'string') return unusable('n or e is missing (x5c is not read)');
  if (!EXPONENT_65537.test(e)) return unusable('the exponent is not 65537');
  const bytes = Buffer.from(n, 'base64url');
  const first = bytes.findIndex((byte) => byte !== 0);
  const significant = bytes.subarray(first === -1 ? bytes.length : first);
  const bits = Math.max(0, significant.length * 8 - Math.clz32(significant[0] ?? 0) + 24);
  if (bits < MIN_MODULUS_BITS || bits > MAX_MODULUS_BITS) return unusable(`the modulus has ${bits} bits`);
  return { kid, modulus: significant.toString('base64url') };
}
