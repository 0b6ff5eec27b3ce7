import { Test } from '@nestjs/testing';
import type { Express } from 'express';
import { AppModule } from '../../sample-app/app.module.js';
import { makeApp } from '../../sample-app/express-app.js';
import type { Settings } from '../../sample-app/settings.js';
import { GenAuthClient } from '../../src/index.js';
import { GenAuthTestingModule } from '../../src/testing/index.js';
import { PLATFORMS } from '../support/nest-app.js';
import { PRODUCTION, useClosing, useTestKit } from '../testing/support.js';

const kit = useTestKit();
const closeLater = useClosing();

const SETTINGS: Settings = {
  options: { ...PRODUCTION, scope: 'openid profile email phone roles offline_access', userClaims: 'userinfo' },
  port: 0,
  host: '127.0.0.1',
  trustProxy: false,
  emulator: undefined,
};

const PUBLIC_ROUTES = ['GET /health', 'GET /auth/captcha', 'GET /demo/last-sign-in'].concat(
  ['login', 'login/ad', 'refresh', 'logout'].map((name) => `POST /auth/${name}`),
);

async function createNest(): Promise<object> {
  const module = AppModule.forRoot(SETTINGS);
  const builder = GenAuthTestingModule.override(Test.createTestingModule({ imports: [module] }), kit());
  return closeLater((await builder.compile()).createNestApplication(PLATFORMS.Express(), { logger: false }));
}

function createExpress(): Express {
  return makeApp(closeLater(new GenAuthClient(kit().redirect(SETTINGS.options))), SETTINGS);
}

describe.each<[string, () => object | Promise<object>, string[]]>([
  ['Nest', createNest, PUBLIC_ROUTES],
  // In Express the page is part of the application. In Nest `main.ts` adds it.
  ['Express', createExpress, [...PUBLIC_ROUTES, 'GET /']],
])('the sample on %s, under the test kit', (_, create, except) => {
  it('requires the scopes of /orders', async () => {
    const app = kit().as(await create(), { scope: 'openid profile' });
    expect((await app.get('/orders')).status).toBe(403);
  });

  it('guards every route that is not public', async () => {
    await kit().assertProtected(await create(), { except });
  });
});
