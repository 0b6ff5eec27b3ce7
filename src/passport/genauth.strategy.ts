import { isPromise } from 'node:util/types';
import CustomStrategy from 'passport-custom';
import { GenAuthClient } from '../core/client.js';
import { buildOptionError } from '../core/errors.js';
import type { GenAuthOptions, GenAuthRequest } from '../core/options/types.js';
import { type Refusal, type RefusalBody, buildDenial, toError, toRefusal } from '../web/refusal.js';

/** What Passport puts on a strategy for each request, as functions of that request. */
export interface PassportActions {
  success: (user: unknown, info?: unknown) => void;
  fail: (challenge: unknown, status: number) => void;
  error: (error: unknown) => void;
}

/** A strategy as Passport sees it. */
interface PassportStrategy extends PassportActions {
  name: string;
  authenticate(req: GenAuthRequest, options?: unknown): void;
}

/**
 * A member of Passport's options, which Passport hands on to the strategy. `signInHandler` finds the strategy of a name
 * by it: the strategy does not authenticate the request, but is given to the function.
 */
export const TAKE_STRATEGY = Symbol('passport-genauth: take the strategy');

// passport-custom's own types tie every user of this package to Express 5's, and its name to 'custom'.
type PassportStrategyConstructor = new (
  authenticate: (this: GenAuthStrategy<string, object, unknown, unknown>, req: GenAuthRequest) => void,
) => PassportStrategy;

/**
 * Maps a signed-in user to the application's own, as Passport's strategies do.
 *
 * @param done - `done(error)`, `done(null, user, info?)`, or `done(null, false, info?)` to keep this person out. Only the
 * first call counts. A promise that rejects is an error too.
 */
export type VerifyFunction<User = unknown, Info = unknown> = Verify<User, Info>['verify'];

// A method, not a property: its parameters are compared both ways, so `(req: express.Request, …) => …` fits.
interface Verify<User, Info> {
  verify(
    req: GenAuthRequest,
    user: User,
    info: Info,
    done: (error: unknown, user?: object | false | null, info?: unknown) => void,
  ): void | Promise<void>;
}

/** How one request ended. */
export type LoginResult =
  | { kind: 'success'; user: unknown; info: unknown }
  /** The application's own `verify` said no. */
  | { kind: 'denied'; info: unknown; body: RefusalBody }
  | { kind: 'refusal'; refusal: Refusal }
  /** An error of the application's own functions. */
  | { kind: 'error'; error: unknown };

/**
 * What the three strategies share: one attempt for each request, answered by exactly one of Passport's actions. No state of
 * a request is kept on the strategy, which serves all of them at once.
 */
export abstract class GenAuthStrategy<
  S extends string,
  ExtendedFields extends object,
  User,
  Info,
> extends (CustomStrategy as unknown as PassportStrategyConstructor) {
  /** The client behind this strategy; strategies that are given one client share its keys and connections. */
  readonly client: GenAuthClient<S, ExtendedFields>;
  protected readonly verify: VerifyFunction | undefined;

  constructor(
    kind: 'password' | 'ad' | 'bearer',
    optionsOrClient: GenAuthOptions<S> | GenAuthClient<S, ExtendedFields>,
    verify: VerifyFunction<User, Info> | undefined,
  ) {
    super(function authenticate(req) {
      // Taken now: where Passport is given a strategy itself and not its name, the next request replaces them on it.
      const { success, fail, error } = this;
      const actions = { success, fail, error };
      void this.attempt(req)
        .then((result) => this.act(result, actions, req))
        .catch((thrown: NodeJS.ErrnoException) => {
          // The attempt never rejects, so this is Passport (flash messages without a session) or the application's callback: the
          // request ends as an error, and not the process. Unless somebody else, a time-out say, has answered it already.
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
    // Kept without its types, which only `identify` of the same strategy has to fit.
    this.verify = verify as VerifyFunction | undefined;
  }

  override authenticate(req: GenAuthRequest, options?: Readonly<Record<string | symbol, unknown>>): void {
    const take = options?.[TAKE_STRATEGY];
    if (typeof take === 'function') take(this);
    else super.authenticate(req, options);
  }

  /** Who sent the request. Throws where that does not become clear. */
  protected abstract identify(req: GenAuthRequest): Promise<{ user: User; info: Info }>;

  /** Runs one request to its end without touching Passport; never rejects. */
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

  /** Tells Passport. */
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
        // Passport writes a challenge into the header only where it is a string.
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
    // Not any thenable: a query of an ORM would run a second time.
    if (isPromise(returned)) returned.catch(reject);
  });
}
