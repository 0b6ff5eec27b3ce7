import CustomStrategy from 'passport-custom';
import type { GenAuthClient } from '../core/client.js';
import { AuthorizationError, buildOptionError } from '../core/errors.js';
import type { GenAuthOptions, GenAuthRequest } from '../core/options/types.js';
import { type MaybePromise, chain, recover } from '../core/util/maybe-promise.js';
import { quote } from '../core/util/quote.js';
import { type VerifyFunction, callVerify } from '../web/application-user.js';
import { type Refusal, type RefusalContext, toError, toRefusal } from '../web/refusal.js';
import { reportRefusal, reportRefusalLater } from '../web/report-refusal.js';
import { toClient } from '../web/to-client.js';

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
  /** Sends the browser to a URL, with the status 302. */
  redirect: (url: string) => void;
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

/** The names of the classes of the strategies, by their kind. */
export const CLASS_NAMES = {
  password: 'GenAuthPasswordStrategy',
  ad: 'GenAuthAdStrategy',
  bearer: 'GenAuthBearerStrategy',
  redirect: 'GenAuthRedirectStrategy',
} as const;

/** The kind of a strategy: it signs users in, or verifies access tokens. */
export type StrategyKind = keyof typeof CLASS_NAMES;

/** The result of the authentication of one request. */
export type LoginResult =
  /** The request is accepted. `user` becomes `req.user`, and `info` becomes `req.authInfo`. */
  | { kind: 'success'; user: unknown; info: unknown }
  /** The sign-in continues in the browser at this URL. */
  | { kind: 'redirect'; url: string }
  /** The application's function `verify` refused the user. */
  | { kind: 'denied'; info: unknown; refusal: Refusal }
  /**
   * An error of passport-genauth, converted to a response. `isForOther`: the request has no credentials for this
   * strategy, so another strategy of the same route may authenticate it.
   */
  | { kind: 'refusal'; refusal: Refusal; isForOther: boolean }
  /** An error that is not from passport-genauth, for example an error of the application's function `verify`. */
  | { kind: 'error'; error: unknown };

/** A user, or the URL at which the sign-in continues in the browser. */
export type Identified<User, Info> = { user: User; info: Info } | { url: string };

/**
 * Base class of the strategies. For each request the strategy calls `attempt` once, and then exactly one of
 * Passport's actions. One strategy object handles many requests at the same time, so it stores no data of a request.
 */
export abstract class GenAuthStrategy<
  S extends string,
  ExtendedFields extends object,
  User,
  Info,
> extends (CustomStrategy as unknown as PassportStrategyConstructor) {
  /** Whether the strategy signs in users, or verifies access tokens. */
  readonly kind: StrategyKind;
  /** The client of this strategy. Strategies with the same client use the same key set and the same connections. */
  readonly client: GenAuthClient<S, ExtendedFields>;
  /** The application's function that maps the user. `undefined`: the GenAuth user is used. */
  protected readonly verify: VerifyFunction | undefined;

  constructor(
    kind: StrategyKind,
    optionsOrClient: GenAuthOptions<S> | GenAuthClient<S, ExtendedFields>,
    verify: VerifyFunction<User, Info> | undefined,
  ) {
    super(function authenticate(req) {
      // The actions are read before the first `await`. For the next request `passport.authenticate(strategy)` sets
      // other actions on the same strategy object.
      const { success, fail, error, redirect } = this;
      const actions = { success, fail, error, redirect };
      void recover<void>(
        () => chain(this.attempt(req), (result) => this.act(result, actions, req)),
        (thrown) => {
          // `attempt` never throws. So `thrown` is an error of Passport (flash messages without a session) or of the
          // application's callback. The request ends with this error, and the process continues.
          // Passport throws `ERR_HTTP_HEADERS_SENT` if the response was already sent, for example by a timeout handler.
          // Then the request has already ended.
          if ((thrown as NodeJS.ErrnoException).code !== 'ERR_HTTP_HEADERS_SENT') actions.error(thrown);
        },
      );
    });
    if (verify !== undefined) expectVerify(verify);
    if (typeof optionsOrClient === 'function') {
      const fix = 'pass the options or a client first, super(client) in a class that extends the strategy';
      throw buildOptionError({ option: 'optionsOrClient', problem: 'is a function', fix });
    }
    this.kind = kind;
    const className = CLASS_NAMES[kind];
    const line = `new ${className}(client), or super(client) in a class that extends it`;
    this.client = toClient(optionsOrClient, className, line);
    this.name = `${this.client.options.name}-${kind}`;
    // TypeScript has checked the types of the parameter `verify`. The type of the field is more general, so that
    // strategies with different user types are assignable to one type.
    this.verify = verify as VerifyFunction | undefined;
    warnSharedName(this.name, this.client);
  }

  /** Authenticates a request. Passport calls this method. */
  override authenticate(req: GenAuthRequest, options?: Readonly<Record<string | symbol, unknown>>): void {
    const take = options?.[TAKE_STRATEGY];
    // Passport calls the strategy on a new object, if it has found the strategy by its name.
    const isFoundByName = !Object.hasOwn(this, 'client');
    const other = isFoundByName ? router.find?.(req, Object.getPrototypeOf(this) as this) : undefined;
    if (typeof take === 'function') take(this);
    else if (other instanceof Error) this.error(other);
    else if (other === undefined) super.authenticate(req, options);
    else Object.assign(Object.create(other) as this, this).authenticate(req, options);
  }

  /**
   * Whether the application checks the users of this strategy, with `verify` or the method `validate`.
   *
   * @internal
   */
  get checksUsers(): boolean {
    return this.verify !== undefined;
  }

  /**
   * Finds the user who sent the request, by signing in the user or by verifying the access token.
   *
   * @throws GenAuthError if the user cannot sign in or if the access token is not accepted.
   */
  protected abstract identify(req: GenAuthRequest): MaybePromise<Identified<User, Info>>;

  /**
   * Whether the request has no credentials for this strategy, so that another strategy of the same route may
   * authenticate it.
   */
  protected abstract isForOther(req: GenAuthRequest): boolean;

  /**
   * Authenticates one request without calling Passport. Returns each outcome and each error as a `LoginResult`, so it
   * never throws. A promise is returned only if GenAuth must be asked, or if a function of the application returns a
   * promise. The promise never rejects. The caller reports a refusal to the operator.
   */
  attempt(req: GenAuthRequest): MaybePromise<LoginResult> {
    return recover<LoginResult>(
      () =>
        chain(this.identify(req), (identified) => {
          if ('url' in identified) return { kind: 'redirect', url: identified.url };
          const { user, info } = identified;
          if (this.verify === undefined) return { kind: 'success', user, info };
          return verifyUser(this.verify, this.client.options, req, user, info);
        }),
      (error) => {
        const refusal = toRefusal(error, getContext(this.client.options, req));
        if (refusal !== undefined) return { kind: 'refusal', refusal, isForOther: this.isForOther(req) };
        return { kind: 'error', error: toError(error) };
      },
    );
  }

  /**
   * Calls the Passport action that matches `result`: `success`, `redirect`, `fail` or `error`. Passport tries the next
   * strategy of the route after `fail`. A wrong access token must end the request, so the bearer strategy calls `error`
   * for it.
   *
   * @internal
   */
  act(result: LoginResult, passport: PassportActions, req: GenAuthRequest): void {
    const { options } = this.client;
    switch (result.kind) {
      case 'success':
        return passport.success(result.user, result.info);
      case 'redirect':
        return passport.redirect(result.url);
      case 'denied':
        if (this.kind === 'bearer') {
          reportRefusal(result.refusal, options, req);
          return passport.error(result.refusal.error);
        }
        reportRefusalLater(result.refusal, options, req);
        // `failureMessage` and `failureFlash` of Passport show the message to the end user.
        return passport.fail(result.info ?? { message: result.refusal.body.message }, 403);
      case 'error':
        return passport.error(result.error);
      case 'refusal': {
        const { action, status, error, headers } = result.refusal;
        if (action === 'error' || (this.kind === 'bearer' && !result.isForOther)) {
          reportRefusal(result.refusal, options, req);
          // Error handlers of Express read the `headers` of an error.
          return passport.error(this.kind === 'bearer' ? Object.assign(error, { headers }) : error);
        }
        reportRefusalLater(result.refusal, options, req);
        // Passport writes the first argument of `fail` into the header `WWW-Authenticate` only if the argument is a
        // string.
        return passport.fail(headers['www-authenticate'] ?? error, status);
      }
    }
  }
}

// These are functions and not private methods, because a method of a subclass may have the same name.

/** Calls the application's function `verify`. */
async function verifyUser(
  verify: VerifyFunction,
  options: GenAuthClient<string>['options'],
  req: GenAuthRequest,
  user: unknown,
  info: unknown,
): Promise<LoginResult> {
  const verified = await callVerify(verify, options.timeout, req, user, info);
  if (verified.user) return { kind: 'success', user: verified.user, info: verified.info ?? info };
  const message = "The application's function verify refused the user.";
  const denial = new AuthorizationError('verify_denied', message, { callback: 'verify' });
  return { kind: 'denied', info: verified.info, refusal: toRefusal(denial, getContext(options, req)) };
}

function getContext(options: RefusalContext['options'], req: GenAuthRequest): RefusalContext {
  return { options, acceptLanguage: req.headers['accept-language'] };
}

/**
 * Checks the application's function `verify`.
 *
 * @throws ConfigurationError if `verify` is not a function.
 */
export function expectVerify(verify: unknown): void {
  if (typeof verify === 'function') return;
  const fix = 'write (req, user, info, done) => done(null, user), or leave verify out';
  throw buildOptionError({ option: 'verify', problem: `is ${quote(verify)}`, fix });
}

/**
 * Refuses a class that passes a function `verify` to `super` and also has a method `validate`: `PassportStrategy` of
 * @nestjs/passport appends a call of `validate` as the last argument, which would be ignored.
 *
 * @param count - The number of arguments that the constructor of a strategy got.
 * @param line - The call of `super` to write. Its last argument is the last one before `verify`.
 * @param max - The number of arguments that the constructor uses.
 * @throws ConfigurationError if the constructor got more arguments.
 */
export function refuseMoreArguments(count: number, line = 'super(client)', max = 2): void {
  if (count <= max) return;
  const fix = `in a class with the method validate, leave verify out: ${line}`;
  throw buildOptionError({ option: 'verify', problem: 'is followed by another argument', fix });
}

/**
 * Finds the strategy of the Nest application that handles a request, in place of a strategy that was registered with
 * Passport later under the same name. Returns an error if the strategy is not known. The Nest module sets the function.
 */
export const router: { find?: (req: object, registered: object) => object | undefined } = {};

/** Clients whose strategies are kept apart by the Nest application that uses them. */
export const clientsOfNest = new WeakSet<object>();
/** The client of the newest strategy with each name. */
const newestClients = new Map<string, WeakRef<GenAuthClient<string>>>();
const warnedNames = new Set<string>();

/** Returns the names of all strategies that were created in this process. */
export function listStrategyNames(): string[] {
  return [...newestClients.keys()];
}

/** Warns once if two clients of different GenAuth applications have strategies with the same name. */
function warnSharedName(name: string, client: Pick<GenAuthClient<string>, 'options'>): void {
  const other = newestClients.get(name)?.deref();
  newestClients.set(name, new WeakRef(client as GenAuthClient<string>));
  if (clientsOfNest.has(client)) return;
  const { appId, appHost } = client.options;
  if (other === undefined || other.isClosed || warnedNames.has(name)) return;
  if (other.options.appId === appId && other.options.appHost === appHost) return;
  warnedNames.add(name);
  process.emitWarning(
    `Two clients have strategies with the name ${quote(name)}, for the apps ${quote(other.options.appId)} of ` +
      `${other.options.appHost} and ${quote(appId)} of ${appHost}. Passport keeps only the last strategy of a name. ` +
      "Give the second client another name: new GenAuthClient({ …, name: 'staff' }).",
    { type: 'GenAuthWarning', code: 'GENAUTH_SHARED_STRATEGY_NAME' },
  );
}
