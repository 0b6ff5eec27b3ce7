// Runs an Express application with one route. The setting `guard` contains the name of the guard of this route.
import express from 'express';
import passport from 'passport';
import { answerCalls, readCpuTime, readSettings } from '../lib/processes.mjs';
import { startProfile, stopProfile } from '../lib/profile.mjs';
import { VERIFIERS, createOauth2JwtBearer, createPassportJwt, toHandler, toStrategy } from './verifiers.mjs';

const settings = readSettings();

function usePassport(name, strategy) {
  passport.use(name, strategy);
  return passport.authenticate(name, { session: false });
}

/** A strategy that checks nothing, so that only the time of Passport itself is measured. */
class EmptyStrategy extends passport.Strategy {
  authenticate() {
    this.success({ sub: 'any-user' });
  }
}

async function createOurs(options = {}) {
  const ours = await import(`${settings.package}index.js`);
  const { appId, appHost } = settings;
  const client = new ours.GenAuthClient({ appId, appSecret: 'secret-of-the-bench', appHost, ...options });
  await client.warmUp();
  return { ...ours, client };
}

const GUARDS = {
  'no guard': () => undefined,
  'no guard (control)': () => undefined,
  requireAuth: async () => {
    const { requireAuth, client } = await createOurs();
    return requireAuth(client);
  },
  'requireAuth, token not cached': async () => {
    // The cache is much smaller than the number of tokens, and the tokens are sent in turn. So each token is removed
    // from the cache before it is sent again.
    const { requireAuth, client } = await createOurs({ verifiedTokenCache: { maxEntries: 100 } });
    return requireAuth(client);
  },
  'passport + genauth-bearer': async () => {
    const { GenAuthBearerStrategy, client } = await createOurs();
    return usePassport('genauth-bearer', new GenAuthBearerStrategy(client));
  },
  'passport + limit': async () => usePassport('limit', toStrategy(passport.Strategy, await VERIFIERS.limit(settings))),
  'passport + empty strategy': () => usePassport('empty', new EmptyStrategy()),
  'passport-jwt + jwks-rsa': async () => usePassport('jwt', await createPassportJwt(settings)),
  'express-oauth2-jwt-bearer': () => createOauth2JwtBearer(settings),
  ...Object.fromEntries(
    Object.entries(VERIFIERS).map(([name, create]) => [name, async () => toHandler(await create(settings))]),
  ),
};

const app = express();
const guard = await GUARDS[settings.guard]();
app.get('/orders', ...(guard === undefined ? [] : [guard]), (req, res) => {
  res.json({ orders: [{ id: 1, total: 12.5 }] });
});
// Without this error handler Express writes the stack trace of each error to the log.
app.use((error, req, res, _next) => res.status(error.status ?? 500).json({ statusCode: error.status ?? 500 }));
const server = app.listen(0, '127.0.0.1', () =>
  answerCalls({ readCpuTime, startProfile, stopProfile }, server.address().port),
);
