import express from 'express';
import { type GenAuthOptions, type RequireAuthOptions, requireAuth } from '../../src/index.js';
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
