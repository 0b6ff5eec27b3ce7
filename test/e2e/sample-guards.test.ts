import { Test } from '@nestjs/testing';
import type { Express } from 'express';
import { AppModule } from '../../sample-app/app.module.js';
import { makeApp } from '../../sample-app/express-app.js';
import type { Settings } from '../../sample-app/settings.js';
import { GenAuthClient } from '../../src/index.js';
import { GenAuthTestingModule } from '../../src/testing/index.js';
import { PLATFORMS } from '../support/nest-app.js';
import { useTestKit } from '../testing/support.js';

const kit = useTestKit();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** The settings of a production system. No test can reach its tenant. */
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

const PUBLIC_ROUTES = [
  'GET /health',
  'POST /auth/login',
  'POST /auth/login/ad',
  'GET /auth/captcha',
  'POST /auth/refresh',
  'POST /auth/logout',
  'GET /demo/last-sign-in',
];
/** In Express the page is part of the application. In Nest `main.ts` adds it. */
const PUBLIC_ROUTES_OF_EXPRESS = [...PUBLIC_ROUTES, 'GET /'];

async function createNest(): Promise<object> {
  const module = AppModule.forRoot(SETTINGS);
  const builder = GenAuthTestingModule.override(Test.createTestingModule({ imports: [module] }), kit());
  const app = (await builder.compile()).createNestApplication(PLATFORMS.Express(), { logger: false });
  closing.push(() => app.close());
  return app;
}

function createExpress(): Express {
  const client = new GenAuthClient(kit().redirect(SETTINGS.options));
  closing.push(() => client.close());
  return makeApp(client, SETTINGS);
}

describe.each<[string, () => object | Promise<object>, string[]]>([
  ['Nest', createNest, PUBLIC_ROUTES],
  ['Express', createExpress, PUBLIC_ROUTES_OF_EXPRESS],
])('the sample on %s, under the test kit', (_, create, except) => {
  it.each([
    ['/me', {}, 200],
    ['/admin', { roles: ['admin'] }, 200],
    ['/admin', {}, 403],
    ['/orders', {}, 200],
    ['/orders', { scope: 'openid profile' }, 403],
  ])('answers %s for the user %j with %i', async (path, user, status) => {
    const app = kit().as(await create(), user);
    expect((await app.get(path)).status).toBe(status);
  });

  it('guards every route that is not public', async () => {
    await kit().assertProtected(await create(), { except });
  });
});
