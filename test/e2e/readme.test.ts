import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT, startNode } from '../support/process.js';
import {
  GOOD_LOGIN,
  HAS_CURL,
  SNIPPETS,
  isRequest,
  readCommands,
  runRequests,
  startServer,
  tryLogin,
} from '../support/readme.js';

// Inside the project, so that the snippets find the built package by its public name.
const FOLDER = join(ROOT, 'test/.tmp/readme');

function writeSnippet(name: string): string {
  const code = SNIPPETS.get(name);
  if (code === undefined) throw new Error(`the README has no snippet ${name}`);
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    experimentalDecorators: true,
  };
  const file = join(FOLDER, name.replace(/\.ts$/, '.js'));
  writeFileSync(file, name.endsWith('.ts') ? ts.transpileModule(code, { compilerOptions }).outputText : code);
  return file;
}

beforeAll(() => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
});

it('has these snippets, and is not too long', () => {
  expect([...SNIPPETS.keys()]).toEqual(['nest.ts', 'server.js', 'options.ts', 'emulator.ts']);
  expect(readFileSync(join(ROOT, 'README.md'), 'utf8').split(/\s+/).length).toBeLessThanOrEqual(3_500);
});

it.each(['nest.ts', 'server.js'])('%s signs in and guards', async (name) => {
  const server = await startServer(writeSnippet(name), FOLDER);
  try {
    expect(await tryLogin(server.url)).toEqual(GOOD_LOGIN);
  } finally {
    await server.process.stop();
  }
});

if (!HAS_CURL) process.stderr.write('SKIPPED the curl lines in test/e2e/readme.test.ts: no bash and curl here.\n');

(HAS_CURL ? it : it.skip).each([
  ['Nest', 'nest.ts'],
  ['Express', 'server.js'],
])('the curl lines for %s sign alice in and show the user of her token', async (section, name) => {
  expect(readCommands(section).filter(isRequest)).toHaveLength(3);
  const server = await startServer(writeSnippet(name), FOLDER);
  try {
    const [login, me] = await runRequests(section, server.url);
    expect(login).toEqual({
      user: expect.objectContaining({ email: 'alice@example.com' }),
      accessToken: expect.any(String),
    });
    expect(me).toMatchObject({ sub: (login?.['user'] as Record<string, unknown> | undefined)?.['sub'] });
  } finally {
    await server.process.stop();
  }
});

it('options.ts is accepted', async () => {
  const file = writeSnippet('options.ts');
  const program = startNode([
    '-e',
    `import(${JSON.stringify(file)}).then((m) => console.log('scope ' + m.options.scope))`,
  ]);
  expect(await program.line(/^scope (.*)/)).toBe('openid,profile,email,roles');
  await program.stop();
});

it('emulator.ts prints what its comments say', async () => {
  const program = startNode([writeSnippet('emulator.ts')]);
  await program.line(/^(mfa_required)$/);
  await program.stop();
  expect(program.output()).toBe("[ 'editor' ] 203.0.113.7\ntoken_expired\nmfa_required");
});

it('names only npm scripts and files that exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  for (const file of ['README.md', 'CONTRIBUTING.md']) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    for (const [, name = ''] of text.matchAll(/npm run ([\w:]+)/g))
      expect([file, name, Object.hasOwn(scripts, name)]).toEqual([file, name, true]);
  }
  // Install has every command that names the package itself: on the day of the first release one section changes.
  const others = ['Try it', 'Nest', 'Express'].flatMap((section) => readCommands(section));
  expect(others.filter((line) => /npm install.*passport-genauth/.test(line))).toEqual([]);
  // Every command is run: these by CI itself and the consumers' tests, the CLI by its own.
  expect(readCommands()).toEqual([
    'git clone "$REPOSITORY" passport-genauth && cd passport-genauth',
    'npm install && npm start',
    'npm install && npm test',
    ...readCommands('Install'),
    ...readCommands('Nest'),
    ...readCommands('Express'),
    'npx passport-genauth doctor --env .env',
    'npx passport-genauth emulator --port 3999',
  ]);
});
