import { TokenVerificationError } from '../errors.js';
import { digestToken } from '../tokens/token-digest.js';
import { LruMap } from '../util/lru-map.js';
import { deepFreeze } from '../util/record.js';
import { RefreshingValue, type RefreshingValueSettings } from '../util/refreshing-value.js';

/** Pause after a failed or refused request, in milliseconds. It applies to each token separately. */
const PAUSE_MS = 5_000;

export type UserInfoClaims = Readonly<Record<string, unknown>>;

export interface UserInfoCacheSettings {
  /** Requests from GenAuth the claims of the user that an access token was issued to. */
  requestUserInfo: (accessToken: string) => Promise<UserInfoClaims>;
  /** Time during which cached claims are fresh, in milliseconds. */
  maxAge: number;
  /** Time after `maxAge` during which cached claims are used while GenAuth is down, in milliseconds. */
  staleIfError: number;
  /** Maximum number of tokens whose claims are cached. */
  maxEntries: number;
  /** Returns the current time, in milliseconds since 1970. */
  now: () => number;
}

/**
 * Caches the user-info claims of access tokens. Concurrent requests with the same token share one request to GenAuth.
 * While GenAuth is down, the last claims are used. The caller must have verified the token.
 */
export class UserInfoCache {
  readonly #requestUserInfo: UserInfoCacheSettings['requestUserInfo'];
  readonly #entrySettings: RefreshingValueSettings;
  readonly #entries: LruMap<string, RefreshingValue<UserInfoClaims>>;

  constructor({ requestUserInfo, maxEntries, ...times }: UserInfoCacheSettings) {
    this.#requestUserInfo = requestUserInfo;
    const endsValue = (error: unknown): boolean => error instanceof TokenVerificationError;
    this.#entrySettings = { ...times, pause: PAUSE_MS, endsValue };
    this.#entries = new LruMap(maxEntries);
  }

  /**
   * Returns the claims of a token from the cache or from GenAuth.
   *
   * @returns The claims. Frozen.
   * @throws TokenVerificationError if GenAuth refuses the token.
   * @throws UpstreamError if GenAuth cannot be reached and no cached claims may be used.
   */
  get(accessToken: string): Promise<UserInfoClaims> {
    const key = digestToken(accessToken);
    const entry = this.#entries.get(key) ?? this.#add(key);
    return entry.get(async () => deepFreeze(await this.#requestUserInfo(accessToken)));
  }

  /** Stores the claims of a login, so that the first guarded request does not need a request to GenAuth. */
  prime(accessToken: string, claims: UserInfoClaims): void {
    // A copy is stored, because the caller of the login may change its claims. The copy is made through JSON, because
    // `structuredClone` takes many times as long.
    this.#add(digestToken(accessToken)).set(deepFreeze(JSON.parse(JSON.stringify(claims)) as UserInfoClaims));
  }

  /** Removes the claims of a token that was revoked. */
  forget(accessToken: string): void {
    this.#entries.delete(digestToken(accessToken));
  }

  #add(key: string): RefreshingValue<UserInfoClaims> {
    const entry = new RefreshingValue<UserInfoClaims>(this.#entrySettings);
    this.#entries.set(key, entry);
    return entry;
  }
}
