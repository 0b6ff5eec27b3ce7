import type { RefreshStore } from '../refresh-store.js';
import { type RedisClient, expectRedisClient, sendCommand } from './redis-client.js';

/** Removes a key if it has the given value. */
const REMOVE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/**
 * The option `refreshStore` for Redis 5 or newer. The keys begin with `passport-genauth:`, and expire
 * after 10 minutes at most.
 *
 * @example
 * ```ts
 * import { Redis } from 'ioredis';
 * import { GenAuthClient } from 'passport-genauth';
 * import { RedisRefreshStore } from 'passport-genauth/redis';
 *
 * const redis = new Redis(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379');
 * const client = new GenAuthClient({
 *   appId: '65f0c1d2e3a4b5c6d7e8f901',
 *   appSecret: '0123456789abcdef0123456789abcdef',
 *   appHost: 'https://example.genauth.ai',
 *   refreshStore: new RedisRefreshStore(redis),
 *   storeSecret: process.env['STORE_SECRET'],
 * });
 * ```
 */
export class RedisRefreshStore implements RefreshStore {
  readonly #redis: RedisClient;

  /**
   * @param redis - A client of `ioredis`, or a connected client of `redis`. The application closes it.
   * @throws TypeError if `redis` is not a Redis client.
   */
  constructor(redis: RedisClient) {
    expectRedisClient(redis, 'RedisRefreshStore');
    this.#redis = redis;
  }

  /** See {@link RefreshStore}. */
  async get(key: string): Promise<string | undefined> {
    const value = await sendCommand(this.#redis, 'GET', key);
    return typeof value === 'string' ? value : undefined;
  }

  /** See {@link RefreshStore}. */
  async set(key: string, value: string, ttl: number): Promise<void> {
    await sendCommand(this.#redis, 'SET', key, value, 'PX', String(ttl));
  }

  /** See {@link RefreshStore}. */
  async add(key: string, value: string, ttl: number): Promise<boolean> {
    return (await sendCommand(this.#redis, 'SET', key, value, 'PX', String(ttl), 'NX')) !== null;
  }

  /** See {@link RefreshStore}. */
  async remove(key: string, value: string): Promise<void> {
    await sendCommand(this.#redis, 'EVAL', REMOVE, '1', key, value);
  }
}
