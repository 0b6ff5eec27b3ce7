import { AuthGuard } from '@nestjs/passport';

type GuardClass = abstract new (...args: never[]) => unknown;

/**
 * The role of a guard class. The guard class is from passport-genauth, or `AuthGuard` of @nestjs/passport made it for a
 * strategy of passport-genauth.
 */
export interface GuardRole {
  /**
   * `sign-in`: a login guard of passport-genauth or of @nestjs/passport. `bearer`: `GenAuthGuard`. `passport-bearer`:
   * `AuthGuard('…-bearer')`, which reads no decorators and requires an access token for each request.
   */
  kind: 'sign-in' | 'bearer' | 'passport-bearer';
  /** The `name` of the GenAuth application whose client or strategy the guard uses. */
  name: string;
}

// For the same strategy name `AuthGuard` always returns the same class, so this class can be a key of the map.
const roles = new Map<GuardClass, GuardRole>();

/** Registers the role of a guard class. */
export function registerGuard(guard: GuardClass, kind: GuardRole['kind'], name: string): void {
  roles.set(guard, { kind, name });
}

/** Registers the classes that `AuthGuard` makes for the strategies of the GenAuth application with this `name`. */
export function registerAuthGuards(name: string): void {
  const [password, ad] = [`${name}-password`, `${name}-ad`];
  for (const types of [password, ad, [password, ad], [ad, password]]) registerGuard(AuthGuard(types), 'sign-in', name);
  registerGuard(AuthGuard(`${name}-bearer`), 'passport-bearer', name);
}

/**
 * Returns the role of a guard. If the class of the guard is not registered, the role of its nearest registered parent
 * class is returned.
 *
 * @param guard - A guard class or an instance of a guard class.
 */
export function findGuardRole(guard: unknown): GuardRole | undefined {
  let prototype: unknown = typeof guard === 'function' ? guard.prototype : guard;
  while (typeof prototype === 'object' && prototype !== null) {
    const role = roles.get(prototype.constructor as GuardClass);
    if (role !== undefined) return role;
    prototype = Object.getPrototypeOf(prototype);
  }
  return undefined;
}
