import express from 'express';
import session from 'express-session';
import passport from 'passport';
import {
  GenAuthClient,
  GenAuthPasswordStrategy,
  genAuthErrorHandler,
  genAuthOptionsFromEnvironment,
  refuseCrossSite,
  requireAuth,
  signInHandler,
} from 'passport-genauth';
import { users } from './users.js';

declare module 'express-session' {
  interface SessionData {
    messages: string[];
  }
}

const client = new GenAuthClient({
  ...genAuthOptionsFromEnvironment(),
  scope: ['openid', 'email', 'tenant_id'],
  signInOptions: { tenantId: 't1' },
  resolveUser: (_req, { sub }) => users.find(sub),
  log: (level, _text, { status, reason, route }) => console.log(`${level}: ${route} ${status} ${reason}`),
});
passport.use(new GenAuthPasswordStrategy(client, (_req, { sub, email }) => users.register(sub, email)));
passport.serializeUser((user, done) => done(null, user.sub));
passport.deserializeUser<string>((sub, done) => {
  users.find(sub).then((row) => done(null, row), done);
});

const app = express().use(express.urlencoded({ extended: false }), express.json());
app.use(
  session({
    secret: process.env.SESSION_SECRET ?? '',
    cookie: { sameSite: 'lax', secure: 'auto' },
    resave: false,
    saveUninitialized: false,
  }),
  refuseCrossSite(),
  passport.session(),
);
app.get('/login', (req, res) => {
  const message = req.session.messages?.pop() ?? '';
  res.send(`<form method="post"><p>${message}</p><input name="account"><input name="password"><button></form>`);
});
app.post(
  '/login',
  passport.authenticate('genauth-password', { failureRedirect: '/login', failureMessage: true, successRedirect: '/' }),
);
app.get('/', (req, res) => {
  if (!req.isAuthenticated()) return res.redirect('/login');
  res.send(`signed in as ${req.user.email}`);
});

app.post('/api/login', signInHandler('genauth-password'), (req, res) => {
  res.json({ user: req.user, accessToken: req.authInfo?.tokens.accessToken });
});
app.get('/api/tenants/:tenant', requireAuth(client, { tenant: (req) => req.params.tenant }), (req, res) => {
  res.json({ tenant: req.params.tenant, email: req.user?.email });
});
app.use(genAuthErrorHandler(client));
app.listen(3000, '127.0.0.1');
