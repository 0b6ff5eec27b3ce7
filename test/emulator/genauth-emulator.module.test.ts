import { Controller, HttpCode, Module, type ModuleMetadata, Post, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { GenAuthEmulator, GenAuthEmulatorModule, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import type { GenAuthOptions } from '../../src/index.js';
import { CurrentUser, GenAuthModule, GenAuthPasswordGuard } from '../../src/nest/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { MemoryLogger, PLATFORMS, type Platform, startNestApp } from '../support/nest-app.js';
import { Gate, until } from '../support/promise.js';
import { ask } from '../support/web-server.js';

failOnUnhandledRejections();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

@Controller()
class Routes {
  // Passport's registry of strategies belongs to the process. This guard uses the strategy of its application.
  @UseGuards(GenAuthPasswordGuard)
  @HttpCode(200)
  @Post('login')
  login(@CurrentUser() user: object): object {
    return user;
  }

  @UseGuards(AuthGuard('staff-password'))
  @HttpCode(200)
  @Post('staff/login')
  staffLogin(@CurrentUser() user: object): object {
    return user;
  }
}

type Options = Partial<GenAuthOptions> & { imports?: NonNullable<ModuleMetadata['imports']> };
/** `GenAuthModule` that uses the emulator of its application. */
const forEmulator = ({ imports = [], name, ...rest }: Options = {}) =>
  GenAuthModule.forRootAsync({
    ...(name !== undefined && { name }),
    imports,
    inject: [GenAuthEmulator],
    useFactory: (emulator: GenAuthEmulator) => ({ ...emulator.clientOptions, scope: ['openid', 'email'], ...rest }),
  });

const user = (username: string): GenAuthEmulatorOptions => ({
  users: [{ username, password: `${username} passw0rd` }],
});
const login = async (url: string, account: string, path = 'login') =>
  (await ask(url, { path: `/${path}`, json: { account, password: `${account} passw0rd` } })).status;
/** Returns whether an emulator answers at this address. */
const isOpen = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  );

async function start(platform: Platform, metadata: ModuleMetadata) {
  const app = await startNestApp(platform, metadata);
  closing.push(app.close);
  return { ...app, emulator: app.app.get(GenAuthEmulator) };
}

/** Creates an application without listening. */
const create = (metadata: ModuleMetadata, options: object = {}) =>
  NestFactory.create(
    { module: class AppModule {}, ...metadata },
    { logger: new MemoryLogger(), abortOnError: false, ...options },
  );

it('starts an emulator with the application, and stops it with the application', async () => {
  const imports = [forEmulator(), GenAuthEmulatorModule.forRoot(user('carol'))];
  const { url, emulator, close } = await start('Express', { imports, controllers: [Routes] });
  expect([await login(url, 'alice'), await login(url, 'carol')]).toEqual([401, 200]);
  expect(emulator.signIns.map(({ outcome }) => outcome)).toEqual(['invalid_credentials', 'success']);
  const address = emulator.url;
  expect(await isOpen(address)).toBe(true);
  await close();
  expect(await isOpen(address)).toBe(false);
  await close();
});

it.each(Object.keys(PLATFORMS) as Platform[])(
  'stops after the sign-ins in progress are answered, on %s',
  async (platform) => {
    const [entered, gate] = [new Gate(), new Gate()];
    const signInOptions = async () => {
      entered.open();
      await gate.opened;
      return {};
    };
    const imports = [GenAuthEmulatorModule.forRoot(user('carol')), forEmulator({ signInOptions })];
    const { url, app, close } = await start(platform, { imports, controllers: [Routes] });
    const answer = login(url, 'carol');
    await entered.opened;
    const closed = close();
    const server = app.getHttpServer() as { listening: boolean };
    await until(() => !server.listening);
    gate.open();
    expect(await answer).toBe(200);
    await closed;
  },
);

it('stops when an application that never listened is closed, also after a failed start', async () => {
  const onModuleInit = () => {
    throw new Error('no database');
  };
  const providers = [{ provide: 'broken', useValue: { onModuleInit } }];
  const apps = [
    await create({ imports: [GenAuthEmulatorModule.forRoot()] }),
    await create({ imports: [GenAuthEmulatorModule.forRoot()], providers }),
  ];
  const urls = apps.map((app) => app.get(GenAuthEmulator).url);
  await expect(apps[1]?.listen(0, '127.0.0.1')).rejects.toThrow('no database');
  await Promise.all(apps.map((app) => app.close()));
  expect(await Promise.all(urls.map(isOpen))).toEqual([false, false]);
});

it('an application does not start with wrong options', async () => {
  const starting = create({ imports: [GenAuthEmulatorModule.forRoot({ port: 65_536 }), forEmulator()] });
  await expect(starting).rejects.toMatchObject({ name: 'EmulatorError', code: 'invalid_input' });
});

it('an application does not start with a port in use', async () => {
  const other = await new GenAuthEmulator().start();
  closing.push(() => other.stop());
  const starting = create({ imports: [GenAuthEmulatorModule.forRoot({ port: other.port }), forEmulator()] });
  await expect(starting).rejects.toMatchObject({ name: 'EmulatorError', code: 'address_in_use' });
});

it('starts one emulator for each application that imports the module', async () => {
  const metadata = { imports: [GenAuthEmulatorModule.forRoot(user('carol')), forEmulator()], controllers: [Routes] };
  const [first, second] = [await start('Express', metadata), await start('Express', metadata)];
  expect([await login(first.url, 'carol'), first.emulator.signIns.length]).toEqual([200, 1]);
  await first.close();
  expect([await login(second.url, 'carol'), second.emulator.signIns.length]).toEqual([200, 1]);
});

it('starts one emulator for all modules of an application', async () => {
  const emulator = GenAuthEmulatorModule.forRoot();
  const token = 'fixtures';
  const fixtures = { provide: token, inject: [GenAuthEmulator], useFactory: (own: GenAuthEmulator) => ({ own }) };
  @Module({ imports: [emulator] })
  class Importing {}
  @Module({ providers: [fixtures] })
  class NotImporting {}
  const { app } = await start('Express', { imports: [Importing, NotImporting, emulator] });
  const emulators = app.get(GenAuthEmulator, { each: true });
  expect([emulators.length, app.get<{ own: GenAuthEmulator }>(token).own]).toEqual([1, emulators[0]]);
});

it.each(['reference', 'deep-hash'] as const)(
  'starts one emulator for each tenant of an application, with modules identified by %s',
  async (moduleIdGeneratorAlgorithm) => {
    const [customers, staff] = ['carol', 'steve'].map((name) => ({
      ...GenAuthEmulatorModule.forRoot(user(name)),
      global: false,
    }));
    const imports = [forEmulator({ imports: [customers!] }), forEmulator({ imports: [staff!], name: 'staff' })];
    const app = await create({ imports, controllers: [Routes] }, { moduleIdGeneratorAlgorithm });
    closing.push(() => app.close());
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    expect([await login(url, 'carol'), await login(url, 'steve')]).toEqual([200, 401]);
    expect([await login(url, 'carol', 'staff/login'), await login(url, 'steve', 'staff/login')]).toEqual([401, 200]);
    const urls = app.get(GenAuthEmulator, { each: true }).map((emulator) => emulator.url);
    await app.close();
    expect(await Promise.all(urls.map(isOpen))).toEqual([false, false]);
  },
);
