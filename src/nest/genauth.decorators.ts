import { type ExecutionContext, SetMetadata, createParamDecorator } from '@nestjs/common';
import { buildOptionError } from '../core/errors.js';
import type { GenAuthRequest } from '../core/options/types.js';
import type { GenAuthTokenUser, GenAuthUser } from '../core/scopes.js';
import { quote } from '../core/util/quote.js';
import { type TenantResolver, toChoice, toIntrospectionMaxAge, describeIntrospection } from '../web/authorization.js';
import { readRequestContext } from './contexts/read-request-context.js';

/** Metadata keys under which the decorators store their values. */
export const PUBLIC = 'genauth:public';
export const OPTIONAL = 'genauth:optional';
export const SCOPES = 'genauth:scopes';
export const ROLES = 'genauth:roles';
export const TENANT = 'genauth:tenant';
export const INTROSPECT = 'genauth:introspect';

type RouteDecorator = MethodDecorator & ClassDecorator;

/**
 * Opens a route, or all routes of a controller, that the global `GenAuthGuard` would otherwise guard. The guard then
 * ignores the token. A subclass of the controller does not inherit `@Public()`.
 *
 * A `GenAuthGuard` in `@UseGuards` on the same route still guards it. So behind a global guard
 * `@Public() @UseGuards(GenAuthGuard.named('staff'))` accepts only the tokens of the application `staff`.
 *
 * @example
 * ```ts
 * import { Controller, Get } from '@nestjs/common';
 * import { Public } from 'passport-genauth/nest';
 *
 * @Controller()
 * export class HealthController {
 *   @Public()
 *   @Get('health')
 *   health(): string {
 *     return 'ok';
 *   }
 * }
 * ```
 */
export const Public = (): RouteDecorator => SetMetadata(PUBLIC, true);

/**
 * Lets a request without a token pass, without a user. A token that is not valid is still refused. `@OptionalAuth()` is
 * ignored if the route also requires a scope, a role or a tenant. A subclass of the controller does not inherit it.
 */
export const OptionalAuth = (): RouteDecorator => SetMetadata(OPTIONAL, true);

/**
 * `@RequireScopes('email', 'phone')` requires all of these scopes in the access token.
 * `@RequireScopes.any('email', 'phone')` requires at least one of them. If they are missing, the response is 403
 * `insufficient_scope` ([RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)).
 *
 * `GenAuthGuard` reads this decorator. On a method it overrides the same decorator on the class.
 *
 * @throws ConfigurationError if no name is given, or if a name cannot be a scope.
 *
 * @example
 * ```ts
 * import { Controller, Get } from '@nestjs/common';
 * import { RequireScopes } from 'passport-genauth/nest';
 *
 * @Controller('orders')
 * export class OrdersController {
 *   @RequireScopes('email')
 *   @Get()
 *   list(): string[] {
 *     return [];
 *   }
 * }
 * ```
 */
export const RequireScopes = Object.assign(
  (...scopes: string[]): RouteDecorator => SetMetadata(SCOPES, toChoice('scope', 'all', scopes)),
  { any: (...scopes: string[]): RouteDecorator => SetMetadata(SCOPES, toChoice('scope', 'any', scopes)) },
);

/**
 * `@Roles('admin', 'editor')` requires that the user has at least one of these roles, by their codes.
 * `@Roles.all('admin', 'editor')` requires all of them. If they are missing, the response is 403 `insufficient_role`.
 *
 * GenAuth's access tokens hold no roles, so the guard reads them from GenAuth's user info, cached for `userInfoMaxAge`.
 * The token must have the scope `roles`.
 *
 * `GenAuthGuard` reads this decorator. On a method it overrides the same decorator on the class.
 *
 * @throws ConfigurationError if no name is given, or if a name is empty.
 *
 * @example
 * ```ts
 * import { Controller, Get } from '@nestjs/common';
 * import { CurrentUser, Roles } from 'passport-genauth/nest';
 *
 * @Roles('admin')
 * @Controller('admin')
 * export class AdminController {
 *   @Get()
 *   show(@CurrentUser('sub') sub: string): object {
 *     return { admin: sub };
 *   }
 * }
 * ```
 */
export const Roles = Object.assign(
  (...roles: string[]): RouteDecorator => SetMetadata(ROLES, toChoice('role', 'any', roles)),
  { all: (...roles: string[]): RouteDecorator => SetMetadata(ROLES, toChoice('role', 'all', roles)) },
);

/**
 * Requires that the user belongs to the tenant that the request targets. Otherwise the response is 403
 * `tenant_mismatch`. If the token has no claim `tenant_id`, the guard reads it from GenAuth's user info.
 *
 * `GenAuthGuard` reads this decorator. On a method it overrides the same decorator on the class.
 *
 * @param resolve - Returns the ID of the tenant, or a promise of it. Returning `undefined` denies access.
 * @throws ConfigurationError if `resolve` is not a function.
 *
 * @example
 * ```ts
 * import { Controller, Get } from '@nestjs/common';
 * import { Tenant } from 'passport-genauth/nest';
 *
 * @Controller('tenants/:tenant')
 * export class TenantController {
 *   @Tenant((req: { params: { tenant: string } }) => req.params.tenant)
 *   @Get('orders')
 *   orders(): string[] {
 *     return [];
 *   }
 * }
 * ```
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
  /**
   * How long the guard reuses a result, in milliseconds (a whole number, 0 or more). With 0 it asks GenAuth on each
   * request. Default of `@Introspect()` without options: 10,000.
   */
  maxAge: number;
}

/**
 * Asks GenAuth whether the token was revoked ([RFC 7662](https://www.rfc-editor.org/rfc/rfc7662)). Use it on routes
 * that cannot wait until a revoked token expires. `@Introspect()` reuses a result for 10,000 ms,
 * `@Introspect({ maxAge: 5_000 })` for 5,000 ms.
 *
 * `GenAuthGuard` reads this decorator. On a method it overrides the same decorator on the class.
 *
 * @throws ConfigurationError if `maxAge` is not a whole number of milliseconds, 0 or more.
 */
export const Introspect = (options?: IntrospectOptions): RouteDecorator => {
  const maxAge = toIntrospectionMaxAge(options === undefined ? true : options);
  if (maxAge !== undefined) return SetMetadata(INTROSPECT, maxAge);
  const fix = 'write @Introspect(), or @Introspect({ maxAge: 5_000 }) with whole milliseconds, 0 or more';
  throw buildOptionError({ option: '@Introspect', problem: `got ${describeIntrospection(options)}`, fix });
};

/** Names of claims, so that editors can complete them. Other names are also accepted. */
type Claim = keyof GenAuthUser | keyof GenAuthTokenUser | (string & {});

/**
 * Injects the user of the request, or one claim of the user. After a login the user is a `GenAuthUser`, on a guarded
 * route a `BearerUser`. The value is `undefined` on a route without a guard, and for a request without a token on a
 * route with `@OptionalAuth()`.
 *
 * @example
 * ```ts
 * import { Controller, Get } from '@nestjs/common';
 * import type { GenAuthTokenUser } from 'passport-genauth';
 * import { CurrentUser } from 'passport-genauth/nest';
 *
 * @Controller('me')
 * export class MeController {
 *   @Get()
 *   show(@CurrentUser() user: GenAuthTokenUser, @CurrentUser('sub') sub: string): object {
 *     return { user, sub };
 *   }
 * }
 * ```
 */
export const CurrentUser: (claim?: Claim) => ParameterDecorator = createParamDecorator(
  (claim: string | undefined, context: ExecutionContext): unknown => {
    const { user } = readRequestContext(context).state;
    return claim === undefined ? user : (user as Record<string, unknown> | undefined)?.[claim];
  },
);

/**
 * Injects `req.authInfo`: after a login a `SignInInfo` with the tokens, all claims and GenAuth's request ID, on a
 * guarded route a `BearerInfo` with the claims of the access token. `undefined` on a route without a guard.
 *
 * @example
 * ```ts
 * import { Controller, Post, UseGuards } from '@nestjs/common';
 * import type { SignInInfo } from 'passport-genauth';
 * import { AuthInfo, GenAuthPasswordGuard } from 'passport-genauth/nest';
 *
 * @Controller()
 * export class LoginController {
 *   @UseGuards(GenAuthPasswordGuard)
 *   @Post('login')
 *   login(@AuthInfo() { tokens }: SignInInfo): object {
 *     return { accessToken: tokens.accessToken };
 *   }
 * }
 * ```
 */
export const AuthInfo: () => ParameterDecorator = createParamDecorator(
  (_: undefined, context: ExecutionContext): unknown => readRequestContext(context).state.authInfo,
);
