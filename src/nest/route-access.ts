import type { Reflector } from '@nestjs/core';
import type { RouteRequirements } from '../web/guard-request.js';
import { INTROSPECT, OPTIONAL, PUBLIC, ROLES, SCOPES, TENANT } from './genauth.decorators.js';
import { findGuardRole } from './guard-registry.js';

/** Nest's metadata key of `@UseGuards`; @nestjs/common does not export it. */
const GUARDS = '__guards__';
/** Metadata keys of the decorators that require a token, or that say how it is checked. */
const TOKEN_DECORATORS = [OPTIONAL, SCOPES, ROLES, TENANT, INTROSPECT];

type Target = Parameters<Reflector['get']>[1];

/** What a `GenAuthGuard` requires: nothing, or a token. With `optional` a request without a token passes, too. */
export type RouteAccess = 'open' | RouteRequirements;

/** What stands on the handler, or on its class, as far as it concerns one guard. */
interface Level {
  /** A `GenAuthGuard`, or `AuthGuard('…-bearer')`, of the same name. */
  hasOwnGuard: boolean;
  /** A `GenAuthGuard` of another name. */
  hasOtherGuard: boolean;
  hasLoginGuard: boolean;
  hasTokenDecorator: boolean;
  isPublic: boolean;
  isOptional: boolean;
}

/**
 * Reads what one `GenAuthGuard` requires on a route. The guard and the OpenAPI document call it.
 *
 * The guard looks at the handler, then at its class. On each it takes the first row of this table that applies:
 *
 * | decorator                                                              | effect            |
 * | ---------------------------------------------------------------------- | ----------------- |
 * | `@UseGuards` with a `GenAuthGuard` or `AuthGuard('…-bearer')` of the same name | requires a token |
 * | `@RequireScopes`, `@Roles`, `@Tenant`, `@OptionalAuth`, `@Introspect`  | requires a token  |
 * | `@Public()`, not inherited from a parent class                         | open              |
 * | `@UseGuards` with a login guard of any name                            | open              |
 *
 * If no row applies to the handler or the class, the guard requires a token.
 *
 * The decorators of the second row belong to the `GenAuthGuard`s in the route's `@UseGuards`. If there are none, they
 * belong to the global guard. A guard to which they do not belong ignores them. So behind a global guard a route for
 * another application's tokens is `@Public() @UseGuards(GenAuthGuard.named('staff'))`, with or without `@Roles`.
 *
 * A required token must satisfy the nearest `@RequireScopes`, `@Roles`, `@Tenant` and `@Introspect`. `@OptionalAuth()`
 * counts if no guard of the same name is nearer, and if the route requires no scope, role or tenant.
 *
 * @param name - The name of the guard's application.
 * @param targets - The handler, then its class.
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

/** Returns the guards of `@UseGuards` on a handler or a class. */
export function listGuards(reflector: Reflector, target: Target): unknown[] {
  return reflector.get<unknown[] | undefined>(GUARDS, target) ?? [];
}

function readLevel(reflector: Reflector, name: string | undefined, target: Target): Level {
  const roles = listGuards(reflector, target).map(findGuardRole);
  const bearers = roles.filter((role) => role?.kind === 'bearer');
  return {
    // `AuthGuard('genauth-bearer')` requires a token too, and reads no decorators: the global guard must read them.
    hasOwnGuard: roles.some((role) => role?.kind !== 'sign-in' && role?.name === name),
    hasOtherGuard: bearers.some((role) => role?.name !== name),
    hasLoginGuard: roles.some((role) => role?.kind === 'sign-in'),
    hasTokenDecorator: TOKEN_DECORATORS.some((key) => reflector.get(key, target) !== undefined),
    // Own metadata: a class that extends a public or optional one is neither by that.
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
    // A request without a token has no scope, role or tenant.
    optional: nearest?.isOptional === true && !isConditional,
  };
}
