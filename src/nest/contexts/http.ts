import { type ArgumentsHost, InternalServerErrorException } from '@nestjs/common';
import type { GenAuthRequest } from '../../core/options/types.js';
import { toHttpException } from '../genauth.exception.js';
import type { RequestState } from '../../web/guard-request.js';
import { endEventsAtExpiry } from './expiry.js';
import type { RequestContext } from './request-context.js';

/**
 * Reads the request of Express or Fastify from the execution context. Login guards call this function directly, because
 * they support HTTP only.
 *
 * @throws InternalServerErrorException if the execution context is not HTTP.
 */
export function readHttpContext(context: ArgumentsHost): RequestContext {
  if (context.getType<string>() !== 'http') throw buildUnknownContextError(context);
  const request = context.switchToHttp().getRequest<GenAuthRequest & RequestState>();
  return {
    request,
    state: request,
    endAtExpiry: (exp) => endEventsAtExpiry(request, exp),
    refuse: (refusal) => toHttpException(refusal, request),
  };
}

/** Builds the error for an execution context that the guard does not support. */
export function buildUnknownContextError(context: ArgumentsHost): Error {
  return new InternalServerErrorException(
    `GenAuth's guards do not support the context "${context.getType<string>()}" here, so they refuse the request. ` +
      'Use login guards in HTTP only, and GenAuthGuard in HTTP, GraphQL, WebSocket gateways and microservices.',
  );
}
