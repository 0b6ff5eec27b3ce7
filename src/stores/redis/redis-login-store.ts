import { RateLimiterRedis } from 'rate-limiter-flexible';
import type { LoginLimiter, LoginLimiterSettings, LoginStore } from '../login-limiter.js';
import { type RedisClient, expectConnection, expectRedisClient } from './redis-client.js';

/**
 * The `store` of the option `loginThrottle` for Redis, with the package `rate-limiter-flexible`. All processes of the
 * application count together. The keys begin with `passport-genauth:`.
 *
 * @example
 * ```ts
 * import { Redis } from 'ioredis';
 * import { GenAuthClient } from 'passport-genauth';
 * import { RedisLoginStore } from 'passport-genauth/redis';
 *
 * const redis = new Redis(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379');
 * const client = new GenAuthClient({
 *   appId: '65f0c1d2e3a4b5c6d7e8f901',
 *   appSecret: '0123456789abcdef0123456789abcdef',
 *   appHost: 'https://example.genauth.ai',
 *   loginThrottle: {
 *     account: { failures: 4, per: 15 * 60_000 },
 *     network: { failures: 100, per: 60 * 60_000 },
 *     store: new RedisLoginStore(redis),
 *   },
 * });
 * ```
 */
export class RedisLoginStore implements LoginStore {
  readonly #redis: RedisClient;

  /**
   * @param redis - A client of `ioredis`, or a connected client of `redis`. The application closes it.
   * @throws TypeError if `redis` is not a Redis client.
   */
  constructor(redis: RedisClient) {
    expectRedisClient(redis, 'RedisLoginStore');
    this.#redis = redis;
  }

  /** See {@link LoginStore}. */
  createLimiter(settings: LoginLimiterSettings): LoginLimiter {
    const redis = this.#redis;
    const limiter = new RateLimiterRedis({ ...settings, storeClient: redis, useRedisPackage: !('call' in redis) });
    const run = async <T>(call: () => Promise<T>): Promise<T> => {
      await expectConnection(redis);
      return call();
    };
    return {
      consume: (key) => run(() => limiter.consume(key)),
      get: (key) => run(() => limiter.get(key)),
      reward: (key) => run(() => limiter.reward(key)),
      delete: (key) => run(() => limiter.delete(key)),
    };
  }
}
