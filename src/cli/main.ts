#!/usr/bin/env node
import { run } from './run.js';

const stop = new AbortController();
const listeners = new Set<(signal: NodeJS.Signals) => void>();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  const handle = (): void => {
    if (stop.signal.aborted && listeners.size === 0) {
      // A second signal ends a process that does not stop by itself.
      process.off(signal, handle);
      process.kill(process.pid, signal);
    }
    stop.abort(signal);
    for (const listener of listeners) listener(signal);
  };
  process.on(signal, handle);
}

// `process.exit()` is not used, because it could end the process before all output is written. A call of
// `process.exit()` would also hide a timer or a socket that was not closed.
process.exitCode = await run(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(`${text}\n`),
  stderr: (text) => process.stderr.write(`${text}\n`),
  env: process.env,
  stop: stop.signal,
  signals: listeners,
  stdin: () => process.stdin,
  output: process.stdout,
});
