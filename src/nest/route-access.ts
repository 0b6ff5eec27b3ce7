import type { RouteRequirements } from '../web/guard-request.js';
import { INTROSPECT, OPTIONAL, PUBLIC, ROLES, SCOPES, TENANT } from './genauth.decorators.js';
import { type GuardContext, findGuardRole } from './guard-registry.js';

/**
 * The metadata key under which Nest stores the guards of `@UseGuards`. The main entry point of @nestjs/common does not
 * export this key.
 */
const GUARDS = '__guards__';

/**
 * The requirements of a `GenAuthGuard` on a route. `open`: no requirement. `RouteRequirements`: an access token is
 * required. If its member `optional` is `true`, a request without an access token also passes.
 */
export type RouteAccess = 'open' | RouteRequirements;

/** The decorators on a route handler or on a class of its controller, as one guard sees them. */
export interface Level {
  /** The route handler or the class. */
  target: object;
  /** The metadata keys of this file's decorators that the level has. `@Public()` is not included. */
  tokenDecorators: readonly string[];
  /** The guards of `@UseGuards`. */
  guards: readonly unknown[];
  isPublic: boolean;
  isOptional: boolean;
  /** Reads the metadata of a decorator. */
  read: (key: string) => unknown;
}

/** A level with the roles of its guards, as one guard sees them. */
interface JudgedLevel extends Level {
  /** Whether `@UseGuards` contains a `GenAuthGuard` or an `AuthGuard('…-bearer')` of the same GenAuth application. */
  hasOwnGuard: boolean;
  /** Whether `@UseGuards` contains a `GenAuthGuard` of another GenAuth application. */
  hasOtherGuard: boolean;
  hasLoginGuard: boolean;
}

/**
 * Reads the requirements of one `GenAuthGuard` on a route. The guard calls this function for each new route. The
 * OpenAPI module calls it for each documented route.
 *
 * The function first examines the route handler. If no row of this table applies to the handler, it examines the
 * controller class. If the controller inherits the handler from a parent class, the controller class is examined first.
 * The first row that applies decides:
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
 * on the handler is nearer than a decorator on the class that declares the handler. `@OptionalAuth()` applies if no
 * guard of the same name is nearer, and if the route requires no scope, role or tenant.
 *
 * @param name - The `name` of the GenAuth application whose tokens the guard accepts.
 * @param targets - The route handler and its controller class.
 * @param application - The Nest application, whose `defaultStrategy` decides the role of `AuthGuard()`.
 */
export function readRouteAccess(
  name: string | undefined,
  [handler, controller]: readonly [handler: object, controller: object],
  application?: GuardContext,
): RouteAccess {
  const levels = listLevels(handler, controller).map((level) => judge(level, name, application));
  const ownsDecorators =
    levels.some(({ hasOwnGuard }) => hasOwnGuard) || !levels.some(({ hasOtherGuard }) => hasOtherGuard);
  if (isOpen(levels, ownsDecorators)) return 'open';
  return ownsDecorators ? readRequirements(levels) : { optional: false };
}

/**
 * Returns the levels at which a handler can have decorators, the nearest level first: the classes of the controller
 * that inherit the handler, the handler itself, and the class that declares the handler.
 */
export function listLevels(handler: object, controller: object): Level[] {
  const classes = listClassChain(controller);
  const declaring = classes.findIndex((each) => declares(each, handler));
  const inheriting = declaring < 0 ? [] : classes.slice(0, declaring);
  const declaringClass = classes[inheriting.length] ?? controller;
  // Nest runs the guards of the nearest class that has guards. It does not run the guards of the parent classes.
  const guarded = classes.find((each) => Reflect.hasOwnMetadata(GUARDS, each));
  const isBelow = guarded !== undefined && inheriting.includes(guarded);
  return [
    ...inheriting.map((each) =>
      readLevel(each, (key) => Reflect.getOwnMetadata(key, each), each === guarded ? listGuards(each) : []),
    ),
    readLevel(handler, (key) => Reflect.getOwnMetadata(key, handler), listGuards(handler)),
    readLevel(declaringClass, (key) => Reflect.getMetadata(key, declaringClass), isBelow ? [] : listGuards(controller)),
  ].map((level) => (level.target === handler || level.target === controller ? level : withoutOpening(level)));
}

/** A subclass does not inherit `@Public()` and `@OptionalAuth()` of its parent classes. */
function withoutOpening(level: Level): Level {
  const tokenDecorators = level.tokenDecorators.filter((key) => key !== OPTIONAL);
  return { ...level, tokenDecorators, isPublic: false, isOptional: false };
}

/** Returns the guards of `@UseGuards` on a route handler or a controller class. */
export function listGuards(target: object): unknown[] {
  return (Reflect.getMetadata(GUARDS, target) as unknown[] | undefined) ?? [];
}

function readLevel(target: object, read: Level['read'], guards: readonly unknown[]): Level {
  const hasOwn = (key: string): boolean => Reflect.getOwnMetadata(key, target) === true;
  const isOptional = hasOwn(OPTIONAL);
  const requirements = [SCOPES, ROLES, TENANT, INTROSPECT].filter((key) => read(key) !== undefined);
  const tokenDecorators = isOptional ? [OPTIONAL, ...requirements] : requirements;
  return { target, tokenDecorators, guards, isPublic: hasOwn(PUBLIC), isOptional, read };
}

/** Returns a class and its parent classes. */
export function listClassChain(controller: object): { prototype: object }[] {
  const classes: { prototype: object }[] = [];
  for (let each: unknown = controller; typeof each === 'function' && each !== Function.prototype;) {
    classes.push(each as unknown as { prototype: object });
    each = Object.getPrototypeOf(each);
  }
  return classes;
}

function declares({ prototype }: { prototype: object }, handler: object): boolean {
  const members = Object.values(Object.getOwnPropertyDescriptors(prototype));
  return members.some(({ value }) => value === handler);
}

function judge(level: Level, name: string | undefined, application: GuardContext | undefined): JudgedLevel {
  const roles = level.guards.map((guard) => findGuardRole(guard, application));
  return {
    ...level,
    // Includes `AuthGuard('genauth-bearer')`. This guard requires an access token but reads no decorators. So the
    // global guard must read the decorators.
    hasOwnGuard: roles.some((role) => role !== undefined && role.kind !== 'sign-in' && role.name === name),
    hasOtherGuard: roles.some((role) => role?.kind === 'bearer' && role.name !== name),
    hasLoginGuard: roles.some((role) => role?.kind === 'sign-in'),
  };
}

function isOpen(levels: readonly JudgedLevel[], ownsDecorators: boolean): boolean {
  for (const { hasOwnGuard, tokenDecorators, isPublic, hasLoginGuard } of levels) {
    if (hasOwnGuard || (tokenDecorators.length > 0 && ownsDecorators)) return false;
    if (isPublic || hasLoginGuard) return true;
  }
  return false;
}

function readRequirements(levels: readonly JudgedLevel[]): RouteAccess {
  const read = <T>(key: string): T | undefined =>
    levels.map((level) => level.read(key)).find((value) => value !== undefined) as T | undefined;
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
