import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { type CommandIo, EXIT } from './command.js';

/**
 * Runs the command of the application until it ends. The command uses the terminal of this process. If `io.stop` is
 * aborted, the command gets the same signal.
 *
 * @param env - The environment variables of the command.
 * @returns The exit code of the command. If a signal ended it, 128 plus the number of the signal, as in a shell.
 */
export async function runChild(
  [name = '', ...args]: readonly string[],
  env: CommandIo['env'],
  io: CommandIo,
): Promise<number> {
  // On Windows, `npm` and `npx` are scripts, which only a shell can start.
  const child = spawn(name, args, { env, stdio: 'inherit', shell: process.platform === 'win32' });
  const stop = (): void => {
    const signal = io.stop.reason === 'SIGINT' ? 'SIGINT' : 'SIGTERM';
    // A terminal sends the signal of Ctrl+C to this process and to the command. A second signal would end the command
    // before it has stopped in its own way.
    if (signal === 'SIGTERM' || io.stdin?.().isTTY !== true) child.kill(signal);
  };
  const ended = new Promise<number>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      io.stderr(`passport-genauth emulator: cannot start ${JSON.stringify(name)} (${error.code ?? error.message}).`);
      resolve(EXIT.usage);
    });
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  if (io.stop.aborted) stop();
  io.stop.addEventListener('abort', stop);
  try {
    return await ended;
  } finally {
    io.stop.removeEventListener('abort', stop);
  }
}
