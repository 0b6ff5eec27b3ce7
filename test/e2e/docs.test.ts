import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { CONTROL_OPERATIONS } from '../../src/emulator/control/control.js';
import { GenAuthEmulator, readUsersFile } from '../../src/emulator/index.js';
import { GenAuthClient } from '../../src/index.js';
import { ROOT, startNode } from '../support/process.js';
import { PAGES, readExamples, readSnippets } from '../support/readme.js';

// Inside the project, so that the snippets find the built package by its public name.
const FOLDER = join(ROOT, 'test/.tmp/docs');
const snippets = new Map(PAGES.filter((page) => page !== 'README.md').flatMap((page) => [...readSnippets(page)]));

beforeAll(() => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(join(FOLDER, 'out'), { recursive: true });
  for (const [name, code] of [...snippets, ...readSnippets('README.md')]) {
    writeFileSync(join(FOLDER, name.endsWith('.js') ? `out/${name}` : name), code);
  }
  [...readExamples()].forEach(([name, code], i) => {
    // A file of its own for each, and a module even without an import. The compiler names the file in its errors.
    const file = `example-${i + 1}-${name.replaceAll(/\W+/g, '-')}.ts`;
    writeFileSync(join(FOLDER, file), `${code}\nexport {};\n`);
  });
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
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const { stdout, status } = spawnSync(process.execPath, [compiler, '-p', FOLDER], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stdout);
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
  expect([...snippets.keys()]).toEqual([
    'examine.ts',
    'directory.ts',
    'development.module.ts',
    'guarded.ts',
    'staff.ts',
    'shop.js',
    'session.ts',
    'pages.js',
    'openapi.ts',
    'outcomes.ts',
    'events.ts',
    'two-apps.ts',
    'types.ts',
    'app.module.ts',
    'app.test.ts',
    'shop.test.js',
  ]);
  for (const name of snippets.keys()) expect(existsSync(join(FOLDER, 'out', name.replace('.ts', '.js')))).toBe(true);
});

it.each([
  'core/client.ts: signIn',
  'passport/password.strategy.ts: GenAuthPasswordStrategy',
  'passport/ad.strategy.ts: GenAuthAdStrategy',
  'passport/bearer.strategy.ts: GenAuthBearerStrategy',
  'express/require-auth.ts: requireAuth',
  'nest/genauth.module.ts: GenAuthModule',
  'emulator/emulator.ts: GenAuthEmulator',
  'testing/genauth-testing.module.ts: GenAuthTestingModule',
])('compiles the example in the doc comment of %s', (name) => {
  expect([...readExamples().keys()]).toContain(name);
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

const SHOP = `
  const login = async (account) => (await client.signIn({ account, password: 'passw0rd' })).tokens.accessToken;
  const ask = async (path, token) => (await fetch(url + path, token && { headers: { authorization: 'Bearer ' + token } })).status;
  const [alice, bob] = [await login('alice'), await login('bob')];
  for (const path of ['offers', 'orders', 'stock', 'tenants/t1']) console.log(path, await ask(path), await ask(path, alice), await ask(path, bob), await ask(path, 'x'));
`;
const SHOP_ANSWERS = [
  'offers 200 200 200 401',
  'orders 401 200 200 401',
  'stock 401 200 403 401',
  'tenants/t1 401 403 403 401',
];

it.each([
  [
    'guarded.ts',
    `
    import 'reflect-metadata';
    import { Module } from '@nestjs/common';
    import { APP_GUARD, NestFactory } from '@nestjs/core';
    import { GenAuthClient } from 'passport-genauth';
    import { GenAuthGuard, GenAuthModule } from 'passport-genauth/nest';
    import { ShopController } from './guarded.js';
    class AppModule {}
    const providers = [{ provide: APP_GUARD, useExisting: GenAuthGuard }];
    Module({ imports: [GenAuthModule.forRoot(options)], controllers: [ShopController], providers })(AppModule);
    const app = await NestFactory.create(AppModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    const client = app.get(GenAuthClient);
    const url = (await app.getUrl()) + '/shop/';
    const { documentApi } = await import('./openapi.js');
    const { paths } = documentApi(app);
    console.log(Object.entries(paths).map(([path, { get }]) => path.replace('/shop/', '') + ' ' + (get.responses[401] ? 1 : 0) + (get.responses[403] ? 1 : 0)).join());
    console.log((await fetch(url + 'goods')).status);
    ${SHOP}
    await app.close();`,
    ['goods 00,offers 10,orders 11,stock 11,tenants/{tenant} 11', '200', ...SHOP_ANSWERS],
  ],
  [
    'shop.js',
    `
    import express from 'express';
    import { GenAuthClient } from 'passport-genauth';
    import { makeShop } from './shop.js';
    const client = new GenAuthClient(options);
    const server = express().use('/shop', makeShop(client)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const url = 'http://127.0.0.1:' + server.address().port + '/shop/';
    ${SHOP}
    server.close();
    server.closeAllConnections();
    client.close();`,
    SHOP_ANSWERS,
  ],
])('%s guards', async (_name, code, answers) => {
  const emulator = await new GenAuthEmulator().start();
  const options = { ...emulator.clientOptions, scope: ['openid', 'email', 'phone', 'roles'] };
  const output = await run(code.replace(/^\s*(?=const|class)/m, `const options = ${JSON.stringify(options)};`));
  await emulator.stop();
  expect(output.split('\n')).toEqual(answers);
});

it('staff.ts takes the tokens of the staff app behind the global guard of another one', async () => {
  const emulators = [await new GenAuthEmulator().start(), await new GenAuthEmulator({ appId: 'staff-app' }).start()];
  const [customers, staff] = emulators.map(({ clientOptions }) => ({ ...clientOptions, scope: ['openid', 'roles'] }));
  const output = await run(`
    import 'reflect-metadata';
    import { Module } from '@nestjs/common';
    import { APP_GUARD, NestFactory } from '@nestjs/core';
    import { GenAuthGuard, GenAuthModule, getGenAuthClientToken } from 'passport-genauth/nest';
    import { StaffController } from './staff.js';
    class AppModule {}
    const imports = [
      GenAuthModule.forRoot(${JSON.stringify(customers)}),
      GenAuthModule.forRoot({ ...${JSON.stringify(staff)}, name: 'staff' }),
    ];
    const providers = [{ provide: APP_GUARD, useExisting: GenAuthGuard }];
    Module({ imports, controllers: [StaffController], providers })(AppModule);
    const app = await NestFactory.create(AppModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    const url = (await app.getUrl()) + '/staff/reports';
    console.log('no token', (await fetch(url)).status);
    for (const name of ['genauth', 'staff']) {
      for (const account of ['alice', 'bob']) {
        const { tokens } = await app.get(getGenAuthClientToken(name)).signIn({ account, password: 'passw0rd' });
        const headers = { authorization: 'Bearer ' + tokens.accessToken };
        console.log(name, account, (await fetch(url, { headers })).status);
      }
    }
    await app.close();`);
  for (const emulator of emulators) await emulator.stop();
  expect(output.split('\n')).toEqual([
    'no token 401',
    'genauth alice 401',
    'genauth bob 401',
    'staff alice 200',
    'staff bob 403',
  ]);
});

it('session.ts refreshes, asks, revokes and ends', async () => {
  const emulator = await new GenAuthEmulator().start();
  const options = { ...emulator.clientOptions, scope: ['openid', 'offline_access'] };
  const output = await run(`
    import { GenAuthClient } from 'passport-genauth';
    import { keepSignedIn } from './session.js';
    const client = new GenAuthClient(${JSON.stringify(options)});
    const { tokens, user } = await client.signIn({ account: 'alice', password: 'passw0rd' });
    console.log(user.sub);
    const url = new URL(await keepSignedIn(client, tokens));
    console.log(url.pathname, [...url.searchParams.keys()].join());
    client.close();
  `);
  await emulator.stop();
  const [sub] = output.split('\n');
  expect(output.split('\n')).toEqual([
    sub,
    `${sub} ${sub}`,
    'true',
    'false',
    '/oidc/session/end id_token_hint,post_logout_redirect_uri,state',
  ]);
});

it('pages.js signs in with a session, and out', async () => {
  const emulator = await new GenAuthEmulator().start();
  const output = await run(`
    process.env.SESSION_SECRET = crypto.randomUUID();
    const { GenAuthClient } = await import('passport-genauth');
    const { makePages } = await import('./pages.js');
    const client = new GenAuthClient(${JSON.stringify(emulator.clientOptions)});
    const server = makePages(client).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    let cookie = '';
    const ask = async (path, body) => {
      const answer = await fetch('http://127.0.0.1:' + server.address().port + path, {
        redirect: 'manual', headers: { cookie }, ...(body && { method: 'POST', body: new URLSearchParams(body) }),
      });
      cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? cookie;
      return answer.headers.get('location') ?? (await answer.text()).split(' ').slice(0, 2).join(' ');
    };
    console.log(await ask('/'), await ask('/login', { account: 'alice', password: 'wrong' }), await ask('/'));
    console.log(await ask('/login', { account: 'alice', password: 'passw0rd' }), await ask('/'));
    console.log(await ask('/logout', {}), await ask('/'));
    server.close();
    server.closeAllConnections();
    client.close();
  `);
  await emulator.stop();
  expect(output.split('\n')).toEqual(['not signed /login not signed', '/ signed in', '/ not signed']);
});

it.each([
  ['app.test.ts', 3],
  ['shop.test.js', 3],
])('%s passes under node:test', async (name, count) => {
  const file = join(FOLDER, 'out', name.replace('.ts', '.js'));
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', file], {
    cwd: join(FOLDER, 'out'),
    env: { PATH: process.env['PATH'] ?? '' },
    timeout: 30_000,
  });
  expect(stdout).toContain(`# pass ${count}\n# fail 0`);
});

it('users.json is a users file of the emulator, with states that it tells', async () => {
  const page = readFileSync(join(ROOT, 'docs/emulator.md'), 'utf8');
  const file = join(FOLDER, 'users.json');
  writeFileSync(file, /<!-- file: users\.json -->\n\n```json\n([^]*?)```/.exec(page)?.[1] ?? '');
  const emulator = await new GenAuthEmulator(await readUsersFile(file)).start();
  const client = new GenAuthClient(emulator.clientOptions);
  const kinds: string[] = [];
  for (const username of ['carol', 'dave', 'erin', 'frank']) {
    kinds.push((await client.signIn({ username, password: `${username} passw0rd` })).kind);
  }
  kinds.push((await client.signIn({ sAMAccountName: 'lisi', password: 'lisi passw0rd' })).kind);
  client.close();
  await emulator.stop();
  expect(kinds).toEqual(['success', 'password_change_required', 'mfa_required', 'access_denied', 'success']);
  expect(page).toContain('npx passport-genauth emulator --users users.json');
});

it('directory.ts checks names and passwords in the place of the AD accounts', async () => {
  const output = await run(`
    import { GenAuthClient } from 'passport-genauth';
    import { startEmulator } from './directory.js';
    const zhang = { password: 'p', displayName: '张三', mail: 'zhang@example.com', groups: ['admin'] };
    const emulator = await startEmulator(new Map([['zhang', zhang], ['li', { ...zhang, disabled: true }]]));
    const client = new GenAuthClient({ ...emulator.clientOptions, scope: ['openid', 'profile', 'email', 'roles'] });
    const signIn = (sAMAccountName, password = 'p') => client.signIn({ sAMAccountName, password });
    const { user } = await signIn('Zhang');
    console.log(user.name, user.email, user.roles.join());
    for (const [name, password] of [['zhang', 'wrong'], ['wang'], ['li'], ['li', 'wrong']]) console.log((await signIn(name, password)).kind);
    console.log(emulator.signIns.map(({ outcome }) => outcome).join());
    client.close();
    await emulator.stop();
  `);
  expect(output.split('\n')).toEqual([
    '张三 zhang@example.com admin',
    'invalid_credentials',
    'invalid_credentials',
    'access_denied',
    'invalid_credentials',
    'success,invalid_credentials,invalid_credentials,account_disabled,invalid_credentials',
  ]);
});

it('development.module.ts starts an emulator, or asks the tenant', async () => {
  const tenant = await new GenAuthEmulator({ appId: 'tenant' }).start();
  const sign = (settings: object): Promise<string> =>
    run(`
      import 'reflect-metadata';
      import { NestFactory } from '@nestjs/core';
      import { GenAuthClient } from 'passport-genauth';
      Object.assign(process.env, ${JSON.stringify(settings)});
      const { AppModule } = await import('./development.module.js');
      const app = await NestFactory.create(AppModule, { logger: false });
      await app.listen(0, '127.0.0.1');
      const { tokens } = await app.get(GenAuthClient).signIn({ account: 'alice', password: 'passw0rd' });
      const headers = { authorization: 'Bearer ' + tokens.accessToken };
      const { status } = await fetch(await app.getUrl() + '/shop/stock', { headers });
      console.log(app.get(GenAuthClient).options.appId, status);
      await app.close();
    `);
  const { appId, appSecret, url } = tenant;
  const settings = { GENAUTH_APP_ID: appId, GENAUTH_APP_SECRET: appSecret, GENAUTH_APP_HOST: url };
  expect([await sign({}), tenant.signIns.length]).toEqual(['genauth-emulator-app 200', 0]);
  expect([await sign(settings), tenant.signIns.length]).toEqual(['tenant 200', 1]);
  await tenant.stop();
});

it('emulator.md names only what the emulator has', () => {
  const page = readFileSync(join(ROOT, 'docs/emulator.md'), 'utf8');
  const paths = CONTROL_OPERATIONS.map(({ path }) => path.replace(':account', ''));
  for (const [, path = ''] of page.matchAll(/(?:GET|POST|PATCH|DELETE) (?:\/emulator\/v1)?(\/[a-z-]+)/g)) {
    expect([path, paths.some((known) => known.startsWith(path))]).toEqual([path, true]);
  }
  for (const [, name = ''] of page.matchAll(/`([a-z]\w+)\(/gi)) {
    expect([name, name in GenAuthEmulator.prototype || name === 'GenAuthEmulator']).toEqual([name, true]);
  }
});

it('examine.ts finds what is wrong', async () => {
  const emulator = await new GenAuthEmulator().start();
  const { clientOptions } = emulator;
  const output = await run(`
    import { examine } from './examine.js';
    console.log(JSON.stringify(await examine(${JSON.stringify(clientOptions)})));
    console.log(JSON.stringify(await examine(${JSON.stringify({ ...clientOptions, appSecret: 'wrong' })})));
  `);
  await emulator.stop();
  const [good = '', bad = ''] = output.split('\n');
  expect(JSON.parse(good)).toEqual([]);
  expect((JSON.parse(bad) as string[]).length).toBeGreaterThan(0);
});

it('links to files that exist', () => {
  for (const page of [...PAGES, 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']) {
    const text = readFileSync(join(ROOT, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      expect([page, target, existsSync(join(ROOT, dirname(page), target))]).toEqual([page, target, true]);
    }
  }
});
