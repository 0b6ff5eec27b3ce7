import { type CryptoKey, type JWK, importJWK } from 'jose';
import { GenAuthError, TokenVerificationError, UpstreamError } from '../errors.js';
import { quote } from '../util/quote.js';
import { Fetching } from '../util/pending-fetch.js';
import { isRecord, ownProperties } from '../util/record.js';

/** First pause after a failed fetch; each further failure doubles it, up to the cool-down. */
const FIRST_BACKOFF_MS = 2_000;
const MIN_MODULUS_BITS = 2048;
const MAX_MODULUS_BITS = 8192;
/** Characters. */
export const MAX_KID_LENGTH = 256;

interface ImportedKey {
  readonly key: CryptoKey;
  /** The numbers that it was made of. */
  readonly text: string;
}

/** Keys by algorithm and ID. */
type KeySet = ReadonlyMap<string, ReadonlyMap<string, ImportedKey>>;

/** How a key set is. */
export interface KeySetStatus {
  /** Keys that tokens can be verified with. */
  count: number;
  /** When they were fetched. */
  fetchedAt: Date | undefined;
  /** Whether they serve only because GenAuth cannot be asked for new ones. */
  isStale: boolean;
  /** Why the last fetch failed: an error's `code`. */
  lastError: string | undefined;
}

export interface JwksSettings {
  /** Fetches the key set (RFC 7517 §5). */
  requestKeySet: () => Promise<unknown>;
  /** The asymmetric algorithms (RFC 7518 §3.1) that tokens here are signed with. */
  algorithms: readonly string[];
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
  #keys: KeySet = new Map();
  #fetchedAt = -Infinity;
  #attemptedAt = -Infinity;
  /** Milliseconds to wait after the last attempt, because it failed. */
  #pause = 0;
  #failures = 0;
  #lastError: unknown;
  #pending: Fetching | undefined;

  constructor(settings: JwksSettings) {
    this.#settings = settings;
  }

  /**
   * The key for a token.
   *
   * @param algorithm - One of the configured ones.
   * @param kid - The token's key ID; without one the key is only clear if there is exactly one (OpenID Connect Core 1.0 §10.1).
   * @param fromGenAuth - The token came straight from GenAuth, so nobody can use unknown key IDs to cause fetches: a key that
   * was rotated a moment ago must not make logins fail until the cool-down ends.
   * @throws TokenVerificationError `token_key_unknown`.
   * @throws UpstreamError where GenAuth cannot be asked; then nobody knows whether the key is unknown.
   */
  async getKey(algorithm: string, kid: string | undefined, fromGenAuth: boolean): Promise<CryptoKey> {
    const fresh = this.getFreshKey(algorithm, kid);
    if (fresh !== undefined) return fresh;
    const { maxAge, staleIfError } = this.#settings;
    const stale = this.#age() < maxAge + staleIfError ? this.#find(algorithm, kid) : undefined;
    if (this.#mayFetch(fromGenAuth)) {
      if (stale === undefined) await this.#refresh().done;
      // Normally the answer comes in this time, and a withdrawn key is gone; while GenAuth hangs, nobody waits longer.
      else if (!(await this.#refresh().comesSoon())) return stale;
    } else if (stale !== undefined) {
      return stale;
    } else if (this.#lastError !== undefined) {
      throw this.#lastError;
    }
    const key = this.#find(algorithm, kid);
    if (key !== undefined) return key;
    throw new TokenVerificationError(
      'token_key_unknown',
      kid === undefined
        ? `The token names no key (kid), and the key set has ${this.#keys.get(algorithm)?.size ?? 0} for ${algorithm}.`
        : `The token is signed with key ${quote(kid)}, which the key set does not have.`,
    );
  }

  /** The key that needs no asking and no waiting, where there is one. */
  getFreshKey(algorithm: string, kid: string | undefined): CryptoKey | undefined {
    return this.#age() < this.#settings.maxAge ? this.#find(algorithm, kid) : undefined;
  }

  /** Fetches the key set if there is no fresh one. @throws UpstreamError, ConfigurationError */
  async warmUp(): Promise<void> {
    if (this.#age() < this.#settings.maxAge) return;
    if (!this.#mayFetch(false)) throw this.#lastError;
    await this.#refresh().done;
  }

  /** Keys that are too old to serve do not count. */
  status(): KeySetStatus {
    const { maxAge, staleIfError } = this.#settings;
    const age = this.#age();
    const isServing = age < maxAge + staleIfError;
    const counts = [...this.#keys.values()].map((keys) => keys.size);
    return {
      count: isServing ? counts.reduce((sum, size) => sum + size, 0) : 0,
      fetchedAt: Number.isFinite(this.#fetchedAt) ? new Date(this.#fetchedAt) : undefined,
      isStale: isServing && age >= maxAge,
      lastError: this.#lastError instanceof GenAuthError ? this.#lastError.code : undefined,
    };
  }

  /** Of the key set. A clock that was set back makes it stale, not young. */
  #age(): number {
    const age = this.#settings.now() - this.#fetchedAt;
    return age < 0 ? this.#settings.maxAge : age;
  }

  #find(algorithm: string, kid: string | undefined): CryptoKey | undefined {
    const keys = this.#keys.get(algorithm);
    if (kid !== undefined) return keys?.get(kid)?.key;
    return keys?.size === 1 ? keys.values().next().value?.key : undefined;
  }

  #mayFetch(fromGenAuth: boolean): boolean {
    const sinceAttempt = this.#settings.now() - this.#attemptedAt;
    // Below zero: the clock was set back, and nobody knows how long ago the attempt was.
    if (this.#pending !== undefined || sinceAttempt < 0) return true;
    if (sinceAttempt < this.#pause) return false;
    return this.#age() >= this.#settings.maxAge || fromGenAuth || sinceAttempt >= this.#settings.cooldown;
  }

  #refresh(): Fetching {
    this.#pending ??= new Fetching(
      this.#load().finally(() => {
        this.#pending = undefined;
      }),
    );
    return this.#pending;
  }

  async #load(): Promise<void> {
    const { requestKeySet, algorithms, cooldown, maxAge, now } = this.#settings;
    const startedAt = now();
    this.#attemptedAt = startedAt;
    try {
      this.#keys = await importKeySet(await requestKeySet(), algorithms, this.#keys);
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
async function importKeySet(document: unknown, algorithms: readonly string[], known: KeySet): Promise<KeySet> {
  const list: unknown = isRecord(document) ? document['keys'] : undefined;
  if (!Array.isArray(list)) {
    throw new UpstreamError('upstream_invalid_response', "GenAuth's key set has no list of keys.");
  }
  const keySet = new Map(algorithms.map((algorithm) => [algorithm, new Map<string, ImportedKey>()]));
  for (const [algorithm, keys] of keySet) {
    for (const jwk of list as unknown[]) {
      const candidate = toPublicKey(jwk, algorithm);
      if (candidate === undefined || keys.has(candidate.kid)) continue;
      const { kid, numbers } = candidate;
      const text = JSON.stringify(numbers);
      const same = known.get(algorithm)?.get(kid);
      // The very object, so that tokens which it verified need not be verified anew.
      if (same?.text === text) {
        keys.set(kid, same);
        continue;
      }
      try {
        const key = await importJWK(numbers, algorithm);
        if (!(key instanceof Uint8Array)) keys.set(kid, { key, text });
      } catch {
        // Numbers that are no key: the same as any other key that cannot be used.
      }
    }
  }
  if ([...keySet.values()].every((keys) => keys.size === 0)) {
    throw new UpstreamError(
      'upstream_invalid_response',
      `None of the ${list.length} keys in GenAuth's key set can verify ${algorithms.join(' or ')} tokens.`,
    );
  }
  return keySet;
}

/** Curve of each algorithm (RFC 7518 §3.4). */
const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

/**
 * What of a JWK is taken over: its ID and the public numbers, neither its own `alg` nor key material of another kind. Nothing
 * for a key that is not for this algorithm (RFC 7517 §4, RFC 7518 §6): RSA of 2048 to 8192 bits with exponent 65537, or the
 * algorithm's curve.
 */
function toPublicKey(value: unknown, algorithm: string): { kid: string; numbers: JWK } | undefined {
  if (!isRecord(value)) return undefined;
  const { kty, kid, use, alg, key_ops: operations, n, e, crv, x, y } = ownProperties(value);
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) return undefined;
  if (use !== undefined && use !== 'sig') return undefined;
  if (alg !== undefined && alg !== algorithm) return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined;
  const curve = CURVES[algorithm];
  if (curve !== undefined) {
    if (kty !== 'EC' || crv !== curve || typeof x !== 'string' || typeof y !== 'string') return undefined;
    return { kid, numbers: { kty, crv, x, y } };
  }
  if (kty !== 'RSA' || typeof n !== 'string' || typeof e !== 'string' || !/^A*AQAB$/.test(e)) return undefined;
  const bits = countBits(Buffer.from(n, 'base64url'));
  return bits >= MIN_MODULUS_BITS && bits <= MAX_MODULUS_BITS ? { kid, numbers: { kty, n, e } } : undefined;
}

function countBits(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first === -1 ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24;
}
