import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { CONTROL_OPERATIONS } from '../../src/emulator/control/control.js';
import { GenAuthEmulator, readUsersFile } from '../../src/emulator/index.js';
import { GenAuthClient } from '../../src/index.js';
import { ROOT, startNode } from '../support/process.js';
import {
  GOOD_LOGIN,
  HAS_CURL,
  PAGES,
  describeResponse,
  readCommands,
  readExamples,
  readRequests,
  readSnippets,
  runRequests,
  startServer,
  tryLogin,
} from '../support/readme.js';

// The folder is inside the project, so that the snippets find the built package by its public name.
const FOLDER = join(ROOT, 'test/.tmp/docs');
const OUT = join(FOLDER, 'out');
const snippets = new Map(PAGES.flatMap((page) => [...readSnippets(page)]));
const readText = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

beforeAll(() => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  for (const [name, code] of snippets) writeFileSync(join(FOLDER, name.endsWith('.js') ? `out/${name}` : name), code);
  [...readExamples()].forEach(([name, code], i) => {
    // The compiler names the file of a mistake. The export makes each file a module.
    const file = `example-${i + 1}-${name.replaceAll(/\W+/g, '-')}.ts`;
    writeFileSync(join(FOLDER, file), `${code}\nexport {};\n`);
  });
  // Applications compile in strict mode, and most of them without our other checks.
  const settings = { strict: true, noImplicitOverride: false, emitDecoratorMetadata: false };
  const output = { rootDir: '.', outDir: 'out', declaration: false, sourceMap: false, declarationMap: false };
  writeFileSync(
    join(FOLDER, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../../tsconfig.build.json',
      compilerOptions: { ...settings, ...output },
      include: ['*.ts'],
      exclude: ['out'],
    }),
  );
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const { stdout, status } = spawnSync(process.execPath, [compiler, '-p', FOLDER], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stdout);
}, 60_000);

/** Runs a program that may import the snippets. Returns the lines that it prints. */
async function run(code: string): Promise<string[]> {
  const program = startNode(['--input-type=module', '-e', `${code}; console.log('the end')`], {}, OUT);
  await program.line(/^the end$/);
  await program.stop();
  return program.output().split('\n').slice(0, -1);
}

const startEmulator = (options?: ConstructorParameters<typeof GenAuthEmulator>[0]) =>
  new GenAuthEmulator(options).start();
/** Source text of the options for an emulator. */
const optionsOf = ({ clientOptions }: GenAuthEmulator, scope = ['openid', 'email', 'phone', 'roles']): string =>
  JSON.stringify({ ...clientOptions, scope });

/** The code of a built snippet with these replacements. */
function edit(name: string, replacements: readonly (readonly [old: string, replacement: string])[]): string {
  return replacements.reduce(
    (code, [old, replacement]) => {
      if (!code.includes(old)) throw new Error(`${name} does not contain ${old}`);
      return code.replace(old, replacement);
    },
    readFileSync(join(OUT, name), 'utf8'),
  );
}

// The changes that the pages describe before their curl lines.
const SHOP_SCOPE = ["'openid', 'profile', 'email'", "'openid', 'email', 'phone', 'roles'"] as const;
const addImport = (line: string) => ['import ', `${line}\nimport `] as const;
const NEST_SHOP = [
  SHOP_SCOPE,
  addImport("import { ShopController } from './guarded.js';"),
  ['controllers: [AppController]', 'controllers: [AppController, ShopController]'],
] as const;
const EXPRESS_SHOP = [
  SHOP_SCOPE,
  addImport("import { makeShop } from './shop.js';"),
  ['app.use(genAuthErrorHandler(client))', "app.use('/shop', makeShop(client));\napp.use(genAuthErrorHandler(client))"],
] as const;
const DOCUMENTED = [
  addImport("import { documentApi } from './openapi.js';"),
  [
    'await (await NestFactory.create(AppModule)).listen(3000);',
    'const app = await NestFactory.create(AppModule); documentApi(app); await app.listen(3000);',
  ],
] as const;
const STAFF = [
  addImport("import { APP_GUARD } from '@nestjs/core';"),
  addImport("import { GenAuthGuard } from 'passport-genauth/nest';"),
  addImport("import { StaffController } from './staff.js';"),
  [
    'controllers: [LoginController],',
    `controllers: [LoginController, StaffController],
    providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }],`,
  ],
] as const;
const PAGES_SERVER = [
  addImport("import { makePages } from './pages.js';"),
  ['app.listen(3000)', 'makePages(client).listen(3000)'],
] as const;
const START_TWO_APPS = `
  import { NestFactory } from '@nestjs/core';
  import { GenAuthEmulator } from 'passport-genauth/emulator';
  const start = async (username, password) => {
    const emulator = new GenAuthEmulator({ users: [{ username, password, roles: ['admin'] }] });
    return { ...(await emulator.start()).clientOptions, scope: ['openid', 'roles'] };
  };
  const app = await NestFactory.create(makeModule(await start('carol', 'c'), await start('steve', 's')));
  await app.listen(3000);`;
const START_DEVELOPMENT = `
  import { NestFactory } from '@nestjs/core';
  await (await NestFactory.create(AppModule)).listen(3000);`;
const START_EMULATOR = `
  import { GenAuthEmulator } from 'passport-genauth/emulator';
  await new GenAuthEmulator({ port: 3999 }).start();`;

describe('the pages', () => {
  it('have these snippets, and all of them compile', () => {
    const names = `app.module.ts app.test.ts development.module.ts directory.ts emulator.ts events.ts examine.ts
      guarded.ts nest.ts openapi.ts options.ts outcomes.ts pages.js server.js session.ts shop.js shop.test.js staff.ts
      two-apps.ts types.ts`;
    expect([...snippets.keys()].sort()).toEqual(names.split(/\s+/));
    const built = [...snippets.keys()].map((name) => join(OUT, name.replace('.ts', '.js')));
    expect(built.filter((file) => !existsSync(file))).toEqual([]);
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
  ])('and the doc comment of %s have examples that compile', (name) => {
    expect([...readExamples().keys()]).toContain(name);
  });

  it.each([...PAGES, 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'])('%s links to files that exist', (page) => {
    const targets = [...readText(page).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target = '']) => target);
    expect(targets.filter((target) => !existsSync(join(ROOT, dirname(page), target)))).toEqual([]);
  });

  it.each(['README.md', 'CONTRIBUTING.md'])('%s names only npm scripts that exist', (page) => {
    const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> };
    const names = [...readText(page).matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name);
    expect(names.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });
});

if (!HAS_CURL) process.stderr.write('SKIPPED the curl lines in test/e2e/docs.test.ts: bash or curl is missing.\n');
const itWithCurl = HAS_CURL ? it : it.skip;

itWithCurl.each([
  ['docs/guarding.md', 'snippet: guarded.ts', 8, () => edit('nest.js', NEST_SHOP)],
  ['docs/guarding.md', 'snippet: openapi.ts', 1, () => edit('nest.js', [...NEST_SHOP, ...DOCUMENTED])],
  ['docs/guarding.md', 'snippet: staff.ts', 5, () => edit('two-apps.js', STAFF) + START_TWO_APPS],
  ['docs/guarding.md', 'snippet: shop.js', 6, () => edit('server.js', EXPRESS_SHOP)],
  ['docs/guarding.md', 'snippet: pages.js', 5, () => edit('server.js', PAGES_SERVER)],
  ['docs/sign-in.md', 'snippet: two-apps.ts', 3, () => edit('two-apps.js', []) + START_TWO_APPS],
  [
    'docs/emulator.md',
    'snippet: development.module.ts',
    2,
    () => edit('development.module.js', []) + START_DEVELOPMENT,
  ],
  ['docs/emulator.md', '## Control over HTTP', 4, () => START_EMULATOR],
])('%s: the curl lines after "%s" get the responses that the page shows', async (page, marker, count, makeProgram) => {
  const { lines, shown } = readRequests(page, marker);
  expect(lines).toHaveLength(count);
  writeFileSync(join(OUT, 'program.js'), makeProgram());
  const server = await startServer('program.js', OUT, { SESSION_SECRET: 'any text' });
  const printed = await runRequests(lines, server.url, OUT);
  await server.process.stop();
  const requests = lines.map((line, i) => [line, printed[i] ?? ''] as const).filter(([, text]) => text !== '');
  expect(requests.map(([line, text]) => describeResponse(line, text))).toEqual(shown);
});

describe('README.md', () => {
  const [nest, server] = [join(OUT, 'nest.js'), join(OUT, 'server.js')];

  it('has at most 3,500 words', () => {
    expect(readText('README.md').split(/\s+/).length).toBeLessThanOrEqual(3_500);
  });

  it.each([
    ['nest.ts', nest],
    ['server.js', server],
  ])('%s signs in and guards', async (_name, file) => {
    const running = await startServer(file, FOLDER);
    const result = await tryLogin(running.url);
    await running.process.stop();
    expect(result).toEqual(GOOD_LOGIN);
  });

  itWithCurl.each([
    ['nest.ts', nest],
    ['server.js', server],
  ])('the curl lines for %s sign alice in and show the user of her token', async (snippet, file) => {
    const { lines } = readRequests('README.md', `<!-- snippet: ${snippet} -->`);
    const running = await startServer(file, FOLDER);
    const printed = await runRequests(lines, running.url);
    await running.process.stop();
    const [login, token, me] = printed.map((text) => JSON.parse(text || '{}') as Record<string, unknown>);
    const user = { email: 'alice@example.com', sub: me?.['sub'] };
    expect([login, token]).toEqual([{ user: expect.objectContaining(user), accessToken: expect.any(String) }, {}]);
  });

  it('options.ts is accepted', async () => {
    const code = `console.log((await import('./options.js')).options.scope.join())`;
    expect(await run(code)).toEqual(['openid,profile,email,roles']);
  });

  it('emulator.ts prints what its comments say', async () => {
    expect(await run(`await import('./emulator.js')`)).toEqual([
      "[ 'editor' ] 203.0.113.7",
      'token_expired',
      'mfa_required',
    ]);
  });

  it('installs the package in one section only', () => {
    // The first release changes that section.
    const others = ['Try it', 'Nest', 'Express'].flatMap((section) => readCommands(section));
    expect(others.filter((line) => /npm install.*passport-genauth/.test(line))).toEqual([]);
  });

  it('has only commands that CI or a test runs', () => {
    expect(readCommands()).toEqual([
      'git clone "$REPOSITORY" passport-genauth && cd passport-genauth',
      'npm install && npm start',
      'npm install && npm test',
      ...['Install', 'Nest', 'Express'].flatMap((section) => readCommands(section)),
      'npx passport-genauth doctor --env .env',
      'npx passport-genauth emulator --port 3999',
    ]);
  });
});

describe('docs/sign-in.md', () => {
  it('outcomes.ts explains an outcome', async () => {
    const outcome = { kind: 'mfa_required', applicationMfa: [{ mfaPolicy: 'SMS' }, { mfaPolicy: 'OTP' }] };
    const code = `import { explain } from './outcomes.js'; console.log(explain(${JSON.stringify(outcome)}))`;
    expect(await run(code)).toEqual(['second factor required: SMS, OTP']);
  });

  it('types.ts signs in, and events.ts prints the event', async () => {
    const users = [{ username: 'alice', password: 'passw0rd', extended_fields: { school: 'pku' } }];
    await using emulator = await startEmulator({ users });
    const [event = '', school] = await run(`
      import './events.js';
      import { signIn } from './types.js';
      console.log(await signIn(${optionsOf(emulator, ['openid', 'extended_fields'])}));`);
    expect(JSON.parse(event)).toEqual({
      result: 'success',
      requestId: expect.any(String),
      duration: expect.any(Number),
      text: expect.stringContaining('200'),
    });
    expect(school).toBe('pku');
  });

  it('session.ts refreshes, introspects, revokes and builds the logout URL', async () => {
    await using emulator = await startEmulator();
    const [sub, ...lines] = await run(`
      import { GenAuthClient } from 'passport-genauth';
      import { keepSignedIn } from './session.js';
      const client = new GenAuthClient(${optionsOf(emulator, ['openid', 'offline_access'])});
      const { tokens, user } = await client.signIn({ account: 'alice', password: 'passw0rd' });
      console.log(user.sub);
      const url = new URL(await keepSignedIn(client, tokens));
      console.log(url.pathname, [...url.searchParams.keys()].join());
      client.close();`);
    const logout = '/oidc/session/end id_token_hint,post_logout_redirect_uri,state';
    expect(lines).toEqual([`${sub} ${sub}`, 'true', 'false', logout]);
  });
});

it.each([
  ['app.test.ts', 3],
  ['shop.test.js', 3],
])('docs/testing.md: %s passes under node:test', async (name, count) => {
  const args = ['--test', '--test-reporter=tap', join(OUT, name.replace('.ts', '.js'))];
  const env = { PATH: process.env['PATH'] ?? '' };
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: OUT, env, timeout: 30_000 });
  expect(stdout).toContain(`# pass ${count}\n# fail 0`);
});

it('docs/doctor.md: examine.ts finds a wrong secret', async () => {
  await using emulator = await startEmulator();
  const [good = '', bad = ''] = await run(`
    import { examine } from './examine.js';
    const options = ${optionsOf(emulator)};
    console.log(JSON.stringify(await examine(options)));
    console.log(JSON.stringify(await examine({ ...options, appSecret: 'wrong' })));`);
  expect([JSON.parse(good), JSON.parse(bad)]).toEqual([[], expect.arrayContaining([expect.any(String)])]);
});

describe('docs/emulator.md', () => {
  const page = readText('docs/emulator.md');

  it('users.json is a users file with these states', async () => {
    const file = join(FOLDER, 'users.json');
    writeFileSync(file, /<!-- file: users\.json -->\n\n```json\n([^]*?)```/.exec(page)?.[1] ?? '');
    await using emulator = await startEmulator(await readUsersFile(file));
    const client = new GenAuthClient(emulator.clientOptions);
    const signIn = (username: string) => client.signIn({ username, password: `${username} passw0rd` });
    const outcomes = await Promise.all([
      ...['carol', 'dave', 'erin', 'frank'].map(signIn),
      client.signIn({ sAMAccountName: 'lisi', password: 'lisi passw0rd' }),
    ]);
    client.close();
    const kinds = ['success', 'password_change_required', 'mfa_required', 'access_denied', 'success'];
    expect(outcomes.map(({ kind }) => kind)).toEqual(kinds);
    expect(page).toContain('npx passport-genauth emulator --users users.json');
  });

  it('directory.ts checks names and passwords of Active Directory sign-ins', async () => {
    const output = await run(`
      import { GenAuthClient } from 'passport-genauth';
      import { startEmulator } from './directory.js';
      const zhang = { password: 'p', displayName: '张三', mail: 'zhang@example.com', groups: ['admin'] };
      const emulator = await startEmulator(new Map([['zhang', zhang], ['li', { ...zhang, disabled: true }]]));
      const client = new GenAuthClient({ ...emulator.clientOptions, scope: ['openid', 'profile', 'email', 'roles'] });
      const signIn = (sAMAccountName, password = 'p') => client.signIn({ sAMAccountName, password });
      const { user } = await signIn('Zhang');
      console.log(user.name, user.email, user.roles.join());
      for (const args of [['zhang', 'wrong'], ['wang'], ['li'], ['li', 'wrong']]) await signIn(...args);
      for (const { outcome } of emulator.signIns) console.log(outcome);
      client.close();
      await emulator.stop();`);
    expect(output).toEqual([
      '张三 zhang@example.com admin',
      'success',
      'invalid_credentials',
      'invalid_credentials',
      'account_disabled',
      'invalid_credentials',
    ]);
  });

  it('development.module.ts starts an emulator, or uses the tenant of the environment', async () => {
    await using tenant = await startEmulator({ appId: 'tenant' });
    const signIn = (settings: object): Promise<string[]> =>
      run(`
        import 'reflect-metadata';
        import { GenAuthClient } from 'passport-genauth';
        Object.assign(process.env, ${JSON.stringify(settings)});
        const { AppModule } = await import('./development.module.js');
        const { NestFactory } = await import('@nestjs/core');
        const app = await NestFactory.create(AppModule, { logger: false });
        await app.listen(0, '127.0.0.1');
        const { tokens } = await app.get(GenAuthClient).signIn({ account: 'alice', password: 'passw0rd' });
        const headers = { authorization: 'Bearer ' + tokens.accessToken };
        const { status } = await fetch(await app.getUrl() + '/shop/stock', { headers });
        console.log(app.get(GenAuthClient).options.appId, status);
        await app.close();`);
    const { appId, appSecret, url } = tenant;
    const settings = { GENAUTH_APP_ID: appId, GENAUTH_APP_SECRET: appSecret, GENAUTH_APP_HOST: url };
    expect([await signIn({}), tenant.signIns.length]).toEqual([['genauth-emulator-app 200'], 0]);
    expect([await signIn(settings), tenant.signIns.length]).toEqual([['tenant 200'], 1]);
  });

  it('names only methods and control paths that the emulator has', () => {
    const known = CONTROL_OPERATIONS.map(({ path }) => path.replace(':account', ''));
    const paths = [...page.matchAll(/(?:GET|POST|PATCH|DELETE) (?:\/emulator\/v1)?(\/[a-z-]+)/g)].map(
      ([, path = '']) => path,
    );
    expect(paths.filter((path) => !known.some((each) => each.startsWith(path)))).toEqual([]);
    const methods = [...page.matchAll(/`([a-z]\w+)\(/gi)].map(([, name = '']) => name);
    const unknown = methods.filter((name) => !(name in GenAuthEmulator.prototype) && name !== 'GenAuthEmulator');
    expect(unknown).toEqual([]);
  });
});
