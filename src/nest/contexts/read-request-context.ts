import type { ArgumentsHost } from '@nestjs/common';
import { readGraphqlContext } from './graphql.js';
import { buildUnknownContextError, readHttpContext } from './http.js';
import type { RequestContext } from './request-context.js';
import { readRpcContext } from './rpc.js';
import { readWebSocketContext } from './websocket.js';

/**
 * Reads the request from the execution context that Nest passes to guards, decorators and filters.
 *
 * @throws InternalServerErrorException if the type of the execution context is unknown, so that a guard refuses the
 * request.
 */
export function readRequestContext(context: ArgumentsHost): RequestContext {
  switch (context.getType<string>()) {
    case 'http':
      return readHttpContext(context);
    case 'graphql':
      return readGraphqlContext(context);
    case 'ws':
      return readWebSocketContext(context);
    case 'rpc':
      return readRpcContext(context);
    default:
      throw buildUnknownContextError(context);
  }
}

/** Whether `readRequestContext` knows the type of an execution context, and the context has a request. */
export function isSupportedContext(context: ArgumentsHost): boolean {
  try {
    readRequestContext(context);
    return true;
  } catch {
    return false;
  }
}
