import { PendingFetch } from './pending-fetch.js';

export interface RefreshingValueSettings {
  /** Time during which a value is fresh, in milliseconds. */
  maxAge: number;
  /** Time after `maxAge` during which the last loaded value is used if loading a new value fails, in milliseconds. */
  staleIfError: number;
  /** Time after a failed load during which no new load starts, in milliseconds. */
  pause: number;
  /**
   * Returns whether an error of a load means that the last value must no longer be used. Default: a function that
   * returns `false`.
   */
  endsValue?: (error: unknown) => boolean;
  /** Returns the current time, in milliseconds since 1970. */
  now: () => number;
}

type Load<Value> = () => Promise<Value>;

/**
 * A cached value that is loaded when it is first needed, and loaded again when it is older than `maxAge`. Only one load
 * runs at a time. After a failed load, no new load starts during `pause`. If loading fails, the last value is used
 * until it is older than `maxAge` and `staleIfError` together.
 */
export class RefreshingValue<Value> {
  readonly #settings: RefreshingValueSettings;
  #value: Value | undefined;
  /** Start time of the load that returned the current value. */
  #loadedAt = -Infinity;
  /** Start time of the last load, whether this load succeeded or failed. */
  #attemptedAt = -Infinity;
  #failedAt = -Infinity;
  #lastError: unknown;
  #pending: PendingFetch | undefined;

  constructor(settings: RefreshingValueSettings) {
    this.#settings = settings;
  }

  /** The cached value if it is fresh, otherwise `undefined`. */
  get fresh(): Value | undefined {
    const { maxAge } = this.#settings;
    return this.#value !== undefined && this.#isWithin(maxAge, this.#loadedAt) ? this.#value : undefined;
  }

  /**
   * Returns the cached value if it is fresh, otherwise loads a new value. If the old value may still be used, the call
   * waits for the new value at most until 500 ms after the start of the load.
   *
   * @param load - Loads the value. This function is called only if no other load is running.
   * @throws The error of the last load, if this load failed and no value may be used.
   */
  async get(load: Load<Value>): Promise<Value> {
    const { maxAge, staleIfError, pause } = this.#settings;
    const { fresh } = this;
    if (fresh !== undefined) return fresh;
    const stale = this.#isWithin(maxAge + staleIfError, this.#loadedAt) ? this.#value : undefined;
    if (this.#pending === undefined && this.#isWithin(pause, this.#failedAt)) {
      if (stale !== undefined) return stale;
      throw this.#lastError;
    }
    const pending = this.#load(load);
    if (stale === undefined) await pending.done;
    else await pending.settlesInTime();
    // `#value` is `undefined` here if the load failed and `endsValue` returned `true` for the error.
    if (this.#value === undefined) throw this.#lastError;
    return this.#value;
  }

  /**
   * Loads the value even if the current value is fresh. If loading fails, the current value is kept, unless `endsValue`
   * returns `true` for the error.
   *
   * @throws The error of `load`. During the pause after a failed load, the error of this failed load.
   */
  async refresh(load: Load<Value>): Promise<Value> {
    if (this.#pending === undefined && this.#isWithin(this.#settings.pause, this.#failedAt)) throw this.#lastError;
    await this.#load(load).done;
    return this.#value as Value;
  }

  /** Stores a value that was not loaded with `load`, as if the value had been loaded at the time `at`. */
  set(value: Value, at: number): void {
    this.#value = value;
    this.#loadedAt = at;
  }

  /**
   * Marks `value` as too old, so that the next call of `get` loads a new value. Does nothing if `value` is no longer
   * the current value.
   */
  expire(value: Value): void {
    if (this.#value === value) this.#loadedAt = -Infinity;
  }

  /** Returns whether the last load began less than the given number of milliseconds ago and has ended. */
  wasAttemptedWithin(milliseconds: number): boolean {
    return this.#pending === undefined && this.#isWithin(milliseconds, this.#attemptedAt);
  }

  #isWithin(milliseconds: number, since: number): boolean {
    // With `Infinity` the value never expires. The value is then kept even if the clock was set back.
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

/**
 * Returns whether less than `milliseconds` have passed from `since` to `now`. All values are in milliseconds. Returns
 * `false` if `now` is before `since`, because the clock was set back.
 */
export function isWithin(milliseconds: number, since: number, now: number): boolean {
  return now >= since && now - since < milliseconds;
}
