import type { GenAuthClient } from '../core/client.js';
import type { GenAuthRequest } from '../core/options/types.js';
import { type BearerRequirements, authenticateBearer } from './authenticate-bearer.js';
import { parseBearerToken } from './bearer-token.js';
import { type Refusal, toRefusal } from './refusal.js';

/** The object on which a guard stores the user, and from which handlers read it. */
export interface RequestState {
  user?: unknown;
  authInfo?: unknown;
}

/** What a route requires of its requests. */
export interface RouteRequirements extends BearerRequirements {
  /** Lets requests without a token pass, without a user. A wrong token is refused all the same. */
  optional: boolean;
}

/**
 * Guards one request: reads its token, verifies it and what the route requires, and stores `user` and `authInfo`.
 *
 * @returns The answer for a request that must not pass, or `undefined` for one that may.
 * @throws errors that are not of this library, such as those of the application's `tenant` function.
 */
export async function guardRequest(
  client: GenAuthClient<string>,
  req: GenAuthRequest,
  state: RequestState,
  requirements: RouteRequirements,
): Promise<Refusal | undefined> {
  try {
    const token = parseBearerToken(req);
    if (token === undefined && requirements.optional) {
      // Clears the user of a session: an optional route without a token is anonymous.
      state.user = undefined;
      state.authInfo = undefined;
      return undefined;
    }
    const { user, info } = await authenticateBearer(client, token ?? '', req, requirements);
    state.user = user;
    state.authInfo = info;
    return undefined;
  } catch (error) {
    const refusal = toRefusal(error, {
      options: client.options,
      acceptLanguage: req.headers['accept-language'],
    });
    if (refusal === undefined) throw error;
    return refusal;
  }
}
