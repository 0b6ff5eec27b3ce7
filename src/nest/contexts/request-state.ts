import type { GenAuthRequest } from '../../core/options/types.js';
import type { Refusal } from '../../web/refusal.js';

/** Guards store the user and the token's information here. `@CurrentUser()` and `@AuthInfo()` read them from here. */
export interface RequestState {
  user?: unknown;
  authInfo?: unknown;
}

/** One request of any transport, as guards, decorators and filters see it. */
export interface RequestContext {
  /** The request as the core reads it: headers, body and address. */
  request: GenAuthRequest;
  state: RequestState;
  /** Builds the exception that the transport expects for this refusal. */
  refuse: (refusal: Refusal) => Error | Promise<Error>;
}
