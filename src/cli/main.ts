#!/usr/bin/env node
import { run } from './run.js';

const stop = new AbortController();
// The first signal removes this handler. So a second Ctrl+C ends a process that does not stop by itself.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(signal));

// `process.exit()` is not used, because it could end the process before all output is written. A call of
// `process.exit()` would also hide a timer or a socket that was not closed.
process.exitCode = await run(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(`${text}\n`),
  stderr: (text) => process.stderr.write(`${text}\n`),
  env: process.env,
  stop: stop.signal,
  stdin: () => process.stdin,
  output: process.stdout,
});
