import { readVersion } from '../core/util/manifest.js';
import { type Command, EXIT } from './command.js';
import { runEmulator } from './emulator.js';

/** Loaded when it is asked for: it needs the whole core, and the emulator none of it. */
const runDoctor: Command = async (args, io) => (await import('./doctor.js')).runDoctorCommand(args, io);

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['emulator', runEmulator],
  ['doctor', runDoctor],
]);

const HELP = `passport-genauth: tools for applications that sign in with GenAuth

Usage: passport-genauth <command> [options]

Commands:
  emulator    GenAuth on this machine, for development and tests
  doctor      what is wrong between this application and its GenAuth tenant

Options:
  --help      this text; after a command, the command's own
  --version   the version of passport-genauth`;

/** The whole command line: `args` are those after the program's name. */
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
