/** A map with a limit: the entry that was not used for the longest time makes room for a new one. */
export class LruMap<Key, Value> {
  readonly #limit: number;
  /** In the order of use, because a Map keeps the order of insertion. */
  readonly #entries = new Map<Key, Value>();
  /**
   * The oldest key comes next: every earlier one was evicted or used again. A new iterator for each eviction would walk
   * over all deleted entries first.
   */
  readonly #oldest = this.#entries.keys();

  /** @param limit - 1 or more. */
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
