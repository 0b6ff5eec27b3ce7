import type { GenAuthClient } from '../core/client.js';
import type { GenAuthOptions, GenAuthRequest } from '../core/options/types.js';
import type { MaybePromise } from '../core/util/maybe-promise.js';
import { type BearerInfo, type BearerUser, authenticateBearer } from '../web/authenticate-bearer.js';
import { parseBearerToken } from '../web/bearer-token.js';
import type { VerifyFunction } from '../web/application-user.js';
import { storeAsDictionary } from '../web/dictionary-mode.js';
import { GenAuthStrategy, refuseMoreArguments } from './genauth.strategy.js';

/**
 * Passport strategy `genauth-bearer`. It requires a valid GenAuth access token in `Authorization: Bearer …`
 * ([RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)). It sets `req.user` to a `BearerUser` and
 * `req.authInfo` to a `BearerInfo`. It does not check scopes, roles or the tenant. `requireAuth` can check them, and
 * needs less time for each request.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import passport from 'passport';
 * import { GenAuthBearerStrategy, GenAuthClient } from 'passport-genauth';
 *
 * const client = new GenAuthClient({
 *   appId: '65f0c1d2e3a4b5c6d7e8f901',
 *   appSecret: '0123456789abcdef0123456789abcdef',
 *   appHost: 'https://example.genauth.ai',
 * });
 * passport.use(new GenAuthBearerStrategy(client));
 * express().get('/me', passport.authenticate('genauth-bearer', { session: false }), (req, res) => {
 *   res.json(req.user);
 * });
 * ```
 */
export class GenAuthBearerStrategy<
  S extends string = string,
  ExtendedFields extends object = Record<string, unknown>,
> extends GenAuthStrategy<S, ExtendedFields, BearerUser<S, ExtendedFields>, BearerInfo> {
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
    verify?: VerifyFunction<BearerUser<S, ExtendedFields>, BearerInfo>,
  ) {
    super('bearer', optionsOrClient, verify);
    // oxlint-disable-next-line prefer-rest-params -- PassportStrategy of @nestjs/passport appends its callback.
    refuseMoreArguments(arguments.length);
  }

  protected identify(req: GenAuthRequest): MaybePromise<{ user: BearerUser<S, ExtendedFields>; info: BearerInfo }> {
    storeAsDictionary(req);
    return authenticateBearer(this.client, parseBearerToken(req) ?? '', req);
  }

  /** A request without the header `Authorization` may be authenticated by another strategy of the same route. */
  protected isForOther(req: GenAuthRequest): boolean {
    return req.headers.authorization === undefined;
  }
}
