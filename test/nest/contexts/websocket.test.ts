import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type INestApplication, type Provider, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Socket, io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { type BearerInfo, GenAuthClient, type GenAuthTokenUser } from '../../../src/index.js';
import { AuthInfo, CurrentUser, GenAuthGuard, Public, Tenant } from '../../../src/nest/index.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { SUBJECT, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { type Platform, type RunningApp, startNestApp } from '../../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();

/** An answer of a gateway: its event and its data. */
interface Answer {
  event: string;
  data: unknown;
}
const reply = (data: unknown): Answer => ({ event: 'answer', data });

class Messages {
  @SubscribeMessage('me')
  me(@CurrentUser() user: GenAuthTokenUser, @CurrentUser('sub') sub: string, @AuthInfo() info: BearerInfo): Answer {
    return reply([user.sub, sub, info.claims.sub]);
  }

  @SubscribeMessage('echo')
  echo(@CurrentUser('sub') sub: string, @MessageBody() body: unknown): Answer {
    return reply([sub, body]);
  }

  @Public()
  @SubscribeMessage('open')
  open(): Answer {
    return reply('open');
  }

  /** The message is the body of the request. */
  @Tenant((req) => (req.body as { tenant?: string } | undefined)?.tenant)
  @SubscribeMessage('tenant')
  tenant(@CurrentUser('sub') sub: string): Answer {
    return reply(sub);
  }
}

@WebSocketGateway()
class Gateway extends Messages {}

@UseGuards(GenAuthGuard)
@WebSocketGateway()
class GuardedGateway extends Messages {}

/** Stores the request on the socket, because `ws` does not. */
@UseGuards(GenAuthGuard)
@WebSocketGateway()
class KeepingGateway extends Messages {
  handleConnection(client: { upgradeReq?: IncomingMessage }, request: IncomingMessage): void {
    client.upgradeReq = request;
  }
}

let now: number;
const apps: RunningApp[] = [];
const sockets: (() => unknown)[] = [];
beforeEach(() => {
  now = Date.now();
});
afterEach(async () => {
  for (const close of sockets.splice(0)) close();
  for (const app of apps.splice(0)) await app.close();
});

async function start(
  platform: Platform,
  Adapter: new (app: INestApplication) => IoAdapter | WsAdapter,
  ...providers: Provider[]
): Promise<RunningApp> {
  const client = new GenAuthClient(issuer().clientOptions, { now: () => now });
  const running = await startNestApp(
    platform,
    { providers: [{ provide: GenAuthClient, useValue: client }, GenAuthGuard, ...providers] },
    { prepare: (app) => void app.useWebSocketAdapter(new Adapter(app)) },
  );
  apps.push(running);
  return running;
}

/** Sends one message and waits for the next event. */
type Ask = (event: string, data?: unknown) => Promise<Answer>;

async function openSocketIo(
  { url }: RunningApp,
  options: Parameters<typeof io>[1] = {},
): Promise<Ask & { io: Socket }> {
  const socket = io(url, { transports: ['websocket'], forceNew: true, reconnection: false, ...options });
  sockets.push(() => socket.disconnect());
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('connect_error', reject));
  const ask: Ask = (event, data = {}) =>
    new Promise((resolve) => {
      socket.onAny((name: string, answer: unknown) => {
        socket.offAny();
        resolve({ event: name, data: answer });
      });
      socket.emit(event, data);
    });
  return Object.assign(ask, { io: socket });
}

async function openWs({ url }: RunningApp, authorization?: string | string[]): Promise<Ask & { ws: WebSocket }> {
  const headers = (authorization === undefined ? {} : { authorization }) as Record<string, string>;
  const ws = new WebSocket(url.replace('http', 'ws'), { headers });
  sockets.push(() => ws.terminate());
  await once(ws, 'open');
  const ask: Ask = async (event, data = {}) => {
    ws.send(JSON.stringify({ event, data }));
    const [message] = (await once(ws, 'message')) as [Buffer];
    return JSON.parse(message.toString()) as Answer;
  };
  return Object.assign(ask, { ws });
}

const HOUR = 3600;
const token = (claims: Record<string, unknown> = {}): string => issuer().sign(issuer().accessTokenClaims(claims));
const refusal = (statusCode: number, code: string): object => ({
  event: 'exception',
  data: {
    status: 'error',
    statusCode,
    error: expect.any(String) as string,
    message: expect.any(String) as string,
    code,
  },
});
const MISSING = refusal(401, 'token_missing');
const INVALID = refusal(401, 'invalid_token');
const inHandshake = (given: string): object => ({ extraHeaders: { authorization: `Bearer ${given}` } });

describe('Socket.IO', () => {
  let running: RunningApp;
  beforeEach(async () => {
    running = await start('Express', IoAdapter, GuardedGateway);
  });

  it.each<[place: string, makeOptions: () => Parameters<typeof io>[1], sub: string]>([
    ['auth.token', () => ({ auth: { token: token() } }), SUBJECT],
    ['auth.token with the scheme', () => ({ auth: { token: `bearer ${token()}` } }), SUBJECT],
    ['auth.Authorization', () => ({ auth: { Authorization: `Bearer ${token()}` } }), SUBJECT],
    ['the handshake', () => inHandshake(token()), SUBJECT],
    ['the handshake by polling', () => ({ ...inHandshake(token()), transports: ['polling'] }), SUBJECT],
    ['the handshake beside an empty auth.token', () => ({ auth: { token: null }, ...inHandshake(token()) }), SUBJECT],
    ['auth.token, not the handshake', () => ({ auth: { token: token({ sub: 'al' }) }, ...inHandshake(token()) }), 'al'],
  ])('reads the token in %s', async (_place, makeOptions, sub) => {
    const ask = await openSocketIo(running, makeOptions());
    expect(await ask('me')).toEqual(reply([sub, sub, sub]));
  });

  it.each<[place: string, makeOptions: () => Parameters<typeof io>[1]]>([
    ['the query', () => ({ query: { token: token(), authorization: `Bearer ${token()}` } })],
    ['auth.authorization without the scheme', () => ({ auth: { authorization: token() } })],
  ])('reads no token in %s', async (_place, makeOptions) => {
    const ask = await openSocketIo(running, makeOptions());
    expect(await ask('me')).toEqual(MISSING);
  });

  it.each<[title: string, makeOptions: () => Parameters<typeof io>[1]]>([
    ['auth.token and auth.authorization', () => ({ auth: { token: token(), authorization: `Bearer ${token()}` } })],
    ['a list as auth.token', () => ({ auth: { token: [token()] } })],
    ['an object as auth.token beside the handshake', () => ({ auth: { token: {} }, ...inHandshake(token()) })],
  ])('refuses %s', async (_title, makeOptions) => {
    const ask = await openSocketIo(running, makeOptions());
    expect(await ask('me')).toEqual(INVALID);
  });

  it('refuses a message after the token has expired, and keeps the socket open', async () => {
    const ask = await openSocketIo(running, { auth: { token: token() } });
    expect(await ask('echo', { x: 1 })).toEqual(reply([SUBJECT, { x: 1 }]));
    now += (HOUR + 6) * 1000;
    expect(await ask('echo', { x: 2 })).toEqual(INVALID);
    expect(await ask('open')).toEqual(reply('open'));
    expect(ask.io.connected).toBe(true);
  });

  it.each([
    ['accepts the tenant of the message', { tenant: 'blue' }, reply(SUBJECT)],
    ['refuses another tenant', { tenant: 'red' }, refusal(403, 'tenant_mismatch')],
    ['refuses a message without a tenant', {}, refusal(403, 'tenant_mismatch')],
  ])('%s', async (_title, data, expected) => {
    const ask = await openSocketIo(running, { auth: { token: token({ tenant_id: 'blue' }) } });
    expect(await ask('tenant', data)).toEqual(expected);
  });

  it('shows the token neither in an answer nor in the log', async () => {
    const wrong = token({ aud: 'another' });
    const refused = await (await openSocketIo(running, { auth: { token: wrong } }))('me');
    expect(refused).toEqual(INVALID);
    expect(running.logger.lines.join()).toContain('token_audience_mismatch');
    expect(findLeaks([refused, running.logger.lines], [wrong.split('.')[2] ?? ''])).toEqual([]);
  });
});

it.each<[title: string, platform: Platform, providers: readonly Provider[]]>([
  ['behind a global guard', 'Express', [Gateway, { provide: APP_GUARD, useExisting: GenAuthGuard }]],
  ['on Fastify', 'Fastify', [GuardedGateway]],
])('guards Socket.IO %s', async (_title, platform, providers) => {
  const running = await start(platform, IoAdapter, ...providers);
  expect(await (await openSocketIo(running))('me')).toEqual(MISSING);
  const ask = await openSocketIo(running, { auth: { token: token() } });
  expect(await ask('me')).toEqual(reply([SUBJECT, SUBJECT, SUBJECT]));
});

describe.each(['Express', 'Fastify'] as const)('ws on %s', (platform) => {
  it.each<[title: string, makeHeader: () => string | string[] | undefined, expected: object]>([
    ['a valid token', () => `Bearer ${token()}`, reply([SUBJECT, SUBJECT, SUBJECT])],
    ['no token', () => undefined, MISSING],
    ['a wrong token', () => 'Bearer garbage', INVALID],
    ['two headers', () => [`Bearer ${token()}`, `Bearer ${token()}`], INVALID],
  ])('reads %s in the request that the application stores', async (_title, makeHeader, expected) => {
    const ask = await openWs(await start(platform, WsAdapter, KeepingGateway), makeHeader());
    expect(await ask('me')).toEqual(expected);
  });

  it('reads no token if the application does not store the request', async () => {
    const ask = await openWs(await start(platform, WsAdapter, GuardedGateway), `Bearer ${token()}`);
    expect(await ask('me')).toEqual(MISSING);
  });

  it('refuses a message after the token has expired, and keeps the socket open', async () => {
    const authorization = `Bearer ${token({ tenant_id: 'blue' })}`;
    const ask = await openWs(await start(platform, WsAdapter, KeepingGateway), authorization);
    expect(await ask('tenant', { tenant: 'blue' })).toEqual(reply(SUBJECT));
    now += (HOUR + 6) * 1000;
    expect(await ask('tenant', { tenant: 'blue' })).toEqual(INVALID);
    expect(await ask('open')).toEqual(reply('open'));
    expect(ask.ws.readyState).toBe(WebSocket.OPEN);
  });
});
