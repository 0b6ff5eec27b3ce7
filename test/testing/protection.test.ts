import { Controller, Get, VERSION_NEUTRAL, Version, VersioningType } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import express, { type Express } from 'express';
import Fastify from 'fastify';
import { Public, Roles } from '../../src/nest/index.js';
import { ProtectionError, type ProtectionOptions, checkProtection } from '../../src/testing/protection.js';
import { PLATFORMS, type Platform } from '../support/nest-app.js';
import { PRODUCTION, createTestedApp, makeAppModule, useClosing, useTestKit } from './support.js';

const kit = useTestKit();
const close = useClosing();
const ATTEMPTS = [
  ['without a token', undefined],
  ['with a token', 'token'],
] as const;

/** Returns the lines of the error without the first and the last one. Empty if there is no error. */
async function check(app: object, options?: ProtectionOptions): Promise<string[]> {
  const error: unknown = await checkProtection(app, ATTEMPTS, options).catch((fault: unknown) => fault);
  const lines = error === undefined ? ['', ''] : (error as ProtectionError).message.split('\n');
  return lines.slice(1, -1).map((line) => line.slice('  - '.length));
}
const open = (status: number): string => `${status} without a token, ${status} with a token`;
const CODES: Readonly<Record<number, string>> = { 401: 'token_missing', 403: 'insufficient_role' };
/** An application whose routes answer with these statuses, as passport-genauth does. */
function answer(statuses: Record<string, number>): Express {
  const app = express();
  for (const [path, status] of Object.entries(statuses))
    app.get(path, (_req, res) => void res.status(status).json({ code: CODES[status] }));
  return app;
}

test('throws an error of the test that lists all mistakes', async () => {
  const app = answer({ '/a': 200, '/b': 200 });
  const error = (await checkProtection(app, ATTEMPTS).catch((fault: unknown) => fault)) as ProtectionError;
  expect([error instanceof ProtectionError, error.name, error.mistakes.length]).toEqual([true, 'ProtectionError', 2]);
  expect(error.message.split('\n')).toEqual([
    'assertProtected found 2 mistakes:',
    `  - GET /a: ${open(200)}`,
    `  - GET /b: ${open(200)}`,
    'A guarded route answers 401 or 403. Add a guard to each open route, or list the route in except if it is public.',
  ]);
  expect(error.stack).not.toContain('checkProtection');
  await expect(checkProtection(app, ATTEMPTS, { except: ['/a'] })).rejects.toThrow('found 1 mistake:');
});

const refused = 'without a token, but it is listed in except. Remove it from except';
const unknown = 'there is no such route, but it is listed in except. Correct or remove the entry';
test('accepts public routes in except, and refuses entries that are guarded or unknown', async () => {
  const app = answer({ '/health': 200, '/me': 401, '/orders/:id': 403 });
  expect(await check(app, { except: ['get health/'] })).toEqual([]);
  expect(await check(app, { except: ['GET /me', '/orders/:any', 'POST /health', '/helth'] })).toEqual([
    `GET /health: ${open(200)}`,
    `GET /me: 401 ${refused}`,
    `GET /orders/:id: 403 ${refused}`,
    `POST /health: ${unknown}`,
    `/helth: ${unknown}`,
  ]);
});

/** Runs while the other tests run, because it waits for an answer that does not come. */
async function checkSlowApp(): Promise<[mistakes: string[], milliseconds: number]> {
  const app = answer({ '/broken': 500 }).get('/never', () => {});
  app.get(
    '/decoded',
    (req, res) => void res.status(req.headers.authorization === undefined ? 401 : 200).json({ code: 'token_missing' }),
  );
  app.get('/endless', (_req, res) => void res.write('x'));
  app.get('/reset', (req) => req.socket.destroy());
  const startedAt = performance.now();
  return [await check(app), performance.now() - startedAt];
}
let slow: ReturnType<typeof checkSlowApp>;
beforeAll(() => void (slow = checkSlowApp()));

test('fails if paths without a route are answered, except in case of an error', async () => {
  const app = express().use((_req, res) => void res.end());
  expect(await check(app)).toEqual([
    `GET /: ${open(200)}`,
    `GET * (a path without a route): ${open(200)}`,
    'no route was found. Pass the complete application, after all its routes were added',
  ]);
  app.get('/me', (_req, res) => void res.status(401).json({ code: 'token_missing' }));
  expect(await check(app, { except: ['/', '*'] })).toEqual([`GET /me: ${open(200)}`]);
  const failing = answer({ '/me': 401 }).use('/x', (_req, res) => void res.status(500).end());
  failing.use((req, res) => void res.status(req.path === '/' ? 404 : 400).end());
  expect(await check(failing)).toEqual([`GET /x: ${open(500)}`]);
});

test('tests a path as a route if there is a mount and a route, and names paths that cannot be listed', async () => {
  const app = express().use('/x', (_req, _res, next) => next());
  app.get('/x', (_req, res) => void res.status(404).end());
  app.use('/x', (_req, _res, next) => next()).use('/sub', express());
  const hidden = 'the paths behind this entry cannot be listed. Test them separately, and list this entry in except';
  expect(await check(app)).toEqual([`GET /x: ${open(404)}`, `GET /sub: ${hidden}`]);
  expect(await check(app, { except: ['/sub'] })).toEqual([`GET /x: ${open(404)}`]);
});

test('calls a route in except once, and other routes once per attempt, with the headers and parameters', async () => {
  const asked: unknown[] = [];
  const app = express().use(({ method, url, headers }, _res, next) => {
    asked.push([method, url, headers['x-version'], headers.authorization]);
    next();
  });
  app.get('/things/:id', (_req, res) => void res.status(401).json({ code: 'token_missing' }));
  app.post('/named', (_req, res) => void res.end());
  const headers = { 'x-version': '2' };
  expect(await check(app, { except: ['/named'], params: { id: 'a b' }, headers })).toEqual([]);
  expect(asked.slice(2, 5)).toEqual([
    ['GET', '/things/a%20b', '2', undefined],
    ['GET', '/things/a%20b', '2', 'Bearer token'],
    ['POST', '/named', '2', undefined],
  ]);
});

test('tests an application of Fastify', async () => {
  const app = close(Fastify());
  app.get('/v', { constraints: { version: '1.0.0' } }, async () => ({}));
  app.all('*', async (_req, reply) => reply.code(404).send());
  expect(await check(app)).toEqual([`GET /v: ${open(404)}`]);
  expect(await check(app, { headers: { 'accept-version': '1.0.0' } })).toContain(`GET /v: ${open(200)}`);
});

const platforms = Object.keys(PLATFORMS) as Platform[];
test.each(platforms)('tests an application of Nest on %s, which answers afterwards', async (platform) => {
  @Public()
  @Controller({ path: 'deep/:a', version: '1' })
  class Deep {
    @Get(['one', 'two/:b'])
    get(): void {}
  }
  const app = close(await createTestedApp(platform, kit(), makeAppModule(PRODUCTION, Deep)));
  app.setGlobalPrefix('api').enableVersioning();
  await app.listen(0, '127.0.0.1');
  const except = ['/api/health', '/api/login', '/api/v1/deep/:a/one', '/api/v1/deep/:a/two/:b'];
  expect(await check(app, { except })).toEqual([]);
  expect(await check(app, { except: except.slice(1) })).toEqual([`GET /api/health: ${open(200)}`]);
  expect((await fetch(`${await app.getUrl()}/api/health`)).status).toBe(200);
});

test('fails if a token is accepted or if a route does not answer, and waits for an answer once for 5 s', async () => {
  const [mistakes, milliseconds] = await slow;
  expect(mistakes).toEqual([
    `GET /broken: ${open(500)}`,
    'GET /never: no answer without a token',
    'GET /decoded: 200 with a token',
    `GET /endless: ${open(200)}`,
    'GET /reset: no answer without a token',
  ]);
  expect(milliseconds).toBeGreaterThan(4_900);
  expect(milliseconds).toBeLessThan(9_900);
});

test('counts only refusals of passport-genauth', async () => {
  const app = express().get('/login', (_req, res) => void res.status(401).set('www-authenticate', 'Basic').end());
  app.get('/orders/:id', (_req, res) => void res.status(403).json({ message: 'Forbidden' }));
  app.get('/me', (_req, res) => void res.status(401).set('www-authenticate', 'Basic, Bearer realm="genauth"').end());
  const other = (status: number): string =>
    ATTEMPTS.map(([attempt]) => `${status} ${attempt}, but not from passport-genauth`).join(', ');
  expect(await check(app)).toEqual([`GET /login: ${other(401)}`, `GET /orders/:id: ${other(403)}`]);
  expect(await check(app, { except: ['/login', '/orders/:id'] })).toEqual([]);
});

test('accepts a prefix in except, unless all its routes are guarded', async () => {
  const app = answer({ '/files/a': 200, '/files/b': 401, '/me': 401 });
  expect(await check(app, { except: ['GET /files*'] })).toEqual([]);
  expect(await check(app, { except: ['/fi*', '/m*', 'POST /files*'] })).toEqual([
    `GET /me: 401 ${refused}`,
    `POST /files*: ${unknown}`,
  ]);
});

/** One open handler and one guarded handler for the same method and path. */
@Controller('versions')
class Versions {
  @Version('1')
  @Get()
  first(): void {}

  @Public()
  @Version(['2', VERSION_NEUTRAL])
  @Get()
  second(): void {}
}

@Controller({ path: 'hosts', host: ':tenant.example.com' })
class Guarded {
  @Get()
  get(): void {}
}

@Public()
@Controller({ path: 'hosts', host: ['www.example.org', /^x/] })
class Open {
  @Get()
  get(): void {}
}

const except = ['/health', '/login'];
const HEADER = { type: VersioningType.HEADER, header: 'X-Version' } as const;
const MEDIA_TYPE = { type: VersioningType.MEDIA_TYPE, key: 'v=' } as const;
test.each([
  ['Express', HEADER],
  ['Express', MEDIA_TYPE],
  ['Fastify', HEADER],
  ['Fastify', MEDIA_TYPE],
] as const)('tests each version of a route of Nest on %s with %j', async (platform, versioning) => {
  const app = close(await createTestedApp(platform, kit(), makeAppModule(PRODUCTION, Versions)));
  app.enableVersioning(versioning);
  const second = `GET /versions (version 2): ${open(200)}`;
  expect(await check(app, { except })).toEqual([second, `GET /versions: ${open(200)}`]);
  const exceptSecond = [...except, 'GET /versions (version 2)'];
  expect(await check(app, { except: exceptSecond })).toEqual([`GET /versions: ${open(200)}`]);
});

test('tests each host of a route of Nest, and names handlers that it cannot reach', async () => {
  const app = close(await createTestedApp('Express', kit(), makeAppModule(PRODUCTION, Guarded, Open)));
  expect(await check(app, { except, params: { tenant: 'red' } })).toEqual([
    `GET /hosts (host www.example.org): ${open(200)}`,
    expect.stringMatching(/^GET \/hosts \(host \/\^x\/\): a function or a regular expression selects this handler/),
  ]);
});

test('knows the routes of Swagger', async () => {
  const app = close(await createTestedApp('Express', kit(), makeAppModule(PRODUCTION)));
  SwaggerModule.setup('docs/api', app, SwaggerModule.createDocument(app, new DocumentBuilder().build()));
  expect(await check(app, { except })).toEqual([]);
});

test('does not take another method at the path of a Swagger page for a part of the page', async () => {
  const app = answer({ '/api/swagger-ui-init.js': 200, '/api': 200, '/me': 401 });
  app.delete('/api', (_req, res) => void res.end());
  expect(await check(app)).toEqual([`DELETE /api: ${open(200)}`]);
});

test('reports what the check at the start of a Nest application finds', async () => {
  @Controller('service')
  class Helper {
    @Roles('admin')
    help(): void {}
  }
  const module = makeAppModule({ ...PRODUCTION, startupCheck: 'warn' }, Helper);
  const app = close(await createTestedApp('Express', kit(), module));
  expect(await check(app, { except })).toEqual([
    expect.stringMatching(/^Helper\.help has @Roles\(\), but Nest does not/),
  ]);
});
