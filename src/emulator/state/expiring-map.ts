import { BoundedMap } from './bounded-map.js';
import type { EmulatorClock } from './clock.js';

/** A map with a maximum size, whose entries expire by the emulator's clock. */
export class ExpiringMap<Value> {
  readonly #clock: EmulatorClock;
  readonly #entries: BoundedMap<{ readonly value: Value; readonly exp: number }>;

  constructor(clock: EmulatorClock, maxSize: number) {
    this.#clock = clock;
    this.#entries = new BoundedMap(maxSize);
  }

  /** Returns the value of a key, or `undefined` if the key is unknown or its entry is expired. */
  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    return entry && this.#clock.nowInSeconds() < entry.exp ? entry.value : undefined;
  }

  /** @param lifetime The number of seconds after which the entry expires. */
  set(key: string, value: Value, lifetime: number): void {
    this.#entries.set(key, { value, exp: this.#clock.nowInSeconds() + lifetime });
  }

  /** Returns all entries that are not expired, with their time of expiry in seconds since 1970. */
  entries(): readonly (readonly [key: string, value: Value, exp: number])[] {
    const now = this.#clock.nowInSeconds();
    const kept = this.#entries.entries().filter(([, { exp }]) => now < exp);
    return kept.map(([key, { value, exp }]) => [key, value, exp]);
  }

  /** Adds an entry of a state file. */
  restore(key: string, value: Value, exp: number): void {
    this.#entries.set(key, { value, exp });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Deletes the entries whose value matches. */
  deleteIf(isMatch: (value: Value) => boolean): void {
    this.#entries.deleteIf(({ value }) => isMatch(value));
  }

  clear(): void {
    this.#entries.clear();
  }
}
