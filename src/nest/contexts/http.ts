import { type ArgumentsHost, InternalServerErrorException } from '@nestjs/common';
import type { GenAuthRequest } from '../../core/options/types.js';
import { toHttpException } from '../genauth.exception.js';
import type { RequestState } from '../../web/guard-request.js';
import type { RequestContext } from './request-context.js';

/**
 * Reads the request of Express or Fastify. Logins exist in HTTP only.
 *
 * @throws InternalServerErrorException in every other context.
 */
export function readHttpContext(context: ArgumentsHost): RequestContext {
  if (context.getType<string>() !== 'http') throw buildUnknownContextError(context);
  const request = context.switchToHttp().getRequest<GenAuthRequest & RequestState>();
  return { request, state: request, refuse: (refusal) => toHttpException(refusal, request) };
}

/** The error for a context whose requests cannot be read. */
export function buildUnknownContextError(context: ArgumentsHost): Error {
  return new InternalServerErrorException(
    `GenAuth's guards do not know the context "${context.getType<string>()}", so they refuse it.`,
  );
}
