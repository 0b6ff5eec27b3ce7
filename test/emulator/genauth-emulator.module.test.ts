import { Controller, Get, Inject, Module, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { PATHS } from '../../src/core/wire/facts.js';
import { GenAuthEmulator, GenAuthEmulatorModule } from '../../src/emulator/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { MemoryLogger, PLATFORMS, type Platform, startNestApp } from '../support/nest-app.js';
import { Gate, until } from '../support/promise.js';
import { send } from './support.js';

failOnUnhandledRejections();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Creates an application without listening. */
async function create(metadata: ModuleMetadata, options: object = {}) {
  const module = { module: class AppModule {}, ...metadata };
  const app = await NestFactory.create(module, { logger: new MemoryLogger(), abortOnError: false, ...options });
  closing.push(() => app.close());
  return app;
}

/** Returns the HTTP status of the emulator's key set, or 0 if no emulator answers at this address. */
const ask = (url: string): Promise<number> =>
  send(url + PATHS.jwks).then(
    ({ status }) => status ?? 0,
    () => 0,
  );

it.each(Object.keys(PLATFORMS) as Platform[])(
  'starts with the application, and stops after the requests in progress are answered, on %s',
  async (platform) => {
    const [entered, gate] = [new Gate(), new Gate()];
    @Controller()
    class Routes {
      constructor(@Inject(GenAuthEmulator) private readonly emulator: GenAuthEmulator) {}

      @Get()
      async get(): Promise<object> {
        entered.open();
        await gate.opened;
        return { status: await ask(this.emulator.url) };
      }
    }
    const metadata = { imports: [GenAuthEmulatorModule.forRoot()], controllers: [Routes] };
    const { url, app, close } = await startNestApp(platform, metadata);
    const emulator = app.get(GenAuthEmulator).url;
    const answer = send(url);
    await entered.opened;
    const closed = close();
    const server = app.getHttpServer() as { listening: boolean };
    await until(() => !server.listening);
    gate.open();
    expect((await answer).body).toEqual({ status: 200 });
    await closed;
    expect(await ask(emulator)).toBe(0);
    await close();
  },
);

it('stops when an application that never listened is closed, also after a failed start', async () => {
  const onModuleInit = () => {
    throw new Error('no database');
  };
  const providers = [{ provide: 'broken', useValue: { onModuleInit } }];
  const imports = [GenAuthEmulatorModule.forRoot()];
  const apps = [await create({ imports }), await create({ imports, providers })];
  const urls = apps.map((app) => app.get(GenAuthEmulator).url);
  await expect(apps[1]?.listen(0, '127.0.0.1')).rejects.toThrow('no database');
  // Each application has its own emulator, although both import the same module object.
  await apps[0]?.close();
  expect(await Promise.all(urls.map(ask))).toEqual([0, 200]);
  await apps[1]?.close();
  expect(await Promise.all(urls.map(ask))).toEqual([0, 0]);
});

it('an application does not start with wrong options or with a port in use', async () => {
  await using other = await new GenAuthEmulator().start();
  const startWith = (port: number) => create({ imports: [GenAuthEmulatorModule.forRoot({ port })] });
  await expect(startWith(65_536)).rejects.toMatchObject({ name: 'EmulatorError', code: 'invalid_input' });
  await expect(startWith(other.port)).rejects.toMatchObject({ name: 'EmulatorError', code: 'address_in_use' });
});

it('is global, and imported once', async () => {
  const emulator = GenAuthEmulatorModule.forRoot();
  @Module({ providers: [{ provide: 'own', inject: [GenAuthEmulator], useFactory: (own: object) => ({ own }) }] })
  class NotImporting {}
  const app = await create({ imports: [NotImporting, emulator, emulator] });
  const emulators = app.get(GenAuthEmulator, { each: true });
  expect([emulators.length, app.get<{ own: object }>('own').own]).toEqual([1, emulators[0]]);
});

it('starts one emulator for each tenant of an application', async () => {
  const imports = ['customers', 'staff'].map((appId) => ({
    ...GenAuthEmulatorModule.forRoot({ appId }),
    global: false,
  }));
  const app = await create({ imports }, { moduleIdGeneratorAlgorithm: 'deep-hash' });
  const emulators = app.get(GenAuthEmulator, { each: true });
  expect(emulators.map(({ appId }) => appId)).toEqual(['customers', 'staff']);
  await app.close();
  expect(() => emulators[0]?.url).toThrow('not started');
  expect(() => emulators[1]?.url).toThrow('not started');
});
