import { isWithin } from '../util/clock.js';
import { UpstreamError } from '../errors.js';
import { LruMap } from '../util/lru-map.js';
import { digestToken } from '../tokens/token-digest.js';
import type { Introspection } from '../wire/parse.js';

/** Pause after GenAuth could not be asked, for all tokens: routes with introspection are closed then in any case. */
const PAUSE_MS = 1_000;

export interface IntrospectionCacheSettings {
  requestIntrospection: (token: string) => Promise<Introspection>;
  maxEntries: number;
  /** Milliseconds since 1970. */
  now: () => number;
}

interface Entry {
  readonly askedAt: number;
  readonly answer: Promise<Introspection>;
}

/**
 * Answers of introspection. Each route says how old an answer may be, counted from the question, so requests share a
 * question only while it is younger than that: a `RefreshingValue` would let a request with `maxAge: 0` join a question
 * that was asked before the token was revoked.
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
   * @param maxAge - Milliseconds, counted from the question.
   * @throws UpstreamError, ConfigurationError
   */
  async get(token: string, maxAge: number): Promise<Introspection> {
    const { requestIntrospection, now } = this.#settings;
    const key = digestToken(token);
    const known = this.#entries.get(key);
    if (known !== undefined && isWithin(maxAge, known.askedAt, now())) return known.answer;
    if (isWithin(PAUSE_MS, this.#failedAt, now())) throw this.#lastError;
    const entry = { askedAt: now(), answer: requestIntrospection(token) };
    this.#entries.set(key, entry);
    entry.answer.catch((error: unknown) => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      if (!(error instanceof UpstreamError)) return;
      this.#failedAt = now();
      this.#lastError = error;
    });
    return entry.answer;
  }

  forget(token: string): void {
    this.#entries.delete(digestToken(token));
  }
}
