import type { KeyObject } from 'node:crypto';
import { GenAuthError, TokenVerificationError, UpstreamError } from '../errors.js';
import { quote, toDetail } from '../util/quote.js';
import { PendingFetch } from '../util/pending-fetch.js';
import { isRecord } from '../util/record.js';
import { JWK_ALGORITHM, type VerificationKey, importVerificationKey } from './jwk.js';

/**
 * Pause after the first failed fetch of the key set, in milliseconds. Each further failure doubles the pause, up to
 * `cooldown`.
 */
const FIRST_BACKOFF_MS = 2_000;

/** The keys of one key set, by key ID. */
type KeySet = ReadonlyMap<string, VerificationKey>;

/** The state of the cached key set. {@link ClientStatus} contains this object. */
export interface KeySetStatus {
  /** Number of keys that can verify tokens now. 0 if no key set was fetched yet, or if the last key set is too old. */
  count: number;
  /** Start time of the last successful fetch of the key set. `undefined` if no fetch has succeeded yet. */
  fetchedAt: Date | undefined;
  /**
   * Whether the counted keys are older than the option `jwks.maxAge`. If `true`, the old keys are used only while no
   * new keys can be fetched.
   */
  isStale: boolean;
  /** The `code` of the error if the last fetch of the key set failed, otherwise `undefined`. */
  lastError: string | undefined;
}

export interface JwksSettings {
  /** Fetches the key set (RFC 7517 §5). */
  requestKeySet: () => Promise<unknown>;
  /** Time during which a key set is fresh, in milliseconds. */
  maxAge: number;
  /** Minimum time between two fetches that are caused by unknown key IDs, in milliseconds. */
  cooldown: number;
  /** Time after `maxAge` during which the last key set is used while fetching fails, in milliseconds. */
  staleIfError: number;
  /** Returns the current time, in milliseconds since 1970. */
  now: () => number;
}

/**
 * Caches GenAuth's key set for one `GenAuthClient`.
 *
 * - Only one fetch runs at a time. A successful fetch replaces the whole key set.
 * - For a token with an unknown key ID, a new fetch starts only if `cooldown` has passed since the last fetch. A failed
 *   fetch counts too.
 * - After a failed fetch there is a pause without fetches. The pause grows with each failure.
 * - While GenAuth is down, the last key set is used for the additional time `staleIfError`.
 */
export class Jwks {
  readonly #settings: JwksSettings;
  #keys: KeySet = new Map();
  #fetchedAt = -Infinity;
  #attemptedAt = -Infinity;
  /** Pause after the last fetch, in milliseconds. 0 if the last fetch succeeded. */
  #pause = 0;
  #failures = 0;
  #lastError: unknown;
  #pending: PendingFetch | undefined;

  constructor(settings: JwksSettings) {
    this.#settings = settings;
  }

  /**
   * Returns the key that verifies a token. Fetches the key set if the cached key set is too old or does not have the
   * key.
   *
   * @param kid - The key ID of the token. A token without a key ID is accepted only if the key set has exactly one key
   * (OpenID Connect Core 1.0 §10.1).
   * @param fromGenAuth - Whether the token came directly from GenAuth. If `true`, an unknown key ID causes a fetch even
   * if `cooldown` has not passed. Without this fetch, logins could fail after a key rotation until `cooldown` has
   * passed. An attacker cannot cause this fetch.
   * @throws TokenVerificationError `token_key_unknown` if the key set does not have the key.
   * @throws UpstreamError if no usable key is cached and the key set cannot be fetched. In this case it is not known
   * whether the key exists.
   * @throws ConfigurationError if the discovery document contradicts the options.
   */
  async getKey(kid: string | undefined, fromGenAuth: boolean): Promise<KeyObject> {
    const fresh = this.getFreshKey(kid);
    if (fresh !== undefined) return fresh;
    const { maxAge, staleIfError } = this.#settings;
    const stale = this.#age() < maxAge + staleIfError ? this.#find(kid) : undefined;
    if (this.#mayFetch(fromGenAuth)) {
      if (stale === undefined) await this.#refresh().done;
      // The stale key is used only if the fetch fails or is too slow. A successful fetch removes the keys that GenAuth
      // no longer publishes.
      else if (!(await this.#refresh().settlesInTime())) return stale;
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
        ? `The token has no kid (key ID), and the key set has ${this.#keys.size} ${JWK_ALGORITHM} keys instead of 1.`
        : `The token is signed with key ${quote(kid)}, which the key set does not have: ` +
            'get a new token, or check appHost.',
      { details: { claim: 'kid', expected: toDetail([...this.#keys.keys()]), actual: kid } },
    );
  }

  /**
   * Returns a key of a fresh key set without a fetch. `undefined` if the key set is not fresh or does not have the key.
   */
  getFreshKey(kid: string | undefined): KeyObject | undefined {
    return this.#age() < this.#settings.maxAge ? this.#find(kid) : undefined;
  }

  /**
   * Fetches the key set if the cached key set is not fresh.
   *
   * @throws UpstreamError if the fetch fails, or if the pause after the last failed fetch has not ended.
   * @throws ConfigurationError if the discovery document contradicts the options.
   */
  async warmUp(): Promise<void> {
    if (this.#age() < this.#settings.maxAge) return;
    if (!this.#mayFetch(false)) throw this.#lastError;
    await this.#refresh().done;
  }

  /** Returns the state of the cached key set. Sends no request to GenAuth. */
  status(): KeySetStatus {
    const { maxAge, staleIfError } = this.#settings;
    const age = this.#age();
    const isUsable = age < maxAge + staleIfError;
    return {
      count: isUsable ? this.#keys.size : 0,
      fetchedAt: Number.isFinite(this.#fetchedAt) ? new Date(this.#fetchedAt) : undefined,
      isStale: isUsable && age >= maxAge,
      lastError: this.#lastError instanceof GenAuthError ? this.#lastError.code : undefined,
    };
  }

  /** Returns the age of the key set, in milliseconds. If the clock was set back, the key set is treated as stale. */
  #age(): number {
    const age = this.#settings.now() - this.#fetchedAt;
    return age < 0 ? this.#settings.maxAge : age;
  }

  #find(kid: string | undefined): KeyObject | undefined {
    if (kid !== undefined) return this.#keys.get(kid)?.key;
    return this.#keys.size === 1 ? this.#keys.values().next().value?.key : undefined;
  }

  #mayFetch(fromGenAuth: boolean): boolean {
    const sinceAttempt = this.#settings.now() - this.#attemptedAt;
    // A negative time means that the clock was set back. In this case the time since the last fetch is not known.
    if (this.#pending !== undefined || sinceAttempt < 0) return true;
    if (sinceAttempt < this.#pause) return false;
    return this.#age() >= this.#settings.maxAge || fromGenAuth || sinceAttempt >= this.#settings.cooldown;
  }

  #refresh(): PendingFetch {
    this.#pending ??= new PendingFetch(
      this.#load().finally(() => {
        this.#pending = undefined;
      }),
    );
    return this.#pending;
  }

  async #load(): Promise<void> {
    const { requestKeySet, cooldown, maxAge, now } = this.#settings;
    const startedAt = now();
    this.#attemptedAt = startedAt;
    try {
      this.#keys = await importKeySet(await requestKeySet(), this.#keys);
      this.#fetchedAt = startedAt;
      this.#failures = 0;
      this.#pause = 0;
      this.#lastError = undefined;
    } catch (error) {
      const backoff = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures, cooldown);
      const requestedPause = error instanceof UpstreamError ? (error.retryAfter ?? 0) * 1000 : 0;
      this.#failures += 1;
      this.#attemptedAt = now();
      // The pause varies randomly by 25 %, so that many processes do not send their next requests at the same moment.
      this.#pause = Math.max(backoff * (0.75 + Math.random() * 0.5), Math.min(requestedPause, maxAge));
      this.#lastError = error;
      throw error;
    }
  }
}

/**
 * Imports the usable keys of a key set and skips all other keys.
 *
 * @throws UpstreamError if the key set has no array `keys`, or if none of the keys is usable.
 */
async function importKeySet(document: unknown, known: KeySet): Promise<KeySet> {
  const list: unknown = isRecord(document) ? document['keys'] : undefined;
  if (!Array.isArray(list)) {
    throw new UpstreamError(
      'upstream_invalid_response',
      "GenAuth's key set has no array 'keys': check appHost and jwksUri.",
    );
  }
  const keySet = new Map<string, VerificationKey>();
  for (const jwk of list as unknown[]) {
    const key = await importVerificationKey(jwk, (kid) => known.get(kid));
    // If several usable keys have the same ID, the first one is used.
    if (key !== undefined && !keySet.has(key.kid)) keySet.set(key.kid, key);
  }
  if (keySet.size > 0) return keySet;
  throw new UpstreamError(
    'upstream_invalid_response',
    `None of the ${list.length} keys in GenAuth's key set can verify ${JWK_ALGORITHM} tokens: ` +
      "ask GenAuth's support for a new signing key. If jwksUri is set, check it first.",
  );
}
