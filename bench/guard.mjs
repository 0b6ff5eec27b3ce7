// Measures the processor time that a guard needs. The result is the processor time of a request to an open route,
// divided by the processor time of a request to the guarded route. The result 1.00 means that the guard needs no time.
// The contenders of a group, which are the guards that are compared, run at the same time on the same processor, each
// in a process of its own. Each round starts new processes.
//
//   npm run build && cd bench && npm install && npm run guard
//   npm run guard -- --only 'Nest'              measures only the groups whose name begins with this text
//   npm run guard -- --profile 'requireAuth'    prints the functions in which this contender spends its time
import { parseArgs } from 'node:util';
import { reportGoals } from './lib/goals.mjs';
import { APP_ID, Issuer } from './lib/issuer.mjs';
import { copyPackage } from './lib/package.mjs';
import { Helper, canPin, stopAll } from './lib/processes.mjs';
import { printProfile } from './lib/profile.mjs';
import { IS_FULL, SECONDS, readRounds } from './lib/settings.mjs';
import { format, median, summarize } from './lib/statistics.mjs';

/**
 * The duration of one measurement in milliseconds, and the number of measurements of a mode in each round. They are
 * short, because the other work on the machine changes during the benchmark.
 */
const SLICE_MS = IS_FULL ? 400 : 200;
const SLICES = IS_FULL ? Math.ceil((SECONDS * 1000) / SLICE_MS) : 1;
const WARM_UP_MS = IS_FULL ? 2000 : 50;
const ROUNDS = readRounds(3);
const DISTINCT_TOKENS = IS_FULL ? 5000 : 1000;
const [SERVER_PROCESSOR, LOAD_PROCESSOR] = [0, 1];
const BARE = 'no guard';
const MODES = ['one token', 'distinct tokens'];
/**
 * The groups. `limit` is the contender with which the others are compared: a check that is written by hand, as small as
 * it can be. `goals` contains, for a contender, the required share of another contender.
 */
const GROUPS = [
  {
    title: 'Express 5, known token',
    file: 'guard/express-server.mjs',
    modes: MODES,
    names: ['limit', 'requireAuth', 'fast-jwt, cache of 10,000'],
    goals: [
      ['requireAuth', 'limit', 0.97],
      ['requireAuth', 'fast-jwt, cache of 10,000', 1],
    ],
  },
  {
    title: 'Express 5, token never seen',
    file: 'guard/express-server.mjs',
    modes: ['distinct tokens'],
    names: ['limit, no cache', 'requireAuth, token not cached', 'aws-jwt-verify', 'fast-jwt, no cache', 'jose'],
    goals: [
      ['requireAuth, token not cached', 'limit, no cache', 0.95],
      ['requireAuth, token not cached', 'aws-jwt-verify', 1],
      ['requireAuth, token not cached', 'fast-jwt, no cache', 1],
    ],
  },
  {
    title: 'Express 5, Passport',
    file: 'guard/express-server.mjs',
    modes: MODES,
    names: ['passport + limit', 'passport + genauth-bearer', 'passport + empty strategy'],
    goals: [['passport + genauth-bearer', 'passport + limit', 0.95]],
  },
  {
    title: 'Express 5, other libraries',
    file: 'guard/express-server.mjs',
    modes: MODES,
    names: ['no guard (control)', 'passport-jwt + jwks-rsa', 'express-oauth2-jwt-bearer'],
    goals: [],
  },
  {
    title: 'Nest 12',
    file: 'guard/nest-server.mjs',
    modes: MODES,
    names: ['limit', 'GenAuthGuard', 'a guard that does nothing', 'CanActivate with jose'],
    goals: [['GenAuthGuard', 'limit', 0.97]],
  },
  {
    title: 'Nest 12, Passport',
    file: 'guard/nest-server.mjs',
    modes: MODES,
    names: ['AuthGuard + limit', "AuthGuard('genauth-bearer')", "AuthGuard('jwt') + passport-jwt + jwks-rsa"],
    goals: [["AuthGuard('genauth-bearer')", 'AuthGuard + limit', 0.95]],
  },
];
const UNGUARDED = new Set([BARE, 'no guard (control)', 'passport + empty strategy', 'a guard that does nothing']);

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

/** Sends requests until Node.js has optimised the code and every token was sent at least once. */
async function warmUp(servers, modes) {
  const ports = servers.map(({ port }) => port);
  for (const mode of modes)
    await load.call('run', ports, mode, WARM_UP_MS, IS_FULL && mode === 'distinct tokens' ? DISTINCT_TOKENS : 0);
}

/**
 * Measures the contenders of a group at the same time. The speeds of two processes of the same program can differ by up
 * to 5 % for their whole life, so each round starts new processes.
 *
 * @returns For each mode a list of measurements: the processor time for one request, in microseconds, by contender.
 */
async function compare({ file, names, modes }) {
  const samples = Object.fromEntries(modes.map((mode) => [mode, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    const servers = await Promise.all([BARE, ...names].map((name) => startServer(file, name)));
    await warmUp(servers, modes);
    for (let slice = 0; slice < SLICES; slice += 1) {
      for (const mode of modes) {
        const times = await measure(servers, mode, SLICE_MS);
        samples[mode].push(Object.fromEntries(servers.map(({ name }, i) => [name, times[i]])));
      }
    }
    await Promise.all(servers.map(({ server }) => server.stop()));
  }
  return samples;
}

/** Returns the median and the quartiles of the processor time of `other`, divided by the processor time of `name`. */
const toRatio = (samples, name, other) => summarize(samples.map((times) => times[other] / times[name]));

function print({ title, names, modes }, samples) {
  const rows = {};
  for (const name of names) {
    const cells = modes.flatMap((mode) => [
      [mode, format(toRatio(samples[mode], name, BARE))],
      [`${mode}, / first`, format(toRatio(samples[mode], name, names[0]))],
    ]);
    rows[name] = Object.fromEntries(cells);
  }
  const bare = median(modes.flatMap((mode) => samples[mode].map((times) => times[BARE])));
  console.log(
    `${title}: processor time of "${BARE}" (${bare.toFixed(0)} µs) / of the guard, and of the first row / of the ` +
      `guard. Median (quartiles) of ${ROUNDS * SLICES} measurements in ${ROUNDS} groups of new processes.`,
  );
  console.table(rows);
}

async function profileOne(name) {
  const { file } = GROUPS.find(({ names }) => [BARE, ...names].includes(name)) ?? {};
  if (file === undefined)
    throw new Error(`There is no contender "${name}": write one of the names in bench/guard.mjs.`);
  const target = await startServer(file, name);
  for (const mode of MODES) {
    await warmUp([target], MODES);
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
    const goals = [];
    for (const group of GROUPS) {
      if (only !== undefined && !group.title.startsWith(only)) continue;
      const samples = await compare(group);
      print(group, samples);
      for (const [name, other, bound] of group.goals)
        for (const mode of group.modes) {
          const { median: reached } = toRatio(samples[mode], name, other);
          goals.push([`${group.title}: ${name}, of ${other}, ${mode}`, reached, bound]);
        }
    }
    reportGoals(goals);
  }
} finally {
  stopAll();
}
