// Measures the processor time that a guard needs. The result is the processor time of a request to an open route,
// divided by the processor time of a request to the guarded route. Both routes are measured at the same time on the
// same processor. The result 1.00 means that the guard needs no time. A contender is one of the guards that are
// compared.
//
//   npm run build && cd bench && npm install && npm run guard
//   npm run guard -- --only 'requireAuth'       measures only contenders whose name begins with this text
//   npm run guard -- --profile 'requireAuth'    prints the functions in which this contender spends its time
import { parseArgs } from 'node:util';
import { reportGoals } from './lib/goals.mjs';
import { APP_ID, Issuer } from './lib/issuer.mjs';
import { copyPackage } from './lib/package.mjs';
import { Helper, canPin, stopAll } from './lib/processes.mjs';
import { printProfile } from './lib/profile.mjs';
import { IS_FULL, SECONDS, readRounds } from './lib/settings.mjs';
import { median, summarize } from './lib/statistics.mjs';

/** The duration of one measurement in one mode, in milliseconds. */
const SLICE_MS = SECONDS * 80;
const WARM_UP_MS = IS_FULL ? 2000 : 50;
/**
 * The number of rounds. There are many short rounds and not few long rounds, because the other work on the machine
 * changes during the benchmark.
 */
const ROUNDS = readRounds(15);
/** The number of process pairs. The rounds of a contender are divided among its process pairs. */
const PAIRS = Math.min(3, ROUNDS);
const DISTINCT_TOKENS = IS_FULL ? 5000 : 1000;
const [SERVER_PROCESSOR, LOAD_PROCESSOR] = [0, 1];
const BARE = 'no guard';
const CONTENDERS = {
  'Express 5': {
    file: 'guard/express-server.mjs',
    names: [
      'no guard (control)',
      'requireAuth',
      'requireAuth, token not cached',
      'requireAuth, no cache',
      'passport + genauth-bearer',
      'passport + empty strategy',
      'passport-jwt + jwks-rsa',
      'express-oauth2-jwt-bearer',
      'aws-jwt-verify',
      'fast-jwt, cache of 10,000',
      'fast-jwt, no cache',
      'jose',
    ],
  },
  'Nest 12': {
    file: 'guard/nest-server.mjs',
    names: [
      'a guard that does nothing',
      'GenAuthGuard',
      'GenAuthGuard, token not cached',
      "AuthGuard('genauth-bearer')",
      'AuthGuard + empty strategy',
      "AuthGuard('jwt') + passport-jwt + jwks-rsa",
      'CanActivate with jose',
    ],
  },
};
const UNGUARDED = new Set([
  BARE,
  'no guard (control)',
  'passport + empty strategy',
  'a guard that does nothing',
  'AuthGuard + empty strategy',
]);

const { only, profile } = parseArgs({ options: { only: { type: 'string' }, profile: { type: 'string' } } }).values;
const issuer = await Issuer.start();
const goodToken = issuer.sign(issuer.accessTokenClaims());
const badTokens = issuer.badTokens();
const settings = {
  package: copyPackage(),
  appId: APP_ID,
  appHost: issuer.appHost,
  jwksUri: issuer.jwksUri,
  issuer: issuer.issuer,
  audience: APP_ID,
  jwks: issuer.jwks,
  pem: issuer.pem,
};

/**
 * Checks that a contender accepts a valid token and refuses bad tokens. A comparison with a contender that does not
 * check tokens would be meaningless.
 */
async function expectGuarding(name, port) {
  const requestStatus = async (token) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return (await fetch(`http://127.0.0.1:${port}/orders`, { headers })).status;
  };
  const expect = async (what, token, expected) => {
    const status = await requestStatus(token);
    if (status !== expected) throw new Error(`${name}: a token (${what}) got status ${status}, expected ${expected}`);
  };
  await expect('valid', goodToken, 200);
  if (UNGUARDED.has(name)) return;
  for (const [what, token] of Object.entries(badTokens)) await expect(what, token, 401);
  await expect('missing', undefined, 401);
  await expect('valid, second request', goodToken, 200);
}

async function startServer(file, name, execArgv = []) {
  const server = await Helper.start(file, { ...settings, guard: name }, { execArgv });
  await expectGuarding(name, server.ready);
  server.pin(SERVER_PROCESSOR);
  return { name, server, port: server.ready };
}

const load = await Helper.start('guard/load.mjs');

/**
 * Returns the processor time for one request to each server, in microseconds. All servers receive requests at the same
 * time.
 */
async function measure(servers, tokens, milliseconds) {
  const readAll = () => Promise.all(servers.map(({ server }) => server.call('readCpuTime')));
  const before = await readAll();
  const counts = await load.call(
    'run',
    servers.map(({ port }) => port),
    tokens,
    milliseconds,
  );
  const after = await readAll();
  return counts.map((count, i) => (after[i] - before[i]) / count);
}

const MODES = ['one token', 'distinct tokens'];

/** Sends requests until Node.js has optimised the code and every token was sent at least once. */
async function warmUp(servers) {
  const ports = servers.map(({ port }) => port);
  await load.call('run', ports, 'one token', WARM_UP_MS);
  await load.call('run', ports, 'distinct tokens', WARM_UP_MS, IS_FULL ? DISTINCT_TOKENS : 0);
}

/**
 * Measures the contenders one after the other. Each contender runs at the same time as an open route in another
 * process, and both processes are started together. Each contender has several process pairs, because the speeds of two
 * processes of the same program can differ by up to 5 % for their whole life. Only one contender runs at a time. A
 * process that waited for its next round would have cold caches.
 */
async function compare({ file, names }) {
  const results = new Map();
  // In a short run all contenders are compared with the same process of the open route.
  const shared = IS_FULL ? undefined : await startServer(file, BARE);
  for (const name of names) {
    const samples = Object.fromEntries(MODES.map((mode) => [mode, []]));
    for (let pair = 0; pair < PAIRS; pair += 1) {
      const servers = await Promise.all([shared ?? startServer(file, BARE), startServer(file, name)]);
      await warmUp(servers);
      for (let round = 0; round < ROUNDS / PAIRS; round += 1) {
        for (const mode of MODES) {
          const [ofBare, own] = await measure(servers, mode, SLICE_MS);
          samples[mode].push({ ofBare, own });
        }
      }
      await Promise.all(servers.filter((each) => each !== shared).map(({ server }) => server.stop()));
    }
    results.set(name, samples);
  }
  await shared?.server.stop();
  return results;
}

const toRatio = (samples) => summarize(samples.map(({ ofBare, own }) => ofBare / own));
const format = ({ median: middle, q1, q3 }) => `${middle.toFixed(2)} (${q1.toFixed(2)}-${q3.toFixed(2)})`;

function print(title, results) {
  const rows = {};
  for (const [name, modes] of results) {
    const added = Object.values(modes).map((samples) => median(samples.map(({ ofBare, own }) => own - ofBare)));
    rows[name] = {
      ...Object.fromEntries(MODES.map((mode) => [mode, format(toRatio(modes[mode]))])),
      'µs added': added.map((microseconds) => microseconds.toFixed(0)).join(' / '),
    };
  }
  const bare = median(
    [...results.values()].flatMap((modes) => Object.values(modes).flat()).map(({ ofBare }) => ofBare),
  );
  console.log(
    `${title}: ratio, median (quartiles) of ${ROUNDS} rounds in ${PAIRS} pairs of processes. ` +
      `${BARE}: ${bare.toFixed(0)} µs for one request`,
  );
  console.table(rows);
}

/** Returns the required results. */
function* collectGoals({ 'Express 5': express, 'Nest 12': nest }) {
  const get = (results, name, mode) => toRatio(results.get(name)[mode]).median;
  for (const mode of MODES) yield [`Express, requireAuth, ${mode}`, get(express, 'requireAuth', mode), 0.82];
  for (const mode of MODES) {
    const own = get(express, 'passport + genauth-bearer', mode);
    yield [`Express, passport + genauth-bearer, ${mode}`, own, 0.6];
    yield [`  times passport-jwt + jwks-rsa, ${mode}`, own / get(express, 'passport-jwt + jwks-rsa', mode), 3];
  }
  const unseen = get(express, 'requireAuth, token not cached', 'distinct tokens');
  yield ['Express, requireAuth, token not cached', unseen, 0.5];
  // Differences below 0.05 come from the inaccuracy of the measurement.
  for (const peer of ['jose', 'aws-jwt-verify', 'express-oauth2-jwt-bearer'])
    yield [
      `  over ${peer}`,
      unseen - get(express, peer, 'distinct tokens'),
      peer === 'express-oauth2-jwt-bearer' ? 0 : -0.05,
    ];
  for (const mode of MODES) yield [`Nest, GenAuthGuard, ${mode}`, get(nest, 'GenAuthGuard', mode), 0.85];
  for (const mode of MODES)
    yield [`Nest, AuthGuard('genauth-bearer'), ${mode}`, get(nest, "AuthGuard('genauth-bearer')", mode), 0.62];
}

async function profileOne(name) {
  const { file } = Object.values(CONTENDERS).find(({ names }) => [BARE, ...names].includes(name)) ?? {};
  if (file === undefined)
    throw new Error(`There is no contender "${name}": write one of the names in bench/guard.mjs.`);
  const target = await startServer(file, name);
  for (const mode of MODES) {
    await warmUp([target]);
    await target.server.call('startProfile');
    const [count] = await load.call('run', [target.port], mode, SECONDS * 400);
    const taken = await target.server.call('stopProfile');
    console.log(`${name}, ${mode}: ${count} requests`);
    printProfile(taken, count);
  }
}

try {
  load.pin(LOAD_PROCESSOR);
  const distinct = Array.from({ length: DISTINCT_TOKENS }, (_, i) => issuer.sign(issuer.accessTokenClaims(i)));
  await load.call('prepare', { 'one token': [goodToken], 'distinct tokens': distinct });
  if (profile !== undefined) {
    await profileOne(profile);
  } else {
    if (!canPin()) console.log('This machine cannot pin processes to processors, so the figures vary more.');
    const results = {};
    for (const [title, { file, names }] of Object.entries(CONTENDERS)) {
      const chosen = names.filter((name) => only === undefined || name.startsWith(only));
      if (chosen.length === 0) continue;
      results[title] = await compare({ file, names: chosen });
      print(title, results[title]);
    }
    if (only === undefined) reportGoals([...collectGoals(results)]);
  }
} finally {
  stopAll();
}
