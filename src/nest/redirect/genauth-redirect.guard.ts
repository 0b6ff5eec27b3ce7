import { Inject, Injectable } from '@nestjs/common';
import { DEFAULT_NAME } from '../../core/options/option-checker.js';
import { buildToken } from '../../injection-tokens.js';
import type { AnyStrategy } from '../applications.js';
import { memoizeByName } from '../genauth.providers.js';
import { registerGuard } from '../guard-registry.js';
import { SignInGuard } from '../sign-in.guards.js';

/**
 * Guards the two routes of a sign-in on GenAuth's hosted page: the route that begins the sign-in, and the callback. The
 * first request is sent to GenAuth's page, and its handler is not called. On the callback `@CurrentUser()` is a
 * `GenAuthUser` and `@AuthInfo()` a `RedirectInfo`. The module `GenAuthRedirectModule` has the options.
 *
 * The guard works on Express and on Fastify, and needs no `@Public()`.
 *
 * @example
 * ```ts
 * import { Controller, Get, Redirect, UseGuards } from '@nestjs/common';
 * import { AuthInfo } from 'passport-genauth/nest';
 * import { GenAuthRedirectGuard } from 'passport-genauth/nest/redirect';
 * import type { RedirectInfo } from 'passport-genauth/redirect';
 *
 * @Controller('auth/genauth')
 * @UseGuards(GenAuthRedirectGuard)
 * export class HostedPageController {
 *   @Get()
 *   begin(): void {}
 *
 *   @Redirect()
 *   @Get('callback')
 *   end(@AuthInfo() { returnTo }: RedirectInfo): { url: string } {
 *     return { url: returnTo };
 *   }
 * }
 * ```
 */
@Injectable()
export class GenAuthRedirectGuard extends SignInGuard {
  /**
   * Returns the guard class for the GenAuth application with this `name`. Use this function if a process uses several
   * GenAuth applications.
   */
  static readonly named = memoizeByName((name): typeof GenAuthRedirectGuard => {
    if (name === DEFAULT_NAME) return GenAuthRedirectGuard;
    @Injectable()
    class NamedRedirectGuard extends GenAuthRedirectGuard {
      constructor(@Inject(buildToken(name, 'redirect')) strategy: AnyStrategy) {
        super(strategy);
      }
    }
    registerGuard(NamedRedirectGuard, 'sign-in', name, 'redirect');
    return NamedRedirectGuard;
  });

  constructor(@Inject(buildToken(DEFAULT_NAME, 'redirect')) private readonly strategy: AnyStrategy) {
    super();
  }

  protected chooseStrategy(): AnyStrategy {
    return this.strategy;
  }
}

registerGuard(GenAuthRedirectGuard, 'sign-in', DEFAULT_NAME, 'redirect');
