import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Logger, UseGuards } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { GenAuthClient, UpstreamError } from '../../../src/index.js';
import { readGraphqlContext } from '../../../src/nest/contexts/graphql.js';
import { CurrentUser, GenAuthGuard, Public, RequireScopes } from '../../../src/nest/index.js';
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
  const params = { connectionParams: { AUTHORIZATION: 'p' } };

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

  it('is refused with the extensions of Apollo, because graphql-ws does not add them', () => {
    Logger.overrideLogger(false);
    const [status, code] = [503, 'upstream_unavailable'];
    const body = { statusCode: status, error: 'e', message: 'm', code };
    const error = new UpstreamError('upstream_unreachable', 'why');
    expect(read().refuse({ action: 'error', status, headers: {}, body, error })).toMatchObject({
      extensions: { code: 'INTERNAL_SERVER_ERROR', status, originalError: body },
    });
  });
});

@UseGuards(GenAuthGuard)
@Resolver()
class Resolvers {
  @Query('me')
  me(@CurrentUser('sub') sub: string): string {
    return sub;
  }

  @RequireScopes('email')
  @Query('mail')
  mail(): string {
    return 'mail';
  }

  @Subscription('ticks')
  async *ticks(@CurrentUser('sub') sub: string): AsyncGenerator<object> {
    yield { ticks: sub };
  }

  @Public()
  @Subscription('openTicks')
  async *openTicks(): AsyncGenerator<object> {
    yield { openTicks: 'open' };
  }
}
const typeDefs = 'type Query { me: String mail: String } type Subscription { ticks: String openTicks: String }';

let now = Date.now();
function start(options: Partial<ApolloDriverConfig> = {}): Promise<RunningApp> {
  const driver = { driver: ApolloDriver, typeDefs, subscriptions: { 'graphql-ws': true }, graphiql: false } as const;
  const client = new GenAuthClient(issuer().clientOptions, { now: () => now });
  return startNestApp('Express', {
    imports: [GraphQLModule.forRoot<ApolloDriverConfig>({ ...driver, ...options })],
    providers: [Resolvers, { provide: GenAuthClient, useValue: client }],
  });
}

interface GraphqlAnswer {
  data?: Record<string, unknown> | null;
  errors?: { extensions: Record<string, unknown> }[];
}
async function query({ url }: RunningApp, document: string, authorization: string): Promise<GraphqlAnswer> {
  return (await send(`${url}/graphql`, { method: 'POST', body: { query: document }, headers: { authorization } })).body;
}

const clients: Client[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map(async (client) => client.dispose()));
});

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
async function run(client: Client, document: string): Promise<GraphqlAnswer> {
  const results = client.iterate({ query: document });
  const { value } = (await results.next()) as { value: GraphqlAnswer };
  await results.return?.();
  return value;
}

const refused = (extensionCode: string, statusCode: number, code: string): object => ({
  errors: [{ extensions: { code: extensionCode, originalError: { statusCode, code } } }],
});
const INVALID = refused('UNAUTHENTICATED', 401, 'invalid_token');
const TICKS = 'subscription { ticks }';

describe('an application with Apollo', () => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await start({ includeStacktraceInErrorResponses: true });
  });
  beforeEach(() => {
    now = Date.now();
    running.logger.lines.length = 0;
  });
  afterAll(() => running.close());

  it('refuses one field of an operation and answers another', async () => {
    const answer = await query(running, '{ me mail }', bearer(issuer()));
    expect(answer).toMatchObject(refused('FORBIDDEN', 403, 'insufficient_scope'));
    expect(answer.data).toEqual({ me: SUBJECT, mail: null });
  });

  it.each<[place: string, open: (authorization: string) => Client]>([
    ['in connectionParams', (authorization) => connect(running, { authorization })],
    ['in the request that opens the connection', (authorization) => connect(running, {}, { authorization })],
  ])('guards each query and subscription by the token %s', async (_place, open) => {
    const [valid, wrong] = [open(bearer(issuer())), open('Bearer garbage')];
    expect(await run(valid, TICKS)).toEqual({ data: { ticks: SUBJECT } });
    expect(await run(valid, '{ me }')).toEqual({ data: { me: SUBJECT } });
    expect(await run(wrong, TICKS)).toMatchObject(INVALID);
    expect(await run(wrong, 'subscription { openTicks }')).toEqual({ data: { openTicks: 'open' } });
    now += 3_606_000;
    expect(await run(valid, TICKS)).toMatchObject(INVALID);
    expect(await run(valid, '{ me }')).toMatchObject(INVALID);
  });

  it('shows the token and the stack neither in an answer nor in the log', async () => {
    const authorization = bearer(issuer(), { aud: 'another-app' });
    const onHttp = await query(running, '{ me }', authorization);
    const onSocket = await run(connect(running, { authorization }), TICKS);
    const secrets = [authorization.split('.')[2] ?? '', 'src/nest', 'node_modules'];
    expect([onHttp, onSocket]).toMatchObject([INVALID, INVALID]);
    expect(findLeaks([onHttp, onSocket, running.logger.lines], secrets)).toEqual([]);
    expect(onHttp.errors?.[0]?.extensions['stacktrace']).toEqual([expect.stringContaining('GenAuthException: ')]);
    expect(running.logger.lines.join()).toContain('token_audience_mismatch');
  });
});

const SHARED = {};
it.each<[title: string, options: Partial<ApolloDriverConfig>]>([
  ['one context for all requests', { context: SHARED }],
  ['a function that returns one context for all requests', { context: () => SHARED }],
  ['the request alone as context', { context: ({ req }: { req: object }) => ({ req }) }],
  ['exceptions that Apollo does not transform', { autoTransformHttpErrors: false }],
])('an application with %s keeps its users apart', async (_title, options) => {
  now = Date.now();
  const running = await start(options);
  const names = Array.from({ length: 6 }, (_, i) => `user-${i}`);
  const onHttp = names.map((sub) => query(running, '{ me }', bearer(issuer(), { sub })));
  const onSockets = names.map((sub) => run(connect(running, { authorization: bearer(issuer(), { sub }) }), '{ me }'));
  const answers = await Promise.all([...onHttp, ...onSockets]);
  const refusal = await query(running, '{ me }', 'Bearer garbage');
  await Promise.all(clients.splice(0).map(async (client) => client.dispose()));
  await running.close();
  expect(answers).toEqual([...names, ...names].map((sub) => ({ data: { me: sub } })));
  expect(refusal).toMatchObject(INVALID);
});
