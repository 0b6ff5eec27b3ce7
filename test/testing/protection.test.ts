import { AssertionError } from 'node:assert';
import { Controller, Get } from '@nestjs/common';
import express, { type Express } from 'express';
import Fastify from 'fastify';
import { Public } from '../../src/nest/index.js';
import { type ProtectionOptions, checkProtection } from '../../src/testing/protection.js';
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
  const lines = error === undefined ? ['', ''] : (error as AssertionError).message.split('\n');
  return lines.slice(1, -1).map((line) => line.slice('  - '.length));
}
const open = (status: number): string => `${status} without a token, ${status} with a token`;
/** An application whose routes answer with these statuses. */
function answer(statuses: Record<string, number>): Express {
  const app = express();
  for (const [path, status] of Object.entries(statuses)) app.get(path, (_req, res) => void res.status(status).end());
  return app;
}

test('throws an AssertionError of the test that lists all mistakes', async () => {
  const app = answer({ '/a': 200, '/b': 200 });
  const error = (await checkProtection(app, ATTEMPTS).catch((fault: unknown) => fault)) as AssertionError;
  expect(error).toBeInstanceOf(AssertionError);
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
  app.get('/decoded', (req, res) => void res.status(req.headers.authorization === undefined ? 401 : 200).end());
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
  app.get('/me', (_req, res) => void res.status(401).end());
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
  app.get('/things/:id', (_req, res) => void res.status(401).end());
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
