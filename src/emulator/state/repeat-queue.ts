import { readInteger } from '../input/readers.js';

/** A queue of items. Each item is returned a given number of times before the next item. */
export class RepeatQueue<Item> {
  #entries: { item: Item; left: number }[] = [];

  /**
   * Adds an item at the end. If the last item of the queue is repeated without a limit, the last item is removed,
   * because the queue would never return the new item.
   */
  add(item: Item, times: number): void {
    if (this.#entries.at(-1)?.left === Infinity) this.#entries.pop();
    this.#entries.push({ item, left: times });
  }

  /** Returns the first matching item and reduces its remaining number of repeats by one. */
  take(isMatch: (item: Item) => boolean = () => true): Item | undefined {
    const entry = this.#entries.find(({ item }) => isMatch(item));
    if (!entry) return undefined;
    entry.left -= 1;
    if (entry.left === 0) this.#entries.splice(this.#entries.indexOf(entry), 1);
    return entry.item;
  }

  /** The items in their order, with the remaining number of repeats. `times` is absent if an item has no limit. */
  get entries(): readonly { readonly item: Item; readonly times?: number }[] {
    return this.#entries.map(({ item, left }) => ({ item, ...(Number.isFinite(left) && { times: left }) }));
  }

  clear(): void {
    this.#entries = [];
  }
}

/** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
export function readTimes(value: unknown, path: string): number {
  return readInteger(value, path, 1, Number.MAX_SAFE_INTEGER);
}
