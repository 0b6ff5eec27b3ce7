import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const ROOT = join(import.meta.dirname, '../..');

export interface RunningProcess {
  /** The first group of the pattern, in the first line that fits it; fails where none comes in 20 s. */
  line(pattern: RegExp): Promise<string>;
  /** All that was written so far, both streams. */
  output(): string;
  /** Ends the process and waits until it is gone. */
  stop(): Promise<void>;
}

/** Starts Node on a file, with nothing in its environment but what is given. */
export function startNode(args: readonly string[], env: Record<string, string> = {}, cwd = ROOT): RunningProcess {
  return startProgram(process.execPath, args, env, cwd);
}

/** The same for any program. */
export function startProgram(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
  cwd = ROOT,
): RunningProcess {
  const child: ChildProcess = spawn(program, args, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // A test that fails before it stops the process must not leave it behind.
  const killOnExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killOnExit);
  const lines: string[] = [];
  const waiting = new Set<(line?: string) => void>();
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface(stream).on('line', (line) => {
      lines.push(line);
      for (const look of waiting) look(line);
    });
  }
  const ended = once(child, 'close').then(() => {
    process.off('exit', killOnExit);
    for (const look of waiting) look();
  });
  return {
    output: () => lines.join('\n'),
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => look(), 20_000);
        const look = (line?: string): void => {
          const found = line === undefined ? null : pattern.exec(line);
          if (found === null && line !== undefined) return;
          waiting.delete(look);
          clearTimeout(timer);
          if (found === null) reject(new Error(`the process did not print ${String(pattern)}:\n${lines.join('\n')}`));
          else resolve(found[1] ?? '');
        };
        waiting.add(look);
        for (const line of lines) if (waiting.has(look)) look(line);
        if (child.exitCode !== null && waiting.has(look)) look();
      }),
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
