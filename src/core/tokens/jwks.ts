import { AsyncResource } from 'node:async_hooks';
import type { KeyObject } from 'node:crypto';
import type { KeysEvent } from '../events.js';
import { GenAuthError, TokenVerificationError, UpstreamError } from '../errors.js';
import { isDown } from '../http/upstream.js';
import { cleanText, quote, toDetail } from '../util/quote.js';
import { PendingFetch } from '../util/pending-fetch.js';
import { FetchSchedule } from './fetch-schedule.js';
import { JWK_ALGORITHM } from './jwk.js';
import { KeySets } from './key-sets.js';
import type { KeySetSource } from './key-set-source.js';

/** The part of `maxAge` after which a key set is fetched again in the background. */
const RENEWAL_AGE = 0.8;

/** The shortest pause after a failed fetch in the background, in milliseconds. */
const MIN_RENEWAL_PAUSE_MS = 1000;

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
  /** Finds and fetches the key set. */
  source: Pick<KeySetSource, 'requestKeySets' | 'keep'>;
  /** Time during which a key set is fresh, in milliseconds. */
  maxAge: number;
  /** Minimum time between two fetches that are caused by unknown key IDs, in milliseconds. */
  cooldown: number;
  /** Time after `maxAge` during which the last key set is used while fetching fails, in milliseconds. */
  staleIfError: number;
  /** Returns the current time, in milliseconds since 1970. */
  now: () => number;
  /** Publishes an event about the key set. */
  publish: (event: Pick<KeysEvent, 'kind'> & Partial<KeysEvent>) => void;
}

/**
 * Caches GenAuth's key set for one `GenAuthClient`.
 *
 * - Only one fetch runs at a time. A well-formed key set replaces the old one, even if it has no usable key.
 * - A token with an unknown key ID, or with a signature that fits no key of its key ID, causes a new fetch. The class
 *   {@link FetchSchedule} decides when this fetch may start.
 * - While GenAuth is down, the last key set is used for the additional time `staleIfError`.
 */
export class Jwks {
  readonly #settings: JwksSettings;
  readonly #schedule: FetchSchedule;
  #keys = new KeySets();
  #fetchedAt = -Infinity;
  /** The path of the key set that has verified the first token. It is the only path that is asked from then on. */
  #confirmedPath: string | undefined;
  #lastError: unknown;
  #pending: PendingFetch | undefined;
  /** The timer of the next fetch in the background. */
  #renewal: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** The context in which the client was created. */
  readonly #resource = new AsyncResource('GenAuthKeys');
  /** What the callers that wait for the pending fetch search. */
  readonly #wanted = new Set<FindKeys>();
  /** The last fetch after which a key was missing. */
  #missed: PendingFetch | undefined;

  constructor(settings: JwksSettings) {
    this.#settings = settings;
    const { cooldown, maxAge, now } = settings;
    this.#schedule = new FetchSchedule({ cooldown, maxPause: maxAge, now });
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
    const find: FindKeys = (keySets) => keySets.find(kid);
    const stale = find(this.#usable());
    if (stale.length > 0) {
      // If the fetch fails or is too slow, the stale keys are used, unless the fetch ended their use.
      if (this.#mayFetch(fromGenAuth)) await this.#refresh(find).settlesInTime();
    } else {
      await this.#search(find, fromGenAuth);
    }
    const keys = find(this.#usable());
    if (keys.length > 0) return keys;
    if (this.#lastError !== undefined) throw this.#countDown(fromGenAuth);
    // The fetch of another token replaced the stale keys, and did not ask every address.
    if (stale.length > 0 && !this.#keys.isComplete) return this.getKeys(kid, fromGenAuth);
    const shown = kid === undefined ? undefined : cleanText(kid);
    this.#settings.publish({ kind: 'unknown_kid', kid: shown, count: this.#keys.size });
    throw new TokenVerificationError(
      'token_key_unknown',
      kid === undefined
        ? `The token has no kid (key ID), and the key set has ${this.#keys.size} ${JWK_ALGORITHM} keys. ` +
            'Exactly one key, or exactly one key without a kid, could verify it.'
        : `The token is signed with key ${quote(kid)}, which the key set does not have: ` +
            'get a new token, or check appHost and jwksUri.',
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
    const find: FindKeys = (keySets) => keySets.find(kid).filter((key) => !tried.includes(key));
    if (find(this.#usable()).length === 0) {
      try {
        await this.#search(find, fromGenAuth, () => this.#schedule.isPast(this.#settings.cooldown));
      } catch (error) {
        // The key set could not be fetched. The last known keys decide, unless a different address may have the key.
        if (!(error instanceof UpstreamError)) throw error;
      }
    }
    const others = find(this.#usable());
    const isDecided = others.length > 0 || (this.#keys.size > 0 && this.#keys.isComplete);
    if (!isDecided && this.#lastError !== undefined) throw this.#countDown(fromGenAuth);
    return others;
  }

  /** Notes that a token was verified with this key, so that the address of its key set is kept. */
  confirm(key: KeyObject): void {
    if (this.#confirmedPath !== undefined) return;
    const owner = this.#keys.findOwner(key);
    if (owner === undefined) return;
    this.#confirmedPath = owner.path;
    this.#settings.source.keep(owner.path);
    if (this.#lastError === this.#keys.failure) this.#lastError = undefined;
    this.#keys = new KeySets([owner]);
  }

  /**
   * Returns the keys of a fresh key set without a fetch. `undefined` if the key set is not fresh or does not have the
   * key ID.
   */
  getFreshKeys(kid: string | undefined): readonly KeyObject[] | undefined {
    if (this.#age() >= this.#settings.maxAge) return undefined;
    const keys = this.#keys.find(kid);
    return keys.length === 0 ? undefined : keys;
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
    await this.#waitFor(
      this.#refresh((keySets) => keySets.all),
      false,
    );
  }

  /** Ends the fetches in the background. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#renewal);
  }

  /** Returns the state of the cached key set. Sends no request to GenAuth. */
  status(): KeySetStatus {
    const count = this.#usable().size;
    return {
      count,
      fetchedAt: Number.isFinite(this.#fetchedAt) ? new Date(this.#fetchedAt) : undefined,
      isStale: count > 0 && this.#age() >= this.#settings.maxAge,
      lastError: this.#lastError instanceof GenAuthError ? this.#lastError.code : undefined,
    };
  }

  /** Returns the age of the key set, in milliseconds. */
  #age(): number {
    const { maxAge, now } = this.#settings;
    const time = now();
    // If the clock was set back, the age is not known. From now on, the key set counts as stale.
    if (time < this.#fetchedAt) this.#fetchedAt = time - maxAge;
    return time - this.#fetchedAt;
  }

  /** Returns the key sets that may be used now. Empty if they are older than `maxAge` and `staleIfError` together. */
  #usable(): KeySets {
    const { maxAge, staleIfError } = this.#settings;
    return this.#age() < maxAge + staleIfError ? this.#keys : new KeySets();
  }

  #mayFetch(fromGenAuth: boolean, isCooledDown = (): boolean => this.#schedule.isCooledDown()): boolean {
    if (this.#pending !== undefined) return true;
    if (this.#schedule.getPause(fromGenAuth) > 0) return false;
    // After a failed fetch, and without any key, only the pause counts.
    const isDue = this.#lastError !== undefined || this.#keys.size === 0 || this.#age() >= this.#settings.maxAge;
    return isDue || fromGenAuth || !this.#keys.isComplete || isCooledDown();
  }

  /** Returns the error of the last fetch. Its `retryAfter` is the time that is left of the pause. */
  #countDown(fromGenAuth: boolean): unknown {
    const error = this.#lastError;
    if (!(error instanceof UpstreamError) || error.retryAfter === undefined) return error;
    const { code, message, details, answer } = error;
    const retryAfter = Math.max(1, Math.ceil(this.#schedule.getPause(fromGenAuth) / 1000));
    return new UpstreamError(code, message, { cause: error.cause, details, answer, retryAfter });
  }

  /**
   * Fetches the key set until it has the keys that `find` returns, or until it is known that no address has them.
   *
   * @param isCooledDown - Returns whether a fetch may start. Default: the rule for a token with an unknown key ID.
   * @throws The error of the fetch, if the fetch brought no such key.
   */
  async #search(find: FindKeys, fromGenAuth: boolean, isCooledDown?: () => boolean): Promise<void> {
    let isShared = true;
    while (isShared && this.#mayFetch(fromGenAuth, isCooledDown)) {
      isShared = this.#pending !== undefined;
      const pending = this.#refresh(find);
      await this.#waitFor(pending, fromGenAuth).catch((error: unknown) => {
        if (find(this.#usable()).length === 0) throw error;
      });
      const isUnknownKey = isCooledDown === undefined;
      if (find(this.#usable()).length > 0) {
        if (isUnknownKey) this.#schedule.hit();
        return;
      }
      // The fetch of another caller may have begun before GenAuth issued the token of this login, or it may have ended
      // before it asked every address for this key.
      isShared &&= fromGenAuth || !this.#keys.isComplete;
      if (!isShared && isUnknownKey && this.#missed !== pending) {
        this.#missed = pending;
        this.#schedule.miss();
      }
    }
  }

  /** Waits for a fetch. Its error names the pause that follows, not a longer `Retry-After`. */
  async #waitFor({ done }: PendingFetch, fromGenAuth: boolean): Promise<void> {
    try {
      await done;
    } catch (error) {
      throw error === this.#lastError ? this.#countDown(fromGenAuth) : error;
    }
  }

  #refresh(find: FindKeys): PendingFetch {
    this.#wanted.add(find);
    this.#pending ??= new PendingFetch(
      this.#load().finally(() => {
        this.#pending = undefined;
        this.#wanted.clear();
        this.#planRenewal();
      }),
    );
    return this.#pending;
  }

  /** Plans the next fetch of a known key set, before it is too old, so that no request waits for it. */
  #planRenewal(): void {
    clearTimeout(this.#renewal);
    if (this.#isStopped || this.#usable().size === 0) return;
    const pause = Math.max(this.#schedule.getPause(false), MIN_RENEWAL_PAUSE_MS);
    const delay = this.#lastError === undefined ? this.#settings.maxAge * RENEWAL_AGE : pause;
    const renew = (): void => {
      if (this.#pending !== undefined) return;
      if (this.#schedule.getPause(false) > 0) this.#planRenewal();
      else this.#refresh((keySets) => keySets.all).done.catch(() => {});
    };
    // The fetch does not belong to the request that has fetched the keys before.
    this.#renewal = this.#resource.runInAsyncScope(() => setTimeout(renew, delay));
    // The timer must not keep the process alive.
    this.#renewal.unref();
  }

  async #load(): Promise<void> {
    const { source, now } = this.#settings;
    const startedAt = now();
    const fits = (keySets: KeySets): boolean => [...this.#wanted].every((find) => find(keySets).length > 0);
    try {
      const known = this.#usable();
      const keySets = await source.requestKeySets(known, fits);
      // A key set without a usable key replaces the old one too: GenAuth has withdrawn the old keys.
      this.#keys = this.#retainConfirmed(keySets);
      if (this.#keys.failure !== undefined) {
        if (known.size === 0) this.#fetchedAt = startedAt;
        throw this.#keys.failure;
      }
      this.#keys.assertUsable();
      this.#fetchedAt = startedAt;
      this.#schedule.succeed(startedAt);
      this.#lastError = undefined;
      this.#settings.publish({ kind: 'fetched', count: this.#keys.size });
    } catch (error) {
      if (isRefusal(error)) this.#keys = new KeySets();
      this.#schedule.fail(error instanceof UpstreamError ? (error.retryAfter ?? 0) * 1000 : 0);
      this.#lastError = error;
      const count = this.#usable().size;
      this.#settings.publish({ kind: 'failed', count, reason: error instanceof GenAuthError ? error.code : 'error' });
      if (count > 0) this.#settings.publish({ kind: 'stale_served', count });
      throw error;
    }
  }

  /** Removes the key sets of other addresses, if a token was verified while the fetch was running. */
  #retainConfirmed(keySets: KeySets): KeySets {
    if (this.#confirmedPath === undefined) return keySets;
    const confirmed = keySets.get(this.#confirmedPath);
    return confirmed === undefined ? this.#keys : new KeySets([confirmed]);
  }
}

/** Returns the keys that a caller searches. */
type FindKeys = (keySets: KeySets) => readonly KeyObject[];

/** Whether GenAuth answered that there is no key set (HTTP 4xx), which ends the use of the last key set. */
function isRefusal(error: unknown): boolean {
  const { httpStatus = 0 } = error instanceof UpstreamError ? error.details : {};
  return httpStatus >= 400 && !isDown(httpStatus);
}
