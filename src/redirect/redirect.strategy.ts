import type { GenAuthClient } from '../core/client.js';
import { RequestError } from '../core/errors.js';
import type { GenAuthOptions, GenAuthRequest } from '../core/options/types.js';
import type { DefaultScope, GenAuthUser } from '../core/scopes.js';
import { type MaybePromise, chain } from '../core/util/maybe-promise.js';
import {
  GenAuthStrategy,
  type Identified,
  type LoginResult,
  refuseMoreArguments,
} from '../passport/genauth.strategy.js';
import type { VerifyFunction } from '../web/application-user.js';
import { reportRefusal } from '../web/report-refusal.js';
import type { RedirectOptions } from './options.js';
import { type RedirectInfo, RedirectFlow } from './redirect-flow.js';

/**
 * Passport strategy `genauth-redirect`. It signs in the user on GenAuth's hosted page, by the authorization code flow
 * with PKCE ([RFC 7636](https://www.rfc-editor.org/rfc/rfc7636)). Use it on two routes: one begins the sign-in, the
 * other one is the callback. The callback sets `req.user` to the claims of the configured scopes and `req.authInfo` to
 * a `RedirectInfo`.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { GenAuthClient, signInHandler } from 'passport-genauth';
 * import { GenAuthRedirectStrategy } from 'passport-genauth/redirect';
 *
 * const client = new GenAuthClient({
 *   appId: '65f0c1d2e3a4b5c6d7e8f901',
 *   appSecret: '0123456789abcdef0123456789abcdef',
 *   appHost: 'https://example.genauth.ai',
 * });
 * const strategy = new GenAuthRedirectStrategy(client, {
 *   callbackUrl: 'https://app.example.com/auth/genauth/callback',
 *   startPath: '/auth/genauth',
 *   cookieSecret: process.env['COOKIE_SECRET'] ?? '',
 * });
 * const app = express();
 * app.get('/auth/genauth', signInHandler(strategy));
 * app.get('/auth/genauth/callback', signInHandler(strategy), (_req, res) => {
 *   res.redirect('/');
 * });
 * ```
 */
export class GenAuthRedirectStrategy<
  const S extends string = DefaultScope,
  ExtendedFields extends object = Record<string, unknown>,
> extends GenAuthStrategy<S, ExtendedFields, GenAuthUser<S, ExtendedFields>, RedirectInfo> {
  /** @internal */
  readonly flow: RedirectFlow<S, ExtendedFields>;

  /**
   * @param optionsOrClient - An existing client, or the options of a new client.
   * @param redirect - The options of the sign-in on GenAuth's hosted page. `callbackUrl` is required.
   * @param verify - The application's function that maps the user. Default: `req.user` is the GenAuth user.
   * @throws ConfigurationError if an option is wrong.
   */
  constructor(
    optionsOrClient: GenAuthOptions<S> | GenAuthClient<S, ExtendedFields>,
    redirect: RedirectOptions,
    verify?: VerifyFunction<GenAuthUser<S, ExtendedFields>, RedirectInfo>,
  ) {
    super('redirect', optionsOrClient, verify);
    refuseMoreArguments(arguments.length, 'super(client, options)', 3);
    this.flow = new RedirectFlow(this.client, redirect);
  }

  protected override async identify(
    req: GenAuthRequest,
  ): Promise<Identified<GenAuthUser<S, ExtendedFields>, RedirectInfo>> {
    // Express and Nest send a HEAD request to the route of GET. It must not use up the code of the callback.
    expectGet(req);
    return this.flow.isCallback(req) ? this.flow.finish(req) : { url: await this.flow.begin(req) };
  }

  /** Authenticates one request. Sends the browser to `failurePath`, if the sign-in has failed. */
  override attempt(req: GenAuthRequest): MaybePromise<LoginResult> {
    return chain(super.attempt(req), (result): LoginResult => {
      if (result.kind !== 'refusal' && result.kind !== 'denied') return result;
      const url = this.flow.toFailurePath(result.refusal.body.code);
      if (url === undefined) return result;
      reportRefusal(result.refusal, this.client.options, req);
      return { kind: 'redirect', url };
    });
  }

  /** No other strategy can complete a sign-in on GenAuth's hosted page. */
  protected override isForOther(): boolean {
    return false;
  }
}

function expectGet({ method = 'GET' }: GenAuthRequest & { method?: string }): void {
  if (method === 'GET') return;
  const message = `The sign-in on GenAuth's hosted page needs a GET request, but the request has the method ${method}.`;
  throw new RequestError(message, { field: 'method' });
}
