import type { GenAuthClient } from '../core/client.js';
import type { GenAuthOptions, GenAuthRequest } from '../core/options/types.js';
import type { GenAuthTokenUser, GenAuthUser } from '../core/scopes.js';
import type { TokenClaims } from '../core/tokens/claims.js';
import { type AccessRequirements, authorize } from '../web/authorization.js';
import { parseBearerToken } from '../web/bearer-token.js';
import { GenAuthStrategy, type VerifyFunction } from './genauth.strategy.js';

/** `req.authInfo` behind a token. */
export interface BearerInfo {
  /** All claims of the verified token, frozen: they are shared with other requests of its bearer. */
  claims: TokenClaims;
}

/** Who is behind a token: by the options `userClaims` and `bearerToken` what the token says, or everything. */
export type BearerUser<S extends string = string, ExtendedFields extends object = Record<string, unknown>> =
  | GenAuthTokenUser
  | GenAuthUser<S, ExtendedFields>;

/** What a guard asks of a request. */
export interface BearerRequirements extends AccessRequirements {
  /** Milliseconds that an earlier answer of GenAuth counts; left out, a token is good until it expires. */
  introspect?: number | undefined;
}

/** The part of a client that guards use; the user's type is the client's own matter. */
export type BearerClient = Pick<
  GenAuthClient<string>,
  'options' | 'verifyBearerToken' | 'requireActive' | 'getUserClaims'
> & { getUser(token: string, claims: TokenClaims): Promise<object> };

/** Verifies the bearer token of a request; the guards use it without Passport around it. */
export async function authenticateBearer(
  client: BearerClient,
  req: GenAuthRequest,
  requirements: BearerRequirements = {},
): Promise<{ user: object; info: BearerInfo }> {
  // Without a token the verifier says that there is none.
  const token = parseBearerToken(req) ?? '';
  const claims = await client.verifyBearerToken(token);
  if (requirements.introspect !== undefined) await client.requireActive(token, claims, requirements.introspect);
  await authorize(requirements, { claims, getUserClaims: () => client.getUserClaims(token, claims) }, req);
  return { user: await client.getUser(token, claims), info: { claims } };
}

/**
 * Passport strategy `genauth-bearer`: guards a route with GenAuth's token in `Authorization: Bearer …`.
 */
export class GenAuthBearerStrategy<
  S extends string = string,
  ExtendedFields extends object = Record<string, unknown>,
> extends GenAuthStrategy<S, ExtendedFields, BearerUser<S, ExtendedFields>, BearerInfo> {
  /** As for `GenAuthPasswordStrategy`. */
  constructor(
    optionsOrClient: GenAuthOptions<S> | GenAuthClient<S, ExtendedFields>,
    verify?: VerifyFunction<BearerUser<S, ExtendedFields>, BearerInfo>,
  ) {
    super('bearer', optionsOrClient, verify);
  }

  protected async identify(req: GenAuthRequest): Promise<{ user: BearerUser<S, ExtendedFields>; info: BearerInfo }> {
    const { user, info } = await authenticateBearer(this.client, req);
    return { user: user as BearerUser<S, ExtendedFields>, info };
  }
}
