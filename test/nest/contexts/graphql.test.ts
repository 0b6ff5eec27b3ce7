import { EventEmitter, on } from 'node:events';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Logger, UseGuards } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { Context, GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { GenAuthClient, UpstreamError } from '../../../src/index.js';
import { readGraphqlContext } from '../../../src/nest/contexts/graphql.js';
import { CurrentUser, GenAuthGuard, GenAuthModule } from '../../../src/nest/index.js';
import { logByNest } from '../../../src/nest/nest-log.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { SUBJECT, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { bearer } from '../../support/marked-routes.js';
import { type RunningApp, send, startNestApp } from '../../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();

describe('the request of a GraphQL context', () => {
  const read = (...args: unknown[]): ReturnType<typeof readGraphqlContext> =>
    readGraphqlContext(new ExecutionContextHost(args));
  const a = { headers: { authorization: 'a' } };
  const params = { connectionParams: { Authorization: 'p' } };

  it.each<[title: string, context: unknown, authorization: unknown]>([
    ['is req', { req: a, request: {} }, 'a'],
    ['is request', { req: {}, request: a }, 'a'],
    ['is the request of a connection', { extra: { request: a } }, 'a'],
    ['is the request of a connection in req', { req: { extra: { request: a } } }, 'a'],
    ['has the header of connectionParams', { ...params, req: a }, 'p'],
    ['has the header of connectionParams in req', { req: { ...a, ...params } }, 'p'],
    ['ignores a list as connectionParams', { connectionParams: ['p'] }, undefined],
    ['has no headers if the context is null', null, undefined],
  ])('%s', (_title, context, authorization) => {
    expect(read({}, {}, context, {}).request.headers.authorization).toEqual(authorization);
  });

  it('is read only from the context, which stores the user', () => {
    const context = { req: a };
    expect(read({ req: a }, { req: a }, {}, { req: a }).request.headers).toEqual({});
    // A reference resolver of a federation receives no arguments.
    expect(read({}, context, {})).toMatchObject({ request: a, state: context });
  });

  it.each([
    [401, { code: 'UNAUTHENTICATED' }],
    [403, { code: 'FORBIDDEN' }],
    [503, { code: 'INTERNAL_SERVER_ERROR', status: 503 }],
  ])('is refused with the status %i, the extensions of Apollo and without a stack', (status, extensions) => {
    Logger.overrideLogger(false);
    const body = { statusCode: status, error: 'e', message: 'm', code: 'rejected' } as const;
    const error = new UpstreamError('upstream_unreachable', 'why');
    const exception = read().refuse({ action: 'error', status, headers: {}, body, error });
    expect(exception).toMatchObject({
      extensions: { ...extensions, originalError: body },
      stack: 'GenAuthException: m',
    });
  });
});

@UseGuards(GenAuthGuard)
@Resolver()
class Resolvers {
  @Query('me')
  me(@CurrentUser('sub') sub: string, @Context() context: { req?: { user?: { sub?: string } } }): string {
    // Guards and interceptors of the application read the user where Passport stores it.
    const onRequest = context.req?.user?.sub ?? sub;
    return onRequest === sub ? sub : 'another user on the request';
  }

  @Query('onRequest')
  onRequest(@Context() context: { user?: { sub: string }; req: { user?: { sub: string } } }): string {
    return `${context.user?.sub} ${context.req.user?.sub}`;
  }

  @Subscription('ticks')
  async *ticks(@CurrentUser('sub') sub: string): AsyncGenerator<object> {
    yield { ticks: sub };
  }

  @Subscription('idle')
  idle(): AsyncIterable<object> {
    const events = new EventEmitter();
    return on(events, 'never');
  }
}
const typeDefs = 'type Query { me: String onRequest: String } type Subscription { ticks: String idle: String }';

let now = Date.now();
function start(options: Partial<ApolloDriverConfig>): Promise<RunningApp> {
  const driver = { driver: ApolloDriver, typeDefs, subscriptions: { 'graphql-ws': true }, graphiql: false } as const;
  const client = new GenAuthClient({ ...issuer().clientOptions, log: logByNest }, { now: () => now });
  return startNestApp('Express', {
    imports: [GraphQLModule.forRoot<ApolloDriverConfig>({ ...driver, ...options })],
    providers: [Resolvers, { provide: GenAuthClient, useValue: client }],
  });
}
async function query({ url }: RunningApp, authorization: string): Promise<unknown> {
  return (await send(`${url}/graphql`, { method: 'POST', body: { query: ME }, headers: { authorization } })).body;
}

const clients: Client[] = [];
/** Opens a connection of graphql-ws. The headers are those of the request that opens it. */
function connect({ url }: RunningApp, connectionParams: Record<string, unknown>, headers = {}): Client {
  class Socket extends WebSocket {
    constructor(address: string, protocol: string) {
      super(address, protocol, { headers });
    }
  }
  const address = `${url.replace('http', 'ws')}/graphql`;
  const client = createClient({ url: address, webSocketImpl: Socket, retryAttempts: 0, connectionParams });
  clients.push(client);
  return client;
}
async function run(client: Client, document: string): Promise<unknown> {
  const results = client.iterate({ query: document });
  const { value } = await results.next();
  await results.return?.();
  return value;
}

const [ME, TICKS] = ['{ me }', 'subscription { ticks }'];
const originalError = expect.objectContaining({ statusCode: 401, code: 'invalid_token' });
const INVALID = { errors: [{ extensions: { code: 'UNAUTHENTICATED', originalError } }] };
const SHARED = {};

it.each<[title: string, options: Partial<ApolloDriverConfig>]>([
  ['the default options', { includeStacktraceInErrorResponses: true }],
  ['one context for all requests', { context: () => SHARED, autoTransformHttpErrors: false }],
  ['the request alone as context', { context: ({ req }: { req: object }) => ({ req }) }],
])('an application with %s guards each operation by its own token', async (_title, options) => {
  now = Date.now();
  const running = await start(options);
  const subs = ['user-1', 'user-2', 'user-3'];
  const tokens = subs.map((sub) => bearer(issuer(), { sub }));
  const inParams = tokens.map((authorization) => connect(running, { authorization }));
  const inHeaders = tokens.map((authorization) => connect(running, {}, { authorization }));
  const sockets = [...inParams, ...inHeaders];
  const queries = [...tokens.map((token) => query(running, token)), ...sockets.map((socket) => run(socket, ME))];
  expect(await Promise.all(queries)).toEqual([...subs, ...subs, ...subs].map((me) => ({ data: { me } })));
  const ticks = await Promise.all(sockets.map((socket) => run(socket, TICKS)));
  expect(ticks).toEqual([...subs, ...subs].map((sub) => ({ data: { ticks: sub } })));

  now += 3_606_000;
  const expired = tokens[0] ?? '';
  const documents = sockets.flatMap((socket) => [run(socket, ME), run(socket, TICKS)]);
  const refusals = await Promise.all([query(running, expired), ...documents]);
  await Promise.all(clients.splice(0).map(async (client) => client.dispose()));
  await running.close();
  expect(refusals).toMatchObject(refusals.map(() => INVALID));
  expect(running.logger.lines.join()).toContain('token_expired');
  expect(findLeaks([refusals, running.logger.lines], [expired.split('.')[2] ?? '', 'node_modules'])).toEqual([]);
});

it('stores the user on the GraphQL context and on its request', async () => {
  now = Date.now();
  const running = await start({ context: ({ req }: { req: object }) => ({ req }) });
  const body = { query: '{ onRequest }' };
  const headers = { authorization: bearer(issuer(), { sub: 'alice' }) };
  const answer = await send(`${running.url}/graphql`, { method: 'POST', body, headers });
  await running.close();
  expect(answer.body).toEqual({ data: { onRequest: 'alice alice' } });
});

it('refuses a request that was already answered', async () => {
  const shared: { req?: object } = {};
  const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    typeDefs,
    // Every caller gets the request of the first caller, as with an object as context in @nestjs/apollo 13.
    context: ({ req }: { req: object }) => ({ req: (shared.req ??= req) }),
  });
  const imports = [graphql, GenAuthModule.forRoot(issuer().clientOptions)];
  const running = await startNestApp('Express', { imports, providers: [Resolvers] });
  const answers = [await query(running, bearer(issuer(), { sub: 'user-1' })), await query(running, 'Bearer x')];
  await running.close();
  const error = { extensions: { originalError: { statusCode: 500, code: 'configuration_error' } } };
  expect(answers).toMatchObject([{ data: { me: 'user-1' } }, { errors: [error] }]);
});

it('closeAtExpiry closes a connection of graphql-ws when the access token of a subscription expires', async () => {
  const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    typeDefs,
    subscriptions: { 'graphql-ws': true },
  });
  const imports = [graphql, GenAuthModule.forRoot({ ...issuer().clientOptions, closeAtExpiry: true })];
  const running = await startNestApp('Express', { imports, providers: [Resolvers] });
  const seconds = Date.now() / 1000;
  const client = connect(running, { authorization: bearer(issuer(), { iat: seconds - 60, exp: seconds + 1.2 }) });
  const closed = new Promise<number>((resolve) => {
    client.on('closed', (event) => resolve((event as { code: number }).code));
  });
  // The connection stays open after the subscription has ended, until another subscription is started.
  const idle = client.iterate({ query: 'subscription { idle }' });
  const results = [await run(client, TICKS), await idle.next().catch((error: { code: number }) => error.code)];
  expect(results).toEqual([{ data: { ticks: SUBJECT } }, 4401]);
  expect(await closed).toBe(4401);
  expect(Date.now() / 1000).toBeGreaterThanOrEqual(seconds + 1.2);
  await client.dispose();
  await running.close();
});
