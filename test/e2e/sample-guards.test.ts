import type { DynamicModule } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { Express } from 'express';
import { AppModule } from '../../sample-app/app.module.js';
import { makeApp } from '../../sample-app/express-app.js';
import { GuardedController } from '../../sample-app/guarded.controller.js';
import type { Settings } from '../../sample-app/settings.js';
import { GenAuthClient } from '../../src/index.js';
import { Public } from '../../src/nest/index.js';
import { GenAuthTestingModule } from '../../src/testing/index.js';
import { PLATFORMS, type Platform } from '../support/nest-app.js';
import { useTestKit } from '../testing/support.js';

const kit = useTestKit();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** As for production: a tenant that no test can reach. */
const SETTINGS: Settings = {
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
};

/** Of both samples: the health check, the logins, what a person does without an access token, and what the page asks. */
const PUBLIC_ROUTES = [
  'GET /health',
  'POST /auth/login',
  'POST /auth/login/ad',
  'GET /auth/captcha',
  'POST /auth/refresh',
  'POST /auth/logout',
  'GET /demo/last-sign-in',
];
/** In Express the page itself is part of the application; in Nest main.ts adds it. */
const PUBLIC_ROUTES_OF_EXPRESS = [...PUBLIC_ROUTES, 'GET /'];
const GUARDED_PATHS = ['/admin', '/me', '/orders'];

async function createNest(platform: Platform, module = AppModule.forRoot(SETTINGS)) {
  const builder = GenAuthTestingModule.override(Test.createTestingModule({ imports: [module] }), kit());
  const app = (await builder.compile()).createNestApplication(PLATFORMS[platform](), { logger: false });
  closing.push(() => app.close());
  return app;
}

function createExpress(): Express {
  const client = new GenAuthClient(kit().redirect(SETTINGS.options));
  closing.push(() => client.close());
  return makeApp(client, SETTINGS);
}

/** What assertProtected finds, mistake by mistake, each up to its first status. */
async function listMistakes(app: object, except: string[]): Promise<string[]> {
  const error: unknown = await kit()
    .assertProtected(app, { except })
    .catch((reason: unknown) => reason);
  return [...String(error).matchAll(/^ {2}- (.*?)(?: without a token|$)/gm)].map(([, mistake = '']) => mistake).sort();
}

const NEST = Object.keys(PLATFORMS) as Platform[];
type Sample = [name: string, create: () => object | Promise<object>, except: string[]];
const SAMPLES: Sample[] = [
  ...NEST.map((platform): Sample => [`Nest, ${platform}`, () => createNest(platform), PUBLIC_ROUTES]),
  ['plain Express', createExpress, PUBLIC_ROUTES_OF_EXPRESS],
];

describe.each(SAMPLES)('the sample on %s', (_, create, except) => {
  it.each([
    ['/me', { sub: 'me', email: 'me@example.com' }, 200],
    ['/me', null, 401],
    ['/admin', { roles: ['admin'] }, 200],
    ['/admin', {}, 403],
    ['/admin', null, 401],
    ['/orders', {}, 200],
    ['/orders', { scope: 'openid profile' }, 403],
    ['/orders', null, 401],
    ['/health', null, 200],
  ])('answers %s for %j with %i', async (path, who, status) => {
    const answer = await kit()
      .as(await create(), who)
      .get(path);
    expect(answer.status).toBe(status);
    if (path === '/me' && who !== null) expect(answer.body).toMatchObject(who);
  });

  it('is guarded', async () => {
    await kit().assertProtected(await create(), { except });
  });
});

describe.each(NEST)('the sample on Nest, %s, is not guarded', (platform) => {
  it('once its guard is gone', async () => {
    const module = AppModule.forRoot(SETTINGS);
    const providers = (module.providers ?? []).filter((provider) => !('useExisting' in (provider as object)));
    expect(providers).toHaveLength(1);
    const unguarded: DynamicModule = { ...module, providers };
    expect(await listMistakes(await createNest(platform, unguarded), PUBLIC_ROUTES)).toEqual(
      GUARDED_PATHS.map((path) => `GET ${path}: 200`),
    );
  });

  it('once one route is public', async () => {
    const descriptor = Object.getOwnPropertyDescriptor(GuardedController.prototype, 'me') as PropertyDescriptor;
    const me = descriptor.value as object;
    const before = Reflect.getMetadataKeys(me) as unknown[];
    Public()(GuardedController.prototype, 'me', descriptor);
    const added = (Reflect.getMetadataKeys(me) as unknown[]).filter((key) => !before.includes(key));
    try {
      expect(await listMistakes(await createNest(platform), PUBLIC_ROUTES)).toEqual(['GET /me: 200']);
    } finally {
      for (const key of added) Reflect.deleteMetadata(key, me);
    }
  });
});

describe('the sample on plain Express is not guarded', () => {
  it.each([
    ['/me', 200],
    // Their handlers count on a user, and fail without one: open all the same.
    ['/admin', 500],
    ['/orders', 500],
  ])('once the guard of %s is gone', async (path, status) => {
    const app = createExpress();
    const handlers = app.router.stack.find(({ route }) => route?.path === path)?.route?.stack ?? [];
    // The guard, and what it stands before.
    expect(handlers).toHaveLength(2);
    handlers.shift();
    expect(await listMistakes(app, PUBLIC_ROUTES_OF_EXPRESS)).toEqual([`GET ${path}: ${status}`]);
  });

  it('once one more route is open', async () => {
    const app = createExpress().get('/invoices/:id', (_req, res) => void res.json({ amount: 1 }));
    expect(await listMistakes(app, PUBLIC_ROUTES_OF_EXPRESS)).toEqual(['GET /invoices/:id: 200']);
  });
});
