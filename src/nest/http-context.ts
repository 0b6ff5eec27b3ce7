import { type ExecutionContext, InternalServerErrorException } from '@nestjs/common';
import type { GenAuthRequest } from '../core/options.js';
import type { Refusal } from '../passport/outcome.js';
import { toException } from './genauth.exception.js';
import { writeHeaders } from './genauth.filter.js';

interface HttpContext {
  request: GenAuthRequest & { user?: unknown; authInfo?: unknown };
  /** Makes the exception to throw. */
  refuse: (refusal: Refusal) => Error;
}

/** The request, and how to refuse it. @throws InternalServerErrorException in a context that is not HTTP: nobody gets in there. */
export function readHttpContext(context: ExecutionContext): HttpContext {
  const type = context.getType<string>();
  if (type !== 'http') {
    throw new InternalServerErrorException(`GenAuth's guards do not know the context "${type}", so they refuse it.`);
  }
  const http = context.switchToHttp();
  return {
    request: http.getRequest(),
    refuse: (refusal) => {
      const exception = toException(refusal);
      // Written here as well as in the filter, so that an application's own catch-all filter does not lose them.
      writeHeaders(http.getResponse(), exception);
      return exception;
    },
  };
}
