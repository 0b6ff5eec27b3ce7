// Measures the processor time that OpenTelemetry adds to a guarded request, and that the throttle adds to a login. All
// contenders of a run take turns in one process.
//
//   npm run build && cd bench && npm install && npm run production
//
// With redis-server on this machine, set REDIS_URL to measure the throttle with Redis too.
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { Redis } from 'ioredis';
import { GenAuthClient, requireAuth } from 'passport-genauth';
import { GenAuthEmulator } from 'passport-genauth/emulator';
import { instrumentGenAuth } from 'passport-genauth/otel';
import { RedisLoginStore } from 'passport-genauth/redis';
import { IS_FULL } from './lib/settings.mjs';
import { summarize } from './lib/statistics.mjs';

const [CALLS, LOGINS, REPEATS] = IS_FULL ? [50_000, 200, 15] : [200, 5, 1];
const emulator = await new GenAuthEmulator({ port: 0 }).start();
const open = (options = {}) => new GenAuthClient({ ...emulator.clientOptions, ...options });

/** Returns the microseconds of processor time for each call. */
async function measure(calls, run) {
  const before = process.cpuUsage();
  for (let i = 0; i < calls; i += 1) await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

function report(title, results) {
  console.log(title);
  const [[, base]] = results;
  for (const [name, values] of results) {
    const { median, q1, q3 } = summarize(values);
    const more = median - summarize(base).median;
    console.log(
      `  ${name.padEnd(34)} ${median.toFixed(1)} µs (${q1.toFixed(1)} to ${q3.toFixed(1)}), ${more.toFixed(1)} more`,
    );
  }
}

const client = open();
const outcome = await client.signIn({ account: 'alice', password: 'passw0rd' });
const authorization = `Bearer ${outcome.tokens.accessToken}`;
const handler = requireAuth(client);
const request = () => {
  const req = { headers: { authorization }, rawHeaders: ['Authorization', authorization] };
  handler(req, undefined, () => {});
};
const guarded = {
  'without instrumentGenAuth': () => () => {},
  'instrumentGenAuth without an SDK': () => instrumentGenAuth(),
  'instrumentGenAuth with an SDK': () =>
    instrumentGenAuth({ tracerProvider: new BasicTracerProvider(), meterProvider: new MeterProvider() }),
};
const guardedResults = Object.keys(guarded).map((name) => [name, []]);
for (let i = 0; i < REPEATS; i += 1) {
  for (const [name, values] of guardedResults) {
    const stop = guarded[name]();
    await measure(CALLS / 10, request);
    values.push(await measure(CALLS, request));
    stop();
  }
}
report('A guarded request with a known token:', guardedResults);

const limits = { account: { failures: 4, per: 60_000 }, network: { failures: 100, per: 60_000 } };
const redis = process.env.REDIS_URL === undefined ? undefined : new Redis(process.env.REDIS_URL);
const clients = {
  'without loginThrottle': open(),
  'loginThrottle in the process': open({ loginThrottle: limits }),
  ...(redis && { 'loginThrottle in Redis': open({ loginThrottle: { ...limits, store: new RedisLoginStore(redis) } }) }),
};
const loginResults = Object.keys(clients).map((name) => [name, []]);
for (let i = 0; i < REPEATS; i += 1) {
  for (const [name, values] of loginResults) {
    const login = () => clients[name].signIn({ account: 'alice', password: 'passw0rd' }, { clientIp: '203.0.113.7' });
    await measure(LOGINS / 10, login);
    values.push(await measure(LOGINS, login));
  }
}
report('A login, with the time of the emulator in the same process:', loginResults);
redis?.disconnect();
await Promise.all([client, ...Object.values(clients)].map((each) => each.close()));
await emulator.stop();
