import express from 'express';
import { type GenAuthOptions, type RequireAuthOptions, requireAuth } from '../../src/index.js';
import { useClients } from '../support/client.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections, listWarnings } from '../support/host-process.js';
import { JWKS_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { createLoginApp } from '../support/login-app.js';
import { INTROSPECTION_PATH, USER_INFO_PATH, bearer } from '../support/marked-routes.js';
import { catchThrown } from '../support/thrown.js';
import { type WebAnswer, ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const warnings = listWarnings();
const issuer = useIssuer();
const open = useClients(issuer);
const serve = useWebServer();
let now = 0;
beforeEach(() => void (now = Date.now()));

const start = (
  options?: RequireAuthOptions,
  framework = express,
  more: Partial<GenAuthOptions> = {},
): Promise<string> => {
  const guard = requireAuth(open(more, { now: () => now }), options);
  return serve(createLoginApp(framework, { strategies: [], authenticate: () => guard }));
};
const get = (url: string, authorization?: string | string[]): Promise<WebAnswer> =>
  ask(url, { path: '/login', headers: authorization === undefined ? {} : { authorization } });
const getWith = async (options: RequireAuthOptions, claims: object = {}): Promise<WebAnswer> =>
  get(await start(options), bearer(issuer(), claims));
const parse = ({ text }: WebAnswer): unknown => JSON.parse(text);

describe.each(EXPRESS_VERSIONS)('on %s', (_version, framework) => {
  it('stores user and authInfo on the request', async () => {
    const claims = issuer().accessTokenClaims({ tenant_id: 't' });
    const answer = await get(await start({}, framework), `Bearer ${issuer().sign(claims)}`);
    expect([answer.status, parse(answer)]).toEqual([
      200,
      { user: { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: 't' }, authInfo: { claims } },
    ]);
  });

  it('sends the complete response to a token without the scope', async () => {
    const url = await start({ scopes: ['email', 'orders:read'] }, framework, { language: 'zh' });
    const { status, headers, text } = await get(url, bearer(issuer()));
    const body = { statusCode: 403, error: 'Forbidden', message: '您没有权限访问此资源。', code: 'insufficient_scope' };
    expect([status, JSON.parse(text)]).toEqual([403, body]);
    expect(headers).toMatchObject({
      'www-authenticate': 'Bearer realm="genauth", error="insufficient_scope", scope="email orders:read"',
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(text)),
      'cache-control': 'no-store',
    });
  });

  it('refuses two Authorization headers, although Node drops the second', async () => {
    const url = await start({}, framework);
    const answers = [await get(url, [bearer(issuer()), 'Bearer x']), await get(url, [bearer(issuer()), 'Basic x'])];
    expect(answers.map(({ status }) => status)).toEqual([401, 401]);
    expect(parse(answers[0] as WebAnswer)).toMatchObject({ code: 'invalid_token' });
  });

  it.each([null, undefined, 'route', 'router'])(
    'passes an Error to Express if the tenant rejects with %j',
    async (thrown) => {
      const url = await start({ tenant: () => Promise.reject(thrown) }, framework);
      const answer = await get(url, bearer(issuer(), { tenant_id: 't' }));
      expect([answer.status, parse(answer)]).toEqual([500, { thrown: { name: 'Error' } }]);
    },
  );
});

it('passes the error of the function tenant to Express', async () => {
  const error = Object.assign(new Error('of the application'), { name: 'OwnError', code: 'own' });
  const answer = await getWith({ tenant: () => Promise.reject(error) }, { tenant_id: 't' });
  expect([answer.status, parse(answer)]).toEqual([500, { thrown: { name: 'OwnError', code: 'own' } }]);
});

it.each<[string, RequireAuthOptions, object, number]>([
  ['a list of scopes, all held', { scopes: ['email', 'phone'] }, { scope: 'openid phone email' }, 200],
  ['a list of scopes, one held', { scopes: ['email', 'phone'] }, { scope: 'openid phone' }, 403],
  ['all scopes, one held', { scopes: { all: ['email', 'phone'] } }, { scope: 'openid phone' }, 403],
  ['any scope, one held', { scopes: { any: ['email', 'phone'] } }, { scope: 'openid phone' }, 200],
  ['any scope, none held', { scopes: { any: ['email', 'phone'] } }, { scope: 'openid' }, 403],
  ['a list of roles, one held', { roles: ['admin', 'auditor'] }, { roles: ['auditor'] }, 200],
  ['a list of roles, none held', { roles: ['admin', 'auditor'] }, { roles: ['user'] }, 403],
  ['all roles, one held', { roles: { all: ['admin', 'auditor'] } }, { roles: ['admin'] }, 403],
  ['any role, one held', { roles: { any: ['admin', 'auditor'] } }, { roles: ['admin'] }, 200],
  ['the tenant', { tenant: () => 'tenant-1' }, { tenant_id: 'tenant-1' }, 200],
  ['another tenant', { tenant: () => 'tenant-2' }, { tenant_id: 'tenant-1' }, 403],
])('requires %s', async (_title, options, claims, status) => {
  expect((await getWith(options, claims)).status).toBe(status);
});

it('reads the roles from user info if the token has none', async () => {
  issuer().reply(USER_INFO_PATH, { body: { sub: SUBJECT, roles: [{ code: 'admin' }] } });
  expect((await getWith({ roles: ['admin'] })).status).toBe(200);
  expect(issuer().count(USER_INFO_PATH)).toBe(1);
});

it('is not changed by a later change of its list', async () => {
  const roles = ['admin'];
  const url = await start({ roles });
  roles[0] = 'user';
  expect((await get(url, bearer(issuer(), { roles: ['user'] }))).status).toBe(403);
});

describe('with optional', () => {
  it.each<[string, boolean | undefined, number]>([
    ['true', true, 200],
    ['false', false, 401],
    ['undefined', undefined, 401],
  ])('%s a request without a token has status %i', async (_title, optional, status) => {
    expect((await get(await start({ optional }))).status).toBe(status);
  });

  it('removes the user of a session', async () => {
    const guard = requireAuth(open(), { optional: true });
    const prepare = (app: ReturnType<typeof express>): void =>
      void app.use((req, _res, next) => next(void Object.assign(req, { user: { sub: 'session' } })));
    const url = await serve(createLoginApp(express, { strategies: [], prepare, authenticate: () => guard }));
    expect(parse(await get(url))).toEqual({});
  });

  it('refuses a token that is not valid', async () => {
    expect((await get(await start({ optional: true }), 'Bearer x')).status).toBe(401);
  });
});

describe('with introspect', () => {
  it.each<[string, true | { maxAge: number }, number]>([
    ['true', true, 10_000],
    ['a maxAge', { maxAge: 1000 }, 1000],
  ])('%s reuses a result until its maximum age', async (_title, introspect, maxAge) => {
    const url = await start({ introspect });
    const token = bearer(issuer(), { exp: Math.floor(now / 1000) + 3600 });
    issuer().reply(INTROSPECTION_PATH, { body: { active: true } });
    const statuses = [(await get(url, token)).status];
    issuer().reply(INTROSPECTION_PATH, { body: { active: false } });
    now += maxAge - 1;
    statuses.push((await get(url, token)).status);
    now += 1;
    statuses.push((await get(url, token)).status);
    expect(statuses).toEqual([200, 200, 401]);
  });
});

it('warns the operator of an outage with the name of the application', async () => {
  issuer().reply(JWKS_PATH, { body: '<html>' });
  const answer = await get(await start({}, express, { name: 'staff' }), bearer(issuer()));
  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
  expect(parse(answer)).toMatchObject({ code: 'upstream_unavailable' });
  expect(warnings).toEqual([expect.stringMatching(/^GENAUTH_UPSTREAM_UNAVAILABLE: staff: /)]);
});

const TOGETHER = 'is set together with scopes, roles or tenant';
it.each<[string, unknown, string, string]>([
  ['an unknown option', { scope: ['email'] }, 'scope', 'is not an option of requireAuth'],
  ['optional that is a string', { optional: 'false' }, 'optional', 'is "false"'],
  ['optional that is null', { optional: null }, 'optional', 'is null'],
  ['a tenant that is a string', { tenant: 't' }, 'tenant', 'is "t"'],
  ['introspect that is a number', { introspect: 10 }, 'introspect', 'is 10'],
  ['introspect that is false', { introspect: false }, 'introspect', 'is false'],
  ['introspect below 0', { introspect: { maxAge: -1 } }, 'introspect', 'is { maxAge: -1 }'],
  ['scopes that are an empty object', { scopes: {} }, 'scopes', 'is an object'],
  ['scopes with both any and all', { scopes: { any: ['a'], all: ['b'] } }, 'scopes', 'is an object'],
  ['scopes with another member', { scopes: { some: ['email'] } }, 'scopes', 'is an object'],
  ['roles that are a promise', { roles: Promise.resolve(['admin']) }, 'roles', 'is an object'],
  ['an empty list in any', { scopes: { any: [] } }, 'scopes', 'are []'],
  ['scopes that are a string', { scopes: 'email' }, 'scopes', 'are "email"'],
  ['scopes that are null', { scopes: null }, 'scopes', 'are null'],
  ['an empty list of roles', { roles: [] }, 'roles', 'are []'],
  ['optional and scopes', { optional: true, scopes: ['email'] }, 'optional', TOGETHER],
  ['optional and roles', { optional: true, roles: { all: ['admin'] } }, 'optional', TOGETHER],
  ['optional and a tenant', { optional: true, tenant: () => 't' }, 'optional', TOGETHER],
])('cannot be created with %s', (_title, options, option, problem) => {
  expect(catchThrown(() => requireAuth(open(), options as RequireAuthOptions))).toMatchObject({
    name: 'ConfigurationError',
    code: 'invalid_options',
    details: { mistakes: [{ option, problem }] },
  });
});

const LIST = 'write a list, { any: [...] } or { all: [...] }.';
const MILLISECONDS = 'write true, or { maxAge: 10_000 } with whole milliseconds, 0 or more.';
const NO_TOKEN = 'remove optional, because a request without a token has no scope, role or tenant.';
it.each<[object, string]>([
  [{ scope: [] }, '"scope" is not an option of requireAuth: use only scopes, roles, tenant, optional, introspect.'],
  [{ optional: 1 }, 'The option optional of requireAuth is 1: write true or false.'],
  [{ tenant: 't' }, 'The option tenant of requireAuth is "t": write a function, (req) => req.params.tenant.'],
  [{ introspect: 10 }, `The option introspect of requireAuth is 10: ${MILLISECONDS}`],
  [{ roles: {} }, `The option roles of requireAuth is an object: ${LIST}`],
  [{ optional: true, scopes: ['a'] }, `The option optional of requireAuth ${TOGETHER}: ${NO_TOKEN}`],
])('names the fix for the options %j', (options, message) => {
  expect(catchThrown(() => requireAuth(open(), options as RequireAuthOptions))).toMatchObject({ message });
});
