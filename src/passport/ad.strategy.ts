import type { GenAuthClient } from '../core/client.js';
import type { GenAuthOptions, GenAuthRequest } from '../core/options/types.js';
import type { DefaultScope, GenAuthUser } from '../core/scopes.js';
import { parseAdLogin } from '../web/login-body.js';
import { GenAuthStrategy, type VerifyFunction } from './genauth.strategy.js';
import { type SignInInfo, signInRequest } from '../web/sign-in.js';

/**
 * Passport strategy `genauth-ad`: signs in with `sAMAccountName` and `password` of the company's Active Directory, which is
 * connected to the tenant.
 */
export class GenAuthAdStrategy<
  const S extends string = DefaultScope,
  ExtendedFields extends object = Record<string, unknown>,
> extends GenAuthStrategy<S, ExtendedFields, GenAuthUser<S, ExtendedFields>, SignInInfo> {
  /** As for `GenAuthPasswordStrategy`. */
  constructor(
    optionsOrClient: GenAuthOptions<S> | GenAuthClient<S, ExtendedFields>,
    verify?: VerifyFunction<GenAuthUser<S, ExtendedFields>, SignInInfo>,
  ) {
    super('ad', optionsOrClient, verify);
  }

  protected identify(req: GenAuthRequest): Promise<{ user: GenAuthUser<S, ExtendedFields>; info: SignInInfo }> {
    return signInRequest(this.client, req, parseAdLogin);
  }
}
