import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { createServer } from 'node:net';

const PROGRAM = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'].find(existsSync);

/** `describe`, or `describe.skip` with a printed reason on a machine without Redis. */
export function describeWithRedis(file: string): typeof describe.skip {
  if (PROGRAM !== undefined) return describe;
  process.stderr.write(`SKIPPED ${file}: no Redis on this machine (Debian: apt-get install redis-server).\n`);
  return describe.skip;
}

/** A Redis server of its own on a free loopback port, without a file. */
export class RedisServer {
  #process: ChildProcess | undefined;
  #port = 0;

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`;
  }

  /** Starts the server. After `stop` it starts again on the same port, and empty. */
  async start(): Promise<this> {
    this.#port ||= await findFreePort();
    const settings = ['--bind', '127.0.0.1', '--port', String(this.#port), '--save', '', '--appendonly', 'no'];
    const server = spawn(PROGRAM ?? 'redis-server', settings, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = server;
    for await (const line of createInterface({ input: server.stdout })) {
      if (line.includes('Ready to accept connections')) break;
    }
    server.stdout.resume();
    return this;
  }

  async stop(): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server === undefined) return;
    server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  }

  /** Makes the server hang, until `resume`. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }
}

/** Starts a Redis server for the tests of a file or a `describe`. */
export function useRedis(): () => RedisServer {
  const server = new RedisServer();
  beforeAll(() => server.start());
  afterAll(() => server.stop());
  return () => server;
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
