import { inspect } from 'node:util';
import { type INestApplication, type LoggerService, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

/** The two platforms that Nest runs on; `trustProxy` as a user would set it there. */
export const PLATFORMS = {
  Express: (trustProxy?: string) => {
    const adapter = new ExpressAdapter();
    if (trustProxy !== undefined) adapter.set('trust proxy', trustProxy);
    return adapter;
  },
  Fastify: (trustProxy?: string) => new FastifyAdapter(trustProxy === undefined ? {} : { trustProxy }),
} as const;
export type Platform = keyof typeof PLATFORMS;

/** Everything that an application logged, line by line: of an object all that there is to see. */
export class MemoryLogger implements LoggerService {
  readonly lines: string[] = [];
  readonly #write =
    (level: string) =>
    (...parts: unknown[]): void => {
      this.lines.push([level, ...parts.map(show)].join(' '));
    };
  log = this.#write('log');
  error = this.#write('error');
  warn = this.#write('warn');
  debug = this.#write('debug');
  verbose = this.#write('verbose');
  fatal = this.#write('fatal');
}

function show(part: unknown): string {
  return typeof part === 'string' ? part : inspect(part, { depth: Infinity, showHidden: true, maxStringLength: null });
}

export type RunningApp = Awaited<ReturnType<typeof startNestApp>>;

/** Starts a real Nest application on a free loopback port. */
export async function startNestApp(
  platform: Platform,
  metadata: ModuleMetadata,
  { trustProxy, prepare }: { trustProxy?: string; prepare?: (app: INestApplication) => void } = {},
) {
  class AppModule {}
  const logger = new MemoryLogger();
  const module = { module: AppModule, ...metadata };
  const options = { logger, abortOnError: false };
  const app: INestApplication = await NestFactory.create(module, PLATFORMS[platform](trustProxy), options);
  prepare?.(app);
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl(), logger, close: () => app.close() };
}

/** Sends a request, and reads the whole response. A body that is not JSON becomes `{ text }`. */
export async function send(
  url: string,
  { method = 'GET', body, headers = {} }: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }> {
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(url, { method, headers: { ...type, ...headers }, ...content });
  const text = await response.text();
  const parsed = (text.startsWith('{') ? JSON.parse(text) : { text }) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, body: parsed };
}
