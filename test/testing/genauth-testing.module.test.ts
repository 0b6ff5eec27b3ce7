import { Controller, Get, Inject, Module, Post, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { Test } from '@nestjs/testing';
import { GenAuthClient, type GenAuthOptions } from '../../src/index.js';
import {
  AuthInfo,
  CurrentUser,
  GenAuthGuard,
  GenAuthModule,
  GenAuthPasswordGuard,
  getGenAuthClientToken,
} from '../../src/nest/index.js';
import { GenAuthTestKit, GenAuthTestingModule } from '../../src/testing/index.js';
import { PLATFORMS, type Platform } from '../support/nest-app.js';
import { PRODUCTION, createTestedApp, useClosing, useTestKit } from './support.js';

const kit = useTestKit();
const close = useClosing();

@Controller()
class Routes {
  @UseGuards(GenAuthGuard)
  @Get('me')
  me(@CurrentUser() user: unknown): object {
    return { user };
  }

  @UseGuards(AuthGuard('genauth-bearer'))
  @Get('passport')
  passport(): object {
    return {};
  }

  @UseGuards(GenAuthPasswordGuard)
  @Post('login')
  login(@CurrentUser('sub') sub: string, @AuthInfo() info: { tokens: { accessToken: string } }): object {
    return { sub, accessToken: info.tokens.accessToken };
  }
}

describe.each(Object.keys(PLATFORMS) as Platform[])('an application of Nest on %s', (platform) => {
  async function start(options: GenAuthOptions = PRODUCTION) {
    @Module({ imports: [GenAuthModule.forRoot(options)], controllers: [Routes] })
    class AppModule {}
    return close(await createTestedApp(platform, kit(), AppModule));
  }

  test('keeps its options', async () => {
    const app = await start({ ...PRODUCTION, scope: ['openid', 'email'], userClaims: 'userinfo', clockTolerance: 7 });
    const { options } = app.get(GenAuthClient);
    expect(options).toMatchObject({
      scope: ['openid', 'email'],
      userClaims: 'userinfo',
      clockTolerance: 7,
      name: 'genauth',
    });
    expect(new URL(options.appHost).hostname).toBe('127.0.0.1');
    const { status, body } = await kit().as(app, { sub: 'alice', email: 'a@example.com' }).get('/me');
    expect([status, body]).toEqual([200, { user: { sub: 'alice', email: 'a@example.com', email_verified: false } }]);
  });

  test('signs users in, and accepts their tokens', async () => {
    const app = await start();
    const login = (password: string) =>
      kit()
        .as(app, null)
        .post('/login', { body: { account: 'alice', password } });
    expect((await login('wrong')).status).toBe(401);
    const { sub, accessToken } = (await login('passw0rd')).body as { sub: string; accessToken: string };
    expect(await kit().as(app, accessToken).get('/me')).toMatchObject({ status: 200, body: { user: { sub } } });
  });

  test.each(['/me', '/passport'])('keeps the guard of %s', async (path) => {
    const app = await start();
    expect((await kit().as(app).get(path)).status).toBe(200);
    const { status, headers, body } = await kit().as(app, kit().mint.forged()).get(path);
    expect([status, body]).toMatchObject([401, { code: 'invalid_token' }]);
    expect(headers['www-authenticate']).toContain('error="invalid_token"');
  });

  test('answers an outage of GenAuth with 503', async () => {
    const app = await start();
    for (const endpoint of ['discovery', 'jwks'] as const) kit().fault({ endpoint, status: 503, times: 50 });
    expect((await kit().as(app).get('/me')).status).toBe(503);
  });
});

test('keeps options of a factory, which may lack the options of the tenant', async () => {
  const useFactory = () => ({ scope: ['openid', 'phone'] }) as unknown as GenAuthOptions;
  @Module({ imports: [GenAuthModule.forRootAsync({ useFactory })], controllers: [Routes] })
  class AppModule {}
  const app = close(await createTestedApp('Express', kit(), AppModule));
  expect(app.get(GenAuthClient).options.scope).toEqual(['openid', 'phone']);
  expect((await kit().as(app).get('/me')).status).toBe(200);
});

test('connects each of several GenAuth modules to a kit of its own', async () => {
  @Controller()
  class Two {
    constructor(@Inject(getGenAuthClientToken('staff')) readonly client: GenAuthClient) {}

    @UseGuards(GenAuthGuard)
    @Get('customers')
    customers(): object {
      return {};
    }

    @UseGuards(GenAuthGuard.named('staff'))
    @Get('staff')
    staff(): object {
      return {};
    }
  }
  const staffOptions = { ...PRODUCTION, appId: 'another', audience: 'https://staff.example', name: 'staff' };
  @Module({ imports: [GenAuthModule.forRoot(PRODUCTION), GenAuthModule.forRoot(staffOptions)], controllers: [Two] })
  class AppModule {}
  await using staff = await GenAuthTestKit.start();
  const builder = Test.createTestingModule({ imports: [AppModule] });
  GenAuthTestingModule.override(builder, kit());
  GenAuthTestingModule.override(builder, staff, 'staff');
  const app = close((await builder.compile()).createNestApplication({ logger: false }));
  const ask = async (genauth: GenAuthTestKit, path: string) => (await genauth.as(app).get(path)).status;
  expect([await ask(kit(), '/customers'), await ask(kit(), '/staff')]).toEqual([200, 401]);
  expect([await ask(staff, '/customers'), await ask(staff, '/staff')]).toEqual([401, 200]);
  const { options } = app.get<GenAuthClient>(getGenAuthClientToken('staff'));
  expect(options).toMatchObject({ name: 'staff', audience: ['https://staff.example'] });
});
