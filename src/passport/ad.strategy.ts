import type { GenAuthClient } from '../core/client.js';
import type { GenAuthOptions, GenAuthRequest } from '../core/options.js';
import type { DefaultScope, GenAuthUser } from '../core/scopes.js';
import { parseAdCredentials } from './credentials.js';
import { GenAuthStrategy, type VerifyCallback } from './genauth.strategy.js';
import { type SignInInfo, signInRequest } from './sign-in-request.js';

/**
 * Passport strategy `genauth-ad`: signs in with `sAMAccountName` and `password` of the company's Active Directory, which is
 * connected to the tenant.
 */
export class GenAuthAdStrategy<const S extends string = DefaultScope> extends GenAuthStrategy<
  S,
  GenAuthUser<S>,
  SignInInfo
> {
  /** As for `GenAuthPasswordStrategy`. */
  constructor(
    optionsOrClient: GenAuthOptions<S> | GenAuthClient<S>,
    verify?: VerifyCallback<GenAuthUser<S>, SignInInfo>,
  ) {
    super('genauth-ad', optionsOrClient, verify);
  }

  protected identify(req: GenAuthRequest): Promise<{ user: GenAuthUser<S>; info: SignInInfo }> {
    return signInRequest(this.client, req, parseAdCredentials);
  }
}
