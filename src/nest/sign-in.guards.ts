import { type CanActivate, type ExecutionContext, ForbiddenException, Inject, Injectable } from '@nestjs/common';
import { GenAuthAdStrategy } from '../passport/ad.strategy.js';
import type { GenAuthStrategy } from '../passport/genauth.strategy.js';
import { GenAuthPasswordStrategy } from '../passport/password.strategy.js';
import { DEFAULT_NAME } from '../core/options/option-checker.js';
import { getProviderToken, memoizeByName } from './genauth.providers.js';
import { registerGuard } from './guard-registry.js';
import { readHttpContext } from './contexts/http.js';
import { NO_STORE, writeHeaders } from './response-headers.js';

/** Guards a login route: stores the signed-in user and the tokens on the request, or refuses. */
abstract class SignInGuard implements CanActivate {
  protected abstract readonly strategy: GenAuthStrategy<string, Record<string, unknown>, unknown, unknown>;

  /** @throws GenAuthException with the response. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { request, state, refuse } = readHttpContext(context);
    const result = await this.strategy.attempt(request);
    switch (result.kind) {
      case 'success':
        state.user = result.user;
        state.authInfo = result.info;
        writeHeaders(request, NO_STORE);
        return true;
      case 'refusal':
        throw await refuse(result.refusal);
      case 'denied':
        throw new ForbiddenException(result.body);
      case 'error':
        throw result.error;
    }
  }
}

/**
 * Signs in with `account` (or `email`, `username`, `phone`) and `password` of the body. It answers as
 * `AuthGuard('genauth-password')` does. It uses the strategy of its own Nest application, even if several Nest
 * applications share a process and Passport's registry.
 */
@Injectable()
export class GenAuthPasswordGuard extends SignInGuard {
  /** Returns the guard of the application with that `name`, if a process has several. */
  static readonly named = memoizeByName((name): typeof GenAuthPasswordGuard => {
    if (name === DEFAULT_NAME) return GenAuthPasswordGuard;
    @Injectable()
    class NamedPasswordGuard extends GenAuthPasswordGuard {
      constructor(@Inject(getProviderToken('password', name)) strategy: GenAuthPasswordStrategy<string>) {
        super(strategy);
      }
    }
    registerGuard(NamedPasswordGuard, 'sign-in', name);
    return NamedPasswordGuard;
  });

  constructor(@Inject(GenAuthPasswordStrategy) protected readonly strategy: GenAuthPasswordStrategy<string>) {
    super();
  }
}

/** Signs in with `sAMAccountName` and `password` of the body, otherwise as `GenAuthPasswordGuard`. */
@Injectable()
export class GenAuthAdGuard extends SignInGuard {
  /** Returns the guard of the application with that `name`, if a process has several. */
  static readonly named = memoizeByName((name): typeof GenAuthAdGuard => {
    if (name === DEFAULT_NAME) return GenAuthAdGuard;
    @Injectable()
    class NamedAdGuard extends GenAuthAdGuard {
      constructor(@Inject(getProviderToken('ad', name)) strategy: GenAuthAdStrategy<string>) {
        super(strategy);
      }
    }
    registerGuard(NamedAdGuard, 'sign-in', name);
    return NamedAdGuard;
  });

  constructor(@Inject(GenAuthAdStrategy) protected readonly strategy: GenAuthAdStrategy<string>) {
    super();
  }
}

registerGuard(GenAuthPasswordGuard, 'sign-in', DEFAULT_NAME);
registerGuard(GenAuthAdGuard, 'sign-in', DEFAULT_NAME);
