import { type CanActivate, Controller, type ExecutionContext, Get, type INestApplication } from '@nestjs/common';
import { Injectable, Post, UseGuards } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { ExpressAdapter } from '@nestjs/platform-express';
import express from 'express';
import passport from 'passport';
import CustomStrategy from 'passport-custom';
import { GenAuthEmulator } from '../../src/emulator/index.js';
import { GenAuthAdStrategy, GenAuthClient, GenAuthPasswordStrategy, type GenAuthUser } from '../../src/index.js';
import {
  AuthInfo,
  CurrentUser,
  GenAuthGuard,
  GenAuthLoginGuard,
  GenAuthModule,
  type GenAuthModuleOptions,
  GenAuthPasswordGuard,
  Public,
} from '../../src/nest/index.js';
import { startMicroservice } from '../support/microservice.js';
import { until } from '../support/promise.js';
import { PLATFORMS, type Platform, type RunningApp, send, startNestApp } from '../support/nest-app.js';

const emulators: GenAuthEmulator[] = [];
beforeAll(async () => {
  for (let i = 0; i < 2; i += 1) emulators.push(await new GenAuthEmulator().start());
});
afterAll(() => Promise.all(emulators.map((emulator) => emulator.stop())));

const running: RunningApp[] = [];
afterEach(() => Promise.all(running.splice(0).map(({ close }) => close())));

const ALICE = { account: 'alice', password: 'passw0rd' };
const AD = { sAMAccountName: 'zhangsan', password: 'AdPassw0rd' };

@Controller()
class Routes {
  @UseGuards(AuthGuard('genauth-password'))
  @Post('login')
  login(@CurrentUser() user: object, @AuthInfo() info: { tokens: { accessToken: string } }): object {
    return { user, accessToken: info.tokens.accessToken };
  }

  @UseGuards(GenAuthPasswordGuard)
  @Post('guard')
  guard(@CurrentUser() user: object): object {
    return { user };
  }

  @UseGuards(GenAuthLoginGuard)
  @Post('any')
  any(@CurrentUser() user: object): object {
    return { user };
  }

  @UseGuards(AuthGuard(['genauth-password', 'genauth-ad']))
  @Post('list')
  list(@CurrentUser() user: object): object {
    return { user };
  }

  @UseGuards(AuthGuard('genauth-bearer'))
  @Get('passport')
  passport(@CurrentUser() user: object): object {
    return { user };
  }

  @UseGuards(GenAuthGuard)
  @Get('guarded')
  guarded(@CurrentUser() user: object): object {
    return { user };
  }

  @UseGuards(AuthGuard(['genauth-bearer', 'test-key']))
  @Get('either')
  either(@CurrentUser() user: object): object {
    return { user };
  }
}

async function start(
  platform: Platform,
  { emulator = 0, providers = [], imports = [], controllers = [Routes], ...options }: Settings = {},
): Promise<(path: string, body?: object, headers?: Record<string, string>) => ReturnType<typeof send>> {
  const given = { ...emulators[emulator]?.clientOptions, ...options } as GenAuthModuleOptions;
  const app = await startNestApp(platform, {
    imports: [GenAuthModule.forRoot(given), ...imports],
    controllers,
    providers,
  });
  running.push(app);
  return (path, body, headers = {}) => send(app.url + path, { ...(body && { method: 'POST', body }), headers });
}
interface Settings extends Partial<GenAuthModuleOptions> {
  emulator?: number;
  providers?: NonNullable<Parameters<typeof startNestApp>[1]['providers']>;
  imports?: NonNullable<Parameters<typeof startNestApp>[1]['imports']>;
  controllers?: (new () => object)[];
}

async function signIn(ask: Awaited<ReturnType<typeof start>>): Promise<Record<string, string>> {
  const { body } = await ask('/login', ALICE);
  return { authorization: `Bearer ${body['accessToken'] as string}` };
}

describe.each(Object.keys(PLATFORMS) as Platform[])('two Nest applications of one process on %s', (platform) => {
  it('each verify the tokens and the passwords of their own GenAuth', async () => {
    const first = await start(platform);
    const second = await start(platform, { emulator: 1 });
    const [ofFirst, ofSecond] = [await signIn(first), await signIn(second)];
    const statuses = async (path: string): Promise<number[]> => [
      (await first(path, undefined, ofFirst)).status,
      (await first(path, undefined, ofSecond)).status,
      (await second(path, undefined, ofFirst)).status,
      (await second(path, undefined, ofSecond)).status,
    ];
    expect(await statuses('/passport')).toEqual([200, 401, 401, 200]);
    expect(await statuses('/guarded')).toEqual([200, 401, 401, 200]);
    await running.pop()?.close();
    expect((await first('/passport', undefined, ofFirst)).status).toBe(200);
  });
});

it('a request of an unknown application is refused while two different applications are open', async () => {
  await start('Express');
  await start('Fastify', { emulator: 1 });
  const request = { headers: {} };
  const authenticate = (): Promise<unknown[]> =>
    new Promise((resolve) =>
      passport.authenticate('genauth-bearer', (...results: unknown[]) => resolve(results))(request, {}, resolve),
    );
  const [error] = await authenticate();
  expect(error).toMatchObject({ message: expect.stringContaining('await app.close()') });
  await running.pop()?.close();
  expect(await authenticate()).toMatchObject([null, false, { code: 'token_missing' }, 401]);
});

describe('a Nest application keeps its own strategy', () => {
  const refuse: GenAuthModuleOptions['verify'] = () => null;

  it('if Express registers a strategy with the same name later', async () => {
    const ask = await start('Express', { verify: refuse });
    const client = new GenAuthClient({ ...emulators[1]?.clientOptions } as GenAuthModuleOptions);
    passport.use(new GenAuthPasswordStrategy(client));
    expect((await ask('/login', ALICE)).status).toBe(403);
    void client.close();
  });

  it('if another application with its own strategy is created, and not started', async () => {
    const ask = await start('Express', { verify: refuse });
    class Other extends PassportStrategy(GenAuthPasswordStrategy) {
      validate(): object {
        return { row: 'other' };
      }
    }
    const other = new Other({ ...emulators[1]?.clientOptions } as never);
    expect((await ask('/login', ALICE)).status).toBe(403);
    void other.client.close();
  });

  it('and does not share an application of Express with another Nest application', async () => {
    const server = express();
    const create = async (): Promise<INestApplication> => {
      class AppModule {}
      const imports = [GenAuthModule.forRoot(emulators[0]?.clientOptions as GenAuthModuleOptions)];
      const options = { logger: false, abortOnError: false } as const;
      return NestFactory.create({ module: AppModule, imports }, new ExpressAdapter(server), options);
    };
    const first = await (await create()).init();
    const second = await create();
    await expect(second.init()).rejects.toThrow('await app.close()');
    await first.close();
  });
});

it('a second microservice of another GenAuth starts only after the first one is closed', async () => {
  const of = (emulator: number): object => ({
    imports: [GenAuthModule.forRoot(emulators[emulator]?.clientOptions as GenAuthModuleOptions)],
  });
  const first = await startMicroservice(of(0));
  await expect(startMicroservice(of(1))).rejects.toThrow(/two open Nest applications.*await app\.close\(\)/);
  await first.close();
  await (await startMicroservice(of(1))).close();
});

describe('the application decides by its own users', () => {
  /** The routes accept Active Directory logins too, whose users need a check of their own. */
  class OwnAd extends PassportStrategy(GenAuthAdStrategy) {
    constructor(client: GenAuthClient) {
      super(client);
    }
    validate(): null {
      return null;
    }
  }
  Injectable()(OwnAd);
  Reflect.defineMetadata('design:paramtypes', [GenAuthClient], OwnAd);
  const blocked = new Set<string>();
  beforeEach(() => blocked.clear());
  const find = (name: string): { row: string } | null => (blocked.has(name) ? null : { row: name });
  /** Expects that the application's own user is accepted, and blocks this user. */
  const blockFirst = async (asking: ReturnType<typeof send>): Promise<void> => {
    const { body } = await asking;
    expect(body['user']).toEqual({ row: expect.any(String) });
    blocked.add((body['user'] as { row: string }).row);
  };
  const verify: GenAuthModuleOptions['verify'] = (_req, { sub }) => find(sub);

  it.each(['/login', '/guard', '/any', '/list'])('with verify at POST %s', async (path) => {
    const ask = await start('Express', { verify });
    await blockFirst(ask(path, ALICE));
    const { status, body, headers } = await ask(path, ALICE);
    expect({ status, body }).toMatchObject({ status: 403, body: { code: 'verify_denied', statusCode: 403 } });
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it.each(['/passport', '/guarded', '/either'])('with resolveUser at GET %s', async (path) => {
    const ask = await start('Express', { resolveUser: async (_req, { sub }) => find(sub) });
    const headers = await signIn(ask);
    await blockFirst(ask(path, undefined, headers));
    expect(await ask(path, undefined, headers)).toMatchObject({ status: 403, body: { code: 'verify_denied' } });
  });

  it.each(['/login', '/guard', '/any', '/list'])('with validate of its own strategy at POST %s', async (path) => {
    @Injectable()
    class Own extends PassportStrategy(GenAuthPasswordStrategy) {
      constructor(client: GenAuthClient) {
        super(client);
      }
      validate(_req: object, { sub }: GenAuthUser): object | null {
        return find(sub);
      }
    }
    Reflect.defineMetadata('design:paramtypes', [GenAuthClient], Own);
    const ask = await start('Express', { providers: [Own, OwnAd] });
    await blockFirst(ask(path, ALICE));
    expect(await ask(path, { ...ALICE, password: 'wrong' })).toMatchObject({ body: { code: 'invalid_credentials' } });
    expect(await ask(path, ALICE)).toMatchObject({ status: 403, body: { code: 'verify_denied' } });
  });

  it('and an own strategy with another name answers like the strategies of the module', async () => {
    @Controller()
    class Mine {
      @UseGuards(AuthGuard('mine'))
      @Post('mine')
      mine(@CurrentUser() user: object): object {
        return { user };
      }
    }
    @Injectable()
    class Own extends PassportStrategy(GenAuthAdStrategy, 'mine') {
      constructor(client: GenAuthClient) {
        super(client);
      }
      validate(): object {
        return { row: 'mine' };
      }
    }
    Reflect.defineMetadata('design:paramtypes', [GenAuthClient], Own);
    const ask = await start('Fastify', { providers: [Own], controllers: [Routes, Mine] });
    expect(await ask('/mine', AD)).toMatchObject({ status: 201, body: { user: { row: 'mine' } } });
    expect(await ask('/mine', { ...AD, password: 'x' })).toMatchObject({ body: { code: 'invalid_credentials' } });
    expect((await ask('/any', AD)).body['user']).toMatchObject({ sub: expect.any(String) });
  });

  it.each([
    ['validate returns undefined', () => undefined, 500],
    ['validate throws', () => Promise.reject(new Error('database')), 500],
  ])('if %s', async (_title, validate, status) => {
    @Injectable()
    class Own extends PassportStrategy(GenAuthPasswordStrategy) {
      constructor(client: GenAuthClient) {
        super(client);
      }
      validate = validate;
    }
    Reflect.defineMetadata('design:paramtypes', [GenAuthClient], Own);
    const ask = await start('Express', { providers: [Own, OwnAd] });
    expect((await ask('/login', ALICE)).status).toBe(status);
  });

  it('also with a provider that extends a strategy and passes verify', async () => {
    class Own extends GenAuthPasswordStrategy {
      constructor(client: GenAuthClient) {
        super(client, () => null);
      }
    }
    const ask = await start('Express', {
      providers: [
        { provide: Own, inject: [GenAuthClient], useFactory: (client: GenAuthClient) => new Own(client) },
        OwnAd,
      ],
    });
    expect([(await ask('/login', ALICE)).status, (await ask('/guard', ALICE)).status]).toEqual([403, 403]);
  });

  it('and a class cannot have validate and pass verify', () => {
    class Own extends PassportStrategy(GenAuthPasswordStrategy) {
      validate(): object {
        return {};
      }
    }
    const options = emulators[0]?.clientOptions as never;
    expect(() => new Own(options, (() => null) as never)).toThrow(/another argument.*super\(client\)/);
  });

  it('and does not start with verify and an own strategy of the same name', async () => {
    @Injectable()
    class Own extends PassportStrategy(GenAuthPasswordStrategy) {
      constructor(client: GenAuthClient) {
        super(client);
      }
      validate(): object {
        return {};
      }
    }
    Reflect.defineMetadata('design:paramtypes', [GenAuthClient], Own);
    await expect(start('Express', { verify, providers: [Own] })).rejects.toMatchObject({
      details: { mistakes: [{ option: 'verify', problem: expect.stringContaining('Own replaces') }] },
    });
  });

  it.each([
    ['verify', undefined],
    ['verify', null],
    ['resolveUser', undefined],
    ['resolveUser', 'users'],
  ])('and does not start with %s: %p', async (option, value) => {
    await expect(start('Express', { [option]: value })).rejects.toMatchObject({ details: { mistakes: [{ option }] } });
  });

  it('and a strategy of another package cannot take the name of a strategy', async () => {
    @Injectable()
    class Foreign extends PassportStrategy(CustomStrategy, 'foreign-password') {
      validate(): object {
        return {};
      }
    }
    await expect(start('Express', { name: 'foreign', controllers: [], providers: [Foreign] })).rejects.toMatchObject({
      details: { mistakes: [{ option: 'foreign-password' }] },
    });
  });
});

describe('several strategies', () => {
  it.each([
    ['/list', ALICE, 201],
    ['/list', AD, 201],
    ['/any', ALICE, 201],
    ['/any', AD, 201],
    ['/login', AD, 400],
    ['/guard', AD, 400],
    ['/list', { ...AD, password: 'wrong' }, 401],
    ['/list', { ...ALICE, password: 'wrong' }, 401],
    ['/list', { ...ALICE, ...AD }, 401],
    ['/any', { ...ALICE, ...AD }, 401],
    ['/list', {}, 400],
    ['/any', {}, 400],
  ])('POST %s with %j has the status %i', async (path, body, status) => {
    const answer = await (await start('Express'))(path, body);
    expect(answer.status).toBe(status);
    expect(Object.hasOwn(answer.body, 'code')).toBe(status !== 201);
  });

  it('an API key is accepted without a token, and not with a wrong token', async () => {
    passport.use('test-key', new CustomStrategy((_req, done) => done(null, { key: true })));
    const ask = await start('Express');
    const { status, body, headers } = await ask('/either');
    expect({ status, body }).toEqual({ status: 200, body: { user: { key: true } } });
    expect([headers.get('www-authenticate'), headers.get('cache-control')]).toEqual([null, null]);
    expect((await ask('/either', undefined, { authorization: 'Bearer a.b.c' })).status).toBe(401);
    expect((await ask('/either', undefined, await signIn(ask))).body['user']).toMatchObject({
      sub: expect.any(String),
    });
    passport.use('test-key', new CustomStrategy((_req, done) => done(null)));
    const refused = await ask('/either');
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="genauth"']);
    expect(refused.body).toMatchObject({ code: 'token_missing' });
  });

  it.each(['Express', 'Fastify'] as const)('a caught refusal leaves no header on a success on %s', async (platform) => {
    @Injectable()
    class Either implements CanActivate {
      constructor(private readonly guard: GenAuthGuard) {}
      async canActivate(context: ExecutionContext): Promise<boolean> {
        try {
          return await this.guard.canActivate(context);
        } catch {
          return true;
        }
      }
    }
    Reflect.defineMetadata('design:paramtypes', [GenAuthGuard], Either);
    @Controller()
    class Caught {
      @UseGuards(Either)
      @Get('caught')
      caught(): object {
        return {};
      }
    }
    const ask = await start(platform, { controllers: [Caught], providers: [Either] });
    const { status, headers } = await ask('/caught', undefined, { authorization: 'Bearer a.b.c' });
    expect([status, headers.get('www-authenticate'), headers.get('cache-control')]).toEqual([200, null, null]);
  });
});

describe('PassportModule.register', () => {
  @Controller()
  class Defaults {
    @UseGuards(AuthGuard())
    @Post('default')
    login(@CurrentUser() user: object, @AuthInfo() info: object): object {
      return { user, info: Object.keys(info) };
    }
  }
  const register = { defaultStrategy: 'genauth-password', property: 'account' };

  it.each(['Express', 'Fastify'] as const)('with property and defaultStrategy works on %s', async (platform) => {
    const ask = await start(platform, {
      imports: [PassportModule.register(register)],
      providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }],
      controllers: [Routes, Defaults],
    });
    const { status, body } = await ask('/default', ALICE);
    expect({ status, body }).toMatchObject({ status: 201, body: { user: { sub: expect.any(String) } } });
    expect(body['info']).toEqual(['tokens', 'claims', 'requestId']);
    const headers = await signIn(ask);
    expect((await ask('/passport', undefined, headers)).body['user']).toMatchObject({ sub: expect.any(String) });
    expect((await ask('/guarded', undefined, headers)).body['user']).toMatchObject({ sub: expect.any(String) });
  });
});

it.each(['Express', 'Fastify'] as const)('a guard settles after a response was sent on %s', async (platform) => {
  const settled: string[] = [];
  class Timed extends AuthGuard('genauth-password') {
    override async canActivate(context: ExecutionContext): Promise<boolean> {
      const response = context
        .switchToHttp()
        .getResponse<{ status: (code: number) => { send: (text: string) => void } }>();
      response.status(503).send('slow');
      return (super.canActivate(context) as Promise<boolean>).finally(() => settled.push('settled'));
    }
  }
  @Public()
  @Controller()
  class Late {
    @UseGuards(Timed)
    @Post('late')
    late(): void {}
  }
  const ask = await start(platform, { controllers: [Late] });
  expect((await ask('/late', { ...ALICE, password: 'wrong' })).status).toBe(503);
  await until(() => settled.length === 1);
  expect(settled).toEqual(['settled']);
});
