/**
 * A map with a maximum size, so that requests cannot fill the memory. If the map is too large, it deletes the entry
 * whose last `set` is the oldest.
 */
export class BoundedMap<Value> {
  readonly #maxSize: number;
  readonly #entries = new Map<string, Value>();

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: Value): void {
    // The key is deleted first, because a `Map` does not change the position of an existing key.
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#maxSize) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Returns all entries. The entry whose last `set` is the oldest is first. */
  entries(): readonly (readonly [key: string, value: Value])[] {
    return [...this.#entries];
  }

  /** The values. The value whose `set` is the newest is last. */
  values(): IterableIterator<Value> {
    return this.#entries.values();
  }

  /** Deletes the entries whose value matches. */
  deleteIf(isMatch: (value: Value) => boolean): void {
    for (const [key, value] of this.#entries) if (isMatch(value)) this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }
}
