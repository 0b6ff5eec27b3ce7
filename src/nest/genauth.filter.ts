import { type ArgumentsHost, Catch } from '@nestjs/common';
import { BaseExceptionFilter, type HttpAdapterHost } from '@nestjs/core';
import { throwError } from 'rxjs';
import { GenAuthError } from '../core/errors.js';
import type { ResolvedOptions } from '../core/options/types.js';
import { toRefusal } from '../web/refusal.js';
import { logRefusal } from './genauth.exception.js';
import { readRequestContext } from './contexts/request-context.js';

/** Answers what a handler lets through of this library's errors, an outage during `client.getCaptcha()` say, as the guards would. */
@Catch(GenAuthError)
export class GenAuthErrorFilter extends BaseExceptionFilter<GenAuthError> {
  readonly #getOptions: () => Pick<ResolvedOptions, 'language' | 'exposeReasons'>;

  /**
   * @param httpAdapterHost - And not its adapter: @nestjs/testing makes that after the filters.
   * @param getOptions - Those of the application that the error is of, where that is clear.
   */
  constructor(
    protected override readonly httpAdapterHost: HttpAdapterHost,
    getOptions: () => Pick<ResolvedOptions, 'language' | 'exposeReasons'>,
  ) {
    super();
    this.#getOptions = getOptions;
  }

  override catch(error: GenAuthError, host: ArgumentsHost): unknown {
    const { request, refuse } = readRequestContext(host);
    const refusal = toRefusal(error, {
      options: this.#getOptions(),
      acceptLanguage: request.headers['accept-language'],
    });
    if (refusal === undefined) return super.catch(error, host);
    if (host.getType<string>() === 'rpc') {
      logRefusal(refusal);
      // What Nest makes of an RpcException: filters stand behind the place where it does.
      return throwError(() => refusal.body);
    }
    const exception = refuse(refusal);
    return host.getType<string>() === 'http' ? super.catch(exception as GenAuthError, host) : exception;
  }
}
