import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const ROOT = join(import.meta.dirname, '../..');

export interface RunningProcess {
  /** Waits up to 20 s for a line that matches. Returns the first group of the pattern. */
  line(pattern: RegExp): Promise<string>;
  /** Everything that was written so far to stdout and stderr. */
  output(): string;
  /** Stops the process and waits for its end. */
  stop(): Promise<void>;
}

/** Starts Node with these arguments. The environment contains only `env`, PATH and NO_COLOR. */
export function startNode(args: readonly string[], env: Record<string, string> = {}, cwd = ROOT): RunningProcess {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // The process must also end if a test fails before it stops the process.
  const killOnExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killOnExit);
  const lines: string[] = [];
  const waiting = new Set<(line?: string) => void>();
  for (const stream of [child.stdout, child.stderr]) {
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
