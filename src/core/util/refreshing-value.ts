import { isWithin } from './clock.js';
import { PendingFetch } from './pending-fetch.js';

export interface RefreshingValueSettings {
  /** Milliseconds that a value is fresh. */
  maxAge: number;
  /** Milliseconds after `maxAge` during which the last value serves while loading fails. */
  staleIfError: number;
  /** Milliseconds after a failure during which nothing is loaded. */
  pause: number;
  /** Whether an error says that the last value is no longer valid, so that it must not serve. Default: never. */
  endsValue?: (error: unknown) => boolean;
  /** Milliseconds since 1970. */
  now: () => number;
}

type Load<Value> = () => Promise<Value>;

/**
 * A value that is loaded when it is needed and again when it is too old: one load at a time, a pause after failures,
 * and the last good value while loading fails.
 */
export class RefreshingValue<Value> {
  readonly #settings: RefreshingValueSettings;
  #value: Value | undefined;
  /** When the load of the value began. */
  #loadedAt = -Infinity;
  /** When the last load began, whatever came of it. */
  #attemptedAt = -Infinity;
  #failedAt = -Infinity;
  #lastError: unknown;
  #pending: PendingFetch | undefined;

  constructor(settings: RefreshingValueSettings) {
    this.#settings = settings;
  }

  /**
   * Returns the value, fresh if possible. A request that has an old value to fall back on waits for a new one at most
   * 500 ms.
   *
   * @param load - Called if the value must be loaded and no other load is under way.
   * @throws what `load` throws or threw a moment ago, if there is no value that may serve.
   */
  async get(load: Load<Value>): Promise<Value> {
    const { maxAge, staleIfError, pause } = this.#settings;
    if (this.#value !== undefined && this.#isWithin(maxAge, this.#loadedAt)) return this.#value;
    const stale = this.#isWithin(maxAge + staleIfError, this.#loadedAt) ? this.#value : undefined;
    if (this.#pending === undefined && this.#isWithin(pause, this.#failedAt)) {
      if (stale !== undefined) return stale;
      throw this.#lastError;
    }
    const pending = this.#load(load);
    if (stale === undefined) await pending.done;
    else await pending.settlesInTime();
    // The value is gone if the error ended it.
    if (this.#value === undefined) throw this.#lastError;
    return this.#value;
  }

  /**
   * Loads the value even if there is a fresh one, which stays if loading fails.
   *
   * @throws what `load` throws or threw a moment ago.
   */
  async refresh(load: Load<Value>): Promise<Value> {
    if (this.#pending === undefined && this.#isWithin(this.#settings.pause, this.#failedAt)) throw this.#lastError;
    await this.#load(load).done;
    return this.#value as Value;
  }

  /** Takes a value from elsewhere, as if it had been loaded now. */
  set(value: Value): void {
    this.#value = value;
    this.#loadedAt = this.#settings.now();
  }

  /** Makes this very value too old. Does nothing if another one was loaded meanwhile. */
  expire(value: Value): void {
    if (this.#value === value) this.#loadedAt = -Infinity;
  }

  /** Whether a load began less than so many milliseconds ago and has ended. */
  wasAttemptedWithin(milliseconds: number): boolean {
    return this.#pending === undefined && this.#isWithin(milliseconds, this.#attemptedAt);
  }

  #isWithin(milliseconds: number, since: number): boolean {
    // A value without an end stays, also when the clock was set back.
    if (milliseconds === Infinity) return since > -Infinity;
    return isWithin(milliseconds, since, this.#settings.now());
  }

  #load(load: Load<Value>): PendingFetch {
    this.#pending ??= new PendingFetch(
      this.#run(load).finally(() => {
        this.#pending = undefined;
      }),
    );
    return this.#pending;
  }

  async #run(load: Load<Value>): Promise<void> {
    const { endsValue, now } = this.#settings;
    const startedAt = now();
    this.#attemptedAt = startedAt;
    try {
      this.#value = await load();
      this.#loadedAt = startedAt;
      this.#failedAt = -Infinity;
    } catch (error) {
      this.#failedAt = now();
      this.#lastError = error;
      if (endsValue?.(error) === true) this.#value = undefined;
      throw error;
    }
  }
}
