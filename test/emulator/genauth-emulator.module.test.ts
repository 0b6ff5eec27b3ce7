import { Controller, type DynamicModule, Get, Inject } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { PATHS } from '../../src/core/wire/facts.js';
import { GenAuthEmulator, GenAuthEmulatorModule } from '../../src/emulator/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { MemoryLogger, startNestApp } from '../support/nest-app.js';
import { Gate, until } from '../support/promise.js';
import { send } from './support.js';

failOnUnhandledRejections();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Creates an application without listening. */
async function create(imports: DynamicModule[]) {
  class AppModule {}
  const options = { logger: new MemoryLogger(), abortOnError: false, moduleIdGeneratorAlgorithm: 'deep-hash' } as const;
  const app = await NestFactory.create({ module: AppModule, imports }, options);
  closing.push(() => app.close());
  return app;
}

/** Returns the HTTP status of the emulator's key set, or 0 if no emulator answers at this address. */
const ask = (url: string) =>
  send(url + PATHS.jwks).then(
    (answer) => answer.status,
    () => 0,
  );

it('starts with the application, and stops after the requests in progress are answered', async () => {
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
  const { url, app, close } = await startNestApp('Express', metadata);
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
});

it('starts one emulator for each tenant and application, and stops only those of its application', async () => {
  const tenants = [{ appId: 'customers' }, { appId: 'staff' }];
  const imports = tenants.map((options) => ({ ...GenAuthEmulatorModule.forRoot(options), global: false }));
  const [app, other] = [await create(imports), await create(imports)];
  const emulators = [app, other].flatMap((each) => each.get(GenAuthEmulator, { each: true }));
  expect(emulators.map(({ appId }) => appId)).toEqual(['customers', 'staff', 'customers', 'staff']);
  const urls = emulators.map(({ url }) => url);
  await app.close();
  expect(await Promise.all(urls.map(ask))).toEqual([0, 0, 200, 200]);
});
