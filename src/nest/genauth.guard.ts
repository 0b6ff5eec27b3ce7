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
 * Guards routes with GenAuth's token: one route by `@UseGuards(GenAuthGuard)`, all routes by `{ provide: APP_GUARD,
 * useExisting: GenAuthGuard }`. Behind the global guard `@Public()` opens a route, and login routes are open without
 * it.
 *
 * It guards HTTP, GraphQL, WebSocket gateways and microservices, and refuses every other context. Nest runs a global
 * guard in gateways from version 12 on, and in microservices of `connectMicroservice` with `inheritAppConfig: true`.
 * Elsewhere put the guard on the gateway or the microservice.
 *
 * It asks the client directly, because Passport would take a quarter of the request's time.
 */
@Injectable()
export class GenAuthGuard implements CanActivate {
  /** Returns the guard of the application with that `name`, if a process has several. */
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

  /** By class and handler. Metadata does not change, and reading it takes longer than verifying a cached token. */
  private readonly accesses = new WeakMap<object, WeakMap<object, RouteAccess>>();

  constructor(
    @Inject(GenAuthClient) private readonly client: GenAuthClient<string>,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  /**
   * @throws GenAuthException with the response of [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3).
   * Outside HTTP it throws the exception of the transport.
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
