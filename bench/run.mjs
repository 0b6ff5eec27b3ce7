// Runs all benchmarks that have goals, one after the other, and fails if a goal is missed.
//
//   npm run build && cd bench && npm install && npm run bench
//   npm run bench:full     6 rounds in place of 3
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';

const BENCHMARKS = ['guard', 'verify', 'cache', 'login', 'password-encryption', 'handshake', 'import'];
/** The benchmarks with another number of rounds. */
const OWN_ROUNDS = ['verify', 'handshake', 'import'];
const rounds = process.argv.includes('--full') ? '6' : '3';

const readVersion = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
const { dependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
console.log(`Node.js ${process.version}, ${cpus().length} x ${cpus()[0]?.model}`);
console.log(
  Object.keys(dependencies)
    .map((name) => `${name} ${readVersion(name)}`)
    .join(', '),
);

const start = performance.now();
const missed = [];
for (const name of BENCHMARKS) {
  console.log(
    `\n== ${name} (load average ${loadavg()
      .map((load) => load.toFixed(1))
      .join(', ')})`,
  );
  const env = { ...process.env, ...(!OWN_ROUNDS.includes(name) && { BENCH_ROUNDS: rounds }) };
  const { status } = spawnSync(process.execPath, [`${name}.mjs`], { cwd: import.meta.dirname, env, stdio: 'inherit' });
  if (status !== 0) missed.push(name);
}
const minutes = ((performance.now() - start) / 60_000).toFixed(1);
console.log(
  `\n${minutes} minutes. ${missed.length === 0 ? 'All goals are met.' : `Goals missed: ${missed.join(', ')}.`}`,
);
process.exitCode = missed.length === 0 ? 0 : 1;
