import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { storeAsDictionary } from '../../src/web/dictionary-mode.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { ask, useWebServer } from '../support/web-server.js';

// Node.js 24 and later have V8 13 or later.
const IS_OLD_V8 = Number(process.versions.v8.split('.')[0]) < 13;
const serve = useWebServer();

/** Whether V8 stores the properties of an object as a dictionary. */
const isDictionary = ((): ((value: object) => boolean) => {
  setFlagsFromString('--allow-natives-syntax');
  const isFast = runInThisContext('(value) => %HasFastProperties(value)') as (value: object) => boolean;
  // V8 compiles the function at its first call.
  isFast({});
  setFlagsFromString('--no-allow-natives-syntax');
  return (value) => !isFast(value);
})();

it.each(EXPRESS_VERSIONS)('changes a request of %s to a dictionary with the same properties', async (_, createApp) => {
  const seen: unknown[] = [];
  const describe = (req: object): unknown =>
    Object.fromEntries(Reflect.ownKeys(req).map((key) => [key, Object.getOwnPropertyDescriptor(req, key)]));
  const app = createApp();
  app.get('/orders', (req, res) => {
    const before = describe(req);
    storeAsDictionary(req);
    seen.push(isDictionary(req), describe(req), before);
    res.json({ path: req.path, agent: req.get('x-agent'), client: req.statusMessage });
  });
  const { text } = await ask(await serve(app), { path: '/orders?page=2', headers: { 'x-agent': 'test' } });
  expect(JSON.parse(text)).toEqual({ path: '/orders', agent: 'test', client: null });
  const [hasChanged, after, before] = seen;
  expect(hasChanged).toBe(IS_OLD_V8);
  expect(after).toEqual(before);
});

it.each([
  ['a request without a framework', () => new IncomingMessage(new Socket())],
  ['a request of Fastify', () => ({ raw: new IncomingMessage(new Socket()), headers: {} })],
  ['an object whose prototype has statusMessage', () => Object.create({ statusMessage: 'OK' }) as object],
  ['an object without a prototype', () => Object.freeze({ __proto__: null, headers: {} })],
])('does not change %s', (_, create) => {
  const request = create();
  const [keys, wasDictionary] = [Reflect.ownKeys(request), isDictionary(request)];
  storeAsDictionary(request);
  expect([Reflect.ownKeys(request), isDictionary(request)]).toEqual([keys, wasDictionary]);
});
