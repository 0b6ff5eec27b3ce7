import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { GenAuthRequest } from '../core/options/types.js';
import { GenAuthAdStrategy } from '../passport/ad.strategy.js';
import { GenAuthPasswordStrategy } from '../passport/password.strategy.js';
import { DEFAULT_NAME } from '../core/options/option-checker.js';
import { findLoginKind } from '../web/login-body.js';
import { reportRefusal } from '../web/report-refusal.js';
import type { Reply } from '../web/response.js';
import { type AnyStrategy, findApplication } from './applications.js';
import { getProviderToken, memoizeByName } from './genauth.providers.js';
import { registerGuard } from './guard-registry.js';
import { readHttpContext } from './contexts/http.js';
import { NO_STORE, writeHeaders } from './response-headers.js';

/**
 * Base class of the guards for login routes. It signs in the user and stores the user and the tokens on the request.
 */
export abstract class SignInGuard implements CanActivate {
  /** Returns the strategy of the module that signs in the user of a request. */
  protected abstract chooseStrategy(request: GenAuthRequest): AnyStrategy;

  /**
   * Signs in the user of the request.
   *
   * @returns `true` if the sign-in succeeds. If it does not succeed, the guard throws. If the sign-in continues on
   * GenAuth's hosted page, the response is sent, and the promise never settles, so that Nest calls no handler.
   * @throws GenAuthException with the HTTP status and the body of the response. Its code is `verify_denied` if the
   * application's function `verify` refused the user.
   */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { request, state, refuse } = readHttpContext(context);
    const strategy = this.chooseStrategy(request);
    // A provider of the application can replace a strategy of the module.
    const used = findApplication(strategy.client)?.replacements.get(strategy) ?? strategy;
    const result = await used.attempt(request);
    switch (result.kind) {
      case 'success':
        state.user = result.user;
        state.authInfo = result.info;
        writeHeaders(request, NO_STORE);
        return true;
      case 'refusal':
      case 'denied':
        reportRefusal(result.refusal, used.client.options, request);
        throw await refuse(result.refusal);
      case 'redirect':
        writeHeaders(request, NO_STORE);
        context.switchToHttp().getResponse<Pick<Reply, 'redirect'>>().redirect(result.url);
        return new Promise(() => {});
      case 'error':
        throw result.error;
    }
  }
}

/**
 * Guards a login route. It signs in the user with the fields of the request body: `password` and exactly one of
 * `account`, `email`, `username` and `phone`. After the sign-in `@CurrentUser()` is a `GenAuthUser` and `@AuthInfo()` a
 * `SignInInfo`.
 *
 * The guard sends the same responses as `AuthGuard('genauth-password')`. `AuthGuard` uses Passport's registry of
 * strategies, which all Nest applications of a process share. This guard uses the strategy of its own Nest application.
 *
 * @example
 * ```ts
 * import { Controller, Post, UseGuards } from '@nestjs/common';
 * import type { GenAuthUser } from 'passport-genauth';
 * import { CurrentUser, GenAuthPasswordGuard } from 'passport-genauth/nest';
 *
 * @Controller()
 * export class LoginController {
 *   @UseGuards(GenAuthPasswordGuard)
 *   @Post('login')
 *   login(@CurrentUser() user: GenAuthUser): GenAuthUser {
 *     return user;
 *   }
 * }
 * ```
 */
@Injectable()
export class GenAuthPasswordGuard extends SignInGuard {
  /**
   * Returns the guard class for the GenAuth application with this `name`. Use this function if a process uses several
   * GenAuth applications.
   */
  static readonly named = memoizeByName((name): typeof GenAuthPasswordGuard => {
    if (name === DEFAULT_NAME) return GenAuthPasswordGuard;
    @Injectable()
    class NamedPasswordGuard extends GenAuthPasswordGuard {
      constructor(@Inject(getProviderToken('password', name)) strategy: GenAuthPasswordStrategy<string>) {
        super(strategy);
      }
    }
    registerGuard(NamedPasswordGuard, 'sign-in', name, 'password');
    return NamedPasswordGuard;
  });

  constructor(@Inject(GenAuthPasswordStrategy) private readonly strategy: GenAuthPasswordStrategy<string>) {
    super();
  }

  protected chooseStrategy(): AnyStrategy {
    return this.strategy as AnyStrategy;
  }
}

/**
 * Guards a login route. It signs in the user with the fields `sAMAccountName` and `password` of the request body. The
 * user's account is in the Active Directory that is connected to the GenAuth tenant. In all other respects the guard
 * behaves like `GenAuthPasswordGuard`.
 */
@Injectable()
export class GenAuthAdGuard extends SignInGuard {
  /**
   * Returns the guard class for the GenAuth application with this `name`. Use this function if a process uses several
   * GenAuth applications.
   */
  static readonly named = memoizeByName((name): typeof GenAuthAdGuard => {
    if (name === DEFAULT_NAME) return GenAuthAdGuard;
    @Injectable()
    class NamedAdGuard extends GenAuthAdGuard {
      constructor(@Inject(getProviderToken('ad', name)) strategy: GenAuthAdStrategy<string>) {
        super(strategy);
      }
    }
    registerGuard(NamedAdGuard, 'sign-in', name, 'ad');
    return NamedAdGuard;
  });

  constructor(@Inject(GenAuthAdStrategy) private readonly strategy: GenAuthAdStrategy<string>) {
    super();
  }

  protected chooseStrategy(): AnyStrategy {
    return this.strategy as AnyStrategy;
  }
}

/**
 * Guards a login route for both logins. A request body with `sAMAccountName` and without `account`, `email`, `username`
 * and `phone` is an Active Directory login, as with `GenAuthAdGuard`. Every other request is a password login, as with
 * `GenAuthPasswordGuard`.
 *
 * @example
 * ```ts
 * import { Controller, Post, UseGuards } from '@nestjs/common';
 * import type { GenAuthUser } from 'passport-genauth';
 * import { CurrentUser, GenAuthLoginGuard } from 'passport-genauth/nest';
 *
 * @Controller()
 * export class LoginController {
 *   @UseGuards(GenAuthLoginGuard)
 *   @Post('login')
 *   login(@CurrentUser() user: GenAuthUser): GenAuthUser {
 *     return user;
 *   }
 * }
 * ```
 */
@Injectable()
export class GenAuthLoginGuard extends SignInGuard {
  /**
   * Returns the guard class for the GenAuth application with this `name`. Use this function if a process uses several
   * GenAuth applications.
   */
  static readonly named = memoizeByName((name): typeof GenAuthLoginGuard => {
    if (name === DEFAULT_NAME) return GenAuthLoginGuard;
    @Injectable()
    class NamedLoginGuard extends GenAuthLoginGuard {
      constructor(
        @Inject(getProviderToken('password', name)) password: GenAuthPasswordStrategy<string>,
        @Inject(getProviderToken('ad', name)) ad: GenAuthAdStrategy<string>,
      ) {
        super(password, ad);
      }
    }
    registerGuard(NamedLoginGuard, 'sign-in', name, 'password', 'ad');
    return NamedLoginGuard;
  });

  constructor(
    @Inject(GenAuthPasswordStrategy) private readonly password: GenAuthPasswordStrategy<string>,
    @Inject(GenAuthAdStrategy) private readonly ad: GenAuthAdStrategy<string>,
  ) {
    super();
  }

  protected chooseStrategy({ body }: GenAuthRequest): AnyStrategy {
    const { fields } = this.password.client.options;
    return (findLoginKind(body, fields) === 'ad' ? this.ad : this.password) as AnyStrategy;
  }
}

registerGuard(GenAuthPasswordGuard, 'sign-in', DEFAULT_NAME, 'password');
registerGuard(GenAuthAdGuard, 'sign-in', DEFAULT_NAME, 'ad');
registerGuard(GenAuthLoginGuard, 'sign-in', DEFAULT_NAME, 'password', 'ad');
