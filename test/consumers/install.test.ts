import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, startNode } from '../support/process.js';
import { COMMANDS, GOOD_LOGIN, SNIPPETS, startServer, tryLogin } from '../support/readme.js';

// The package as a stranger gets it: packed, installed from the registry's other packages into an empty folder. This is the one
// suite that needs the npm registry, so `npm test` leaves it out and CI runs it.
const FOLDER = mkdtempSync(join(tmpdir(), 'genauth-consumer-'));
let tarball: string;

/** Runs a command of the README, with the packed package in place of the published one. */
function run(command: string, folder: string): string {
  const line = command.replaceAll(
    /(install(?: --\S+)*) passport-genauth\b/g,
    `$1 --no-audit --no-fund --loglevel=error ${tarball}`,
  );
  return execFileSync('bash', ['-ec', line], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

function makeFolder(name: string, files: Record<string, string>, type: 'module' | 'commonjs' = 'module'): string {
  const folder = join(FOLDER, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, private: true, type }));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

function findCommand(start: string): string {
  const command = COMMANDS.find((line) => line.startsWith(start));
  if (command === undefined) throw new Error(`the README has no command "${start} …"`);
  return command;
}

async function expectGoodLogin(file: string, folder: string): Promise<void> {
  const server = await startServer(file, folder);
  try {
    expect(await tryLogin(server.url)).toEqual(GOOD_LOGIN);
  } finally {
    await server.process.stop();
  }
}

beforeAll(() => {
  const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', FOLDER], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ filename }] = JSON.parse(packed.slice(packed.indexOf('['))) as [{ filename: string }];
  tarball = join(FOLDER, filename);
}, 60_000);
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

it('the Nest snippet of the README compiles and runs as it stands', async () => {
  const folder = makeFolder('nest', {
    'nest.ts': SNIPPETS.get('nest.ts') ?? '',
    'options.ts': SNIPPETS.get('options.ts') ?? '',
    'emulator.ts': SNIPPETS.get('emulator.ts') ?? '',
  });
  run(findCommand('npm install passport-genauth passport @nestjs'), folder);
  // What its second command needs, in the newest versions; and the other snippets must compile as well.
  run('npm install --save-dev --no-audit --no-fund --loglevel=error typescript @types/node@20', folder);
  const compile = findCommand('npx tsc nest.ts').split(' && ')[0] ?? '';
  run(compile, folder);
  run(compile.replace('nest.ts', 'options.ts emulator.ts --noEmit'), folder);
  await expectGoodLogin('nest.js', folder);
}, 300_000);

it('the Express snippet of the README runs as it stands, and no Nest package comes with it', async () => {
  const folder = makeFolder('express', { 'server.js': SNIPPETS.get('server.js') ?? '' });
  run(findCommand('npm install passport-genauth passport express'), folder);
  await expectGoodLogin('server.js', folder);
  expect(readdirSync(join(folder, 'node_modules'))).not.toContain('@nestjs');
}, 300_000);

it('CommonJS with Express 4 and TypeScript', async () => {
  const folder = makeFolder(
    'commonjs',
    {
      'server.ts': (SNIPPETS.get('server.js') ?? '')
        .replace("import express from 'express';", "import express = require('express');")
        .replace('const emulator', 'async function main() {\nconst emulator')
        .replace('req.authInfo.tokens', '(req.authInfo as SignInInfo).tokens')
        .replace('signInHandler }', 'signInHandler, type SignInInfo }')
        .concat('}\nmain();\n'),
      'tsconfig.json': JSON.stringify({
        compilerOptions: { target: 'es2022', module: 'nodenext', strict: true, esModuleInterop: true, types: ['node'] },
        files: ['server.ts'],
      }),
    },
    'commonjs',
  );
  // With skipLibCheck off: the types of this package must hold next to Express 4's.
  run(
    'npm install passport-genauth passport express@4 typescript@5.9 @types/node@20 @types/express@4 @types/passport',
    folder,
  );
  run('npx tsc', folder);
  expect(readFileSync(join(folder, 'server.js'), 'utf8')).toContain('require("passport-genauth")');
  await expectGoodLogin('server.js', folder);
}, 300_000);

it('without the optional dependencies the library works, and the emulator says what to install', async () => {
  const folder = makeFolder('production', {
    'main.js': `
      import { GenAuthClient } from 'passport-genauth';
      import { GenAuthEmulator } from 'passport-genauth/emulator';
      new GenAuthClient({ appId: 'app', appSecret: 'secret', appHost: 'https://example.genauth.ai' });
      await new GenAuthEmulator().start().catch((error) => console.log('said: ' + error.message));
    `,
  });
  run('npm install --omit=optional passport-genauth passport', folder);
  const program = startNode(['main.js'], {}, folder);
  expect(await program.line(/^said: (.*)/)).toContain('npm install express');
  await program.stop();
}, 300_000);
