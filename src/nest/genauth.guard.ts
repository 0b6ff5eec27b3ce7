import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { GenAuthClient } from '../core/client.js';
import type { ConfigurationError } from '../core/errors.js';
import { DEFAULT_NAME } from '../core/options/option-checker.js';
import type { GenAuthRequest } from '../core/options/types.js';
import { chain } from '../core/util/maybe-promise.js';
import { type RequestState, guardRequest } from '../web/guard-request.js';
import { type Refusal, toRefusal } from '../web/refusal.js';
import { reportRefusal } from '../web/report-refusal.js';
import { closesAtExpiry, findApplication } from './applications.js';
import { getProviderToken, memoizeByName } from './genauth.providers.js';
import { findGuardRole, registerGuard } from './guard-registry.js';
import { getExpiry } from './contexts/expiry.js';
import { readRequestContext } from './contexts/read-request-context.js';
import { type RequestContext, rememberContext } from './contexts/request-context.js';
import { removeGuardedUser } from './contexts/websocket.js';
import { type RouteAccess, readRouteAccess } from './route-access.js';

/**
 * Guards routes. The guard requires a GenAuth access token in `Authorization: Bearer …`
 * ([RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)), and the scopes, roles and tenant of the
 * decorators `@RequireScopes`, `@Roles` and `@Tenant`.
 *
 * `@UseGuards(GenAuthGuard)` guards one route or one controller. A global `GenAuthGuard` guards all routes except login
 * routes and routes with `@Public()`.
 *
 * The guard supports HTTP, GraphQL, WebSocket gateways and microservices. It refuses requests of every other kind. In
 * WebSocket gateways Nest 11 does not run a global guard. In microservices of `connectMicroservice` Nest runs a global
 * guard only with `inheritAppConfig: true`. If Nest does not run the global guard, add `@UseGuards(GenAuthGuard)` to
 * the gateway or the controller.
 *
 * The guard does not use Passport, because Passport would need about a quarter of the time of a request.
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
   * Returns the guard class for the GenAuth application with this `name`. Use this function if a process uses several
   * GenAuth applications. The guard accepts only the access tokens of this GenAuth application.
   */
  static readonly named = memoizeByName((name): typeof GenAuthGuard => {
    if (name === DEFAULT_NAME) return GenAuthGuard;
    @Injectable()
    class NamedGuard extends GenAuthGuard {
      constructor(@Inject(getProviderToken('client', name)) client: GenAuthClient<string>) {
        super(client);
      }
    }
    registerGuard(NamedGuard, 'bearer', name);
    return NamedGuard;
  });

  /**
   * The requirements of each route, by controller class and handler. They are cached, because reading the decorators
   * for each request is slow.
   */
  private readonly accesses = new WeakMap<object, WeakMap<object, RouteAccess>>();

  constructor(@Inject(GenAuthClient) private readonly client: GenAuthClient<string>) {}

  /**
   * Checks one request. If the request may pass, the guard stores the user and the auth info, which `@CurrentUser()`
   * and `@AuthInfo()` read.
   *
   * @returns `true` if the request may pass: at once, or as a promise if GenAuth must be asked or if a function of the
   * application returns a promise. If the request must not pass, the promise is rejected. An error of a function of the
   * application can also be thrown at once, so a guard that calls this method must use `await`.
   * @throws GenAuthException in HTTP and GraphQL, with the response of
   * [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3). In WebSocket gateways a `WsException`, in
   * microservices an `RpcException`.
   */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const access = this.getAccess(context);
    if (access === 'open') {
      if (context.getType() === 'ws') removeGuardedUser(readRequestContext(context).state);
      return true;
    }
    const read = this.getRequestContext(context);
    // `@CurrentUser()` and `@AuthInfo()` cannot call the method of this class.
    if (this.getRequestContext !== GenAuthGuard.prototype.getRequestContext) rememberContext(context, read);
    // The user is stored only after the check, because the application can store a user of its own meanwhile.
    const checked: RequestState = {};
    const mistake = read.buildMistake?.();
    const refusal =
      mistake === undefined
        ? guardRequest(this.client, read.request, checked, access)
        : refuseMistake(mistake, this.client, read.request);
    return chain(refusal, (given) => {
      if (given !== undefined) return throwLater(async () => this.buildException(given, read, context));
      storeUser(checked, this.client, read);
      return true;
    });
  }

  /**
   * Returns the request of an execution context: where the access token is read, and where the user is stored. Override
   * it to guard a transport that this package does not support, for example the commands of a chat bot.
   *
   * @throws InternalServerErrorException if the transport is not supported, so that the request is refused.
   */
  protected getRequestContext(context: ExecutionContext): RequestContext {
    return readRequestContext(context);
  }

  /**
   * Builds the exception for a request that must not pass. Override it to throw another exception. It must return an
   * `Error`. To redirect a browser, also set the header `Location` on the response, because Nest does not set it. The
   * refusal was already reported to the operator.
   *
   * @param refusal - The HTTP status, the headers and the JSON body of the response.
   * @param request - The result of {@link getRequestContext}.
   */
  protected buildException(
    refusal: Refusal,
    request: RequestContext,
    _context: ExecutionContext,
  ): Error | Promise<Error> {
    return request.refuse(refusal);
  }

  private getAccess(context: ExecutionContext): RouteAccess {
    const [handler, controller] = [context.getHandler(), context.getClass()];
    const known = this.accesses.get(controller)?.get(handler);
    if (known !== undefined) return known;
    const byHandler = this.accesses.get(controller) ?? new WeakMap<object, RouteAccess>();
    this.accesses.set(controller, byHandler);
    const access = readRouteAccess(findGuardRole(this)?.name, [handler, controller], findApplication(this.client));
    byHandler.set(handler, access);
    return access;
  }
}
registerGuard(GenAuthGuard, 'bearer', DEFAULT_NAME);

// These are functions and not private methods, because a method of a subclass may have the same name.

/** Stores the user of a request that may pass. */
function storeUser(checked: RequestState, client: GenAuthClient<string>, read: RequestContext): void {
  if (read.store === undefined) {
    read.state.user = checked.user;
    read.state.authInfo = checked.authInfo;
  } else read.store(checked);
  const exp = closesAtExpiry(client) ? getExpiry(checked.authInfo, client.options) : undefined;
  if (exp !== undefined) read.endAtExpiry?.(exp, client.options);
}

function refuseMistake(
  mistake: ConfigurationError,
  { options }: GenAuthClient<string>,
  request: GenAuthRequest,
): Refusal {
  const refusal = toRefusal(mistake, { options, acceptLanguage: request.headers['accept-language'] });
  reportRefusal(refusal, options, request);
  return refusal;
}

async function throwLater(build: () => Promise<Error>): Promise<never> {
  throw await build();
}
