import type { GenAuthClient } from '../core/client.js';
import type { GenAuthOptions, GenAuthRequest } from '../core/options/types.js';
import type { DefaultScope, GenAuthUser } from '../core/scopes.js';
import { parsePasswordLogin } from '../web/login-body.js';
import { GenAuthStrategy, type VerifyFunction } from './genauth.strategy.js';
import { type SignInInfo, signInRequest } from '../web/sign-in.js';

/**
 * Passport strategy `genauth-password`: signs in with `account` (user name, e-mail or phone number), or with `email`, `username`
 * or `phone`, and `password` of the parsed body. `req.user` gets the claims of the scopes, `req.authInfo` the tokens.
 */
export class GenAuthPasswordStrategy<
  const S extends string = DefaultScope,
  ExtendedFields extends object = Record<string, unknown>,
> extends GenAuthStrategy<S, ExtendedFields, GenAuthUser<S, ExtendedFields>, SignInInfo> {
  /**
   * @param optionsOrClient - A client that is given to several strategies serves them all with one set of keys.
   * @param verify - Maps the user to the application's own; left out, the user is taken as it is.
   * @throws ConfigurationError that names every mistake in the options.
   */
  constructor(
    optionsOrClient: GenAuthOptions<S> | GenAuthClient<S, ExtendedFields>,
    verify?: VerifyFunction<GenAuthUser<S, ExtendedFields>, SignInInfo>,
  ) {
    super('password', optionsOrClient, verify);
  }

  protected identify(req: GenAuthRequest): Promise<{ user: GenAuthUser<S, ExtendedFields>; info: SignInInfo }> {
    return signInRequest(this.client, req, parsePasswordLogin);
  }
}
