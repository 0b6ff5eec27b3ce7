import { Logger } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { reportFinalRefusal } from './answer-by-exception.js';
import { GenAuthException } from './genauth.exception.js';

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
  /** The kinds of logins that a guard of the kind `sign-in` accepts. */
  logins: readonly LoginKind[];
}

/** A login with account + password, with Active Directory credentials, or on GenAuth's hosted page. */
export type LoginKind = 'password' | 'ad' | 'redirect';

// For the same strategy name `AuthGuard` always returns the same class, so this class can be a key of the map.
const roles = new Map<GuardClass, GuardRole>();

/** Registers the role of a guard class. */
export function registerGuard(
  guard: GuardClass,
  kind: GuardRole['kind'],
  name: string,
  ...logins: readonly LoginKind[]
): void {
  roles.set(guard, { kind, name, logins });
}

/** The part of a Nest application on which the role of `AuthGuard()` without a strategy name depends. */
export interface GuardContext {
  /** Each `defaultStrategy` of `PassportModule.register`. The names of several strategies are separated by commas. */
  readonly defaultStrategies: ReadonlySet<string>;
}

/** Registers the classes that `AuthGuard` makes for the strategies of the GenAuth application with this `name`. */
export function registerAuthGuards(name: string): void {
  for (const logins of listOrders(['password', 'ad', 'redirect'])) {
    const types = logins.map((login) => `${name}-${login}`);
    const guard = AuthGuard(types.length === 1 ? types[0] : types);
    throwOwnExceptions(guard as unknown as AuthGuardClass);
    registerGuard(guard, 'sign-in', name, ...logins);
  }
  throwOwnExceptions(AuthGuard(`${name}-bearer`) as unknown as AuthGuardClass);
  registerGuard(AuthGuard(`${name}-bearer`), 'passport-bearer', name);
}

/** Returns each selection of login kinds in each order, because `AuthGuard` makes a class for each list of names. */
function listOrders(kinds: readonly LoginKind[]): LoginKind[][] {
  return kinds.flatMap((kind) => {
    const others = kinds.filter((each) => each !== kind);
    return [[kind], ...listOrders(others).map((order) => [kind, ...order])];
  });
}

/**
 * Returns the role of a guard. If the class of the guard is not registered, the role of its nearest registered parent
 * class is returned.
 *
 * @param guard - A guard class or an instance of a guard class.
 * @param application - The Nest application that uses the guard. Default: the role of `AuthGuard()` is unknown.
 */
export function findGuardRole(guard: unknown, application?: GuardContext): GuardRole | undefined {
  let prototype: unknown = typeof guard === 'function' ? guard.prototype : guard;
  while (typeof prototype === 'object' && prototype !== null) {
    const role = roles.get(resolveClass(prototype.constructor, application));
    if (role !== undefined) return role;
    prototype = Object.getPrototypeOf(prototype);
  }
  return undefined;
}

/**
 * Returns the role of the `GenAuthGuard` that reads the decorators for a guard: of the guard itself, or of the
 * `GenAuthGuard` that the guard's class injects or that the guard holds as a property.
 *
 * @param guard - A guard class or an instance of a guard class.
 */
export function findReaderRole(guard: unknown): GuardRole | undefined {
  const isBearer = (role: GuardRole | undefined): boolean => role?.kind === 'bearer';
  const own = findGuardRole(guard);
  if (isBearer(own)) return own;
  const guardClass: unknown = typeof guard === 'function' ? guard : (guard as object | null)?.constructor;
  if (typeof guardClass !== 'function') return undefined;
  // TypeScript stores the types of the constructor's parameters, and Nest stores the arguments of `@Inject`.
  const types = (Reflect.getMetadata('design:paramtypes', guardClass) as unknown[] | undefined) ?? [];
  const injected = (Reflect.getMetadata('self:paramtypes', guardClass) as { param: unknown }[] | undefined) ?? [];
  const properties =
    (Reflect.getMetadata('self:properties_metadata', guardClass) as { type: unknown }[] | undefined) ?? [];
  const tokens = [...types, ...injected.map(({ param }) => param), ...properties.map(({ type }) => type)];
  // A factory passes the `GenAuthGuard` to a guard whose class has no metadata.
  const held = typeof guard === 'object' ? Object.values(guard as object).map((value) => findGuardRole(value)) : [];
  return [...tokens.map(findGuardRoleOfClass), ...held].find(isBearer);
}

function findGuardRoleOfClass(token: unknown): GuardRole | undefined {
  return typeof token === 'function' ? findGuardRole(token) : undefined;
}

/** Returns the class of `AuthGuard('…')` that behaves like `AuthGuard()` in this Nest application. */
function resolveClass(guard: unknown, application: GuardContext | undefined): GuardClass {
  const [name, ...others] = application?.defaultStrategies ?? [];
  // With several defaults, the module of the controller decides. This module is not known here.
  if (guard !== AuthGuard() || name === undefined || others.length > 0) return guard as GuardClass;
  return AuthGuard(name.includes(',') ? name.split(',') : name);
}

/**
 * Whether a guard is made by `AuthGuard` of @nestjs/passport, with a strategy that is not from passport-genauth.
 *
 * @param guard - A guard class or an instance of a guard class.
 */
export function isForeignAuthGuard(guard: unknown, application: GuardContext): boolean {
  const prototype: unknown = typeof guard === 'function' ? guard.prototype : guard;
  return isAuthGuard(prototype) && findGuardRole(guard, application) === undefined;
}

/** Whether an object has the methods of the interface `IAuthGuard` of @nestjs/passport. */
function isAuthGuard(guard: unknown): boolean {
  const methods = ['canActivate', 'handleRequest', 'logIn', 'getAuthenticateOptions', 'getRequest'];
  return methods.every((name) => typeof (guard as Record<string, unknown> | null | undefined)?.[name] === 'function');
}

/**
 * Makes an `AuthGuard` of @nestjs/passport answer with the refusal of passport-genauth, for example a list with a
 * strategy of passport-genauth and a strategy of another package. If Passport does not know the strategy of the guard,
 * a failed request logs the names of the strategies of passport-genauth. Does nothing for other guards.
 *
 * @param guard - A guard class or an instance of a guard class.
 * @param strategies - The names of the strategies of the Nest application.
 */
export function prepareAuthGuard(guard: unknown, strategies: readonly string[]): void {
  let prototype: unknown = typeof guard === 'function' ? guard.prototype : guard;
  if (!isAuthGuard(prototype)) return;
  // The class that `AuthGuard` has made is the topmost class with these methods.
  while (isAuthGuard(Object.getPrototypeOf(prototype))) prototype = Object.getPrototypeOf(prototype);
  const authGuard = (prototype as { constructor: AuthGuardClass }).constructor;
  throwOwnExceptions(authGuard);
  if (!roles.has(authGuard)) nameStrategies(authGuard, strategies);
}

/**
 * Returns the misspelt strategy name of an `AuthGuard`, and the name that was meant. @nestjs/passport does not show the
 * name, but it always returns the same class for the same name. Therefore the class is compared with the classes of
 * common misspellings: a missing, doubled or exchanged letter, another separator, or only the name of the GenAuth
 * application.
 *
 * @param guard - A guard class or an instance of a guard class.
 * @param strategies - The names of the strategies of the Nest application.
 */
export function suggestStrategy(
  guard: unknown,
  strategies: readonly string[],
): { given: string; meant: string } | undefined {
  let prototype: unknown = typeof guard === 'function' ? guard.prototype : guard;
  if (!isAuthGuard(prototype)) return undefined;
  while (isAuthGuard(Object.getPrototypeOf(prototype))) prototype = Object.getPrototypeOf(prototype);
  const { constructor } = prototype as { constructor: unknown };
  for (const meant of strategies) {
    const given = listMisspellings(meant).find((each) => !strategies.includes(each) && AuthGuard(each) === constructor);
    if (given !== undefined) return { given, meant };
  }
  return undefined;
}

function listMisspellings(name: string): string[] {
  const near = name.split('').flatMap((letter, i) => {
    const [before, after] = [name.slice(0, i), name.slice(i + 1)];
    return [
      `${before}${after}`,
      `${before}${letter}${letter}${after}`,
      `${before}${after[0] ?? ''}${letter}${after.slice(1)}`,
    ];
  });
  const separated = ['', '_', '.', ' ', ':'].map((separator) => name.replaceAll('-', separator));
  return [...near, ...separated, name.slice(0, name.lastIndexOf('-'))];
}

/** Makes a guard log the names of the strategies if it fails before a strategy has answered. */
function nameStrategies({ prototype }: AuthGuardClass, strategies: readonly string[]): void {
  if (named.has(prototype)) return;
  named.add(prototype);
  const { canActivate, handleRequest } = prototype;
  const answered = new WeakSet<object>();
  prototype.handleRequest = function (error, user, info, context, ...rest) {
    answered.add(context);
    return handleRequest.call(this, error, user, info, context, ...rest);
  };
  prototype.canActivate = async function (context) {
    try {
      return await canActivate.call(this, context);
    } catch (error) {
      if (error instanceof Error && error.name === 'Error' && !answered.has(context)) {
        const names = strategies.join(', ');
        const meant = suggestStrategy(this, strategies)?.meant;
        const fix = meant === undefined ? '' : ` Write AuthGuard('${meant}').`;
        logger.warn(`AuthGuard failed: ${error.message}.${fix} The strategies of passport-genauth are ${names}.`);
      }
      throw error;
    }
  };
}

/**
 * If each strategy of an `AuthGuard` has called `fail`, `AuthGuard` throws its own `UnauthorizedException`. This
 * function makes the guard throw the exception of passport-genauth instead.
 */
function throwOwnExceptions(guard: AuthGuardClass): void {
  if (prepared.has(guard)) return;
  prepared.add(guard);
  const { prototype } = guard;
  const { handleRequest } = prototype;
  prototype.handleRequest = function (error, user, info, context, ...rest) {
    const refused = error || user ? undefined : [info].flat().find((each) => each instanceof GenAuthException);
    if (refused !== undefined) reportFinalRefusal(refused);
    return handleRequest.call(this, user ? error : (error ?? refused ?? null), user, info, context, ...rest);
  };
}

const prepared = new WeakSet<GuardClass>();
const named = new WeakSet<object>();
const logger = new Logger('GenAuth');
interface AuthGuardMethods {
  canActivate: (context: object) => Promise<unknown>;
  handleRequest: (error: unknown, user: unknown, info: unknown, context: object, ...rest: unknown[]) => unknown;
}
type AuthGuardClass = GuardClass & { prototype: AuthGuardMethods };
