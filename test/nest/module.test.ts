import { Controller, HttpCode, Injectable, Module, Post, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { GenAuthClient, type GenAuthOptions, type GenAuthUser } from '../../src/index.js';
import { GenAuthEmulator } from '../../src/emulator/index.js';
import { CurrentUser, GenAuthModule, type GenAuthOptionsFactory, GenAuthPasswordGuard } from '../../src/nest/index.js';
import { type RunningApp, send, startNestApp } from '../support/nest-app.js';

@Controller()
class LoginController {
  @UseGuards(AuthGuard('genauth-password'))
  @HttpCode(200)
  @Post('bare')
  bare(@CurrentUser() user: GenAuthUser): GenAuthUser {
    return user;
  }

  @UseGuards(GenAuthPasswordGuard)
  @HttpCode(200)
  @Post('own')
  own(@CurrentUser() user: GenAuthUser): GenAuthUser {
    return user;
  }
}

const ALICE = { account: 'alice', password: 'passw0rd' };
let emulator: GenAuthEmulator;
let options: GenAuthOptions;

beforeAll(async () => {
  emulator = await new GenAuthEmulator().start();
  options = { ...emulator.clientOptions, scope: 'openid email' };
});
afterAll(() => emulator.stop());

@Injectable()
class OptionsService implements GenAuthOptionsFactory {
  createGenAuthOptions(): GenAuthOptions {
    return options;
  }
}

@Module({ providers: [OptionsService], exports: [OptionsService] })
class ConfigModule {}

describe('forRoot and forRootAsync', () => {
  it.each([
    ['forRoot', () => GenAuthModule.forRoot(options)],
    ['useFactory, asynchronous', () => GenAuthModule.forRootAsync({ useFactory: () => Promise.resolve(options) })],
    [
      'useFactory with inject',
      () =>
        GenAuthModule.forRootAsync({
          imports: [ConfigModule],
          inject: [OptionsService],
          useFactory: (service: OptionsService) => service.createGenAuthOptions(),
        }),
    ],
    ['useClass', () => GenAuthModule.forRootAsync({ useClass: OptionsService })],
    ['useExisting', () => GenAuthModule.forRootAsync({ imports: [ConfigModule], useExisting: OptionsService })],
  ])('%s: importing the module is enough', async (_, makeModule) => {
    const running = await startNestApp('Express', { imports: [makeModule()], controllers: [LoginController] });
    try {
      for (const path of ['bare', 'own']) {
        const { status, body } = await send(`${running.url}/${path}`, { method: 'POST', body: ALICE });
        expect([status, body['email']]).toEqual([200, 'alice@example.com']);
      }
    } finally {
      await running.close();
    }
  });

  it('serves controllers of other modules without importing anything there', async () => {
    @Module({ controllers: [LoginController] })
    class FeatureModule {}
    const running = await startNestApp('Express', { imports: [GenAuthModule.forRoot(options), FeatureModule] });
    try {
      expect((await send(`${running.url}/own`, { method: 'POST', body: ALICE })).status).toBe(200);
    } finally {
      await running.close();
    }
  });

  it('does not start with wrong options, and names every mistake', async () => {
    const wrong = { appId: 'app', appHost: 'example.genauth.ai', scopes: ['openid'] } as unknown as GenAuthOptions;
    await expect(startNestApp('Express', { imports: [GenAuthModule.forRoot(wrong)] })).rejects.toMatchObject({
      name: 'ConfigurationError',
      code: 'invalid_options',
      message: expect.stringMatching(
        /appSecret is missing[^]*appHost is "example\.genauth\.ai"|scopes is not an option[^]*appSecret/,
      ),
    });
  });
});

describe('the life of the module', () => {
  it('fetches the keys once, at the start', async () => {
    emulator.reset();
    const running = await startNestApp('Express', { imports: [GenAuthModule.forRoot(options)] });
    await running.app.get(GenAuthClient).warmUp();
    expect(emulator.requests('jwks')).toBe(1);
    await running.close();
  });

  it('keeps two applications in one process apart where our own guards are used', async () => {
    const other = await new GenAuthEmulator({
      appId: 'other-app',
      users: [{ username: 'carol', password: 'other passw0rd', email: 'carol@example.org' }],
    }).start();
    const apps: RunningApp[] = [];
    try {
      const first = await startNestApp('Express', {
        imports: [GenAuthModule.forRoot(options)],
        controllers: [LoginController],
      });
      apps.push(first);
      const second = await startNestApp('Express', {
        imports: [GenAuthModule.forRoot({ ...other.clientOptions, scope: 'openid email' })],
        controllers: [LoginController],
      });
      apps.push(second);
      const carol = { account: 'carol', password: 'other passw0rd' };
      expect(await send(`${first.url}/own`, { method: 'POST', body: ALICE })).toMatchObject({
        status: 200,
        body: { email: 'alice@example.com' },
      });
      expect(await send(`${second.url}/own`, { method: 'POST', body: carol })).toMatchObject({
        status: 200,
        body: { email: 'carol@example.org' },
      });
      expect((await send(`${first.url}/own`, { method: 'POST', body: carol })).status).toBe(401);
    } finally {
      for (const app of apps) await app.close();
      await other.stop();
    }
  });
});
