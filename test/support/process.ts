import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const ROOT = join(import.meta.dirname, '../..');

export interface RunningProcess {
  /** Waits up to 20 s until `count` lines match (default: 1). Returns the first group of the pattern in the last. */
  line(pattern: RegExp, count?: number): Promise<string>;
  /** Everything that was written so far to stdout and stderr. */
  output(): string;
  /** Sends a signal to the process. */
  kill(signal: NodeJS.Signals): void;
  /** Stops the process and waits for its end. Default signal: `SIGTERM`. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** The exit code of the process. */
  readonly ended: Promise<number | null>;
}

/** Starts Node with these arguments. See {@link startProgram}. */
export function startNode(args: readonly string[], env: Record<string, string> = {}, cwd = ROOT): RunningProcess {
  return startProgram(process.execPath, args, env, cwd);
}

/** Starts a program. The environment contains only `env`, PATH and NO_COLOR. */
export function startProgram(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
  cwd = ROOT,
): RunningProcess {
  const child = spawn(program, args, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // The process must also end if a test fails before it stops the process.
  const killOnExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killOnExit);
  const lines: string[] = [];
  const printed = new EventEmitter().setMaxListeners(0);
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => printed.emit('line', lines.push(line)));
  }
  let isOpen = true;
  const ended = once(child, 'close').finally(() => {
    isOpen = false;
    process.off('exit', killOnExit);
  });
  const exitCode = ended.then(([code]) => code as number | null);
  return {
    output: () => lines.join('\n'),
    line: async (pattern, count = 1) => {
      const find = () => lines.map((line) => pattern.exec(line)).filter((found) => found !== null)[count - 1];
      const latest = AbortSignal.timeout(20_000);
      while (find() === undefined && isOpen && !latest.aborted) {
        await Promise.race([ended, once(printed, 'line', { signal: latest }).catch(() => {})]);
      }
      const found = find();
      if (found === undefined) throw new Error(`the process did not print ${String(pattern)}:\n${lines.join('\n')}`);
      return found[1] ?? '';
    },
    kill: (signal) => void child.kill(signal),
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      await ended;
    },
    ended: exitCode,
  };
}
