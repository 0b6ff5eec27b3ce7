import { type CanActivate, type ExecutionContext, ForbiddenException, Inject, Injectable } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { GenAuthAdStrategy } from '../passport/ad.strategy.js';
import type { GenAuthStrategy } from '../passport/genauth.strategy.js';
import { GenAuthPasswordStrategy } from '../passport/password.strategy.js';
import { DEFAULT_NAME, getToken, memoizeByName } from './genauth.tokens.js';
import { readHttpContext } from './http-context.js';
import { NO_STORE, writeHeaders } from './response-headers.js';

/** A login route's guard: puts the signed-in user and the tokens on the request, or refuses. */
abstract class SignInGuard implements CanActivate {
  protected abstract readonly strategy: GenAuthStrategy<string, object, unknown, unknown>;

  /** @throws GenAuthException with the answer. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { request, refuse } = readHttpContext(context);
    const attempt = await this.strategy.attempt(request);
    switch (attempt.kind) {
      case 'success':
        request.user = attempt.user;
        request.authInfo = attempt.info;
        writeHeaders(request, NO_STORE);
        return true;
      case 'refusal':
        throw refuse(attempt.refusal);
      case 'denied':
        throw new ForbiddenException(attempt.body);
      case 'error':
        throw attempt.error;
    }
  }
}

/**
 * Signs in with `account` (or `email`, `username`, `phone`) and `password` of the body; answers like
 * `AuthGuard('genauth-password')`, and asks the strategy of its own application even where several Nest applications share a
 * process and Passport's registry.
 */
@Injectable()
export class GenAuthPasswordGuard extends SignInGuard {
  /** The guard of the application with that `name`, where there are several. */
  static readonly named = memoizeByName((name): typeof GenAuthPasswordGuard => {
    if (name === DEFAULT_NAME) return GenAuthPasswordGuard;
    @Injectable()
    class NamedPasswordGuard extends GenAuthPasswordGuard {
      constructor(@Inject(getToken('password', name)) strategy: GenAuthPasswordStrategy<string>) {
        super(strategy);
      }
    }
    return NamedPasswordGuard;
  });

  constructor(@Inject(GenAuthPasswordStrategy) protected readonly strategy: GenAuthPasswordStrategy<string>) {
    super();
  }
}

/** Signs in with `sAMAccountName` and `password` of the body; otherwise as `GenAuthPasswordGuard`. */
@Injectable()
export class GenAuthAdGuard extends SignInGuard {
  /** The guard of the application with that `name`, where there are several. */
  static readonly named = memoizeByName((name): typeof GenAuthAdGuard => {
    if (name === DEFAULT_NAME) return GenAuthAdGuard;
    @Injectable()
    class NamedAdGuard extends GenAuthAdGuard {
      constructor(@Inject(getToken('ad', name)) strategy: GenAuthAdStrategy<string>) {
        super(strategy);
      }
    }
    return NamedAdGuard;
  });

  constructor(@Inject(GenAuthAdStrategy) protected readonly strategy: GenAuthAdStrategy<string>) {
    super();
  }
}

type GuardClass = abstract new (...args: never[]) => unknown;

/** `AuthGuard` makes one class for each name, so those of login routes can be found again in a route's metadata. */
const signInGuards = new Set<GuardClass>([SignInGuard]);

/** Remembers what `AuthGuard` of @nestjs/passport is called with on the login routes of an application. */
export function registerSignInGuards(name: string): void {
  const [password, ad] = [`${name}-password`, `${name}-ad`];
  for (const types of [password, ad, [password, ad], [ad, password]]) signInGuards.add(AuthGuard(types));
}

/** Whether a guard signs people in: one of ours, `AuthGuard` with such a name, a class that extends it, or an instance. */
export function isSignInGuard(guard: unknown): boolean {
  const prototype: unknown = typeof guard === 'function' ? guard.prototype : guard;
  return [...signInGuards].some((known) => guard === known || prototype instanceof known);
}
