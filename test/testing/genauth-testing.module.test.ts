import { Controller, Get, Inject, Injectable, Module, Post, UseGuards } from '@nestjs/common';
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
import { PRODUCTION, PassportController, createTestedApp, makeAppModule, useTestKit } from './support.js';

const kit = useTestKit();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

@Controller()
class Routes {
  @UseGuards(GenAuthGuard)
  @Get('me')
  me(@CurrentUser() user: unknown): object {
    return { user };
  }

  @UseGuards(GenAuthPasswordGuard)
  @Post('login')
  login(@CurrentUser('sub') sub: string, @AuthInfo() info: { tokens: { accessToken: string } }): object {
    return { sub, accessToken: info.tokens.accessToken };
  }
}

describe.each(Object.keys(PLATFORMS) as Platform[])('on %s', (platform) => {
  it('keeps the options of the application, but for who GenAuth is', async () => {
    const own: GenAuthOptions = {
      ...PRODUCTION,
      scope: ['openid', 'email'],
      audience: ['https://api.example'],
      userClaims: 'userinfo',
      clockTolerance: 7,
      issuer: 'https://tenant.invalid/oidc',
      jwksUri: 'https://tenant.invalid/keys',
      proxy: 'http://127.0.0.1:1',
      idTokenSignedResponseAlg: 'HS256',
      tokenEndpointAuthMethod: 'client_secret_basic',
    };
    const app = await createTestedApp(platform, kit(), makeAppModule(own, { controllers: [Routes], guarded: false }));
    closing.push(() => app.close());
    const { options } = app.get(GenAuthClient);
    expect(options).toMatchObject({
      scope: ['openid', 'email'],
      audience: ['https://api.example'],
      userClaims: 'userinfo',
      clockTolerance: 7,
      name: 'genauth',
      issuer: `${options.appHost}/oidc`,
      jwksUri: undefined,
      idTokenSignedResponseAlg: 'RS256',
    });
    expect(new URL(options.appHost).hostname).toBe('127.0.0.1');
    const { status, body } = await kit().as(app, { sub: 'somebody', email: 'a@example.com' }).get('/me');
    expect([status, body]).toEqual([200, { user: { sub: 'somebody', email: 'a@example.com', email_verified: false } }]);
  });

  it('makes the options of the application itself, which may lack what its environment would say', async () => {
    @Injectable()
    class Settings {
      readonly scope = ['openid', 'phone'];
    }
    @Module({ providers: [Settings], exports: [Settings] })
    class SettingsModule {}
    @Module({
      imports: [
        GenAuthModule.forRootAsync({
          imports: [SettingsModule],
          inject: [Settings],
          useFactory: ({ scope }: Settings) => ({ scope }) as unknown as GenAuthOptions,
        }),
      ],
      controllers: [Routes],
    })
    class AppModule {}
    const app = await createTestedApp(platform, kit(), AppModule);
    closing.push(() => app.close());
    expect(app.get(GenAuthClient).options.scope).toEqual(['openid', 'phone']);
    expect((await kit().as(app).get('/me')).status).toBe(200);
    expect((await kit().as(app, null).get('/me')).status).toBe(401);
  });

  it('signs people in, and takes their tokens', async () => {
    const module = makeAppModule(PRODUCTION, { controllers: [Routes], guarded: false });
    const app = await createTestedApp(platform, kit(), module);
    closing.push(() => app.close());
    const nobody = kit().as(app, null);
    const login = (password: string) => nobody.post('/login', { body: { account: 'alice', password } });
    expect((await login('wrong')).status).toBe(401);
    const { sub, accessToken } = (await login('passw0rd')).body as { sub: string; accessToken: string };
    const { status, body } = await kit().as(app, accessToken).get('/me');
    expect([status, body]).toMatchObject([200, { user: { sub } }]);
  });

  it('does not replace the guard, the strategy, or what they answer', async () => {
    const module = makeAppModule(PRODUCTION, { controllers: [Routes, PassportController], guarded: false });
    const app = await createTestedApp(platform, kit(), module);
    closing.push(() => app.close());
    expect(app.get(GenAuthGuard).constructor).toBe(GenAuthGuard);
    for (const path of ['/me', '/passport']) {
      expect((await kit().as(app).get(path)).status).toBe(200);
      const { status, headers, body } = await kit().as(app, kit().mint.forged()).get(path);
      expect([path, status, headers['www-authenticate'], (body as { code: string }).code]).toEqual([
        path,
        401,
        expect.stringContaining('error="invalid_token"'),
        'invalid_token',
      ]);
    }
  });

  it('tells an outage, as the guard does, from a token that is wrong', async () => {
    const app = await createTestedApp(platform, kit(), makeAppModule(PRODUCTION, { controllers: [Routes] }));
    closing.push(() => app.close());
    for (const endpoint of ['discovery', 'jwks'] as const) kit().fault({ endpoint, status: 503, times: 50 });
    expect((await kit().as(app).get('/me')).status).toBe(503);
  });
});

it('swaps each application of several by its name', async () => {
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
  @Module({
    imports: [
      GenAuthModule.forRoot(PRODUCTION),
      GenAuthModule.forRoot({ ...PRODUCTION, appId: 'another', audience: 'https://staff.example', name: 'staff' }),
    ],
    controllers: [Two],
  })
  class AppModule {}
  const staff = await GenAuthTestKit.start();
  closing.push(() => staff.stop());
  const builder = Test.createTestingModule({ imports: [AppModule] });
  GenAuthTestingModule.override(builder, kit());
  GenAuthTestingModule.override(builder, staff, 'staff');
  const app = (await builder.compile()).createNestApplication({ logger: false });
  closing.push(() => app.close());
  const ask = async (genauth: GenAuthTestKit) => [
    (await genauth.as(app).get('/customers')).status,
    (await genauth.as(app).get('/staff')).status,
  ];
  expect([await ask(kit()), await ask(staff)]).toEqual([
    [200, 401],
    [401, 200],
  ]);
  expect(app.get<GenAuthClient>(getGenAuthClientToken('staff')).options).toMatchObject({
    name: 'staff',
    audience: ['https://staff.example'],
  });
  await kit().assertProtected(app);
  await staff.assertProtected(app);
});
