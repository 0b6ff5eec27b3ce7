import { readVersion } from '../core/util/manifest.js';
import { type Command, EXIT } from './command.js';
import { runEmulator } from './emulator.js';

/**
 * Loads the command `doctor` only when it is used. The doctor loads all of passport-genauth, which the command
 * `emulator` does not need.
 */
const runDoctor: Command = async (args, io) => (await import('./doctor.js')).runDoctorCommand(args, io);

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['emulator', runEmulator],
  ['doctor', runDoctor],
]);

const HELP = `passport-genauth: tools for applications whose users sign in with GenAuth

Usage: passport-genauth <command> [options]

Commands:
  emulator    emulates GenAuth on this machine, for development and tests
  doctor      finds problems between this application and its GenAuth tenant

Options:
  --help      prints this text. After a command, prints the help of that command
  --version   prints the version of passport-genauth`;

/** Runs the command line. `args` are the arguments after the name of the program. */
export const run: Command = async (args, io) => {
  const [name, ...rest] = args;
  const command = COMMANDS.get(name ?? '');
  if (command) return command(rest, io);
  if (name === '--help' || name === '-h') io.stdout(HELP);
  else if (name === '--version') io.stdout(await readVersion());
  else {
    io.stderr(name === undefined ? HELP : `passport-genauth: there is no command ${JSON.stringify(name)}. See --help.`);
    return EXIT.usage;
  }
  return EXIT.ok;
};
