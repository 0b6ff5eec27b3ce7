/**
 * The members of a Redis client that the stores use. The clients of the packages `ioredis` (`call`) and `redis`
 * (`sendCommand`) have them.
 */
export type RedisClient =
  | { call(command: string, ...parameters: string[]): Promise<unknown> }
  | { sendCommand(command: string[]): Promise<unknown> };

/** Sends a command to Redis. */
export async function sendCommand(client: RedisClient, command: string, ...parameters: string[]): Promise<unknown> {
  // The client of `ioredis` also has a method `sendCommand`, which takes another argument.
  return 'call' in client ? client.call(command, ...parameters) : client.sendCommand([command, ...parameters]);
}

/** @throws TypeError if a value is not a Redis client. */
export function expectRedisClient(client: unknown, name: string): void {
  const { call, sendCommand } = (client ?? {}) as { call?: unknown; sendCommand?: unknown };
  if (typeof call === 'function' || typeof sendCommand === 'function') return;
  throw new TypeError(`${name} got no Redis client: pass a client of ioredis or of redis, new ${name}(client).`);
}
