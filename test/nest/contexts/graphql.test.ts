import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { UseGuards } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { Context, GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { type BearerInfo, GenAuthClient, type GenAuthTokenUser } from '../../../src/index.js';
import { readGraphqlContext } from '../../../src/nest/contexts/graphql.js';
import { AuthInfo, CurrentUser, GenAuthGuard, Public, RequireScopes, Roles } from '../../../src/nest/index.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { SUBJECT, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { USER_INFO_PATH, bearer } from '../../support/marked-routes.js';
import { type RunningApp, send, startNestApp } from '../../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();

describe('the request of a GraphQL context', () => {
  const read = (args: unknown[]): ReturnType<typeof readGraphqlContext> =>
    readGraphqlContext(new ExecutionContextHost(args));
  const a = { headers: { authorization: 'a' } };

  it.each<[title: string, context: unknown, authorization: unknown]>([
    ['is req', { req: a }, 'a'],
    ['is request', { request: a }, 'a'],
    ['is the request of a connection', { extra: { request: a } }, 'a'],
    ['is the request of a connection in req', { req: { extra: { request: a } } }, 'a'],
    ['has the header of connectionParams', { connectionParams: { authorization: 'p' } }, 'p'],
    ['has their header in any case', { req: { connectionParams: { AUTHORIZATION: 'p' } } }, 'p'],
    ['lets them override the header', { connectionParams: { authorization: 'p' }, extra: { request: a } }, 'p'],
    ['ignores null in them', { connectionParams: { authorization: null }, extra: { request: a } }, 'a'],
    ['ignores an empty string in them', { connectionParams: { authorization: '' }, req: a }, 'a'],
    ['ignores an empty list in them', { connectionParams: { authorization: [] }, req: a }, 'a'],
    ['reads a list of one value', { connectionParams: { authorization: ['p'] } }, 'p'],
    ['keeps a list of two values', { connectionParams: { authorization: ['p', 'q'] } }, ['p', 'q']],
    ['keeps two spellings', { connectionParams: { authorization: 'p', Authorization: 'q' } }, ['p', 'q']],
    ['keeps a number beside a header', { connectionParams: { authorization: 42 }, req: a }, 42],
    ['keeps an object beside a header', { connectionParams: { authorization: {} }, req: a }, {}],
    [
      'ignores the prototype of connectionParams',
      { connectionParams: Object.create({ authorization: 'p' }) },
      undefined,
    ],
    ['ignores a list as connectionParams', { connectionParams: ['p'] }, undefined],
    ['has no headers without a request', {}, undefined],
    ['has no headers if the context is null', null, undefined],
    ['has no headers if the context is a number', 7, undefined],
  ])('%s', (_title, context, authorization) => {
    expect(read([{}, {}, context, {}]).request.headers.authorization).toEqual(authorization);
    // A reference resolver of a federation receives no arguments.
    expect(read([{}, context, {}]).request.headers.authorization).toEqual(authorization);
  });

  it('keeps the raw headers, so that two headers in the upgrade are noticed', () => {
    const request = { ...a, rawHeaders: ['Authorization', 'a', 'authorization', 'b'] };
    expect(read([{}, {}, { extra: { request } }, {}]).request).toBe(request);
  });

  it('is not read from the arguments or the info of a query', () => {
    expect(read([{ req: a }, { req: a }, {}, { req: a }]).request.headers).toEqual({});
  });

  it('stores the user on the context', () => {
    const context = { req: a };
    expect(read([{}, {}, context, {}]).state).toBe(context);
  });
});

@UseGuards(GenAuthGuard)
@Resolver()
class Resolvers {
  @Query('me')
  me(@CurrentUser('sub') sub: string, @Context() context: { user: GenAuthTokenUser }, @AuthInfo() info: BearerInfo) {
    return [sub, context.user.sub, info.claims.sub].join(' ');
  }

  @RequireScopes('email')
  @Query('mail')
  mail(): string {
    return 'mail';
  }

  @Roles('admin')
  @Query('admin')
  admin(): string {
    return 'admin';
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

  @RequireScopes('email')
  @Subscription('mailTicks')
  async *mailTicks(): AsyncGenerator<object> {
    yield { mailTicks: 'mail' };
  }
}
const typeDefs = `
  type Query { me: String mail: String admin: String }
  type Subscription { ticks: String openTicks: String mailTicks: String }
`;

let now = Date.now();
function start(options: Partial<ApolloDriverConfig> = {}): Promise<RunningApp> {
  const subscriptions = { 'graphql-ws': true } as const;
  return startNestApp('Express', {
    imports: [
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        typeDefs,
        subscriptions,
        graphiql: false,
        ...options,
      }),
    ],
    providers: [
      Resolvers,
      { provide: GenAuthClient, useValue: new GenAuthClient(issuer().clientOptions, { now: () => now }) },
    ],
  });
}

interface GraphqlAnswer {
  data?: Record<string, unknown> | null;
  errors?: { extensions: Record<string, unknown> }[];
}
async function query({ url }: RunningApp, document: string, authorization?: string): Promise<GraphqlAnswer> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  return (await send(`${url}/graphql`, { method: 'POST', body: { query: document }, headers })).body;
}

const clients: Client[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map(async (client) => client.dispose()));
});

/** Opens a connection of graphql-ws. `authorization` is a header of the request that opens it. */
function connect({ url }: RunningApp, connectionParams: Record<string, unknown>, authorization?: string): Client {
  class Socket extends WebSocket {
    constructor(address: string, protocol: string) {
      super(address, protocol, authorization === undefined ? {} : { headers: { authorization } });
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

describe('an application with Apollo', () => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await start();
  });
  beforeEach(() => {
    now = Date.now();
    running.logger.lines.length = 0;
  });
  afterAll(() => running.close());

  it('refuses one field of an operation and answers another', async () => {
    const answer = await query(running, '{ me mail }', bearer(issuer()));
    expect(answer).toMatchObject(refused('FORBIDDEN', 403, 'insufficient_scope'));
    expect(answer.data).toEqual({ me: `${SUBJECT} ${SUBJECT} ${SUBJECT}`, mail: null });
  });

  it('reports an outage alike in HTTP and on a socket', async () => {
    issuer().reply(USER_INFO_PATH, { status: 503 });
    const authorization = bearer(issuer(), { jti: 'outage' });
    const answer = await query(running, '{ admin }', authorization);
    expect(answer).toMatchObject(refused('INTERNAL_SERVER_ERROR', 503, 'upstream_unavailable'));
    expect(answer.errors?.[0]?.extensions['status']).toBe(503);
    const onSocket = await run(connect(running, { authorization }), '{ admin }');
    expect(onSocket.errors?.[0]?.extensions).toEqual(answer.errors?.[0]?.extensions);
  });

  describe.each<[place: string, open: (token?: string) => Client]>([
    ['in connectionParams', (authorization) => connect(running, { authorization })],
    ['in the request that opens the connection', (authorization) => connect(running, {}, authorization)],
  ])('with the token %s', (_place, open) => {
    it.each<[title: string, make: () => string | undefined, expected: object]>([
      ['no token', () => undefined, refused('UNAUTHENTICATED', 401, 'token_missing')],
      ['a wrong token', () => 'Bearer garbage', INVALID],
    ])('starts no subscription for %s', async (_title, make, expected) => {
      expect(await run(open(make()), 'subscription { ticks }')).toMatchObject(expected);
    });

    it('starts a subscription and answers a query for a valid token', async () => {
      const client = open(bearer(issuer()));
      expect(await run(client, 'subscription { ticks }')).toEqual({ data: { ticks: SUBJECT } });
      expect(await run(client, '{ me }')).toEqual({ data: { me: `${SUBJECT} ${SUBJECT} ${SUBJECT}` } });
    });

    it('starts no subscription whose scope is missing', async () => {
      const answer = await run(open(bearer(issuer())), 'subscription { mailTicks }');
      expect(answer).toMatchObject(refused('FORBIDDEN', 403, 'insufficient_scope'));
    });

    it('starts a @Public subscription without a token', async () => {
      expect(await run(open(), 'subscription { openTicks }')).toEqual({ data: { openTicks: 'open' } });
    });
  });

  it('refuses what a connection asks for after its token has expired', async () => {
    const client = connect(running, { authorization: bearer(issuer()) });
    expect(await run(client, 'subscription { ticks }')).toEqual({ data: { ticks: SUBJECT } });
    now += 3_606_000;
    expect(await run(client, 'subscription { ticks }')).toMatchObject(INVALID);
    expect(await run(client, '{ me }')).toMatchObject(INVALID);
    expect(await run(client, 'subscription { openTicks }')).toEqual({ data: { openTicks: 'open' } });
  });

  it('shows the token and the stack neither in an answer nor in the log', async () => {
    const authorization = bearer(issuer(), { aud: 'another-app' });
    const onHttp = await query(running, '{ me }', authorization);
    const onSocket = await run(connect(running, { authorization }), 'subscription { ticks }');
    const secrets = [authorization.split('.')[2] ?? '', 'src/nest', 'node_modules'];
    expect([onHttp, onSocket]).toMatchObject([INVALID, INVALID]);
    expect(findLeaks([onHttp, onSocket, running.logger.lines], secrets)).toEqual([]);
    expect(running.logger.lines.join()).toContain('token_audience_mismatch');
  });
});

const SHARED = {};
it.each<[title: string, options: Partial<ApolloDriverConfig>]>([
  ['one context for all requests', { context: SHARED }],
  ['a function that returns one context for all requests', { context: () => SHARED }],
  ['the given context', { context: (given: object) => given }],
  ['the request alone as context', { context: ({ req }: { req: object }) => ({ req }) }],
  ['exceptions that Apollo does not transform', { autoTransformHttpErrors: false }],
])('an application with %s keeps its users apart', async (_title, options) => {
  now = Date.now();
  const running = await start(options);
  const names = Array.from({ length: 12 }, (_, i) => `user-${i}`);
  const onHttp = names.map((sub) => query(running, '{ me }', bearer(issuer(), { sub })));
  const onSockets = names.map((sub) => run(connect(running, { authorization: bearer(issuer(), { sub }) }), '{ me }'));
  const answers = await Promise.all([...onHttp, ...onSockets]);
  const expected = names.map((sub) => ({ data: { me: `${sub} ${sub} ${sub}` } }));
  expect(answers).toEqual([...expected, ...expected]);
  expect(await query(running, '{ me }', 'Bearer garbage')).toMatchObject(INVALID);
  await Promise.all(clients.splice(0).map(async (client) => client.dispose()));
  await running.close();
});

it('shows only the message as the stack if Apollo shows stacks', async () => {
  const running = await start({ includeStacktraceInErrorResponses: true });
  const answer = await query(running, '{ me }', 'Bearer garbage');
  await running.close();
  expect(answer).toMatchObject(INVALID);
  expect(answer.errors?.[0]?.extensions['stacktrace']).toEqual([expect.stringContaining('GenAuthException: ')]);
});
