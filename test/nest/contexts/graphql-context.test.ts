import { Logger } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import type { GenAuthTokenUser } from '../../../src/index.js';
import { GenAuthGuard, OptionalAuth } from '../../../src/nest/index.js';
import { useClients } from '../../support/client.js';
import { useIssuer } from '../../support/issuer.js';
import { catchError } from '../../support/promise.js';

beforeAll(() => Logger.overrideLogger(false));
const issuer = useIssuer();
const openClient = useClients(issuer);

class Resolvers {
  guarded(): void {}

  @OptionalAuth()
  optional(): void {}
}

function canActivate(method: keyof Resolvers, args: unknown[]): Promise<boolean> {
  const context = new ExecutionContextHost(args, Resolvers, Resolvers.prototype[method]);
  context.setType('graphql');
  return new GenAuthGuard(openClient(), new Reflector()).canActivate(context);
}

/** What becomes of a resolver's context: whose it is, `nobody's`, or the code of the refusal. */
async function guard(method: keyof Resolvers, args: unknown[], value: unknown): Promise<string> {
  try {
    await canActivate(method, args);
  } catch (error) {
    return (error as { code: string }).code;
  }
  return (value as { user?: GenAuthTokenUser }).user?.sub ?? "nobody's";
}

const bearer = (sub: string): string => `Bearer ${issuer().sign(issuer().accessTokenClaims({ sub }))}`;
const headers = (authorization?: string): { headers: object } => ({
  headers: authorization === undefined ? {} : { authorization },
});
const alice = (): { headers: object } => headers(bearer('alice'));

/** By what is in the context; for guarded resolvers, and where they differ for optional ones. */
type Row = [what: string, make: () => unknown, guarded: string, optional?: string];
const ROWS: Row[] = [
  ['the request as req: alice', () => ({ req: alice() }), 'alice'],
  ['the request as request: alice', () => ({ request: alice() }), 'alice'],
  ["Fastify's request: alice", () => ({ req: { ...alice(), raw: { rawHeaders: ['Authorization', 'x'] } } }), 'alice'],
  ["graphql-ws's connection: alice", () => ({ extra: { request: alice() } }), 'alice'],
  ["graphql-ws's connection as req: alice", () => ({ req: { extra: { request: alice() } } }), 'alice'],
  ['connectionParams: alice', () => ({ connectionParams: { authorization: bearer('alice') } }), 'alice'],
  [
    'connectionParams in req: alice',
    () => ({ req: { connectionParams: { AUTHORIZATION: bearer('alice') } } }),
    'alice',
  ],
  [
    'connectionParams of bob on a connection of alice: bob',
    () => ({ req: { extra: { request: alice() }, connectionParams: { authorization: bearer('bob') } } }),
    'bob',
  ],
  ...[null, undefined, '', []].map((authorization): Row => [
    `connectionParams with ${JSON.stringify(authorization)} on a connection of alice: alice`,
    () => ({ req: { extra: { request: alice() }, connectionParams: { authorization } } }),
    'alice',
  ]),
  ['a list of one token: alice', () => ({ connectionParams: { authorization: [bearer('alice')] } }), 'alice'],
  [
    'a list of two tokens',
    () => ({ connectionParams: { authorization: [bearer('alice'), bearer('bob')] } }),
    'invalid_token',
    'invalid_token',
  ],
  [
    'two spellings',
    () => ({ connectionParams: { authorization: bearer('alice'), Authorization: bearer('bob') } }),
    'invalid_token',
    'invalid_token',
  ],
  ...[42, true, {}, { token: 'x' }, 'Bearer', 'Bearer garbage'].map((authorization): Row => [
    `connectionParams with ${JSON.stringify(authorization)} on a connection of alice`,
    () => ({ connectionParams: { authorization }, extra: { request: alice() } }),
    'invalid_token',
    'invalid_token',
  ]),
  [
    'two lines in the request that opened the connection',
    () => ({ extra: { request: { ...alice(), rawHeaders: ['Authorization', 'a', 'authorization', 'b'] } } }),
    'invalid_token',
    'invalid_token',
  ],
  ['Basic', () => ({ req: headers('Basic YTpi') }), 'token_missing', "nobody's"],
  ['no header', () => ({ req: headers() }), 'token_missing', "nobody's"],
  ['no request', () => ({}), 'token_missing', "nobody's"],
  [
    'what only a prototype has',
    () => ({ connectionParams: Object.create({ authorization: bearer('alice') }) as object }),
    'token_missing',
    "nobody's",
  ],
  ['a list as connectionParams', () => ({ connectionParams: [bearer('alice')] }), 'token_missing', "nobody's"],
];

describe("a resolver's context with", () => {
  it.each<Row>(ROWS)('%s', async (_what, make, guarded, optional = guarded) => {
    for (const [method, expected] of [
      ['guarded', guarded],
      ['optional', optional],
    ] as const) {
      const value = make();
      expect([method, await guard(method, [{}, {}, value, {}], value)]).toEqual([method, expected]);
      // What resolves the references of a federation has no arguments.
      const other = make();
      expect([method, await guard(method, [{}, other, {}], other)]).toEqual([method, expected]);
    }
  });
});

it.each([['nothing'], [undefined], [null], [7]])('a context that is %p: nobody gets in', async (value) => {
  expect(await guard('guarded', [{}, {}, value, {}], {})).toBe('token_missing');
});

it("the arguments of a query are not its context: a token there is nobody's", async () => {
  expect(await guard('guarded', [{}, { req: alice() }, {}, {}], {})).toBe('token_missing');
  expect(await guard('guarded', [{ req: alice() }, {}, {}, { req: alice() }], {})).toBe('token_missing');
});

it('the exception has what GraphQL shows of it, and nothing else to show', async () => {
  const error = await catchError(canActivate('guarded', [{}, {}, {}, {}]));
  const body = { statusCode: 401, error: 'Unauthorized', message: error.message, code: 'token_missing' };
  expect(error).toMatchObject({ extensions: { code: 'UNAUTHENTICATED', originalError: body } });
  expect(error.stack).toBe(`GenAuthException: ${error.message}`);
});
