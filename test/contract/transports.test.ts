import type { AddressInfo, Server } from 'node:net';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Controller, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule, Mutation, Query, Resolver } from '@nestjs/graphql';
import { ClientProxyFactory, MessagePattern, type TcpOptions, Transport } from '@nestjs/microservices';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { lastValueFrom } from 'rxjs';
import { io } from 'socket.io-client';
import {
  CurrentUser,
  GenAuthGuard,
  GenAuthModule,
  OptionalAuth,
  Public,
  RequireScopes,
  Roles,
  Tenant,
} from '../../src/nest/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { Issuer, SUBJECT } from '../support/issuer.js';
import { USER_INFO_PATH, bearer } from '../support/marked-routes.js';
import { startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();
let issuer: Issuer;
beforeAll(async () => {
  issuer = await Issuer.start();
});
afterEach(() => issuer.reset());
afterAll(() => issuer.close());

/** A handler that every transport serves under its name. It returns the `sub` of the user. */
const HANDLERS = {
  me: [],
  open: [Public()],
  maybe: [OptionalAuth()],
  mail: [RequireScopes('email')],
  admin: [Roles('admin')],
  tenant: [Tenant(() => 'tenant-1')],
} as const;
type Handler = keyof typeof HANDLERS;
const NAMES = Object.keys(HANDLERS) as Handler[];

/** Builds a class with these handlers, each with the decorator of the transport. */
function buildHandlers(decorate: (name: Handler) => MethodDecorator): new () => object {
  class Handlers {}
  for (const name of NAMES) {
    const handle = (sub?: string): string => sub ?? 'anonymous';
    Object.defineProperty(Handlers.prototype, name, { value: handle, configurable: true, writable: true });
    const descriptor = Object.getOwnPropertyDescriptor(Handlers.prototype, name) ?? {};
    CurrentUser('sub')(Handlers.prototype, name, 0);
    for (const each of [...HANDLERS[name], decorate(name)]) each(Handlers.prototype, name, descriptor);
  }
  UseGuards(GenAuthGuard)(Handlers);
  return Handlers;
}

/** The `sub` that a handler returned, or the refusal. */
interface Answer {
  sub?: unknown;
  status?: unknown;
  code?: unknown;
}
interface RunningTransport {
  call: (handler: Handler, authorization?: string) => Promise<Answer>;
  close: () => Promise<unknown>;
}
const toRefusal = ({ statusCode, code }: { statusCode?: unknown; code?: unknown }): Answer => ({
  status: statusCode,
  code,
});

async function startGraphql(operation: 'query' | 'mutation'): Promise<RunningTransport> {
  const Resolvers = buildHandlers(operation === 'query' ? Query : Mutation);
  Resolver()(Resolvers);
  const fields = NAMES.map((name) => `${name}: String`).join(' ');
  const typeDefs = `type Query { ${fields} } type Mutation { ${fields} }`;
  const { url, close } = await startNestApp('Express', {
    imports: [
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, typeDefs, graphiql: false }),
      GenAuthModule.forRoot(issuer.clientOptions),
    ],
    providers: [Resolvers],
  });
  const call: RunningTransport['call'] = async (handler, authorization) => {
    const headers = { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) };
    const body = JSON.stringify({ query: `${operation} { ${handler} }` });
    const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body });
    const { data, errors } = (await response.json()) as {
      data: Record<string, unknown> | null;
      errors?: { extensions: { originalError: object } }[];
    };
    return errors?.[0] === undefined ? { sub: data?.[handler] } : toRefusal(errors[0].extensions.originalError);
  };
  return { call, close };
}

async function startWebSocket(): Promise<RunningTransport> {
  const Gateway = buildHandlers(SubscribeMessage);
  WebSocketGateway()(Gateway);
  const { url, close } = await startNestApp(
    'Express',
    { imports: [GenAuthModule.forRoot(issuer.clientOptions)], providers: [Gateway] },
    { prepare: (app) => void app.useWebSocketAdapter(new IoAdapter(app)) },
  );
  const call: RunningTransport['call'] = async (handler, authorization) => {
    const socket = io(url, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      auth: authorization === undefined ? {} : { authorization },
    });
    const answer = new Promise<Answer>((resolve) => {
      socket.once('exception', (body: object) => resolve(toRefusal(body)));
      socket.emit(handler, {}, (sub: unknown) => resolve({ sub }));
    });
    return answer.finally(() => socket.disconnect());
  };
  return { call, close };
}

async function startRpc(): Promise<RunningTransport> {
  const Messages = buildHandlers(MessagePattern);
  Controller()(Messages);
  @Module({ imports: [GenAuthModule.forRoot(issuer.clientOptions)], controllers: [Messages] })
  class AppModule {}
  const host = '127.0.0.1';
  const app = await NestFactory.createMicroservice<TcpOptions>(AppModule, {
    transport: Transport.TCP,
    options: { host, port: 0 },
    logger: false,
  });
  await app.listen();
  const { port } = app.unwrap<Server>().address() as AddressInfo;
  const proxy = ClientProxyFactory.create({ transport: Transport.TCP, options: { host, port } });
  const call: RunningTransport['call'] = (handler, authorization) =>
    lastValueFrom(proxy.send<unknown>(handler, { authorization })).then((sub) => ({ sub }), toRefusal);
  return { call, close: async () => Promise.all([proxy.close(), app.close()]) };
}

describe.each<[string, () => Promise<RunningTransport>]>([
  ['a GraphQL query', () => startGraphql('query')],
  ['a GraphQL mutation', () => startGraphql('mutation')],
  ['a message of Socket.IO', startWebSocket],
  ['a message of a microservice over TCP', startRpc],
])('%s', (_transport, start) => {
  let transport: RunningTransport;
  beforeAll(async () => {
    transport = await start();
  });
  afterAll(() => transport.close());

  const token = (claims: object = {}): string => bearer(issuer, claims);
  const now = (): number => Math.floor(Date.now() / 1000);
  const refused = (status: number, code: string): Answer => ({ status, code });
  const MISSING = refused(401, 'token_missing');
  const INVALID = refused(401, 'invalid_token');
  const accepted: Answer = { sub: SUBJECT };

  it.each<[title: string, handler: Handler, make: () => string | undefined, expected: Answer]>([
    ['accepts a valid token', 'me', token, accepted],
    ['has the user of the token', 'me', () => token({ sub: 'alice' }), { sub: 'alice' }],
    ['refuses a request without a token', 'me', () => undefined, MISSING],
    ['refuses another scheme', 'me', () => 'Basic YWxpY2U6cA==', MISSING],
    ['refuses text that is not a token', 'me', () => 'Bearer a.b.c', INVALID],
    ['refuses two tokens', 'me', () => `${token()}, ${token()}`, INVALID],
    ['refuses an expired token', 'me', () => token({ iat: now() - 7200, exp: now() - 3600 }), INVALID],
    ['refuses a token for another audience', 'me', () => token({ aud: 'another-app' }), INVALID],
    ['refuses an id_token', 'me', () => `Bearer ${issuer.sign(issuer.idTokenClaims())}`, INVALID],
    ['refuses a missing scope', 'mail', token, refused(403, 'insufficient_scope')],
    ['accepts the scope', 'mail', () => token({ scope: 'email' }), accepted],
    ['refuses a missing role', 'admin', () => token({ roles: ['user'] }), refused(403, 'insufficient_role')],
    ['accepts the role', 'admin', () => token({ roles: ['admin'] }), accepted],
    ['asks for a token before it checks roles', 'admin', () => undefined, MISSING],
    ['refuses another tenant', 'tenant', () => token({ tenant_id: 'tenant-2' }), refused(403, 'tenant_mismatch')],
    ['accepts the tenant', 'tenant', () => token({ tenant_id: 'tenant-1' }), accepted],
    ['opens a @Public handler', 'open', () => 'Bearer a.b.c', { sub: 'anonymous' }],
    ['serves an anonymous @OptionalAuth request', 'maybe', () => undefined, { sub: 'anonymous' }],
    ['reads the token of an @OptionalAuth request', 'maybe', token, accepted],
    ['refuses a wrong token of an @OptionalAuth request', 'maybe', () => 'Bearer a.b.c', INVALID],
  ])('%s', async (_title, handler, make, expected) => {
    expect(await transport.call(handler, make())).toEqual(expected);
  });

  it('reads roles from user info', async () => {
    issuer.reply(USER_INFO_PATH, { body: { sub: SUBJECT, roles: [{ code: 'admin' }] } });
    expect(await transport.call('admin', token({ jti: 'user-info' }))).toEqual(accepted);
  });

  it('reports an outage of GenAuth as 503', async () => {
    issuer.reply(USER_INFO_PATH, { status: 503 });
    expect(await transport.call('admin', token({ jti: 'outage' }))).toEqual(refused(503, 'upstream_unavailable'));
  });

  it('keeps twenty users apart', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `user-${i}`);
    const answers = await Promise.all(names.map((sub) => transport.call('me', token({ sub }))));
    expect(answers).toEqual(names.map((sub) => ({ sub })));
  });
});
