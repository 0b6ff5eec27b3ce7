import type { GenAuthClient } from '../core/client.js';
import type { GenAuthRequest } from '../core/options/types.js';
import type { GenAuthTokenUser, GenAuthUser } from '../core/scopes.js';
import type { AccessTokenClaims } from '../core/tokens/claims.js';
import { type AccessRequirements, authorize } from './authorization.js';

/** The value of `req.authInfo` on a guarded route. */
export interface BearerInfo {
  /**
   * All claims of the verified access token. The object is frozen, because all requests with the same token get the
   * same object.
   */
  claims: AccessTokenClaims;
}

/**
 * The value of `req.user` on a guarded route. With the client's option `userClaims: 'token'` (default) it is a
 * `GenAuthTokenUser` with the claims of the access token. With `userClaims: 'userinfo'` it is a `GenAuthUser` with all
 * claims of the configured scopes.
 */
export type BearerUser<S extends string = string, ExtendedFields extends object = Record<string, unknown>> =
  | GenAuthTokenUser
  | GenAuthUser<S, ExtendedFields>;

/** The conditions of a route that a valid access token must meet. */
export interface BearerRequirements extends AccessRequirements {
  /**
   * Maximum age of a cached introspection result, in milliseconds. If `introspect` is `undefined`, GenAuth is not asked
   * about the access token, so a revoked token is accepted until it expires.
   */
  introspect?: number | undefined;
}

/**
 * Verifies an access token and checks the conditions of the route.
 *
 * @param token - The access token of the request. An empty string causes a `TokenVerificationError` with the code
 * `token_missing`.
 * @throws TokenVerificationError if the access token is missing, not valid or revoked.
 * @throws AuthorizationError if a scope, a role or the tenant is missing.
 * @throws UpstreamError if a request to GenAuth is needed and fails.
 * @throws ConfigurationError if the configuration is wrong, for example if GenAuth refuses the application's
 * credentials.
 */
export async function authenticateBearer<S extends string, ExtendedFields extends object>(
  client: GenAuthClient<S, ExtendedFields>,
  token: string,
  req: GenAuthRequest,
  requirements: BearerRequirements = {},
): Promise<{ user: BearerUser<S, ExtendedFields>; info: BearerInfo }> {
  const { user, claims } = await client.authenticate(token, {
    introspect: requirements.introspect,
    authorize: (verified, getUserClaims) => authorize(requirements, verified, getUserClaims, req),
  });
  return { user: user as BearerUser<S, ExtendedFields>, info: { claims } };
}
