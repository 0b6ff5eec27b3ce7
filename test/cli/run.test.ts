import { readVersion } from '../../src/core/util/manifest.js';
import { runToEnd } from './support.js';

const version = await readVersion();

test.each<[args: string[], pattern: RegExp]>([
  [['--help'], /^passport-genauth: [^]*Usage: passport-genauth <command>[^]* emulator [^]* doctor /],
  [['-h'], /Usage: passport-genauth <command>/],
  [['--version'], new RegExp(`^${version}$`)],
  [['emulator', '--help'], /Usage: passport-genauth emulator[^]*--users FILE\.json[^]*EMULATOR_PORT/],
  [['emulator', '-h'], /Usage: passport-genauth emulator/],
  [['emulator', '--version'], new RegExp(`^${version}$`)],
  [['doctor', '--help'], /Usage: passport-genauth doctor[^]*--env[^]*--account[^]*--json[^]*GENAUTH_APP_HOST/],
  [['doctor', '-h'], /Exit code: 0 [^]* 1 warnings, 2 errors/],
  [['doctor', '--version'], new RegExp(`^${version}$`)],
])('%j prints a text of at most 124 columns and ends with 0', async (args, pattern) => {
  const { code, stdout, stderr } = await runToEnd(args);
  expect([code, stderr, stdout.split('\n').filter((line) => line.length > 124)]).toEqual([0, '', []]);
  expect(stdout).toMatch(pattern);
});

test.each<[args: string[], message: RegExp]>([
  [[], /^passport-genauth: [^]*Usage: passport-genauth <command>/],
  [['emulater'], /^passport-genauth: there is no command "emulater"\. See --help\.$/],
  [['\u001b[2J'], /there is no command "\\u001b\[2J"/],
  [['__proto__'], /there is no command/],
  [['--port', '1'], /there is no command "--port"/],
])('%j prints a message to standard error and ends with 2', async (args, message) => {
  expect(await runToEnd(args)).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
});
