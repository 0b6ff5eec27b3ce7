import { jest } from '@jest/globals';
import { Controller, Get, Module, Req, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import express from 'express';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { io } from 'socket.io-client';
import { CONTROL_OPERATIONS } from '../../src/emulator/control/control.js';
import { GenAuthEmulator, readUsersFile } from '../../src/emulator/index.js';
import { GenAuthClient, type GenAuthOptions, type SignInOutcome } from '../../src/index.js';
import { START, User } from '../redirect/user.js';
import { send } from '../support/nest-app.js';
import { ROOT } from '../support/process.js';
import { describeWithRedis, useRedis } from '../support/redis.js';
import { startWebServer } from '../support/web-server.js';
import {
  GOOD_LOGIN,
  HAS_CURL,
  PAGES,
  type ProgramHost,
  describeResponse,
  readBlocks,
  readCommands,
  readExamples,
  readRequests,
  readSnippets,
  runRequests,
  startHost,
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
  readOptionExamples().forEach(([type, code], i) => {
    writeFileSync(
      join(FOLDER, `option-${i + 1}.ts`),
      `${OPTION_IMPORTS}export const o: Partial<${type}> = {\n${code}};\n`,
    );
  });
  // The compiler names the file of a mistake. The export makes each file a module.
  readExamples().forEach(([file, code], i) => {
    writeFileSync(join(FOLDER, `example-${i + 1}-${file.replaceAll(/\W+/g, '-')}.ts`), `${code}\nexport {};\n`);
  });
  // Applications compile in strict mode, and most of them without our other checks.
  const settings = { strict: true, noImplicitOverride: false, emitDecoratorMetadata: false };
  const output = { rootDir: '.', outDir: 'out', declaration: false, sourceMap: false, declarationMap: false };
  // Otherwise the compiler would overwrite the build information of `dist`.
  const incremental = { incremental: false, tsBuildInfoFile: null };
  const config = {
    extends: '../../../tsconfig.build.json',
    compilerOptions: { ...settings, ...output, ...incremental },
  };
  writeFileSync(join(FOLDER, 'tsconfig.json'), JSON.stringify({ ...config, include: ['*.ts'], exclude: ['out'] }));
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const { stdout, status } = spawnSync(process.execPath, [compiler, '-p', FOLDER], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stdout);
}, 60_000);

/** What the examples of single options use. */
const OPTION_IMPORTS = `
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type { SignInOptions } from 'passport-genauth';
import type { GenAuthModuleOptions } from 'passport-genauth/nest';
import { RedisLoginStore, RedisRefreshStore } from 'passport-genauth/redis';
import type { RedirectOptions } from 'passport-genauth/redirect';
import type { UsersService } from './users.service.js';
declare const redis: Redis;
declare const users: UsersService;
declare const vault: { read(name: string): Promise<string> };
`;

/** The examples of single options, each with the type that has the option. */
function readOptionExamples(): (readonly [type: string, code: string])[] {
  return PAGES.flatMap(readBlocks).flatMap(({ comment, code }) => {
    const type = /^options: (\w+)$/.exec(comment ?? '')?.[1];
    return type === undefined ? [] : [[type, code] as const];
  });
}

type SignInSuccess = Extract<SignInOutcome, { kind: 'success' }>;

/** Loads a built snippet into this process. */
const load = <T>(name: string): Promise<T> => import(join(OUT, name)) as Promise<T>;
/** Keeps what the snippets print out of the output of the tests. */
const printed = jest.spyOn(console, 'log').mockImplementation(() => {});
beforeEach(() => printed.mockClear());

const startEmulator = (options?: ConstructorParameters<typeof GenAuthEmulator>[0]) =>
  new GenAuthEmulator(options).start();
/** The code of a built snippet with these replacements. */
function edit(name: string, replacements: readonly (readonly [old: string, replacement: string])[] = []): string {
  let code = readFileSync(join(OUT, name), 'utf8');
  for (const [old, replacement] of replacements) {
    if (!code.includes(old)) throw new Error(`${name} does not contain ${old}`);
    code = code.replace(old, replacement);
  }
  return code;
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
const OPENAPI = [
  ...NEST_SHOP,
  addImport("import { documentApi } from './openapi.js';"),
  ["await app.listen(3000, '127.0.0.1');", "documentApi(app);\nawait app.listen(3000, '127.0.0.1');"],
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
  ['app.listen(', 'makePages(client).listen('],
] as const;
const NEST_LOGINS = [
  addImport("import { LoginsController } from './nest-logins.js';"),
  ['controllers: [AppController]', 'controllers: [AppController, LoginsController]'],
] as const;
const EXPRESS_LOGINS = [
  addImport("import { addLogins } from './express-logins.js';"),
  ['app.use(genAuthErrorHandler(client))', 'addLogins(app, client);\napp.use(genAuthErrorHandler(client))'],
] as const;
const SEVERAL = [
  addImport("import { ApiKeyStrategy, SeveralController } from './several.js';"),
  ['controllers: [AppController]', 'controllers: [AppController, SeveralController]'],
  ['providers: [globalGuard]', 'providers: [ApiKeyStrategy, globalGuard]'],
] as const;
const DEFAULTS = [
  addImport("import { DefaultModule } from './defaults.js';"),
  ['imports: [GenAuthModule.forRoot(options)]', 'imports: [DefaultModule, GenAuthModule.forRoot(options)]'],
] as const;
const STRATEGY_CLASS = [
  addImport("import { AppPasswordStrategy } from './app-password.strategy.js';"),
  ['verify: (_req, { sub, email }) => users.register(sub, email),', ''],
  ['providers: [globalGuard]', 'providers: [AppPasswordStrategy, globalGuard]'],
  ['GenAuthLoginGuard, GenAuthModule', 'GenAuthPasswordGuard, GenAuthModule'],
  ['UseGuards(GenAuthLoginGuard)', 'UseGuards(GenAuthPasswordGuard)'],
] as const;
const MEMBER_PAGES = [
  addImport("import { makeMemberPages } from './member-pages.js';"),
  ['app.listen(', 'makeMemberPages(client).listen('],
] as const;
const SESSION_PAGES = [
  addImport("import session from 'express-session';"),
  addImport("import passport from 'passport';"),
  addImport("import { refuseCrossSite } from 'passport-genauth';"),
  addImport("import { PagesController, UserSerializer } from './session-pages.js';"),
  ['controllers: [AccountController]', 'controllers: [AccountController, PagesController]'],
  ['providers: [globalGuard]', 'providers: [UserSerializer, globalGuard]'],
  [
    "await (await NestFactory.create(AppModule)).listen(3000, '127.0.0.1');",
    /replace the last line by[^]*?```js\n([^]*?)```/i.exec(readText('docs/your-own-users.md'))?.[1] ?? '',
  ],
] as const;
// Passport keeps the functions that serialize users until the process ends, so these programs need a process each.
const NEED_OWN_PROCESS: readonly string[] = ['pages.js', 'member-pages.js', 'session-pages.ts'];
const START_TWO_APPS = `
  import { NestFactory } from '@nestjs/core';
  import { GenAuthEmulator } from 'passport-genauth/emulator';
  const start = async (username, password) => {
    const emulator = new GenAuthEmulator({ users: [{ username, password, roles: ['admin'] }] });
    return { ...(await emulator.start()).clientOptions, scope: ['openid', 'roles'] };
  };
  const app = await NestFactory.create(makeModule(await start('carol', 'c'), await start('steve', 's')));
  await app.listen(3000, '127.0.0.1');`;
const START_DEVELOPMENT = `
  import { NestFactory } from '@nestjs/core';
  await (await NestFactory.create(AppModule)).listen(3000, '127.0.0.1');`;
const START_EMULATOR = `
  import { GenAuthEmulator } from 'passport-genauth/emulator';
  await new GenAuthEmulator({ port: 3999 }).start();`;

describe('the pages', () => {
  it('have these snippets, and all of them compile', () => {
    const names = `accounts.js app-password.strategy.ts app.module.ts app.test.ts defaults.ts development.module.ts
      directory.ts emulator.ts environment.ts error-interceptor.ts events.ts examine.ts express-logins.js
      express-user.ts fastify-session.ts fastify.ts gateway.ts graphql.ts guarded.ts health.controller.ts
      hosted-page.module.ts hosted-page.ts member-pages.js migrate-jwt.js migrate-ldap.js migrate-sdk.ts
      nest-logins.ts nest.ts openapi.ts options.ts outcomes.ts own-users.ts pages.js production.ts protect.js
      server.js session-app.ts session-pages.ts session.ts several.ts shared-host.ts shop.js shop.test.js staff.ts
      telemetry.ts two-apps.ts typed-decorators.ts types.ts unguarded.ts users.js users.service.ts`;
    expect([...snippets.keys()].sort()).toEqual(names.split(/\s+/));
    const built = [...snippets.keys()].map((name) => join(OUT, name.replace('.ts', '.js')));
    expect(built.filter((file) => !existsSync(file))).toEqual([]);
  });

  it('name only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> };
    const text = [...PAGES, 'CONTRIBUTING.md'].map(readText).join('');
    const names = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name);
    const { scripts: benchmarks } = JSON.parse(readText('bench/package.json')) as { scripts: Record<string, string> };
    // `npm run dev` is a script of the reader's application.
    const known = { ...scripts, ...benchmarks, dev: '' };
    expect(names.filter((name) => !Object.hasOwn(known, name))).toEqual([]);
  });
});

if (!HAS_CURL) process.stderr.write('SKIPPED the curl lines in test/e2e/docs.test.ts: bash or curl is missing.\n');
const itWithCurl = HAS_CURL ? it : it.skip;

const HOST_ENVIRONMENT = { SESSION_SECRET: 'any text', GENAUTH_EMULATOR: '1' };
let host: ProgramHost;
beforeAll(async () => {
  host = await startHost(OUT, HOST_ENVIRONMENT);
});
afterAll(() => host.stop());

itWithCurl.each([
  ['docs/nest.md', 'snippet: nest-logins.ts', 3, () => edit('nest.js', NEST_LOGINS)],
  ['docs/nest.md', 'snippet: guarded.ts', 8, () => edit('nest.js', NEST_SHOP)],
  ['docs/nest.md', 'snippet: several.ts', 7, () => edit('nest.js', SEVERAL)],
  ['docs/nest.md', 'snippet: defaults.ts', 1, () => edit('nest.js', DEFAULTS)],
  ['docs/nest.md', 'snippet: two-apps.ts', 3, () => edit('two-apps.js') + START_TWO_APPS],
  ['docs/nest.md', 'snippet: staff.ts', 5, () => edit('two-apps.js', STAFF) + START_TWO_APPS],
  ['docs/nest.md', 'snippet: openapi.ts', 2, () => edit('nest.js', OPENAPI)],
  ['docs/nest-on-fastify.md', 'snippet: fastify.ts', 4, () => edit('fastify.js')],
  ['docs/express.md', 'snippet: express-logins.js', 5, () => edit('server.js', EXPRESS_LOGINS)],
  ['docs/express.md', 'snippet: shop.js', 6, () => edit('server.js', EXPRESS_SHOP)],
  ['docs/sessions.md', 'snippet: pages.js', 5, () => edit('server.js', PAGES_SERVER)],
  ['docs/your-own-users.md', 'snippet: own-users.ts', 5, () => edit('own-users.js')],
  ['docs/your-own-users.md', 'snippet: app-password.strategy.ts', 5, () => edit('own-users.js', STRATEGY_CLASS)],
  ['docs/your-own-users.md', 'snippet: accounts.js', 5, () => edit('accounts.js')],
  ['docs/your-own-users.md', 'snippet: member-pages.js', 5, () => edit('server.js', MEMBER_PAGES)],
  ['docs/your-own-users.md', 'snippet: session-pages.ts', 5, () => edit('own-users.js', SESSION_PAGES)],
  ['docs/emulator.md', 'snippet: development.module.ts', 2, () => edit('development.module.js') + START_DEVELOPMENT],
  ['docs/emulator.md', '## Control over HTTP', 4, () => START_EMULATOR],
])('%s: the curl lines after "%s" get the responses that the page shows', async (page, marker, count, makeProgram) => {
  const { lines, shown } = readRequests(page, marker);
  expect(lines).toHaveLength(count);
  const program = join(OUT, `program-${marker.replaceAll(/\W+/g, '-')}.js`);
  writeFileSync(program, makeProgram());
  const needsOwn = NEED_OWN_PROCESS.includes(marker.replace('snippet: ', ''));
  const used = needsOwn ? await startHost(OUT, HOST_ENVIRONMENT) : host;
  const texts = await runRequests(lines, await used.serve(program), OUT);
  if (needsOwn) await used.stop();
  const requests = lines.map((line, i) => [line, texts[i] ?? ''] as const).filter(([, text]) => text !== '');
  expect(requests.map(([line, text]) => describeResponse(line, text))).toEqual(shown);
});

describe('README.md', () => {
  itWithCurl.each([
    ['Nest', 'nest.js'],
    ['Express', 'server.js'],
  ])('the example for %s signs in and guards, also by the curl lines', async (_framework, file) => {
    const url = await host.serve(join(OUT, file));
    expect(await tryLogin(url)).toEqual(GOOD_LOGIN);
    // Both examples are called by the same lines.
    const texts = await runRequests(readRequests('README.md', '## Sign in with Nest').lines, url);
    const [login, token, me] = texts.map((text) => JSON.parse(text || '{}') as Record<string, unknown>);
    const user = { email: 'alice@example.com', sub: me?.['sub'] };
    expect([login, token]).toEqual([{ user: expect.objectContaining(user), accessToken: expect.any(String) }, {}]);
  });

  it('protect.js reads the tenant from the environment, and accepts only its access tokens', async () => {
    await using emulator = await startEmulator();
    const { appId, appSecret = '', appHost } = emulator.clientOptions;
    const tenant = { GENAUTH_APP_ID: appId, GENAUTH_APP_SECRET: appSecret, GENAUTH_APP_HOST: appHost };
    const own = await startHost(OUT, tenant);
    const url = `${await own.serve(join(OUT, 'protect.js'))}/me`;
    const client = new GenAuthClient(emulator.clientOptions);
    const { tokens, user } = (await client.signIn({ account: 'alice', password: 'passw0rd' })) as SignInSuccess;
    const get = (token: string) => fetch(url, { headers: { authorization: `Bearer ${token}` } });
    expect([(await fetch(url)).status, (await get(tokens.idToken)).status]).toEqual([401, 401]);
    expect(await (await get(tokens.accessToken)).json()).toMatchObject({ sub: user.sub });
    await Promise.all([client.close(), own.stop()]);
  });

  it("shows the table that npm run compare:sdk prints about the vendor's SDK", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['.ci/compare-sdk.mjs'], { cwd: ROOT });
    const [, , ...rows] = stdout.trim().split('\n');
    const readme = readText('README.md').replaceAll(/ {2,}/g, ' ');
    expect(rows).toHaveLength(11);
    expect(rows.filter((row) => !readme.includes(row.replaceAll(/ {2,}/g, ' ')))).toEqual([]);
    const codes = stdout.match(/`[^`]+`/g) ?? [];
    const chinese = readText('README.zh-CN.md');
    expect(codes.filter((code) => !chinese.includes(code))).toEqual([]);
  });

  it('has only commands that CI or a test runs', () => {
    expect(readCommands()).toEqual([
      ...['Install', 'Sign in with Nest', 'Sign in with Express'].flatMap((section) => readCommands(section)),
      'npx passport-genauth doctor --env .env',
      'npx passport-genauth emulator --port 3999',
    ]);
  });
});

describe('docs/options.md, docs/outcomes.md, docs/observability.md and docs/sessions.md', () => {
  it('options.ts is accepted', async () => {
    const { options } = await load<{ options: GenAuthOptions }>('options.js');
    const client = new GenAuthClient(options);
    void client.close();
    expect(client.options.scope).toEqual(['openid', 'profile', 'email', 'roles']);
  });

  it('shared-host.ts is accepted', async () => {
    const { options } = await load<{ options: GenAuthOptions }>('shared-host.js');
    const client = new GenAuthClient(options);
    void client.close();
    expect(client.options.issuer).toEqual(['https://example.authing.cn/oidc']);
  });

  it('outcomes.ts explains an outcome', async () => {
    const { explain } = await load<{ explain: (outcome: object) => string }>('outcomes.js');
    const outcome = { kind: 'mfa_required', applicationMfa: [{ mfaPolicy: 'SMS' }, { mfaPolicy: 'OTP' }] };
    expect(explain(outcome)).toBe('second factor required: SMS, OTP');
  });

  it('types.ts signs in, and events.ts prints the event', async () => {
    const users = [{ username: 'alice', password: 'passw0rd', extended_fields: { school: 'pku' } }];
    await using emulator = await startEmulator({ users });
    const options = { ...emulator.clientOptions, scope: ['openid', 'extended_fields'] };
    // The subscriber of events.js exists until the process ends, so the program needs its own process.
    const program = `import './events.js'; import { signIn } from './types.js';
      console.log(await signIn(${JSON.stringify(options)}));`;
    const args = ['--input-type=module', '--eval', program];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: OUT, timeout: 30_000 });
    const [event, school] = stdout.trim().split('\n');
    expect(school).toBe('pku');
    expect(JSON.parse(String(event))).toEqual({
      result: 'success',
      requestId: expect.any(String),
      duration: expect.any(Number),
      text: expect.stringContaining('200'),
    });
  });

  it('session.ts refreshes, introspects, revokes and builds the logout URL', async () => {
    type Session = { keepSignedIn: (client: object, tokens: object) => Promise<string> };
    const { keepSignedIn } = await load<Session>('session.js');
    await using emulator = await startEmulator();
    const client = new GenAuthClient({ ...emulator.clientOptions, scope: ['openid', 'offline_access'] });
    const { tokens, user } = (await client.signIn({ account: 'alice', password: 'passw0rd' })) as SignInSuccess;
    printed.mockClear();
    const url = new URL(await keepSignedIn(client, tokens));
    void client.close();
    expect(printed.mock.calls).toEqual([[user.sub, user.sub], [true], [false]]);
    const logout = ['/oidc/session/end', ['id_token_hint', 'post_logout_redirect_uri', 'state']];
    expect([url.pathname, [...url.searchParams.keys()]]).toEqual(logout);
  });
});

it('docs/testing.md: emulator.ts prints what its comments say', async () => {
  await load('emulator.js');
  expect(printed.mock.calls).toEqual([[['editor'], '203.0.113.7'], ['token_expired'], ['mfa_required']]);
});

describe('docs/migrating.md', () => {
  const USERS = new Map<string, object>();
  const users = { find: async (sub: string) => USERS.get(sub) ?? null };
  type Add = (app: express.Express, tenant: object, users?: object) => GenAuthClient;

  it('migrate-sdk.ts returns the verified user, and no user for a wrong password', async () => {
    type SignIn = (client: object, account: string, password: string) => Promise<object | undefined>;
    const { signIn } = await load<{ signIn: SignIn }>('migrate-sdk.js');
    await using emulator = await startEmulator();
    const client = new GenAuthClient({ ...emulator.clientOptions, scope: ['openid', 'email'] });
    expect(await signIn(client, 'alice', 'passw0rd')).toMatchObject({ email: 'alice@example.com' });
    expect(await signIn(client, 'alice', 'wrong')).toBeUndefined();
    emulator.flawIdToken('expired');
    await expect(signIn(client, 'alice', 'passw0rd')).rejects.toMatchObject({ cause: { code: 'token_expired' } });
    void client.close();
  });

  it('migrate-jwt.js signs in with its own field name, and answers with its own user', async () => {
    const { addRoutes } = await load<{ addRoutes: Add }>('migrate-jwt.js');
    await using emulator = await startEmulator();
    const app = express().use(express.json());
    const client = addRoutes(app, emulator.clientOptions, users);
    const { url, close } = await startWebServer(app);
    const body = { login: 'alice', password: 'passw0rd' };
    const login = await send(`${url}/login`, { method: 'POST', body });
    const headers = { authorization: `Bearer ${String(login.body['accessToken'])}` };
    expect((await send(`${url}/me`, { headers })).body['code']).toBe('verify_denied');
    const { sub } = await client.verifyAccessToken(String(login.body['accessToken']));
    USERS.set(sub, { id: 1 });
    expect((await send(`${url}/me`, { headers })).body).toEqual({ id: 1 });
    await Promise.all([close(), client.close()]);
  });

  it('migrate-ldap.js signs in with Active Directory under the old field name', async () => {
    const { addLogin } = await load<{ addLogin: Add }>('migrate-ldap.js');
    await using emulator = await startEmulator();
    const app = express().use(express.json());
    const client = addLogin(app, emulator.clientOptions);
    const { url, close } = await startWebServer(app);
    const login = (password: string) =>
      send(`${url}/login`, { method: 'POST', body: { username: 'zhangsan', password } });
    expect([(await login('AdPassw0rd')).status, (await login('wrong')).status]).toEqual([200, 401]);
    await Promise.all([close(), client.close()]);
  });
});

it('docs/testing.md: app.test.ts and shop.test.js pass under node:test', async () => {
  const args = ['--test', '--test-reporter=tap', join(OUT, 'app.test.js'), join(OUT, 'shop.test.js')];
  const env = { PATH: process.env['PATH'] ?? '' };
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: OUT, env, timeout: 30_000 });
  expect(stdout).toContain('# pass 6\n# fail 0');
});

it('docs/nest.md: unguarded.ts refuses to start with the message that the page shows', async () => {
  const { ReportsController } = await load<{ ReportsController: Type }>('unguarded.js');
  const { GenAuthModule } = await import('passport-genauth/nest');
  const options = { appId: 'a'.repeat(24), appSecret: 'b'.repeat(32), appHost: 'https://example.genauth.ai' };
  @Module({ imports: [GenAuthModule.forRoot(options)], controllers: [ReportsController] })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger: false });
  const error = await app.init().catch((thrown: Error) => thrown);
  await app.close();
  const shown = /snippet: unguarded\.ts[^]*?```text\n([^]*?)\n```/.exec(readText('docs/nest.md'))?.[1];
  expect((error as Error).message).toBe(shown);
});

it('docs/graphql-websocket-rpc.md: gateway.ts keeps the sockets of users and puts anonymous sockets out', async () => {
  const { NewsGateway } = await load<{ NewsGateway: Type }>('gateway.js');
  const { GenAuthModule } = await import('passport-genauth/nest');
  await using emulator = await startEmulator();
  const client = new GenAuthClient(emulator.clientOptions);
  const { tokens, user } = (await client.signIn({ account: 'alice', password: 'passw0rd' })) as SignInSuccess;
  @Module({ imports: [GenAuthModule.forRoot(emulator.clientOptions)], providers: [NewsGateway] })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const [anonymous, alice] = [{}, { token: tokens.accessToken }].map((auth) => io(url, { auth }));
  const reason = await new Promise((resolve) => anonymous?.on('disconnect', resolve));
  const sub: unknown = await alice?.emitWithAck('who');
  expect([reason, sub]).toEqual(['io server disconnect', user.sub]);
  alice?.disconnect();
  await app.close();
  void client.close();
});

type StartHostedPage = (
  client: GenAuthClient,
  options: GenAuthOptions,
) => Promise<{ url: string; close: () => Promise<unknown> }>;
it.each<[string, StartHostedPage]>([
  [
    'hosted-page.ts',
    async (client) => {
      type HostedPage = { addHostedPage: (app: express.Express, client: GenAuthClient) => void };
      const { addHostedPage } = await load<HostedPage>('hosted-page.js');
      const app = express();
      addHostedPage(app, client);
      return startWebServer(app);
    },
  ],
  [
    'hosted-page.module.ts',
    async (_client, options) => {
      const { GenAuthModule } = await import('passport-genauth/nest');
      const { HostedPageModule } = await load<{ HostedPageModule: Type }>('hosted-page.module.js');
      @Module({ imports: [GenAuthModule.forRoot(options), HostedPageModule] })
      class AppModule {}
      const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
      await app.listen(0, '127.0.0.1');
      return { url: await app.getUrl(), close: () => app.close() };
    },
  ],
])('docs/hosted-page.md: %s signs in a user with a second factor', async (_name, start) => {
  process.env['COOKIE_SECRET'] = 'secret-of-the-test-'.repeat(2);
  await using emulator = await startEmulator();
  emulator.updateUser('alice', { mfa: ['OTP'] });
  const client = new GenAuthClient(emulator.clientOptions);
  const { url, close } = await start(client, emulator.clientOptions);
  const user = new User(url, emulator);
  await user.page.open(await user.begin(`${START}?returnTo=/orders`));
  await user.page.submit('login', { connection: 'PASSWORD', account: 'alice', password: 'passw0rd' });
  const { code } = emulator.totp('alice');
  const { location } = await user.page.submit('mfa', { factor: 'OTP', action: 'verify', code });
  const { pathname, search } = new URL(location);
  expect(await user.visit(pathname + search)).toMatchObject({ status: 302, location: '/orders' });
  await close();
  void client.close();
});

itWithCurl('docs/hosted-page.md: the commands give alice a second factor, and return its code', async () => {
  await using emulator = await startEmulator();
  const commands = readText('docs/hosted-page.md').match(/^curl .*$/gm) ?? [];
  const texts: string[] = [];
  // The one-time password changes every 30 seconds, so it can change during the test.
  const before = emulator.totp('alice').code;
  for (const command of commands) {
    const { stdout } = await promisify(execFile)('bash', [
      '-c',
      command.replace('http://127.0.0.1:3999', emulator.url),
    ]);
    texts.push(stdout);
  }
  const client = new GenAuthClient(emulator.clientOptions);
  expect((await client.signIn({ account: 'alice', password: 'passw0rd' })).kind).toBe('mfa_required');
  void client.close();
  const { code } = JSON.parse(texts[1] ?? '') as { code: unknown };
  expect(texts).toHaveLength(2);
  expect([before, emulator.totp('alice').code]).toContain(code);
});

it('docs/doctor.md: examine.ts finds a wrong secret', async () => {
  const { examine } = await load<{ examine: (options: GenAuthOptions) => Promise<string[]> }>('examine.js');
  await using emulator = await startEmulator();
  const options = { ...emulator.clientOptions, scope: ['openid', 'email', 'phone', 'roles'] };
  const good = await examine(options);
  const bad = await examine({ ...options, appSecret: 'wrong' });
  expect(bad.filter((code) => !good.includes(code))).toEqual(['client_refused']);
});

describe('docs/observability.md', () => {
  it('health.controller.ts is ready after the start, and stays ready with old keys while GenAuth is down', async () => {
    const { HealthController } = await load<{ HealthController: Type }>('health.controller.js');
    const { GenAuthModule } = await import('passport-genauth/nest');
    const { TerminusModule } = await import('@nestjs/terminus');
    await using emulator = await startEmulator();
    const options = { ...emulator.clientOptions, jwks: { maxAge: 1000 } };
    @Module({ imports: [GenAuthModule.forRoot(options), TerminusModule], controllers: [HealthController] })
    class AppModule {}
    const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
    await app.listen(0, '127.0.0.1');
    const ask = async (path: string) => {
      const response = await fetch(`${await app.getUrl()}/health/${path}`);
      const { info, error } = (await response.json()) as Record<string, { genauth?: object }>;
      return [response.status, info?.['genauth'] ?? error?.['genauth']];
    };
    let answer = await ask('ready');
    while (answer[0] !== 200) answer = await ask('ready');
    expect(answer).toEqual([200, { status: 'up', isStale: false }]);
    emulator.fault({ endpoint: 'jwks', status: 503 });
    while (JSON.stringify(answer).includes('"isStale":false')) answer = await ask('ready');
    expect(answer).toEqual([200, { status: 'up', isStale: true }]);
    expect((await ask('live'))[0]).toBe(200);
    await app.close();
  });

  it('health.controller.ts is not ready if the keys were never fetched', async () => {
    const { HealthController } = await load<{ HealthController: Type }>('health.controller.js');
    const { GenAuthModule } = await import('passport-genauth/nest');
    const { TerminusModule } = await import('@nestjs/terminus');
    await using emulator = await startEmulator();
    emulator.fault({ endpoint: 'jwks', status: 503 });
    @Module({
      imports: [GenAuthModule.forRoot(emulator.clientOptions), TerminusModule],
      controllers: [HealthController],
    })
    class AppModule {}
    const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
    await app.listen(0, '127.0.0.1');
    const response = await fetch(`${await app.getUrl()}/health/ready`);
    const { error } = (await response.json()) as { error: { genauth: object } };
    expect([response.status, error.genauth]).toMatchObject([503, { status: 'down' }]);
    await app.close();
  });

  it('telemetry.ts reports a login', async () => {
    const { startTelemetry } = await load<{ startTelemetry: (spans: object, reader: object) => () => void }>(
      'telemetry.js',
    );
    const { InMemorySpanExporter, SimpleSpanProcessor } = await import('@opentelemetry/sdk-trace-base');
    const { AggregationTemporality, InMemoryMetricExporter, PeriodicExportingMetricReader } =
      await import('@opentelemetry/sdk-metrics');
    const [spans, exporter] = [new InMemorySpanExporter(), new InMemoryMetricExporter(AggregationTemporality.DELTA)];
    const reader = new PeriodicExportingMetricReader({ exporter });
    const stop = startTelemetry(new SimpleSpanProcessor(spans), reader);
    await using emulator = await startEmulator();
    const client = new GenAuthClient(emulator.clientOptions);
    await client.signIn({ account: 'alice', password: 'passw0rd' });
    stop();
    await client.close();
    expect(spans.getFinishedSpans().map(({ name }) => name)).toContain('genauth sign-in');
    await reader.forceFlush();
    const names = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
    expect(names.map(({ descriptor }) => descriptor.name)).toContain('genauth.sign_in.duration');
    await reader.shutdown();
  });
});

describeWithRedis('test/e2e/docs.test.ts')('with Redis', () => {
  const redis = useRedis();
  const SECRETS = {
    SESSION_SECRET: 'session-secret-of-the-test-0123456789',
    STORE_SECRET: 'store-secret-of-the-test-012345678',
  };
  beforeAll(() => void Object.assign(process.env, SECRETS));

  it('docs/production.md: production.ts limits failed sign-ins, and shares refreshes', async () => {
    const { buildOptions } = await load<{ buildOptions: (redis: object) => GenAuthOptions }>('production.js');
    await using emulator = await startEmulator();
    const connection = new Redis(redis().url);
    const open = () => new GenAuthClient({ ...buildOptions(connection), ...emulator.clientOptions });
    const [a, b] = [open(), open()];
    const first = (await a.signIn({ account: 'alice', password: 'passw0rd' })) as SignInSuccess;
    const token = first.tokens.refreshToken ?? '';
    const [one, two] = [await a.refresh(token), await b.refresh(token)];
    expect(two.tokens.refreshToken).toBe(one.tokens.refreshToken);
    const kinds: string[] = [];
    for (let i = 0; i < 6; i += 1)
      kinds.push((await (i % 2 ? a : b).signIn({ account: 'bob', password: 'wrong' })).kind);
    expect(kinds).toEqual([...Array<string>(4).fill('invalid_credentials'), 'rate_limited', 'rate_limited']);
    await Promise.all([a.close(), b.close()]);
    connection.disconnect();
  });

  it('docs/sessions.md: session-app.ts keeps the tokens on the server, refreshes them, and signs out', async () => {
    const { makeSessionApp } = await load<{
      makeSessionApp: (client: GenAuthClient<string>, redis: object) => express.Express;
    }>('session-app.js');
    const { RedisRefreshStore } = await import('passport-genauth/redis');
    await using emulator = await startEmulator({ tokenLifetime: 61 });
    const connection = await createClient({ url: redis().url }).connect();
    const options = { ...emulator.clientOptions, scope: 'openid offline_access', storeSecret: SECRETS.STORE_SECRET };
    const open = () =>
      new GenAuthClient({ ...options, refreshStore: new RedisRefreshStore(connection) } as GenAuthOptions);
    const clients = [open(), open()];
    // Two instances with the same Redis.
    const servers = await Promise.all(clients.map((client) => startWebServer(makeSessionApp(client, connection))));
    const [first, second] = servers.map(({ url }) => url);
    const post = (url: string, headers = {}) =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"account":"alice","password":"passw0rd"}',
      });
    const login = await post(`${first}/login`);
    const [cookie = ''] = login.headers.getSetCookie();
    const text = await login.text();
    expect([login.status, Object.keys(JSON.parse(text) as object), cookie.length < 500]).toEqual([200, ['sub'], true]);
    const me = async (url: string | undefined) => {
      const response = await fetch(`${url}/me`, { headers: { cookie: cookie.split(';')[0] ?? '' } });
      return [response.status, await response.text()];
    };
    expect([await me(first), await me(second)]).toEqual([
      [200, text],
      [200, text],
    ]);
    // The access token now expires within a minute, so both instances refresh it.
    const before = emulator.requests('token');
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 2000);
    expect(await Promise.all([me(first), me(second), me(first)])).toEqual([
      [200, text],
      [200, text],
      [200, text],
    ]);
    clock.mockRestore();
    expect(emulator.requests('token') - before).toBe(1);
    const refused = await post(`${second}/logout`, {
      cookie,
      origin: 'https://evil.example.com',
      'sec-fetch-site': 'cross-site',
    });
    expect(refused.status).toBe(403);
    expect((await post(`${second}/logout`, { cookie: cookie.split(';')[0] ?? '' })).status).toBe(200);
    expect((await me(first))[0]).toBe(401);
    await Promise.all([...servers.map(({ close }) => close()), ...clients.map((client) => client.close())]);
    connection.destroy();
  });

  it('docs/sessions.md: fastify-session.ts stores the session in Redis, with a short cookie', async () => {
    type AddSessions = (app: NestFastifyApplication, redis: object) => Promise<void>;
    const { addSessions } = await load<{ addSessions: AddSessions }>('fastify-session.js');
    const connection = await createClient({ url: redis().url }).connect();
    @Controller()
    class CountController {
      @Get('count')
      count(@Req() req: { session: { count?: number } }): object {
        return { count: (req.session.count = (req.session.count ?? 0) + 1) };
      }
    }
    @Module({ controllers: [CountController] })
    class AppModule {}
    const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), { logger: false });
    await addSessions(app, connection);
    await app.listen(0, '127.0.0.1');
    const url = `${await app.getUrl()}/count`;
    const first = await fetch(url);
    const [cookie = ''] = first.headers.getSetCookie();
    const second = await fetch(url, { headers: { cookie: cookie.split(';')[0] ?? '' } });
    expect([await first.json(), await second.json(), cookie.length < 500]).toEqual([{ count: 1 }, { count: 2 }, true]);
    expect(await connection.keys('session:*')).not.toEqual([]);
    await app.close();
    connection.destroy();
  });
});

describe('docs/emulator.md', () => {
  const page = readText('docs/emulator.md');

  it('users.json is a users file with these states', async () => {
    const file = join(FOLDER, 'users.json');
    writeFileSync(file, /<!-- file: users\.json -->\n\n```json\n([^]*?)```/.exec(page)?.[1] ?? '');
    await using emulator = await startEmulator(await readUsersFile(file));
    const client = new GenAuthClient(emulator.clientOptions);
    const signIn = (username: string) => client.signIn({ username, password: `${username} passw0rd` });
    const outcomes = await Promise.all(['carol', 'dave', 'erin', 'frank'].map(signIn));
    void client.close();
    const kinds = ['success', 'password_change_required', 'mfa_required', 'access_denied'];
    expect(outcomes.map(({ kind }) => kind)).toEqual(kinds);
  });

  it('directory.ts checks names and passwords of Active Directory sign-ins', async () => {
    type Directory = { startEmulator: (entries: Map<string, object>) => Promise<GenAuthEmulator> };
    const directory = await load<Directory>('directory.js');
    const zhang = { password: 'p', displayName: '张三', mail: 'zhang@example.com', groups: ['admin'] };
    const entries = new Map(Object.entries({ zhang, li: { ...zhang, disabled: true } }));
    await using emulator = await directory.startEmulator(entries);
    const client = new GenAuthClient({ ...emulator.clientOptions, scope: ['openid', 'profile', 'email', 'roles'] });
    const signIn = (sAMAccountName: string, password = 'p') => client.signIn({ sAMAccountName, password });
    const user = { name: '张三', email: 'zhang@example.com', roles: ['admin'] };
    expect(await signIn('Zhang')).toMatchObject({ kind: 'success', user });
    await signIn('zhang', 'wrong');
    await signIn('li');
    void client.close();
    const outcomes = ['success', 'invalid_credentials', 'account_disabled'];
    expect(emulator.signIns.map(({ outcome }) => outcome)).toEqual(outcomes);
  });

  it('names only methods and control paths that the emulator has', () => {
    const known = CONTROL_OPERATIONS.map(({ path }) => path.replace(':account', ''));
    const requests = page.matchAll(/(?:GET|POST|PATCH|DELETE) (?:\/emulator\/v1)?(\/[a-z-]+)/g);
    const paths = [...requests].map(([, path = '']) => path);
    // The other paths are GenAuth's.
    const controls = paths.filter((path) => path !== '/oidc');
    expect(controls.filter((path) => !known.some((each) => each.startsWith(path)))).toEqual([]);
    const methods = [...page.matchAll(/`([a-z]\w+)\(/gi)].map(([, name = '']) => name);
    const unknown = methods.filter((name) => !(name in GenAuthEmulator.prototype) && name !== 'GenAuthEmulator');
    expect(unknown).toEqual([]);
  });
});
