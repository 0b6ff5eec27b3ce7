import { AuthGuard } from '@nestjs/passport';

type GuardClass = abstract new (...args: never[]) => unknown;

/** What a guard that stands in a route's metadata does: signs people in, or takes tokens; and for the application of which name. */
export interface GuardRole {
  does: 'sign-in' | 'bearer';
  name: string;
  /** Whether it is Passport's, which takes a token and reads no marks. */
  isPassports: boolean;
}

/** Our classes, and those that `AuthGuard` of @nestjs/passport makes: one for each name, so that they can be found again. */
const roles = new Map<GuardClass, GuardRole>();

export function registerGuard(guard: GuardClass, does: GuardRole['does'], name: string, isPassports = false): void {
  roles.set(guard, { does, name, isPassports });
}

/** Remembers what `AuthGuard` is called with in an application. */
export function registerAuthGuards(name: string): void {
  const [password, ad, bearer] = [`${name}-password`, `${name}-ad`, `${name}-bearer`];
  for (const types of [password, ad, [password, ad], [ad, password]]) {
    registerGuard(AuthGuard(types), 'sign-in', name, true);
  }
  registerGuard(AuthGuard(bearer), 'bearer', name, true);
}

/** The role of a guard: a class that is known, one that extends it (the nearest counts), or an instance. */
export function findGuardRole(guard: unknown): GuardRole | undefined {
  let prototype: unknown = typeof guard === 'function' ? guard.prototype : guard;
  while (typeof prototype === 'object' && prototype !== null) {
    const role = roles.get(prototype.constructor as GuardClass);
    if (role !== undefined) return role;
    prototype = Object.getPrototypeOf(prototype);
  }
  return undefined;
}
