// Measures the processor time that a guard needs. The two contenders of a pair run at the same time on the same
// processor, each in a process of its own. The result is the processor time for one request to the second contender,
// divided by the processor time for one request to the first. With an open route as the second contender, 1.00 means
// that the guard needs no time. `limit` is a check that is written by hand, as small as it can be.
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
import { format, summarize } from './lib/statistics.mjs';

/**
 * The duration of one measurement in milliseconds. It is long enough for several garbage collections: shorter
 * measurements of the same process differ by 30 %, because some of them contain a garbage collection.
 */
const MEASUREMENT_MS = SECONDS * 350;
const WARM_UP_MS = IS_FULL ? 1000 : 50;
const ROUNDS = readRounds(3);
/** The number of times that the two processes of a pair are started. */
const STARTS = ROUNDS;
const DISTINCT_TOKENS = IS_FULL ? 5000 : 1000;
const [SERVER_PROCESSOR, LOAD_PROCESSOR] = [0, 1];
const BARE = 'no guard';
const MODES = ['one token', 'distinct tokens'];
/**
 * The groups of pairs. A pair is a contender, the contender with which it is compared and, for a goal, the minimum of
 * the ratio. A pair without a goal is measured only with 6 rounds or more, or with `--only`.
 */
const GROUPS = [
  {
    title: 'Express 5, known token',
    file: 'guard/express-server.mjs',
    modes: MODES,
    pairs: [
      ['limit', BARE],
      ['limit', 'limit, nothing else loaded'],
      ['fast-jwt, cache of 10,000', BARE],
      ['requireAuth', BARE],
      ['requireAuth', 'limit', 0.97],
      ['requireAuth', 'fast-jwt, cache of 10,000', 1],
    ],
  },
  {
    title: 'Express 5, token never seen',
    file: 'guard/express-server.mjs',
    modes: ['distinct tokens'],
    pairs: [
      ['limit, no cache', BARE],
      ['requireAuth, token not cached', BARE],
      ['requireAuth, token not cached', 'limit, no cache', 0.95],
      ['requireAuth, token not cached', 'aws-jwt-verify', 1],
      ['requireAuth, token not cached', 'fast-jwt, no cache', 1],
      ['requireAuth, token not cached', 'jose'],
    ],
  },
  {
    title: 'Express 5, Passport',
    file: 'guard/express-server.mjs',
    modes: MODES,
    pairs: [
      ['passport + genauth-bearer', BARE],
      ['passport + genauth-bearer', 'passport + limit', 0.95],
    ],
  },
  {
    title: 'Nest 12',
    file: 'guard/nest-server.mjs',
    modes: MODES,
    pairs: [
      ['limit', BARE],
      ['GenAuthGuard', BARE],
      ['GenAuthGuard', 'limit', 0.97],
    ],
  },
  {
    title: 'Nest 12, Passport',
    file: 'guard/nest-server.mjs',
    modes: MODES,
    pairs: [
      ["AuthGuard('genauth-bearer')", BARE],
      ["AuthGuard('genauth-bearer')", 'AuthGuard + limit', 0.95],
    ],
  },
  {
    title: 'Other libraries, Express 5',
    file: 'guard/express-server.mjs',
    modes: MODES,
    pairs: [
      ['no guard (control)', BARE],
      ['passport + empty strategy', BARE],
      ['passport-jwt + jwks-rsa', BARE],
      ['express-oauth2-jwt-bearer', BARE],
    ],
  },
  {
    title: 'Other libraries, Nest 12',
    file: 'guard/nest-server.mjs',
    modes: MODES,
    pairs: [
      ['a guard that does nothing', BARE],
      ['CanActivate with jose', BARE],
      ["AuthGuard('jwt') + passport-jwt + jwks-rsa", BARE],
    ],
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

/** The servers of a short run, by file and name. They are started only once, because they need most of its time. */
const kept = new Map();

async function openServer(file, name) {
  if (IS_FULL) return startServer(file, name);
  const key = `${file} ${name}`;
  if (!kept.has(key)) kept.set(key, startServer(file, name));
  return kept.get(key);
}

const load = await Helper.start('guard/load.mjs');

/**
 * Returns the processor time for one request to each server, in microseconds. All servers receive requests at the same
 * time.
 */
async function measure(servers, tokens) {
  const readAll = () => Promise.all(servers.map(({ server }) => server.call('readCpuTime')));
  const before = await readAll();
  const counts = await load.call(
    'run',
    servers.map(({ port }) => port),
    tokens,
    MEASUREMENT_MS,
  );
  const after = await readAll();
  return counts.map((count, i) => (after[i] - before[i]) / count);
}

/**
 * Sends requests until Node.js has optimised the code and every token was sent at least twice, because passport-genauth
 * caches a token when it is used for the second time. Less than 10,000 requests are a warm-up only for short code:
 * after 2,000 requests the ratio of `requireAuth` to `limit` is 0.72 in place of 0.96.
 */
async function warmUp(servers, modes) {
  const ports = servers.map(({ port }) => port);
  for (const mode of modes)
    await load.call('run', ports, mode, WARM_UP_MS, IS_FULL && mode === 'distinct tokens' ? 2 * DISTINCT_TOKENS : 0);
}

/**
 * Measures two contenders at the same time. The speeds of two processes of the same program can differ by up to 10 %
 * for their whole life, so the processes are started several times.
 *
 * @returns For each mode the ratios of the processor time for one request: of `other`, divided by `name`.
 */
async function compare({ file, modes }, name, other) {
  const ratios = Object.fromEntries(modes.map((mode) => [mode, []]));
  for (let start = 0; start < STARTS; start += 1) {
    const servers = await Promise.all([openServer(file, name), openServer(file, other)]);
    await warmUp(servers, modes);
    for (const mode of modes) {
      const [own, others] = await measure(servers, mode);
      ratios[mode].push(others / own);
    }
    if (IS_FULL) await Promise.all(servers.map(({ server }) => server.stop()));
  }
  return Object.fromEntries(modes.map((mode) => [mode, summarize(ratios[mode])]));
}

async function profileOne(name) {
  const { file } = GROUPS.find(({ pairs }) => pairs.flat().includes(name)) ?? {};
  if (file === undefined)
    throw new Error(`There is no contender "${name}": write one of the names in bench/guard.mjs.`);
  const target = await startServer(file, name);
  for (const mode of MODES) {
    await warmUp([target], MODES);
    await target.server.call('startProfile');
    const [count] = await load.call('run', [target.port], mode, MEASUREMENT_MS);
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
      const { title, modes, pairs } = group;
      const isChosen = ([, , bound]) =>
        only === undefined ? bound !== undefined || ROUNDS >= 6 : title.startsWith(only);
      const chosen = pairs.filter(isChosen);
      if (chosen.length === 0) continue;
      const rows = {};
      for (const [name, other, bound] of chosen) {
        const shares = await compare(group, name, other);
        rows[`${name} / ${other}`] = Object.fromEntries(modes.map((mode) => [mode, format(shares[mode])]));
        if (bound === undefined) continue;
        for (const mode of modes) goals.push([`${title}: ${name} / ${other}, ${mode}`, shares[mode].median, bound]);
      }
      console.log(
        `${title}: speed of the first / of the second, by processor time. Median (quartiles) of ${STARTS} pairs of ` +
          'new processes:',
      );
      console.table(rows);
    }
    reportGoals(goals);
  }
} finally {
  stopAll();
}
