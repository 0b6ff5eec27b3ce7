// Counts the requests to GenAuth for 1,000 users who each send 10 requests, by configuration: npm run requests
import { GenAuthClient } from 'passport-genauth';
import { GenAuthEmulator } from 'passport-genauth/emulator';
import { IS_FULL } from './lib/settings.mjs';

// A short run only shows that the benchmark works.
const USERS = IS_FULL ? 1000 : 20;
const REQUESTS = 10;
const users = Array.from({ length: USERS }, (_, i) => ({ username: `user-${i}`, password: 'passw0rd' }));
const emulator = await new GenAuthEmulator({ users, port: 0 }).start();
const open = (options) =>
  new GenAuthClient({ ...emulator.clientOptions, scope: ['openid', 'offline_access'], ...options });
const ENDPOINTS = ['signin', 'userinfo', 'introspection', 'token', 'jwks'];
const count = () => Object.fromEntries(ENDPOINTS.map((name) => [name, emulator.requests(name)]));

/** Runs a step and returns the requests that it has caused. */
async function measure(title, run) {
  const before = count();
  await run();
  const after = count();
  const sent = ENDPOINTS.map((name) => [name, after[name] - before[name]]).filter(([, number]) => number > 0);
  console.log(`${title.padEnd(48)} ${sent.map(([name, number]) => `${name} ${number}`).join(', ') || 'none'}`);
}

const tokens = [];
const signInAll = (client) => async () => {
  for (const { username } of users) {
    const outcome = await client.signIn({ username, password: 'passw0rd' });
    tokens.push(outcome.tokens);
  }
};
const callAll =
  (client, requirements = {}) =>
  async () => {
    for (let i = 0; i < REQUESTS; i += 1) {
      for (const { accessToken } of tokens.slice(-USERS)) await client.authenticate(accessToken, requirements);
    }
  };

const [plain, userInfo, primed, introspecting, refreshing] = [
  open(),
  open({ userClaims: 'userinfo' }),
  open({ userClaims: 'userinfo' }),
  open(),
  open(),
];
await measure(`${USERS} logins`, signInAll(plain));
await measure("userClaims: 'token'", callAll(plain));
await measure("userClaims: 'userinfo'", callAll(userInfo));
await measure('introspect: { maxAge: 60_000 }', callAll(introspecting, { introspect: 60_000 }));
await measure('introspect: true', callAll(introspecting, { introspect: 0 }));
await measure(`${USERS} refreshes`, async () => {
  for (const { refreshToken } of tokens) await refreshing.refresh(refreshToken);
});
await measure(`${USERS} logins`, signInAll(primed));
await measure("userClaims: 'userinfo', after a login here", callAll(primed));
for (const client of [plain, userInfo, primed, introspecting, refreshing]) await client.close();
await emulator.stop();
