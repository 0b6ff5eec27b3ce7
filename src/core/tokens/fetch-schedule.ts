/**
 * Pause after the first failed fetch of the key set, in milliseconds. Each further failure doubles the pause, up to
 * `cooldown`.
 */
const FIRST_BACKOFF_MS = 2_000;
/**
 * Longest pause after a failed fetch for a token that came directly from GenAuth, in milliseconds. GenAuth has already
 * accepted the password of this login, so a long `Retry-After` must not prevent it.
 */
const MAX_LOGIN_PAUSE_MS = 5_000;

export interface FetchScheduleSettings {
  /** Minimum time between two fetches for tokens whose key is unknown, in milliseconds. Also the longest backoff. */
  cooldown: number;
  /** Longest pause that a `Retry-After` causes, in milliseconds. */
  maxPause: number;
  /** Returns the current time, in milliseconds since 1970. */
  now: () => number;
}

/**
 * Decides when the next fetch of the key set may start.
 *
 * - After a failed fetch there is a pause of 2, 4, 8 … seconds, up to `cooldown`, or for the time of `Retry-After`.
 * - After a fetch that did not bring the key of a token, the next fetch for such a token may start after 2, 4, 8 …
 *   seconds, up to `cooldown`, because a new key may not be published yet.
 * - In all other cases, a fetch for a token whose key is unknown may start when `cooldown` has passed.
 */
export class FetchSchedule {
  readonly #settings: FetchScheduleSettings;
  /** Start of the last successful fetch, or end of the last failed fetch. */
  #attemptedAt = -Infinity;
  /** End of the pause for tokens from callers. */
  #pausedUntil = -Infinity;
  /** End of the pause for tokens that came directly from GenAuth. */
  #loginPausedUntil = -Infinity;
  #failures = 0;
  /** The number of fetches that did not bring the key of a token, one after the other. */
  #misses = 0;
  #missedAt = -Infinity;

  constructor(settings: FetchScheduleSettings) {
    this.#settings = settings;
  }

  /** Returns the milliseconds until the pause after a failed fetch ends. 0 if there is no pause. */
  getPause(fromGenAuth: boolean): number {
    const now = this.#settings.now();
    // If the clock was set back, the time since the failed fetch is not known.
    if (now < this.#attemptedAt) return 0;
    return Math.max(0, (fromGenAuth ? this.#loginPausedUntil : this.#pausedUntil) - now);
  }

  /** Returns whether `cooldown`, or the shorter time after a missed key, has passed since the last fetch. */
  isCooledDown(): boolean {
    const { cooldown } = this.#settings;
    const wait = this.#misses === 0 ? cooldown : Math.min(FIRST_BACKOFF_MS * 2 ** (this.#misses - 1), cooldown);
    return this.isPast(wait);
  }

  /** Returns whether this number of milliseconds has passed since the last fetch. */
  isPast(milliseconds: number): boolean {
    const elapsed = this.#settings.now() - this.#attemptedAt;
    return elapsed < 0 || elapsed >= milliseconds;
  }

  /** Ends all pauses after a successful fetch. */
  succeed(startedAt: number): void {
    this.#attemptedAt = startedAt;
    this.#pausedUntil = -Infinity;
    this.#loginPausedUntil = -Infinity;
    this.#failures = 0;
  }

  /**
   * Starts a pause after a failed fetch.
   *
   * @param retryAfter - Milliseconds of GenAuth's header `Retry-After`, or 0.
   */
  fail(retryAfter: number): void {
    const { cooldown, maxPause, now } = this.#settings;
    const time = now();
    if (time < this.#attemptedAt) this.#pausedUntil = -Infinity;
    const backoff = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures, cooldown);
    // The pause varies randomly by 25 %, so that many processes do not send their next requests at the same moment.
    const pause = Math.max(backoff * (0.75 + Math.random() * 0.5), Math.min(retryAfter, maxPause));
    this.#failures += 1;
    this.#attemptedAt = time;
    // A fetch for a login may fail during a longer pause of other requests. The longer pause stays.
    this.#pausedUntil = Math.max(this.#pausedUntil, time + pause);
    this.#loginPausedUntil = time + Math.min(pause, MAX_LOGIN_PAUSE_MS);
  }

  /** Notes that a fetch did not bring the key of a token. */
  miss(): void {
    const { cooldown, now } = this.#settings;
    const time = now();
    // After a quiet time, the waiting times start at 2 seconds again.
    const isQuiet = time < this.#missedAt || time - this.#missedAt >= 2 * cooldown;
    this.#misses = isQuiet ? 1 : this.#misses + 1;
    this.#missedAt = time;
  }

  /** Notes that a fetch brought the key of a token. */
  hit(): void {
    this.#misses = 0;
  }
}
