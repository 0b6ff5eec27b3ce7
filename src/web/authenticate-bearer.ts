import type { GenAuthClient } from '../core/client.js';
import type { GenAuthRequest } from '../core/options/types.js';
import type { GenAuthTokenUser, GenAuthUser } from '../core/scopes.js';
import type { AccessTokenClaims } from '../core/tokens/claims.js';
import { type AccessRequirements, authorize } from './authorization.js';

/** `req.authInfo` on a guarded route. */
export interface BearerInfo {
  /** All claims of the verified access token. Frozen, because requests with the same token share this object. */
  claims: AccessTokenClaims;
}

/**
 * `req.user` on a guarded route. With the option `userClaims: 'token'` (default) a `GenAuthTokenUser` with the claims
 * of the access token. With `userClaims: 'userinfo'` a `GenAuthUser` with all claims of the configured scopes.
 */
export type BearerUser<S extends string = string, ExtendedFields extends object = Record<string, unknown>> =
  | GenAuthTokenUser
  | GenAuthUser<S, ExtendedFields>;

/** What a route requires of a valid access token. */
export interface BearerRequirements extends AccessRequirements {
  /**
   * Maximum age of a cached introspection result, in milliseconds. Absent: the token is not introspected, so a revoked
   * token is accepted until it expires.
   */
  introspect?: number | undefined;
}

/**
 * Verifies an access token and checks what the route requires.
 *
 * @param token - An empty string throws `token_missing`.
 * @throws TokenVerificationError if the token is missing, not valid or revoked.
 * @throws AuthorizationError if a scope, a role or the tenant is missing.
 * @throws UpstreamError if GenAuth is needed and does not answer.
 * @throws ConfigurationError if GenAuth refuses the application itself.
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
