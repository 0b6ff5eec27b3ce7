import type { Reflector } from '@nestjs/core';
import type { RouteRequirements } from '../web/guard-request.js';
import { INTROSPECT, OPTIONAL, PUBLIC, ROLES, SCOPES, TENANT } from './genauth.decorators.js';
import { findGuardRole } from './guard-registry.js';

/** Nest's metadata key of `@UseGuards`. The main entry point of @nestjs/common does not export it. */
const GUARDS = '__guards__';
/** Metadata keys of the decorators that make the guard check a token. */
const TOKEN_DECORATORS = [OPTIONAL, SCOPES, ROLES, TENANT, INTROSPECT];

type Target = Parameters<Reflector['get']>[1];

/**
 * What a `GenAuthGuard` requires on a route. `open`: nothing. Otherwise a token, or with `optional` a token if one is
 * sent.
 */
export type RouteAccess = 'open' | RouteRequirements;

/** The decorators on a handler or on its class, as they concern one guard. */
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
 * Reads what one `GenAuthGuard` requires on a route. The guard calls it for each new route, the OpenAPI module for each
 * documented route.
 *
 * It examines the handler, then its class. On each, the first row of this table that applies decides:
 *
 * | decorator                                                               | effect           |
 * | ----------------------------------------------------------------------- | ---------------- |
 * | `@UseGuards` with a `GenAuthGuard` or `AuthGuard('…-bearer')` of `name` | requires a token |
 * | `@RequireScopes`, `@Roles`, `@Tenant`, `@OptionalAuth`, `@Introspect`   | requires a token |
 * | `@Public()`, not inherited from a parent class                          | open             |
 * | `@UseGuards` with a login guard of any name                             | open             |
 *
 * If no row applies to the handler or the class, the guard requires a token.
 *
 * The decorators of the second row belong to the `GenAuthGuard`s in the route's `@UseGuards`. If there are none, they
 * belong to the global guard. A guard ignores decorators that do not belong to it. So behind a global guard a route for
 * another application's tokens is `@Public() @UseGuards(GenAuthGuard.named('staff'))`, with or without `@Roles`.
 *
 * A required token must satisfy the nearest `@RequireScopes`, `@Roles`, `@Tenant` and `@Introspect`. `@OptionalAuth()`
 * applies if no guard of the same name is nearer, and if the route requires no scope, role or tenant.
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
    // Includes `AuthGuard('genauth-bearer')`, which requires a token but reads no decorators. The global guard reads
    // them.
    hasOwnGuard: roles.some((role) => role?.kind !== 'sign-in' && role?.name === name),
    hasOtherGuard: bearers.some((role) => role?.name !== name),
    hasLoginGuard: roles.some((role) => role?.kind === 'sign-in'),
    hasTokenDecorator: TOKEN_DECORATORS.some((key) => reflector.get(key, target) !== undefined),
    // Own metadata only, because a subclass does not inherit `@Public()` and `@OptionalAuth()`.
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
