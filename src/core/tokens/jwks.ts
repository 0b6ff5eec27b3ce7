import type { KeyObject } from 'node:crypto';
import { GenAuthError, TokenVerificationError, UpstreamError } from '../errors.js';
import { quote, toDetail } from '../util/quote.js';
import { PendingFetch } from '../util/pending-fetch.js';
import { isRecord } from '../util/record.js';
import { JWK_ALGORITHM, type VerificationKey, importVerificationKey } from './jwk.js';

/** First pause after a failed fetch; each further failure doubles it, up to the cool-down. */
const FIRST_BACKOFF_MS = 2_000;

/** Keys by ID. */
type KeySet = ReadonlyMap<string, VerificationKey>;

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
  #pending: PendingFetch | undefined;

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
  async getKey(kid: string | undefined, fromGenAuth: boolean): Promise<KeyObject> {
    const fresh = this.getFreshKey(kid);
    if (fresh !== undefined) return fresh;
    const { maxAge, staleIfError } = this.#settings;
    const stale = this.#age() < maxAge + staleIfError ? this.#find(kid) : undefined;
    if (this.#mayFetch(fromGenAuth)) {
      if (stale === undefined) await this.#refresh().done;
      // Normally the answer comes in this time, and a withdrawn key is gone; while GenAuth hangs, nobody waits longer.
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
        ? `The token names no key (kid), and the key set has ${this.#keys.size} for ${JWK_ALGORITHM}.`
        : `The token is signed with key ${quote(kid)}, which the key set does not have.`,
      { details: { claim: 'kid', expected: toDetail([...this.#keys.keys()]), actual: kid } },
    );
  }

  /** The key that needs no asking and no waiting, where there is one. */
  getFreshKey(kid: string | undefined): KeyObject | undefined {
    return this.#age() < this.#settings.maxAge ? this.#find(kid) : undefined;
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
    return {
      count: isServing ? this.#keys.size : 0,
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

  #find(kid: string | undefined): KeyObject | undefined {
    if (kid !== undefined) return this.#keys.get(kid)?.key;
    return this.#keys.size === 1 ? this.#keys.values().next().value?.key : undefined;
  }

  #mayFetch(fromGenAuth: boolean): boolean {
    const sinceAttempt = this.#settings.now() - this.#attemptedAt;
    // Below zero: the clock was set back, and nobody knows how long ago the attempt was.
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

/** Imports the keys that may verify tokens here and skips all others. A set without any is a fault of GenAuth. */
async function importKeySet(document: unknown, known: KeySet): Promise<KeySet> {
  const list: unknown = isRecord(document) ? document['keys'] : undefined;
  if (!Array.isArray(list)) {
    throw new UpstreamError('upstream_invalid_response', "GenAuth's key set has no list of keys.");
  }
  const keySet = new Map<string, VerificationKey>();
  for (const jwk of list as unknown[]) {
    const key = await importVerificationKey(jwk, (kid) => known.get(kid));
    // The first usable key of an ID counts.
    if (key !== undefined && !keySet.has(key.kid)) keySet.set(key.kid, key);
  }
  if (keySet.size > 0) return keySet;
  throw new UpstreamError(
    'upstream_invalid_response',
    `None of the ${list.length} keys in GenAuth's key set can verify ${JWK_ALGORITHM} tokens.`,
  );
}
