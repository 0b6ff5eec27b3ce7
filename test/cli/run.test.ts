import { readVersion } from '../../src/core/util/manifest.js';
import { runCommand } from './support.js';

const VERSION = new RegExp(`^${await readVersion()}$`);

test.each<[args: string[], pattern: RegExp]>([
  [['--help'], /^passport-genauth: [^]*Usage: passport-genauth <command>[^]* emulator [^]* doctor /],
  [['--version'], VERSION],
  [['emulator', '-h'], /Usage: passport-genauth emulator[^]*\(3999\)[^]*--users FILE\.json[^]*EMULATOR_PORT/],
  [['emulator', '--version'], VERSION],
  [['doctor', '-h'], /Usage: passport-genauth doctor[^]*--env[^]*--account[^]*--json[^]*GENAUTH_APP_HOST/],
  [['doctor', '--version'], VERSION],
])('%j prints a text of at most 124 columns and ends with 0', async (args, pattern) => {
  const { code, stdout, stderr } = await runCommand(args);
  expect([code, stderr, stdout.split('\n').filter((line) => line.length > 124)]).toEqual([0, '', []]);
  expect(stdout).toMatch(pattern);
});

test.each<[args: string[], message: RegExp]>([
  [[], /^passport-genauth: [^]*Usage: passport-genauth <command>/],
  [['\u001b[2J'], /^passport-genauth: there is no command "\\u001b\[2J"\. See --help\.$/],
])('%j prints a message to standard error and ends with 2', async (args, message) => {
  expect(await runCommand(args)).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
});
