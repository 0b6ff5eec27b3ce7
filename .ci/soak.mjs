// Runs mixed traffic against two clients of one application for some minutes, with rotations of keys and faults, and
// checks that nothing grows and that no answer is wrong: npm run soak [-- --seconds 600]. Needs redis-server.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import express from 'express';
import { Redis } from 'ioredis';
import {
  GenAuthClient,
  GenAuthPasswordStrategy,
  genAuthErrorHandler,
  requireAuth,
  signInHandler,
} from 'passport-genauth';
import { RedisLoginStore, RedisRefreshStore } from 'passport-genauth/redis';

const { seconds } = parseArgs({ options: { seconds: { type: 'string', default: '600' } } }).values;
const END = performance.now() + Number(seconds) * 1000;
if (globalThis.gc === undefined) throw new Error('Run with node --expose-gc.');
// Faults cause warnings on purpose.
process.removeAllListeners('warning');

const probe = createServer().listen(0, '127.0.0.1');
await once(probe, 'listening');
const { port: redisPort } = probe.address();
probe.close();
await once(probe, 'close');
const server = spawn('redis-server', ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--save', '']);
for await (const line of createInterface({ input: server.stdout })) if (line.includes('Ready to accept')) break;
server.stdout.resume();

// The emulator is a process of its own, because it keeps every session.
const FOLDER = mkdtempSync(join(tmpdir(), 'genauth-soak-'));
const users = Array.from({ length: 50 }, (_, i) => ({ username: `user-${i}`, password: 'passw0rd' }));
writeFileSync(join(FOLDER, 'users.json'), JSON.stringify({ users }));
const CLI = join(import.meta.dirname, '../dist/cli/main.js');
const emulator = spawn(process.execPath, [CLI, 'emulator', '--port', '0', '--users', join(FOLDER, 'users.json')]);
let appHost;
for await (const line of createInterface({ input: emulator.stdout })) {
  appHost = /listening on (\S+)/.exec(line)?.[1];
  if (appHost !== undefined) break;
}
emulator.stdout.resume();
emulator.stderr.resume();
const control = (path, method, body) =>
  fetch(`${appHost}/emulator/v1${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body ?? {}),
  });
const redis = new Redis(redisPort, '127.0.0.1');
const open = () =>
  new GenAuthClient({
    appId: 'genauth-emulator-app',
    appSecret: 'genauth-emulator-secret-0123456789abcdef',
    appHost,
    scope: ['openid', 'offline_access'],
    timeout: 5000,
    log: () => {},
    refreshGrace: 2000,
    jwks: { maxAge: 5000, cooldown: 500 },
    refreshStore: new RedisRefreshStore(redis),
    storeSecret: 'store-secret-of-the-soak-0123456789',
    loginThrottle: {
      account: { failures: 3, per: 2000 },
      network: { failures: 100_000, per: 2000 },
      store: new RedisLoginStore(redis),
    },
  });
const clients = [open(), open()];
const servers = clients.map((client) => {
  const app = express().use(express.json());
  app.post('/login', signInHandler(new GenAuthPasswordStrategy(client)), (req, res) => res.json(req.authInfo.tokens));
  app.get('/me', requireAuth(client), (req, res) => res.json({ sub: req.user.sub }));
  app.post('/refresh', async (req, res) => res.json((await client.refresh(req.body.refreshToken)).tokens));
  app.use(genAuthErrorHandler(client));
  return app.listen(0, '127.0.0.1');
});
await Promise.all(servers.map((each) => once(each, 'listening')));
const urls = servers.map((each) => `http://127.0.0.1:${each.address().port}`);

const counts = {};
const wrong = [];
let isDown = false;
/** Sends a request and counts its status. `expected`: the right statuses. During a fault 502 and 503 are right too. */
async function send(kind, path, options, expected) {
  const wasDown = isDown;
  const response = await fetch(urls[Math.floor(Math.random() * 2)] + path, options);
  const body = await response.json();
  const key = `${kind} ${response.status}`;
  counts[key] = (counts[key] ?? 0) + 1;
  const isRight = expected.includes(response.status) || ((wasDown || isDown) && [502, 503].includes(response.status));
  if (!isRight) wrong.push(`${key} ${JSON.stringify(body).slice(0, 200)}`);
  return { status: response.status, body };
}
const post = (body) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

async function runUser({ username }) {
  while (performance.now() < END) {
    const isWrong = Math.random() < 0.05;
    const login = await send(
      'login',
      '/login',
      post({ account: username, password: isWrong ? 'wrong' : 'passw0rd' }),
      isWrong ? [401, 429] : [200, 429],
    );
    if (login.status !== 200) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      continue;
    }
    let { accessToken, refreshToken } = login.body;
    for (let i = 0; i < 20 && performance.now() < END; i += 1) {
      await send('me', '/me', { headers: { authorization: `Bearer ${accessToken}` } }, [200]);
      if (Math.random() < 0.02)
        await send('bad token', '/me', { headers: { authorization: `Bearer ${accessToken}x` } }, [401]);
      if (Math.random() < 0.2) {
        // Two tabs at two instances.
        const old = refreshToken;
        const [one, two] = await Promise.all(
          [1, 2].map(() => send('refresh', '/refresh', post({ refreshToken: old }), [200])),
        );
        if (one.status === 200 && two.status === 200 && one.body.refreshToken !== two.body.refreshToken)
          wrong.push('two tabs got different tokens');
        let done = [one, two].find(({ status }) => status === 200);
        // The session survives an outage: the same refresh token is sent until it gets an answer.
        for (let tries = 0; done === undefined && tries < 20; tries += 1) {
          await new Promise((resolve) => setTimeout(resolve, 500));
          const again = await send('refresh', '/refresh', post({ refreshToken: old }), [200]);
          if (again.status === 200) done = again;
        }
        if (done === undefined) break;
        ({ accessToken, refreshToken } = done.body);
      }
    }
  }
}

/** Rotates the keys, and lets an endpoint fail for a moment. */
async function disturb() {
  while (performance.now() < END) {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await control('/keys/rotate', 'POST');
    isDown = true;
    const endpoint = ['signin', 'jwks', 'token'][Math.floor(Math.random() * 3)];
    await control('/faults', 'POST', { endpoint, status: 503 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await control('/faults', 'DELETE');
    await new Promise((resolve) => setTimeout(resolve, 2500));
    isDown = false;
  }
}

const samples = [];
async function sample() {
  for (;;) {
    globalThis.gc();
    const { heapUsed, rss } = process.memoryUsage();
    samples.push({
      heap: heapUsed / 2 ** 20,
      rss: rss / 2 ** 20,
      keys: await redis.dbsize(),
      handles: process.getActiveResourcesInfo().length,
    });
    if (performance.now() > END) return;
    await new Promise((resolve) => setTimeout(resolve, Math.min(10_000, Number(seconds) * 50)));
  }
}

await Promise.all([...users.map(runUser), disturb(), sample()]);
// The entries of the last seconds expire.
await new Promise((resolve) => setTimeout(resolve, 7000));
globalThis.gc();
const keysAtEnd = await redis.dbsize();
await Promise.all(clients.map((client) => client.close()));
for (const each of servers) each.close();
for (const each of servers) each.closeAllConnections();
redis.disconnect();
server.kill('SIGKILL');
emulator.kill('SIGKILL');
rmSync(FOLDER, { recursive: true, force: true });

const total = Object.values(counts).reduce((sum, each) => sum + each, 0);
console.log(`${total} requests in ${seconds} s: ${JSON.stringify(counts)}`);
const third = Math.max(1, Math.floor(samples.length / 3));
const median = (list, name) => list.map((each) => each[name]).sort((x, y) => x - y)[Math.floor(list.length / 2)];
let failed = wrong.length === 0 ? 0 : 1;
for (const name of ['heap', 'rss', 'keys', 'handles']) {
  const [middle, last] = [samples.slice(third, 2 * third), samples.slice(2 * third)].map((list) => median(list, name));
  const isFlat = last <= middle * 1.25 + { heap: 8, rss: 40, keys: 60, handles: 20 }[name];
  if (!isFlat) failed += 1;
  console.log(
    `${isFlat ? 'ok    ' : 'FAILED'} ${name}: ${middle.toFixed(1)} in the middle, ${last.toFixed(1)} at the end`,
  );
}
if (keysAtEnd > 0) failed += 1;
console.log(`${keysAtEnd === 0 ? 'ok    ' : 'FAILED'} keys in Redis after their time: ${keysAtEnd}`);
console.log(
  `${wrong.length === 0 ? 'ok    ' : 'FAILED'} wrong answers: ${wrong.length} ${wrong.slice(0, 5).join('\n')}`,
);
process.exit(failed === 0 ? 0 : 1);
