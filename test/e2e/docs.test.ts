import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GenAuthEmulator } from '../../src/emulator/index.js';
import { ROOT, startNode } from '../support/process.js';
import { PAGES, readSnippets } from '../support/readme.js';

// Inside the project, so that the snippets find the built package by its public name.
const FOLDER = join(ROOT, 'test/.tmp/docs');
const snippets = new Map(PAGES.filter((page) => page !== 'README.md').flatMap((page) => [...readSnippets(page)]));

beforeAll(() => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, code] of [...snippets, ...readSnippets('README.md')]) {
    if (name.endsWith('.ts')) writeFileSync(join(FOLDER, name), code);
  }
  writeFileSync(
    join(FOLDER, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../../tsconfig.build.json',
      // The users' compilers, not ours, and what most of them leave out.
      compilerOptions: {
        rootDir: '.',
        outDir: 'out',
        declaration: false,
        sourceMap: false,
        declarationMap: false,
        strict: true,
        noImplicitOverride: false,
        emitDecoratorMetadata: false,
      },
      include: ['*.ts'],
      exclude: ['out'],
    }),
  );
  execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', FOLDER], { stdio: 'pipe' });
}, 60_000);

/** Runs a line of code that may import the snippets; gives what it prints. */
async function run(code: string): Promise<string> {
  const program = startNode(['--input-type=module', '-e', `${code}; console.log('the end')`], {}, join(FOLDER, 'out'));
  await program.line(/^the end$/);
  const output = program.output();
  await program.stop();
  return output.replace(/\n?the end$/, '');
}

it('has snippets that compile in strict mode', () => {
  expect([...snippets.keys()]).toEqual(['outcomes.ts', 'events.ts', 'two-apps.ts', 'types.ts']);
  for (const name of snippets.keys()) expect(existsSync(join(FOLDER, 'out', name.replace('.ts', '.js')))).toBe(true);
});

it('outcomes.ts explains', async () => {
  const outcome = { kind: 'mfa_required', applicationMfa: [{ mfaPolicy: 'SMS' }, { mfaPolicy: 'OTP' }] };
  expect(await run(`import { explain } from './outcomes.js'; console.log(explain(${JSON.stringify(outcome)}))`)).toBe(
    'second factor: SMS, OTP',
  );
});

it('types.ts signs in, and events.ts prints the event', async () => {
  const emulator = await new GenAuthEmulator({
    users: [{ username: 'alice', password: 'passw0rd', extended_fields: { school: 'pku' } }],
  }).start();
  const options = { ...emulator.clientOptions, scope: ['openid', 'extended_fields'] };
  const output = await run(`
    import './events.js';
    import { signIn } from './types.js';
    console.log(await signIn(${JSON.stringify(options)}));
  `);
  await emulator.stop();
  const [event = '', school] = output.split('\n');
  expect(JSON.parse(event)).toEqual({
    result: 'success',
    requestId: expect.any(String),
    duration: expect.any(Number),
    text: expect.stringContaining('200'),
  });
  expect(school).toBe('pku');
});

it('two-apps.ts signs customers and staff in, each at their own', async () => {
  const customers = await new GenAuthEmulator({ users: [{ username: 'carol', password: 'c' }] }).start();
  const staff = await new GenAuthEmulator({ users: [{ username: 'steve', password: 's' }] }).start();
  const output = await run(`
    import { NestFactory } from '@nestjs/core';
    import { makeModule } from './two-apps.js';
    const app = await NestFactory.create(makeModule(${JSON.stringify(customers.clientOptions)}, ${JSON.stringify(staff.clientOptions)}), { logger: false });
    await app.listen(0, '127.0.0.1');
    const login = async (path, account, password) => (await fetch(await app.getUrl() + path, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ account, password }),
    })).status;
    console.log(await login('/customers/login', 'carol', 'c'), await login('/staff/login', 'steve', 's'), await login('/staff/login', 'carol', 'c'));
    await app.close();
  `);
  await Promise.all([customers.stop(), staff.stop()]);
  expect(output).toBe('201 201 401');
});

it('links to files that exist', () => {
  for (const page of [...PAGES, 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']) {
    const text = readFileSync(join(ROOT, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      expect([page, target, existsSync(join(ROOT, dirname(page), target))]).toEqual([page, target, true]);
    }
  }
});
