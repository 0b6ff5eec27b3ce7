import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type Provider, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { WebSocket } from 'ws';
import { GenAuthClient } from '../../../src/index.js';
import { readWebSocketContext } from '../../../src/nest/contexts/websocket.js';
import { CurrentUser, GenAuthGuard, Public, Tenant } from '../../../src/nest/index.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { SUBJECT, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { bearer } from '../../support/marked-routes.js';
import { type Platform, type RunningApp, startNestApp } from '../../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();

describe('the request of a message', () => {
  const read = (client: object, data?: unknown): ReturnType<typeof readWebSocketContext> =>
    readWebSocketContext(new ExecutionContextHost([client, data]));
  const [h, u, r] = ['h', 'u', 'r'].map((authorization) => ({ headers: { authorization } }));
  const withAuth = (auth: unknown): object => ({ handshake: { ...h, auth } });

  it.each<[title: string, client: object, authorization: unknown]>([
    ['is the handshake', { handshake: h }, 'h'],
    ['is request rather than the handshake', { handshake: h, request: r }, 'r'],
    ['is upgradeReq rather than request', { request: r, upgradeReq: u }, 'u'],
    ['has no headers without all of them', { request: 'r' }, undefined],
    ['has auth.token with the scheme', withAuth({ token: 't' }), 'Bearer t'],
    ['adds no second scheme to auth.token', withAuth({ token: 'bearer t' }), 'bearer t'],
    ['has auth.Authorization', withAuth({ Authorization: 't' }), 't'],
    ['has auth.token and auth.authorization', withAuth({ token: 't', authorization: 'a' }), ['Bearer t', 'a']],
    ['has an object as auth.token', withAuth({ token: {} }), {}],
    ['ignores an empty auth.token', withAuth({ token: '' }), 'h'],
    ['ignores an inherited auth.token', withAuth(Object.create({ token: 't' })), 'h'],
    ['ignores a list as auth', withAuth(['t']), 'h'],
    ['ignores the query', { handshake: { ...h, query: { token: 't', authorization: 't' } } }, 'h'],
  ])('%s', (_title, client, authorization) => {
    expect(read(client).request.headers.authorization).toEqual(authorization);
  });

  it('has the message as its body, and the socket stores the user', () => {
    const client = { handshake: h };
    expect(read(client, { x: 1 })).toMatchObject({ request: { body: { x: 1 } } });
    expect(read(client).state).toBe(client);
  });
});

/** An answer of a gateway: its event and its data. */
interface Answer {
  event: string;
  data: unknown;
}

/** Stores the request on the socket, because `ws` does not. */
@WebSocketGateway()
class Gateway {
  handleConnection(client: { upgradeReq?: IncomingMessage }, request: IncomingMessage): void {
    client.upgradeReq = request;
  }

  /** The message is the body of the request. */
  @Tenant((req) => (req.body as { tenant: string }).tenant)
  @SubscribeMessage('me')
  me(@CurrentUser('sub') data: string): Answer {
    return { event: 'answer', data };
  }

  @Public()
  @SubscribeMessage('open')
  open(): Answer {
    return { event: 'answer', data: 'open' };
  }
}

@UseGuards(GenAuthGuard)
@WebSocketGateway()
class GuardedGateway extends Gateway {}

let now: number;
const closing: (() => unknown)[] = [];
beforeEach(() => {
  now = Date.now();
});
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** Returns a function that sends one message and waits for the next event. */
function openSocket({ url }: RunningApp, authorization: string): (event: string) => Promise<Answer> {
  const ws = new WebSocket(url.replace('http', 'ws'), { headers: { authorization } });
  closing.push(() => ws.terminate());
  const opened = once(ws, 'open');
  return async (event) => {
    await opened;
    ws.send(JSON.stringify({ event, data: { tenant: 'blue' } }));
    const [message] = (await once(ws, 'message')) as [Buffer];
    return JSON.parse(message.toString()) as Answer;
  };
}

describe.each<[guard: string, platform: Platform, gateway: Provider[]]>([
  ['GenAuthGuard', 'Express', [GuardedGateway]],
  ['a global GenAuthGuard', 'Fastify', [Gateway, { provide: APP_GUARD, useExisting: GenAuthGuard }]],
])('%s of a gateway for ws on %s', (_guard, platform, gateway) => {
  let running: RunningApp;
  beforeEach(async () => {
    const client = new GenAuthClient(issuer().clientOptions, { now: () => now });
    running = await startNestApp(
      platform,
      { providers: [{ provide: GenAuthClient, useValue: client }, GenAuthGuard, ...gateway] },
      { prepare: (app) => void app.useWebSocketAdapter(new WsAdapter(app)) },
    );
    closing.push(running.close);
  });
  const refusal = (statusCode: number, code: string): object => ({
    event: 'exception',
    data: { status: 'error', statusCode, error: expect.any(String), message: expect.any(String), code },
  });

  it('guards each message, and shows the token neither in an answer nor in the log', async () => {
    const makeToken = (claims: object): string => bearer(issuer(), { tenant_id: 'blue', ...claims });
    const open = (claims: object) => openSocket(running, makeToken(claims));
    const [valid, other] = [open({}), open({ aud: 'another' })];
    expect(await valid('me')).toEqual({ event: 'answer', data: SUBJECT });
    expect(await open({ tenant_id: 'red' })('me')).toEqual(refusal(403, 'tenant_mismatch'));
    expect(await other('me')).toEqual(refusal(401, 'invalid_token'));
    expect(await other('open')).toEqual({ event: 'answer', data: 'open' });
    now += 3_606_000;
    expect(await valid('me')).toEqual(refusal(401, 'invalid_token'));
    expect(await valid('open')).toEqual({ event: 'answer', data: 'open' });
    expect(running.logger.lines.join()).toContain('token_audience_mismatch');
    expect(findLeaks(running.logger.lines, [makeToken({ aud: 'another' }).split('.')[2] ?? ''])).toEqual([]);
  });
});
