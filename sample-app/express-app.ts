import express, { type Express, type Request, type Response } from 'express';
import {
  GenAuthAdStrategy,
  GenAuthPasswordStrategy,
  type BearerUser,
  type GenAuthClient,
  type GenAuthUser,
  type SignInInfo,
  genAuthErrorHandler,
  requireAuth,
  signInHandler,
} from 'passport-genauth';
import { type RedirectInfo, redirectHandler } from 'passport-genauth/redirect';
import { NO_SIGN_IN, describeSettings, findLastSignIn } from './demo.js';
import { PUBLIC_FOLDER, renderSignedIn, toLoginAnswer } from './login-answer.js';
import { setPageHeaders } from './page-headers.js';
import { logout, refresh } from './session.js';
import { HOSTED_PAGE, type Settings, refuseForeignHosts } from './settings.js';

/** Creates the Express application. The caller starts the HTTP server and closes the client. */
export function makeApp(
  client: GenAuthClient<string>,
  settings: Omit<Settings, 'options' | 'port' | 'host' | 'stop'>,
): Express {
  const password = new GenAuthPasswordStrategy(client);
  const activeDirectory = new GenAuthAdStrategy(client);
  const hostedPage = redirectHandler(client, settings.redirect);

  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', settings.trustProxy);
  app.use(refuseForeignHosts(settings), setPageHeaders);
  app.use(express.static(PUBLIC_FOLDER));
  app.use(express.json());

  app.post('/auth/login', signInHandler(password), answerLogin);
  app.post('/auth/login/ad', signInHandler(activeDirectory), answerLogin);
  app.get(HOSTED_PAGE.start, hostedPage);
  app.get(HOSTED_PAGE.callback, hostedPage, (req, res) => {
    res.type('html').send(renderSignedIn(req.user as GenAuthUser, req.authInfo as RedirectInfo));
  });
  app.get('/auth/captcha', async (_req, res) => {
    res.json(await client.getCaptcha());
  });
  app.post('/auth/refresh', async (req, res) => {
    res.set('cache-control', 'no-store').json(await refresh(client, req.body));
  });
  app.post('/auth/logout', async (req, res) => {
    res.json(await logout(client, req.body));
  });
  app.get('/me', requireAuth(client), (req, res) => {
    res.json(req.user);
  });
  app.get('/admin', requireAuth(client, { roles: ['admin'] }), (req, res) => {
    res.json({ admin: (req.user as BearerUser).sub });
  });
  app.get('/orders', requireAuth(client, { scopes: ['email'] }), (req, res) => {
    res.json({ email: (req.user as GenAuthUser).email, orders: [] });
  });
  app.get('/health', (_req, res) => {
    res.json({ status: 'ok' });
  });
  app.get('/demo/settings', (_req, res) => {
    res.json(describeSettings(settings));
  });
  app.get('/demo/last-sign-in', (_req, res) => {
    const last = findLastSignIn(settings);
    if (last === undefined) res.status(404).json({ statusCode: 404, message: NO_SIGN_IN });
    else res.json(last);
  });

  // The error handler sends the response for an error that a route throws, and for a request body that cannot be
  // parsed. Express requires that it is registered after the routes.
  app.use(genAuthErrorHandler(client));
  return app;
}

function answerLogin(req: Request, res: Response): void {
  res.json(toLoginAnswer(req.user as GenAuthUser, (req.authInfo as SignInInfo).tokens));
}
