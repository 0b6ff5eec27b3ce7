import { publishEvent, type StoreEvent } from './events.js';

/** Time after which a call of a store counts as failed, in milliseconds. */
const MAX_WAIT_MS = 500;
/** Time after a failed call in which the store is not called, in milliseconds. */
const PAUSE_MS = 5_000;

/** The error of a call of a store that failed, or that was not made because an earlier call failed. */
export class StoreError extends Error {}

/**
 * Calls a store that several processes share. Its failure must never fail a request, so the class limits the time of
 * each call, and pauses after a failed call, so that requests do not wait for a store that is down.
 */
export class GuardedStore {
  readonly #onChange: (isDown: boolean, reason: string) => void;
  readonly #now: () => number;
  #isDown = false;
  #pausedUntil = -Infinity;
  /** The number of failed calls. */
  #failures = 0;

  /** @param onChange - Is called when the first call fails, and when a call succeeds again. */
  constructor(onChange: (isDown: boolean, reason: string) => void, now: () => number) {
    this.#onChange = onChange;
    this.#now = now;
  }

  /**
   * Calls the store.
   *
   * @param isUrgent - Whether the store is called during the pause too, because the data would be lost otherwise.
   * @throws StoreError if the call fails, takes too long, or is not made.
   */
  async call<T>(run: () => Promise<T>, isUrgent = false): Promise<T> {
    // If the clock was set back, the pause ends.
    const left = this.#pausedUntil - this.#now();
    if (left > 0 && left <= PAUSE_MS && !isUrgent) throw new StoreError('The store is down.');
    const failures = this.#failures;
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${MAX_WAIT_MS} ms`)), MAX_WAIT_MS);
    });
    try {
      const value = await Promise.race([run(), expired]);
      // A call that began before a failure does not show that the store answers again.
      if (failures === this.#failures) this.#change(false, '');
      return value;
    } catch (cause) {
      this.#failures += 1;
      this.#pausedUntil = this.#now() + PAUSE_MS;
      this.#change(true, cause instanceof Error ? cause.message : 'the store threw a value that is no error');
      throw new StoreError('The store has failed.', { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  #change(isDown: boolean, reason: string): void {
    if (this.#isDown === isDown) return;
    this.#isDown = isDown;
    this.#onChange(isDown, reason);
  }
}

/**
 * Creates the guard of a store. It publishes one event, and one process warning, when the store fails, and one event
 * when it answers again.
 *
 * @param effect - What happens while the store is down.
 */
export function guardStore(
  { appId, name, store, effect }: Pick<StoreEvent, 'appId' | 'store'> & { name: string; effect: string },
  now: () => number,
): GuardedStore {
  return new GuardedStore((isDown, reason) => {
    const kind = isDown ? 'down' : 'up';
    publishEvent('genauth:store', () => ({ appId, store, kind, reason: isDown ? reason : undefined }));
    if (!isDown) return;
    const text = `${name}: ${store} is down (${reason}). ${effect}`;
    process.emitWarning(text, { type: 'GenAuthWarning', code: 'GENAUTH_STORE_DOWN' });
  }, now);
}
