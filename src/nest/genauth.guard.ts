import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { GenAuthClient } from '../core/client.js';
import { DEFAULT_NAME } from '../core/options/option-checker.js';
import { guardRequest } from '../web/guard-request.js';
import { getProviderToken, memoizeByName } from './genauth.providers.js';
import { findGuardRole, registerGuard } from './guard-registry.js';
import { readRequestContext } from './contexts/read-request-context.js';
import { type RouteAccess, readRouteAccess } from './route-access.js';

/**
 * Guards routes. It requires a GenAuth access token in `Authorization: Bearer …`
 * ([RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)), and the scopes, roles and tenant of the
 * decorators `@RequireScopes`, `@Roles` and `@Tenant`.
 *
 * `@UseGuards(GenAuthGuard)` guards one route or controller. As the global guard it guards all routes except those with
 * `@Public()` and login routes.
 *
 * It guards HTTP, GraphQL, WebSocket gateways and microservices, and refuses every other context. Nest 11 does not run
 * a global guard in WebSocket gateways. In microservices of `connectMicroservice` Nest runs it only with
 * `inheritAppConfig: true`. In these cases add `@UseGuards(GenAuthGuard)` to the gateway or the controller.
 *
 * The guard does not use Passport, because Passport would take about a quarter of the time of a request.
 *
 * @example
 * ```ts
 * import { Module } from '@nestjs/common';
 * import { APP_GUARD } from '@nestjs/core';
 * import type { GenAuthOptions } from 'passport-genauth';
 * import { GenAuthGuard, GenAuthModule } from 'passport-genauth/nest';
 *
 * declare const options: GenAuthOptions;
 *
 * @Module({
 *   imports: [GenAuthModule.forRoot(options)],
 *   providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }],
 * })
 * export class AppModule {}
 * ```
 */
@Injectable()
export class GenAuthGuard implements CanActivate {
  /**
   * Returns the guard class for the application with that `name`, if a process has several. The guard accepts only the
   * tokens of this application.
   */
  static readonly named = memoizeByName((name): typeof GenAuthGuard => {
    if (name === DEFAULT_NAME) return GenAuthGuard;
    @Injectable()
    class NamedGuard extends GenAuthGuard {
      constructor(
        @Inject(getProviderToken('client', name)) client: GenAuthClient<string>,
        @Inject(Reflector) reflector: Reflector,
      ) {
        super(client, reflector);
      }
    }
    registerGuard(NamedGuard, 'bearer', name);
    return NamedGuard;
  });

  /** What each route requires, by class and handler. It is cached, because reading metadata on each request is slow. */
  private readonly accesses = new WeakMap<object, WeakMap<object, RouteAccess>>();

  constructor(
    @Inject(GenAuthClient) private readonly client: GenAuthClient<string>,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  /**
   * Checks one request. On success it stores the user and the auth info, which `@CurrentUser()` and `@AuthInfo()` read.
   *
   * @returns `true`. A request that must not pass throws.
   * @throws GenAuthException with the response of [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3) in
   * HTTP and GraphQL, `WsException` in WebSocket gateways, `RpcException` in microservices.
   */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.getAccess(context);
    if (access === 'open') return true;
    const { request, state, refuse } = readRequestContext(context);
    const refusal = await guardRequest(this.client, request, state, access);
    if (refusal !== undefined) throw await refuse(refusal);
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
