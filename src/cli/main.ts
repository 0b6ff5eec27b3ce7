#!/usr/bin/env node
import { run } from './run.js';

const stop = new AbortController();
// `once`, so that a second Ctrl+C ends a process that does not stop by itself.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

// Not process.exit(): it could cut off output, and it would hide a timer or socket that was not closed.
process.exitCode = await run(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(`${text}\n`),
  stderr: (text) => process.stderr.write(`${text}\n`),
  env: process.env,
  stop: stop.signal,
  stdin: () => process.stdin,
  output: process.stdout,
});
