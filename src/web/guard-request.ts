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

/** What a route requires of a request. */
export interface RouteRequirements extends BearerRequirements {
  /** A request without a token passes, without a user. A token that is not valid is still refused. */
  optional: boolean;
}

/**
 * Guards one request: reads and verifies its token, checks what the route requires, and stores `user` and `authInfo`.
 *
 * @param state - The object on which `user` and `authInfo` are stored.
 * @returns The refusal, or `undefined` if the request may pass.
 * @throws errors that are not errors of this library, such as those of the application's function `tenant`.
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
      // Clears the user of a session, because a request without a token is anonymous on an optional route.
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
