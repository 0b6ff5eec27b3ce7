import type { GenAuthClient } from '../core/client.js';
import type { GenAuthOptions } from '../core/options/types.js';
import type { DefaultScope, GenAuthUser } from '../core/scopes.js';
import { type SignInHandler, signInHandler } from '../express/sign-in-handler.js';
import type { VerifyFunction } from '../web/application-user.js';
import { toClient } from '../web/to-client.js';
import type { RedirectOptions } from './options.js';
import type { RedirectInfo } from './redirect-flow.js';
import { GenAuthRedirectStrategy } from './redirect.strategy.js';

/**
 * Creates the Express handler of a sign-in on GenAuth's hosted page. Use the same handler on two routes: the route that
 * begins the sign-in, and the callback. On the callback it sets `req.user` and `req.authInfo` (a `RedirectInfo`), and
 * calls the next handler. It answers a refused callback with a `RefusalBody`, as `signInHandler` does.
 *
 * @param optionsOrClient - An existing client, or the options of a new client.
 * @param redirect - The options of the sign-in on GenAuth's hosted page. `callbackUrl` is required.
 * @param verify - The application's function that maps the user. Default: `req.user` is the GenAuth user.
 * @throws ConfigurationError if an option is wrong.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { GenAuthClient } from 'passport-genauth';
 * import { type RedirectInfo, redirectHandler } from 'passport-genauth/redirect';
 *
 * const client = new GenAuthClient({
 *   appId: '65f0c1d2e3a4b5c6d7e8f901',
 *   appSecret: '0123456789abcdef0123456789abcdef',
 *   appHost: 'https://example.genauth.ai',
 * });
 * const hostedPage = redirectHandler(client, {
 *   callbackUrl: 'https://app.example.com/auth/genauth/callback',
 *   cookieSecret: process.env['COOKIE_SECRET'],
 * });
 * const app = express();
 * app.get('/auth/genauth', hostedPage);
 * app.get('/auth/genauth/callback', hostedPage, (req, res) => {
 *   res.redirect((req.authInfo as RedirectInfo).returnTo);
 * });
 * ```
 */
export function redirectHandler<
  const S extends string = DefaultScope,
  ExtendedFields extends object = Record<string, unknown>,
>(
  optionsOrClient: GenAuthOptions<S> | GenAuthClient<S, ExtendedFields>,
  redirect: RedirectOptions,
  verify?: VerifyFunction<GenAuthUser<S, ExtendedFields>, RedirectInfo>,
): SignInHandler {
  const client = toClient(optionsOrClient, 'redirectHandler', 'redirectHandler(client, { callbackUrl })');
  return signInHandler(new GenAuthRedirectStrategy(client, redirect, verify));
}
