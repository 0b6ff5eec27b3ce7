import { isWithin } from './clock.js';
import { PendingFetch } from './pending-fetch.js';

export interface RefreshingValueSettings {
  /** Time during which a value is fresh, in milliseconds. */
  maxAge: number;
  /** Time after `maxAge` during which the last value is used while loading fails, in milliseconds. */
  staleIfError: number;
  /** Time after a failed load during which no new load starts, in milliseconds. */
  pause: number;
  /** Returns whether an error means that the last value is no longer valid and must not be used. Default: never. */
  endsValue?: (error: unknown) => boolean;
  /** Returns the current time, in milliseconds since 1970. */
  now: () => number;
}

type Load<Value> = () => Promise<Value>;

/**
 * A value that is loaded when it is first needed, and loaded again when it is too old. Only one load runs at a time.
 * After a failed load there is a pause. While loading fails, the last value is used.
 */
export class RefreshingValue<Value> {
  readonly #settings: RefreshingValueSettings;
  #value: Value | undefined;
  /** Start of the load that returned the value. */
  #loadedAt = -Infinity;
  /** Start of the last load, successful or not. */
  #attemptedAt = -Infinity;
  #failedAt = -Infinity;
  #lastError: unknown;
  #pending: PendingFetch | undefined;

  constructor(settings: RefreshingValueSettings) {
    this.#settings = settings;
  }

  /**
   * Returns the value, fresh if possible. If an old value may be used, the call waits for a new one at most until
   * 500 ms after the start of the load.
   *
   * @param load - Loads the value. Called only if no other load is under way.
   * @throws The error of the last load, if it failed and no value may be used.
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
    // The value was removed if `endsValue` returned `true` for the error.
    if (this.#value === undefined) throw this.#lastError;
    return this.#value;
  }

  /**
   * Loads the value even if the current value is fresh. If loading fails, the current value stays, unless
   * `endsValue` returns `true` for the error.
   *
   * @throws The error of `load`. During the pause after a failure, the error of the last load.
   */
  async refresh(load: Load<Value>): Promise<Value> {
    if (this.#pending === undefined && this.#isWithin(this.#settings.pause, this.#failedAt)) throw this.#lastError;
    await this.#load(load).done;
    return this.#value as Value;
  }

  /** Stores a value from another source, as if it had been loaded now. */
  set(value: Value): void {
    this.#value = value;
    this.#loadedAt = this.#settings.now();
  }

  /** Makes the given value too old. Does nothing if another value was loaded in the meantime. */
  expire(value: Value): void {
    if (this.#value === value) this.#loadedAt = -Infinity;
  }

  /** Returns whether the last load began less than the given number of milliseconds ago and has ended. */
  wasAttemptedWithin(milliseconds: number): boolean {
    return this.#pending === undefined && this.#isWithin(milliseconds, this.#attemptedAt);
  }

  #isWithin(milliseconds: number, since: number): boolean {
    // A value that never expires is kept even if the clock was set back.
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
