import express from 'express';
import { type GenAuthOptions, type RequireAuthOptions, requireAuth } from '../../src/index.js';
import { useClients } from '../support/client.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections, listWarnings } from '../support/host-process.js';
import { JWKS_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { createLoginApp } from '../support/login-app.js';
import { INTROSPECTION_PATH, bearer } from '../support/marked-routes.js';
import { catchThrown } from '../support/thrown.js';
import { type WebAnswer, ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const warnings = listWarnings();
const issuer = useIssuer();
const open = useClients(issuer);
const serve = useWebServer();
let now = 0;
beforeEach(() => void (now = Date.now()));

/** An application that is guarded after a session has set the user. */
const start = (options?: RequireAuthOptions, framework = express, more: Partial<GenAuthOptions> = {}) => {
  const guard = requireAuth(open(more, { now: () => now }), options);
  const prepare = (app: express.Express): void =>
    void app.use((req, _res, next) => next(void Object.assign(req, { user: 'session', authInfo: 'session' })));
  return serve(createLoginApp(framework, { strategies: [], prepare, authenticate: () => guard }));
};
const get = async (url: string, authorization: string | string[] = []): Promise<WebAnswer & { body: unknown }> => {
  const answer = await ask(url, { path: '/login', headers: { authorization } });
  return { ...answer, body: JSON.parse(answer.text) as unknown };
};

describe.each(EXPRESS_VERSIONS)('on %s', (_version, framework) => {
  it('stores user and authInfo on the request', async () => {
    const claims = issuer().accessTokenClaims({ tenant_id: 't' });
    const { status, body } = await get(await start(undefined, framework), `Bearer ${issuer().sign(claims)}`);
    const user = { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: 't' };
    expect([status, body]).toEqual([200, { user, authInfo: { claims } }]);
  });

  it('sends the response to a token without the scope', async () => {
    const url = await start({ scopes: ['email', 'orders:read'] }, framework, { language: 'zh' });
    const challenge = 'Bearer realm="genauth", error="insufficient_scope", scope="email orders:read"';
    expect(await get(url, bearer(issuer()))).toMatchObject({
      status: 403,
      headers: { 'www-authenticate': challenge, 'cache-control': 'no-store' },
      body: { statusCode: 403, message: '您没有权限访问此资源。', code: 'insufficient_scope' },
    });
  });

  it.each([
    ['route', { name: 'Error' }],
    [Object.assign(new RangeError('of the application'), { code: 'own' }), { name: 'RangeError', code: 'own' }],
  ])('passes an Error to Express if the tenant rejects with %s', async (error, thrown) => {
    const url = await start({ tenant: () => Promise.reject(error) }, framework);
    const { status, body } = await get(url, bearer(issuer(), { tenant_id: 't' }));
    expect([status, body]).toEqual([500, { thrown }]);
  });
});

const TWO = ['email', 'phone'];
it.each<[string, RequireAuthOptions, object, number]>([
  ['a list of scopes, one held', { scopes: TWO }, { scope: 'openid phone' }, 403],
  ['all scopes, one held', { scopes: { all: TWO } }, { scope: 'openid phone' }, 403],
  ['any scope, one held', { scopes: { any: TWO } }, { scope: 'openid phone' }, 200],
  ['a list of roles, one held', { roles: TWO }, { roles: ['phone'] }, 200],
  ['all roles, one held', { roles: { all: TWO } }, { roles: ['phone'] }, 403],
  ['any role, none held', { roles: { any: TWO } }, { roles: ['user'] }, 403],
  ['another tenant', { tenant: () => 'tenant-2' }, { tenant_id: 'tenant-1' }, 403],
])('requires %s', async (_title, options, claims, status) => {
  expect((await get(await start(options), bearer(issuer(), claims))).status).toBe(status);
});

it.each<[boolean | undefined, string[], number, object]>([
  [true, [], 200, {}],
  [true, ['Bearer x'], 401, { code: 'invalid_token' }],
  [undefined, [], 401, { code: 'token_missing' }],
])('with optional %s answers the Authorization headers %j with status %i', async (optional, headers, status, body) => {
  const answer = await get(await start({ optional }), headers);
  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject(body);
  expect(answer.body).not.toHaveProperty('user');
});

it.each<[true | { maxAge: number }, number]>([
  [true, 10_000],
  [{ maxAge: 0 }, 0],
])('with introspect %j reuses a result until its maximum age', async (introspect, maxAge) => {
  const url = await start({ introspect });
  const token = bearer(issuer(), { exp: Math.floor(now / 1000) + 3600 });
  issuer().reply(INTROSPECTION_PATH, { body: { active: true } });
  expect((await get(url, token)).status).toBe(200);
  issuer().reply(INTROSPECTION_PATH, { body: { active: false } });
  now += maxAge;
  expect((await get(url, token)).status).toBe(401);
});

it('warns the operator of an outage with the name of the application', async () => {
  issuer().reply(JWKS_PATH, { body: '<html>' });
  const { body } = await get(await start({}, express, { name: 'staff' }), bearer(issuer()));
  expect(body).toMatchObject({ statusCode: 503, code: 'upstream_unavailable' });
  expect(warnings).toEqual([expect.stringMatching(/^GENAUTH_UPSTREAM_UNAVAILABLE: staff: /)]);
});

const FUNCTION = 'write a function, (req) => req.params.tenant';
const TIME = 'write true, or { maxAge: 10_000 } with whole milliseconds, 0 or more';
const LIST = 'write a list, { any: [...] } or { all: [...] }';
const TOGETHER = 'is set together with scopes, roles or tenant';
const NO_TOKEN = 'remove optional, because a request without a token has no scope, role or tenant';
it.each<[string, object, string, string]>([
  ['optional', { optional: 'false' }, 'is "false"', 'write true or false'],
  ['tenant', { tenant: 't' }, 'is "t"', FUNCTION],
  ['introspect', { introspect: false }, 'is false', TIME],
  ['introspect', { introspect: { maxAge: -1 } }, 'is { maxAge: -1 }', TIME],
  ['scopes', { scopes: {} }, 'is an object', LIST],
  ['scopes', { scopes: { any: ['a'], all: ['b'] } }, 'is an object', LIST],
  ['roles', { roles: { some: ['admin'] } }, 'is an object', LIST],
  ['roles', { roles: { any: [] } }, 'are []', expect.stringContaining("such as 'admin'")],
  ['optional', { optional: true, scopes: ['email'] }, TOGETHER, NO_TOKEN],
  ['optional', { optional: true, roles: ['admin'] }, TOGETHER, NO_TOKEN],
  ['optional', { optional: true, tenant: () => 't' }, TOGETHER, NO_TOKEN],
])('refuses the option %s in %j', (option, options, problem, fix) => {
  expect(catchThrown(() => requireAuth(open(), options as RequireAuthOptions))).toMatchObject({
    name: 'ConfigurationError',
    code: 'invalid_options',
    details: { mistakes: [{ option, problem, fix }] },
  });
});

it.each<[object, string]>([
  [{ scope: [] }, '"scope" is not an option of requireAuth: use only scopes, roles, tenant, optional, introspect.'],
  [{ tenant: 5 }, `The option tenant of requireAuth is 5: ${FUNCTION}.`],
  [{ optional: true, scopes: ['a'] }, `The option optional of requireAuth ${TOGETHER}: ${NO_TOKEN}.`],
])('names the fix for the options %j', (options, message) => {
  expect(() => requireAuth(open(), options as RequireAuthOptions)).toThrow(message);
});
