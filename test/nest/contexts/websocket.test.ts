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
import {
  AuthInfo,
  CurrentUser,
  GenAuthGuard,
  OptionalAuth,
  Public,
  RequireScopes,
  Roles,
  Tenant,
} from '../../../src/nest/index.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { SUBJECT, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { type Platform, type RunningApp, startNestApp } from '../../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();

/** An answer of a gateway: the event that comes back, with what it carries. */
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

  @OptionalAuth()
  @SubscribeMessage('maybe')
  maybe(@CurrentUser('sub') sub: string | undefined): Answer {
    return reply(sub ?? 'nobody');
  }

  @RequireScopes('email')
  @SubscribeMessage('mail')
  mail(@CurrentUser('sub') sub: string): Answer {
    return reply(sub);
  }

  @Roles('admin')
  @SubscribeMessage('admin')
  admin(@CurrentUser('sub') sub: string): Answer {
    return reply(sub);
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

/** As an application keeps the request, which `ws` alone does not. */
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
const GLOBAL: readonly Provider[] = [Gateway, { provide: APP_GUARD, useExisting: GenAuthGuard }];

/** Sends one message and waits for what comes back, whatever event it is. */
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
const EXPIRED = (): string => {
  const iat = Math.floor(Date.now() / 1000) - 2 * HOUR;
  return token({ iat, exp: iat + HOUR });
};

describe.each([
  ['Express', 'a guard on the gateway', [GuardedGateway]],
  ['Express', 'a global guard', GLOBAL],
  ['Fastify', 'a guard on the gateway', [GuardedGateway]],
] as const)('Socket.IO on %s behind %s', (platform, _way, providers) => {
  let running: RunningApp;
  beforeEach(async () => {
    running = await start(platform, IoAdapter, ...providers);
  });

  it.each<[string, () => Parameters<typeof io>[1], sub: string]>([
    ['auth.token', () => ({ auth: { token: token() } }), SUBJECT],
    ['auth.token with its scheme', () => ({ auth: { token: `bearer ${token()}` } }), SUBJECT],
    ['auth.authorization', () => ({ auth: { authorization: `Bearer ${token()}` } }), SUBJECT],
    ['auth.Authorization', () => ({ auth: { Authorization: `Bearer ${token()}` } }), SUBJECT],
    ['the handshake', () => inHandshake(token()), SUBJECT],
    ['the handshake by polling', () => ({ ...inHandshake(token()), transports: ['polling'] }), SUBJECT],
    ['the handshake beside an empty auth.token', () => ({ auth: { token: null }, ...inHandshake(token()) }), SUBJECT],
    [
      'auth.token, and of another in the handshake',
      () => ({ auth: { token: token({ sub: 'al' }) }, ...inHandshake(token()) }),
      'al',
    ],
  ])('in with the token in %s', async (_place, makeOptions, sub) => {
    const ask = await openSocketIo(running, makeOptions());
    expect(await ask('me')).toEqual(reply([sub, sub, sub]));
    expect(await ask('maybe')).toEqual(reply(sub));
  });

  it.each<[string, () => Parameters<typeof io>[1]]>([
    ['nowhere', () => ({})],
    ['the query', () => ({ query: { token: token(), authorization: `Bearer ${token()}` } })],
    ['auth.authorization without its scheme', () => ({ auth: { authorization: token() } })],
  ])('no token: %s', async (_place, makeOptions) => {
    const ask = await openSocketIo(running, makeOptions());
    expect(await ask('me')).toEqual(MISSING);
    expect(await ask('maybe')).toEqual(reply('nobody'));
    expect(await ask('open')).toEqual(reply('open'));
  });

  it.each<[string, () => Parameters<typeof io>[1]]>([
    ['an expired token', () => ({ auth: { token: EXPIRED() } })],
    ['an expired token in the handshake', () => inHandshake(EXPIRED())],
    ['a token for another app', () => ({ auth: { token: token({ aud: 'another' }) } })],
    ['an id_token', () => ({ auth: { token: issuer().sign(issuer().idTokenClaims()) } })],
    ['auth.token and auth.authorization', () => ({ auth: { token: token(), authorization: `Bearer ${token()}` } })],
    ['a list as auth.token', () => ({ auth: { token: [token()] } })],
    ['an object as auth.token beside a good handshake', () => ({ auth: { token: {} }, ...inHandshake(token()) })],
  ])('a bad token is refused, and not taken for none: %s', async (_what, makeOptions) => {
    const ask = await openSocketIo(running, makeOptions());
    expect(await ask('me')).toEqual(INVALID);
    expect(await ask('maybe')).toEqual(INVALID);
    expect(await ask('open')).toEqual(reply('open'));
  });

  it('a token that expires is noticed with the next message; other events and the socket go on', async () => {
    const ask = await openSocketIo(running, { auth: { token: token() } });
    expect(await ask('echo', { x: 1 })).toEqual(reply([SUBJECT, { x: 1 }]));
    now += (HOUR + 6) * 1000;
    expect(await ask('echo', { x: 2 })).toEqual(INVALID);
    expect(await ask('maybe')).toEqual(INVALID);
    expect(await ask('open')).toEqual(reply('open'));
    expect(ask.io.connected).toBe(true);
  });

  it.each([
    ['mail', 'openid', {}, refusal(403, 'insufficient_scope')],
    ['mail', 'openid email', {}, reply(SUBJECT)],
    ['admin', 'openid', {}, refusal(403, 'insufficient_role')],
    ['tenant', 'openid', { tenant: 'blue' }, reply(SUBJECT)],
    ['tenant', 'openid', { tenant: 'red' }, refusal(403, 'tenant_mismatch')],
    ['tenant', 'openid', {}, refusal(403, 'tenant_mismatch')],
  ])('%s with scope %p and message %p', async (event, scope, data, expected) => {
    issuer().reply('/oidc/me', { body: { sub: SUBJECT, roles: ['editor'] } });
    const right = token({ scope, tenant_id: 'blue' });
    expect(await (await openSocketIo(running, { auth: { token: right } }))(event, data)).toEqual(expected);
    expect(await (await openSocketIo(running, inHandshake(right)))(event, data)).toEqual(expected);
  });

  it('GenAuth down is 503 and no fault of the token', async () => {
    issuer().reply('/oidc/me', { status: 503 });
    const ask = await openSocketIo(running, { auth: { token: token() } });
    expect(await ask('admin')).toEqual(refusal(503, 'upstream_unavailable'));
  });

  it('twenty people at one time never mix, and no answer or log holds a token', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `person-${i}`);
    const tokens = names.map((sub) => token({ sub }));
    const asks = await Promise.all(tokens.map((each) => openSocketIo(running, { auth: { token: each } })));
    const answers = await Promise.all(asks.map((ask, i) => ask('echo', i)));
    expect(answers).toEqual(names.map((name, i) => reply([name, i])));
    const signatures = tokens.map((each) => each.split('.')[2] ?? '');
    const refused = await (await openSocketIo(running, { auth: { token: `${tokens[0]}x` } }))('me');
    expect(refused).toEqual(INVALID);
    expect(findLeaks([refused, running.logger.lines], signatures)).toEqual([]);
  });
});

describe.each(['Express', 'Fastify'] as const)('ws on %s', (platform) => {
  it.each<[string, () => string | string[] | undefined, object]>([
    ['a good token', () => `Bearer ${token()}`, reply([SUBJECT, SUBJECT, SUBJECT])],
    ['no token', () => undefined, MISSING],
    ['an expired token', () => `Bearer ${EXPIRED()}`, INVALID],
    ['garbage', () => 'Bearer garbage', INVALID],
    ['two headers', () => [`Bearer ${token()}`, `Bearer ${token()}`], INVALID],
  ])('that keeps its request: %s', async (_what, makeHeader, expected) => {
    const ask = await openWs(await start(platform, WsAdapter, KeepingGateway), makeHeader());
    expect(await ask('me')).toEqual(expected);
    expect(await ask('open')).toEqual(reply('open'));
  });

  it('that does not keep it knows nobody', async () => {
    const ask = await openWs(await start(platform, WsAdapter, GuardedGateway), `Bearer ${token()}`);
    expect(await ask('me')).toEqual(MISSING);
    expect(await ask('maybe')).toEqual(reply('nobody'));
  });

  it('a token that expires is noticed with the next message; other events and the socket go on', async () => {
    const ask = await openWs(
      await start(platform, WsAdapter, KeepingGateway),
      `Bearer ${token({ tenant_id: 'blue' })}`,
    );
    expect(await ask('tenant', { tenant: 'blue' })).toEqual(reply(SUBJECT));
    expect(await ask('mail')).toEqual(refusal(403, 'insufficient_scope'));
    now += (HOUR + 6) * 1000;
    expect(await ask('tenant', { tenant: 'blue' })).toEqual(INVALID);
    expect(await ask('open')).toEqual(reply('open'));
    expect(ask.ws.readyState).toBe(WebSocket.OPEN);
  });
});
