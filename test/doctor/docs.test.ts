import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { VARIABLES } from '../../src/doctor/environment.js';
import { GenAuthEmulator } from '../../src/emulator/index.js';
import { ROOT } from '../support/process.js';
import { FINDINGS, environmentOf, runDoctorCommand } from './support.js';
import { makeFolder } from '../cli/support.js';

let page: string;
let folder: string;
beforeAll(async () => {
  page = await readFile(join(ROOT, 'docs/doctor.md'), 'utf8');
  folder = await makeFolder();
});
afterAll(() => rm(folder, { recursive: true }));

/** What a terminal shows: the command, and all that comes of it. */
function readPicture(name: string): { args: string[]; output: string } {
  const [, command = '', output = ''] =
    new RegExp(`<!-- picture: ${name} -->\n\n\`\`\`text\n\\$ npx passport-genauth doctor(.*)\n([^]*?)\n\`\`\``).exec(
      page,
    ) ?? [];
  return { args: command.trim().split(' '), output };
}

/** Without what differs from run to run: ports, versions, times, and where lines break because of these. */
function normalize(text: string): string {
  return (
    text
      .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
      .replaceAll(/(?<![\d.])\d+\.\d+\.\d+(?!\.?\d)/g, 'VERSION')
      .replaceAll(/\d+ s apart/g, 'N s apart')
      .replaceAll(/request "[\w-]+"/g, 'request "ID"')
      .replaceAll(/\s+/g, ' ')
      // Which packages there are is the manifest's matter.
      .replace(/(passport-genauth VERSION)(?:, \S+ VERSION)+/, '$1')
      .trim()
  );
}

/** A terminal at which somebody types. */
function typing(passwords: readonly string[]): PassThrough {
  const terminal = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => terminal });
  terminal.write(passwords.map((password) => `${password}\r`).join(''));
  return terminal;
}

const TENANTS: readonly [
  name: string,
  emulator: ConstructorParameters<typeof GenAuthEmulator>[0],
  variables: Record<string, string>,
  passwords: string[],
  code: number,
][] = [
  ['good', {}, { GENAUTH_SCOPE: 'openid profile email phone offline_access' }, ['passw0rd', 'AdPassw0rd'], 0],
  [
    'bad',
    { idTokenSignedResponseAlg: 'HS256', lockAfter: 1 },
    {
      GENAUTH_SCOPE: 'openid profile emial',
      GEN_AUTH_APP_ID: 'genauth-emulator-app',
      TRUST_PROXY: 'true',
    },
    ['passw0rd', 'wrong'],
    2,
  ],
];

test.each(TENANTS)(
  'the picture of a %s run is what the doctor says',
  async (name, options, variables, passwords, code) => {
    const { args, output } = readPicture(name);
    const emulator = await new GenAuthEmulator(options).start();
    const env = Object.entries({ ...environmentOf(emulator), ...variables }).map(([key, value]) => `${key}="${value}"`);
    await writeFile(join(folder, '.env'), env.join('\n'));
    const real = args.map((arg) => (arg === '.env' ? join(folder, '.env') : arg));
    const result = await runDoctorCommand(real, {}, { stdin: () => typing(passwords) });
    await emulator.stop();
    expect(normalize(result.lines.join('\n'))).toBe(normalize(output));
    expect(result.code).toBe(code);
  },
);

test('every variable is on the page, and no other', () => {
  const named = [...page.matchAll(/^\| `(GENAUTH_\w+)`/gm)].map(([, variable]) => variable);
  expect(named).toEqual(Object.values(VARIABLES));
});

/** Every TypeScript file of a folder, as one text. */
async function readSources(folder: string): Promise<string> {
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.ts'));
  return (await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))).join('\n');
}

test('every code is on the page, and no other', async () => {
  const source = await readSources(join(ROOT, 'src/doctor'));
  // Where a finding is made, or stands in a table of findings.
  const made = source.matchAll(/(?:(?:warning|error|refuse)\(\s*|\[\s*)'([a-z]+(?:_[a-z]+)+)'/g);
  const others = ['client_secret_post', 'id_token_signing_alg_values_supported', 'jwks_uri', 'scopes_supported'];
  const missing = [...made]
    .map(([, code = '']) => code)
    .filter((code) => !FINDINGS.has(code) && !others.includes(code));
  expect(missing).toEqual([]);
  // A fault of the configuration is called after the error's own code.
  const unknown = [...FINDINGS.keys()].filter(
    (code) => !source.includes(`'${code}'`) && !source.includes(`${code.replace('login_', '')}: {`),
  );
  expect(unknown).toEqual([]);
});

test('every code of the page is found by some test', async () => {
  const tests = await readSources(import.meta.dirname);
  expect([...FINDINGS.keys()].filter((code) => !new RegExp(`\\b${code}\\b`).test(tests))).toEqual([]);
});
