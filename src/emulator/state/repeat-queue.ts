import { readInteger } from '../input/readers.js';

/** A queue of items that are used up in order, each a number of times. */
export class RepeatQueue<Item> {
  #entries: { item: Item; left: number }[] = [];

  /** Removes a last item with unlimited repeats first, because it would block the new one forever. */
  add(item: Item, times: number): void {
    if (this.#entries.at(-1)?.left === Infinity) this.#entries.pop();
    this.#entries.push({ item, left: times });
  }

  /** Takes the first item that matches. */
  take(isMatch: (item: Item) => boolean = () => true): Item | undefined {
    const entry = this.#entries.find(({ item }) => isMatch(item));
    if (!entry) return undefined;
    entry.left -= 1;
    if (entry.left === 0) this.#entries.splice(this.#entries.indexOf(entry), 1);
    return entry.item;
  }

  clear(): void {
    this.#entries = [];
  }
}

/** @throws EmulatorError `invalid_input` */
export function readTimes(value: unknown, path: string): number {
  return readInteger(value, path, 1, Number.MAX_SAFE_INTEGER);
}
