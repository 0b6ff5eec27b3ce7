import { type ArgumentsHost, Catch } from '@nestjs/common';
import { BaseExceptionFilter, type HttpAdapterHost } from '@nestjs/core';
import { throwError } from 'rxjs';
import { GenAuthError } from '../core/errors.js';
import type { ResolvedOptions } from '../core/options/types.js';
import { toRefusal } from '../web/refusal.js';
import { logRefusal } from './genauth.exception.js';
import { readRequestContext } from './contexts/read-request-context.js';

/**
 * Answers errors of this library that a handler throws. The responses are the same as those of the guards. For example
 * `client.getCaptcha()` throws an `UpstreamError` if GenAuth is down.
 */
@Catch(GenAuthError)
export class GenAuthErrorFilter extends BaseExceptionFilter<GenAuthError> {
  readonly #getOptions: () => Pick<ResolvedOptions, 'language' | 'exposeReasons'>;

  /**
   * @param httpAdapterHost - The host of the adapter. @nestjs/testing creates the adapter itself after the filters.
   * @param getOptions - Returns the options `language` and `exposeReasons`. It is called for each error, because the
   * error does not say which client threw it.
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
      // Nest expects this result of a filter in a microservice.
      return throwError(() => refusal.body);
    }
    const exception = refuse(refusal);
    return host.getType<string>() === 'http' ? super.catch(exception as GenAuthError, host) : exception;
  }
}
