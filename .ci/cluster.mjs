// Runs two instances of the sample application behind nginx, with Redis and the emulator, and checks what a team sees
// in production: requests during the end of an instance, shared refreshes, the throttle, a rotation of keys, an outage
// of Redis, and the address of the user behind one and two proxies. Needs nginx and redis-server (Debian packages), and
// the built sample. Prints the figures, and ends with exit code 1 if one of them is wrong.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { GenAuthEmulator } from 'passport-genauth/emulator';

const ROOT = join(import.meta.dirname, '..');
const FOLDER = mkdtempSync(join(tmpdir(), 'genauth-cluster-'));
const children = new Set();
let failed = 0;

function check(title, isRight, figures = '') {
  if (!isRight) failed += 1;
  console.log(`${isRight ? 'ok    ' : 'FAILED'} ${title}${figures === '' ? '' : `: ${figures}`}`);
}

async function findFreePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a program, and waits for a line of its output. */
async function start(command, parameters, line, env = {}) {
  const child = spawn(command, parameters, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  child.stderr.on('data', (text) => {
    if (!String(text).includes('GenAuthWarning')) process.stderr.write(text);
  });
  if (line === undefined) return child;
  for await (const text of createInterface({ input: child.stdout })) if (line.test(text)) break;
  child.stdout.resume();
  return child;
}

async function stop(child, signal = 'SIGKILL') {
  child.kill(signal);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  children.delete(child);
}

/** Sends a request. Returns the status (0 without a response) and the body. */
function send(url, { method = 'GET', body, headers = {}, localAddress, agent } = {}) {
  return new Promise((resolve) => {
    const content = body === undefined ? undefined : JSON.stringify(body);
    const type = content === undefined ? {} : { 'content-type': 'application/json' };
    const request = http.request(url, { method, headers: { ...type, ...headers }, localAddress, agent }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode,
          headers: response.headers,
          body: text.startsWith('{') ? JSON.parse(text) : {},
        });
      });
      response.on('error', () => resolve({ status: 0, headers: {}, body: {} }));
    });
    request.on('error', () => resolve({ status: 0, headers: {}, body: {} }));
    request.end(content);
  });
}

const users = Array.from({ length: 200 }, (_, i) => ({ username: `user-${i}`, password: 'passw0rd' }));
const emulator = await new GenAuthEmulator({
  port: 0,
  users: [...users, { username: 'alice', password: 'passw0rd' }],
}).start();
const redisPort = await findFreePort();
const startRedis = () =>
  start('redis-server', ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--save', ''], /Ready to accept connections/);
let redis = await startRedis();

const [portA, portB, portTwo, proxy, outer, alone] = await Promise.all(Array.from({ length: 6 }, findFreePort));
const ENV = {
  GENAUTH_APP_HOST: emulator.url,
  GENAUTH_APP_ID: emulator.appId,
  GENAUTH_APP_SECRET: emulator.appSecret,
  REDIS_URL: `redis://127.0.0.1:${redisPort}`,
  STORE_SECRET: 'store-secret-of-the-cluster-0123456789',
};
const startInstance = (port, trust = '1') =>
  start(process.execPath, [join(ROOT, 'dist-sample/express.js')], /listening on/, {
    ...ENV,
    PORT: `${port}`,
    TRUST_PROXY: trust,
  });
let [a, b] = await Promise.all([startInstance(portA), startInstance(portB)]);
// The same application behind two proxies.
await startInstance(portTwo, '2');

const FORWARD = `proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_connect_timeout 1s;
  proxy_next_upstream error timeout http_503; add_header X-Instance $upstream_addr always;`;
writeFileSync(
  join(FOLDER, 'nginx.conf'),
  `daemon off; pid ${FOLDER}/nginx.pid; error_log ${FOLDER}/error.log crit; worker_processes 1;
  events { worker_connections 1024; }
  http {
    access_log off; client_body_temp_path ${FOLDER}/body; proxy_temp_path ${FOLDER}/proxy;
    fastcgi_temp_path ${FOLDER}/f; uwsgi_temp_path ${FOLDER}/u; scgi_temp_path ${FOLDER}/s;
    upstream both { server 127.0.0.1:${portA} max_fails=0; server 127.0.0.1:${portB} max_fails=0; keepalive 32; }
    upstream one { server 127.0.0.1:${portA}; keepalive 32; }
    upstream two { server 127.0.0.1:${portTwo}; keepalive 32; }
    server { listen 127.0.0.1:${proxy}; listen [::1]:${proxy}; location / { proxy_pass http://both; ${FORWARD} } }
    server { listen 127.0.0.1:${alone}; location / { proxy_pass http://one; ${FORWARD} }
      location /inner/ { proxy_pass http://two/; ${FORWARD} } }
    server { listen 127.0.0.1:${outer}; listen [::1]:${outer};
      location / { proxy_pass http://127.0.0.1:${alone}/inner/; ${FORWARD} } }
  }`,
);
await start('nginx', ['-c', join(FOLDER, 'nginx.conf')], undefined);
const url = `http://127.0.0.1:${proxy}`;
for (;;) {
  const [{ status: one }, { status: two }] = await Promise.all([
    send(`${url}/health`),
    send(`http://127.0.0.1:${outer}/health`),
  ]);
  if (one === 200 && two === 200) break;
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
const login = (options = {}, account = 'alice', password = 'passw0rd') =>
  send(`${options.url ?? url}/auth/login`, { method: 'POST', body: { account, password }, agent, ...options });
const me = (accessToken) => send(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` }, agent });
const refresh = (refreshToken) => send(`${url}/auth/refresh`, { method: 'POST', body: { refreshToken }, agent });
const count = (list) =>
  JSON.stringify(
    Object.fromEntries([...new Set(list)].map((each) => [each, list.filter((one) => one === each).length])),
  );

const countStatuses = (answers) => count(answers.map(({ status }) => status));
const countInstances = (answers) => new Set(answers.map(({ headers }) => headers['x-instance'])).size;
const describeTraffic = ({ gets, posts, total: { GET, POST } }) =>
  `${GET.length} GET, ${gets.length} failed; ${POST.length} POST, ${posts.length} failed ${count(posts)}`;

try {
  // Logins and guarded requests.
  const logins = await Promise.all(Array.from({ length: 200 }, (_, i) => login({}, `user-${i}`)));
  const instances = new Set(logins.map(({ headers }) => headers['x-instance']));
  check(
    '200 logins at two instances',
    logins.every(({ status }) => status === 200) && instances.size === 2,
    count(logins.map(({ status }) => status)),
  );
  const { accessToken, refreshToken } = logins[0].body;
  const guarded = await Promise.all(Array.from({ length: 500 }, () => me(accessToken)));
  check(
    '500 guarded requests',
    guarded.every(({ status }) => status === 200),
    count(guarded.map(({ status }) => status)),
  );

  // One refresh token from both instances.
  const before = emulator.requests('token');
  const early = await Promise.all(Array.from({ length: 20 }, () => refresh(refreshToken)));
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const all = [...early, await refresh(refreshToken)];
  const newest = new Set(all.map(({ body }) => body.refreshToken));
  check(
    '20 parallel refreshes and one 5 s later send one request, and get one token',
    emulator.requests('token') - before === 1 && newest.size === 1 && all.every(({ status }) => status === 200),
    `${emulator.requests('token') - before} request, ${newest.size} token, ${countInstances(all)} instances`,
  );

  // The throttle counts at both instances together.
  const asked = emulator.signIns.length;
  const wrong = [];
  for (let i = 0; i < 8; i += 1) wrong.push((await login({}, 'mallory', 'wrong')).status);
  check(
    'the 5th wrong password is refused without GenAuth',
    emulator.signIns.length - asked === 4,
    `${count(wrong)}, ${emulator.signIns.length - asked} asked`,
  );

  // A rotation of GenAuth's keys.
  await emulator.rotateKeys({ withdraw: true });
  const rotated = await Promise.all(Array.from({ length: 20 }, (_, i) => login({}, `user-${i}`)));
  const after = await Promise.all(rotated.map(({ body }) => me(body.accessToken)));
  check(
    'logins and guarded requests after a rotation of keys',
    [...rotated, ...after].every(({ status }) => status === 200),
  );
  const { accessToken: token } = rotated[0].body;

  // The end of an instance during requests.
  const runTraffic = async (end) => {
    const results = { GET: [], POST: [] };
    let isRunning = true;
    const workers = Array.from({ length: 16 }, async (_, i) => {
      while (isRunning) {
        if (i % 4 === 0) results.POST.push((await login({}, `user-${i}`)).status);
        else results.GET.push((await me(token)).status);
      }
    });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await end();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    isRunning = false;
    await Promise.all(workers);
    return {
      gets: results.GET.filter((status) => status !== 200),
      posts: results.POST.filter((status) => status !== 200),
      total: results,
    };
  };
  const killed = await runTraffic(() => stop(a));
  check(
    'an instance is killed: no GET fails, and a POST at most once for each connection',
    killed.gets.length === 0 && killed.posts.length <= 4,
    describeTraffic(killed),
  );
  a = await startInstance(portA);
  const ended = await runTraffic(() => stop(b, 'SIGTERM'));
  check(
    'an instance ends by SIGTERM: no GET fails',
    ended.gets.length === 0 && ended.posts.length <= 4,
    describeTraffic(ended),
  );
  b = await startInstance(portB);

  // Redis stops and starts.
  await stop(redis);
  const withoutRedis = await Promise.all(Array.from({ length: 20 }, (_, i) => login({}, `user-${i}`)));
  const refreshed = await refresh(withoutRedis[0].body.refreshToken);
  check(
    'logins and refreshes without Redis',
    [...withoutRedis, refreshed].every(({ status }) => status === 200),
    count(withoutRedis.map(({ status }) => status)),
  );
  redis = await startRedis();
  await new Promise((resolve) => setTimeout(resolve, 7000));
  const again = await login();
  const before2 = emulator.requests('token');
  const shared = await Promise.all(Array.from({ length: 10 }, () => refresh(again.body.refreshToken)));
  check(
    'refreshes are shared again after the start of Redis',
    emulator.requests('token') - before2 === 1 && shared.every(({ status }) => status === 200),
    `login ${again.status}, ${emulator.requests('token') - before2} request, ${countStatuses(shared)}`,
  );

  // The address of the user.
  const spoofed = { 'x-forwarded-for': '198.51.100.1', 'x-real-ip': '198.51.100.2', forwarded: 'for=198.51.100.3' };
  const cases = [
    { title: 'one proxy, IPv4', options: { url, localAddress: '127.0.0.2', agent: undefined }, expected: '127.0.0.2' },
    {
      title: 'one proxy, IPv4, spoofed headers',
      options: { url, localAddress: '127.0.0.3', agent: undefined, headers: spoofed },
      expected: '127.0.0.3',
    },
    {
      title: 'one proxy, IPv6',
      options: { url: `http://[::1]:${proxy}`, agent: undefined, headers: spoofed },
      expected: '::1',
    },
    {
      title: 'two proxies, IPv4',
      options: { url: `http://127.0.0.1:${outer}`, localAddress: '127.0.0.4', agent: undefined, headers: spoofed },
      expected: '127.0.0.4',
    },
    {
      title: 'two proxies, IPv6',
      options: { url: `http://[::1]:${outer}`, agent: undefined, headers: spoofed },
      expected: '::1',
    },
  ];
  for (const { title, options, expected } of cases) {
    const { status } = await login(options);
    const { clientIp } = emulator.signIns.at(-1);
    check(`the address of the user: ${title}`, status === 200 && clientIp === expected, `${status} ${clientIp}`);
  }

  // Throughput, as a ratio: two cores also run nginx, Redis, the emulator and this program.
  const measure = async (base) => {
    const end = performance.now() + 5000;
    let done = 0;
    const workers = Array.from({ length: 16 }, async () => {
      for (; performance.now() < end; done += 1)
        await send(`${base}/me`, { headers: { authorization: `Bearer ${token}` }, agent });
    });
    await Promise.all(workers);
    return done / 5;
  };
  const [one, both] = [await measure(`http://127.0.0.1:${alone}`), await measure(url)];
  console.log(
    `      guarded requests per second: 1 instance ${one.toFixed(0)}, 2 instances ${both.toFixed(0)}, ` +
      `ratio ${(both / one).toFixed(2)}`,
  );
} finally {
  agent.destroy();
  await Promise.all([...children].map((child) => stop(child)));
  await emulator.stop();
  rmSync(FOLDER, { recursive: true, force: true });
}
console.log(failed === 0 ? 'The cluster has passed.' : `${failed} checks of the cluster have failed.`);
process.exit(failed === 0 ? 0 : 1);
