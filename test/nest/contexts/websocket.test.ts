import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { WebSocket } from 'ws';
import { GenAuthClient } from '../../../src/index.js';
import { readWebSocketContext, removeGuardedUser, setGuardedUser } from '../../../src/nest/contexts/websocket.js';
import { CurrentUser, GenAuthGuard, GenAuthModule, Public, Tenant } from '../../../src/nest/index.js';
import { logByNest } from '../../../src/nest/nest-log.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { SUBJECT, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { bearer } from '../../support/marked-routes.js';
import { startNestApp } from '../../support/nest-app.js';

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

it.each<[title: string, own: object | undefined]>([
  ['no user', undefined],
  ['the user of the application', { id: 'own' }],
])('a public message after guarded messages finds %s on the socket', (_title, own) => {
  const socket: { user?: unknown; authInfo?: unknown } = { user: own, authInfo: undefined };
  for (const sub of ['a', 'b']) {
    setGuardedUser(socket, { user: { sub }, authInfo: { sub } });
    expect(socket).toEqual({ user: { sub }, authInfo: { sub } });
  }
  removeGuardedUser(socket);
  expect(socket).toEqual({ user: own, authInfo: undefined });
  socket.user = { id: 'later' };
  removeGuardedUser(socket);
  expect(socket.user).toEqual({ id: 'later' });
});

/** Stores the request on the socket, because `ws` does not. */
@WebSocketGateway()
class Gateway {
  handleConnection(client: { upgradeReq?: IncomingMessage }, request: IncomingMessage): void {
    client.upgradeReq = request;
  }

  /** The message is the body of the request. */
  @Tenant((req) => (req.body as { tenant: string }).tenant)
  @SubscribeMessage('me')
  me(@CurrentUser('sub') data: string): object {
    return { event: 'answer', data };
  }

  @Public()
  @SubscribeMessage('who')
  who(@CurrentUser('sub') sub: string | undefined): object {
    return { event: 'answer', data: sub ?? 'no user' };
  }
}

it('a global GenAuthGuard guards each message of ws, and does not show the token in the log', async () => {
  let now = Date.now();
  const client = new GenAuthClient({ ...issuer().clientOptions, log: logByNest }, { now: () => now });
  const global = { provide: APP_GUARD, useExisting: GenAuthGuard };
  const running = await startNestApp(
    'Fastify',
    { providers: [{ provide: GenAuthClient, useValue: client }, GenAuthGuard, Gateway, global] },
    { prepare: (app) => void app.useWebSocketAdapter(new WsAdapter(app)) },
  );
  const authorization = bearer(issuer(), { tenant_id: 'blue' });
  const ws = new WebSocket(running.url.replace('http', 'ws'), { headers: { authorization } });
  await once(ws, 'open');
  const ask = async (tenant: string, event = 'me'): Promise<unknown> => {
    ws.send(JSON.stringify({ event, data: { tenant } }));
    const [message] = (await once(ws, 'message')) as [Buffer];
    return JSON.parse(message.toString());
  };
  const answers = [await ask('blue'), await ask('', 'who'), await ask('blue'), await ask('red')];
  now += 3_700_000;
  answers.push(await ask('blue'));
  ws.terminate();
  await running.close();

  const refused = (statusCode: number, code: string): object => ({
    event: 'exception',
    data: { status: 'error', statusCode, error: expect.any(String), message: expect.any(String), code },
  });
  const expected = [refused(403, 'tenant_mismatch'), refused(401, 'invalid_token')];
  const me = { event: 'answer', data: SUBJECT };
  expect(answers).toEqual([me, { event: 'answer', data: 'no user' }, me, ...expected]);
  expect(running.logger.lines.join()).toContain('token_expired');
  expect(findLeaks(running.logger.lines, [authorization.split('.')[2] ?? ''])).toEqual([]);
});

it('closeAtExpiry disconnects a socket when the access token of a guarded message expires', async () => {
  @WebSocketGateway()
  @UseGuards(GenAuthGuard)
  class Guarded extends Gateway {}
  const module = GenAuthModule.forRoot({ ...issuer().clientOptions, closeAtExpiry: true });
  const running = await startNestApp(
    'Express',
    { imports: [module], providers: [Guarded] },
    { prepare: (app) => void app.useWebSocketAdapter(new WsAdapter(app)) },
  );
  const now = Date.now() / 1000;
  const authorization = bearer(issuer(), { tenant_id: 'blue', iat: now - 60, exp: now + 1.2 });
  const [anonymous, ws] = [{}, { authorization }].map(
    (headers) => new WebSocket(running.url.replace('http', 'ws'), { headers }),
  ) as [WebSocket, WebSocket];
  await Promise.all([once(anonymous, 'open'), once(ws, 'open')]);
  const messages: unknown[] = [];
  ws.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString())));
  ws.send(JSON.stringify({ event: 'me', data: { tenant: 'blue' } }));
  anonymous.send(JSON.stringify({ event: 'me', data: { tenant: 'blue' } }));
  const [code] = (await once(ws, 'close')) as [number];
  expect(Date.now() / 1000).toBeGreaterThanOrEqual(now + 1.2);
  expect(code).toBe(4401);
  const data = expect.objectContaining({ status: 'error', statusCode: 401, code: 'invalid_token' });
  expect(messages).toEqual([
    { event: 'answer', data: SUBJECT },
    { event: 'exception', data },
  ]);
  expect(anonymous.readyState).toBe(WebSocket.OPEN);
  anonymous.terminate();
  await running.close();
});

it('refuses each message of a socket of ws whose request the application did not store', () => {
  const read = readWebSocketContext(new ExecutionContextHost([{}, {}]));
  expect(read.buildMistake?.()).toMatchObject({ details: { mistakes: [{ option: 'upgradeReq' }] } });
  expect(readWebSocketContext(new ExecutionContextHost([{ handshake: { headers: {} } }])).buildMistake).toBeUndefined();
});
