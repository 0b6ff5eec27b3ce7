import type { GenAuthClient } from '../core/client.js';
import type { GenAuthRequest } from '../core/options/types.js';
import { GenAuthAdStrategy } from '../passport/ad.strategy.js';
import { GenAuthBearerStrategy } from '../passport/bearer.strategy.js';
import type { GenAuthStrategy, LoginResult, PassportActions } from '../passport/genauth.strategy.js';
import { GenAuthPasswordStrategy } from '../passport/password.strategy.js';
import { toHttpException } from './genauth.exception.js';
import { NO_STORE, writeHeaders } from './response-headers.js';

type StrategyClass = new (
  client: GenAuthClient<string>,
) => GenAuthStrategy<string, Record<string, unknown>, unknown, unknown>;

/**
 * Adapts a strategy class to `AuthGuard` of @nestjs/passport. If a strategy calls `fail`, `AuthGuard` answers with HTTP
 * status 401 and without the body of passport-genauth. If a strategy calls `error`, `AuthGuard` throws the argument. So
 * the adapted strategy calls `error` for each refusal, with an exception that contains the HTTP status and the body.
 *
 * @param successHeaders - The headers that are written on the response if the authentication succeeds.
 */
function refuseByException<Base extends StrategyClass>(base: Base, successHeaders: Record<string, string> = {}): Base {
  abstract class StrategyForNest extends (base as StrategyClass) {
    protected override act(result: LoginResult, passport: PassportActions, req: GenAuthRequest): void {
      if (result.kind === 'refusal') return passport.error(toHttpException(result.refusal, req));
      if (result.kind === 'success') writeHeaders(req, successHeaders);
      return super.act(result, passport, req);
    }
  }
  return StrategyForNest as unknown as Base;
}

export const PasswordStrategyForNest = refuseByException(GenAuthPasswordStrategy, NO_STORE);
export const AdStrategyForNest = refuseByException(GenAuthAdStrategy, NO_STORE);
export const BearerStrategyForNest = refuseByException(GenAuthBearerStrategy);
