import { type CryptoKey, type JWK, importJWK } from 'jose';
import { TokenVerificationError, UpstreamError, quote } from './errors.js';

/** First pause after a failed fetch; each further failure doubles it, up to the cool-down. */
const FIRST_BACKOFF_MS = 2_000;
const MIN_MODULUS_BITS = 2048;
const MAX_MODULUS_BITS = 8192;
const MAX_KID_LENGTH = 256;

export interface JwksSettings {
  /** Fetches the key set (RFC 7517 §5). */
  requestKeySet: () => Promise<unknown>;
  /** The one algorithm that the keys are for. */
  algorithm: string;
  /** Milliseconds, as in the option `jwks`. */
  maxAge: number;
  cooldown: number;
  staleIfError: number;
  /** Milliseconds since 1970. */
  now: () => number;
}

/**
 * The key set of one client: one fetch at a time, whole sets only, a cool-down for unknown key IDs that counts from the last
 * attempt whatever came of it, a growing pause after failures, and the last good set while GenAuth is down.
 */
export class Jwks {
  readonly #settings: JwksSettings;
  #keys: ReadonlyMap<string, CryptoKey> = new Map();
  #fetchedAt = -Infinity;
  #attemptedAt = -Infinity;
  /** Milliseconds to wait after the last attempt, because it failed. */
  #pause = 0;
  #failures = 0;
  #lastError: unknown;
  #pending: Promise<void> | undefined;

  constructor(settings: JwksSettings) {
    this.#settings = settings;
  }

  /**
   * The key for a token.
   *
   * @param kid - The token's key ID; without one the key is only clear if there is exactly one (OpenID Connect Core 1.0 §10.1).
   * @param fromGenAuth - The token came straight from GenAuth, so nobody can use unknown key IDs to cause fetches: a key that
   * was rotated a moment ago must not make logins fail until the cool-down ends.
   * @throws TokenVerificationError `token_key_unknown`.
   * @throws UpstreamError where GenAuth cannot be asked; then nobody knows whether the key is unknown.
   */
  async getKey(kid: string | undefined, fromGenAuth: boolean): Promise<CryptoKey> {
    const { maxAge, staleIfError } = this.#settings;
    const age = this.#age();
    const known = this.#find(kid);
    if (known !== undefined && age < maxAge) return known;
    const stale = age < maxAge + staleIfError ? known : undefined;
    if (this.#mayFetch(fromGenAuth)) {
      try {
        await this.#refresh();
      } catch (error) {
        if (stale !== undefined) return stale;
        throw error;
      }
    } else if (stale !== undefined) {
      return stale;
    } else if (this.#lastError !== undefined) {
      throw this.#lastError;
    }
    const key = this.#find(kid);
    if (key !== undefined) return key;
    throw new TokenVerificationError(
      'token_key_unknown',
      kid === undefined
        ? `The token names no key (kid), and the key set has ${this.#keys.size}.`
        : `The token is signed with key ${quote(kid)}, which the key set does not have.`,
    );
  }

  /** Fetches the key set if there is no fresh one. @throws UpstreamError, ConfigurationError */
  async warmUp(): Promise<void> {
    if (this.#age() < this.#settings.maxAge) return;
    if (!this.#mayFetch(false)) throw this.#lastError;
    await this.#refresh();
  }

  /** Of the key set. A clock that was set back makes it stale, not young. */
  #age(): number {
    const age = this.#settings.now() - this.#fetchedAt;
    return age < 0 ? this.#settings.maxAge : age;
  }

  #find(kid: string | undefined): CryptoKey | undefined {
    if (kid !== undefined) return this.#keys.get(kid);
    return this.#keys.size === 1 ? this.#keys.values().next().value : undefined;
  }

  #mayFetch(fromGenAuth: boolean): boolean {
    const sinceAttempt = this.#settings.now() - this.#attemptedAt;
    // Below zero: the clock was set back, and nobody knows how long ago the attempt was.
    if (this.#pending !== undefined || sinceAttempt < 0) return true;
    if (sinceAttempt < this.#pause) return false;
    return this.#age() >= this.#settings.maxAge || fromGenAuth || sinceAttempt >= this.#settings.cooldown;
  }

  #refresh(): Promise<void> {
    this.#pending ??= this.#load().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #load(): Promise<void> {
    const { requestKeySet, algorithm, cooldown, maxAge, now } = this.#settings;
    const startedAt = now();
    this.#attemptedAt = startedAt;
    try {
      this.#keys = await importKeySet(await requestKeySet(), algorithm);
      this.#fetchedAt = startedAt;
      this.#failures = 0;
      this.#pause = 0;
      this.#lastError = undefined;
    } catch (error) {
      const backoff = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures, cooldown);
      const asked = error instanceof UpstreamError ? (error.retryAfter ?? 0) * 1000 : 0;
      this.#failures += 1;
      this.#attemptedAt = now();
      // Jitter, so that many processes do not come back in one moment.
      this.#pause = Math.max(backoff * (0.75 + Math.random() * 0.5), Math.min(asked, maxAge));
      this.#lastError = error;
      throw error;
    }
  }
}

/** Imports the keys that may verify tokens here, and passes over all others; a set without any is a fault of the server. */
async function importKeySet(document: unknown, algorithm: string): Promise<Map<string, CryptoKey>> {
  const list: unknown =
    typeof document === 'object' && document !== null ? (document as { keys?: unknown }).keys : undefined;
  if (!Array.isArray(list)) {
    throw new UpstreamError('upstream_invalid_response', "GenAuth's key set has no list of keys.");
  }
  const keys = new Map<string, CryptoKey>();
  for (const jwk of list as unknown[]) {
    if (!isUsable(jwk, algorithm) || keys.has(jwk.kid)) continue;
    try {
      // Nothing but the public numbers is taken over: neither the key's own `alg` nor key material of another kind.
      const key = await importJWK({ kty: 'RSA', n: jwk.n, e: jwk.e }, algorithm);
      if (!(key instanceof Uint8Array)) keys.set(jwk.kid, key);
    } catch {
      // Numbers that are no key: the same as any other key that cannot be used.
    }
  }
  if (keys.size === 0) {
    throw new UpstreamError(
      'upstream_invalid_response',
      `None of the ${list.length} keys in GenAuth's key set can verify ${algorithm} tokens.`,
    );
  }
  return keys;
}

/** RFC 7517 §4, RFC 7518 §6.3.1, and sizes: 2048 to 8192 bits, exponent 65537. */
function isUsable(value: unknown, algorithm: string): value is JWK & { kid: string; n: string; e: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { kty, kid, use, alg, key_ops: operations, n, e } = value as Record<string, unknown>;
  if (kty !== 'RSA' || typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) return false;
  if (use !== undefined && use !== 'sig') return false;
  if (alg !== undefined && alg !== algorithm) return false;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return false;
  if (typeof n !== 'string' || typeof e !== 'string') return false;
  const bits = countBits(Buffer.from(n, 'base64url'));
  return bits >= MIN_MODULUS_BITS && bits <= MAX_MODULUS_BITS && /^A*AQAB$/.test(e);
}

function countBits(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first === -1 ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24;
}
