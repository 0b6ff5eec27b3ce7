import { isPromise } from 'node:util/types';
import { type ConfigurationError, buildCallbackError, buildCallbackTimeout } from '../core/errors.js';
import type { GenAuthHttpRequest, GenAuthRequest } from '../core/options/types.js';
import { Deadline } from '../core/util/deadline.js';
import { type MaybePromise, chain, isThenable } from '../core/util/maybe-promise.js';
import { quote } from '../core/util/quote.js';

/**
 * Maps the GenAuth user of a login to the application's own user, or refuses the user. A strategy calls
 * `verify(req, user, info, done)` after each successful sign-in. `verify` returns (or resolves to) one of these values,
 * or passes it to `done(null, value)`. The first value counts.
 *
 * - An object is the application's user. It becomes `req.user`. `done(null, appUser, appInfo)` also replaces
 *   `req.authInfo`.
 * - `null` or `false`, and `done(null)`, refuse the user. The response has HTTP status 403 and the code
 *   `verify_denied`.
 *
 * An error that `verify` throws or passes to `done(error)` ends the request with this error. Every other value, and
 * `undefined`, is a mistake of the application: the response has HTTP status 500, and the error names `verify`. If
 * `verify` returns `undefined`, it must declare the parameter `done`, and call `done` later. If `verify` gives no value
 * within the client's option `timeout`, the response has HTTP status 500 and the error the code `callback_timeout`.
 */
export type VerifyFunction<User = unknown, Info = unknown> = Verify<User, Info>['verify'];

/** The application's user, or `null` or `false` to refuse the user. */
type Verdict = object | false | null;

// `verify` is a method, because TypeScript compares the parameters of methods bivariantly. So a function with the type
// `(req: express.Request, …) => …` is assignable to `verify`.
interface Verify<User, Info> {
  verify(
    req: GenAuthHttpRequest,
    user: User,
    info: Info,
    done: (error: unknown, user?: Verdict, info?: unknown) => void,
  ): Verdict | void | PromiseLike<Verdict | void>;
}

/** The value that `verify` gave. `user` is `null` if `verify` refused the user. */
export interface Verified {
  user: object | null;
  info: unknown;
}

/**
 * Calls the application's function `verify`, and waits for its value.
 *
 * @param timeout - Maximum time to wait, in milliseconds.
 * @throws the error that `verify` threw or passed to `done`.
 * @throws ConfigurationError with the code `callback_timeout` after `timeout`, and with the code
 * `invalid_callback_result` if `verify` gave `undefined`, the request, an array or a value that is not an object.
 */
export function callVerify(
  verify: VerifyFunction,
  timeout: number,
  req: GenAuthRequest,
  user: unknown,
  info: unknown,
): Promise<Verified> {
  const verified = new Promise<Verified>((resolve, reject) => {
    // `done` is the fourth parameter.
    const usesDone = verify.length >= 4;
    const settle = (given: unknown, ownInfo?: unknown): void => {
      if (given === req) reject(buildParametersError());
      else if (isVerdict(given)) resolve({ user: given || null, info: ownInfo });
      else reject(buildResultError('verify', given, 'call done(null, appUser) or return the user'));
    };
    const returned = verify(req as GenAuthHttpRequest, user, info, (error, given, ownInfo) => {
      if (error) reject(error as Error);
      // `done(null)` refuses the user, as in other strategies. A function without the parameter `done` is a method
      // `validate`, whose result @nestjs/passport passes to `done`. It must not return `undefined`.
      else settle(usesDone ? (given ?? null) : given, ownInfo);
    });
    // A function that uses `done` often returns the object of a database call, which is not the user and whose method
    // `then` would run the call again. So only a promise or a refusal is read from it.
    if (isPromise(returned) || (!usesDone && isThenable(returned))) Promise.resolve(returned).then(settle, reject);
    else if (!usesDone || returned === null || returned === false) settle(returned);
  });
  return new Deadline(timeout).wait(verified, () => buildCallbackTimeout('verify', timeout));
}

/**
 * Calls the client's option `resolveUser`, and waits for its value.
 *
 * @param timeout - Maximum time to wait, in milliseconds.
 * @returns The application's user, or `null` if `resolveUser` refused the user.
 * @throws the error that `resolveUser` threw.
 * @throws ConfigurationError with the code `callback_timeout` after `timeout`, and with the code
 * `invalid_callback_result` if the value is neither an object nor `null` nor `false`.
 */
export function callResolveUser<Claims>(
  resolveUser: (req: GenAuthHttpRequest, claims: Claims) => unknown,
  timeout: number,
  req: GenAuthRequest,
  claims: Claims,
): MaybePromise<object | null> {
  const call = (): unknown => resolveUser(req as GenAuthHttpRequest, claims);
  return chain(callWithLimit('resolveUser', timeout, call), (given) => {
    if (isVerdict(given)) return given || null;
    throw buildResultError('resolveUser', given, 'return the user');
  });
}

/**
 * Calls a function of the application. Limits the time until its promise settles.
 *
 * @param name - The name of the option, for the error message.
 * @param timeout - Maximum time to wait for a promise, in milliseconds. A function that returns no promise has no
 * limit.
 * @throws ConfigurationError with the code `callback_timeout` after `timeout`.
 */
export function callWithLimit<T>(name: string, timeout: number, call: () => T | PromiseLike<T>): MaybePromise<T> {
  const returned = call();
  if (!isThenable(returned)) return returned;
  return new Deadline(timeout).wait(Promise.resolve(returned), () => buildCallbackTimeout(name, timeout));
}

function isVerdict(given: unknown): given is Verdict {
  // A database query that returns all matching rows gives an array, also for no row. A promise, or a query that has
  // not run, is no user either.
  return given === false || (typeof given === 'object' && !Array.isArray(given) && !isThenable(given));
}

/** The error for `verify(user)` and `validate(user)`, whose first argument is the request. */
function buildParametersError(): ConfigurationError {
  const fix = 'declare the parameters (req, user, info), also of the method validate, and return the user';
  return buildCallbackError('invalid_callback_result', 'verify', 'gave the request in place of a user', fix);
}

function buildResultError(name: string, given: unknown, fix: string): ConfigurationError {
  const problem = `gave ${given === undefined ? 'undefined' : quote(given)} in place of a user`;
  const hint = Array.isArray(given) ? ' (the first row of a query, not the array)' : '';
  return buildCallbackError('invalid_callback_result', name, problem, `${fix}${hint}, or null to refuse the user`);
}
