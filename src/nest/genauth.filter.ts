import { type ArgumentsHost, Catch } from '@nestjs/common';
import { BaseExceptionFilter, type HttpAdapterHost } from '@nestjs/core';
import { throwError } from 'rxjs';
import { GenAuthError } from '../core/errors.js';
import type { ResolvedOptions } from '../core/options/types.js';
import { toRefusal } from '../web/refusal.js';
import { logRefusal } from './genauth.exception.js';
import { readRequestContext } from './contexts/read-request-context.js';

/**
 * Sends a response for each error of passport-genauth that a route handler throws. For the same error the guards send
 * the same response. For example `client.getCaptcha()` throws an `UpstreamError` if GenAuth is down.
 */
@Catch(GenAuthError)
export class GenAuthErrorFilter extends BaseExceptionFilter<GenAuthError> {
  readonly #getOptions: () => Pick<ResolvedOptions, 'language' | 'exposeReasons'>;

  /**
   * @param httpAdapterHost - Gives access to Nest's HTTP adapter. The adapter itself may not exist yet, because
   * @nestjs/testing creates the filters first.
   * @param getOptions - Returns the options `language` and `exposeReasons`. The filter calls it for each error, because
   * the error does not contain the client that threw it.
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
      // In a microservice Nest requires that an exception filter returns an Observable.
      return throwError(() => refusal.body);
    }
    const exception = refuse(refusal);
    return host.getType<string>() === 'http' ? super.catch(exception as GenAuthError, host) : exception;
  }
}
