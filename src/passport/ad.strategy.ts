import type { GenAuthClient } from '../core/client.js';
import type { GenAuthOptions, GenAuthRequest } from '../core/options/types.js';
import type { DefaultScope, GenAuthUser } from '../core/scopes.js';
import { findLoginKind, parseAdLogin } from '../web/login-body.js';
import type { VerifyFunction } from '../web/application-user.js';
import { GenAuthStrategy, refuseMoreArguments } from './genauth.strategy.js';
import { type SignInInfo, signInRequest } from '../web/sign-in.js';

/**
 * Passport strategy `genauth-ad`. It signs in the user with the fields `sAMAccountName` and `password` of the parsed
 * request body. The user's account is in the Active Directory that is connected to the GenAuth tenant. The strategy
 * sets `req.user` to the claims of the configured scopes and `req.authInfo` to a `SignInInfo` with the tokens.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { GenAuthAdStrategy, GenAuthClient, signInHandler } from 'passport-genauth';
 *
 * const client = new GenAuthClient({
 *   appId: '65f0c1d2e3a4b5c6d7e8f901',
 *   appSecret: '0123456789abcdef0123456789abcdef',
 *   appHost: 'https://example.genauth.ai',
 * });
 * const app = express().use(express.json());
 * app.post('/login/ad', signInHandler(new GenAuthAdStrategy(client)), (_req, res) => {
 *   res.json({ signedIn: true });
 * });
 * ```
 */
export class GenAuthAdStrategy<
  const S extends string = DefaultScope,
  ExtendedFields extends object = Record<string, unknown>,
> extends GenAuthStrategy<S, ExtendedFields, GenAuthUser<S, ExtendedFields>, SignInInfo> {
  /**
   * @param optionsOrClient - The options of a new client, or an existing client. Strategies with the same client use
   * the same key set and the same connections.
   * @param verify - Maps the GenAuth user to the application's own user, or refuses the user. Default: `req.user` is
   * the GenAuth user.
   * @throws ConfigurationError if an option is wrong, or if `verify` is given and not a function. The error message
   * names every wrong option.
   */
  constructor(
    optionsOrClient: GenAuthOptions<S> | GenAuthClient<S, ExtendedFields>,
    verify?: VerifyFunction<GenAuthUser<S, ExtendedFields>, SignInInfo>,
  ) {
    super('ad', optionsOrClient, verify);
    // oxlint-disable-next-line prefer-rest-params -- PassportStrategy of @nestjs/passport appends its callback.
    refuseMoreArguments(arguments.length);
  }

  protected identify(req: GenAuthRequest): Promise<{ user: GenAuthUser<S, ExtendedFields>; info: SignInInfo }> {
    return signInRequest(this.client, req, parseAdLogin);
  }

  /** A request with the fields of the other login only may be authenticated by the other strategy of the same route. */
  protected isForOther({ body }: GenAuthRequest): boolean {
    return findLoginKind(body, this.client.options.fields) === 'password';
  }
}
