import type { GenAuthRequest } from '../../core/options/types.js';
import type { RequestState } from '../../web/guard-request.js';
import type { Refusal } from '../../web/refusal.js';

/**
 * One request of any transport (HTTP, GraphQL, WebSocket, microservice), in the form that guards, decorators and
 * filters use.
 */
export interface RequestContext {
  /** The headers, the body and the client's IP address of the request. */
  request: GenAuthRequest;
  /** The object on which guards store the user. `@CurrentUser()` and `@AuthInfo()` read the user from it. */
  state: RequestState;
  /**
   * Whether the request belongs to an HTTP exchange that has already been answered. Then the request is not the request
   * of the caller.
   */
  isAnswered?: boolean;
  /** Builds the exception for a refusal, in the form that this transport requires. */
  refuse: (refusal: Refusal) => Error | Promise<Error>;
}
