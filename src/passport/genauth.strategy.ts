import { isPromise } from 'node:util/types';
import CustomStrategy from 'passport-custom';
import { GenAuthClient } from '../core/client.js';
import { buildOptionError } from '../core/errors.js';
import type { GenAuthOptions, GenAuthRequest } from '../core/options/types.js';
import { type Refusal, type RefusalBody, buildDenial, toError, toRefusal } from '../web/refusal.js';

/**
 * The functions that Passport sets on a strategy for each request. Each function ends the authentication of the
 * request.
 */
export interface PassportActions {
  /** Accepts the request. Passport sets `req.user` to `user` and `req.authInfo` to `info`. */
  success: (user: unknown, info?: unknown) => void;
  /**
   * Refuses the request. If `status` is 401, Passport writes a string in `challenge` into the header
   * `WWW-Authenticate`.
   */
  fail: (challenge: unknown, status: number) => void;
  /** Ends the request with an error, which Passport passes to `next`. */
  error: (error: unknown) => void;
}

/** The members of a strategy that Passport uses. */
interface PassportStrategy extends PassportActions {
  /** The name by which `passport.authenticate` finds the strategy. */
  name: string;
  /** Authenticates a request, and then calls one of the {@link PassportActions}. */
  authenticate(req: GenAuthRequest, options?: unknown): void;
}

/**
 * Key of a function in the options that an application or a handler passes to `passport.authenticate`. Passport passes
 * these options on to the strategy. If the key is set, the strategy calls the function with itself as the argument, and
 * does not authenticate the request. `signInHandler` uses the key to get a strategy by the strategy's name.
 */
export const TAKE_STRATEGY = Symbol('passport-genauth: take the strategy');

// The types of passport-custom require the types of Express 5 and the strategy name 'custom'. The type below requires
// neither of them.
type PassportStrategyConstructor = new (
  authenticate: (this: GenAuthStrategy<string, object, unknown, unknown>, req: GenAuthRequest) => void,
) => PassportStrategy;

/**
 * Maps the GenAuth user to the application's own user object, as the verify function of other Passport strategies does.
 * The strategy calls `verify(req, user, info, done)` after each successful authentication. `verify` must call `done`:
 *
 * - `done(null, appUser, info?)` sets `req.user` to `appUser` and `req.authInfo` to `info`. Default of `info`: the
 *   `info` that `verify` received.
 * - `done(null, false, info?)` refuses the user. `signInHandler` sends a response with HTTP status 403 and the code
 *   `verify_denied`.
 * - `done(error)` ends the request with this error.
 *
 * Only the first call of `done` has an effect. If `verify` returns a promise that rejects, the request ends with the
 * promise's error.
 */
export type VerifyFunction<User = unknown, Info = unknown> = Verify<User, Info>['verify'];

// `verify` is a method, because TypeScript compares the parameters of methods bivariantly. So a function with the type
// `(req: express.Request, …) => …` is assignable to `verify`.
interface Verify<User, Info> {
  verify(
    req: GenAuthRequest,
    user: User,
    info: Info,
    done: (error: unknown, user?: object | false | null, info?: unknown) => void,
  ): void | Promise<void>;
}

/** The result of the authentication of one request. */
export type LoginResult =
  /** The request is accepted. `user` becomes `req.user`, and `info` becomes `req.authInfo`. */
  | { kind: 'success'; user: unknown; info: unknown }
  /** The application's function `verify` refused the user. */
  | { kind: 'denied'; info: unknown; body: RefusalBody }
  /** An error of passport-genauth, converted to a response. */
  | { kind: 'refusal'; refusal: Refusal }
  /** An error that is not from passport-genauth, for example an error of the application's function `verify`. */
  | { kind: 'error'; error: unknown };

/**
 * Base class of the three strategies. For each request the strategy calls `attempt` once, and then exactly one of
 * Passport's actions. One strategy object handles many requests at the same time, so it stores no data of a request.
 */
export abstract class GenAuthStrategy<
  S extends string,
  ExtendedFields extends object,
  User,
  Info,
> extends (CustomStrategy as unknown as PassportStrategyConstructor) {
  /** The client of this strategy. Strategies with the same client use the same key set and the same connections. */
  readonly client: GenAuthClient<S, ExtendedFields>;
  /** The application's function that maps the user. `undefined`: the GenAuth user is used. */
  protected readonly verify: VerifyFunction | undefined;

  constructor(
    kind: 'password' | 'ad' | 'bearer',
    optionsOrClient: GenAuthOptions<S> | GenAuthClient<S, ExtendedFields>,
    verify: VerifyFunction<User, Info> | undefined,
  ) {
    super(function authenticate(req) {
      // The actions are read before the first `await`. For the next request `passport.authenticate(strategy)` sets
      // other actions on the same strategy object.
      const { success, fail, error } = this;
      const actions = { success, fail, error };
      void this.attempt(req)
        .then((result) => this.act(result, actions, req))
        .catch((thrown: NodeJS.ErrnoException) => {
          // The promise of `attempt` never rejects. So `thrown` is an error of Passport (flash messages without a
          // session) or of the application's callback. The request ends with this error, and the process continues. The
          // error is ignored if the response was already sent, for example by a timeout handler.
          if (thrown.code !== 'ERR_HTTP_HEADERS_SENT') actions.error(thrown);
        });
    });
    if (verify !== undefined && typeof verify !== 'function') {
      const fix = 'write (req, user, info, done) => done(null, user)';
      throw buildOptionError({ option: 'verify', problem: 'is not a function', fix });
    }
    this.client =
      optionsOrClient instanceof GenAuthClient
        ? optionsOrClient
        : new GenAuthClient<S, ExtendedFields>(optionsOrClient);
    this.name = `${this.client.options.name}-${kind}`;
    // TypeScript has checked the types of the parameter `verify`. The type of the field is more general, so that
    // strategies with different user types are assignable to one type.
    this.verify = verify as VerifyFunction | undefined;
  }

  /** Authenticates a request. Passport calls this method. */
  override authenticate(req: GenAuthRequest, options?: Readonly<Record<string | symbol, unknown>>): void {
    const take = options?.[TAKE_STRATEGY];
    if (typeof take === 'function') take(this);
    else super.authenticate(req, options);
  }

  /**
   * Finds the user who sent the request, by signing in the user or by verifying the access token.
   *
   * @throws GenAuthError if the user cannot sign in or if the access token is not accepted.
   */
  protected abstract identify(req: GenAuthRequest): Promise<{ user: User; info: Info }>;

  /**
   * Authenticates one request without calling Passport. Returns each outcome and each error as a `LoginResult`, so the
   * promise never rejects.
   */
  async attempt(req: GenAuthRequest): Promise<LoginResult> {
    const context = { options: this.client.options, acceptLanguage: req.headers['accept-language'] };
    try {
      const { user, info } = await this.identify(req);
      if (this.verify === undefined) return { kind: 'success', user, info };
      const verified = await callVerify(this.verify, req, user, info);
      if (verified.user) return { kind: 'success', user: verified.user, info: verified.info ?? info };
      return { kind: 'denied', info: verified.info, body: buildDenial(context) };
    } catch (error) {
      const refusal = toRefusal(error, context);
      if (refusal !== undefined) return { kind: 'refusal', refusal };
      return { kind: 'error', error: toError(error) };
    }
  }

  /** Calls the Passport action that matches `result`: `success`, `fail` or `error`. */
  protected act(result: LoginResult, passport: PassportActions, _req: GenAuthRequest): void {
    switch (result.kind) {
      case 'success':
        return passport.success(result.user, result.info);
      case 'denied':
        return passport.fail(result.info, 403);
      case 'error':
        return passport.error(result.error);
      case 'refusal': {
        const { action, status, error, headers } = result.refusal;
        // Passport writes the first argument of `fail` into the header `WWW-Authenticate` only if the argument is a
        // string.
        return action === 'error' ? passport.error(error) : passport.fail(headers['www-authenticate'] ?? error, status);
      }
    }
  }
}

interface Verified {
  user: object | false | null | undefined;
  info: unknown;
}

function callVerify(verify: VerifyFunction, req: GenAuthRequest, user: unknown, info: unknown): Promise<Verified> {
  return new Promise((resolve, reject) => {
    const returned = verify(req, user, info, (error, mapped, ownInfo) => {
      if (error) reject(error as Error);
      else resolve({ user: mapped, info: ownInfo });
    });
    // Only a real promise is used. A query object of a database library can have the methods `then` and `catch`, and a
    // call of its `catch` would run the query a second time.
    if (isPromise(returned)) returned.catch(reject);
  });
}
