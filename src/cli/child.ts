import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { type CommandIo, EXIT } from './command.js';

/**
 * Runs the command of the application until it ends. The command uses the terminal of this process, and gets each
 * signal that this process gets.
 *
 * @param env - The environment variables of the command.
 * @returns The exit code of the command. If a signal ended it, 128 plus the number of the signal, as in a shell.
 */
export async function runChild(
  [name = '', ...args]: readonly string[],
  env: CommandIo['env'],
  io: CommandIo,
): Promise<number> {
  if (io.stop.aborted) return toExitCode(io.stop.reason as NodeJS.Signals);
  const child = spawn(name, args, { env, stdio: 'inherit' });
  // A terminal sends the signal of Ctrl+C to this process and to the command. A second signal would end the command
  // before it has stopped in its own way.
  const isInTerminal = [io.stdin?.(), io.output].some((stream) => (stream as { isTTY?: boolean } | undefined)?.isTTY);
  const forward = (signal: NodeJS.Signals): void => {
    if (signal !== 'SIGINT' || !isInTerminal) child.kill(signal);
  };
  io.signals?.add(forward);
  try {
    return await new Promise<number>((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        io.stderr(`passport-genauth emulator: cannot start ${JSON.stringify(name)} (${error.code ?? error.message}).`);
        resolve(EXIT.usage);
      });
      child.once('exit', (code, signal) => resolve(code ?? toExitCode(signal)));
    });
  } finally {
    io.signals?.delete(forward);
  }
}

function toExitCode(signal: NodeJS.Signals | null): number {
  return 128 + (signal === null ? 0 : constants.signals[signal]);
}
