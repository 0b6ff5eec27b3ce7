import { type ArgumentsHost, Catch } from '@nestjs/common';
import { BaseExceptionFilter, type HttpAdapterHost } from '@nestjs/core';
import { throwError } from 'rxjs';
import { GenAuthError } from '../core/errors.js';
import type { ResolvedOptions } from '../core/options/types.js';
import { toRefusal } from '../web/refusal.js';
import { logRefusal } from './genauth.exception.js';
import { readRequestContext } from './contexts/read-request-context.js';

/**
 * Gives this library's errors that leave a handler the response that the guards would give. An example is an outage
 * during `client.getCaptcha()`.
 */
@Catch(GenAuthError)
export class GenAuthErrorFilter extends BaseExceptionFilter<GenAuthError> {
  readonly #getOptions: () => Pick<ResolvedOptions, 'language' | 'exposeReasons'>;

  /**
   * @param httpAdapterHost - The host, because @nestjs/testing creates its adapter after the filters.
   * @param getOptions - Returns the language and the exposure of reasons for an error of no known application.
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
      // The result that Nest derives from an RpcException before it calls filters.
      return throwError(() => refusal.body);
    }
    const exception = refuse(refusal);
    return host.getType<string>() === 'http' ? super.catch(exception as GenAuthError, host) : exception;
  }
}
