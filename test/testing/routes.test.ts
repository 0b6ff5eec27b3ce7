import Fastify from 'fastify';
import { buildSamplePath, listExpressRoutes, parseFastifyRoutes } from '../../src/testing/routes.js';
import { EXPRESS, type ExpressName } from './support.js';

const show = ({ method, path, kind }: { method: string; path: string; kind: string }): string =>
  [method, path, ...(kind === 'route' ? [] : [kind])].join(' ');
const handler = (): void => {};

describe.each(Object.keys(EXPRESS) as ExpressName[])('of %s', (name) => {
  const { [name]: create } = EXPRESS;
  const list = (app: unknown): string[] => listExpressRoutes(app as never).map(show);

  test('routes are listed at any depth', () => {
    const [app, outer, inner] = [create(), create.Router(), create.Router({ mergeParams: true })];
    inner.route('/list').get(handler).post(handler);
    outer.use('/of/:user', inner);
    app.use(['/a.b', '/c'], outer);
    app.get(['/x', '/y/'], handler);
    const paths = ['/a.b/of/:user/list', '/c/of/:user/list'];
    const listed = paths.flatMap((path) => [`GET ${path}`, `POST ${path}`]);
    expect(list(app).slice(-6)).toEqual([...listed, 'GET /x', 'GET /y']);
  });

  test('a route for all methods is listed with the common methods', () => {
    const app = create();
    app.all('/any', handler);
    const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
    expect(list(app).slice(-5)).toEqual(methods.map((method) => `${method} /any`));
  });

  test('other handlers are mounts, and paths that cannot be listed are hidden', () => {
    const app = create();
    app.use('/mounted', handler);
    app.use(handler);
    app.get(/^\/re/, handler);
    app.use(/^\/(a|b)$/, handler);
    app.use('/sub', create().get('/open', handler));
    expect(list(app).slice(-5)).toEqual([
      'GET /mounted mount',
      'GET / mount',
      'GET /(/^\\/re/) hidden',
      'GET /(/^\\/(a|b)$/) hidden',
      'GET /sub hidden',
    ]);
  });

  test('an application without routes has none', () => {
    expect(list(create()).filter((line) => !line.endsWith('mount'))).toEqual([]);
  });
});

test('a path is unknown if an older router of Express does not store it', () => {
  const app = EXPRESS['Express 5']();
  app.use('/orders', handler);
  for (const layer of app.router.stack) delete (layer as { rawPath?: unknown }).rawPath;
  expect(listExpressRoutes(app as never).map(show)).toEqual(['GET /(unknown: npm update router) hidden']);
});

test('routes of Fastify are listed', async () => {
  const app = Fastify();
  app.get('/open', handler);
  app.get('/open/:id(^\\d+$)/:more', handler);
  app.get('/open/:name/other', handler);
  app.route({ method: 'GET', url: '/v', constraints: { version: '1.0.0' }, handler });
  app.route({ method: ['PUT', 'HEAD'], url: '/v', constraints: { version: '2.0.0' }, handler });
  app.all('/op*', handler);
  app.options('*', handler);
  await app.ready();
  const listed = parseFastifyRoutes(app.printRoutes()).map(show);
  const paths = ['GET /open', 'GET /open/:id(^\\d+$)/:more', 'GET /open/:name/other', 'GET /v', 'PUT /v', 'HEAD /v'];
  const mounts = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map((method) => `${method} /op* mount`);
  expect(listed.sort()).toEqual([...paths, ...mounts].sort());
});

test.each([
  ['/orders/:id', { id: 'a b' }, '/orders/a%20b'],
  ['/orders/:id/parts/:part', { id: '7' }, '/orders/7/parts/1'],
  ['/a/:id(^\\d+$)/b', {}, '/a/1/b'],
  ['/a{/:optional}/b', {}, '/a/b'],
  ['/a/:optional?', {}, '/a/1'],
  ['/files/*path', {}, '/files/x'],
  ['*', {}, '/x'],
])('%s with %j is requested as %s', (path, params, url) => {
  expect(buildSamplePath(path, params as Record<string, string>)).toBe(url);
});
