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

it('stores the user and the claims of a valid token', async () => {
  const claims = issuer().accessTokenClaims({ tenant_id: 't', email: 'alice@example.com' });
  expect(await createGuard()(`Bearer ${issuer().sign(claims)}`)).toStrictEqual({
    refusal: undefined,
    state: {
      user: { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: 't' },
      authInfo: { claims: expect.objectContaining(claims) },
    },
  });
});

it("stores the user of GenAuth's user info with userClaims: 'userinfo'", async () => {
  issuer().reply(USER_INFO_PATH, { body: { sub: SUBJECT, email: 'alice@example.com' } });
  const guard = createGuard({}, { userClaims: 'userinfo', scope: ['openid', 'email'] });
  const { state } = await guard(bearer(issuer()));
  expect(state.user).toEqual({ sub: SUBJECT, email: 'alice@example.com', email_verified: false });
});

it.each<[string, () => string | undefined, object]>([
  ['no token', () => undefined, { status: 401, body: { code: 'token_missing' } }],
  ['another scheme', () => 'Basic YTpi', { status: 401, body: { code: 'token_missing' } }],
  ['a malformed header', () => 'Bearer a.b.c d.e.f', { status: 401, body: { code: 'invalid_token' } }],
  ['a token that is no JWT', () => 'Bearer x', { status: 401, body: { code: 'invalid_token' } }],
  [
    'an expired token',
    () => bearer(issuer(), { iat: 1000, exp: 2000 }),
    { status: 401, body: { code: 'invalid_token' } },
  ],
  [
    'an id_token',
    () => `Bearer ${issuer().sign(issuer().idTokenClaims())}`,
    { status: 401, body: { code: 'invalid_token' } },
  ],
])('refuses %s and leaves the request unchanged', async (_title, authorization, refusal) => {
  expect(await createGuard()(authorization())).toMatchObject({ refusal, state: UNCHANGED });
});

it('refuses a token with upstream_unavailable if the key set cannot be loaded', async () => {
  issuer().reply(JWKS_PATH, { status: 500 });
  expect(await createGuard()(bearer(issuer()))).toMatchObject({
    refusal: {
      action: 'error',
      status: 503,
      headers: { 'retry-after': '5' },
      body: { statusCode: 503, code: 'upstream_unavailable' },
    },
    state: UNCHANGED,
  });
});

describe('requirements', () => {
  const requirements: Partial<RouteRequirements> = {
    scopes: { mode: 'all', names: ['email'] },
    roles: { mode: 'any', names: ['admin'] },
    tenant: (req) => String(req.headers['x-tenant']),
  };
  const CLAIMS = { scope: 'openid email', roles: ['admin'], tenant_id: 'tenant-1' };

  it('are met by a token with the scope, the role and the tenant', async () => {
    const guarded = await createGuard(requirements)(bearer(issuer(), CLAIMS), { 'x-tenant': 'tenant-1' });
    expect(guarded).toMatchObject(PASSED);
    expect(issuer().count(USER_INFO_PATH)).toBe(0);
  });

  it.each([
    ['a scope', { scope: 'openid' }, 'insufficient_scope'],
    ['a role', { roles: [] }, 'insufficient_role'],
    ['the tenant', { tenant_id: 'tenant-2' }, 'tenant_mismatch'],
  ])('refuse a token without %s', async (_title, changes, code) => {
    const authorization = bearer(issuer(), { ...CLAIMS, ...changes });
    const guarded = await createGuard(requirements)(authorization, { 'x-tenant': 'tenant-1' });
    expect(guarded).toMatchObject({ refusal: { status: 403, body: { code } }, state: UNCHANGED });
  });

  it.each([
    ['tenant-1', PASSED],
    ['tenant-2', { refusal: { status: 403, body: { code: 'tenant_mismatch' } }, state: UNCHANGED }],
  ])('wait for user info if the token has no tenant: %s', async (tenant, guarded) => {
    issuer().reply(USER_INFO_PATH, { body: { sub: SUBJECT, tenant_id: 'tenant-1' } });
    expect(await createGuard({ tenant: async () => tenant })(bearer(issuer()))).toMatchObject(guarded);
  });

  it.each([new TypeError('of the application'), undefined, 'route'])(
    'throw %s of the function tenant',
    async (thrown) => {
      const guard = createGuard({ tenant: () => Promise.reject(thrown) });
      const failed = guard(bearer(issuer(), CLAIMS)).catch((error: unknown) => [error]);
      await expect(failed).resolves.toEqual([thrown]);
    },
  );
});

describe('an optional route', () => {
  it.each([undefined, 'Basic YTpi'])('lets a request with Authorization %s pass without a user', async (header) => {
    expect(await createGuard({ optional: true })(header)).toStrictEqual({
      refusal: undefined,
      state: { user: undefined, authInfo: undefined },
    });
  });

  it('stores the user of a valid token', async () => {
    expect(await createGuard({ optional: true })(bearer(issuer()))).toMatchObject(PASSED);
  });

  it.each([
    ['the scheme only', () => 'Bearer'],
    ['a quoted token', () => 'Bearer "a.b.c"'],
    ['an expired token', () => bearer(issuer(), { iat: 1000, exp: 2000 })],
  ])('refuses %s', async (_title, authorization) => {
    const refusal = { status: 401, body: { code: 'invalid_token' } };
    expect(await createGuard({ optional: true })(authorization())).toMatchObject({ refusal, state: UNCHANGED });
  });
});

describe('introspection', () => {
  it.each<[string, object, object]>([
    ['an active token', { active: true }, PASSED],
    ['a revoked token', { active: false }, { refusal: { status: 401, body: { code: 'invalid_token' } } }],
    ['an answer without active', {}, { refusal: { status: 502, body: { code: 'upstream_invalid_response' } } }],
    [
      'a wrong secret',
      { error: 'invalid_client' },
      { refusal: { status: 500, body: { code: 'configuration_error' } } },
    ],
  ])('answers %s', async (_title, body, guarded) => {
    issuer().reply(INTROSPECTION_PATH, { body });
    expect(await createGuard({ introspect: 0 })(bearer(issuer()))).toMatchObject(guarded);
  });

  it('reuses a result until its maximum age', async () => {
    const guard = createGuard({ introspect: 1000 });
    const token = bearer(issuer(), { exp: Math.floor(now / 1000) + 3600 });
    issuer().reply(INTROSPECTION_PATH, { body: { active: true } });
    await guard(token);
    issuer().reply(INTROSPECTION_PATH, { body: { active: false } });
    now += 999;
    expect(await guard(token)).toMatchObject(PASSED);
    now += 1;
    expect(await guard(token)).toMatchObject({ refusal: { status: 401 } });
    expect(issuer().count(INTROSPECTION_PATH)).toBe(2);
  });

  it('is not requested without the requirement, and not for a token that is not valid', async () => {
    await createGuard()(bearer(issuer()));
    await createGuard({ introspect: 0 })(bearer(issuer(), { aud: 'other' }));
    expect(issuer().count(INTROSPECTION_PATH)).toBe(0);
  });
});

it.each([
  [undefined, '请提供访问令牌。'],
  ['en', 'An access token is required.'],
] as const)('answers Accept-Language zh with the option language %s', async (language, message) => {
  const { refusal } = await createGuard({}, { language })(undefined, { 'accept-language': 'zh' });
  expect(refusal?.body.message).toBe(message);
});

it('guards many requests at once, each with its own user', async () => {
  const guard = createGuard();
  const subjects = Array.from({ length: 50 }, (_, i) => `user-${i}`);
  const guarded = await Promise.all(subjects.map((sub) => guard(bearer(issuer(), { sub }))));
  expect(guarded.map(({ state }) => state.user)).toMatchObject(subjects.map((sub) => ({ sub })));
  expect(issuer().count(JWKS_PATH)).toBe(1);
});
