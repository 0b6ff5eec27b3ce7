import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { Test } from '@nestjs/testing';
import { GenAuthClient } from '../../src/index.js';
import { CurrentUser, GenAuthGuard, GenAuthModule, getGenAuthClientToken } from '../../src/nest/index.js';
import { GenAuthTestKit, GenAuthTestingModule } from '../../src/testing/index.js';
import { PLATFORMS, type Platform } from '../support/nest-app.js';
import { PRODUCTION, createTestedApp, makeAppModule, useClosing, useTestKit } from './support.js';

const kit = useTestKit();
const close = useClosing();

@Controller()
class Passport {
  @UseGuards(AuthGuard('genauth-bearer'))
  @Get('passport')
  get(@CurrentUser() user: unknown): object {
    return { user };
  }
}

test.each(Object.keys(PLATFORMS) as Platform[])(
  'an application of Nest on %s keeps its options and guards, and signs users in',
  async (platform) => {
    const own = { scope: ['openid', 'email'], userClaims: 'userinfo', clockTolerance: 7 } as const;
    const app = close(await createTestedApp(platform, kit(), makeAppModule({ ...PRODUCTION, ...own }, Passport)));
    const { options } = app.get(GenAuthClient);
    expect(options).toMatchObject({ ...own, name: 'genauth' });
    expect(new URL(options.appHost).hostname).toBe('127.0.0.1');
    const user = { sub: 'alice', email: 'a@example.com', email_verified: false };
    const { as, mint } = kit();
    expect(await as(app, user).get('/me')).toMatchObject({ status: 200, body: { user } });
    expect(await as(app, user).get('/passport')).toMatchObject({ status: 200, body: { user } });
    expect(await as(app, mint.forged()).get('/me')).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
    expect(await as(app, mint.forged()).get('/passport')).toMatchObject({ status: 401 });
    const login = (password: string) => as(app, null).post('/login', { body: { account: 'alice', password } });
    expect([(await login('wrong')).status, (await login('passw0rd')).status]).toEqual([401, 201]);
  },
);

test('connects each of several GenAuth modules to a kit of its own', async () => {
  @Controller()
  class Two {
    @UseGuards(GenAuthGuard)
    @Get('customers')
    customers(): void {}

    @UseGuards(GenAuthGuard.named('staff'))
    @Get('staff')
    staff(): void {}
  }
  const staffOptions = { ...PRODUCTION, audience: 'https://staff.example', name: 'staff' };
  @Module({ imports: [GenAuthModule.forRoot(PRODUCTION), GenAuthModule.forRoot(staffOptions)], controllers: [Two] })
  class AppModule {}
  await using staff = await GenAuthTestKit.start();
  const builder = Test.createTestingModule({ imports: [AppModule] });
  GenAuthTestingModule.override(GenAuthTestingModule.override(builder, kit()), staff, 'staff');
  const app = close((await builder.compile()).createNestApplication({ logger: false }));
  const ask = async (genauth: GenAuthTestKit) =>
    Promise.all(['/customers', '/staff'].map(async (path) => (await genauth.as(app).get(path)).status));
  expect([await ask(kit()), await ask(staff)]).toEqual([
    [200, 401],
    [401, 200],
  ]);
  const { options } = app.get<GenAuthClient>(getGenAuthClientToken('staff'));
  expect(options).toMatchObject({ name: 'staff', audience: ['https://staff.example'] });
});
