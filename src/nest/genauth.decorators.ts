import { type ExecutionContext, SetMetadata, createParamDecorator } from '@nestjs/common';
import { buildOptionError } from '../core/errors.js';
import type { GenAuthRequest } from '../core/options/types.js';
import type { GenAuthTokenUser, GenAuthUser } from '../core/scopes.js';
import { quote } from '../core/util/quote.js';
import { type TenantResolver, toChoice, toIntrospectionMaxAge, describeIntrospection } from '../web/authorization.js';
import { readRequestContext } from './contexts/read-request-context.js';

/** Keys of the route metadata. */
export const PUBLIC = 'genauth:public';
export const OPTIONAL = 'genauth:optional';
export const SCOPES = 'genauth:scopes';
export const ROLES = 'genauth:roles';
export const TENANT = 'genauth:tenant';
export const INTROSPECT = 'genauth:introspect';

type RouteDecorator = MethodDecorator & ClassDecorator;

/**
 * Opens a route, or all routes of a controller, that a global `GenAuthGuard` would close. The token is not read.
 *
 * A `GenAuthGuard` in `@UseGuards` beside it still guards. So behind a global guard
 * `@Public() @UseGuards(GenAuthGuard.named('staff'))` takes the tokens of the application `staff`.
 */
export const Public = (): RouteDecorator => SetMetadata(PUBLIC, true);

/**
 * Lets a request without a token through, without a user. A wrong token is still refused. `@OptionalAuth()` is ignored
 * when the route also requires a scope, a role or a tenant.
 */
export const OptionalAuth = (): RouteDecorator => SetMetadata(OPTIONAL, true);

/**
 * Requires all of these scopes in the token, `RequireScopes.any(…)` one of them. `GenAuthGuard` reads this and the
 * other decorators. A decorator on a method overrides the same decorator on its class.
 *
 * @throws ConfigurationError without names, or for a name that cannot be a scope.
 */
export const RequireScopes = Object.assign(
  (...scopes: string[]): RouteDecorator => SetMetadata(SCOPES, toChoice('scope', 'all', scopes)),
  { any: (...scopes: string[]): RouteDecorator => SetMetadata(SCOPES, toChoice('scope', 'any', scopes)) },
);

/**
 * Requires one of these roles of the user, by their code, `Roles.all(…)` all of them. GenAuth's access tokens hold no
 * roles, so the guard asks GenAuth's user info.
 *
 * @throws ConfigurationError without names.
 */
export const Roles = Object.assign(
  (...roles: string[]): RouteDecorator => SetMetadata(ROLES, toChoice('role', 'any', roles)),
  { all: (...roles: string[]): RouteDecorator => SetMetadata(ROLES, toChoice('role', 'all', roles)) },
);

/**
 * Requires that the user belongs to the tenant that the request targets: `@Tenant((req) => req.params.tenant)`.
 *
 * @param resolve - Returns the tenant's ID or a promise of it. Returning `undefined` denies access.
 * @throws ConfigurationError if `resolve` is not a function.
 */
export const Tenant = <Request = GenAuthRequest>(
  resolve: (req: Request) => ReturnType<TenantResolver>,
): RouteDecorator => {
  if (typeof resolve === 'function') return SetMetadata(TENANT, resolve);
  throw buildOptionError({
    option: '@Tenant',
    problem: `got ${quote(resolve)}`,
    fix: 'write @Tenant((req) => req.params.tenant)',
  });
};

/** Options of `@Introspect`. */
export interface IntrospectOptions {
  /** How long an answer of GenAuth is reused, in milliseconds. With 0 the guard asks GenAuth on each request. */
  maxAge: number;
}

/**
 * Asks GenAuth whether the token was revoked ([RFC 7662](https://www.rfc-editor.org/rfc/rfc7662)), for routes that
 * cannot wait until it expires. `@Introspect()` reuses an answer for 10,000 ms, `@Introspect({ maxAge: 5_000 })` for
 * 5,000 ms.
 *
 * @throws ConfigurationError if `maxAge` is not a whole number of milliseconds, 0 or more.
 */
export const Introspect = (options?: IntrospectOptions): RouteDecorator => {
  const maxAge = toIntrospectionMaxAge(options === undefined ? true : options);
  if (maxAge !== undefined) return SetMetadata(INTROSPECT, maxAge);
  const fix = 'write @Introspect(), or @Introspect({ maxAge: 5_000 }) with whole milliseconds, 0 or more';
  throw buildOptionError({ option: '@Introspect', problem: `got ${describeIntrospection(options)}`, fix });
};

/** The claims that editors complete. Other names are accepted, too. */
type Claim = keyof GenAuthUser | keyof GenAuthTokenUser | (string & {});

/**
 * The user of the request, or one of its claims: `@CurrentUser() user`, `@CurrentUser('email') email`. `undefined` on a
 * route without a guard, and for an anonymous request on a route with `@OptionalAuth()`.
 */
export const CurrentUser: (claim?: Claim) => ParameterDecorator = createParamDecorator(
  (claim: string | undefined, context: ExecutionContext): unknown => {
    const { user } = readRequestContext(context).state;
    return claim === undefined ? user : (user as Record<string, unknown> | undefined)?.[claim];
  },
);

/** The facts of the sign-in or the token that are not the user's: tokens, all claims, GenAuth's request ID. */
export const AuthInfo: () => ParameterDecorator = createParamDecorator(
  (_: undefined, context: ExecutionContext): unknown => readRequestContext(context).state.authInfo,
);
