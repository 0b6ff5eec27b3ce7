const { subscribe } = require('node:diagnostics_channel');
const express = require('express');
const passport = require('passport');
const {
  GenAuthClient,
  GenAuthPasswordStrategy,
  genAuthErrorHandler,
  genAuthOptionsFromEnvironment,
  requireAuth,
  signInHandler,
} = require('passport-genauth');

subscribe('genauth:refusal', ({ status, reason, route }) => console.log(`refused ${route}: ${status} ${reason}`));

const client = new GenAuthClient({ ...genAuthOptionsFromEnvironment(), scope: ['openid', 'profile', 'email'] });
passport.use(new GenAuthPasswordStrategy(client));

const app = express().use(express.json());
app.post('/login', signInHandler('genauth-password'), (req, res) => {
  res.json({ user: req.user, accessToken: req.authInfo.tokens.accessToken });
});
app.get('/me', requireAuth(client), (req, res) => res.json(req.user));
app.use(genAuthErrorHandler(client));
app.listen(3000, '127.0.0.1');
