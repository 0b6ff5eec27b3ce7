import {
  Controller,
  type DynamicModule,
  Get,
  HttpCode,
  Injectable,
  Module,
  type ModuleMetadata,
  Post,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { GenAuthEmulator, GenAuthEmulatorModule, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import type { GenAuthOptions, SignInInfo } from '../../src/index.js';
import { AuthInfo, CurrentUser, GenAuthGuard, GenAuthModule, GenAuthPasswordGuard } from '../../src/nest/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { MemoryLogger, PLATFORMS, type Platform, type RunningApp, send, startNestApp } from '../support/nest-app.js';
import { Gate, until } from '../support/promise.js';
import { ask } from '../support/web-server.js';

failOnUnhandledRejections();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

@Controller()
class Routes {
  @UseGuards(AuthGuard('genauth-password'))
  @HttpCode(200)
  @Post('login')
  login(@CurrentUser() user: object, @AuthInfo() { tokens }: SignInInfo): object {
    return { ...user, accessToken: tokens.accessToken };
  }

  // Passport's registry is the process's: there the strategy that was made last counts.
  @UseGuards(GenAuthPasswordGuard)
  @HttpCode(200)
  @Post('own/login')
  ownLogin(@CurrentUser() user: object): object {
    return user;
  }

  @UseGuards(AuthGuard('staff-password'))
  @HttpCode(200)
  @Post('staff/login')
  staffLogin(@CurrentUser() user: object): object {
    return user;
  }

  @UseGuards(GenAuthGuard)
  @Get('me')
  me(@CurrentUser() user: object): object {
    return user;
  }
}

/** `GenAuthModule` with the emulator for its GenAuth. */
const forEmulator = (
  options: Partial<GenAuthOptions> & { imports?: NonNullable<ModuleMetadata['imports']> } = {},
): DynamicModule => {
  const { imports = [], name, ...rest } = options;
  return GenAuthModule.forRootAsync({
    ...(name !== undefined && { name }),
    imports,
    inject: [GenAuthEmulator],
    useFactory: (emulator: GenAuthEmulator) => ({ ...emulator.clientOptions, scope: ['openid', 'email'], ...rest }),
  });
};

async function start(platform: Platform, metadata: ModuleMetadata): Promise<RunningApp> {
  const running = await startNestApp(platform, metadata);
  closing.push(running.close);
  return running;
}

const login = ({ url }: RunningApp, account: string, path = 'login') =>
  send(`${url}/${path}`, { method: 'POST', body: { account, password: `${account} passw0rd` } });
const user = (username: string): GenAuthEmulatorOptions => ({
  users: [{ username, email: `${username}@example.com`, password: `${username} passw0rd` }],
});
/** Whether an emulator answers there. */
const isOpen = (url: string): Promise<boolean> =>
  fetch(`${url}/oidc/.well-known/openid-configuration`).then(
    ({ status }) => status === 200,
    () => false,
  );

describe.each(Object.keys(PLATFORMS) as Platform[])('an application with its emulator, on %s', (platform) => {
  it('signs people in there, takes its tokens, and closes it', async () => {
    const running = await start(platform, {
      imports: [forEmulator(), GenAuthEmulatorModule.forRoot(user('carol'))],
      controllers: [Routes],
    });
    const emulator = running.app.get(GenAuthEmulator);
    expect((await login(running, 'alice')).status).toBe(401);
    const { status, body } = await login(running, 'carol');
    expect([status, body]).toMatchObject([200, { email: 'carol@example.com' }]);
    const headers = { authorization: `Bearer ${String(body['accessToken'])}` };
    expect((await send(`${running.url}/me`, { headers })).body).toMatchObject({ sub: body['sub'] });
    expect(emulator.signIns.map(({ account, outcome }) => `${account} ${outcome}`)).toEqual([
      'alice invalid_credentials',
      'carol success',
    ]);

    const { url } = emulator;
    expect(await isOpen(url)).toBe(true);
    await running.close();
    expect(await isOpen(url)).toBe(false);
    await running.close();
  });

  it('answers a login that is under way when it closes', async () => {
    const gate = new Gate();
    let waiting = false;
    const signInOptions = async () => {
      waiting = true;
      await gate.opened;
      return {};
    };
    const running = await start(platform, {
      imports: [GenAuthEmulatorModule.forRoot(user('carol')), forEmulator({ signInOptions })],
      controllers: [Routes],
    });
    const answer = ask(running.url, { path: '/login', json: { account: 'carol', password: 'carol passw0rd' } });
    await until(() => waiting);
    const closed = running.close();
    const server = running.app.getHttpServer() as { listening: boolean };
    await until(() => !server.listening);
    gate.open();
    expect((await answer).status).toBe(200);
    await closed;
  });
});

const create = (metadata: ModuleMetadata, options: object = {}) => {
  class AppModule {}
  return NestFactory.create(
    { module: AppModule, ...metadata },
    {
      logger: new MemoryLogger(),
      abortOnError: false,
      ...options,
    },
  );
};

describe('an application that does not come to listen', () => {
  it('was made, and is closed: so is the emulator', async () => {
    const app = await create({ imports: [GenAuthEmulatorModule.forRoot()] });
    const { url } = app.get(GenAuthEmulator);
    await app.close();
    expect(await isOpen(url)).toBe(false);
  });

  it('fails when its modules begin, and is closed: so is the emulator', async () => {
    class Broken {
      onModuleInit(): void {
        throw new Error('no database');
      }
    }
    const app = await create({ imports: [GenAuthEmulatorModule.forRoot()], providers: [Broken] });
    const { url } = app.get(GenAuthEmulator);
    await expect(app.listen(0, '127.0.0.1')).rejects.toThrow('no database');
    await app.close();
    expect(await isOpen(url)).toBe(false);
  });

  it.each<[string, GenAuthEmulatorOptions, string, string]>([
    ['a port that there is not', { port: 65_536 }, 'invalid_input', 'port: expected'],
    ['a user without a password', { users: [{ username: 'carol' }] as never }, 'invalid_input', 'users[0].password'],
    ['an option that there is not', { Port: 3999 } as never, 'invalid_input', 'Port'],
  ])('has %s: it says so', async (_name, options, code, said) => {
    const starting = create({ imports: [GenAuthEmulatorModule.forRoot(options), forEmulator()] });
    await expect(starting).rejects.toMatchObject({ name: 'EmulatorError', code });
    await expect(starting).rejects.toThrow(said);
  });

  it('has a port that is in use', async () => {
    const other = await new GenAuthEmulator().start();
    closing.push(() => other.stop());
    const { port } = other;
    const starting = create({ imports: [GenAuthEmulatorModule.forRoot({ port }), forEmulator()] });
    await expect(starting).rejects.toMatchObject({ code: 'address_in_use' });
    await expect(starting).rejects.toThrow(`Port ${port} `);
  });

  it('is one of production', async () => {
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    try {
      await expect(create({ imports: [GenAuthEmulatorModule.forRoot(), forEmulator()] })).rejects.toMatchObject({
        code: 'production_refused',
      });
    } finally {
      process.env['NODE_ENV'] = before;
    }
  });
});

describe('several', () => {
  it('applications of one module have an emulator each', async () => {
    const metadata = {
      imports: [GenAuthEmulatorModule.forRoot(user('carol')), forEmulator()],
      controllers: [Routes],
    };
    const first = await start('Express', metadata);
    const second = await start('Fastify', metadata);
    const [one, two] = [first, second].map(({ app }) => app.get(GenAuthEmulator));
    expect(one?.port).not.toBe(two?.port);
    expect((await login(first, 'carol', 'own/login')).status).toBe(200);
    expect([one?.signIns.length, two?.signIns.length]).toEqual([1, 0]);
    await first.close();
    expect((await login(second, 'carol', 'own/login')).status).toBe(200);
    expect(two?.signIns.length).toBe(1);
  });

  it('modules of one application share the emulator that they import, and need not import it', async () => {
    @Injectable()
    class Fixtures {
      constructor(readonly emulator: GenAuthEmulator) {}
    }
    const emulator = GenAuthEmulatorModule.forRoot();
    @Module({ imports: [emulator] })
    class Importing {}
    @Module({ providers: [Fixtures] })
    class NotImporting {}
    const { app } = await start('Express', { imports: [Importing, NotImporting, emulator] });
    const emulators = app.get(GenAuthEmulator, { each: true });
    expect(emulators).toHaveLength(1);
    expect(app.get(Fixtures).emulator).toBe(emulators[0]);
  });

  it.each(['reference', 'deep-hash'] as const)(
    'emulators in one application: each app of GenAuth has the one that it imports (modules by %s)',
    async (moduleIdGeneratorAlgorithm) => {
      const customers = { ...GenAuthEmulatorModule.forRoot(user('carol')), global: false };
      const staff = { ...GenAuthEmulatorModule.forRoot(user('steve')), global: false };
      const app = await create(
        {
          imports: [forEmulator({ imports: [customers] }), forEmulator({ imports: [staff], name: 'staff' })],
          controllers: [Routes],
        },
        { moduleIdGeneratorAlgorithm },
      );
      closing.push(() => app.close());
      await app.listen(0, '127.0.0.1');
      const running = { url: await app.getUrl() } as RunningApp;
      const statuses: number[] = [];
      for (const path of ['login', 'staff/login']) {
        for (const account of ['carol', 'steve']) statuses.push((await login(running, account, path)).status);
      }
      expect(statuses).toEqual([200, 401, 401, 200]);
      const urls = app.get(GenAuthEmulator, { each: true }).map(({ url }) => url);
      await app.close();
      expect([urls.length, await Promise.all(urls.map(isOpen))]).toEqual([2, [false, false]]);
    },
  );
});
