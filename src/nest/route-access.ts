import type { Reflector } from '@nestjs/core';
import type { RouteRequirements } from '../web/guard-request.js';
import { INTROSPECT, OPTIONAL, PUBLIC, ROLES, SCOPES, TENANT } from './genauth.decorators.js';
import { findGuardRole } from './guard-registry.js';

/**
 * The metadata key under which Nest stores the guards of `@UseGuards`. The main entry point of @nestjs/common does not
 * export this key.
 */
const GUARDS = '__guards__';
/** The metadata keys of the decorators that make a guard check the access token. */
const TOKEN_DECORATORS = [OPTIONAL, SCOPES, ROLES, TENANT, INTROSPECT];

type Target = Parameters<Reflector['get']>[1];

/**
 * The requirements of a `GenAuthGuard` on a route. `open`: no requirement. `RouteRequirements`: an access token is
 * required. If its member `optional` is `true`, a request without an access token also passes.
 */
export type RouteAccess = 'open' | RouteRequirements;

/** The decorators on a route handler or on its controller class, as one guard sees them. */
interface Level {
  /** Whether `@UseGuards` contains a `GenAuthGuard` or an `AuthGuard('…-bearer')` of the same GenAuth application. */
  hasOwnGuard: boolean;
  /** Whether `@UseGuards` contains a `GenAuthGuard` of another GenAuth application. */
  hasOtherGuard: boolean;
  hasLoginGuard: boolean;
  hasTokenDecorator: boolean;
  isPublic: boolean;
  isOptional: boolean;
}

/**
 * Reads the requirements of one `GenAuthGuard` on a route. The guard calls this function for each new route. The
 * OpenAPI module calls it for each documented route.
 *
 * The function first examines the route handler. If no row of this table applies to the handler, it examines the
 * controller class. The first row that applies decides:
 *
 * | decorator                                                               | effect           |
 * | ----------------------------------------------------------------------- | ---------------- |
 * | `@UseGuards` with a `GenAuthGuard` or `AuthGuard('…-bearer')` of `name` | requires a token |
 * | `@RequireScopes`, `@Roles`, `@Tenant`, `@OptionalAuth`, `@Introspect`   | requires a token |
 * | `@Public()`, not inherited from a parent class                          | open             |
 * | `@UseGuards` with a login guard of any name                             | open             |
 *
 * If no row applies to the handler or the controller class, the guard requires an access token.
 *
 * The decorators of the second row belong to the `GenAuthGuard`s in the route's `@UseGuards`. If the route's
 * `@UseGuards` contains no `GenAuthGuard`, they belong to the global guard. A guard ignores decorators that do not
 * belong to it. So if a global guard exists, write `@Public() @UseGuards(GenAuthGuard.named('staff'))` on a route for
 * the access tokens of another GenAuth application. A `@Roles` on the same route is checked by the guard in
 * `@UseGuards`.
 *
 * A required access token must satisfy the nearest `@RequireScopes`, `@Roles`, `@Tenant` and `@Introspect`. A decorator
 * on the handler is nearer than a decorator on the class. `@OptionalAuth()` applies if no guard of the same name is
 * nearer, and if the route requires no scope, role or tenant.
 *
 * @param name - The `name` of the GenAuth application whose tokens the guard accepts.
 * @param targets - The route handler, followed by its controller class.
 */
export function readRouteAccess(
  reflector: Reflector,
  name: string | undefined,
  targets: readonly Target[],
): RouteAccess {
  const levels = targets.map((target) => readLevel(reflector, name, target));
  const ownsDecorators =
    levels.some(({ hasOwnGuard }) => hasOwnGuard) || !levels.some(({ hasOtherGuard }) => hasOtherGuard);
  if (isOpen(levels, ownsDecorators)) return 'open';
  return ownsDecorators ? readRequirements(reflector, levels, targets) : { optional: false };
}

/** Returns the guards of `@UseGuards` on a route handler or a controller class. */
export function listGuards(reflector: Reflector, target: Target): unknown[] {
  return reflector.get<unknown[] | undefined>(GUARDS, target) ?? [];
}

function readLevel(reflector: Reflector, name: string | undefined, target: Target): Level {
  const roles = listGuards(reflector, target).map(findGuardRole);
  const bearers = roles.filter((role) => role?.kind === 'bearer');
  return {
    // Includes `AuthGuard('genauth-bearer')`. This guard requires an access token but reads no decorators. So the
    // global guard must read the decorators.
    hasOwnGuard: roles.some((role) => role?.kind !== 'sign-in' && role?.name === name),
    hasOtherGuard: bearers.some((role) => role?.name !== name),
    hasLoginGuard: roles.some((role) => role?.kind === 'sign-in'),
    hasTokenDecorator: TOKEN_DECORATORS.some((key) => reflector.get(key, target) !== undefined),
    // Only the target's own metadata is read, because a subclass does not inherit `@Public()` and `@OptionalAuth()`.
    isPublic: Reflect.getOwnMetadata(PUBLIC, target) === true,
    isOptional: Reflect.getOwnMetadata(OPTIONAL, target) === true,
  };
}

function isOpen(levels: readonly Level[], ownsDecorators: boolean): boolean {
  for (const { hasOwnGuard, hasTokenDecorator, isPublic, hasLoginGuard } of levels) {
    if (hasOwnGuard || (hasTokenDecorator && ownsDecorators)) return false;
    if (isPublic || hasLoginGuard) return true;
  }
  return false;
}

function readRequirements(reflector: Reflector, levels: readonly Level[], targets: readonly Target[]): RouteAccess {
  const read = <T>(key: string): T | undefined => reflector.getAllAndOverride<T | undefined>(key, [...targets]);
  const requirements = { scopes: read(SCOPES), roles: read(ROLES), tenant: read(TENANT) } as Pick<
    RouteRequirements,
    'scopes' | 'roles' | 'tenant'
  >;
  const isConditional = Object.values(requirements).some((requirement) => requirement !== undefined);
  const nearest = levels.find(({ isOptional, hasOwnGuard }) => isOptional || hasOwnGuard);
  return {
    ...requirements,
    introspect: read(INTROSPECT),
    // A request without an access token has no scope, role or tenant, so it cannot meet these requirements.
    optional: nearest?.isOptional === true && !isConditional,
  };
}
