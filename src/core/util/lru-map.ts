/**
 * A map with a maximum number of entries. If a new entry exceeds this number, the least recently used entry is removed.
 */
export class LruMap<Key, Value> {
  readonly #limit: number;
  /**
   * The entries. The least recently used entry comes first, because a `Map` keeps the order of insertion and each use
   * inserts the entry again.
   */
  readonly #entries = new Map<Key, Value>();
  /**
   * An iterator over the keys. The iterator's next key is always the least recently used key, because all keys before
   * it were removed or inserted again. The same iterator is used for every removal, because a new iterator would first
   * walk over all deleted entries.
   */
  readonly #oldest = this.#entries.keys();

  /** @param limit - Maximum number of entries, 1 or more. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: Key, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#limit) this.#entries.delete(this.#oldest.next().value as Key);
  }

  delete(key: Key): void {
    this.#entries.delete(key);
  }
}
