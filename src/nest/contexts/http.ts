import { type ArgumentsHost, type ExecutionContext, InternalServerErrorException } from '@nestjs/common';
import type { GenAuthRequest } from '../../core/options/types.js';
import { isRecord } from '../../core/util/record.js';
import { toHttpException } from '../genauth.exception.js';
import type { RequestState } from '../../web/guard-request.js';
import { endEventsAtExpiry } from './expiry.js';
import type { RequestContext } from './request-context.js';

/**
 * Reads the request of Express or Fastify from the execution context. Login guards call this function directly, because
 * they support HTTP only.
 *
 * @throws InternalServerErrorException if the execution context is not HTTP, or if it has no request with headers.
 */
export function readHttpContext(context: ArgumentsHost): RequestContext {
  const isHttp = context.getType<string>() === 'http';
  const request = isHttp ? context.switchToHttp().getRequest<GenAuthRequest & RequestState>() : undefined;
  if (!isRecord(request?.headers)) throw buildUnknownContextError(context);
  return {
    request,
    state: request,
    endAtExpiry: (exp) => endEventsAtExpiry(request, exp),
    refuse: (refusal) => toHttpException(refusal, request),
  };
}

/** Builds the error for an execution context that the guard does not support. */
export function buildUnknownContextError(context: ArgumentsHost): Error {
  // An exception filter gets a context without a class and a handler.
  const { getClass, getHandler } = context as Partial<ExecutionContext>;
  const name =
    getClass === undefined || getHandler === undefined
      ? ''
      : ` of ${getClass.call(context).name}.${getHandler.call(context).name}`;
  const type = context.getType<string>();
  return new InternalServerErrorException(
    `The guards of passport-genauth do not support the context "${type}"${name}` +
      `${type === 'http' ? ', because it has no request with headers' : ''}. They refuse it. ` +
      'If a queue, a command or a webhook calls this method, write @Public() on it, and guard it with your own ' +
      'guard, or override getRequestContext of GenAuthGuard. Login guards support only HTTP.',
  );
}
