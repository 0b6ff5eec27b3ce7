import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { GenAuthEmulator } from '../../src/emulator/index.js';
import { send } from '../support/nest-app.js';
import { ROOT, startNode } from '../support/process.js';
import {
  GOOD_LOGIN,
  type ProgramHost,
  SNIPPETS,
  isRequest,
  readBlocks,
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
/** Whether the slow installations run too. The part `consumers` of .ci/full sets the variable. */
const IS_FULL = process.env['CONSUMERS'] === 'all';
if (!IS_FULL) {
  process.stderr.write('SKIPPED in test/consumers: the installations from Git and by pnpm. CONSUMERS=all runs them.\n');
}
const ENVIRONMENT = {
  ...process.env,
  REPOSITORY: `file://${ROOT}`,
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_loglevel: 'error',
  npm_config_prefer_offline: 'true',
};
/** The README's lines for an empty folder, for a clone of the package, and for npm, which clones and builds it. */
const [EMPTY = '', ...INSTALL] = readCommands('Install');
const [FROM_A_CLONE, FROM_GIT] = [INSTALL.slice(0, -1), INSTALL.slice(-1)];
/** The line for Jest in CommonJS that docs/testing.md shows. */
const [JEST_LINE = ''] = readBlocks('docs/testing.md').flatMap(({ comment, code }) =>
  comment === 'jest' ? [code] : [],
);
const JEST_SETTING = JSON.parse(`{${JEST_LINE}}`) as Record<string, unknown>;
/** The packages of the CommonJS applications, without this package. */
const PACKAGES = {
  commonjs: 'passport@0.6 express@4 typescript@5.9 @types/node@20 @types/express@4 @types/passport',
  nest11: listNest11('11', ['esbuild', '@nestjs/cli@11']),
  // pnpm gives each package only its own dependencies, and @nestjs/passport 12 is an ES module beside Nest 11.
  pnpm: listNest11('12', ['@types/passport']),
};
function listNest11(passport: string, others: readonly string[]): string {
  return [
    ...['common', 'core', 'platform-express', 'testing'].map((name) => `@nestjs/${name}@11`),
    `@nestjs/passport@${passport} passport reflect-metadata rxjs typescript@5.9 jest@30 ts-jest@29 supertest@7`,
    ...['node@20', 'express@5', 'jest@30', 'supertest@7'].map((name) => `@types/${name}`),
    ...others,
  ].join(' ');
}
/** The folders of the applications. Two of them are in a workspace. */
const TARGETS = { commonjs: 'commonjs', nest11: 'npm-workspace/apps/nest11', pnpm: 'pnpm-workspace/apps/nest11' };
const emulator = new GenAuthEmulator({}, () => {});
let tarball: string;
let expressInstallation: Promise<unknown>;
let installations: Readonly<Record<keyof typeof PACKAGES, Promise<unknown>>>;

function run(line: string, folder: string): string {
  const options = { cwd: folder, encoding: 'utf8', env: ENVIRONMENT } as const;
  const { status, stdout, stderr } = spawnSync('bash', ['-ec', line], options);
  if (status !== 0) throw new Error(`${line} ended with ${status}:\n${stdout}\n${stderr}`);
  return stdout;
}

/** Runs lines while other tests run. */
function runInBackground(lines: readonly string[], cwd: string): Promise<unknown> {
  const running = promisify(execFile)('bash', ['-ec', lines.join('\n')], { cwd, env: ENVIRONMENT });
  running.catch(() => {});
  return running;
}

/** The lines of a section up to the start of its server; the curl lines come after it. */
const readSetup = (section: string): string[] => readCommands(section).filter((line) => !isRequest(line));

/** The README's lines that install the packages for Nest, and the line that compiles the example. */
const NEST_SETUP = readSetup('Sign in with Nest');
const COMPILE = NEST_SETUP.pop()?.replace(' && node nest.js', '') ?? '';

/** Creates a folder with these files. */
function makeFolder(name: string, files: Record<string, string>): string {
  const folder = join(FOLDER, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

const snippet = (name: string): string => SNIPPETS.get(name) ?? '';

/** Signs in at a program of the README, also by the curl lines. */
async function expectGoodLogin(file: string, folder: string): Promise<void> {
  const host = await startHost(folder);
  try {
    const url = await host.serve(join(folder, file));
    expect(await tryLogin(url)).toEqual(GOOD_LOGIN);
    const printed = await runRequests(readCommands('Sign in with Nest').filter(isRequest), url);
    const [login, , me] = printed.map((text) => JSON.parse(text || '{}') as Record<string, unknown>);
    expect(login?.['user']).toMatchObject({ sub: me?.['sub'] });
  } finally {
    await host.stop();
  }
}

beforeAll(async () => {
  await emulator.start();
  const express = makeFolder('express', { 'server.js': snippet('server.js') });
  run(EMPTY, express);
  // npm needs a minute for this line, so the other tests run at the same time.
  if (IS_FULL) expressInstallation = runInBackground(FROM_GIT, express);
  const folder = makeFolder('nest', {});
  const [clone = '', ...lines] = FROM_A_CLONE;
  run(EMPTY, folder);
  run(clone, folder);
  // CI installed the packages of a clone before. With hard links to them, `npm install` is done in seconds.
  run(`cp -al '${ROOT}/node_modules' ../passport-genauth/ || rm -rf ../passport-genauth/node_modules`, folder);
  for (const line of [...lines, ...NEST_SETUP]) run(line, folder);
  const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  tarball = join(folder, file);
  if (!IS_FULL) expressInstallation = runInBackground([`npm install ${tarball}`], express);
  makeFolder('npm-workspace', { 'package.json': JSON.stringify({ private: true, workspaces: ['apps/*'] }) });
  makeFolder('pnpm-workspace', { 'pnpm-workspace.yaml': 'packages: [apps/*]\n' });
  const install = (name: keyof typeof PACKAGES, program = 'npm install'): Promise<unknown> => {
    const manifest = JSON.stringify({ name: 'app', version: '1.0.0', private: true, type: 'commonjs' });
    const folder = makeFolder(TARGETS[name], { 'package.json': manifest });
    return runInBackground([`${program} ${tarball} ${PACKAGES[name]}`], folder);
  };
  const [commonjs, nest11] = [install('commonjs'), install('nest11')];
  // pnpm starts when npm is ready, because each of them uses a whole core.
  const installWithPnpm = () => install('pnpm', 'npx --yes pnpm@10 add --prefer-offline --ignore-scripts');
  const pnpm = IS_FULL ? nest11.then(installWithPnpm) : Promise.resolve();
  pnpm.catch(() => {});
  installations = { commonjs, nest11, pnpm };
}, LIMIT);
afterAll(async () => {
  await emulator.stop();
  rmSync(FOLDER, { recursive: true, force: true });
});

const ALICE = { method: 'POST', body: { account: 'alice', password: 'passw0rd' } };

const readBearer = ({ body }: { body: Record<string, unknown> }): Record<string, string> => ({
  authorization: `Bearer ${String(body['accessToken'])}`,
});

/** The lines that compile the applications. */
const COMPILERS: Readonly<Record<string, string>> = {
  express5: 'npx --yes --package typescript@6 tsc',
  nest11: 'npx nest build',
};

/** Copies an application of `test/consumers` into a folder with installed packages, and compiles it. */
function compileApplication(name: string, target: string): string {
  const folder = makeFolder(target, {});
  cpSync(join(import.meta.dirname, name), folder, { recursive: true });
  run(COMPILERS[name] ?? ':', folder);
  return folder;
}

/** Starts a program with the settings of the emulator, and calls `use` with its address. */
async function tryProgram(path: string, use: (url: string, line: ProgramHost['line']) => Promise<void>): Promise<void> {
  const { appId, appSecret, appHost } = emulator.clientOptions;
  const tenant = { GENAUTH_APP_ID: appId, GENAUTH_APP_SECRET: String(appSecret), GENAUTH_APP_HOST: appHost };
  const host = await startHost(dirname(path), { ...tenant, SESSION_SECRET: 'any text' });
  try {
    await use(await host.serve(path), host.line);
  } finally {
    await host.stop();
  }
}

/** Compiles an application of `test/consumers`, starts it, and calls `use` with its address. */
async function tryApplication(
  name: string,
  file: string,
  target: string,
  use: (url: string, line: ProgramHost['line']) => Promise<void>,
): Promise<void> {
  await tryProgram(join(compileApplication(name, target), file), use);
}

it(
  "installs from a clone, and the README's lines for Nest end in a login",
  async () => {
    const others = Object.fromEntries(
      [
        ...SNIPPETS,
        ...['options', 'outcomes', 'observability'].flatMap((page) => [...readSnippets(`docs/${page}.md`)]),
      ].filter(([name]) => /^(?:nest|options|outcomes|types|events|environment|shared-host)\.ts$/.test(name)),
    );
    const folder = makeFolder('nest', others);
    run(COMPILE, folder);
    // The other snippets must compile as well, with the same compiler, the newest there is.
    run(COMPILE.replace('nest.ts', `${Object.keys(others).join(' ')} --noEmit --strict`), folder);
    await expectGoodLogin('nest.js', folder);
    // A folder with a configuration of the compiler gets the same result.
    writeFileSync(join(folder, 'tsconfig.json'), '{}');
    run(COMPILE, folder);
    rmSync(join(folder, 'tsconfig.json'));
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

/** The line that runs the Jest tests of a Nest application. */
const JEST = [
  'GENAUTH_APP_ID=app GENAUTH_APP_SECRET=secret GENAUTH_APP_HOST=https://example.genauth.ai',
  'npx jest --config test/jest-e2e.json 2>&1',
].join(' ');

const COMMONJS = { target: 'es2022', module: 'nodenext', strict: true, esModuleInterop: true };

it(
  'CommonJS, Express 4, Passport 0.6 and TypeScript 5.9, with every type checked',
  async () => {
    const lines = snippet('server.js').split('\n');
    const imports = lines.filter((line) => line.startsWith('import ')).join('\n');
    const body = lines.filter((line) => !line.startsWith('import ')).join('\n');
    const server = [
      imports.replace("import express from 'express';", "import express = require('express');"),
      "import type { SignInInfo } from 'passport-genauth';\nimport type {} from 'passport';",
      'async function main() {',
      body.replace('req.authInfo.tokens', '(req.authInfo as SignInInfo).tokens'),
      '}\nvoid main();\n',
    ].join('\n');
    const folder = makeFolder('commonjs', {
      'server.ts': server,
      'tsconfig.json': JSON.stringify({ compilerOptions: { ...COMMONJS, types: ['node'] }, files: ['server.ts'] }),
    });
    await installations.commonjs;
    run('npx tsc', folder);
    expect(readFileSync(join(folder, 'server.js'), 'utf8')).toContain('require("passport-genauth")');
    await expectGoodLogin('server.js', folder);
  },
  LIMIT,
);

it(
  'Express 4 in JavaScript: signs in, guards and publishes refusals',
  async () => {
    await installations.commonjs;
    await tryApplication('express4', 'server.js', 'commonjs/express4', async (url, line) => {
      expect(await tryLogin(url)).toEqual(GOOD_LOGIN);
      expect(await line(/^refused (POST.*)/)).toBe('POST /login: 401 invalid_credentials');
    });
  },
  LIMIT,
);

it(
  'Express 5 in TypeScript: has a login form with a session, and guards an API by the tenant',
  async () => {
    const types = ['express', 'express-session', 'passport'].map((name) => `@types/${name}`).join(' ');
    run(`npm install express express-session ${types}`, makeFolder('nest', {}));
    await tryApplication('express5', 'server.js', 'nest/express5', async (url, line) => {
      let cookie = '';
      const submitForm = async (account: string, password = 'passw0rd'): Promise<string> => {
        const body = new URLSearchParams({ account, password });
        const response = await fetch(`${url}/login`, { method: 'POST', body, headers: { cookie }, redirect: 'manual' });
        cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie;
        const page = await fetch(new URL(response.headers.get('location') ?? '', url), { headers: { cookie } });
        return page.text();
      };
      expect(await submitForm('alice', 'wrong')).toContain('<p>The account or the password is wrong.</p>');
      expect(await submitForm('bob')).toMatch(/The sign-in was refused[^]*<form|<form[^]*The sign-in was refused/);
      expect(await submitForm('alice')).toBe('signed in as alice@example.com');
      const logIn = (headers: Record<string, string>) => send(`${url}/api/login`, { ...ALICE, headers });
      expect((await logIn({ origin: 'https://other.example' })).body['code']).toBe('cross_site_request');
      const headers = readBearer(await logIn({}));
      const own = await send(`${url}/api/tenants/t1`, { headers });
      expect(own.body).toEqual({ tenant: 't1', email: 'alice@example.com' });
      expect((await send(`${url}/api/tenants/t2`, { headers })).body['code']).toBe('tenant_mismatch');
      expect(await line(/^debug: (GET.*)/)).toBe('GET /api/tenants/:tenant 403 tenant_mismatch');
    });
  },
  LIMIT,
);

it(
  'Nest 11 in a workspace of npm: compiles with every type checked, signs in, and passes its Jest tests',
  async () => {
    await installations.nest11;
    await tryApplication('nest11', 'dist/main.js', TARGETS.nest11, async (url) => {
      const login = await send(`${url}/login`, ALICE);
      const headers = readBearer(login);
      expect((await send(`${url}/me`, { headers })).body).toEqual(login.body['user']);
      expect((await send(`${url}/admin`, { headers })).body).toEqual({ text: 'admin' });
      const refusals = await Promise.all([
        send(`${url}/login`, { ...ALICE, body: { ...ALICE.body, password: 'wrong' } }),
        send(`${url}/refresh`, { method: 'POST', body: { refreshToken: 'x' } }),
        send(`${url}/me`),
      ]);
      const reasons = ['invalid_credentials', 'refresh_token_refused', 'token_missing'];
      expect(refusals.map(({ body }) => body)).toEqual(reasons.map((reason) => ({ page: 'sign in', reason })));
      const denied = await send(`${url}/login`, { ...ALICE, body: { ...ALICE.body, account: 'bob' } });
      expect(denied.body).toMatchObject({ statusCode: 403, code: 'verify_denied' });
      const broken = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"password":"secret' };
      expect(await (await fetch(`${url}/login`, broken)).text()).toMatch(/^(?!.*secret).*invalid_request/);
    });
    run(JEST, makeFolder(TARGETS.nest11, {}));
  },
  LIMIT,
);

it('the Jest tests of these applications have the line that the guide shows', () => {
  const text = readFileSync(join(import.meta.dirname, 'nest11/test/jest-e2e.json'), 'utf8');
  const config = JSON.parse(text) as Record<string, unknown>;
  expect(config['transformIgnorePatterns']).toEqual(JEST_SETTING['transformIgnorePatterns']);
});

/** Nest's packages that the Nest CLI ignores if they are not installed. */
const IGNORED = ['microservices', 'microservices/microservices-module', 'websockets/socket-module']
  .map((name) => `@nestjs/${name}`)
  .concat('class-validator', 'class-transformer');
const EXTERNALS = IGNORED.map((name) => `--external:${name}`).join(' ');
/** The first line of an ES module, with which packages in CommonJS can load the modules of Node. */
const BANNER =
  '--banner:js=\'import { createRequire } from "node:module"; ' + "const require = createRequire(import.meta.url);'";

/** Bundles a program with esbuild. Returns the path of the only file, in a folder without packages. */
function bundle(file: string, folder: string, format: 'cjs' | 'esm', options = ''): string {
  const esbuild = join(FOLDER, 'npm-workspace/node_modules/.bin/esbuild');
  const [name] = file.split('/').at(-1)?.split('.') ?? [];
  const path = join(makeFolder('bundles', {}), format === 'cjs' ? `${name}.cjs` : `${name}.mjs`);
  const banner = format === 'esm' ? BANNER : '';
  run(
    `'${esbuild}' ${file} --bundle --platform=node --format=${format} --outfile=${path} ${banner} ${options}`,
    folder,
  );
  return path;
}

it(
  'esbuild and webpack build a Nest application without the optional packages, and it runs without any package',
  async () => {
    await installations.nest11;
    const folder = compileApplication('nest11', TARGETS.nest11);
    const optional = ['microservices', 'websockets'].map((name) => `@nestjs/${name}`).concat('@opentelemetry');
    expect(run('ls ../../node_modules ../../node_modules/@nestjs', folder)).not.toMatch(optional.join('|'));
    const webpack = 'npx nest build --webpack --webpackPath webpack.config.js';
    run(`${webpack} && cp -r bundle '${makeFolder('bundles', {})}/webpack'`, folder);
    const programs = [
      bundle('dist/main.js', folder, 'cjs', EXTERNALS),
      bundle('dist/main.js', folder, 'esm', EXTERNALS),
      join(FOLDER, 'bundles/webpack/main.cjs'),
    ];
    for (const program of programs) {
      await tryProgram(program, async (url) => {
        const headers = readBearer(await send(`${url}/login`, ALICE));
        expect((await send(`${url}/me`, { headers })).body['name']).toBe('Alice Example');
        expect((await send(`${url}/me`)).body).toEqual({ page: 'sign in', reason: 'token_missing' });
      });
    }
  },
  LIMIT,
);

(IS_FULL ? it : it.skip)(
  'Nest 11 with @nestjs/passport 12 in a workspace of pnpm: compiles, signs in, and passes its Jest tests',
  async () => {
    await installations.pnpm;
    const folder = makeFolder(TARGETS.pnpm, {});
    cpSync(join(import.meta.dirname, 'nest11'), folder, { recursive: true });
    run('npx tsc', folder);
    await tryProgram(join(folder, 'dist/main.js'), async (url) => {
      const headers = readBearer(await send(`${url}/login`, ALICE));
      expect((await send(`${url}/me`, { headers })).body['name']).toBe('Alice Example');
    });
    run(JEST, folder);
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
  `installs ${IS_FULL ? 'from Git ' : ''}without a Nest package, and the README's lines for Express end in a login`,
  async () => {
    const folder = makeFolder('express', {});
    await expressInstallation;
    const commands = readSetup('Sign in with Express');
    expect(commands.pop()).toBe('node server.js');
    for (const line of commands) run(line, folder);
    await expectGoodLogin('server.js', folder);
    expect(readdirSync(join(folder, 'node_modules'))).not.toContain('@nestjs');
    expect(run('npx passport-genauth --version', folder).trim()).toMatch(/^\d+\.\d+\.\d+/);
    const emulator = startNode(['node_modules/.bin/passport-genauth', 'emulator', '--port', '0'], {}, folder);
    expect(await emulator.line(/^GenAuth emulator listening on (http:.*)$/)).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await emulator.stop();
  },
  LIMIT,
);

it(
  'esbuild builds Express applications with the emulator in one file, as a minified ES module and as CommonJS',
  async () => {
    await installations.nest11;
    const programs = [
      bundle('server.js', makeFolder('express', {}), 'esm', '--minify'),
      bundle('server.js', makeFolder('commonjs', {}), 'cjs'),
    ];
    for (const program of programs) await expectGoodLogin(basename(program), dirname(program));
  },
  LIMIT,
);
