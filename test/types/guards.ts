/** Compile-time only: what a route may require, the user behind a token, and the result of a refresh. */
import type { Request } from 'express';
import {
  type BearerUser,
  type GenAuthBearerStrategy,
  GenAuthClient,
  type GenAuthTokenUser,
  type GenAuthUser,
  type RefreshedTokens,
  type RequireAuthOptions,
  genAuthErrorHandler,
  requireAuth,
} from '../../src/index.js';
import { CurrentUser, Introspect, RequireScopes, Roles, Tenant } from '../../src/nest/index.js';
import type { Equal, Expect } from '../support/type-equality.js';

const required = { appId: 'a', appSecret: 's', appHost: 'https://example.genauth.ai' } as const;
const client = new GenAuthClient<'openid' | 'extended_fields', { department: string }>({
  ...required,
  scope: ['openid', 'extended_fields'],
});
declare const text: string;

export const handlers = [
  requireAuth(client),
  genAuthErrorHandler(client),
  requireAuth(required),
  requireAuth({ ...required, scope: ['openid', 'email'] }, { scopes: ['email'] }),
  // @ts-expect-error the options of a client are not a client
  genAuthErrorHandler(required),
  // @ts-expect-error the options of a client must be complete
  requireAuth({ appId: 'a' }),
];

export const requirements: RequireAuthOptions[] = [
  { scopes: { any: ['email', text] }, roles: { all: ['admin'] } },
  { roles: ['admin'], optional: true, introspect: { maxAge: 10_000 } },
  { introspect: true, tenant: (req) => req.headers['x-tenant']?.toString() },
  // A function of Express's request fits, and may return a promise.
  { tenant: async (req: Request<{ tenant: string }>) => req.params.tenant },
  // @ts-expect-error the option is `scopes`
  { scope: ['email'] },
  // @ts-expect-error neither `any` nor `all`
  { scopes: { some: ['email'] } },
  // @ts-expect-error a role is its code
  { roles: [{ code: 'admin' }] },
  // @ts-expect-error a number has no unit
  { introspect: 10_000 },
];

export const decorators = [
  [Roles('admin', text), Roles.all('admin', 'auditor'), RequireScopes('email'), RequireScopes.any('email', 'phone')],
  [Tenant((req: Request) => req.params['tenant']?.toString()), Introspect(), Introspect({ maxAge: 0 }), CurrentUser()],
  // @ts-expect-error an array
  Roles(['admin']),
  // @ts-expect-error a fixed tenant instead of a function
  Tenant('tenant-1'),
];

type WithEmail = GenAuthUser<'openid' | 'email'>;
type UserOfStrategy<Strategy> = Strategy extends { client: GenAuthClient<infer S> } ? BearerUser<S> : never;
export type Bearers = [
  Expect<Equal<BearerUser<'openid' | 'email'>, GenAuthTokenUser | WithEmail>>,
  Expect<Equal<BearerUser, GenAuthTokenUser | GenAuthUser>>,
  Expect<Equal<UserOfStrategy<GenAuthBearerStrategy<'openid'>>, GenAuthTokenUser | { sub: string }>>,
];
declare const bearer: BearerUser<'openid' | 'email'>;
// @ts-expect-error an access token has no e-mail address
export const email: unknown = bearer.email;

const refresh = () => client.refresh('r');
type User = GenAuthUser<'openid' | 'extended_fields', { department: string }>;
export type Refreshes = [
  Expect<Equal<Awaited<ReturnType<typeof refresh>>, RefreshedTokens<User>>>,
  Expect<Equal<RefreshedTokens<WithEmail>['user'], WithEmail | undefined>>,
  // The refresh token is always present, the id_token only if GenAuth sent a new one.
  Expect<Equal<RefreshedTokens['tokens']['refreshToken'], string>>,
  Expect<Equal<RefreshedTokens['tokens']['idToken'], string | undefined>>,
];
