import type { GenAuthClient } from '../core/client.js';
import type { GenAuthOptions, GenAuthRequest } from '../core/options/types.js';
import type { DefaultScope, GenAuthUser } from '../core/scopes.js';
import { findLoginKind, parsePasswordLogin } from '../web/login-body.js';
import type { VerifyFunction } from '../web/application-user.js';
import { GenAuthStrategy, refuseMoreArguments } from './genauth.strategy.js';
import { type SignInInfo, signInRequest } from '../web/sign-in.js';

/**
 * Passport strategy `genauth-password`. It signs in the user with the fields of the parsed request body: `password` and
 * exactly one of `account`, `email`, `username` and `phone`. `account` can be a user name, an e-mail address or a phone
 * number. The strategy sets `req.user` to the claims of the configured scopes and `req.authInfo` to a `SignInInfo` with
 * the tokens.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import passport from 'passport';
 * import { GenAuthClient, GenAuthPasswordStrategy, signInHandler } from 'passport-genauth';
 *
 * const client = new GenAuthClient({
 *   appId: '65f0c1d2e3a4b5c6d7e8f901',
 *   appSecret: '0123456789abcdef0123456789abcdef',
 *   appHost: 'https://example.genauth.ai',
 * });
 * passport.use(new GenAuthPasswordStrategy(client));
 * express()
 *   .use(express.json())
 *   .post('/login', signInHandler('genauth-password'), (req, res) => void res.json(req.user));
 * ```
 */
export class GenAuthPasswordStrategy<
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
    super('password', optionsOrClient, verify);
    // oxlint-disable-next-line prefer-rest-params -- PassportStrategy of @nestjs/passport appends its callback.
    refuseMoreArguments(arguments.length);
  }

  protected identify(req: GenAuthRequest): Promise<{ user: GenAuthUser<S, ExtendedFields>; info: SignInInfo }> {
    return signInRequest(this.client, req, parsePasswordLogin);
  }

  /** A request with the fields of the other login only may be authenticated by the other strategy of the same route. */
  protected isForOther({ body }: GenAuthRequest): boolean {
    return findLoginKind(body, this.client.options.fields) === 'ad';
  }
}
