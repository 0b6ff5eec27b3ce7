import { jest } from '@jest/globals';
import express from 'express';
import {
  GenAuthBearerStrategy,
  GenAuthClient,
  type GenAuthOptions,
  type RequireAuthOptions,
  requireAuth,
} from '../../src/index.js';
import { useClients } from '../support/client.js';
import { failOnUnhandledRejections, listWarnings } from '../support/host-process.js';
import { JWKS_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { createLoginApp } from '../support/login-app.js';
import { INTROSPECTION_PATH, bearer } from '../support/marked-routes.js';
import { catchThrown } from '../support/thrown.js';
import { ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const warnings = listWarnings();
const issuer = useIssuer();
const open = useClients(issuer);
const serve = useWebServer();

const start = (options?: RequireAuthOptions, more: Partial<GenAuthOptions> = {}): Promise<string> =>
  serve(createLoginApp(express, { strategies: [], authenticate: () => requireAuth(open(more), options) }));
const get = async (url: string, authorization: string): Promise<unknown[]> => {
  const { status, text } = await ask(url, { path: '/login', headers: { authorization } });
  return [status, JSON.parse(text)];
};

it('stores user and authInfo on the request', async () => {
  const claims = issuer().accessTokenClaims({ tenant_id: 't' });
  const user = { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: 't' };
  expect(await get(await start(), `Bearer ${issuer().sign(claims)}`)).toEqual([200, { user, authInfo: { claims } }]);
});

it('calls next before it returns if the token is known', async () => {
  const client = open();
  await client.warmUp();
  const next = jest.fn();
  const req = { headers: { authorization: bearer(issuer()) } };
  requireAuth(client)(req as never, {} as never, next);
  expect(next.mock.calls).toEqual([[]]);
});

it('passes an error that a handler throws at once to Express only once', async () => {
  const thrown: unknown[] = [];
  const app = express().get('/login', requireAuth(open()), () => {
    throw new Error('of the handler');
  });
  app.use(((error: unknown, _req, res, _next) => {
    thrown.push(error);
    res.status(500).json({});
  }) as express.ErrorRequestHandler);
  const url = await serve(app);
  expect([await get(url, bearer(issuer())), await get(url, bearer(issuer()))]).toEqual([
    [500, {}],
    [500, {}],
  ]);
  expect(thrown).toHaveLength(2);
});

it.each([
  ['route', { name: 'Error' }],
  [Object.assign(new RangeError('of the application'), { code: 'own' }), { name: 'RangeError', code: 'own' }],
])('passes an Error to Express if the tenant rejects with %s', async (error, thrown) => {
  const url = await start({ tenant: () => Promise.reject(error) });
  expect(await get(url, bearer(issuer(), { tenant_id: 't' }))).toEqual([500, { thrown }]);
});

it('asks GenAuth with the option introspect', async () => {
  issuer().reply(INTROSPECTION_PATH, { body: { active: false } });
  const answer = [401, expect.objectContaining({ code: 'invalid_token' })];
  expect(await get(await start({ introspect: true }), bearer(issuer()))).toEqual(answer);
});

it('warns the operator of an outage with the name of the application', async () => {
  issuer().reply(JWKS_PATH, { body: '<html>' });
  const answer = [503, expect.objectContaining({ code: 'upstream_unavailable' })];
  expect(await get(await start({}, { name: 'staff' }), bearer(issuer()))).toEqual(answer);
  expect(warnings).toEqual([expect.stringMatching(/^GENAUTH_UPSTREAM_UNAVAILABLE: staff: /)]);
});

const WIDE = { scope: ['openid', 'roles', 'email'] };
const FUNCTION = 'write a function, (req) => req.params.tenant';
const TIME = 'write true, or { maxAge: 10_000 } with whole milliseconds, 0 or more';
const LIST = 'write a list, { any: [...] } or { all: [...] }';
const TOGETHER = 'is set together with scopes, roles or tenant';
const NO_TOKEN = 'remove optional, because a request without a token has no scope, role or tenant';
it.each<[string, object, unknown, unknown]>([
  ['optional', { optional: 'false' }, 'is "false"', 'write true or false'],
  ['tenant', { tenant: 't' }, 'is "t"', FUNCTION],
  ['introspect', { introspect: { maxAge: -1 } }, 'is { maxAge: -1 }', TIME],
  ['scopes', { scopes: {} }, 'is an object', LIST],
  ['scopes', { scopes: { any: ['a'], all: ['b'] } }, 'is an object', LIST],
  ['roles', { roles: { any: [] } }, 'are []', expect.stringContaining("such as 'admin'")],
  ...['scopes', 'roles', 'tenant', 'introspect'].map((option): [string, object, unknown, unknown] => [
    option,
    { [option]: undefined },
    expect.stringMatching(/^is undefined, with which the route would not require it/),
    expect.stringContaining('misspelt'),
  ]),
  ['optional', { optional: true, scopes: ['email'] }, TOGETHER, NO_TOKEN],
  ['optional', { optional: true, roles: ['admin'] }, TOGETHER, NO_TOKEN],
  ['optional', { optional: true, tenant: () => 't' }, TOGETHER, NO_TOKEN],
])('refuses the option %s in %j', (option, options, problem, fix) => {
  expect(catchThrown(() => requireAuth(open(WIDE), options as RequireAuthOptions))).toMatchObject({
    name: 'ConfigurationError',
    code: 'invalid_options',
    details: { mistakes: [{ option, problem, fix }] },
  });
});

const CLIENT = 'with const client = new GenAuthClient({ appId, appSecret, appHost })';
const WRITE = `in place of a client: write requireAuth(client), ${CLIENT}.`;
const REQUEST = { method: 'GET', headers: {} };
const inPlace = (given: string, list: string): string =>
  `requireAuth got ${given} in place of the options of the route: write requireAuth(client, { scopes: [${list}] }).`;
it.each<[title: string, args: () => unknown[], message: string]>([
  ['no client', () => [], `requireAuth got undefined ${WRITE}`],
  ['null', () => [null], `requireAuth got null ${WRITE}`],
  ['the class', () => [GenAuthClient], `requireAuth got the class GenAuthClient ${WRITE}`],
  [
    'a strategy',
    () => [new GenAuthBearerStrategy(open())],
    `requireAuth got an object of the class GenAuthBearerStrategy ${WRITE}`,
  ],
  ['incomplete options', () => [{ appId: 'a' }], 'appHost is missing'],
  ['options with a client', () => [{ client: open() }], 'client is not an option: pass the client in place of the'],
  [
    'a request',
    () => [REQUEST, {}, () => {}],
    'requireAuth is registered as a handler, but it is a function that creates a handler: ' +
      'call it, write requireAuth(client).',
  ],
  ['a scope', () => [open(), 'email'], inPlace('"email"', "'email'")],
  ['a list of scopes', () => [open(), ['email', 'phone']], inPlace('["email", "phone"]', "'email', 'phone'")],
  ['null as options', () => [open(), null], inPlace('null', "'email'")],
  [
    'no client before the options of the route',
    () => [{ scopes: ['email'] }],
    "got the options of the route in place of a client: write requireAuth(client, { scopes: ['email'] }).",
  ],
  ['swapped arguments', () => [{}, open()], inPlace('an object of the class GenAuthClient', "'email'")],
  ['a handler', () => [open(), () => {}], 'app.get(path, requireAuth(client), handler)'],
  ['joined scopes', () => [open(), { scopes: ['openid,profile'] }], 'write one or more names as separate strings'],
])('refuses %s', (_title, args, message) => {
  const call = requireAuth as (...args: unknown[]) => unknown;
  expect(catchThrown(() => call(...args()))).toMatchObject({
    code: 'invalid_options',
    message: expect.stringContaining(message),
  });
});

it.each<[title: string, RequireAuthOptions, Partial<GenAuthOptions>, warning?: string]>([
  ['roles without the scope', { roles: ['admin'] }, {}, "scope: ['openid', 'profile', 'roles']"],
  ['a scope of no user', { scopes: ['openid', 'email'] }, {}, "scope: ['openid', 'profile', 'email']"],
  ['any scope of no user', { scopes: { any: ['email'] } }, {}, "scope: ['openid', 'profile', 'email']"],
  ['one of two scopes', { scopes: { any: ['email', 'profile'] } }, {}],
  ['scopes of each sign-in', { scopes: ['email'], roles: ['admin'] }, { signInOptions: () => ({}) }],
  ['other fixed scopes', { scopes: ['email'] }, { signInOptions: { scope: 'openid email' } }],
  ['the tokens of another audience', { scopes: ['email'] }, { audience: 'api' }],
])('accepts %s, and warns if no sign-in requests the scope', async (_title, options, more, warning = '') => {
  warnings.length = 0;
  expect(requireAuth(open(more), options)).toBeInstanceOf(Function);
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).toHaveLength(warning === '' ? 0 : 1);
  expect(warnings.join()).toContain(warning);
});

it('creates a client from options', async () => {
  const handler = requireAuth({ ...issuer().clientOptions, keepAlive: false }, {});
  const url = await serve(createLoginApp(express, { strategies: [], authenticate: () => handler }));
  expect(await get(url, bearer(issuer()))).toEqual([200, expect.objectContaining({ user: expect.any(Object) })]);
});

it.each<[object, string]>([
  [{ scope: [] }, 'scope is not an option of requireAuth: write scopes.'],
  [{ role: [] }, 'role is not an option of requireAuth: write roles.'],
  [{ only: [] }, 'only is not an option of requireAuth: remove it, or write one of scopes, roles, tenant, optional, i'],
  [{ tenant: 5 }, `The option tenant of requireAuth is 5: ${FUNCTION}.`],
  [{ optional: true, scopes: ['a'] }, `The option optional of requireAuth ${TOGETHER}: ${NO_TOKEN}.`],
])('names the fix for the options %j', (options, message) => {
  expect(() => requireAuth(open(WIDE), options as RequireAuthOptions)).toThrow(message);
});
