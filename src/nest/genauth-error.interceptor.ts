import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
// The entry point `rxjs` has no operators before version 7.2.
import { catchError } from 'rxjs/operators';
import { GenAuthError } from '../core/errors.js';
import { toRefusal } from '../web/refusal.js';
import { reportRefusal } from '../web/report-refusal.js';
import { getOnlyOptions } from './applications.js';
import { isSupportedContext, readRequestContext } from './contexts/read-request-context.js';

/**
 * Answers errors of passport-genauth that leave a handler as the guards do: with the HTTP status, the headers and the
 * JSON body of the refusal. For example `client.refresh()` throws a `TokenVerificationError` if the refresh token was
 * revoked. It throws a `GenAuthException` in place of the error, so exception filters of the application receive an
 * exception of Nest.
 *
 * Without this interceptor the response has the right HTTP status too, but neither `code` nor a text for the end user.
 * In GraphQL it would contain the message of the error, which is for the operator.
 *
 * @example
 * ```ts
 * import { Module } from '@nestjs/common';
 * import { APP_INTERCEPTOR } from '@nestjs/core';
 * import { GenAuthErrorInterceptor } from 'passport-genauth/nest';
 *
 * @Module({ providers: [{ provide: APP_INTERCEPTOR, useClass: GenAuthErrorInterceptor }] })
 * export class ErrorModule {}
 * ```
 */
@Injectable()
export class GenAuthErrorInterceptor implements NestInterceptor {
  constructor(@Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost) {}

  /** Calls the handler, and replaces its error. */
  intercept(context: ExecutionContext, next: CallHandler): ReturnType<CallHandler['handle']> {
    return next.handle().pipe(
      catchError(async (error: unknown) => {
        if (!(error instanceof GenAuthError) || !isSupportedContext(context)) throw error;
        const { request, refuse } = readRequestContext(context);
        const options = getOnlyOptions(this.adapterHost);
        const refusal = toRefusal(error, { options, acceptLanguage: request.headers['accept-language'] });
        reportRefusal(refusal, options, request);
        throw await refuse(refusal);
      }),
    );
  }
}
