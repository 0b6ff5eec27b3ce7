import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { GenAuthClient, type GenAuthOptions } from '../../src/index.js';
import { authenticateSocket } from '../../src/nest/index.js';
import { logByNest } from '../../src/nest/nest-log.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { SUBJECT, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { bearer } from '../support/marked-routes.js';
import { type RunningApp, startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();

type Library = 'Socket.IO' | 'ws';

/** The events of a connection of a client, in their order. */
interface Connection {
  next(): Promise<unknown>;
  ask(): void;
  close(): void;
}

let running: RunningApp;
let returned: unknown[];

async function start(library: Library, options: Partial<GenAuthOptions> = {}, passesRequest = true): Promise<void> {
  const client = new GenAuthClient({ ...issuer().clientOptions, log: logByNest, ...options });
  returned = [];
  @WebSocketGateway()
  class Gateway {
    async handleConnection(socket: object, request: object): Promise<void> {
      const given = passesRequest && library === 'ws' ? [request] : [];
      returned.push(await authenticateSocket(client, socket, ...given));
      if (returned[0] !== undefined) send(socket, 'ready');
    }

    @SubscribeMessage('who')
    who(socket: { user?: { sub?: string } }): object {
      return { event: 'answer', data: socket.user?.sub ?? 'no user' };
    }
  }
  function send(socket: { emit?: unknown }, event: string): void {
    if (library === 'ws') (socket as WebSocket).send(JSON.stringify({ event }));
    else (socket as { emit: (name: string) => void }).emit(event);
  }
  const prepare = (app: RunningApp['app']): void =>
    void app.useWebSocketAdapter(library === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
  running = await startNestApp('Express', { providers: [Gateway] }, { prepare });
}

function connect(library: Library, authorization?: string): Connection {
  const events: unknown[] = [];
  const waiting: (() => void)[] = [];
  const add = (event: unknown): void => {
    events.push(event);
    waiting.shift()?.();
  };
  const next = async (): Promise<unknown> => {
    if (events.length === 0) await new Promise<void>((resolve) => void waiting.push(resolve));
    return events.shift();
  };
  if (library === 'ws') {
    const headers = authorization === undefined ? {} : { authorization };
    const ws = new WebSocket(running.url.replace('http', 'ws'), { headers });
    ws.on('message', (data: Buffer) => add(JSON.parse(data.toString())));
    ws.on('close', (code, reason) => add({ closed: `${code} ${reason.toString()}` }));
    return { next, ask: () => ws.send(JSON.stringify({ event: 'who' })), close: () => ws.terminate() };
  }
  const socket = io(running.url, { auth: { token: authorization }, transports: ['websocket'] });
  socket.onAny((event: string, data: unknown) => add(data === undefined ? { event } : { event, data }));
  socket.on('disconnect', (reason) => add({ closed: reason }));
  return { next, ask: () => socket.emit('who'), close: () => socket.disconnect() };
}

function fail(): never {
  throw new Error('the database of the test is down');
}

it.each<[title: string, passesRequest: boolean, text: string]>([
  ['a socket of ws without its request', false, 'authenticateSocket(genAuthClient, client, request)'],
  ['the error of resolveUser', true, 'the database of the test is down'],
])('logs %s', async (_title, passesRequest, text) => {
  // Equal lines are written once a minute, so this test is the first one.
  await start('ws', { resolveUser: fail }, passesRequest);
  const connection = connect('ws', bearer(issuer()));
  expect(await connection.next()).toMatchObject({ data: { statusCode: 500, code: 'configuration_error' } });
  await running.close();
  expect(running.logger.lines.join('\n')).toContain(text);
});

it.each<[title: string, client: unknown, socket: unknown]>([
  ['a missing client', undefined, {}],
  ['null in place of a client', null, {}],
  ['swapped arguments', {}, { options: {} }],
  ['no socket', new GenAuthClient({ appId: 'a', appSecret: 'b', appHost: 'http://localhost:1' }), undefined],
])('does not reject with %s', async (_title, client, socket) => {
  expect(await authenticateSocket(client as never, socket as never)).toBeUndefined();
});

it('a closed socket gets no user, and a refused socket loses its user and is cut off', async () => {
  const client = new GenAuthClient(issuer().clientOptions);
  const request = { headers: { authorization: bearer(issuer()) } };
  const close = (): void => {};
  expect(await authenticateSocket(client, { readyState: 3, close }, request)).toBeUndefined();
  const terminated = new Promise<void>((resolve) => {
    const socket = { user: 'before', close, terminate: resolve };
    void authenticateSocket(client, socket, { headers: {} }).then(() => expect(socket.user).toBeUndefined());
  });
  await terminated;
});

describe.each<Library>(['Socket.IO', 'ws'])('with %s', (library) => {
  const closed = (status: number, code: string): object => ({
    closed: library === 'ws' ? `${4000 + status} ${code}` : 'io server disconnect',
  });
  const exception = (statusCode: number, code: string): object => ({
    event: 'exception',
    data: expect.objectContaining({ status: 'error', statusCode, code, message: expect.any(String) }),
  });

  it('the socket has the user until its access token expires, and is then disconnected', async () => {
    await start(library);
    const now = Date.now() / 1000;
    const connection = connect(library, bearer(issuer(), { iat: now - 60, exp: now + 1.5 }));
    expect(await connection.next()).toEqual({ event: 'ready' });
    expect(returned).toMatchObject([{ sub: SUBJECT }]);
    connection.ask();
    expect(await connection.next()).toEqual({ event: 'answer', data: SUBJECT });
    expect(Date.now() / 1000).toBeLessThan(now + 1.5);
    expect([await connection.next(), await connection.next()]).toEqual([
      exception(401, 'invalid_token'),
      closed(401, 'invalid_token'),
    ]);
    expect(Date.now() / 1000).toBeGreaterThanOrEqual(now + 1.5);
    await running.close();
  });

  it.each<[title: string, options: Partial<GenAuthOptions>, token: object | undefined, status: number, code: string]>([
    ['without an access token', {}, undefined, 401, 'token_missing'],
    ['with an expired access token', {}, { iat: 1, exp: 2 }, 401, 'invalid_token'],
    ['whose user resolveUser refuses', { resolveUser: () => null }, {}, 403, 'verify_denied'],
    ['for which resolveUser throws', { resolveUser: fail }, {}, 500, 'configuration_error'],
  ])('a socket %s is disconnected', async (_title, options, claims, status, code) => {
    await start(library, options);
    const token = claims === undefined ? undefined : bearer(issuer(), claims);
    const connection = connect(library, token);
    expect([await connection.next(), await connection.next()]).toEqual([exception(status, code), closed(status, code)]);
    expect(returned).toEqual([undefined]);
    await running.close();
    expect(findLeaks(running.logger.lines, [token?.split('.')[2] ?? 'no token'])).toEqual([]);
  });
});

it('the end of one namespace of Socket.IO leaves the others open', async () => {
  const client = new GenAuthClient(issuer().clientOptions);
  @WebSocketGateway({ namespace: 'admin' })
  class Admin {
    async handleConnection(socket: object): Promise<void> {
      await authenticateSocket(client, socket);
    }
  }
  @WebSocketGateway()
  class Public {
    @SubscribeMessage('ping')
    ping(): string {
      return 'pong';
    }
  }
  running = await startNestApp('Express', { providers: [Admin, Public] });
  const open = io(running.url);
  await new Promise<void>((resolve) => void open.on('connect', resolve));
  const admin = io(`${running.url}/admin`);
  expect(await new Promise((resolve) => void admin.on('disconnect', resolve))).toBe('io server disconnect');
  expect(await open.emitWithAck('ping')).toBe('pong');
  open.disconnect();
  await running.close();
});
