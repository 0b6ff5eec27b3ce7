import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { GenAuthClient } from '../core/client.js';
import { GenAuthError } from '../core/errors.js';
import { DEFAULT_NAME } from '../core/options/option-checker.js';
import { hasBearerToken } from '../web/bearer-token.js';
import { type BearerClient, authenticateBearer } from '../passport/bearer.strategy.js';
import { toRefusal } from '../web/refusal.js';
import { getProviderToken, memoizeByName } from './genauth.providers.js';
import { findGuardRole, registerGuard } from './guard-registry.js';
import { readRequestContext } from './contexts/request-context.js';
import { type RouteAccess, readRouteAccess } from './route-access.js';

/**
 * Guards routes with GenAuth's token. For one route `@UseGuards(GenAuthGuard)`, for all of them
 * `{ provide: APP_GUARD, useExisting: GenAuthGuard }`; then `@Public()` opens a route, and login routes are open by themselves.
 * HTTP, GraphQL, WebSocket gateways and microservices; every other context is refused. Nest itself runs guards of the whole application
 * in gateways from version 12 on, and in microservices of `connectMicroservice` with `inheritAppConfig: true`: elsewhere put it on them.
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
      constructor(
        @Inject(getProviderToken('client', name)) client: GenAuthClient,
        @Inject(Reflector) reflector: Reflector,
      ) {
        super(client, reflector);
      }
    }
    registerGuard(NamedGuard, 'bearer', name);
    return NamedGuard;
  });

  /** By class and handler: metadata does not change, and reading it takes longer than verifying a token that is known. */
  private readonly accesses = new WeakMap<object, WeakMap<object, RouteAccess>>();

  constructor(
    @Inject(GenAuthClient) private readonly client: BearerClient,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  /** @throws GenAuthException with the answer of RFC 6750 §3; outside HTTP the exception of the context. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    try {
      const access = this.getAccess(context);
      if (access === 'open') return true;
      const { request, state } = readRequestContext(context);
      if (access.optional && !hasBearerToken(request)) {
        // Nor who a session says: without a token there is nobody.
        state.user = undefined;
        state.authInfo = undefined;
        return true;
      }
      const { user, info } = await authenticateBearer(this.client, request, access);
      state.user = user;
      state.authInfo = info;
    } catch (error) {
      if (!(error instanceof GenAuthError)) throw error;
      const { request, refuse } = readRequestContext(context);
      const refusal = toRefusal(error, {
        options: this.client.options,
        acceptLanguage: request.headers['accept-language'],
      });
      throw refusal === undefined ? error : await refuse(refusal);
    }
    return true;
  }

  private getAccess(context: ExecutionContext): RouteAccess {
    const [handler, controller] = [context.getHandler(), context.getClass()];
    const byHandler = this.accesses.get(controller) ?? new WeakMap<object, RouteAccess>();
    this.accesses.set(controller, byHandler);
    const known = byHandler.get(handler);
    if (known !== undefined) return known;
    const access = readRouteAccess(this.reflector, findGuardRole(this)?.name, [handler, controller]);
    byHandler.set(handler, access);
    return access;
  }
}
registerGuard(GenAuthGuard, 'bearer', DEFAULT_NAME);
