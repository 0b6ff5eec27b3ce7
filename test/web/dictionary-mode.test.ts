import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import express, { type RequestHandler } from 'express';
import passport from 'passport';
import { GenAuthBearerStrategy, type GenAuthClient, requireAuth } from '../../src/index.js';
import { storeAsDictionary } from '../../src/web/dictionary-mode.js';
import { useClients } from '../support/client.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { useIssuer } from '../support/issuer.js';
import { ask, useWebServer } from '../support/web-server.js';

// Node.js 24 and later have V8 13 or later.
const IS_OLD_V8 = Number(process.versions.v8.split('.')[0]) < 13;
const issuer = useIssuer();
const open = useClients(issuer);
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
  ['requireAuth', (client: GenAuthClient) => requireAuth(client)],
  [
    'genauth-bearer',
    (client: GenAuthClient) => passport.authenticate(new GenAuthBearerStrategy(client), { session: false }),
  ],
] as const)('changes a request of Express to a dictionary behind %s', async (_, createGuard) => {
  const app = express();
  app.get('/orders', createGuard(open()) as RequestHandler, (req, res) => {
    res.json(isDictionary(req));
  });
  const authorization = `Bearer ${issuer().sign(issuer().accessTokenClaims())}`;
  expect(await ask(await serve(app), { path: '/orders', headers: { authorization } })).toMatchObject({
    status: 200,
    text: String(IS_OLD_V8),
  });
});

it.each([
  ['a request without a framework', () => new IncomingMessage(new Socket())],
  ['a request of Fastify', () => ({ raw: new IncomingMessage(new Socket()), headers: {} })],
  ['an object whose prototype has statusMessage', () => Object.create({ statusMessage: 'OK' }) as object],
  ['a request that cannot get new properties', () => Object.preventExtensions({ statusMessage: null })],
])('does not change %s', (_, create) => {
  const request = create();
  const [keys, wasDictionary] = [Reflect.ownKeys(request), isDictionary(request)];
  storeAsDictionary(request);
  expect([Reflect.ownKeys(request), isDictionary(request)]).toEqual([keys, wasDictionary]);
});
