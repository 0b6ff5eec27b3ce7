import { jest } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import {
  Controller,
  Get,
  type INestApplication,
  type MessageEvent,
  Query,
  Sse,
  StreamableFile,
  UseGuards,
} from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { Observable } from 'rxjs';
import { Readable } from 'node:stream';
import { endAtExpiry, endEventsAtExpiry, getExpiry } from '../../../src/nest/contexts/expiry.js';
import { GenAuthGuard, GenAuthModule, type GenAuthModuleOptions } from '../../../src/nest/index.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { useIssuer } from '../../support/issuer.js';
import { bearer } from '../../support/marked-routes.js';
import { type Platform, startNestApp } from '../../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();

describe('the end of a connection', () => {
  const DAY = 86_400;
  const end = jest.fn();
  let emitter: EventEmitter;
  const endAfter = (seconds: number): void =>
    endAtExpiry({ emitter, closeEvent: 'disconnect', isClosed: false, end }, Date.now() / 1000 + seconds);
  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    end.mockClear();
    emitter = new EventEmitter();
  });
  afterEach(() => void jest.useRealTimers());

  it.each([
    [0, 0],
    [1, 1],
    // The longest delay of a timer is about 25 days.
    [60 * DAY, 60 * DAY],
    [-1, 0],
  ])('is %d s after its start: after %d s', (seconds, expected) => {
    endAfter(seconds);
    if (expected > 0) jest.advanceTimersByTime(expected * 1000 - 1);
    expect(end).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(end).toHaveBeenCalledTimes(1);
  });

  it('is at the expiration time of the newest access token', () => {
    endAfter(1);
    endAfter(5);
    jest.advanceTimersByTime(4999);
    expect(end).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(end).toHaveBeenCalledTimes(1);
  });

  it('leaves no timer if the connection is closed', () => {
    endAfter(1);
    emitter.emit('disconnect');
    endAtExpiry({ emitter: new EventEmitter(), closeEvent: 'disconnect', isClosed: true, end }, Date.now() + 1);
    expect(jest.getTimerCount()).toBe(0);
  });
});

it.each([
  ['in the future', 60, undefined, 60],
  ['in the past, within the default tolerance', -1, undefined, 4],
  ['in the past, within a tolerance', -1, 30, 29],
])('a connection ends at exp, or at the end of the tolerance: exp %s', (_title, offset, clockTolerance, expected) => {
  jest.useFakeTimers({ now: 1_000_000 });
  expect(getExpiry({ claims: { exp: 1000 + offset } }, { clockTolerance })).toBe(1000 + expected);
  jest.useRealTimers();
});

it('a response is answered although its request calls a guard many thousand times, as with GraphQL', () => {
  const res = new ServerResponse(new IncomingMessage(new Socket()));
  for (let i = 0; i < 20_000; i++) endEventsAtExpiry({ res }, 4_000_000_000);
  expect(res.writeHead(200, { 'content-type': 'application/json' }).headersSent).toBe(true);
});

/** The lifetime of the access tokens, in milliseconds. It is long enough for a busy machine. */
const LIFETIME = 1000;

/** The subscriptions of the stream that are still running. */
let running = 0;

@Controller()
class StreamController {
  @UseGuards(GenAuthGuard)
  @Sse('events')
  events(): Observable<MessageEvent> {
    return this.ticks();
  }

  @UseGuards(AuthGuard('genauth-bearer'))
  @Sse('passport')
  passport(): Observable<MessageEvent> {
    return this.ticks();
  }

  /** A download that is slower than the access token is valid. */
  @UseGuards(GenAuthGuard)
  @Get('download')
  download(@Query('ms') ms: string): StreamableFile {
    async function* write(): AsyncGenerator<string> {
      yield 'first ';
      await new Promise((resolve) => setTimeout(resolve, Number(ms)));
      yield 'last';
    }
    return new StreamableFile(Readable.from(write()));
  }

  private ticks(): Observable<MessageEvent> {
    return new Observable((subscriber) => {
      running += 1;
      const timer = setInterval(() => subscriber.next({ data: 'tick' }), 1);
      return () => {
        running -= 1;
        clearInterval(timer);
      };
    });
  }
}

describe.each<Platform>(['Express', 'Fastify'])('closeAtExpiry with %s', (platform) => {
  async function start(options: Partial<GenAuthModuleOptions>): ReturnType<typeof startNestApp> {
    const imports = [GenAuthModule.forRoot({ ...issuer().clientOptions, ...options })];
    // Like express-session, this middleware takes the first argument of `end` for data.
    const prepare = (app: INestApplication): void =>
      void app.use((_req: unknown, res: ServerResponse, next: () => void) => {
        const end = res.end.bind(res) as (chunk: Buffer, encoding: string) => void;
        res.end = ((chunk?: string) => end(Buffer.from(chunk ?? ''), 'utf8')) as typeof res.end;
        next();
      });
    return startNestApp(
      platform,
      { imports, controllers: [StreamController] },
      platform === 'Express' ? { prepare } : {},
    );
  }
  /** Reads a response until it ends, at most until `maximum`. Returns its text and the time in milliseconds. */
  async function read(url: string, maximum: number): Promise<{ text: string; ended: boolean; ms: number }> {
    const start = Date.now();
    const authorization = bearer(issuer(), { iat: start / 1000 - 60, exp: start / 1000 + LIFETIME / 1000 });
    const signal = AbortSignal.timeout(maximum);
    const { body } = await fetch(url, { headers: { authorization }, signal });
    let text = '';
    const decoder = new TextDecoder();
    try {
      for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) text += decoder.decode(chunk);
      return { text, ended: true, ms: Date.now() - start };
    } catch {
      return { text, ended: false, ms: Date.now() - start };
    }
  }

  it('ends a response with Server-Sent Events when the access token expires, and no other response', async () => {
    const app = await start({ closeAtExpiry: true });
    const [events, passport, download] = await Promise.all([
      read(`${app.url}/events`, 5000),
      read(`${app.url}/passport`, 5000),
      read(`${app.url}/download?ms=${LIFETIME + 300}`, 5000),
    ]);
    for (const stream of [events, passport]) {
      expect(stream).toMatchObject({ ended: true, text: expect.stringContaining('data: tick') });
      expect(stream.ms).toBeGreaterThanOrEqual(LIFETIME);
      expect(stream.ms).toBeLessThan(LIFETIME + 2000);
    }
    expect(download).toMatchObject({ ended: true, text: 'first last' });
    await app.close();
    expect(running).toBe(0);
  });

  it('is off by default', async () => {
    const app = await start({});
    expect(await read(`${app.url}/events`, LIFETIME + 300)).toMatchObject({ ended: false });
    await app.close();
  });
});

it.each(['yes', 1, null])('refuses the value %p of closeAtExpiry', async (closeAtExpiry) => {
  const imports = [GenAuthModule.forRoot({ ...issuer().clientOptions, closeAtExpiry: closeAtExpiry as never })];
  await expect(startNestApp('Express', { imports })).rejects.toMatchObject({
    details: { mistakes: [{ option: 'closeAtExpiry', fix: 'write true or false' }] },
  });
});
