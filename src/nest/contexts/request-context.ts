import type { GenAuthRequest } from '../../core/options/types.js';
import type { RequestState } from '../../web/guard-request.js';
import type { Refusal } from '../../web/refusal.js';

/** One request of any transport, as guards, decorators and filters see it. */
export interface RequestContext {
  /** The request as the core reads it: headers, body and address. */
  request: GenAuthRequest;
  /** Guards store the user here. `@CurrentUser()` and `@AuthInfo()` read from here. */
  state: RequestState;
  /** Builds the exception that the transport expects for this refusal. */
  refuse: (refusal: Refusal) => Error | Promise<Error>;
}
