import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { VARIABLES } from '../../src/core/options/environment.js';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import { makeFolder, runCommand } from '../cli/support.js';
import { ROOT } from '../support/process.js';
import { FINDINGS, environmentOf } from './support.js';

const page = await readFile(join(ROOT, 'docs/doctor.md'), 'utf8');

/** Removes what differs from run to run: ports, versions, times, and line breaks that depend on their length. */
function normalize(text: string): string {
  return (
    text
      .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
      .replaceAll(/(?<![\d.])\d+\.\d+\.\d+(?!\.?\d)/g, 'VERSION')
      .replaceAll(/\d+ s apart/g, 'N s apart')
      .replaceAll(/\s+/g, ' ')
      // The installed packages depend on package.json.
      .replace(/(passport-genauth VERSION)(?:, \S+ VERSION)+/, '$1')
      .trim()
  );
}

type Row = [name: string, GenAuthEmulatorOptions, variables: object, passwords: string[], code: number];
test.each<Row>([
  ['good', {}, { GENAUTH_SCOPE: 'openid profile email phone offline_access' }, ['passw0rd', 'AdPassw0rd'], 0],
  [
    'bad',
    { idTokenSignedResponseAlg: 'HS256', lockAfter: 1 },
    { GENAUTH_SCOPE: 'openid profile emial', GEN_AUTH_APP_ID: 'genauth-emulator-app', TRUST_PROXY: 'true' },
    ['passw0rd', 'wrong'],
    2,
  ],
])('the page shows the output of the doctor at a %s tenant', async (name, options, variables, passwords, code) => {
  const example = page.split(`<!-- picture: ${name} -->`)[1] ?? '';
  const [, command = '', output = ''] =
    /^\s+```text\n\$ npx passport-genauth (doctor.*)\n([^]*?)\n```/.exec(example) ?? [];
  const folder = await makeFolder();
  const file = join(folder, '.env');
  const emulator = await new GenAuthEmulator(options).start();
  const lines = Object.entries({ ...environmentOf(emulator), ...variables }).map(([key, value]) => `${key}="${value}"`);
  await writeFile(file, lines.join('\n'));
  const terminal = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => terminal });
  terminal.write(passwords.map((password) => `${password}\r`).join(''));
  const result = await runCommand(command.replace('.env', file).split(' '), {}, { stdin: () => terminal });
  await emulator.stop();
  await rm(folder, { recursive: true });
  expect(normalize(`${result.stderr}\n${result.stdout}`)).toBe(normalize(output));
  expect(result.code).toBe(code);
});

test('the page lists the variables', () => {
  const listed = [...page.matchAll(/^\| `(GENAUTH_\w+)` +\| `(\w+)`/gm)].map(([, name, option]) => [option, name]);
  expect(listed).toEqual(Object.entries(VARIABLES));
});

test('each code of the page is expected by a test', async () => {
  const files = (await readdir(import.meta.dirname, { recursive: true })).filter((file) =>
    /^(checks.|run-).*ts$/.test(file),
  );
  const tests = await Promise.all(files.map((file) => readFile(join(import.meta.dirname, file), 'utf8')));
  const isExpected = (code: string): boolean => new RegExp(`['\`]${code}( @ |')`).test(tests.join());
  expect([...FINDINGS.keys()].filter((code) => !isExpected(code))).toEqual([]);
});
