import { type ExecutionContext, SetMetadata, createParamDecorator } from '@nestjs/common';
import { ConfigurationError } from '../core/errors.js';
import { quote } from '../core/util/quote.js';
import type { GenAuthRequest } from '../core/options/types.js';
import type { GenAuthTokenUser, GenAuthUser } from '../core/scopes.js';
import { type TenantResolver, toChoice } from '../web/authorization.js';
import { readRequestContext } from './contexts/request-context.js';

/** Metadata keys. */
export const PUBLIC = 'genauth:public';
export const OPTIONAL = 'genauth:optional';
export const SCOPES = 'genauth:scopes';
export const ROLES = 'genauth:roles';
export const TENANT = 'genauth:tenant';
export const INTROSPECT = 'genauth:introspect';

type RouteDecorator = MethodDecorator & ClassDecorator;

/** Opens a route, or all routes of a controller, where `GenAuthGuard` stands before everything. No token is looked at. */
export const Public = (): RouteDecorator => SetMetadata(PUBLIC, true);

/**
 * Lets requests without a token through, without a user. A token that is wrong is refused all the same. Beside `@RequireScopes`,
 * `@Roles` or `@Tenant` it counts for nothing: nobody can be asked for a role and be nobody.
 */
export const OptionalAuth = (): RouteDecorator => SetMetadata(OPTIONAL, true);

/**
 * The token must have all of these scopes; `RequireScopes.any(…)`: one of them. Like all of these marks it is `GenAuthGuard` that reads
 * it, and one on a handler replaces that of its class.
 *
 * @throws ConfigurationError without names, or for what is not a scope.
 */
export const RequireScopes = Object.assign(
  (...scopes: string[]): RouteDecorator => SetMetadata(SCOPES, toChoice('scope', 'all', scopes)),
  { any: (...scopes: string[]): RouteDecorator => SetMetadata(SCOPES, toChoice('scope', 'any', scopes)) },
);

/**
 * The person must have one of these roles, by their code; `Roles.all(…)`: all of them. GenAuth's access tokens hold no roles, so they
 * come from its user info.
 *
 * @throws ConfigurationError without names.
 */
export const Roles = Object.assign(
  (...roles: string[]): RouteDecorator => SetMetadata(ROLES, toChoice('role', 'any', roles)),
  { all: (...roles: string[]): RouteDecorator => SetMetadata(ROLES, toChoice('role', 'all', roles)) },
);

/**
 * The person must be of the tenant that the request is about: `@Tenant((req) => req.params.tenant)`.
 *
 * @param resolve - Gives the tenant's ID, or a promise of it; nothing, and the request is refused.
 */
export const Tenant = <Request = GenAuthRequest>(
  resolve: (req: Request) => ReturnType<TenantResolver>,
): RouteDecorator => {
  if (typeof resolve === 'function') return SetMetadata(TENANT, resolve);
  throw new ConfigurationError('invalid_options', `@Tenant got ${quote(resolve)}: write a function of the request.`);
};

/**
 * Asks GenAuth whether the token was revoked (RFC 7662), for routes that cannot wait until it expires.
 *
 * @param maxAge - Milliseconds that an earlier answer counts. Default: 10,000; with 0 each request asks.
 */
export const Introspect = (maxAge = 10_000): RouteDecorator => {
  if (Number.isInteger(maxAge) && maxAge >= 0) return SetMetadata(INTROSPECT, maxAge);
  throw new ConfigurationError('invalid_options', `@Introspect got ${quote(maxAge)}: write milliseconds, 0 or more.`);
};

/** Names of claims, for completion; others are taken too. */
type Claim = keyof GenAuthUser | keyof GenAuthTokenUser | (string & {});

/**
 * The user of the request, or one claim of it: `@CurrentUser() user`, `@CurrentUser('email') email`. `undefined` on routes
 * that nobody guards.
 */
export const CurrentUser: (claim?: Claim) => ParameterDecorator = createParamDecorator(
  (claim: string | undefined, context: ExecutionContext): unknown => {
    const { user } = readRequestContext(context).state;
    return claim === undefined ? user : (user as Record<string, unknown> | undefined)?.[claim];
  },
);

/** What belongs to the sign-in or the token and not to the user: tokens, all claims, GenAuth's request ID. */
export const AuthInfo: () => ParameterDecorator = createParamDecorator(
  (_: undefined, context: ExecutionContext): unknown => readRequestContext(context).state.authInfo,
);
