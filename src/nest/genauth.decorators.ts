import { type ExecutionContext, SetMetadata, createParamDecorator } from '@nestjs/common';
import { buildOptionError } from '../core/errors.js';
import type { GenAuthHttpRequest } from '../core/options/types.js';
import type { GenAuthTokenUser, GenAuthUser } from '../core/scopes.js';
import { quote } from '../core/util/quote.js';
import { type TenantResolver, toChoice, toIntrospectionMaxAge, describeIntrospection } from '../web/authorization.js';
import type { RequestState } from '../web/guard-request.js';
import { recallUser } from './answer-by-exception.js';
import { findApplication } from './applications.js';
import { readRequestContext } from './contexts/read-request-context.js';
import { recallContext } from './contexts/request-context.js';

// The metadata keys under which the decorators of this file store their values.
/** Metadata key of `@Public()`. The value is `true`. */
export const PUBLIC = 'genauth:public';
/** Metadata key of `@OptionalAuth()`. The value is `true`. */
export const OPTIONAL = 'genauth:optional';
/** Metadata key of `@RequireScopes()`. The value is a `Choice`. */
export const SCOPES = 'genauth:scopes';
/** Metadata key of `@Roles()`. The value is a `Choice`. */
export const ROLES = 'genauth:roles';
/** Metadata key of `@Tenant()`. The value is a `TenantResolver`. */
export const TENANT = 'genauth:tenant';
/** Metadata key of `@Introspect()`. The value is the maximum age in milliseconds. */
export const INTROSPECT = 'genauth:introspect';

/** A decorator for a method or for a class. */
type RouteDecorator = MethodDecorator & ClassDecorator;

/** The decorator of each metadata key, for messages. */
export const DECORATOR_NAMES: Readonly<Record<string, string>> = {
  [PUBLIC]: '@Public()',
  [OPTIONAL]: '@OptionalAuth()',
  [SCOPES]: '@RequireScopes()',
  [ROLES]: '@Roles()',
  [TENANT]: '@Tenant()',
  [INTROSPECT]: '@Introspect()',
};

/** A method that has a decorator of this file: the function that the decorator has seen, and the decorator's key. */
export interface DecoratedMethod {
  prototype: object;
  method: string | symbol;
  handler: unknown;
  key: string;
}

/** The decorated methods, by the prototype of their class. */
const decorated = new WeakMap<object, DecoratedMethod[]>();

/** Returns the decorated methods of a class. Methods of its parent classes are not included. */
export function listDecoratedMethods(prototype: object): readonly DecoratedMethod[] {
  return decorated.get(prototype) ?? [];
}

/**
 * Stores metadata on a method or a class. If another decorator replaces the method later, the metadata is lost. So the
 * function that is decorated is remembered, and the check at the start compares it with the function of the class.
 */
function setMetadata(key: string, value: unknown): RouteDecorator {
  const set = SetMetadata(key, value);
  const decorate = (target: object, method?: string | symbol, descriptor?: TypedPropertyDescriptor<never>): void => {
    if (method === undefined || descriptor === undefined) return void (set as (target: object) => unknown)(target);
    decorated.set(target, [
      ...listDecoratedMethods(target),
      { prototype: target, method, handler: descriptor.value, key },
    ]);
    set(target, method, descriptor);
  };
  return decorate as RouteDecorator;
}

/**
 * Opens a route, or all routes of a controller. Without `@Public()` the global `GenAuthGuard` would guard them. The
 * global guard ignores the access token of a request to an open route. A subclass of the controller does not inherit
 * the `@Public()` of its parent class. A method that it inherits keeps its own `@Public()`.
 *
 * A `GenAuthGuard` in `@UseGuards` on the same route still guards the route. So if a global guard exists,
 * `@Public() @UseGuards(GenAuthGuard.named('staff'))` accepts only the access tokens of the GenAuth application
 * `staff`.
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
export const Public = (): RouteDecorator => setMetadata(PUBLIC, true);

/**
 * Lets a request without an access token pass, without a user. A request with a token that is not valid is still
 * refused. `@OptionalAuth()` is ignored if the route also requires a scope, a role or a tenant. A subclass of the
 * controller does not inherit `@OptionalAuth()`.
 */
export const OptionalAuth = (): RouteDecorator => setMetadata(OPTIONAL, true);

/**
 * `@RequireScopes('email', 'phone')` requires both scopes in the access token. `@RequireScopes.any('email', 'phone')`
 * requires at least one of the two scopes. If the requirement is not met, the response has the HTTP status 403 and the
 * code `insufficient_scope` ([RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)).
 *
 * `GenAuthGuard` reads this decorator. A decorator on a method overrides the same decorator on the class.
 *
 * @throws ConfigurationError if no scope is given, or if a string is not a valid scope.
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
  (...scopes: string[]): RouteDecorator => setMetadata(SCOPES, toChoice('scope', 'all', scopes)),
  { any: (...scopes: string[]): RouteDecorator => setMetadata(SCOPES, toChoice('scope', 'any', scopes)) },
);

/**
 * `@Roles('admin', 'editor')` requires that the user has at least one of the two roles. `@Roles.all('admin', 'editor')`
 * requires both roles. The strings are the codes of the roles. If the requirement is not met, the response has the HTTP
 * status 403 and the code `insufficient_role`.
 *
 * GenAuth's access tokens contain no roles, so the guard reads the roles from GenAuth's user info. User info is cached
 * for the time of the client's option `userInfoMaxAge`. The access token must have the scope `roles`.
 *
 * `GenAuthGuard` reads this decorator. A decorator on a method overrides the same decorator on the class.
 *
 * @throws ConfigurationError if no role is given, or if a role is an empty string.
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
  (...roles: string[]): RouteDecorator => setMetadata(ROLES, toChoice('role', 'any', roles)),
  { all: (...roles: string[]): RouteDecorator => setMetadata(ROLES, toChoice('role', 'all', roles)) },
);

/**
 * Requires that the user belongs to the tenant whose data the request asks for. If the user belongs to another tenant,
 * the response has the HTTP status 403 and the code `tenant_mismatch`. If the access token has no claim `tenant_id`,
 * the guard reads this claim from GenAuth's user info.
 *
 * `GenAuthGuard` reads this decorator. A decorator on a method overrides the same decorator on the class.
 *
 * @param resolve - A function that receives the request and returns the ID of the tenant or a promise of the ID. If the
 * ID is `undefined`, access is denied.
 * @throws ConfigurationError if `resolve` is not a function.
 *
 * @example
 * ```ts
 * import { Controller, Get } from '@nestjs/common';
 * import { Tenant } from 'passport-genauth/nest';
 *
 * @Controller('tenants/:tenant')
 * export class TenantController {
 *   @Tenant((req) => req.params.tenant)
 *   @Get('orders')
 *   orders(): string[] {
 *     return [];
 *   }
 * }
 * ```
 */
export const Tenant = <Request = GenAuthHttpRequest>(
  resolve: (req: Request) => ReturnType<TenantResolver>,
): RouteDecorator => {
  if (typeof resolve === 'function') return setMetadata(TENANT, resolve);
  throw buildOptionError({
    option: '@Tenant',
    problem: `got ${quote(resolve)}`,
    fix: 'write @Tenant((req) => req.params.tenant)',
  });
};

/** Options of `@Introspect`. */
export interface IntrospectOptions {
  /**
   * How long the guard reuses GenAuth's result, in milliseconds (a whole number, 0 or more). With 0 the guard asks
   * GenAuth for each request. `@Introspect()` without options has the value 10,000.
   */
  maxAge: number;
}

/**
 * Asks GenAuth whether the access token was revoked ([RFC 7662](https://www.rfc-editor.org/rfc/rfc7662)). Use this
 * decorator on routes that must refuse a revoked token before the token expires. `@Introspect()` reuses GenAuth's
 * result for 10,000 ms, `@Introspect({ maxAge: 5_000 })` for 5,000 ms.
 *
 * `GenAuthGuard` reads this decorator. A decorator on a method overrides the same decorator on the class.
 *
 * @throws ConfigurationError if `maxAge` is not a whole number of milliseconds, 0 or more.
 */
export const Introspect = (options?: IntrospectOptions): RouteDecorator => {
  const maxAge = toIntrospectionMaxAge(options === undefined ? true : options);
  if (maxAge !== undefined) return setMetadata(INTROSPECT, maxAge);
  const fix = 'write @Introspect(), or @Introspect({ maxAge: 5_000 }) with whole milliseconds, 0 or more';
  throw buildOptionError({ option: '@Introspect', problem: `got ${describeIntrospection(options)}`, fix });
};

/** The names of known claims, which an editor can complete. Names of other claims are also accepted. */
type Claim = keyof GenAuthUser | keyof GenAuthTokenUser | (string & {});

/**
 * Injects the user of the request, or one claim of the user. On a login route the user is a `GenAuthUser`, on a guarded
 * route a `BearerUser`. The value is `undefined` on a route without a guard. It is also `undefined` on a route with
 * `@OptionalAuth()` if the request has no access token.
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
    const { user } = readState(context);
    return claim === undefined ? user : (user as Record<string, unknown> | undefined)?.[claim];
  },
);

/**
 * Injects `req.authInfo`. On a login route it is a `SignInInfo` with the tokens, all claims and GenAuth's request ID.
 * On a guarded route it is a `BearerInfo` with the claims of the access token. On a route without a guard it is
 * `undefined`.
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
  (_: undefined, context: ExecutionContext): unknown => readState(context).authInfo,
);

/**
 * Returns the object from which `@CurrentUser()` and `@AuthInfo()` read. `PassportModule.register({ property })` lets
 * `AuthGuard` put the user on another property of the request than `user`.
 */
function readState(context: ExecutionContext): RequestState {
  const { request, state } = recallContext(context) ?? readRequestContext(context);
  const recalled = recallUser(request);
  const authInfo = state.authInfo ?? recalled?.info;
  // `AuthGuard` also puts `null` there, if its method `handleRequest` returns no user.
  const property = [...(findApplication(request)?.userProperties ?? [])].find((name) => Object.hasOwn(request, name));
  const isElsewhere = property !== undefined && (recalled !== undefined || state.user === undefined);
  if (!isElsewhere) {
    // On Fastify a middleware such as `requireAuth` puts the user on the request of Node.js.
    const { raw } = request as { raw?: RequestState };
    const others = recalled ?? raw;
    return Object.hasOwn(state, 'user') ? state : { user: others?.user, authInfo: authInfo ?? raw?.authInfo };
  }
  return { user: (request as unknown as Record<string, unknown>)[property], authInfo };
}
