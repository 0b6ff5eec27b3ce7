import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT, startNode } from '../support/process.js';
import {
  GOOD_LOGIN,
  SNIPPETS,
  isRequest,
  readCommands,
  readSnippets,
  runRequests,
  startHost,
  tryLogin,
} from '../support/readme.js';

// Installs the package and its peers from the npm registry into empty folders, as a new user does. `npm test` leaves
// this suite out, because it needs the registry. CI runs it.
const FOLDER = mkdtempSync(join(tmpdir(), 'genauth-consumer-'));
const LIMIT = 600_000;
const ENVIRONMENT = {
  ...process.env,
  REPOSITORY: `file://${ROOT}`,
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_loglevel: 'error',
  npm_config_prefer_offline: 'true',
};
/** The README's lines that build the package in a clone and install it from there, and the line that lets npm do it. */
const [FROM_A_CLONE, FROM_GIT] = [readCommands('Install').slice(0, -1), readCommands('Install').slice(-1)];
let tarball: string;
let installationFromGit: Promise<unknown>;

function run(line: string, folder: string): string {
  const options = { cwd: folder, encoding: 'utf8', env: ENVIRONMENT } as const;
  const { status, stdout, stderr } = spawnSync('bash', ['-ec', line], options);
  if (status !== 0) throw new Error(`${line} ended with ${status}:\n${stdout}\n${stderr}`);
  return stdout;
}

/** The lines of a section up to the start of its server; the curl lines come after it. */
const readSetup = (section: string): string[] => readCommands(section).filter((line) => !isRequest(line));

/** The README's lines that install the packages for Nest, and the line that compiles the example. */
const NEST_SETUP = readSetup('Nest');
const COMPILE = NEST_SETUP.pop()?.replace(' && node nest.js', '') ?? '';

/** Creates a folder with these files. */
function makeFolder(name: string, files: Record<string, string>): string {
  const folder = join(FOLDER, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

const snippet = (name: string): string => SNIPPETS.get(name) ?? '';

/** @param section - The section of the README whose curl lines are run as well. */
async function expectGoodLogin(file: string, folder: string, section?: string): Promise<void> {
  const host = await startHost(folder);
  try {
    const url = await host.serve(join(folder, file));
    expect(await tryLogin(url)).toEqual(GOOD_LOGIN);
    if (section === undefined) return;
    const printed = await runRequests(readCommands(section).filter(isRequest), url);
    const [login, , me] = printed.map((text) => JSON.parse(text || '{}') as Record<string, unknown>);
    expect(login?.['user']).toMatchObject({ sub: me?.['sub'] });
  } finally {
    await host.stop();
  }
}

beforeAll(() => {
  const express = makeFolder('express', { 'server.js': snippet('server.js') });
  run('npm init -y', express);
  // npm needs a minute for this line, so the other tests run at the same time.
  installationFromGit = promisify(execFile)('bash', ['-ec', FROM_GIT.join('\n')], { cwd: express, env: ENVIRONMENT });
  installationFromGit.catch(() => {});
  const folder = makeFolder('nest', {});
  const [clone = '', ...lines] = FROM_A_CLONE;
  run('npm init -y', folder);
  run(clone, folder);
  // CI installed the packages of a clone before. With hard links to them, `npm install` is done in seconds.
  run(`cp -al '${ROOT}/node_modules' ../passport-genauth/ || rm -rf ../passport-genauth/node_modules`, folder);
  for (const line of [...lines, ...NEST_SETUP]) run(line, folder);
  const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  tarball = join(folder, file);
}, LIMIT);
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

it(
  "installs from a clone, and the README's lines for Nest end in a login",
  async () => {
    const others = Object.fromEntries(
      [...SNIPPETS, ...readSnippets('docs/sign-in.md')].filter(([name]) => name.endsWith('.ts')),
    );
    const folder = makeFolder('nest', others);
    run(COMPILE, folder);
    // The other snippets must compile as well, with the same compiler, the newest there is.
    run(COMPILE.replace('nest.ts', `${Object.keys(others).join(' ')} --noEmit --strict`), folder);
    await expectGoodLogin('nest.js', folder, 'Nest');
  },
  LIMIT,
);

it(
  "refuses a user who is blocked in the application's own table, at login and on the next request",
  () => {
    const folder = makeFolder('nest', {});
    run('npm install drizzle-orm @electric-sql/pglite @types/express @types/passport', folder);
    cpSync(join(import.meta.dirname, 'own-users'), join(folder, 'own-users'), { recursive: true });
    run(COMPILE.replace('nest.ts', 'own-users/*.ts --strict'), folder);
    // V8 compiles the database in half the time if it does not optimize the WebAssembly code.
    const printed = run('node --liftoff-only own-users/main.js', folder).trim().split('\n');
    const [alice, bob, refused] = ['Alice Example', 'Bob Example', '403 verify_denied'];
    const open = [alice, alice, bob, bob];
    const answers = { first: alice, open, blocked: [refused, refused, bob, bob], again: open, rows: 2 };
    expect(printed.map((line) => JSON.parse(line) as unknown)).toEqual([answers, answers]);
  },
  LIMIT,
);

const COMMONJS = { target: 'es2022', module: 'nodenext', strict: true, esModuleInterop: true };

it(
  'CommonJS, Express 4, Passport 0.6 and TypeScript 5.9, with every type checked',
  async () => {
    const server = snippet('server.js')
      .replace("import express from 'express';", "import express = require('express');")
      .replace('const tenant', 'async function main() {\nconst tenant')
      .replace('req.authInfo.tokens', '(req.authInfo as SignInInfo).tokens')
      .replace('import passport', "import type { SignInInfo } from 'passport-genauth';\nimport passport")
      .concat('}\nmain();\n');
    const folder = makeFolder('commonjs', {
      'server.ts': server,
      'tsconfig.json': JSON.stringify({ compilerOptions: { ...COMMONJS, types: ['node'] }, files: ['server.ts'] }),
    });
    run('npm init -y && npm pkg set type=commonjs', folder);
    const types = '@types/node@20 @types/express@4 @types/passport';
    run(`npm install ${tarball} passport@0.6 express@4 typescript@5.9 ${types}`, folder);
    run('npx tsc', folder);
    expect(readFileSync(join(folder, 'server.js'), 'utf8')).toContain('require("passport-genauth")');
    await expectGoodLogin('server.js', folder);
  },
  LIMIT,
);

it(
  'CommonJS, Nest 11 and ts-jest with the line of the README',
  async () => {
    const [imports = '', rest = ''] = snippet('nest.ts').split('\n\nconst tenant');
    const main = `${imports}\nasync function main() {\nconst tenant${rest}}\nmain();\n`.replaceAll(/^export /gm, '');
    const folder = makeFolder('nest-11', {
      'nest.ts': main,
      'tsconfig.json': JSON.stringify({
        compilerOptions: { ...COMMONJS, experimentalDecorators: true, types: ['node', 'jest'], isolatedModules: true },
        include: ['*.ts'],
      }),
      'sign-in.test.ts': `
        import 'reflect-metadata';
        import { GenAuthClient } from 'passport-genauth';
        import { GenAuthEmulator } from 'passport-genauth/emulator';
        import { GenAuthModule } from 'passport-genauth/nest';
        it('signs in', async () => {
          const emulator = await new GenAuthEmulator().start();
          const client = new GenAuthClient(emulator.clientOptions);
          const outcome = await client.signIn({ account: 'alice', password: 'passw0rd' });
          await emulator.stop();
          expect([outcome.kind, typeof GenAuthModule]).toEqual(['success', 'function']);
        });`,
    });
    run('npm init -y && npm pkg set type=commonjs', folder);
    const nest = ['common', 'core', 'platform-express', 'passport'].map((name) => `@nestjs/${name}@11`).join(' ');
    run(`npm install ${tarball} passport ${nest} reflect-metadata rxjs`, folder);
    run('npm install typescript@5.9 @types/node@20 @types/express jest@29 ts-jest@29 @types/jest@29', folder);
    run('npx tsc --noEmit false', folder);
    await expectGoodLogin('nest.js', folder);
    const [line = ''] = /transformIgnorePatterns: .*\]/.exec(readFileSync(join(ROOT, 'README.md'), 'utf8')) ?? [];
    const transform =
      "{ '^.+\\\\.[jt]s$': ['ts-jest', { tsconfig: { allowJs: true, module: 'commonjs', isolatedModules: true } }] }";
    writeFileSync(
      join(folder, 'jest.config.js'),
      `module.exports = { testRegex: 'test\\\\.ts$', transform: ${transform}, ${line} };`,
    );
    run('npx jest --silent --forceExit 2>&1', folder);
  },
  LIMIT,
);

it(
  'without the optional dependencies the library works, and the emulator says what to install',
  async () => {
    const folder = makeFolder('production', {
      'main.mjs': `
        import { GenAuthClient } from 'passport-genauth';
        import { GenAuthEmulator } from 'passport-genauth/emulator';
        new GenAuthClient({ appId: 'app', appSecret: 'secret', appHost: 'https://example.genauth.ai' });
        await new GenAuthEmulator().start().catch((error) => console.log('said: ' + error.message));
      `,
    });
    run('npm init -y', folder);
    run(`npm install --omit=optional ${tarball} passport`, folder);
    const program = startNode(['main.mjs'], {}, folder);
    expect(await program.line(/^said: (.*)/)).toContain('npm install express');
    await program.stop();
  },
  LIMIT,
);

it(
  "installs from Git without a Nest package, and the README's lines for Express end in a login",
  async () => {
    const folder = makeFolder('express', {});
    await installationFromGit;
    const commands = readSetup('Express');
    expect(commands.pop()).toBe('node server.js');
    for (const line of commands) run(line, folder);
    await expectGoodLogin('server.js', folder, 'Express');
    expect(readdirSync(join(folder, 'node_modules'))).not.toContain('@nestjs');
    expect(run('npx passport-genauth --version', folder).trim()).toMatch(/^\d+\.\d+\.\d+/);
    const emulator = startNode(['node_modules/.bin/passport-genauth', 'emulator', '--port', '0'], {}, folder);
    expect(await emulator.line(/^GenAuth emulator listening on (http:.*)$/)).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await emulator.stop();
  },
  LIMIT,
);
