import type { Reflector } from '@nestjs/core';
import { ConfigurationError } from '../core/errors.js';
import type { BearerRequirements } from '../web/authenticate-bearer.js';
import { INTROSPECT, OPTIONAL, PUBLIC, ROLES, SCOPES, TENANT } from './genauth.decorators.js';
import { type GuardRole, findGuardRole } from './guard-registry.js';

/** Nest's metadata key of `@UseGuards`; @nestjs/common does not export it. */
const GUARDS = '__guards__';
/** Marks that ask for a token, or for what a token says. */
const TOKEN_MARKS = [OPTIONAL, SCOPES, ROLES, TENANT, INTROSPECT];

type Targets = Parameters<Reflector['getAllAndOverride']>[1];

/** What `GenAuthGuard` asks of a route's callers: nothing, or a token, with `optional` only of those who bring one. */
export type RouteAccess = 'open' | (BearerRequirements & { optional: boolean });

/**
 * Reads what stands on a route. The guard decides by it, and the API's description says it.
 *
 * @param name - Of the guard's application.
 * @param targets - The handler, then its class.
 */
export function readRouteAccess(reflector: Reflector, name: string | undefined, targets: Targets): RouteAccess {
  return isOpen(reflector, name, targets) ? 'open' : readRequirements(reflector, targets);
}

/** The guards of `@UseGuards` on a handler or a class. */
export function listGuards(reflector: Reflector, target: Targets[number]): unknown[] {
  return reflector.get<unknown[] | undefined>(GUARDS, target) ?? [];
}

function readRequirements(reflector: Reflector, targets: Targets): RouteAccess {
  const read = <T>(key: string, of = targets): T | undefined => reflector.getAllAndOverride<T | undefined>(key, of);
  const requirements = { scopes: read(SCOPES), roles: read(ROLES), tenant: read(TENANT) } as BearerRequirements;
  // Whoever asks for a role does not mean that somebody without any identity has it.
  const isConditional = Object.values(requirements).some((requirement) => requirement !== undefined);
  return {
    ...requirements,
    introspect: read(INTROSPECT),
    optional: isOptional(reflector, targets) && !isConditional,
  };
}

/** The nearest of the mark and a guard counts: whoever puts a guard on a handler wants a token, whatever its class says. */
function isOptional(reflector: Reflector, targets: Targets): boolean {
  for (const target of targets) {
    // Own metadata: a class that extends an open one is not open by that.
    if (Reflect.getOwnMetadata(OPTIONAL, target) === true) return true;
    if (listBearers(reflector, target).length > 0) return false;
  }
  return false;
}

function listBearers(reflector: Reflector, target: Targets[number] | undefined): GuardRole[] {
  if (target === undefined) return [];
  const roles = listGuards(reflector, target).map(findGuardRole);
  return roles.filter((role): role is GuardRole => role?.does === 'bearer');
}

/**
 * What stands on the handler wins over what stands on its class, and whatever asks for a token over what asks for none.
 *
 * @throws ConfigurationError for marks that the route's own guard does not read.
 */
function isOpen(reflector: Reflector, name: string | undefined, targets: Targets): boolean {
  if (isGuardedByOther(reflector, name, targets)) return true;
  for (const target of targets) {
    if (listBearers(reflector, target).length > 0) return false;
    if (TOKEN_MARKS.some((mark) => reflector.get(mark, target) !== undefined)) return false;
    // Own metadata: a class that extends a public one is not public by that.
    if (Reflect.getOwnMetadata(PUBLIC, target) === true) return true;
    if (listGuards(reflector, target).some((guard) => findGuardRole(guard)?.does === 'sign-in')) return true;
  }
  return false;
}

/** By another application's guard, the nearest, which wants its own token in the one header that there is. */
function isGuardedByOther(reflector: Reflector, name: string | undefined, targets: Targets): boolean {
  const bearers = targets.map((target) => listBearers(reflector, target)).find(({ length }) => length > 0) ?? [];
  const [other] = bearers;
  if (other === undefined || bearers.some((role) => role.name === name)) return false;
  const mark = TOKEN_MARKS.find((each) => targets.some((target) => reflector.get(each, target) !== undefined));
  if (bearers.every(({ isPassports }) => isPassports) && mark !== undefined) {
    throw new ConfigurationError(
      'invalid_options',
      `AuthGuard('${other.name}-bearer') stands on a route with the mark '${mark}', which it does not read: write GenAuthGuard.named('${other.name}') in its place.`,
    );
  }
  return true;
}
