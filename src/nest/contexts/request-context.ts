import type { GenAuthRequest } from '../../core/options/types.js';
import type { RequestState } from '../../web/guard-request.js';
import type { Refusal } from '../../web/refusal.js';

/** One request of any transport, in the form that guards, decorators and filters use. */
export interface RequestContext {
  /** The headers, the body and the client address of the request. */
  request: GenAuthRequest;
  /** Guards store the user here. `@CurrentUser()` and `@AuthInfo()` read from here. */
  state: RequestState;
  /** Builds the exception that the transport expects for this refusal. */
  refuse: (refusal: Refusal) => Error | Promise<Error>;
}
