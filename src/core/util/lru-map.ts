/**
 * A map with a limit, which forgets what was not used lately: least recently used, by generations. When as many entries as the limit
 * were used, whatever was not among them goes; so at least the last `limit` entries are there, and at most twice as many.
 *
 * Exact order would cost a deletion and an insertion for each reading, 15 µs in a map of thousands, more than all else of a guarded
 * request (see `bench/README.md`).
 */
export class LruMap<Key, Value> {
  readonly #limit: number;
  #young = new Map<Key, Value>();
  #old: ReadonlyMap<Key, Value> & { delete: (key: Key) => boolean } = new Map<Key, Value>();

  /** @param limit - 1 or more. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: Key): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: Key, value: Value): void {
    if (this.#young.size >= this.#limit && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: Key): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
