import { UpstreamError } from '../errors.js';
import { LruMap } from '../util/lru-map.js';
import type { MaybePromise } from '../util/maybe-promise.js';
import { isWithin } from '../util/refreshing-value.js';
import { digestToken } from '../tokens/token-digest.js';
import type { Introspection } from '../wire/parse.js';

/**
 * Pause after a failed introspection request, in milliseconds. During the pause no introspection request is sent for
 * any token, because a failure of GenAuth or the network affects all tokens.
 */
const PAUSE_MS = 1_000;

export interface IntrospectionCacheSettings {
  requestIntrospection: (token: string) => Promise<Introspection>;
  /** Maximum number of tokens whose introspection is cached. */
  maxEntries: number;
  /** Returns the current time, in milliseconds since 1970. */
  now: () => number;
}

interface Entry {
  /** Time when the introspection request was sent, in milliseconds since 1970. */
  readonly requestedAt: number;
  /** The response, or its promise while the introspection is pending. */
  response: MaybePromise<Introspection>;
}

/**
 * Caches introspection responses. Each guarded route sets its own `maxAge`. The age of a response is counted from the
 * time when the introspection request was sent to GenAuth. A request to a guarded route waits for a pending
 * introspection of the same token only if this introspection is younger than the `maxAge` of the route.
 *
 * `RefreshingValue` is not used here. With `RefreshingValue`, a route with `maxAge: 0` would use a pending
 * introspection, which may have been sent before the token was revoked.
 */
export class IntrospectionCache {
  readonly #settings: IntrospectionCacheSettings;
  readonly #entries: LruMap<string, Entry>;
  #failedAt = -Infinity;
  #lastError: unknown;

  constructor(settings: IntrospectionCacheSettings) {
    this.#settings = settings;
    this.#entries = new LruMap(settings.maxEntries);
  }

  /**
   * Returns the introspection of a token from the cache or from GenAuth.
   *
   * @param maxAge - Maximum age of a cached response, in milliseconds, counted from the time when the introspection
   * request was sent.
   * @returns The introspection. A promise is returned only if the response is not cached yet.
   * @throws UpstreamError if GenAuth or the network fails.
   * @throws ConfigurationError if GenAuth refuses the credentials of the application.
   */
  get(token: string, maxAge: number): MaybePromise<Introspection> {
    const { requestIntrospection, now } = this.#settings;
    const key = digestToken(token);
    const known = this.#entries.get(key);
    if (known !== undefined && isWithin(maxAge, known.requestedAt, now())) return known.response;
    if (isWithin(PAUSE_MS, this.#failedAt, now())) throw this.#lastError;
    const pending = requestIntrospection(token);
    const entry: Entry = { requestedAt: now(), response: pending };
    this.#entries.set(key, entry);
    pending.then(
      (response) => (entry.response = response),
      (error: unknown) => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
        if (!(error instanceof UpstreamError)) return;
        this.#failedAt = now();
        this.#lastError = error;
      },
    );
    return pending;
  }

  /** Removes the cached introspection response of a token that was revoked. */
  forget(token: string): void {
    this.#entries.delete(digestToken(token));
  }
}
