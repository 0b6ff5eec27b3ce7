import type { GenAuthClient } from '../core/client.js';
import type { GenAuthRequest } from '../core/options/types.js';
import { type MaybePromise, isThenable } from '../core/util/maybe-promise.js';
import { type BearerRequirements, authenticateBearer } from './authenticate-bearer.js';
import { parseBearerToken } from './bearer-token.js';
import { storeAsDictionary } from './dictionary-mode.js';
import { type Refusal, toRefusal } from './refusal.js';
import { reportRefusal } from './report-refusal.js';

/**
 * The object on which a guard stores the user. Route handlers read the user from it. In Express the object is the
 * request.
 */
export interface RequestState {
  user?: unknown;
  authInfo?: unknown;
}

/** The conditions of a route that a request must meet. */
export interface RouteRequirements extends BearerRequirements {
  /**
   * Whether a request without an access token may pass, without a user. A request with a token that is not valid is
   * still refused.
   */
  optional: boolean;
}

/**
 * Guards one request: reads and verifies the access token, checks the conditions of the route, and stores `user` and
 * `authInfo`. Reports a refusal to the operator.
 *
 * @param state - The object on which `user` and `authInfo` are stored.
 * @returns The response for a request that must not pass, or `undefined` if the request may pass. A promise is returned
 * only if GenAuth must be asked, or if a function of the application returns a promise.
 * @throws every error that is not an error of passport-genauth, such as an error of the application's function
 * `tenant`. If a promise was returned, it is rejected with this error.
 */
export function guardRequest(
  client: GenAuthClient<string>,
  req: GenAuthRequest,
  state: RequestState,
  requirements: RouteRequirements,
): MaybePromise<Refusal | undefined> {
  try {
    storeAsDictionary(req);
    const token = parseBearerToken(req);
    if (token === undefined && requirements.optional) {
      // A session may have set a user. On an optional route a request without an access token is anonymous, so the user
      // is removed.
      return store(state, undefined, undefined);
    }
    const result = authenticateBearer(client, token ?? '', req, requirements);
    if (!isThenable(result)) return store(state, result.user, result.info);
    return result
      .then(({ user, info }) => store(state, user, info))
      .then(undefined, (error: unknown) => refuse(client, req, error));
  } catch (error) {
    return refuse(client, req, error);
  }
}

function store(state: RequestState, user: unknown, info: unknown): undefined {
  state.user = user;
  state.authInfo = info;
}

/** Reports an error of passport-genauth to the operator, and returns the response. Throws every other error. */
function refuse({ options }: GenAuthClient<string>, req: GenAuthRequest, error: unknown): Refusal {
  const refusal = toRefusal(error, { options, acceptLanguage: req.headers['accept-language'] });
  if (refusal === undefined) throw error;
  reportRefusal(refusal, options, req);
  return refusal;
}
