import { once } from 'node:events';
import type { EventEmitter } from 'node:events';

/**
 * The members of a Redis client that the stores use. The clients of the packages `ioredis` (`call`) and `redis`
 * (`sendCommand`) have them.
 */
export type RedisClient =
  | { call(command: string, ...parameters: string[]): Promise<unknown> }
  | { sendCommand(command: string[]): Promise<unknown> };

/** The state of a client: `status` of `ioredis`, `isReady` of `redis`. */
interface ClientState {
  readonly status?: unknown;
  readonly isReady?: unknown;
  readonly once?: unknown;
}

/** The first connection of each client. */
const firstConnections = new WeakMap<object, FirstConnection>();

interface FirstConnection {
  isOpen: boolean;
  readonly opened: Promise<unknown>;
}

/**
 * Waits for the first connection of a client. A client that has lost its connection is refused at once: it would keep
 * the commands, and send them when Redis is back, long after the requests that needed them.
 *
 * @throws Error if the client has lost its connection.
 */
export async function expectConnection(client: RedisClient): Promise<void> {
  const first = watchConnection(client);
  if (!first.isOpen) await first.opened;
  if (!isReady(client)) throw new Error('Redis is not connected');
}

/** Notes the first connection of a client, also if no command is sent before it is lost. */
function watchConnection(client: RedisClient): FirstConnection {
  const known = firstConnections.get(client);
  if (known !== undefined) return known;
  const { once: listen } = client as ClientState;
  const isOpen = isReady(client) || typeof listen !== 'function';
  const opened = isOpen ? Promise.resolve() : once(client as unknown as EventEmitter, 'ready').catch(() => {});
  const first: FirstConnection = { isOpen, opened: opened.then(() => (first.isOpen = true)) };
  firstConnections.set(client, first);
  return first;
}

/** Whether a client is connected. A client of another package does not show it. */
function isReady(client: RedisClient): boolean {
  const { status, isReady: ready }: ClientState = client as ClientState;
  const isKnown = typeof status === 'string' || typeof ready === 'boolean';
  return !isKnown || status === 'ready' || ready === true;
}

/** Sends a command to Redis. */
export async function sendCommand(client: RedisClient, command: string, ...parameters: string[]): Promise<unknown> {
  await expectConnection(client);
  // The client of `ioredis` also has a method `sendCommand`, which takes another argument.
  return 'call' in client ? client.call(command, ...parameters) : client.sendCommand([command, ...parameters]);
}

/** @throws TypeError if a value is not a Redis client. */
export function expectRedisClient(client: unknown, name: string): void {
  const { call, sendCommand: send } = (client ?? {}) as { call?: unknown; sendCommand?: unknown };
  if (typeof call === 'function' || typeof send === 'function') return void watchConnection(client as RedisClient);
  throw new TypeError(`${name} got no Redis client: pass a client of ioredis or of redis, new ${name}(client).`);
}
