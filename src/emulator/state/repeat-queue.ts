import { readInteger } from '../input/readers.js';

/** Things to be used up in order, each a number of times. */
export class TimedQueue<Item> {
  #entries: { item: Item; left: number }[] = [];

  /** One without an end gives way to the next that is added; it would never let it have its turn. */
  add(item: Item, times: number): void {
    if (this.#entries.at(-1)?.left === Infinity) this.#entries.pop();
    this.#entries.push({ item, left: times });
  }

  /** @param isMeant passes over those that wait for something else */
  take(isMeant: (item: Item) => boolean = () => true): Item | undefined {
    const entry = this.#entries.find(({ item }) => isMeant(item));
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
