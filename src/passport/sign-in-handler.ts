import type { IncomingMessage, ServerResponse } from 'node:http';
import defaultPassport from 'passport';
import { GenAuthError } from '../core/errors.js';
import { DENIED, type Refusal, type RefusalBody, toRefusal } from './outcome.js';

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
        return next();
      }
      const refusal = toRefusal(error ?? info);
      if (refusal === undefined && error) return next(error);
      if (refusal === undefined) return answer(res, DENIED, {});
      warnOperator(refusal);
      return answer(res, refusal.body, refusal.headers);
    });
    run(req, res, next);
  };
}

function answer(res: ServerResponse, body: RefusalBody, headers: Readonly<Record<string, string>>): void {
  // Somebody else, a time-out say, was faster.
  if (res.headersSent) return;
  const json = JSON.stringify(body);
  res.writeHead(body.statusCode, {
    ...headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(json),
    'cache-control': 'no-store',
  });
  res.end(json);
}

const MAX_WARNINGS = 20;
const warned = new Set<string>();

/** Express does not get to see these errors, so the operator is told here: once of each, whatever the number of logins. */
function warnOperator({ action, error }: Refusal): void {
  if (action !== 'error') return;
  // Of a function of the application's own, only its error says what is wrong.
  const own =
    error.code === 'invalid_sign_in_options' && error.cause instanceof Error ? ` (${error.cause.message})` : '';
  const key = `${error.code} ${error.cause instanceof GenAuthError ? error.cause.code : own}`;
  if (warned.has(key) || warned.size >= MAX_WARNINGS) return;
  warned.add(key);
  process.emitWarning(error.message + own, { type: 'GenAuthWarning', code: `GENAUTH_${error.code.toUpperCase()}` });
}
