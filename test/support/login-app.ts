import type { ErrorRequestHandler, Express, RequestHandler } from 'express';
import passport, { type Strategy } from 'passport';
import type { ExpressFactory } from './express-version.js';

type Passport = InstanceType<typeof passport.Passport>;

export interface LoginAppSettings {
  strategies: readonly Strategy[];
  /** Makes the handler of `/login`. Default: `passport.authenticate('genauth-password', { session: false })`. */
  authenticate?: (passport: Passport) => unknown;
}

/**
 * An Express application with a login and its own Passport instance. `/login` accepts any method and answers with the
 * user. Errors that reach Express are answered with their status and `{ thrown: { name, code } }`.
 */
export function createLoginApp(express: ExpressFactory, settings: LoginAppSettings): Express {
  const own = new passport.Passport();
  for (const strategy of settings.strategies) own.use(strategy);
  const authenticate = settings.authenticate ?? ((made) => made.authenticate('genauth-password', { session: false }));
  const answer: RequestHandler = (req, res) => void res.json({ user: req.user, authInfo: req.authInfo });
  const app = express().use(express.json());
  app.use('/login', authenticate(own) as RequestHandler, answer);
  app.use(answerError);
  return app;
}

const answerError: ErrorRequestHandler = (error: Partial<Record<string, unknown>>, _req, res, _next) => {
  const status = error['statusCode'] ?? error['status'];
  res.status(typeof status === 'number' ? status : 500).json({ thrown: { name: error['name'], code: error['code'] } });
};
