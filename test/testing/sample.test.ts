import { type DynamicModule } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { AppModule } from '../../sample-app/app.module.js';
import { GuardedController } from '../../sample-app/guarded.controller.js';
import { Public } from '../../src/nest/index.js';
import { GenAuthTestingModule } from '../../src/testing/index.js';
import { PLATFORMS, type Platform } from '../support/nest-app.js';
import { useTestKit } from './support.js';

const kit = useTestKit();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Of the sample: its health check, its logins, what a person does without an access token, and what its page asks. */
const EXCEPT = [
  'GET /health',
  'POST /auth/login',
  'POST /auth/login/ad',
  'GET /auth/captcha',
  'POST /auth/refresh',
  'POST /auth/logout',
  'GET /demo/last-sign-in',
];

/** The sample as it is, for a tenant that no test can reach. */
function makeModule(): DynamicModule {
  return AppModule.forRoot({
    options: {
      appId: '65f0c1d2e3a4b5c6d7e8f901',
      appSecret: 'secret-of-production',
      appHost: 'https://tenant.invalid',
      scope: 'openid profile email phone roles offline_access',
      userClaims: 'userinfo',
    },
    port: 0,
    host: '127.0.0.1',
    trustProxy: false,
    emulator: undefined,
  });
}

async function start(platform: Platform, module: DynamicModule) {
  const builder = GenAuthTestingModule.override(Test.createTestingModule({ imports: [module] }), kit());
  const app = (await builder.compile()).createNestApplication(PLATFORMS[platform](), { logger: false });
  closing.push(() => app.close());
  return app;
}

describe.each(Object.keys(PLATFORMS) as Platform[])('the sample on %s', (platform) => {
  it.each([
    ['/me', { sub: 'me', email: 'me@example.com' }, 200],
    ['/me', null, 401],
    ['/admin', { roles: ['admin'] }, 200],
    ['/admin', {}, 403],
    ['/orders', {}, 200],
    ['/orders', { scope: 'openid profile' }, 403],
    ['/health', null, 200],
  ])('answers %s for %j with %i', async (path, who, status) => {
    const answer = await kit()
      .as(await start(platform, makeModule()), who)
      .get(path);
    expect(answer.status).toBe(status);
    if (path === '/me' && who !== null) expect(answer.body).toMatchObject(who);
  });

  it('is guarded', async () => {
    await kit().assertProtected(await start(platform, makeModule()), { except: EXCEPT });
  });

  it('is not, once its guard is gone', async () => {
    const module = makeModule();
    const providers = (module.providers ?? []).filter((provider) => !('useExisting' in (provider as object)));
    expect(providers).toHaveLength(1);
    const app = await start(platform, { ...module, providers });
    const { message } = (await kit()
      .assertProtected(app, { except: EXCEPT })
      .catch((error: unknown) => error)) as Error;
    expect(message.match(/- \S+ \S+: 200 without a token/g)?.sort()).toEqual([
      '- GET /admin: 200 without a token',
      '- GET /me: 200 without a token',
      '- GET /orders: 200 without a token',
    ]);
  });

  it('is not, once one route is public', async () => {
    const descriptor = Object.getOwnPropertyDescriptor(GuardedController.prototype, 'me') as PropertyDescriptor;
    const me = descriptor.value as object;
    const before = Reflect.getMetadataKeys(me) as unknown[];
    Public()(GuardedController.prototype, 'me', descriptor);
    const added = (Reflect.getMetadataKeys(me) as unknown[]).filter((key) => !before.includes(key));
    try {
      const app = await start(platform, makeModule());
      await expect(kit().assertProtected(app, { except: EXCEPT })).rejects.toThrow(
        /^assertProtected found 1 mistake:\n {2}- GET \/me: 200 without a token/,
      );
    } finally {
      for (const key of added) Reflect.deleteMetadata(key, me);
    }
  });
});
