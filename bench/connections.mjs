// Counts logins that fail because the server, or a balancer in front of it, had closed the idle connection. A closed
// connection is reset when the client uses it, as most balancers do, or it is closed with FIN.
//
//   npm run build && cd bench && npm install && npm run connections
//
// BENCH_DIST=/path/to/dist measures another build, without the cases that set an option. The run takes 3 minutes.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

const CLIENTS = 100;
const LOGINS = 2000;
/** Idle limit of the server in ms, how it closes a connection, pauses between bursts of logins in ms, and options. */
const CASES = [
  [5000, 'reset', [200, 3900, 4100, 4900, 5100, 6500]],
  [5000, 'FIN', [200, 3900, 4100, 4900, 5000, 5100]],
  [5000, 'reset', [8000]],
  [10_000, 'reset', [200, 3900, 5100, 9900, 10_100]],
  [2000, 'reset', [200, 1900, 2100, 3900]],
  [2000, 'reset', [2100], { keepAlive: false }],
];

if (process.send === undefined) await measure();
else serve();

/** A server that refuses each login, and closes connections after an idle limit without the header `Keep-Alive`. */
function serve() {
  const body = JSON.stringify({ statusCode: 403, apiCode: 2333, message: 'Password is incorrect.', requestId: 'x' });
  const answer = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  process.on('message', ({ idleLimit, closing }) => {
    const server = createServer((socket) => {
      let received = '';
      let idleSince = Infinity;
      socket.on('error', () => {});
      if (closing === 'FIN') socket.setTimeout(idleLimit, () => socket.end());
      socket.on('data', (chunk) => {
        if (performance.now() - idleSince > idleLimit) return socket.resetAndDestroy();
        received += chunk.toString('latin1');
        if (!received.endsWith('}')) return undefined;
        received = '';
        idleSince = performance.now();
        return socket.write(answer);
      });
    });
    server.listen(0, '127.0.0.1', 1024, () => process.send(server.address().port));
  });
}

async function measure() {
  const { GenAuthClient } = await import(
    process.env.BENCH_DIST === undefined
      ? 'passport-genauth/client'
      : pathToFileURL(`${process.env.BENCH_DIST}/client.js`).href
  );
  const cases = process.env.BENCH_DIST === undefined ? CASES : CASES.filter(({ length }) => length === 3);
  const results = await Promise.all(cases.map((each) => run(GenAuthClient, ...each)));
  console.log('| idle limit | closes with | pauses | option | failed of 2,000 | errors that name the doubt |');
  console.log('| ---------- | ----------- | ------ | ------ | --------------- | -------------------------- |');
  for (const row of results) console.log(`| ${row.join(' | ')} |`);
}

async function run(GenAuthClient, idleLimit, closing, pauses, options = {}) {
  const server = fork(new URL(import.meta.url));
  server.send({ idleLimit, closing });
  const [port] = await once(server, 'message');
  const client = new GenAuthClient({
    appId: 'bench-app',
    appSecret: 'bench-secret-0123456789abcdef0123',
    appHost: `http://127.0.0.1:${port}`,
    ...options,
  });
  const errors = [];
  const login = () =>
    client.signIn({ account: 'alice', password: 'wrong-passw0rd' }).catch((error) => errors.push(error));
  for (let burst = 0; burst < LOGINS / CLIENTS; burst += 1) {
    if (burst > 0) await sleep(pauses[burst % pauses.length]);
    await Promise.all(Array.from({ length: CLIENTS }, login));
  }
  client.close();
  server.kill();
  const named = errors.filter((error) => /may have received the request/.test(error.message)).length;
  const option = JSON.stringify(options).replaceAll(/[{}"]/g, '');
  return [`${idleLimit} ms`, closing, `${pauses.join(', ')} ms`, option, errors.length, named];
}
