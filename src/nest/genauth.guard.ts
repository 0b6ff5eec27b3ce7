import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { GenAuthClient } from '../core/client.js';
import { authenticateBearer } from '../passport/bearer.strategy.js';
import { toRefusal } from '../passport/outcome.js';
import { PUBLIC } from './genauth.decorators.js';
import { readHttpContext } from './http-context.js';
import { GenAuthAdGuard, GenAuthPasswordGuard } from './sign-in.guards.js';

/** Nest's metadata key of `@UseGuards`; @nestjs/common does not export it. */
const GUARDS = '__guards__';
/** `AuthGuard` makes one class for each name, so it can be found again in a route's metadata. */
const SIGN_IN_GUARDS: readonly unknown[] = [
  GenAuthPasswordGuard,
  GenAuthAdGuard,
  AuthGuard('genauth-password'),
  AuthGuard('genauth-ad'),
];

/**
 * Guards routes with GenAuth's access token. For one route `@UseGuards(GenAuthGuard)`, for all of them
 * `{ provide: APP_GUARD, useExisting: GenAuthGuard }`; then `@Public()` opens a route, and login routes are open by themselves.
 *
 * It asks the client directly: Passport alone would cost a quarter of a request.
 */
@Injectable()
export class GenAuthGuard implements CanActivate {
  constructor(
    @Inject(GenAuthClient) private readonly client: Pick<GenAuthClient, 'verifyAccessToken'>,
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
      const refusal = toRefusal(error);
      throw refusal === undefined ? error : refuse(refusal);
    }
    return true;
  }

  /** What stands on the handler wins over what stands on its class. */
  private isPublic(context: ExecutionContext): boolean {
    for (const target of [context.getHandler(), context.getClass()]) {
      if (this.reflector.get<boolean | undefined>(PUBLIC, target) === true) return true;
      const guards = this.reflector.get<unknown[] | undefined>(GUARDS, target) ?? [];
      if (guards.some((guard) => SIGN_IN_GUARDS.includes(guard))) return true;
      if (guards.includes(GenAuthGuard)) return false;
    }
    return false;
  }
}
