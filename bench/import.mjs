// Measures the time and the memory of an import, compared with a process that imports nothing. Each import runs in a
// new process. The benchmark also checks which packages an import loads.
//
//   npm run build && cd bench && npm install && npm run import
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reportGoals } from './lib/goals.mjs';
import { copyPackage } from './lib/package.mjs';
import { readRounds } from './lib/settings.mjs';
import { format, median, summarize } from './lib/statistics.mjs';

/** The number of processes for each figure of the table. */
const ROUNDS = readRounds(7);
/** The number of pairs of processes for the goal. With 15 processes, the ratio of two runs differed by up to 0.15. */
const PAIRS = readRounds(80);
const IMPORT_ONE = fileURLToPath(new URL('lib/import-one.mjs', import.meta.url));
const NOTHING = 'nothing';
const PARTS = 'axios + jose';
const CLIENT = 'passport-genauth/client';

const dist = copyPackage();
const { exports } = JSON.parse(readFileSync(new URL('../package.json', dist), 'utf8'));
const own = Object.entries(exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([path, target]) => ({ name: `passport-genauth${path.slice(1)}`, file: new URL(`../${target.default}`, dist) }));
const peers = {
  [PARTS]: ['axios', 'jose'],
  'authing-node-sdk': ['authing-node-sdk'],
  '@nestjs/passport': ['@nestjs/passport'],
};
const contenders = new Map([
  [NOTHING, []],
  ...own.map(({ name, file }) => [name, [file.href]]),
  ...Object.entries(peers),
]);

function importIn(env, modules) {
  const options = { encoding: 'utf8', env: { ...process.env, ...env } };
  return JSON.parse(execFileSync(process.execPath, [IMPORT_ONE, ...modules], options));
}

/** Lists the files that an import loads, from V8's coverage data. The time of this import is not measured. */
function findLoaded(modules) {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'));
  try {
    importIn({ NODE_V8_COVERAGE: directory }, modules);
    const [file] = readdirSync(directory);
    const { result } = JSON.parse(readFileSync(join(directory, file), 'utf8'));
    return result
      .map(({ url }) => url)
      .filter((url) => url.startsWith('file:') && !url.endsWith('/lib/import-one.mjs'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const toPackage = (url) => /.*\/node_modules\/(@[^/]+\/[^/]+|[^/]+)/.exec(url)?.[1];

const results = new Map([...contenders.keys()].map((name) => [name, []]));
for (const [, modules] of contenders) importIn({}, modules);
for (let round = 0; round < ROUNDS; round += 1)
  for (const [name, modules] of contenders) results.get(name).push(importIn({}, modules));

const of = (name, figure) => median(results.get(name).map((sample) => sample[figure]));
const over = (name, figure) => of(name, figure) - of(NOTHING, figure);
const loaded = new Map([...contenders].map(([name, modules]) => [name, findLoaded(modules)]));
console.log(
  `Medians of ${ROUNDS} fresh processes, minus a process that imports nothing ` +
    `(${of(NOTHING, 'milliseconds').toFixed(0)} ms, ${of(NOTHING, 'megabytes').toFixed(0)} MB):`,
);
console.table(
  Object.fromEntries(
    [...contenders.keys()]
      .filter((name) => name !== NOTHING)
      .map((name) => [
        name,
        {
          ms: over(name, 'milliseconds').toFixed(0),
          MB: over(name, 'megabytes').toFixed(1),
          files: loaded.get(name).length,
        },
      ]),
  ),
);

/**
 * The folders of passport-genauth that an entry point must not load, unless `ALLOWED_FOLDERS` lists them for this entry
 * point.
 */
const OPTIONAL_FOLDERS = [
  'cli',
  'doctor',
  'emulator',
  'express',
  'nest',
  'otel',
  'passport',
  'redirect',
  'stores',
  'testing',
];
/** The packages that only the entry point `passport-genauth/nest` may load. */
const FOR_NEST = /^(@nestjs\/(common|core|passport)|reflect-metadata|rxjs)$/;
/** The packages that an entry point must not load, unless they are in `FOR_NEST` or `FOR_PASSPORT`. */
const OPTIONAL_PACKAGES = new RegExp(
  '^(@apollo/.*|@nestjs/.*|@opentelemetry/.*|express|fastify|graphql|node-forge|passport|passport-custom|' +
    'rate-limiter-flexible|reflect-metadata|rxjs|sm-crypto|sm-crypto-v2)$',
);
const FOR_PASSPORT = /^(passport|passport-custom)$/;
/** The packages of single entry points. */
const FOR_ENTRY = { otel: /^@opentelemetry\/api$/, redis: /^rate-limiter-flexible$/ };

/**
 * The folders that an entry point may load, by its path. Default: only the folder with the same name.
 */
const ALLOWED_FOLDERS = {
  '': ['passport', 'express'],
  nest: ['nest', 'passport'],
  'nest/openapi': ['nest', 'passport'],
  'nest/redirect': ['nest', 'passport', 'redirect'],
  redirect: ['redirect', 'passport', 'express'],
  redis: ['stores'],
  testing: ['testing', 'emulator'],
};

/** Lists the optional folders and packages that an entry point loads although it must not load them. */
function findUnwanted(name) {
  const path = name.split('/').slice(1).join('/');
  const own = ALLOWED_FOLDERS[path] ?? [path];
  return loaded.get(name).flatMap((url) => {
    if (url.startsWith(dist)) {
      const part = url.slice(dist.length).split('/')[0] ?? '';
      return OPTIONAL_FOLDERS.includes(part) && !own.includes(part) ? [part] : [];
    }
    const package_ = toPackage(url) ?? '';
    const isAllowed =
      (path.startsWith('nest') && FOR_NEST.test(package_)) ||
      (own.includes('passport') && FOR_PASSPORT.test(package_)) ||
      FOR_ENTRY[path]?.test(package_) === true;
    return OPTIONAL_PACKAGES.test(package_) && !isAllowed ? [package_] : [];
  });
}

/**
 * Compares the time of two imports. The two processes of a pair run one after the other, so that a slow phase of the
 * machine changes both. The order alternates.
 */
function compare(first, second) {
  const times = { [NOTHING]: [], [first]: [], [second]: [] };
  for (let pair = 0; pair < PAIRS; pair += 1) {
    const names = pair % 2 === 0 ? [first, second] : [second, first];
    for (const name of [NOTHING, ...names]) times[name].push(importIn({}, contenders.get(name)).milliseconds);
  }
  const nothing = median(times[NOTHING]);
  return summarize(times[first].map((time, pair) => (time - nothing) / (times[second][pair] - nothing)));
}

const ratio = compare(CLIENT, PARTS);
console.log(`Time of ${CLIENT} over the time of ${PARTS}: ${format(ratio)}. Median (quartiles) of ${PAIRS} pairs.`);
const goals = [[`${CLIENT}: ms over ${PARTS}`, ratio.median, { atMost: 1.15 }]];
for (const { name } of own) {
  const unwanted = findUnwanted(name);
  if (unwanted.length > 0) console.log(`${name} loads ${[...new Set(unwanted)].join(', ')} and must not.`);
  goals.push([`${name}: files of optional features that it loads`, unwanted.length, { atMost: 0 }]);
}
reportGoals(goals);
