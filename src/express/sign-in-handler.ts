import type { IncomingMessage, ServerResponse } from 'node:http';
import passport from 'passport';
import type { AnyGenAuthClient } from '../core/client.js';
import { ConfigurationError, buildOptionError, describeMistake } from '../core/errors.js';
import type { GenAuthRequest } from '../core/options/types.js';
import { quote } from '../core/util/quote.js';
import { describeArgument, expectCalled } from '../web/describe-argument.js';
import { GenAuthBearerStrategy } from '../passport/bearer.strategy.js';
import { type LoginResult, TAKE_STRATEGY, listStrategyNames } from '../passport/genauth.strategy.js';
import { toError } from '../web/refusal.js';
import type { MaybePromise } from '../core/util/maybe-promise.js';
import { reportRefusal } from '../web/report-refusal.js';
import { answerJson } from './answer-json.js';

/** Express's function that continues with the next handler, or with the error handler if it receives an error. */
type Next = (error?: unknown) => void;
/** A request handler for Express 4 and 5. This type does not import types of Express. */
export type SignInHandler = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

/** The members of a strategy that signs users in, which `signInHandler` uses. */
export interface SignInStrategy {
  /** The strategy's name, such as `genauth-password`. */
  readonly name: string;
  /** The client of the strategy. */
  readonly client: Pick<AnyGenAuthClient, 'options'>;
  /**
   * Signs in the user of a request. Returns each outcome and each error as a `LoginResult`, so the promise never
   * rejects.
   */
  attempt(req: GenAuthRequest): MaybePromise<LoginResult>;
}

/**
 * The function of Passport that `signInHandler` calls. @types/passport is not imported, because some applications do
 * not install it.
 */
interface Authenticator {
  authenticate(
    name: string,
    options: Readonly<Record<string | symbol, unknown>>,
    callback: (error: unknown) => void,
  ): SignInHandler;
}

/**
 * Creates the login handler for Express. After a successful sign-in the login handler sets `req.user` and
 * `req.authInfo`, sets the response header `Cache-Control: no-store`
 * ([RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)) and calls the next handler. After a refused
 * sign-in it sends a JSON response with a `RefusalBody`. It passes every error that is not an error of passport-genauth
 * to `next`.
 *
 * @param strategy - A strategy, or the name of a strategy that is registered with Passport, such as
 * `'genauth-password'`. The login handler looks up the name for each request, so the strategy can be registered after
 * this call. For an unknown name, and for a strategy of another package, the login handler passes a
 * `ConfigurationError` with the known names to `next`.
 * @throws ConfigurationError if `strategy` is neither a non-empty string nor a strategy of passport-genauth. Also
 * throws for a `GenAuthBearerStrategy`, which signs no user in.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { GenAuthClient, GenAuthPasswordStrategy, signInHandler } from 'passport-genauth';
 *
 * const client = new GenAuthClient({
 *   appId: '65f0c1d2e3a4b5c6d7e8f901',
 *   appSecret: '0123456789abcdef0123456789abcdef',
 *   appHost: 'https://example.genauth.ai',
 * });
 * const app = express().use(express.json());
 * app.post('/login', signInHandler(new GenAuthPasswordStrategy(client)), (_req, res) => {
 *   res.json({ signedIn: true });
 * });
 * ```
 */
export function signInHandler(strategy: SignInStrategy | string): SignInHandler {
  const given: unknown = strategy;
  expectCalled('signInHandler', `app.post('/login', ${LINE})`, given);
  if (
    given === '' ||
    (typeof given !== 'string' && typeof (given as Partial<SignInStrategy>)?.attempt !== 'function')
  ) {
    const problem = `got ${describeArgument(given)} in place of a strategy`;
    throw buildOptionError({ option: 'signInHandler', problem, fix: `write ${LINE}` });
  }
  if (isBearer(strategy)) throw buildBearerError(strategy);
  if (typeof strategy !== 'string') return (req, res, next) => handle(strategy, req, res, next);
  return (req, res, next) => {
    const take = (found: SignInStrategy): void =>
      isBearer(found) ? next(buildBearerError(found)) : handle(found, req, res, next);
    const options = { session: false, [TAKE_STRATEGY]: take };
    // Passport calls this callback if the registered strategy is not a strategy of passport-genauth.
    const callback = (error: unknown): void => next(error ?? buildNameError(strategy));
    // Passport calls `next` directly if no strategy has this name.
    const unknown = (error: unknown): void => next(buildNameError(strategy, error));
    (passport as unknown as Authenticator).authenticate(strategy, options, callback)(req, res, unknown);
  };
}

const LINE = 'signInHandler(new GenAuthPasswordStrategy(client))';

function isBearer(strategy: SignInStrategy | string): strategy is GenAuthBearerStrategy {
  return strategy instanceof GenAuthBearerStrategy;
}

function buildBearerError({ name }: Pick<SignInStrategy, 'name'>): ConfigurationError {
  const problem = `got the strategy ${quote(name)}, which verifies access tokens and signs no user in`;
  const fix = `write ${LINE} for a login route, or requireAuth(client) for a guarded route`;
  return buildOptionError({ option: 'signInHandler', problem, fix });
}

function buildNameError(strategy: string, cause?: unknown): ConfigurationError {
  const created = listStrategyNames().map(quote).join(', ');
  const fix =
    'write signInHandler(new GenAuthPasswordStrategy(client)), ' +
    'or passport.use(new GenAuthPasswordStrategy(client)) before the first request';
  const problem =
    `got ${quote(strategy)}, which is not the name of a registered strategy of passport-genauth. ` +
    `The created strategies are ${created === '' ? 'none' : created}`;
  const mistake = { option: 'signInHandler', problem, fix };
  return new ConfigurationError('invalid_options', describeMistake(mistake), {
    cause,
    details: { mistakes: [mistake] },
  });
}

function handle(strategy: SignInStrategy, req: IncomingMessage, res: ServerResponse, next: Next): void {
  const answer = (result: LoginResult): void => {
    switch (result.kind) {
      case 'success':
        Object.assign(req, { user: result.user, authInfo: result.info });
        // The response of the next handler contains tokens, so no cache may store it (RFC 6749 §5.1).
        if (!res.headersSent) res.setHeader('cache-control', 'no-store');
        return next();
      case 'redirect':
        res.writeHead(302, { location: result.url, 'cache-control': 'no-store' }).end();
        return undefined;
      case 'denied':
      case 'refusal': {
        const { body, headers } = result.refusal;
        reportRefusal(result.refusal, strategy.client.options, req as GenAuthRequest);
        return answerJson(res, body, result.kind === 'denied' ? {} : headers);
      }
      case 'error':
        return next(toError(result.error));
    }
  };
  void Promise.resolve()
    .then(() => strategy.attempt(req as GenAuthRequest))
    .then(answer)
    .catch((thrown: NodeJS.ErrnoException) => {
      // The promise of `attempt` never rejects, so `thrown` is an error of the next handler. `thrown` is ignored if the
      // response was already sent, for example by a timeout handler.
      if (thrown.code !== 'ERR_HTTP_HEADERS_SENT') next(toError(thrown));
    });
}
