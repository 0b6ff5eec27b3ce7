import { isWithin } from '../util/clock.js';
import { UpstreamError } from '../errors.js';
import { LruMap } from '../util/lru-map.js';
import { digestToken } from '../tokens/token-digest.js';
import type { Introspection } from '../wire/parse.js';

/**
 * Pause after a failed introspection, in milliseconds. It applies to all tokens, because the failure of GenAuth or the
 * network affects all tokens.
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
  /** Time when the request was sent, in milliseconds since 1970. */
  readonly requestedAt: number;
  readonly response: Promise<Introspection>;
}

/**
 * Caches introspection responses. Each route sets its own `maxAge`, which is counted from the time when the request to
 * GenAuth was sent. Requests share a pending introspection only while it is younger than their `maxAge`.
 *
 * `RefreshingValue` is not used here: a request with `maxAge: 0` would join a pending introspection that may have been
 * sent before the token was revoked.
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
   * @param maxAge - Maximum age of a cached response, in milliseconds, counted from the time when its request was sent.
   * @throws UpstreamError if GenAuth or the network fails.
   * @throws ConfigurationError if GenAuth refuses the credentials of the application.
   */
  async get(token: string, maxAge: number): Promise<Introspection> {
    const { requestIntrospection, now } = this.#settings;
    const key = digestToken(token);
    const known = this.#entries.get(key);
    if (known !== undefined && isWithin(maxAge, known.requestedAt, now())) return known.response;
    if (isWithin(PAUSE_MS, this.#failedAt, now())) throw this.#lastError;
    const entry = { requestedAt: now(), response: requestIntrospection(token) };
    this.#entries.set(key, entry);
    entry.response.catch((error: unknown) => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      if (!(error instanceof UpstreamError)) return;
      this.#failedAt = now();
      this.#lastError = error;
    });
    return entry.response;
  }

  /** Removes the introspection of a token that was revoked. */
  forget(token: string): void {
    this.#entries.delete(digestToken(token));
  }
}
