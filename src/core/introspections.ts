import { hash } from 'node:crypto';
import type { Introspection } from './client.js';
import { LruMap } from './lru-map.js';

export interface IntrospectionsSettings {
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
 * Answers of introspection, kept for as long as a route allows. Requests of one moment share one question; a failure is not
 * kept.
 */
export class Introspections {
  readonly #settings: IntrospectionsSettings;
  readonly #entries: LruMap<string, Entry>;

  constructor(settings: IntrospectionsSettings) {
    this.#settings = settings;
    this.#entries = new LruMap(settings.maxEntries);
  }

  /** @param maxAge - Milliseconds, counted from the question. */
  get(token: string, maxAge: number): Promise<Introspection> {
    const { requestIntrospection, now } = this.#settings;
    const key = toKey(token);
    const known = this.#entries.get(key);
    const age = known === undefined ? Infinity : now() - known.askedAt;
    if (known !== undefined && age >= 0 && age < maxAge) return known.answer;
    const entry = { askedAt: now(), answer: requestIntrospection(token) };
    this.#entries.set(key, entry);
    entry.answer.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    return entry.answer;
  }

  forget(token: string): void {
    this.#entries.delete(toKey(token));
  }
}

function toKey(token: string): string {
  return hash('sha256', token, 'base64url');
}
