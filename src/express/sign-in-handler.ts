import type { IncomingMessage, ServerResponse } from 'node:http';
import passport from 'passport';
import { buildOptionError } from '../core/errors.js';
import type { GenAuthRequest } from '../core/options/types.js';
import { quote } from '../core/util/quote.js';
import { type LoginResult, TAKE_STRATEGY } from '../passport/genauth.strategy.js';
import { warnOperator } from '../web/operator-warning.js';
import { toError } from '../web/refusal.js';
import { answerJson } from './answer-json.js';

type Next = (error?: unknown) => void;
/** An Express handler, 4 or 5, without either's types. */
export type SignInHandler = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

/** The part of `GenAuthPasswordStrategy` and `GenAuthAdStrategy` that the handler uses. */
export interface SignInStrategy {
  readonly name: string;
  attempt(req: GenAuthRequest): Promise<LoginResult>;
}

/** Passport without its types, which an application need not have. */
interface Authenticator {
  authenticate(
    name: string,
    options: Readonly<Record<string | symbol, unknown>>,
    callback: (error: unknown) => void,
  ): SignInHandler;
}

/**
 * The login handler for Express: signs in, puts `user` and `authInfo` on the request and calls the next handler, or
 * answers with the same JSON as the Nest guards do. Errors that are not of this library go to Express.
 *
 * ```ts
 * const strategy = new GenAuthPasswordStrategy(client);
 * app.post('/login', signInHandler(strategy), (req, res) => res.json(req.user));
 * ```
 *
 * @param strategy - A strategy, or the name under which Passport's global instance has it: `'genauth-password'`.
 * @throws ConfigurationError for anything else. A name that Passport does not know is an error of the first request,
 * because a strategy may be registered later.
 */
export function signInHandler(strategy: SignInStrategy | string): SignInHandler {
  const given: unknown = strategy;
  if (
    given === '' ||
    (typeof given !== 'string' && typeof (given as Partial<SignInStrategy>)?.attempt !== 'function')
  ) {
    const problem = `got ${quote(given)}`;
    const fix = 'write signInHandler(new GenAuthPasswordStrategy(client))';
    throw buildOptionError({ option: 'signInHandler', problem, fix });
  }
  if (typeof strategy !== 'string') return (req, res, next) => handle(strategy, req, res, next);
  return (req, res, next) => {
    const take = (found: SignInStrategy): void => handle(found, req, res, next);
    const options = { session: false, [TAKE_STRATEGY]: take };
    // Called for a name that Passport does not know, and by a strategy that is not of this library.
    const callback = (error: unknown): void => {
      const fix =
        'write signInHandler(new GenAuthPasswordStrategy(client)), or passport.use(…) it before the first request';
      const problem = `got ${quote(strategy)}, which is no strategy of passport-genauth`;
      next(error ?? buildOptionError({ option: 'signInHandler', problem, fix }));
    };
    (passport as unknown as Authenticator).authenticate(strategy, options, callback)(req, res, next);
  };
}

function handle(strategy: SignInStrategy, req: IncomingMessage, res: ServerResponse, next: Next): void {
  const answer = (result: LoginResult): void => {
    switch (result.kind) {
      case 'success':
        Object.assign(req, { user: result.user, authInfo: result.info });
        // The next handler answers with tokens (RFC 6749 §5.1).
        if (!res.headersSent) res.setHeader('cache-control', 'no-store');
        return next();
      case 'denied':
        return answerJson(res, result.body, {});
      case 'refusal':
        warnOperator(strategy.name, result.refusal);
        return answerJson(res, result.refusal.body, result.refusal.headers);
      case 'error':
        return next(toError(result.error));
    }
  };
  void strategy
    .attempt(req as GenAuthRequest)
    .then(answer)
    .catch((thrown: NodeJS.ErrnoException) => {
      // The attempt never rejects, so the next handler threw, or another one, a time-out for example, has answered
      // already.
      if (thrown.code !== 'ERR_HTTP_HEADERS_SENT') next(toError(thrown));
    });
}
