import type { GenAuthRequest } from '../core/options/types.js';
import type { LoginResult, PassportActions } from '../passport/genauth.strategy.js';
import { reportRefusal } from '../web/report-refusal.js';
import { findReply } from '../web/response.js';
import { type AnyStrategy, closesAtExpiry } from './applications.js';
import { endEventsAtExpiry, getExpiry } from './contexts/expiry.js';
import { toHttpException } from './genauth.exception.js';
import { NO_STORE, writeHeaders } from './response-headers.js';

/**
 * Ends a request in the way of @nestjs/passport. It replaces the method `act` of each strategy of a Nest application.
 *
 * If a strategy calls `fail`, `AuthGuard` answers with HTTP status 401 and without the body of passport-genauth. If a
 * strategy calls `error`, `AuthGuard` throws the argument. So this function calls `error` for each refusal, with an
 * exception that contains the HTTP status and the body. It calls `fail` only if another strategy of the same
 * `AuthGuard` may authenticate the request.
 */
export function answerByException(
  this: AnyStrategy,
  result: LoginResult,
  passport: PassportActions,
  req: GenAuthRequest,
): void {
  switch (result.kind) {
    case 'success': {
      if (this.kind !== 'bearer') writeHeaders(req, NO_STORE);
      const isBearer = this.kind === 'bearer' && closesAtExpiry(this.client);
      const exp = isBearer ? getExpiry(result.info, this.client.options) : undefined;
      if (exp !== undefined) endEventsAtExpiry(req, exp);
      users.set(req, { user: result.user, info: result.info });
      return passport.success(result.user, result.info);
    }
    case 'redirect': {
      writeHeaders(req, NO_STORE);
      // Passport writes on the response of Node.js, which Fastify does not hand to it.
      const reply = findReply(req);
      return reply === undefined ? passport.redirect(result.url) : void reply.redirect(result.url);
    }
    case 'error':
      return passport.error(result.error);
    case 'denied':
    case 'refusal': {
      const { refusal } = result;
      const exception = toHttpException(refusal, req);
      const report = (): void => reportRefusal(refusal, this.client.options, req);
      if (result.kind === 'refusal' && result.isForOther) {
        reports.set(exception, report);
        return passport.fail(exception, refusal.status);
      }
      report();
      return passport.error(exception);
    }
  }
}

/** Reports the refusal of each exception after which another strategy of the same `AuthGuard` may be tried. */
const reports = new WeakMap<object, () => void>();

/** Reports a refusal to the operator, if no other strategy of the `AuthGuard` has authenticated the request. */
export function reportFinalRefusal(exception: object): void {
  reports.get(exception)?.();
}

/** The user and the auth info of each request that a strategy has accepted. */
const users = new WeakMap<object, { user: unknown; info: unknown }>();

/** Returns the user and the auth info with which a strategy ended this request, or `undefined` if none did. */
export function recallUser(req: object): { user: unknown; info: unknown } | undefined {
  return users.get(req);
}
