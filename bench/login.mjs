// Measures sign-ins at a server with a network delay: logins per second, median and p99 of the duration of one login,
// and processor time. A contender is one of the libraries that are compared.
//
//   npm run build && cd bench && npm install && npm run login
//   npm run login -- --profile passport-genauth
//
// The second command prints the functions in which the given contender spends its time.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createCertificate } from './lib/certificates.mjs';
import { reportGoals } from './lib/goals.mjs';
import { copyPackage } from './lib/package.mjs';
import { Helper, stopAll } from './lib/processes.mjs';
import { printProfile } from './lib/profile.mjs';
import { IS_FULL, SECONDS, readRounds } from './lib/settings.mjs';
import { format, summarize } from './lib/statistics.mjs';

const SDK = 'authing-node-sdk';
const AXIOS = 'axios + jose';
const LEVELS = [1, 50, 200];
const ROUNDS = readRounds(3);
const CONTENDERS = ['passport-genauth', SDK, AXIOS, 'undici + jose'];
// The time of the request alone.
if (ROUNDS >= 6) CONTENDERS.push('axios, id_token not verified');
const SLICE_MS = SECONDS * 170;
/**
 * The number of logins before the measurement. They let Node.js optimise the code, and open a connection for each
 * parallel login.
 */
const WARM_UP_LOGINS = IS_FULL ? 3000 : 400;
const [CONTENDER_PROCESSOR, SERVER_PROCESSOR] = [0, 1];

const { profile } = parseArgs({ options: { profile: { type: 'string' } } }).values;
const directory = mkdtempSync(join(tmpdir(), 'bench-'));

/**
 * Measures all contenders with each number of parallel logins in `LEVELS`. Only one contender runs at a time. Each
 * round starts new processes.
 */
async function compare(scheme, appHosts, env) {
  const settings = { appHost: appHosts[scheme], package: copyPackage() };
  const start = async (contender) => {
    const helper = await Helper.start('login/contender.mjs', { ...settings, contender }, { env });
    helper.pin(CONTENDER_PROCESSOR);
    return [contender, helper];
  };
  const results = new Map(CONTENDERS.map((name) => [name, Object.fromEntries(LEVELS.map((level) => [level, []]))]));
  for (let round = 0; round < ROUNDS; round += 1) {
    const helpers = await Promise.all(CONTENDERS.map(start));
    for (const [, helper] of helpers) await helper.call('run', LEVELS.at(-1), 0, WARM_UP_LOGINS);
    for (const level of LEVELS) {
      for (const [name, helper] of helpers) {
        // passport-genauth closes connections that were idle for 4 s, which is the time of the other contenders. So the
        // connections are opened before the measurement.
        await helper.call('run', level, 0, 3 * level);
        results.get(name)[level].push(await helper.call('run', level, SLICE_MS));
      }
    }
    await Promise.all(helpers.map(([, helper]) => helper.stop()));
  }
  return results;
}

/**
 * Divides a figure of one contender by the same figure of another contender, for each round. Returns the median and
 * the quartiles of all rounds.
 */
function toRatio(results, name, other, level, figure) {
  const [own, its] = [name, other].map((each) => results.get(each)[level]);
  return summarize(own.map((sample, round) => sample[figure] / its[round][figure]));
}

function print(scheme, results) {
  for (const level of LEVELS) {
    const rows = {};
    for (const [name, levels] of results) {
      const of = (figure) => summarize(levels[level].map((sample) => sample[figure])).median;
      rows[name] = {
        'logins/s': of('rate').toFixed(0),
        'times the SDK': format(toRatio(results, name, SDK, level, 'rate')),
        'p50 ms': of('p50').toFixed(1),
        'p99 ms': of('p99').toFixed(1),
        'CPU µs a login': of('cpu').toFixed(0),
      };
    }
    console.log(`${scheme}, ${level} parallel logins, medians of ${ROUNDS} rounds:`);
    console.table(rows);
  }
}

/** Returns the required results. */
function* collectGoals(scheme, results) {
  const over = (other, level, figure) => toRatio(results, 'passport-genauth', other, level, figure).median;
  for (const [level, goal] of [
    [1, 1.95],
    [50, 2],
    [200, 2.1],
  ])
    yield [`${scheme}, logins/s divided by the SDK's, ${level} parallel`, over(SDK, level, 'rate'), goal];
  // The goal is that passport-genauth is not slower. Differences up to 5 % come from the inaccuracy of the measurement,
  // so the bound is 0.95.
  for (const level of LEVELS)
    yield [`${scheme}, logins/s divided by ${AXIOS}'s, ${level} parallel`, over(AXIOS, level, 'rate'), 0.95];
  yield [`${scheme}, p99 divided by ${AXIOS}'s, 50 parallel`, over(AXIOS, 50, 'p99'), { atMost: 1.25 }];
}

async function profileOne(contender, appHost) {
  const helper = await Helper.start('login/contender.mjs', { appHost, package: copyPackage(), contender });
  helper.pin(CONTENDER_PROCESSOR);
  await helper.call('run', LEVELS.at(-1), 0, WARM_UP_LOGINS);
  await helper.call('startProfile');
  const { logins, cpu } = await helper.call('run', LEVELS.at(-1), SECONDS * 300);
  const taken = await helper.call('stopProfile');
  console.log(`${contender}, 200 parallel: ${logins} logins, ${cpu.toFixed(0)} µs of processor time each`);
  printProfile(taken, logins);
}

try {
  const { ca, cert, key } = createCertificate();
  const server = await Helper.start('login/server.mjs', { cert, key });
  server.pin(SERVER_PROCESSOR);
  if (profile !== undefined) {
    await profileOne(profile, server.ready.http);
  } else {
    // With NODE_EXTRA_CA_CERTS every contender trusts the certificate authority. authing-node-sdk has no option for a
    // certificate authority. It only has an option that turns off the verification of certificates.
    const file = join(directory, 'ca.pem');
    writeFileSync(file, ca);
    const goals = [];
    for (const scheme of ['http', 'https']) {
      const results = await compare(scheme, server.ready, { NODE_EXTRA_CA_CERTS: file });
      print(scheme.toUpperCase(), results);
      goals.push(...collectGoals(scheme.toUpperCase(), results));
    }
    reportGoals(goals);
  }
} finally {
  stopAll();
  rmSync(directory, { recursive: true });
}
