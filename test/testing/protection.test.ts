import { AssertionError } from 'node:assert';
import { type ServerResponse, createServer } from 'node:http';
import { All, Controller, Get, Header, Module, Post, Redirect, Sse, type Type, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import express from 'express';
import Fastify from 'fastify';
import { NEVER } from 'rxjs';
import { GenAuthClient, requireAuth } from '../../src/index.js';
import { GenAuthGuard, OptionalAuth, Public } from '../../src/nest/index.js';
import type { ProtectionOptions } from '../../src/testing/index.js';
import { PLATFORMS, type Platform } from '../support/nest-app.js';
import {
  EXPRESS,
  type ExpressName,
  ForgottenController,
  PRODUCTION,
  PUBLIC_ROUTES,
  PassportController,
  ShopController,
  createExpressApp,
  createTestedApp,
  makeAppModule,
  useTestKit,
} from './support.js';

const kit = useTestKit();
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function makeClient(): GenAuthClient<string> {
  const client = new GenAuthClient<string>(kit().redirect(PRODUCTION));
  closing.push(() => client.close());
  return client;
}

/** What `assertProtected` says, line by line without the head and the advice; nothing where all is well. */
async function check(app: object, options?: ProtectionOptions): Promise<string[]> {
  try {
    await kit().assertProtected(app, options);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(AssertionError);
    const lines = (error as Error).message.split('\n');
    expect(lines[0]).toBe(`assertProtected found ${lines.length - 2} ${lines.length === 3 ? 'mistake' : 'mistakes'}:`);
    expect(lines.at(-1)).toContain('Add a guard to each open route');
    return lines.slice(1, -1).map((line) => line.replace(/^ {2}- /, ''));
  }
}

const EVERY_ATTEMPT = (status: number): string =>
  `${status} without a token, ${status} with an expired token, ${status} with a forged token`;

describe.each(Object.keys(PLATFORMS) as Platform[])('an application of Nest on %s', (platform) => {
  async function make(...settings: Parameters<typeof makeAppModule> extends [unknown, ...infer Rest] ? Rest : never) {
    const app = await createTestedApp(platform, kit(), makeAppModule(PRODUCTION, ...settings));
    closing.push(() => app.close());
    return app;
  }

  it('passes where every route is guarded or named', async () => {
    expect(await check(await make(), { except: PUBLIC_ROUTES })).toEqual([]);
  });

  it('passes while it listens, and still answers afterwards', async () => {
    const app = await make();
    await app.listen(0, '127.0.0.1');
    expect(await check(app, { except: PUBLIC_ROUTES })).toEqual([]);
    expect((await fetch(`${await app.getUrl()}/health`)).status).toBe(200);
  });

  it('fails for each route that is public and not named', async () => {
    expect(await check(await make())).toEqual(
      expect.arrayContaining([`GET /health: ${EVERY_ATTEMPT(200)}`, `POST /login: ${EVERY_ATTEMPT(400)}`]),
    );
  });

  it('fails for one @Public() too many', async () => {
    const app = await make({ controllers: [ShopController, ForgottenController] });
    expect(await check(app, { except: PUBLIC_ROUTES })).toEqual([`GET /invoices/:id: ${EVERY_ATTEMPT(200)}`]);
  });

  it('fails for every route once the guard of the application is gone', async () => {
    const mistakes = await check(await make({ guarded: false }), { except: PUBLIC_ROUTES });
    expect(mistakes.map((mistake) => mistake.replace(/:? \d.*/, '')).sort()).toEqual([
      'DELETE /orders/:id',
      'GET /admin',
      'GET /me',
      'GET /orders/:id',
      'GET /tenants/:tenant',
    ]);
  });

  it('fails for the one controller whose own guard is gone', async () => {
    @Controller('unguarded')
    class Bare {
      @Get()
      get(): string {
        return 'open';
      }
    }
    @UseGuards(GenAuthGuard)
    @Controller('guarded')
    class Guarded extends Bare {
      @Get()
      override get(): string {
        return 'closed';
      }
    }
    const app = await make({ controllers: [Bare, Guarded, PassportController], guarded: false });
    expect(await check(app)).toEqual([`GET /unguarded: ${EVERY_ATTEMPT(200)}`]);
  });

  it.each([
    [['/health', 'POST /login'], []],
    [['health', 'post /login/'], []],
    [
      [...PUBLIC_ROUTES, 'GET /me'],
      ['GET /me: 401 without a token, but it is listed in except. Remove it from except'],
    ],
    [
      [...PUBLIC_ROUTES, '/orders/:any'],
      [
        'GET /orders/:id: 401 without a token, but it is listed in except. Remove it from except',
        'DELETE /orders/:id: 401 without a token, but it is listed in except. Remove it from except',
      ],
    ],
    [
      [...PUBLIC_ROUTES, 'POST /health'],
      ['POST /health: there is no such route, but it is listed in except. Correct or remove the entry'],
    ],
    [
      [...PUBLIC_ROUTES, '/helth'],
      ['/helth: there is no such route, but it is listed in except. Correct or remove the entry'],
    ],
  ])('with except %j says %j', async (except, mistakes) => {
    expect((await check(await make(), { except })).sort()).toEqual([...mistakes].sort());
  });

  it('takes an answer of a handler for open, whatever it is, and waits for none that never ends', async () => {
    @Public()
    @Controller()
    class Strange {
      @Get('moved')
      @Redirect('/login')
      moved(): void {}

      @Get('broken')
      broken(): void {
        throw new Error('on purpose');
      }

      @Sse('events')
      @Header('x-accel-buffering', 'no')
      events(): typeof NEVER {
        return NEVER;
      }

      @All('all')
      all(): object {
        return {};
      }
    }
    @OptionalAuth()
    @Controller('optional')
    class Optional {
      @Post()
      post(): object {
        return {};
      }
    }
    const app = await make({ controllers: [Strange as Type, Optional] });
    expect((await check(app)).sort()).toEqual(
      [
        `GET /moved: ${EVERY_ATTEMPT(302)}`,
        `GET /broken: ${EVERY_ATTEMPT(500)}`,
        `GET /events: ${EVERY_ATTEMPT(200)}`,
        'POST /optional: 201 without a token',
        ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map((method) => `${method} /all: ${EVERY_ATTEMPT(200)}`),
      ].sort(),
    );
  });

  it('asks with the headers and parameters that it was given', async () => {
    @Controller('things')
    class Things {
      @Get(':id/parts/:part')
      get(): object {
        return {};
      }
    }
    const app = await make({ controllers: [Things] });
    const seen: unknown[] = [];
    app.use((req: { originalUrl?: string; url: string; headers: object }, _res: unknown, next: () => void) => {
      seen.push([req.originalUrl ?? req.url, (req.headers as Record<string, unknown>)['x-version']]);
      next();
    });
    expect(await check(app, { params: { id: 'a b' }, headers: { 'x-version': '2' } })).toEqual([]);
    expect(seen).toContainEqual(['/things/a%20b/parts/1', '2']);
  });

  it('says so where it has no routes', async () => {
    expect(await check(await make({ controllers: [] }))).toEqual([
      'no route was found. Pass the complete application, after all its routes were added',
    ]);
  });
});

it.each(Object.keys(PLATFORMS) as Platform[])(
  'finds the routes of Nest on %s behind prefixes and versions',
  async (platform) => {
    @Controller({ path: 'deep/:a', version: '1' })
    class Deep {
      @Get(['one', 'two/:b'])
      get(): object {
        return {};
      }
    }
    @Module({ controllers: [Deep] })
    class DeepModule {}
    const app = await NestFactory.create(DeepModule, PLATFORMS[platform](), { logger: false });
    closing.push(() => app.close());
    app.setGlobalPrefix('api').enableVersioning();
    kit().redirect(PRODUCTION);
    expect(await check(app)).toEqual([
      `GET /api/v1/deep/:a/one: ${EVERY_ATTEMPT(200)}`,
      `GET /api/v1/deep/:a/two/:b: ${EVERY_ATTEMPT(200)}`,
    ]);
  },
);

const ORDERS = ['GET /orders/:id', 'POST /orders'];

describe.each(Object.keys(EXPRESS) as ExpressName[])('an application of %s', (version) => {
  it('passes where every route is guarded or named', async () => {
    expect(await check(createExpressApp(version, makeClient()), { except: ['/health'] })).toEqual([]);
  });

  it('fails for the routes of a router whose guard is gone', async () => {
    const app = createExpressApp(version, makeClient(), { guarded: false });
    expect(await check(app, { except: ['/health'] })).toEqual([
      `${ORDERS[0]}: ${EVERY_ATTEMPT(200)}`,
      `${ORDERS[1]}: ${EVERY_ATTEMPT(201)}`,
    ]);
  });

  it('fails where everything is answered', async () => {
    const { [version]: create } = EXPRESS;
    makeClient();
    const app = create().use((_req, res) => void res.json({}));
    expect(await check(app)).toEqual([
      `GET /: ${EVERY_ATTEMPT(200)}`,
      `GET * (a path without a route): ${EVERY_ATTEMPT(200)}`,
      'no route was found. Pass the complete application, after all its routes were added',
    ]);
  });

  it('fails where a token is read and not verified', async () => {
    const { [version]: create } = EXPRESS;
    makeClient();
    const app = create();
    app.get('/decoded', (req, res) => void res.status(req.headers.authorization === undefined ? 401 : 200).end());
    app.get('/expiry', (req, res) => {
      const { exp } = JSON.parse(atob(req.headers.authorization?.split('.')[1] ?? 'e30=')) as { exp?: number };
      res.status((exp ?? 0) * 1000 > Date.now() ? 200 : 401).end();
    });
    expect(await check(app)).toEqual([
      'GET /decoded: 200 with an expired token, 200 with a forged token',
      'GET /expiry: 200 with a forged token',
    ]);
  });

  it('finds what is mounted, however deep', async () => {
    const { [version]: create } = EXPRESS;
    const client = makeClient();
    const [app, outer, inner] = [create(), create.Router(), create.Router({ mergeParams: true })];
    inner
      .route('/list')
      .get((_req, res) => void res.json([]))
      .post((_req, res) => void res.json([]));
    inner.all('/any', requireAuth(client), (_req, res) => void res.json([]));
    outer.use('/of/:user', inner);
    app.use(['/a.b', '/c'], outer);
    app.use('/mounted', (_req, res) => void res.json({}));
    app.use('/passing', (_req, _res, next) => next());
    app.use('/closed', requireAuth(client), (_req, res) => void res.json({}));
    app.get(['/x', '/y'], (_req, res) => void res.json({}));
    expect(await check(app)).toEqual([
      ...['/a.b', '/c'].flatMap((base) =>
        ['GET', 'POST'].map((method) => `${method} ${base}/of/:user/list: ${EVERY_ATTEMPT(200)}`),
      ),
      `GET /mounted: ${EVERY_ATTEMPT(200)}`,
      `GET /x: ${EVERY_ATTEMPT(200)}`,
      `GET /y: ${EVERY_ATTEMPT(200)}`,
    ]);
  });

  it('names what it cannot see into, until that is named', async () => {
    const { [version]: create } = EXPRESS;
    const client = makeClient();
    const app = create();
    app.get('/guarded', requireAuth(client));
    app.get(/^\/re/, requireAuth(client));
    app.use(
      '/sub',
      create().get('/open', (_req, res) => void res.json({})),
    );
    const hidden = 'the paths behind this entry cannot be listed. Test them separately, and list this entry in except';
    expect(await check(app)).toEqual([`GET /(/^\\/re/): ${hidden}`, `GET /sub: ${hidden}`]);
    expect(await check(app, { except: ['/(/^\\/re/)', '/sub'] })).toEqual([]);
  });

  it('calls whatever has no answer open', async () => {
    const { [version]: create } = EXPRESS;
    makeClient();
    const app = create().get('/reset', (req) => req.socket.destroy());
    expect(await check(app)).toEqual(['GET /reset: no answer without a token']);
  });
});

it('says so where an older router of Express does not tell where things are', async () => {
  const app = createExpressApp('Express 5', makeClient());
  for (const layer of app.router.stack) delete (layer as { rawPath?: unknown }).rawPath;
  expect(await check(app, { except: ['/health'] })).toEqual([
    'GET /(unknown: npm update router): the paths behind this entry cannot be listed. ' +
      'Test them separately, and list this entry in except',
  ]);
});

it('takes 403 for closed, asks what is named once, and a path that nothing is at without harm', async () => {
  makeClient();
  const asked: string[] = [];
  const app = express().use((req, _res, next) => {
    asked.push(`${req.method} ${req.path}`);
    next();
  });
  app.get('/forbidden', (_req, res) => void res.status(403).end());
  app.post('/named', (_req, res) => void res.status(201).end());
  app.use((req, res) => void res.status(req.path === '/' ? 404 : 405).end());
  expect(await check(app, { except: ['POST /named'] })).toEqual([]);
  expect(asked.filter((line) => line === 'POST /named')).toHaveLength(1);
  expect(asked.filter((line) => line === 'GET /forbidden')).toHaveLength(3);
});

it('takes a route for a route where something is mounted as well', async () => {
  makeClient();
  const app = express().use((_req, _res, next) => next());
  app.get('/', (_req, res) => void res.status(404).end());
  app.use('/x', (_req, _res, next) => next());
  app.get('/x', (_req, res) => void res.status(404).end());
  app.use('/x', (_req, _res, next) => next());
  expect(await check(app)).toEqual([`GET /: ${EVERY_ATTEMPT(404)}`, `GET /x: ${EVERY_ATTEMPT(404)}`]);
});

it('has a page for all paths named as *', async () => {
  const app = express()
    .get('/me', requireAuth(makeClient()))
    .use((_req, res) => void res.send('page'));
  expect(await check(app, { except: ['/', '*'] })).toEqual([]);
  expect(await check(app, { except: ['*'] })).toEqual([`GET /: ${EVERY_ATTEMPT(200)}`]);
});

it('takes a bare Fastify', async () => {
  makeClient();
  const app = Fastify();
  closing.push(() => app.close());
  app.get('/open', async () => ({}));
  app.get('/closed', async (_req, reply) => reply.code(401).send());
  app.route({ method: 'GET', url: '/v', constraints: { version: '1.0.0' }, handler: async () => ({}) });
  app.route({ method: 'PUT', url: '/v', constraints: { version: '2.0.0' }, handler: async () => ({}) });
  app.all('/op*', async () => ({}));
  app.get('/open/:id(^\\d+$)/:more', async () => ({}));
  expect(await check(app)).toEqual([
    `GET /open: ${EVERY_ATTEMPT(200)}`,
    `GET /open/:id(^\\d+$)/:more: ${EVERY_ATTEMPT(200)}`,
    ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map((method) => `${method} /op*: ${EVERY_ATTEMPT(200)}`),
    `GET /v: ${EVERY_ATTEMPT(404)}`,
    `PUT /v: ${EVERY_ATTEMPT(404)}`,
  ]);
  expect(await check(app, { headers: { 'accept-version': '1.0.0' } })).toContain(`GET /v: ${EVERY_ATTEMPT(200)}`);
});

it('takes a wildcard of Fastify for a route', async () => {
  makeClient();
  const app = Fastify();
  closing.push(() => app.close());
  app.get('*', async () => ({}));
  expect(await check(app)).toEqual([`GET *: ${EVERY_ATTEMPT(200)}`]);
  expect(await check(app, { except: ['*'] })).toEqual([]);
});

it.each([
  ['a server', () => createServer((_req, res) => void res.end()), 'no route was found'],
  ['a function', () => (_req: unknown, res: ServerResponse) => void res.end(), 'no route was found'],
])('finds no routes in %s', async (_name, make, mistake) => {
  makeClient();
  expect(await check(make()).then((mistakes) => mistakes.at(-1))).toContain(mistake);
});

it('waits once, and no longer than 5 s, for a route that never answers', async () => {
  makeClient();
  const startedAt = performance.now();
  expect(await check(express().get('/never', () => {}))).toEqual(['GET /never: no answer without a token']);
  expect(performance.now() - startedAt).toBeLessThan(9_000);
}, 20_000);

it('tells an application that asks another GenAuth from a closed one', async () => {
  const real = new GenAuthClient<string>({ ...PRODUCTION, appHost: 'http://127.0.0.1:1', timeout: 500 });
  closing.push(() => real.close());
  makeClient();
  expect(await check(createExpressApp('Express 5', real), { except: ['/health'] })).toContainEqual(
    'GET /me: 503 with an expired token, 503 with a forged token',
  );
});
