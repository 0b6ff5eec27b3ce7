import { hash } from 'node:crypto';
import { isWithin } from '../util/clock.js';
import { TokenVerificationError } from '../errors.js';
import { LruMap } from '../util/lru-map.js';
import { Fetching } from '../util/pending-fetch.js';
import { deepFreeze } from '../util/record.js';

/** Pause after a failure or a refusal, of one token each. */
const PAUSE_MS = 5_000;

export type UserInfoClaims = Readonly<Record<string, unknown>>;

export interface UserInfoCacheSettings {
  /** Asks GenAuth whom an access token belongs to. */
  requestUserInfo: (accessToken: string) => Promise<UserInfoClaims>;
  /** Milliseconds that claims are fresh, and how long after that they serve while GenAuth is down. */
  maxAge: number;
  staleIfError: number;
  maxEntries: number;
  /** Milliseconds since 1970. */
  now: () => number;
}

interface Entry {
  claims: UserInfoClaims | undefined;
  fetchedAt: number;
  failedAt: number;
  lastError: unknown;
  pending: Fetching | undefined;
}

/**
 * The claims behind access tokens: fetched once for each token however many requests ask at one time, and the last good ones
 * while GenAuth is down. The tokens themselves were verified before.
 */
export class UserInfoCache {
  readonly #settings: UserInfoCacheSettings;
  readonly #entries: LruMap<string, Entry>;

  constructor(settings: UserInfoCacheSettings) {
    this.#settings = settings;
    this.#entries = new LruMap(settings.maxEntries);
  }

  /**
   * @returns The claims, frozen.
   * @throws TokenVerificationError where GenAuth refuses the token, UpstreamError where it cannot be asked and never could.
   */
  async get(accessToken: string): Promise<UserInfoClaims> {
    const key = toTokenKey(accessToken);
    const entry = this.#entries.get(key) ?? createEntry();
    const { maxAge, staleIfError, now } = this.#settings;
    const isYounger = (limit: number): boolean => isWithin(limit, entry.fetchedAt, now());
    if (entry.claims !== undefined && isYounger(maxAge)) return entry.claims;
    const stale = isYounger(maxAge + staleIfError) ? entry.claims : undefined;
    if (entry.pending === undefined && isWithin(PAUSE_MS, entry.failedAt, now())) {
      if (stale !== undefined) return stale;
      throw entry.lastError;
    }
    this.#entries.set(key, entry);
    entry.pending ??= new Fetching(this.#load(accessToken, entry));
    if (stale === undefined) await entry.pending.done;
    else await entry.pending.comesSoon();
    // Gone, if GenAuth refused the token meanwhile.
    if (entry.claims === undefined) throw entry.lastError;
    return entry.claims;
  }

  /** Takes over the claims of a login, so that the first guarded request need not ask. */
  prime(accessToken: string, claims: UserInfoClaims): void {
    // A copy, since the login's are the caller's to change. Claims are JSON, and structuredClone takes many times as long.
    const copy = deepFreeze(JSON.parse(JSON.stringify(claims)) as UserInfoClaims);
    this.#entries.set(toTokenKey(accessToken), { ...createEntry(), claims: copy, fetchedAt: this.#settings.now() });
  }

  /** Forgets a token that was revoked. */
  forget(accessToken: string): void {
    this.#entries.delete(toTokenKey(accessToken));
  }

  async #load(accessToken: string, entry: Entry): Promise<void> {
    const { requestUserInfo, now } = this.#settings;
    const startedAt = now();
    try {
      entry.claims = deepFreeze(await requestUserInfo(accessToken));
      entry.fetchedAt = startedAt;
      entry.failedAt = -Infinity;
    } catch (error) {
      entry.failedAt = now();
      entry.lastError = error;
      if (error instanceof TokenVerificationError) entry.claims = undefined;
      throw error;
    } finally {
      entry.pending = undefined;
    }
  }
}

function createEntry(): Entry {
  return { claims: undefined, fetchedAt: -Infinity, failedAt: -Infinity, lastError: undefined, pending: undefined };
}

/** A digest, so that the caches hold no tokens. */
export function toTokenKey(accessToken: string): string {
  return hash('sha256', accessToken, 'base64url');
}
