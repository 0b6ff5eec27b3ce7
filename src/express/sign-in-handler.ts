import type { IncomingMessage, ServerResponse } from 'node:http';
import defaultPassport from 'passport';
import { answerJson } from './answer-json.js';
import { getLastAttempt } from '../passport/genauth.strategy.js';
import { warnOperator } from '../web/operator-warning.js';

type Next = (error?: unknown) => void;
/** An Express handler, 4 or 5, without either's types. */
export type SignInHandler = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

interface Authenticator {
  authenticate(
    name: string,
    options: { session: boolean },
    callback: (error: unknown, user?: unknown, info?: unknown, status?: unknown) => void,
  ): SignInHandler;
}

/**
 * The login handler for Express: runs the strategy, puts `user` and `authInfo` on the request and goes on, or answers with
 * the same JSON as the Nest guards do. Errors that are not this library's go to Express.
 *
 * @param name - The strategy: `'genauth-password'` or `'genauth-ad'`.
 * @param options - `passport`: an instance of your own; default: Passport's global one.
 */
export function signInHandler(
  name: string,
  { passport = defaultPassport }: { passport?: unknown } = {},
): SignInHandler {
  const authenticator = passport as Authenticator;
  return (req, res, next) => {
    const run = authenticator.authenticate(name, { session: false }, (error, user, info) => {
      if (user) {
        Object.assign(req, { user, authInfo: info });
        // What follows answers with tokens (RFC 6749 §5.1).
        if (!res.headersSent) res.setHeader('cache-control', 'no-store');
        return next();
      }
      const attempt = getLastAttempt(req);
      if (attempt?.kind === 'denied') return answerJson(res, attempt.body, {});
      if (attempt?.kind !== 'refusal')
        return next(error ?? new Error(`the strategy ${name} is not of passport-genauth`));
      warnOperator(name, attempt.refusal);
      return answerJson(res, attempt.refusal.body, attempt.refusal.headers);
    });
    run(req, res, next);
  };
}
