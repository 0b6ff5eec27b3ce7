import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { GenAuthClient } from '../core/client.js';
import { authenticateBearer } from '../passport/bearer.strategy.js';
import { toRefusal } from '../passport/outcome.js';
import { PUBLIC } from './genauth.decorators.js';
import { readHttpContext } from './http-context.js';
import { DEFAULT_NAME, getToken, memoizeByName } from './genauth.tokens.js';
import { isSignInGuard } from './sign-in.guards.js';

/** Nest's metadata key of `@UseGuards`; @nestjs/common does not export it. */
const GUARDS = '__guards__';

/** Our guard, one with a name, a class that extends it, or an instance. */
function isBearerGuard(guard: unknown): boolean {
  const prototype: unknown = typeof guard === 'function' ? guard.prototype : guard;
  return guard === GenAuthGuard || prototype instanceof GenAuthGuard;
}
/**
 * Guards routes with GenAuth's access token. For one route `@UseGuards(GenAuthGuard)`, for all of them
 * `{ provide: APP_GUARD, useExisting: GenAuthGuard }`; then `@Public()` opens a route, and login routes are open by themselves.
 *
 * It asks the client directly: Passport alone would cost a quarter of a request.
 */
@Injectable()
export class GenAuthGuard implements CanActivate {
  /** The guard of the application with that `name`, where there are several. */
  static readonly named = memoizeByName((name): typeof GenAuthGuard => {
    if (name === DEFAULT_NAME) return GenAuthGuard;
    @Injectable()
    class NamedGuard extends GenAuthGuard {
      constructor(@Inject(getToken('client', name)) client: GenAuthClient, @Inject(Reflector) reflector: Reflector) {
        super(client, reflector);
      }
    }
    return NamedGuard;
  });

  constructor(
    @Inject(GenAuthClient) private readonly client: Pick<GenAuthClient, 'verifyAccessToken' | 'options'>,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  /** @throws GenAuthException with the answer of RFC 6750 §3. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.isPublic(context)) return true;
    const { request, refuse } = readHttpContext(context);
    try {
      const { user, info } = await authenticateBearer(this.client, request);
      request.user = user;
      request.authInfo = info;
    } catch (error) {
      const refusal = toRefusal(error, {
        options: this.client.options,
        acceptLanguage: request.headers['accept-language'],
      });
      throw refusal === undefined ? error : refuse(refusal);
    }
    return true;
  }

  /** What stands on the handler wins over what stands on its class, and whatever asks for a token over what asks for none. */
  private isPublic(context: ExecutionContext): boolean {
    for (const target of [context.getHandler(), context.getClass()]) {
      const guards = this.reflector.get<unknown[] | undefined>(GUARDS, target) ?? [];
      if (guards.some(isBearerGuard)) return false;
      // Own metadata: a class that extends a public one is not public by that.
      if (Reflect.getOwnMetadata(PUBLIC, target) === true || guards.some(isSignInGuard)) return true;
    }
    return false;
  }
}
