import type { GenAuthClient } from '../core/client.js';
import { GenAuthAdStrategy } from '../passport/ad.strategy.js';
import { GenAuthBearerStrategy } from '../passport/bearer.strategy.js';
import type { Attempt, GenAuthStrategy, PassportActions } from '../passport/genauth.strategy.js';
import { GenAuthPasswordStrategy } from '../passport/password.strategy.js';
import { toException } from './genauth.exception.js';

type StrategyClass = new (client: GenAuthClient<string>) => GenAuthStrategy<string, unknown, unknown>;

/**
 * The same strategy for `AuthGuard` of @nestjs/passport, which makes one bare 401 of whatever a strategy fails with and passes on
 * what it reports as an error: so here a refusal is an exception with the right status and body.
 */
function answeringByException<Base extends StrategyClass>(base: Base): Base {
  abstract class Answering extends (base as StrategyClass) {
    protected override act(attempt: Attempt, passport: PassportActions): void {
      if (attempt.kind === 'refusal') passport.error(toException(attempt.refusal));
      else super.act(attempt, passport);
    }
  }
  return Answering as unknown as Base;
}

export const PasswordStrategyForNest = answeringByException(GenAuthPasswordStrategy);
export const AdStrategyForNest = answeringByException(GenAuthAdStrategy);
export const BearerStrategyForNest = answeringByException(GenAuthBearerStrategy);
