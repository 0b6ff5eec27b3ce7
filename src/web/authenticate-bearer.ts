import type { GenAuthClient } from '../core/client.js';
import { AuthorizationError } from '../core/errors.js';
import type { GenAuthRequest, UserResolver } from '../core/options/types.js';
import type { GenAuthTokenUser, GenAuthUser } from '../core/scopes.js';
import type { AccessTokenClaims } from '../core/tokens/claims.js';
import { digestToken } from '../core/tokens/token-digest.js';
import { LruMap } from '../core/util/lru-map.js';
import { type MaybePromise, chain } from '../core/util/maybe-promise.js';
import { callResolveUser, callWithLimit } from './application-user.js';
import { type AccessRequirements, authorize } from './authorization.js';

/** Maximum number of access tokens whose users are cached with the option `resolveUserMaxAge`. */
const MAX_CACHED_USERS = 10_000;

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
 * claims of the configured scopes. With the client's option `resolveUser` it is the application's own user.
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
 * Verifies an access token, checks the conditions of the route, and finds the application's own user if the client has
 * the option `resolveUser`.
 *
 * @param token - The access token of the request. An empty string causes a `TokenVerificationError` with the code
 * `token_missing`.
 * @returns A promise only if GenAuth must be asked, or if a function of the application returns a promise. The errors
 * below are thrown in the same way.
 * @throws TokenVerificationError if the access token is missing, not valid or revoked.
 * @throws AuthorizationError if a scope, a role or the tenant is missing, or if `resolveUser` refuses the user.
 * @throws UpstreamError if a request to GenAuth is needed and fails.
 * @throws ConfigurationError if the configuration is wrong, for example if GenAuth refuses the application's
 * credentials.
 */
export function authenticateBearer<S extends string, ExtendedFields extends object>(
  client: GenAuthClient<S, ExtendedFields>,
  token: string,
  req: GenAuthRequest,
  requirements: BearerRequirements = {},
): MaybePromise<{ user: BearerUser<S, ExtendedFields>; info: BearerInfo }> {
  const { introspect, scopes, roles, tenant } = requirements;
  const { timeout, resolveUser } = client.options;
  const isOpen = scopes === undefined && roles === undefined && tenant === undefined;
  const authenticated = client.authenticate(token, {
    introspect,
    authorize: isOpen
      ? undefined
      : (claims, getUserClaims) => authorize(limitTenant(requirements, timeout), claims, getUserClaims, req),
  }) as MaybePromise<{ user: BearerUser<S, ExtendedFields>; info: BearerInfo }>;
  if (resolveUser === undefined) return authenticated;
  return chain(authenticated, ({ info }) =>
    chain(resolveAppUser(client, resolveUser, token, req, info.claims), (user) => ({
      user: user as BearerUser<S, ExtendedFields>,
      info,
    })),
  );
}

/** Adds the time limit of the client to the function `tenant`. */
function limitTenant(requirements: BearerRequirements, timeout: number): BearerRequirements {
  const { tenant } = requirements;
  if (tenant === undefined) return requirements;
  return { ...requirements, tenant: (req) => callWithLimit('tenant', timeout, () => tenant(req)) };
}

/** The application's own users of one client, by the digest of the access token. */
type AppUserCache = LruMap<string, { user: object; until: number }>;
const caches = new WeakMap<object, AppUserCache>();

function resolveAppUser(
  client: Pick<GenAuthClient<string>, 'options'>,
  resolveUser: UserResolver,
  token: string,
  req: GenAuthRequest,
  claims: AccessTokenClaims,
): MaybePromise<object> {
  const { resolveUserMaxAge, timeout } = client.options;
  if (resolveUserMaxAge === 0) return callResolver(resolveUser, timeout, req, claims);
  const cache: AppUserCache = caches.get(client) ?? new LruMap(MAX_CACHED_USERS);
  caches.set(client, cache);
  const key = digestToken(token);
  const known = cache.get(key);
  if (known !== undefined && performance.now() < known.until) return known.user;
  return chain(callResolver(resolveUser, timeout, req, claims), (user) => {
    cache.set(key, { user, until: performance.now() + resolveUserMaxAge });
    return user;
  });
}

function callResolver(
  resolveUser: UserResolver,
  timeout: number,
  req: GenAuthRequest,
  claims: AccessTokenClaims,
): MaybePromise<object> {
  return chain(callResolveUser(resolveUser, timeout, req, claims), (user) => {
    if (user !== null) return user;
    const message = "The application's function resolveUser refused the user of the access token.";
    throw new AuthorizationError('verify_denied', message, { callback: 'resolveUser' });
  });
}
