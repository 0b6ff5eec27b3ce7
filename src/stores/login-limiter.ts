/**
 * Counts the failed sign-ins of each key, within a time window. The limiters of the package `rate-limiter-flexible`
 * have these methods.
 */
export interface LoginLimiter {
  /**
   * Counts a sign-in that begins.
   *
   * @returns A promise that is rejected with an object with `msBeforeNext`, in milliseconds, if the count is above the
   * limit. It is rejected with an `Error` if the limiter fails.
   */
  consume(key: string): Promise<unknown>;
  /** Returns the count of a key, or `null` if it has none. */
  get(key: string): Promise<{ readonly consumedPoints: number } | null>;
  /** Takes back the count of a sign-in that did not fail. */
  reward(key: string): Promise<unknown>;
  /** Removes the count of a key. */
  delete(key: string): Promise<unknown>;
}

/** The settings of a {@link LoginLimiter}. */
export interface LoginLimiterSettings {
  /** The limit: the number of failed sign-ins within `duration`. */
  points: number;
  /** The time window, in seconds. It begins with the first failed sign-in. */
  duration: number;
  /** The begin of each key in a database. */
  keyPrefix: string;
}

/**
 * Creates the limiters of the option `loginThrottle`. `RedisLoginStore` of `passport-genauth/redis` implements it for
 * Redis. For another database, return a limiter of `rate-limiter-flexible`.
 */
export interface LoginStore {
  /** Creates a limiter. It is called at most once for the accounts, and once for the networks. */
  createLimiter(settings: LoginLimiterSettings): LoginLimiter;
}
