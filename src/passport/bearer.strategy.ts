import type { GenAuthClient } from '../core/client.js';
import type { GenAuthOptions, GenAuthRequest } from '../core/options/types.js';
import { type BearerInfo, type BearerUser, authenticateBearer } from '../web/authenticate-bearer.js';
import { parseBearerToken } from '../web/bearer-token.js';
import { GenAuthStrategy, type VerifyFunction } from './genauth.strategy.js';

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
    return authenticateBearer(this.client, parseBearerToken(req) ?? '', req);
  }
}
