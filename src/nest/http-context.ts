import { type ExecutionContext, InternalServerErrorException } from '@nestjs/common';
import type { GenAuthRequest } from '../core/options.js';
import type { Refusal } from '../passport/outcome.js';
import { toException } from './genauth.exception.js';

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
  const request = context.switchToHttp().getRequest<HttpContext['request']>();
  return {
    request,
    refuse: (refusal) => toException(refusal, request),
  };
}
