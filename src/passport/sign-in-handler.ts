import type { IncomingMessage, ServerResponse } from 'node:http';
import defaultPassport from 'passport';
import { answerJson } from './answer-json.js';
import { getLastAttempt } from './genauth.strategy.js';
import type { Refusal } from './outcome.js';

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
      warnOperator(attempt.refusal);
      return answerJson(res, attempt.refusal.body, attempt.refusal.headers);
    });
    run(req, res, next);
  };
}

const WARNING_PAUSE_MS = 60_000;
const warnedAt = new Map<string, number>();

/** Express does not get to see these errors, so the operator is told here: of each kind once a minute, however many logins. */
function warnOperator({ action, error }: Refusal): void {
  const now = performance.now();
  if (action !== 'error' || now - (warnedAt.get(error.code) ?? -Infinity) < WARNING_PAUSE_MS) return;
  warnedAt.set(error.code, now);
  // Of a function of the application's own, only its error says what is wrong.
  const own =
    error.code === 'invalid_sign_in_options' && error.cause instanceof Error ? ` (${error.cause.message})` : '';
  process.emitWarning(error.message + own, { type: 'GenAuthWarning', code: `GENAUTH_${error.code.toUpperCase()}` });
}
