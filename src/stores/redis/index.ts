/**
 * The entry point `passport-genauth/redis`: the state that several processes of an application share, in Redis.
 *
 * @module
 */
export type { RedisClient } from './redis-client.js';
export { RedisLoginStore } from './redis-login-store.js';
export { RedisRefreshStore } from './redis-refresh-store.js';
