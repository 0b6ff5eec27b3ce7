import { type CanActivate, type ExecutionContext, ForbiddenException, Inject, Injectable } from '@nestjs/common';
import { GenAuthAdStrategy } from '../passport/ad.strategy.js';
import type { GenAuthStrategy } from '../passport/genauth.strategy.js';
import { DENIED } from '../passport/outcome.js';
import { GenAuthPasswordStrategy } from '../passport/password.strategy.js';
import { readHttpContext } from './http-context.js';

/** A login route's guard: puts the signed-in user and the tokens on the request, or refuses. */
abstract class SignInGuard implements CanActivate {
  protected abstract readonly strategy: GenAuthStrategy<string, unknown, unknown>;

  /** @throws GenAuthException with the answer. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { request, refuse } = readHttpContext(context);
    const attempt = await this.strategy.attempt(request);
    switch (attempt.kind) {
      case 'success':
        request.user = attempt.user;
        request.authInfo = attempt.info;
        return true;
      case 'refusal':
        throw refuse(attempt.refusal);
      case 'denied':
        throw new ForbiddenException(DENIED);
      case 'error':
        throw attempt.error;
    }
  }
}

/**
 * Signs in with `account` and `password` of the body; answers like `AuthGuard('genauth-password')`, and asks the strategy of
 * its own application even where several Nest applications share a process and Passport's registry.
 */
@Injectable()
export class GenAuthPasswordGuard extends SignInGuard {
  constructor(@Inject(GenAuthPasswordStrategy) protected readonly strategy: GenAuthPasswordStrategy<string>) {
    super();
  }
}

/** Signs in with `sAMAccountName` and `password` of the body; otherwise as `GenAuthPasswordGuard`. */
@Injectable()
export class GenAuthAdGuard extends SignInGuard {
  constructor(@Inject(GenAuthAdStrategy) protected readonly strategy: GenAuthAdStrategy<string>) {
    super();
  }
}
