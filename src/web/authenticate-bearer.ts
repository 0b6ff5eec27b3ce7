import type { GenAuthClient } from '../core/client.js';
import type { GenAuthRequest } from '../core/options/types.js';
import type { GenAuthTokenUser, GenAuthUser } from '../core/scopes.js';
import type { AccessTokenClaims } from '../core/tokens/claims.js';
import { type AccessRequirements, authorize } from './authorization.js';

/** `req.authInfo` behind an access token. */
export interface BearerInfo {
  /** All claims of the verified token, frozen: other requests with the same token share them. */
  claims: AccessTokenClaims;
}

/** The user behind an access token: by the option `userClaims` what the token says, or all claims of the scopes. */
export type BearerUser<S extends string = string, ExtendedFields extends object = Record<string, unknown>> =
  | GenAuthTokenUser
  | GenAuthUser<S, ExtendedFields>;

/** What a route requires of an access token. */
export interface BearerRequirements extends AccessRequirements {
  /** Milliseconds that an introspection may be old. Absent: the token is valid until it expires. */
  introspect?: number | undefined;
}

/** Verifies an access token and what a route requires of it. The empty string is answered as a missing token. */
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
