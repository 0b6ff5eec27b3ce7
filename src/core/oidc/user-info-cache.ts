import { TokenVerificationError } from '../errors.js';
import { digestToken } from '../tokens/token-digest.js';
import { LruMap } from '../util/lru-map.js';
import { deepFreeze } from '../util/record.js';
import { RefreshingValue, type RefreshingValueSettings } from '../util/refreshing-value.js';

/** Pause after a failure or a refusal, of one token each. */
const PAUSE_MS = 5_000;

export type UserInfoClaims = Readonly<Record<string, unknown>>;

export interface UserInfoCacheSettings {
  /** Asks GenAuth for the claims of the user that an access token was issued to. */
  requestUserInfo: (accessToken: string) => Promise<UserInfoClaims>;
  /** Milliseconds that claims are fresh, and how long after that they serve while GenAuth is down. */
  maxAge: number;
  staleIfError: number;
  /** Maximum number of tokens whose claims are kept. */
  maxEntries: number;
  /** Milliseconds since 1970. */
  now: () => number;
}

/**
 * The claims behind access tokens: requested once for each token, however many requests need them at one time, and the
 * last good claims while GenAuth is down. The tokens themselves were verified before.
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
   * @returns The claims, frozen.
   * @throws TokenVerificationError if GenAuth refuses the token.
   * @throws UpstreamError if GenAuth cannot be asked and no earlier claims may serve.
   */
  get(accessToken: string): Promise<UserInfoClaims> {
    const key = digestToken(accessToken);
    const entry = this.#entries.get(key) ?? this.#add(key);
    return entry.get(async () => deepFreeze(await this.#requestUserInfo(accessToken)));
  }

  /** Stores the claims of a login, so that the first guarded request need not ask GenAuth. */
  prime(accessToken: string, claims: UserInfoClaims): void {
    // A copy, because the caller of the login may change its claims. Claims are JSON, and structuredClone takes many
    // times as long.
    this.#add(digestToken(accessToken)).set(deepFreeze(JSON.parse(JSON.stringify(claims)) as UserInfoClaims));
  }

  /** Drops the claims of a token that was revoked. */
  forget(accessToken: string): void {
    this.#entries.delete(digestToken(accessToken));
  }

  #add(key: string): RefreshingValue<UserInfoClaims> {
    const entry = new RefreshingValue<UserInfoClaims>(this.#entrySettings);
    this.#entries.set(key, entry);
    return entry;
  }
}
