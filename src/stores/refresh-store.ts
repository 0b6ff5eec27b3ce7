/**
 * Storage for the results of token refreshes that several processes of an application share. The values are encrypted,
 * and the keys contain hashes. `RedisRefreshStore` of `passport-genauth/redis` implements it for Redis.
 *
 * A method that throws, or that takes more than 500 milliseconds, counts as a failure of the store. Then each process
 * refreshes tokens on its own.
 */
export interface RefreshStore {
  /** Returns the value of a key, or `undefined` if it has none. */
  get(key: string): Promise<string | undefined>;
  /** Sets the value of a key for `ttl` milliseconds. */
  set(key: string, value: string, ttl: number): Promise<void>;
  /**
   * Sets the value of a key for `ttl` milliseconds, unless the key has a value. Must be atomic.
   *
   * @returns Whether the value was set.
   */
  add(key: string, value: string, ttl: number): Promise<boolean>;
  /** Removes a key if it has this value. Must be atomic. */
  remove(key: string, value: string): Promise<void>;
}
