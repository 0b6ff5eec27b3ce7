/** Compile-time only: guarding routes, and what comes of a refresh. */
import type { Request } from 'express';
import {
  type AccessTokenClaims,
  type BearerUser,
  type GenAuthBearerStrategy,
  GenAuthClient,
  type GenAuthOptions,
  type GenAuthTokenUser,
  type GenAuthUser,
  type RefreshedTokens,
  type RequireAuthOptions,
  type TenantResolver,
  defineGenAuthOptions,
  genAuthErrorHandler,
  requireAuth,
} from '../../src/index.js';
import { CurrentUser, Introspect, RequireScopes, Roles, Tenant } from '../../src/nest/index.js';
import type { Equal, Expect } from '../support/type-equality.js';

const required = { appId: 'a', appSecret: 's', appHost: 'https://example.genauth.ai' } as const;
declare const text: string;

// ── What a route asks for ───────────────────────────────────────────────────────────────────────────────────────────

const client = new GenAuthClient({ ...required, scope: ['openid', 'email'] });
export const handlers = [
  requireAuth(client),
  requireAuth(new GenAuthClient<string>(required)),
  requireAuth(new GenAuthClient<'openid', { department: string }>({ ...required, scope: 'openid' })),
  genAuthErrorHandler(),
  genAuthErrorHandler(client),
];

export const asked: RequireAuthOptions[] = [
  {},
  { scopes: ['email'] },
  { scopes: ['email'] as const },
  { scopes: { any: ['email', text] } },
  { scopes: { all: ['email'] }, roles: { all: ['admin'] } },
  { roles: ['admin'], optional: true, introspect: { maxAge: 10_000 } },
  { introspect: true },
  { roles: undefined, scopes: undefined, optional: undefined, introspect: undefined, tenant: undefined },
  { tenant: () => 't' },
  { tenant: async () => undefined },
  { tenant: (req) => req.headers['x-tenant']?.toString() },
  // Express's own request, and a header that may be missing.
  { tenant: (req: Request) => req.get('x-tenant') },
  { tenant: async (req: Request<{ tenant: string }>) => req.params.tenant },
];

export const mistaken: RequireAuthOptions[] = [
  // @ts-expect-error one scope is a list of one
  { scopes: 'email' },
  // @ts-expect-error in the plural
  { scope: ['email'] },
  // @ts-expect-error in the plural
  { role: ['admin'] },
  // @ts-expect-error neither any nor all
  { scopes: { some: ['email'] } },
  // @ts-expect-error a Set
  { roles: new Set(['admin']) },
  // @ts-expect-error null is not "none"
  { roles: null },
  // @ts-expect-error a role that is an object: write its code
  { roles: [{ code: 'admin' }] },
  // @ts-expect-error a number says neither a unit nor a policy
  { introspect: 10_000 },
  // @ts-expect-error leave it out
  { introspect: false },
  // @ts-expect-error a flag
  { optional: 'false' },
  // @ts-expect-error a tenant that is fixed: write the function
  { tenant: 'tenant-1' },
  // @ts-expect-error a tenant that is a number
  { tenant: () => 7 },
  // @ts-expect-error a tenant that is null
  { tenant: () => null },
  // @ts-expect-error a list, as Express has it for some headers
  { tenant: (req: Request) => req.headers['set-cookie'] },
  // @ts-expect-error a request of another library
  { tenant: (req: { tenantHeader: number }) => String(req.tenantHeader) },
];

// @ts-expect-error the options of a client are not the client
requireAuth(required);
// @ts-expect-error a client is needed
requireAuth();

export const resolvers: TenantResolver[] = [() => 't', async () => 't', (req: Request) => req.hostname];

export const marks = [
  Roles('admin'),
  Roles('admin', text),
  Roles.all('admin', 'auditor'),
  RequireScopes('email'),
  RequireScopes.any('email', 'phone'),
  Tenant((req) => req.headers['x-tenant']?.toString()),
  Tenant((req: Request) => req.params['tenant']?.toString()),
  Introspect(),
  Introspect({ maxAge: 0 }),
  Introspect({ maxAge: 5_000 }),
  // @ts-expect-error a list
  Roles(['admin']),
  // @ts-expect-error a list
  RequireScopes(['email']),
  // @ts-expect-error any is what Roles is by itself
  Roles.any,
  // @ts-expect-error all is what RequireScopes is by itself
  RequireScopes.all,
  // @ts-expect-error milliseconds
  Introspect('10s'),
  // @ts-expect-error its unit has no name
  Introspect(5_000),
  // @ts-expect-error without an age
  Introspect({}),
  // @ts-expect-error not an option
  Introspect({ maxAge: 5_000, maxage: 5_000 }),
  // @ts-expect-error a decorator needs no true
  Introspect(true),
  // @ts-expect-error a function
  Tenant('tenant-1'),
];

export class Claims {
  whole(@CurrentUser() user: GenAuthUser): unknown {
    return user;
  }
  /** Every claim's name is known, and any other text is taken too. */
  claims(
    @CurrentUser('email') email: string,
    @CurrentUser('phone_number') phone: string,
    @CurrentUser('extended_fields') fields: object,
    @CurrentUser('scope') scope: string[],
    @CurrentUser('tenant_id') tenant: string,
    @CurrentUser('of-our-own') own: unknown,
  ): unknown {
    return [email, phone, fields, scope, tenant, own];
  }
  // @ts-expect-error one claim, not several
  several(@CurrentUser('email', 'name') user: unknown): unknown {
    return user;
  }
  // @ts-expect-error a claim has a name
  nameless(@CurrentUser(5) user: unknown): unknown {
    return user;
  }
}

// ── Who is behind a token ───────────────────────────────────────────────────────────────────────────────────────────

type WithEmail = GenAuthUser<'openid' | 'email'>;
type UserOfStrategy<Strategy> = Strategy extends { client: GenAuthClient<infer S> } ? BearerUser<S> : never;
export type Bearers = [
  Expect<Equal<BearerUser<'openid' | 'email'>, GenAuthTokenUser | WithEmail>>,
  Expect<Equal<BearerUser, GenAuthTokenUser | GenAuthUser>>,
  Expect<Equal<UserOfStrategy<GenAuthBearerStrategy<'openid'>>, GenAuthTokenUser | { sub: string }>>,
  Expect<Equal<BearerUser<'openid'>['sub'], string>>,
];
declare const bearer: BearerUser<'openid' | 'email'>;
// @ts-expect-error an access token alone has no e-mail address
export const email: unknown = bearer.email;
// @ts-expect-error an id_token has no scope
export const scope: unknown = bearer.scope;
export const known: string | null = 'email' in bearer ? bearer.email : bearer.tenant_id;

// ── What a refresh brings ───────────────────────────────────────────────────────────────────────────────────────────

const withFields = new GenAuthClient<'extended_fields', { department: string }>({
  ...required,
  scope: 'extended_fields',
});
const refreshes = { withEmail: () => client.refresh('r'), withFields: () => withFields.refresh('r') };
type Refreshed = RefreshedTokens<WithEmail>;
export type Refreshes = [
  Expect<Equal<Awaited<ReturnType<typeof refreshes.withEmail>>, Refreshed>>,
  Expect<Equal<Refreshed['user'], WithEmail | undefined>>,
  Expect<Equal<Refreshed['claims'], AccessTokenClaims>>,
  // There always is one to keep; a new id_token there may be.
  Expect<Equal<Refreshed['tokens']['refreshToken'], string>>,
  Expect<Equal<Refreshed['tokens']['idToken'], string | undefined>>,
  Expect<Equal<Refreshed['tokens']['accessToken'], string>>,
  Expect<
    Equal<
      NonNullable<Awaited<ReturnType<typeof refreshes.withFields>>['user']>['extended_fields'],
      { department: string } | null
    >
  >,
];
declare const refreshed: Refreshed;
// @ts-expect-error without a new id_token there is no user
export const address: unknown = refreshed.user.email;
// @ts-expect-error phone was not asked for
export const phone: unknown = refreshed.user?.phone_number;

// ── A scope for one sign-in is one of those that are configured ─────────────────────────────────────────────────────

export const narrowed = [
  new GenAuthClient({ ...required, scope: ['openid', 'email'], signInOptions: { scope: 'openid' } }),
  new GenAuthClient({ ...required, scope: ['openid', 'email'], signInOptions: { scope: ['openid', 'email'] } }),
  new GenAuthClient({ ...required, scope: ['openid', 'email'], signInOptions: () => ({ scope: ['openid'] }) }),
  new GenAuthClient({ ...required, scope: ['openid', 'email'], signInOptions: async () => ({ scope: 'email' }) }),
  new GenAuthClient({ ...required, scope: 'openid email', signInOptions: { scope: ['openid', 'email'] } }),
  new GenAuthClient({ ...required, scope: 'openid email', signInOptions: { scope: 'openid email' } }),
  new GenAuthClient({ ...required, scope: text, signInOptions: { scope: 'openid anything' } }),
  defineGenAuthOptions({ ...required, scope: ['openid', 'email'], signInOptions: { scope: ['openid'] } }),
  // @ts-expect-error phone is not configured
  new GenAuthClient({ ...required, scope: ['openid', 'email'], signInOptions: { scope: 'phone' } }),
  // @ts-expect-error phone is not configured
  new GenAuthClient({ ...required, scope: ['openid', 'email'], signInOptions: { scope: ['openid', 'phone'] } }),
  // @ts-expect-error phone is not configured
  new GenAuthClient({ ...required, scope: ['openid', 'email'], signInOptions: () => ({ scope: ['openid', 'phone'] }) }),
  // @ts-expect-error phone is not configured
  new GenAuthClient({ ...required, scope: ['openid', 'email'], signInOptions: async () => ({ scope: 'phone' }) }),
  // @ts-expect-error phone is not configured
  new GenAuthClient({ ...required, scope: 'openid email', signInOptions: { scope: ['openid', 'phone'] } }),
  // @ts-expect-error phone is not configured
  defineGenAuthOptions({ ...required, scope: ['openid', 'email'], signInOptions: { scope: ['phone'] } }),
];

/** How guarded routes are set. */
export const set: GenAuthOptions[] = [
  { ...required, userClaims: 'userinfo', userInfoMaxAge: 60_000 },
  { ...required, verifiedTokenCache: false },
  { ...required, verifiedTokenCache: { maxEntries: 1 } },
  // @ts-expect-error true says nothing: leave it out
  { ...required, verifiedTokenCache: true },
  // @ts-expect-error another source
  { ...required, userClaims: 'introspection' },
  // @ts-expect-error an id_token is no API credential
  { ...required, bearerToken: 'id_token' },
];
