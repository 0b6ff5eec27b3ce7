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
 * The same strategy for `AuthGuard` of @nestjs/passport, which makes one bare 401 of whatever a strategy fails with and passes on
 * what it reports as an error: so here a refusal is an exception with the right status and body.
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
