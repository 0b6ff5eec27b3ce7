import { AuthGuard } from '@nestjs/passport';

type GuardClass = abstract new (...args: never[]) => unknown;

/** The role of a guard class: a class of this library, or one that `AuthGuard` of @nestjs/passport made for it. */
export interface GuardRole {
  /**
   * `sign-in`: a login guard, ours or Passport's. `bearer`: `GenAuthGuard`. `passport-bearer`:
   * `AuthGuard('…-bearer')`, which reads no decorators and requires a token on each request.
   */
  kind: 'sign-in' | 'bearer' | 'passport-bearer';
  /** The `name` of the application whose client or strategy the guard uses. */
  name: string;
}

// `AuthGuard` returns the same class for the same strategy name, so its classes can be keys too.
const roles = new Map<GuardClass, GuardRole>();

/** Registers the role of a guard class. */
export function registerGuard(guard: GuardClass, kind: GuardRole['kind'], name: string): void {
  roles.set(guard, { kind, name });
}

/** Registers the classes that `AuthGuard` makes for the strategies of the application with that `name`. */
export function registerAuthGuards(name: string): void {
  const [password, ad] = [`${name}-password`, `${name}-ad`];
  for (const types of [password, ad, [password, ad], [ad, password]]) registerGuard(AuthGuard(types), 'sign-in', name);
  registerGuard(AuthGuard(`${name}-bearer`), 'passport-bearer', name);
}

/**
 * Finds the role of a guard. If its class is not registered, the nearest registered parent class decides.
 *
 * @param guard - A guard class or an instance of one.
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
