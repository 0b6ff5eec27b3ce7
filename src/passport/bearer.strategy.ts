import type { GenAuthClient } from '../core/client.js';
import type { GenAuthOptions, GenAuthRequest } from '../core/options.js';
import { type GenAuthTokenUser, toTokenUser } from '../core/scopes.js';
import type { AccessTokenClaims } from '../core/token-verifier.js';
import { parseBearerToken } from './bearer-token.js';
import { GenAuthStrategy, type VerifyFunction } from './genauth.strategy.js';

/** `req.authInfo` behind a token. */
export interface BearerInfo {
  /** All claims of the verified access token. */
  claims: AccessTokenClaims;
}

/** Verifies the bearer token of a request; the guards use it without Passport around it. */
export async function authenticateBearer(
  client: Pick<GenAuthClient, 'verifyAccessToken'>,
  req: GenAuthRequest,
): Promise<{ user: GenAuthTokenUser; info: BearerInfo }> {
  // Without a token the verifier says that there is none.
  const claims = await client.verifyAccessToken(parseBearerToken(req) ?? '');
  return { user: toTokenUser(claims), info: { claims } };
}

/**
 * Passport strategy `genauth-bearer`: guards a route with GenAuth's access token in `Authorization: Bearer …`. Nothing is
 * asked of GenAuth but its keys.
 */
export class GenAuthBearerStrategy<
  S extends string = string,
  ExtendedFields extends object = Record<string, unknown>,
> extends GenAuthStrategy<S, ExtendedFields, GenAuthTokenUser, BearerInfo> {
  /** As for `GenAuthPasswordStrategy`. */
  constructor(
    optionsOrClient: GenAuthOptions<S> | GenAuthClient<S, ExtendedFields>,
    verify?: VerifyFunction<GenAuthTokenUser, BearerInfo>,
  ) {
    super('bearer', optionsOrClient, verify);
  }

  protected identify(req: GenAuthRequest): Promise<{ user: GenAuthTokenUser; info: BearerInfo }> {
    return authenticateBearer(this.client, req);
  }
}
