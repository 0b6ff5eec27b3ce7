import type { KeyObject } from 'node:crypto';
import { GenAuthError, TokenVerificationError, type UnusableKey, UpstreamError } from '../errors.js';
import { quote, toDetail } from '../util/quote.js';
import { PendingFetch } from '../util/pending-fetch.js';
import { isRecord } from '../util/record.js';
import { JWK_ALGORITHM, type VerificationKey, importVerificationKey } from './jwk.js';

/**
 * Pause after the first failed fetch of the key set, in milliseconds. Each further failure doubles the pause, up to
 * `cooldown`.
 */
const FIRST_BACKOFF_MS = 2_000;
/**
 * Longest pause after a failed fetch for a token that came directly from GenAuth, in milliseconds. GenAuth has already
 * accepted the password of this login, so a long `Retry-After` must not prevent it.
 */
const MAX_LOGIN_PAUSE_MS = 5_000;
/** Maximum number of keys with the same key ID. Further keys are passed over. */
const MAX_KEYS_PER_KID = 4;
/** Maximum number of unusable keys in the details of an error. */
const MAX_SHOWN_KEYS = 20;

/** One key set. */
class KeySet {
  /** The usable keys, by key ID. The key ID of the keys without one is `undefined`. */
  readonly #keys = new Map<string | undefined, VerificationKey[]>();
  readonly unusable: UnusableKey[] = [];

  /** The number of usable keys. */
  get size(): number {
    return [...this.#keys.values()].flat().length;
  }

  add(key: VerificationKey): void {
    const sameId = this.#keys.get(key.kid) ?? [];
    // Equal numbers are one key, even if the key set lists them twice.
    if (sameId.some(({ modulusAndExponent }) => modulusAndExponent === key.modulusAndExponent)) return;
    if (sameId.length === MAX_KEYS_PER_KID) {
      this.unusable.push({ kid: key.kid, problem: `${MAX_KEYS_PER_KID} keys before it have the same kid` });
      return;
    }
    this.#keys.set(key.kid, [...sameId, key]);
  }

  /** Returns the key with this key ID, modulus and exponent. */
  get(kid: string | undefined, modulusAndExponent: string): VerificationKey | undefined {
    return this.#keys.get(kid)?.find((key) => key.modulusAndExponent === modulusAndExponent);
  }

  /** Returns the keys that can verify a token with this key ID. */
  find(kid: string | undefined): readonly VerificationKey[] {
    const keys = this.#keys.get(kid) ?? [];
    if (kid !== undefined) return keys;
    // A token without a key ID needs a key that is the only one without a key ID, or the only one at all.
    if (keys.length > 0) return keys.length === 1 ? keys : [];
    return this.size === 1 ? [...this.#keys.values()].flat() : [];
  }

  /** The key IDs of the usable keys. */
  get kids(): (string | undefined)[] {
    return [...this.#keys.keys()];
  }

  /** The unusable keys for the details of an error. Empty if there are none. */
  get details(): { unusableKeys?: readonly UnusableKey[] } {
    const shown = this.unusable.slice(0, MAX_SHOWN_KEYS);
    return shown.length === 0
      ? {}
      : { unusableKeys: shown.map(({ kid, problem }) => ({ kid: toDetail(kid), problem })) };
  }
}

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
 * - Only one fetch runs at a time. A well-formed key set replaces the old one, even if it has no usable key.
 * - For a token with an unknown key ID, or with a signature that fits no key of its key ID, a new fetch starts only if
 *   `cooldown` has passed since the last fetch. A failed fetch counts too. If the fetch did not bring an unknown key
 *   ID, the next fetches may start after 2, 4, 8 … seconds, up to `cooldown`, because a new key may not be published
 *   yet.
 * - After a failed fetch there is a pause without fetches. The pause grows with each failure.
 * - While GenAuth is down, the last key set is used for the additional time `staleIfError`.
 */
export class Jwks {
  readonly #settings: JwksSettings;
  #keys = new KeySet();
  #fetchedAt = -Infinity;
  #attemptedAt = -Infinity;
  /** Pause after the last fetch, in milliseconds. 0 if the last fetch succeeded. */
  #pause = 0;
  #failures = 0;
  /** The number of fetches for tokens that did not bring the key of the token, one after the other. */
  #misses = 0;
  #lastError: unknown;
  #pending: PendingFetch | undefined;

  constructor(settings: JwksSettings) {
    this.#settings = settings;
  }

  /**
   * Returns the keys that can verify a token: usually one, at most four. Fetches the key set if the cached key set is
   * too old or does not have the key ID.
   *
   * @param kid - The key ID of the token. A token without a key ID is accepted only if the key set has exactly one key
   * without a key ID, or exactly one key (OpenID Connect Core 1.0 §10.1).
   * @param fromGenAuth - Whether the token came directly from GenAuth. If `true`, an unknown key ID causes a fetch even
   * if `cooldown` has not passed. Without this fetch, logins could fail after a key rotation until `cooldown` has
   * passed. An attacker cannot cause this fetch.
   * @throws TokenVerificationError `token_key_unknown` if the key set does not have the key.
   * @throws UpstreamError if no usable key is cached and the key set cannot be fetched. In this case it is not known
   * whether the key exists.
   * @throws ConfigurationError if the discovery document contradicts the options.
   */
  async getKeys(kid: string | undefined, fromGenAuth: boolean): Promise<readonly KeyObject[]> {
    const fresh = this.getFreshKeys(kid);
    if (fresh !== undefined) return fresh;
    const { maxAge, staleIfError } = this.#settings;
    const stale = this.#age() < maxAge + staleIfError ? this.#find(kid) : undefined;
    if (this.#mayFetch(fromGenAuth)) {
      if (stale === undefined) await this.#refreshFor(() => this.#find(kid) !== undefined);
      else if (!(await this.#refresh().settlesInTime())) {
        // The fetch failed or is too slow, so the stale keys are used, unless the fetch brought a key set without a
        // usable key.
        const kept = this.#find(kid);
        if (kept === undefined) throw this.#countDown(fromGenAuth);
        return kept;
      }
    } else if (stale !== undefined) {
      return stale;
    } else if (this.#lastError !== undefined) {
      throw this.#countDown(fromGenAuth);
    }
    const keys = this.#find(kid);
    if (keys !== undefined) return keys;
    throw new TokenVerificationError(
      'token_key_unknown',
      kid === undefined
        ? `The token has no kid (key ID), and the key set has ${this.#keys.size} ${JWK_ALGORITHM} keys. ` +
            'Exactly one key, or exactly one key without a kid, could verify it.'
        : `The token is signed with key ${quote(kid)}, which the key set does not have: ` +
            'get a new token, or check appHost.',
      { details: { claim: 'kid', expected: toDetail(this.#keys.kids), actual: kid, ...this.#keys.details } },
    );
  }

  /**
   * Fetches the key set again if the signature of a token fits none of the keys, because GenAuth may have replaced a
   * key without a new key ID.
   *
   * @param tried - The keys that did not fit.
   * @returns The keys with this key ID that were not tried yet. Empty if there are none, if the fetch failed, or if no
   * fetch may start now.
   * @throws UpstreamError if the key set has no usable key any more.
   */
  async getOtherKeys(
    kid: string | undefined,
    tried: readonly KeyObject[],
    fromGenAuth: boolean,
  ): Promise<readonly KeyObject[]> {
    const findOthers = (): KeyObject[] => (this.#find(kid) ?? []).filter((key) => !tried.includes(key));
    if (findOthers().length === 0 && this.#mayFetch(fromGenAuth, this.#settings.cooldown)) {
      try {
        await this.#refresh().done;
      } catch (error) {
        // The key set could not be fetched. The last known keys decide, if there are any.
        if (!(error instanceof UpstreamError)) throw error;
      }
    }
    if (this.#keys.size === 0) throw this.#countDown(fromGenAuth);
    return findOthers();
  }

  /**
   * Returns the keys of a fresh key set without a fetch. `undefined` if the key set is not fresh or does not have the
   * key ID.
   */
  getFreshKeys(kid: string | undefined): readonly KeyObject[] | undefined {
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
    if (!this.#mayFetch(false)) throw this.#countDown(false);
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

  #find(kid: string | undefined): readonly KeyObject[] | undefined {
    const keys = this.#keys.find(kid);
    return keys.length === 0 ? undefined : keys.map(({ key }) => key);
  }

  #mayFetch(fromGenAuth: boolean, cooldown = this.#currentCooldown()): boolean {
    const { now, maxAge } = this.#settings;
    const sinceAttempt = now() - this.#attemptedAt;
    // A negative time means that the clock was set back. In this case the time since the last fetch is not known.
    if (this.#pending !== undefined || sinceAttempt < 0) return true;
    if (sinceAttempt < this.#currentPause(fromGenAuth)) return false;
    // Without any key, only the pause after the failed fetch counts.
    return this.#keys.size === 0 || this.#age() >= maxAge || fromGenAuth || sinceAttempt >= cooldown;
  }

  #currentPause(fromGenAuth: boolean): number {
    return fromGenAuth ? Math.min(this.#pause, MAX_LOGIN_PAUSE_MS) : this.#pause;
  }

  #currentCooldown(): number {
    const { cooldown } = this.#settings;
    return this.#misses === 0 ? cooldown : Math.min(FIRST_BACKOFF_MS * 2 ** (this.#misses - 1), cooldown);
  }

  /** Returns the error of the last fetch. Its `retryAfter` is the time that is left. */
  #countDown(fromGenAuth: boolean): unknown {
    const error = this.#lastError;
    if (!(error instanceof UpstreamError) || error.retryAfter === undefined) return error;
    const left = this.#currentPause(fromGenAuth) - (this.#settings.now() - this.#attemptedAt);
    const { code, message, details, answer } = error;
    return new UpstreamError(code, message, {
      cause: error.cause,
      details,
      answer,
      retryAfter: Math.max(1, Math.ceil(left / 1000)),
    });
  }

  /** Fetches the key set for a token. `isFound` returns whether the key set now has a key of this token. */
  async #refreshFor(isFound: () => boolean): Promise<void> {
    // After a quiet time, the pauses between the fetches start at 2 seconds again.
    const isQuiet = this.#settings.now() - this.#attemptedAt >= 2 * this.#settings.cooldown;
    const isShared = this.#pending !== undefined;
    await this.#refresh().done;
    if (isShared) return;
    this.#misses = isFound() ? 0 : (isQuiet ? 0 : this.#misses) + 1;
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
      const keys = await importKeySet(await requestKeySet(), this.#keys);
      // A key set without a usable key replaces the old one too: GenAuth has withdrawn the old keys.
      this.#keys = keys;
      if (keys.size === 0) throw noUsableKey(keys);
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
 * Imports the usable keys of a key set and passes over all other keys.
 *
 * @throws UpstreamError if the key set has no array `keys`.
 * @throws ConfigurationError `runtime_unsuitable` if this process cannot import keys.
 */
async function importKeySet(document: unknown, known: KeySet): Promise<KeySet> {
  const list: unknown = isRecord(document) ? document['keys'] : undefined;
  if (!Array.isArray(list)) {
    throw new UpstreamError(
      'upstream_invalid_response',
      "GenAuth's key set has no array 'keys': check appHost and jwksUri.",
    );
  }
  const keySet = new KeySet();
  for (const jwk of list as unknown[]) {
    const key = await importVerificationKey(jwk, (kid, text) => known.get(kid, text));
    if ('problem' in key) keySet.unusable.push(key);
    else keySet.add(key);
  }
  return keySet;
}

function noUsableKey({ unusable, details }: KeySet): UpstreamError {
  const problems = unusable.slice(0, MAX_SHOWN_KEYS).map(({ kid, problem }) => `kid ${quote(kid)}: ${problem}`);
  const shown = problems.length === 0 ? '' : ` (${problems.join('; ')})`;
  return new UpstreamError(
    'upstream_invalid_response',
    `None of the ${unusable.length} keys in GenAuth's key set can verify ${JWK_ALGORITHM} tokens${shown}: ` +
      "ask GenAuth's support for a new signing key. If jwksUri is set, check it first.",
    { details },
  );
}
