import express5 from 'express';
import express4 from 'express4';
import Fastify from 'fastify';
import { type Route, buildSamplePath, listExpressRoutes, parseFastifyRoutes } from '../../src/testing/routes.js';

const show = ({ method, path, kind }: Route): string => `${method} ${path}${kind === 'route' ? '' : ` ${kind}`}`;
const list = (app: unknown): string[] => listExpressRoutes(app as never).map(show);
const handler = (): void => {};
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

test.each([
  ['4', express4],
  ['5', express5],
])('lists the routes of Express %s at any depth, the mounts, and the paths that cannot be listed', (_name, create) => {
  const [app, outer, inner] = [create(), create.Router(), create.Router({ mergeParams: true })];
  expect(list(app)).toEqual([]);
  inner.route('/list').get(handler).post(handler);
  outer.use('/of/:user', inner);
  app.use(['/a.b', '/c'], outer).use('/mounted', handler).use(handler).use('/sub', create().get('/open', handler));
  app.get(['/x', '/y/'], handler).all('/any', handler);
  app.get(/^\/re/, handler).use(/^\/(a|b)$/, handler);
  const nested = ['/a.b/of/:user/list', '/c/of/:user/list'].flatMap((path) => [`GET ${path}`, `POST ${path}`]);
  const unlisted = ['GET /sub hidden', 'GET /(/^\\/re/) hidden', 'GET /(/^\\/(a|b)$/) hidden'];
  const mounts = ['GET /mounted mount', 'GET / mount'];
  const routes = ['GET /x', 'GET /y', ...METHODS.map((method) => `${method} /any`)];
  expect(new Set(list(app))).toEqual(new Set([...nested, ...mounts, ...routes, ...unlisted]));
});

test('a path is unknown if an older router of Express does not store it', () => {
  const app = express5().use('/orders', handler);
  for (const layer of app.router.stack) delete (layer as { rawPath?: unknown }).rawPath;
  expect(list(app)).toEqual(['GET /(unknown: npm update router) hidden']);
});

test('lists the routes of Fastify', async () => {
  const app = Fastify();
  const paths = ['/open', '/open/:id(^\\d+$)/:more', '/open/:name/other'];
  for (const path of paths) app.get(path, handler);
  app.route({ method: 'GET', url: '/v', constraints: { version: '1.0.0' }, handler });
  app.route({ method: ['PUT', 'HEAD'], url: '/v', constraints: { version: '2.0.0' }, handler });
  app.all('/op*', handler).options('*', handler);
  await app.ready();
  const listed = parseFastifyRoutes(app.printRoutes()).map(show);
  const routes = [...paths.map((path) => `GET ${path}`), 'GET /v', 'PUT /v', 'HEAD /v'];
  expect(listed.sort()).toEqual([...routes, ...METHODS.map((method) => `${method} /op* mount`)].sort());
});

test.each([
  ['/orders/:id/parts/:part', { id: 'a b' }, '/orders/a%20b/parts/1'],
  ['/a{/:optional}/:id(^\\d+$)/:more?', {}, '/a/1/1'],
  ['/files/*path', {}, '/files/x'],
  ['*', {}, '/x'],
])('%s with %j is requested as %s', (path, params, url) => {
  expect(buildSamplePath(path, params as Record<string, string>)).toBe(url);
});
