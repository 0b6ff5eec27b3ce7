import type { ArgumentsHost } from '@nestjs/common';
import type { ConfigurationError } from '../../core/errors.js';
import type { GenAuthRequest } from '../../core/options/types.js';
import type { RequestState } from '../../web/guard-request.js';
import type { Refusal, RefusalContext } from '../../web/refusal.js';

/**
 * One request of any transport (HTTP, GraphQL, WebSocket, microservice), in the form that guards, decorators and
 * filters use.
 */
export interface RequestContext {
  /** The headers, the body and the client's IP address of the request. */
  request: GenAuthRequest;
  /** The object on which guards store the user. `@CurrentUser()` and `@AuthInfo()` read the user from it. */
  state: RequestState;
  /** Builds the error for the mistake of the application because of which `request` is not the caller's request. */
  buildMistake?: () => ConfigurationError;
  /**
   * Ends the connection of the request when its access token expires: a socket, or a response with Server-Sent Events.
   * Absent if the transport has no connection that stays open after a request.
   *
   * @param exp - The claim `exp` of the access token, in seconds since 1970.
   * @param options - The options that determine the text that the client of a socket receives at the end.
   */
  endAtExpiry?: (exp: number, options: RefusalContext['options']) => void;
  /** Stores the user and the auth info of a request that may pass. Default: both are stored on `state`. */
  store?: (user: RequestState) => void;
  /** Builds the exception for a refusal, in the form that this transport requires. */
  refuse: (refusal: Refusal) => Error | Promise<Error>;
}

/** The requests that a guard of the application has read in its own way, by the first argument of the handler. */
const ownContexts = new WeakMap<object, RequestContext>();

/** Remembers the request that a class with its own `getRequestContext` has read. */
export function rememberContext(context: ArgumentsHost, request: RequestContext): void {
  const first: unknown = context.getArgByIndex(0);
  if (typeof first === 'object' && first !== null) ownContexts.set(first, request);
}

/** Returns the request that a class with its own `getRequestContext` has read, or `undefined` if there is none. */
export function recallContext(context: ArgumentsHost): RequestContext | undefined {
  const first: unknown = context.getArgByIndex(0);
  return typeof first === 'object' && first !== null ? ownContexts.get(first) : undefined;
}
