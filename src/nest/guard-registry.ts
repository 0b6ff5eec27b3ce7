import { AuthGuard } from '@nestjs/passport';

type GuardClass = abstract new (...args: never[]) => unknown;

/** What is known of a guard class, ours or one that `AuthGuard` of @nestjs/passport makes for our strategies. */
export interface GuardRole {
  /**
   * `sign-in`: a login guard, ours or Passport's. `bearer`: `GenAuthGuard`. `passport-bearer`: `AuthGuard('…-bearer')`,
   * which reads no decorators and requires a token on each request.
   */
  kind: 'sign-in' | 'bearer' | 'passport-bearer';
  /** The `name` of the application whose client or strategy the guard uses. */
  name: string;
}

// `AuthGuard` returns one class for each name of a strategy, so its classes can be keys as ours are.
const roles = new Map<GuardClass, GuardRole>();

export function registerGuard(guard: GuardClass, kind: GuardRole['kind'], name: string): void {
  roles.set(guard, { kind, name });
}

/** Registers the classes that `AuthGuard` makes for the strategies of the application with that `name`. */
export function registerAuthGuards(name: string): void {
  const [password, ad] = [`${name}-password`, `${name}-ad`];
  for (const types of [password, ad, [password, ad], [ad, password]]) registerGuard(AuthGuard(types), 'sign-in', name);
  registerGuard(AuthGuard(`${name}-bearer`), 'passport-bearer', name);
}

/** Returns the role of a guard's class or of the nearest class that it extends. Takes classes and instances. */
export function findGuardRole(guard: unknown): GuardRole | undefined {
  let prototype: unknown = typeof guard === 'function' ? guard.prototype : guard;
  while (typeof prototype === 'object' && prototype !== null) {
    const role = roles.get(prototype.constructor as GuardClass);
    if (role !== undefined) return role;
    prototype = Object.getPrototypeOf(prototype);
  }
  return undefined;
}
