import type { GenAuthOptions } from '../../src/index.js';
import type { GenAuthRequest } from '../../src/core/options/types.js';
import { type RequestState, type RouteRequirements, guardRequest } from '../../src/web/guard-request.js';
import type { Refusal } from '../../src/web/refusal.js';
import { useClients } from '../support/client.js';
import { JWKS_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { INTROSPECTION_PATH, USER_INFO_PATH, bearer } from '../support/marked-routes.js';

const issuer = useIssuer();
const open = useClients(issuer);
let now = 0;
beforeEach(() => (now = Date.now()));

interface Guarded {
  refusal: Refusal | undefined;
  state: RequestState;
}

/** A function that guards one request after another with one client. */
const createGuard = (requirements: Partial<RouteRequirements> = {}, options: Partial<GenAuthOptions> = {}) => {
  const client = open(options, { now: () => now });
  return async (authorization?: string, more: Record<string, string> = {}): Promise<Guarded> => {
    const req: GenAuthRequest = { headers: { ...more, ...(authorization !== undefined && { authorization }) } };
    const state: RequestState = { user: 'of the session', authInfo: 'of the session' };
    const refusal = await guardRequest(client, req, state, { optional: false, ...requirements });
    return { refusal, state };
  };
};
const PASSED = { refusal: undefined, state: { user: { sub: SUBJECT } } };
const UNCHANGED = { user: 'of the session', authInfo: 'of the session' };

const deny = (code: string): object => ({ refusal: { status: 403, body: { code } }, state: UNCHANGED });

it('stores the user and the claims of a valid token', async () => {
  const claims = issuer().accessTokenClaims({ tenant_id: 't', email: 'alice@example.com' });
  const user = { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: 't' };
  const state = { user, authInfo: { claims: expect.objectContaining(claims) } };
  expect(await createGuard()(`Bearer ${issuer().sign(claims)}`)).toStrictEqual({ refusal: undefined, state });
});

it.each<[string, () => string | undefined, string]>([
  ['no token', () => undefined, 'token_missing'],
  ['a malformed header', () => 'Bearer a.b.c d.e.f', 'invalid_token'],
  ['an expired token', () => bearer(issuer(), { iat: 1000, exp: 2000 }), 'invalid_token'],
])('refuses %s and leaves the request unchanged', async (_title, authorization, code) => {
  const refusal = { status: 401, body: { code } };
  expect(await createGuard()(authorization())).toMatchObject({ refusal, state: UNCHANGED });
});

it('refuses a token with status 503 if the key set cannot be loaded', async () => {
  issuer().reply(JWKS_PATH, { status: 500 });
  const refusal = { action: 'error', status: 503, body: { code: 'upstream_unavailable' } };
  expect(await createGuard()(bearer(issuer()))).toMatchObject({ refusal, state: UNCHANGED });
});

it.each<[string, object, object]>([
  ['lets a token with the scope, the role and the tenant pass', {}, PASSED],
  ['refuses a token without the scope', { scope: 'openid' }, deny('insufficient_scope')],
  ['refuses a token without the role', { roles: ['user'] }, deny('insufficient_role')],
  ['reads a missing claim from user info', { tenant_id: undefined, jti: 'x' }, deny('tenant_mismatch')],
])('a route with requirements %s', async (_title, changes, guarded) => {
  issuer().reply(USER_INFO_PATH, { body: { sub: SUBJECT, tenant_id: 'tenant-2' } });
  const guard = createGuard({
    scopes: { mode: 'all', names: ['email'] },
    roles: { mode: 'any', names: ['admin'] },
    tenant: (req) => String(req.headers['x-tenant']),
  });
  const claims = { scope: 'openid email', roles: ['admin'], tenant_id: 'tenant-1', ...changes };
  expect(await guard(bearer(issuer(), claims), { 'x-tenant': 'tenant-1' })).toMatchObject(guarded);
});

it.each([new TypeError('of the application'), undefined])('throws %s of the function tenant', async (thrown) => {
  const failed = createGuard({ tenant: () => Promise.reject(thrown) })(bearer(issuer(), { tenant_id: 't' }));
  await expect(failed.catch((error: unknown) => [error])).resolves.toEqual([thrown]);
});

const ANONYMOUS = { refusal: undefined, state: { user: undefined, authInfo: undefined } };
it.each<[string, () => string | undefined, object]>([
  ['lets a request without a token pass without a user', () => undefined, ANONYMOUS],
  ['stores the user of a valid token', () => bearer(issuer()), PASSED],
  ['refuses a malformed header', () => 'Bearer', { refusal: { status: 401 }, state: UNCHANGED }],
  ['refuses a token that is not valid', () => 'Bearer x', { refusal: { status: 401 }, state: UNCHANGED }],
])('an optional route %s', async (_title, authorization, guarded) => {
  expect(await createGuard({ optional: true })(authorization())).toMatchObject(guarded);
});

it('introspects the token, and reuses the result until its maximum age', async () => {
  const guard = createGuard({ introspect: 1000 });
  const token = bearer(issuer(), { exp: Math.floor(now / 1000) + 3600 });
  issuer().reply(INTROSPECTION_PATH, { body: { active: true } });
  expect(await guard(token)).toMatchObject(PASSED);
  issuer().reply(INTROSPECTION_PATH, { body: { active: false } });
  now += 999;
  expect(await guard(token)).toMatchObject(PASSED);
  now += 1;
  expect(await guard(token)).toMatchObject({ refusal: { status: 401 }, state: UNCHANGED });
});

it('refuses a token that GenAuth refuses if a library has replaced the global Promise', async () => {
  issuer().reply(USER_INFO_PATH, { status: 401 });
  const client = open({ userClaims: 'userinfo' });
  await client.warmUp();
  const native = globalThis.Promise;
  globalThis.Promise = class Replaced extends native<unknown> {} as PromiseConstructor;
  const guarded = guardRequest(client, { headers: { authorization: bearer(issuer()) } }, {}, { optional: false });
  globalThis.Promise = native;
  expect(await guarded).toMatchObject({ status: 401 });
});

const ADMIN = { mode: 'any', names: ['admin'] } as const;
it.each<[string, Partial<RouteRequirements>, Partial<GenAuthOptions>]>([
  ['no requirement', {}, {}],
  ['a role of the user info', { roles: ADMIN }, {}],
  ['a tenant', { tenant: () => 't' }, {}],
  ['introspection', { introspect: 1000 }, {}],
  ['a user of the user info', {}, { userClaims: 'userinfo' }],
  ['an own user', {}, { resolveUser: () => ({ id: 1 }) }],
  ['a cached own user', {}, { resolveUser: async () => ({ id: 1 }), resolveUserMaxAge: 60_000 }],
])('a known token passes without a promise with %s', async (_title, requirements, options) => {
  issuer().reply(USER_INFO_PATH, { body: { sub: SUBJECT, tenant_id: 't', roles: [{ code: 'admin' }] } });
  issuer().reply(INTROSPECTION_PATH, { body: { active: true } });
  const client = open(options);
  const pass = (): unknown =>
    guardRequest(client, { headers: { authorization } }, {}, { optional: false, ...requirements });
  const authorization = bearer(issuer());
  const first = pass();
  expect(await first).toBeUndefined();
  const sent = issuer().count();
  expect([first, pass(), issuer().count()]).toEqual([expect.any(Promise), undefined, sent]);
});

it('passes a new token and refuses a missing one without a promise, if the keys are cached', async () => {
  const client = open();
  await client.warmUp();
  const headers = [{ authorization: bearer(issuer()) }, { authorization: bearer(issuer(), { jti: 'x' }) }, {}];
  const refusals = headers.map((each) => guardRequest(client, { headers: each }, {}, { optional: false }));
  expect(refusals).toMatchObject([undefined, undefined, { status: 401 }]);
});

it.each([
  [undefined, '请提供访问令牌。'],
  ['en', 'An access token is required.'],
] as const)('answers Accept-Language zh with the option language %s', async (language, message) => {
  const { refusal } = await createGuard({}, { language })(undefined, { 'accept-language': 'zh' });
  expect(refusal?.body.message).toBe(message);
});
