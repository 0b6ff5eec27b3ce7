import express, { type Express } from 'express';
import {
  GenAuthClient,
  type GenAuthOptions,
  GenAuthPasswordStrategy,
  type SignInInfo,
  genAuthErrorHandler,
  requireAuth,
  signInHandler,
} from 'passport-genauth';
import type { UsersService } from './users.js';

export function makeApp(tenant: GenAuthOptions, users: UsersService): Express {
  const client = new GenAuthClient({ ...tenant, resolveUser: (_req, { sub }) => users.find(sub) });
  const strategy = new GenAuthPasswordStrategy(client, (_req, user) => users.logIn(user));
  const app = express().use(express.json());
  app.post('/login', signInHandler(strategy), (req, res) => {
    res.json({ user: req.user, accessToken: (req.authInfo as SignInInfo).tokens.accessToken });
  });
  app.get('/me', requireAuth(client), (req, res) => void res.json({ user: req.user }));
  return app.use(genAuthErrorHandler(client));
}
