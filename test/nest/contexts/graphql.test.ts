import { UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Args, Context, GraphQLModule, Mutation, Query, Resolver, Subscription } from '@nestjs/graphql';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { type BearerInfo, GenAuthClient, type GenAuthTokenUser } from '../../../src/index.js';
import {
  AuthInfo,
  CurrentUser,
  GenAuthGuard,
  GenAuthModule,
  OptionalAuth,
  Public,
  RequireScopes,
  Roles,
} from '../../../src/nest/index.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { SUBJECT, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { type RunningApp, send, startNestApp } from '../../support/nest-app.js';
import { Gate } from '../../support/promise.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const USER_INFO_PATH = '/oidc/me';

const typeDefs = `
  type Query { me: String who: String open: String maybe: String admin: String mail: String meet(size: Int!): [String] }
  type Mutation { rename(name: String!): String }
  type Subscription { ticks: String openTicks: String filtered: String mailTicks: String }
`;

/** Lets handlers go on once that many have arrived. */
let arrivals: { count: number; gate: Gate };
beforeEach(() => {
  arrivals = { count: 0, gate: new Gate() };
});

@Resolver()
class Resolvers {
  @Query('me')
  me(@CurrentUser() user: GenAuthTokenUser, @CurrentUser('sub') sub: string, @AuthInfo() info: BearerInfo): string {
    return [user.sub, sub, info.claims.sub, info.claims['jti']].join(' ');
  }

  @Query('who')
  who(@CurrentUser('sub') sub: string): string {
    return sub;
  }

  @Public()
  @Query('open')
  open(@CurrentUser('sub') sub: string | undefined): string {
    return `open to ${sub}`;
  }

  @OptionalAuth()
  @Query('maybe')
  maybe(@CurrentUser('sub') sub: string | undefined): string {
    return `maybe ${sub}`;
  }

  @Roles('admin')
  @Query('admin')
  admin(@CurrentUser('sub') sub: string): string {
    return sub;
  }

  @RequireScopes('email')
  @Query('mail')
  mail(@CurrentUser('sub') sub: string): string {
    return sub;
  }

  /** Who was let in, as the parameter says and as the context says once everybody else is here too. */
  @Query('meet')
  async meet(
    @CurrentUser('sub') sub: string,
    @Context() context: { user: GenAuthTokenUser; authInfo: BearerInfo },
    @Args('size') size: number,
  ): Promise<string[]> {
    if (++arrivals.count === size) arrivals.gate.open();
    await arrivals.gate.opened;
    return [sub, context.user.sub, context.authInfo.claims.sub];
  }

  @Mutation('rename')
  rename(@CurrentUser('sub') sub: string, @Args('name') name: string): string {
    return `${sub} is ${name}`;
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

  @Subscription('filtered', { filter: () => true })
  async *filtered(@CurrentUser('sub') sub: string): AsyncGenerator<object> {
    yield { filtered: sub };
  }

  @RequireScopes('email')
  @Subscription('mailTicks')
  async *mailTicks(@CurrentUser('sub') sub: string): AsyncGenerator<object> {
    yield { mailTicks: sub };
  }
}

@UseGuards(GenAuthGuard)
@Resolver()
class GuardedResolvers extends Resolvers {}

function graphql(options: Partial<ApolloDriverConfig> = {}): ReturnType<typeof GraphQLModule.forRoot> {
  const always = { driver: ApolloDriver, typeDefs, subscriptions: { 'graphql-ws': true }, graphiql: false } as const;
  return GraphQLModule.forRoot<ApolloDriverConfig>({ ...always, ...options });
}

interface GraphqlAnswer {
  data: Record<string, unknown> | null;
  errors?: { message: string; extensions: Record<string, unknown> }[];
}

async function query({ url }: RunningApp, document: string, authorization?: string): Promise<GraphqlAnswer> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const { body } = await send(`${url}/graphql`, { method: 'POST', body: { query: document }, headers });
  return body as unknown as GraphqlAnswer;
}

/** What is in the refusal's way: Apollo's code, and ours with its status. */
function readRefusal({ data, errors }: GraphqlAnswer): unknown[] {
  expect(Object.values(data ?? {}).filter((value) => value !== null)).toEqual([]);
  return (errors ?? []).map(({ extensions }) => {
    const { code, statusCode } = extensions['originalError'] as Record<string, unknown>;
    return [extensions['code'], statusCode, code];
  });
}

const clients: Client[] = [];
const apps: RunningApp[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
  for (const app of apps.splice(0)) await app.close();
});

/** A connection of graphql-ws; `authorization` goes into the request that opens it. */
function connect({ url }: RunningApp, connectionParams?: Record<string, unknown>, authorization?: string): Client {
  class Socket extends WebSocket {
    constructor(address: string, protocol: string) {
      super(address, protocol, authorization === undefined ? {} : { headers: { authorization } });
    }
  }
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: Socket,
    retryAttempts: 0,
    lazy: false,
    ...(connectionParams !== undefined && { connectionParams }),
  });
  clients.push(client);
  return client;
}

async function subscribe(client: Client, field: string, kind = 'subscription'): Promise<GraphqlAnswer> {
  const results = client.iterate({ query: `${kind} { ${field} }` });
  const { value } = (await results.next()) as { value: GraphqlAnswer };
  await results.return?.();
  return value;
}

const sign = (claims: Record<string, unknown> = {}): string =>
  `Bearer ${issuer().sign(issuer().accessTokenClaims(claims))}`;
const HOUR = 3600;
const EXPIRED = (): string => {
  const iat = Math.floor(Date.now() / 1000) - 2 * HOUR;
  return sign({ iat, exp: iat + HOUR });
};
const REFUSED = [
  ['no token', () => undefined, 'token_missing'],
  ['garbage', () => 'Bearer garbage', 'invalid_token'],
  ['an expired token', EXPIRED, 'invalid_token'],
  ['a token for somebody else', () => sign({ aud: 'another-app' }), 'invalid_token'],
  ['an id_token', () => `Bearer ${issuer().sign(issuer().idTokenClaims())}`, 'invalid_token'],
  ['two tokens', () => `${sign()}, ${sign()}`, 'invalid_token'],
] as const;

const WAYS = {
  'a global guard': () => ({
    imports: [graphql(), GenAuthModule.forRoot(issuer().clientOptions)],
    providers: [Resolvers, { provide: APP_GUARD, useExisting: GenAuthGuard }],
  }),
  'a guard on the resolvers': () => ({
    imports: [graphql(), GenAuthModule.forRoot(issuer().clientOptions)],
    providers: [GuardedResolvers],
  }),
};

describe.each(Object.entries(WAYS))('GraphQL behind %s', (_way, build) => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startNestApp('Express', build());
  });
  afterAll(() => running.close());
  afterEach(() => void running.logger.lines.splice(0));

  it.each(REFUSED)('%s: UNAUTHENTICATED for a query and a mutation', async (_what, makeHeader, code) => {
    for (const operation of ['{ me }', '{ who }', 'mutation { rename(name: "x") }']) {
      const answer = await query(running, operation, makeHeader());
      expect(readRefusal(answer)).toEqual([['UNAUTHENTICATED', 401, code]]);
    }
  });

  it('a good token: user, claim and claims of the token, in a query and a mutation', async () => {
    const answer = await query(running, '{ me who }', sign({ jti: 'jti-7' }));
    expect(answer).toEqual({ data: { me: `${SUBJECT} ${SUBJECT} ${SUBJECT} jti-7`, who: SUBJECT } });
    const renamed = await query(running, 'mutation { rename(name: "Al") }', sign());
    expect(renamed.data).toEqual({ rename: `${SUBJECT} is Al` });
  });

  it('one field is refused and another of the same operation is not', async () => {
    const { data, errors } = await query(running, '{ who mail }', sign());
    expect(data).toEqual({ who: SUBJECT, mail: null });
    expect(errors?.map(({ extensions }) => extensions['code'])).toEqual(['FORBIDDEN']);
  });

  it.each([
    ['mail', 'no scope', 'openid', 'insufficient_scope'],
    ['admin', 'another role', 'openid', 'insufficient_role'],
  ])('%s with %s: FORBIDDEN', async (field, _what, scope, code) => {
    issuer().reply(USER_INFO_PATH, { body: { sub: SUBJECT, roles: ['editor'] } });
    expect(readRefusal(await query(running, `{ ${field} }`, sign({ scope })))).toEqual([['FORBIDDEN', 403, code]]);
    expect(readRefusal(await query(running, `{ ${field} }`))).toEqual([['UNAUTHENTICATED', 401, 'token_missing']]);
  });

  it('mail with the scope and admin with the role: in', async () => {
    issuer().reply(USER_INFO_PATH, { body: { sub: 'an-admin', roles: [{ code: 'admin' }] } });
    const answer = await query(running, '{ mail admin }', sign({ sub: 'an-admin', scope: 'openid email' }));
    expect(answer).toEqual({ data: { mail: 'an-admin', admin: 'an-admin' } });
  });

  it('a role that GenAuth cannot tell: 503, not UNAUTHENTICATED, on HTTP and on the socket alike', async () => {
    issuer().reply(USER_INFO_PATH, { status: 503 });
    const token = sign({ sub: 'somebody-unasked-for' });
    const answer = await query(running, '{ admin }', token);
    expect(readRefusal(answer)).toEqual([['INTERNAL_SERVER_ERROR', 503, 'upstream_unavailable']]);
    expect(answer.errors?.[0]?.extensions['status']).toBe(503);
    const onSocket = await subscribe(connect(running, { authorization: token }), 'admin', 'query');
    expect(onSocket.errors?.[0]?.extensions).toEqual(answer.errors?.[0]?.extensions);
  });

  it('@Public is open to garbage, @OptionalAuth to nobody and to a good token only', async () => {
    expect((await query(running, '{ open }', 'Bearer garbage')).data).toEqual({ open: 'open to undefined' });
    expect((await query(running, '{ maybe }')).data).toEqual({ maybe: 'maybe undefined' });
    expect((await query(running, '{ maybe }', sign())).data).toEqual({ maybe: `maybe ${SUBJECT}` });
    const refused = await query(running, '{ maybe }', EXPIRED());
    expect(readRefusal(refused)).toEqual([['UNAUTHENTICATED', 401, 'invalid_token']]);
  });

  describe.each([
    ['connectionParams', (app: RunningApp, token?: string) => connect(app, { authorization: token })],
    ['connectionParams in capitals', (app: RunningApp, token?: string) => connect(app, { Authorization: token })],
    ['the header of the upgrade', (app: RunningApp, token?: string) => connect(app, undefined, token)],
  ])('subscriptions with the token in %s', (_place, open) => {
    it.each(REFUSED)('%s: does not start, UNAUTHENTICATED', async (_what, makeHeader, code) => {
      const client = open(running, makeHeader());
      for (const field of ['ticks', 'mailTicks']) {
        expect(readRefusal(await subscribe(client, field))).toEqual([['UNAUTHENTICATED', 401, code]]);
      }
    });

    it('a good token: starts, as the one who opened the connection', async () => {
      const client = open(running, sign({ scope: 'openid email' }));
      for (const field of ['ticks', 'filtered', 'mailTicks']) {
        expect(await subscribe(client, field)).toEqual({ data: { [field]: SUBJECT } });
      }
      // Queries and mutations travel on the socket as well.
      expect(await subscribe(client, 'who', 'query')).toEqual({ data: { who: SUBJECT } });
    });

    it('a token without the scope: FORBIDDEN; without any token what is @Public', async () => {
      const refused = await subscribe(open(running, sign()), 'mailTicks');
      expect(readRefusal(refused)).toEqual([['FORBIDDEN', 403, 'insufficient_scope']]);
      expect(await subscribe(open(running), 'openTicks')).toEqual({ data: { openTicks: 'open' } });
    });
  });

  it('answers, socket and log hold no token and no stack of ours', async () => {
    const token = sign({ aud: 'another-app' });
    const [, , signature = ''] = token.split('.');
    const onHttp = await query(running, '{ who }', token);
    const onSocket = await subscribe(connect(running, { authorization: token }), 'ticks');
    expect(onSocket.errors?.[0]?.extensions).toEqual(onHttp.errors?.[0]?.extensions);
    expect(findLeaks([onHttp, onSocket, running.logger.lines], [signature, 'src/nest', 'node_modules'])).toEqual([]);
    expect(running.logger.lines.join()).toContain('token_audience_mismatch');
  });
});

it('no stack of ours, even where Apollo shows stacks', async () => {
  const running = await startNestApp('Express', {
    imports: [graphql({ includeStacktraceInErrorResponses: true }), GenAuthModule.forRoot(issuer().clientOptions)],
    providers: [GuardedResolvers],
  });
  apps.push(running);
  const answer = await query(running, '{ who }', 'Bearer garbage');
  expect(readRefusal(answer)).toEqual([['UNAUTHENTICATED', 401, 'invalid_token']]);
  expect(answer.errors?.[0]?.extensions['stacktrace']).toEqual([expect.stringContaining('GenAuthException: ')]);
});

const SHARED = { everybodys: true };
describe.each<[string, Partial<ApolloDriverConfig>]>([
  ['no context of its own', {}],
  ['one object for all', { context: SHARED }],
  ['a function that gives one object for all', { context: () => SHARED }],
  ['what it was called with', { context: (given: object) => given }],
  ['the request', { context: ({ req }: { req: object }) => ({ req }) }],
  ['Apollo leaving exceptions alone', { autoTransformHttpErrors: false }],
])('an application with %s', (_what, options) => {
  let running: RunningApp;
  let now: number;
  beforeEach(async () => {
    now = Date.now();
    running = await startNestApp('Express', {
      imports: [graphql(options)],
      providers: [
        GuardedResolvers,
        { provide: GenAuthClient, useValue: new GenAuthClient(issuer().clientOptions, { now: () => now }) },
      ],
    });
    apps.push(running);
  });

  it('thirty people at one time never mix, on HTTP and on sockets', async () => {
    const names = Array.from({ length: 30 }, (_, i) => `person-${i}`);
    const answers = await Promise.all(
      names.map((sub, i) =>
        i % 3 > 0
          ? query(running, '{ meet(size: 30) }', sign({ sub }))
          : subscribe(connect(running, { authorization: sign({ sub }) }), 'meet(size: 30)', 'query'),
      ),
    );
    expect(answers).toEqual(names.map((name) => ({ data: { meet: [name, name, name] } })));
  });

  it('a connection outlives its token: what it asks for next is refused, with the code', async () => {
    const client = connect(running, { authorization: sign() });
    expect(await subscribe(client, 'ticks')).toEqual({ data: { ticks: SUBJECT } });
    now += (HOUR + 6) * 1000;
    for (const [field, kind] of [
      ['ticks', 'subscription'],
      ['who', 'query'],
      ['maybe', 'query'],
    ] as const) {
      expect(readRefusal(await subscribe(client, field, kind))).toEqual([['UNAUTHENTICATED', 401, 'invalid_token']]);
    }
    expect(await subscribe(client, 'openTicks')).toEqual({ data: { openTicks: 'open' } });
  });
});
