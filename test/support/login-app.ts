import type { ErrorRequestHandler, Express, Request, RequestHandler, Response } from 'express';
import passport, { type Strategy } from 'passport';
import type { SignInStrategy } from '../../src/express/sign-in-handler.js';
import type { ExpressFactory } from './express-version.js';

type Passport = InstanceType<typeof passport.Passport>;

export interface LoginAppSettings {
  strategies: readonly Strategy[];
  /** Makes the handler of `/login`. Default: `passport.authenticate('genauth-password', { session: false })`. */
  authenticate?: (passport: Passport, find: (name: string) => SignInStrategy) => unknown;
  /** Runs before all else. */
  prepare?: (app: Express) => void;
  /** Parses bodies. Default: JSON. */
  parse?: RequestHandler;
  /** Answers who was let in. Default: with `user` and `authInfo`. */
  answer?: (req: Request, res: Response) => void;
}

/**
 * An Express application with a login and its own Passport instance. `/login` accepts any method and answers with the
 * user. Errors that reach Express are answered with their status and `{ thrown: { name, code } }`.
 */
export function createLoginApp(express: ExpressFactory, settings: LoginAppSettings): Express {
  const { strategies, prepare, parse = express.json({ limit: '4mb' }) } = settings;
  const own = new passport.Passport();
  for (const strategy of strategies) own.use(strategy);
  const authenticate = settings.authenticate ?? ((made) => made.authenticate('genauth-password', { session: false }));
  const find = (name: string): SignInStrategy => {
    const found = strategies.find((strategy) => strategy.name === name);
    if (found === undefined) throw new Error(`the test has no strategy ${name}`);
    return found as unknown as SignInStrategy;
  };
  const app = express();
  prepare?.(app);
  app.use(parse);
  app.use('/login', authenticate(own, find) as RequestHandler, settings.answer ?? answer);
  app.use(answerError);
  return app;
}

function answer(req: Request, res: Response): void {
  res.json({ user: req.user, authInfo: req.authInfo });
}

const answerError: ErrorRequestHandler = (error: Partial<Record<string, unknown>>, _req, res, _next) => {
  const status = error['statusCode'] ?? error['status'];
  res.status(typeof status === 'number' ? status : 500).json({ thrown: { name: error['name'], code: error['code'] } });
};
