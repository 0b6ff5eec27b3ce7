#!/usr/bin/env node
import { run } from './run.js';

const stop = new AbortController();
// Once: a second Ctrl+C ends a process that does not end by itself.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

// Not process.exit(): output would be cut off, and a timer or socket left behind would stay unseen.
process.exitCode = await run(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(`${text}\n`),
  stderr: (text) => process.stderr.write(`${text}\n`),
  env: process.env,
  stop: stop.signal,
  stdin: () => process.stdin,
  output: process.stdout,
});
