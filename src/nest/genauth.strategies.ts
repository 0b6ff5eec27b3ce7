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
 * Adapts a strategy to `AuthGuard` of @nestjs/passport. `AuthGuard` turns each failure of a strategy into a bare 401,
 * and passes on its errors. So here a refusal is an error: an exception with the status and the body.
 */
function answeringByException<Base extends StrategyClass>(
  base: Base,
  successHeaders: Record<string, string> = {},
): Base {
  abstract class Answering extends (base as StrategyClass) {
    protected override act(result: LoginResult, passport: PassportActions, req: GenAuthRequest): void {
      if (result.kind === 'refusal') return passport.error(toHttpException(result.refusal, req));
      if (result.kind === 'success') writeHeaders(req, successHeaders);
      return super.act(result, passport, req);
    }
  }
  return Answering as unknown as Base;
}

export const PasswordStrategyForNest = answeringByException(GenAuthPasswordStrategy, NO_STORE);
export const AdStrategyForNest = answeringByException(GenAuthAdStrategy, NO_STORE);
export const BearerStrategyForNest = answeringByException(GenAuthBearerStrategy);
