import { createServer } from 'node:http';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import express from 'express';
import request from 'supertest';
import { GenAuthClient, requireAuth } from '../../src/index.js';
import { GenAuthTestKit } from '../../src/testing/index.js';
import { PLATFORMS, type Platform } from '../support/nest-app.js';
import { ROOT } from '../support/process.js';
import {
  EXPRESS,
  type ExpressName,
  PRODUCTION,
  PUBLIC_ROUTES,
  createExpressApp,
  createTestedApp,
  makeAppModule,
  useTestKit,
} from './support.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** What echoes a request. */
function createEcho() {
  const app = express().use(express.json()).use(express.text());
  app.all('/echo', (req, res) => {
    const { authorization, 'x-own': own } = req.headers;
    res
      .set('x-method', req.method)
      .json({ method: req.method, url: req.url, authorization, own, body: req.body ?? null });
  });
  app.get('/text', (_req, res) => void res.send('{"not": "parsed"}'));
  app.get('/empty', (_req, res) => void res.status(204).end());
  app.get('/problem', (_req, res) => void res.type('application/problem+json').send('{"title":"no"}'));
  app.get('/moved', (_req, res) => res.redirect('/echo'));
  return app;
}

describe('as', () => {
  const kit = useTestKit();
  beforeEach(() => void kit().redirect(PRODUCTION));

  it.each(['get', 'post', 'put', 'patch', 'delete', 'options'] as const)('sends %s', async (method) => {
    const { status, body } = await kit().as(createEcho(), 'a-token')[method]('/echo?a=1');
    expect([status, body]).toMatchObject([
      200,
      { method: method.toUpperCase(), url: '/echo?a=1', authorization: 'Bearer a-token' },
    ]);
  });

  it('sends head', async () => {
    const { status, headers, text, body } = await kit().as(createEcho()).head('/echo');
    expect([status, headers['x-method'], text, body]).toEqual([200, 'HEAD', '', '']);
  });

  it.each([
    [{ body: { a: 1 } }, { body: { a: 1 } }],
    [{ body: [1] }, { body: [1] }],
    [{ body: 'text', headers: { 'content-type': 'text/plain' } }, { body: 'text' }],
    [{ body: Buffer.from('bytes'), headers: { 'content-type': 'text/plain' } }, { body: 'bytes' }],
    [{ headers: { 'x-own': 'mine', authorization: 'Basic x' } }, { own: 'mine', authorization: 'Basic x' }],
  ])('sends %j', async (message, received) => {
    expect((await kit().as(createEcho()).post('/echo', message)).body).toMatchObject(received);
  });

  it('is somebody, a token, or nobody', async () => {
    const who = async (...args: [] | [{ sub: string } | string | null]): Promise<unknown> => {
      const { body } = await kit()
        .as(createEcho(), ...args)
        .get('/echo');
      return (body as { authorization?: string }).authorization;
    };
    expect(await who()).toMatch(/^Bearer (?:[\w-]+\.){2}[\w-]+$/);
    const payload = String(await who({ sub: 'me' })).split('.')[1] ?? '';
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({ sub: 'me' });
    expect(await who('abc')).toBe('Bearer abc');
    expect(await who(null)).toBeUndefined();
  });

  it.each([
    ['/text', 200, '{"not": "parsed"}'],
    ['/empty', 204, ''],
    ['/problem', 200, { title: 'no' }],
    ['/moved', 302, expect.stringContaining('/echo')],
    ['/nothing', 404, expect.stringContaining('Cannot GET')],
  ])('gives what %s answers', async (path, status, body) => {
    const answer = await kit().as(createEcho(), null).get(path);
    expect([answer.status, answer.body]).toEqual([status, body]);
  });

  it('takes a server, listening or not, and leaves it as it was', async () => {
    const server = createServer(createEcho());
    expect((await kit().as(server).get('/echo')).status).toBe(200);
    expect(server.listening).toBe(false);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    expect((await kit().as(server).get('/echo')).status).toBe(200);
    expect(server.listening).toBe(true);
    await new Promise((resolve) => server.close(resolve));
  });

  it.each(Object.keys(PLATFORMS) as Platform[])(
    'takes Nest on %s before its init and after, listening',
    async (platform) => {
      const app = await createTestedApp(platform, kit(), makeAppModule(PRODUCTION));
      closing.push(() => app.close());
      expect((await kit().as(app).get('/me')).status).toBe(200);
      await app.init();
      expect((await kit().as(app).get('/me')).status).toBe(200);
      await app.listen(0, '127.0.0.1');
      expect((await kit().as(app).get('/me')).status).toBe(200);
    },
  );

  it.each([{}, [], { listen: () => {} }])('refuses %j', async (app) => {
    await expect(kit().as(app).get('/')).rejects.toThrow(
      'app: expected a Nest, Express or Fastify application, or an HTTP server',
    );
    await expect(kit().assertProtected(app)).rejects.toThrow('app: expected a Nest, Express or Fastify application');
  });

  it('rejects where the application ends the connection', async () => {
    const app = express().get('/', (req) => req.socket.destroy());
    await expect(kit().as(app).get('/')).rejects.toThrow('socket hang up');
  });

  it('is not needed: a token goes into supertest as well', async () => {
    const client = new GenAuthClient<string>(kit().redirect(PRODUCTION));
    closing.push(() => client.close());
    const token = kit().mint.valid({ roles: ['admin'] });
    await request(createExpressApp('Express 5', client)).get('/admin').auth(token, { type: 'bearer' }).expect(200);
  });
});

describe('several kits', () => {
  it('do not mix, however they are interleaved', async () => {
    const kits = await Promise.all([GenAuthTestKit.start(), GenAuthTestKit.start()]);
    closing.push(() => Promise.all(kits.map((kit) => kit.stop())));
    const apps = await Promise.all(
      kits.map(async (genauth, i) => {
        const client = new GenAuthClient<string>(genauth.redirect({ ...PRODUCTION, userClaims: 'userinfo' }));
        closing.push(() => client.close());
        if (i === 0) return createExpressApp('Express 5', client);
        const app = await createTestedApp('Fastify', genauth, makeAppModule({ ...PRODUCTION, userClaims: 'userinfo' }));
        closing.push(() => app.close());
        return app;
      }),
    );
    const asked = Array.from({ length: 60 }, async (_, i) => {
      const [from, to] = [i % 2, Math.floor(i / 2) % 2] as const;
      const token = kits[from]?.mint.valid({ sub: `user-${i}`, name: `Name ${i}` });
      const { status, body } = await (kits[to] as GenAuthTestKit).as(apps[to] as object, token ?? '').get('/me');
      return [from === to, status, (body as { user?: { sub: string; name: string } }).user];
    });
    expect(await Promise.all(asked)).toEqual(
      asked.map((_, i) => {
        const isOwn = i % 2 === Math.floor(i / 2) % 2;
        const user = expect.objectContaining({ sub: `user-${i}`, name: `Name ${i}` });
        return [isOwn, isOwn ? 200 : 401, isOwn ? user : undefined];
      }),
    );
    await Promise.all([
      kits[0].assertProtected(apps[0] as object, { except: ['/health'] }),
      kits[1].assertProtected(apps[1] as object, { except: PUBLIC_ROUTES }),
    ]);
  });

  it('follow the options that were redirected last', async () => {
    await using genauth = await GenAuthTestKit.start();
    const read = (token: string): unknown => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    genauth.redirect({ scope: ['openid', 'email'], audience: 'one' });
    expect(read(genauth.mint.valid())).toMatchObject({ scope: 'openid email', aud: 'one' });
    genauth.redirect();
    expect(read(genauth.mint.valid())).toMatchObject({ scope: 'openid profile', aud: genauth.redirect().appId });
  });
});

describe('a kit', () => {
  it.each(Object.keys(EXPRESS) as ExpressName[])(
    'refuses a test that is not connected with it, on %s',
    async (version) => {
      await using genauth = await GenAuthTestKit.start();
      const client = new GenAuthClient<string>(PRODUCTION);
      closing.push(() => client.close());
      const app = createExpressApp(version, client);
      const unconnected = expect.objectContaining({ message: expect.stringContaining('genauth.redirect(options)') });
      expect(() => genauth.mint.valid()).toThrow(unconnected);
      expect(() => genauth.as(app)).toThrow(unconnected);
      await expect(genauth.assertProtected(app)).rejects.toEqual(unconnected);
    },
  );

  it('does not start in production', async () => {
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    try {
      await expect(GenAuthTestKit.start()).rejects.toMatchObject({ code: 'production_refused' });
    } finally {
      process.env['NODE_ENV'] = before;
    }
  });

  it('refuses options that the application itself would refuse', async () => {
    await using genauth = await GenAuthTestKit.start();
    expect(() => genauth.redirect({ scope: ['email'] })).toThrow('openid');
    expect(() => genauth.redirect({ timeot: 1 } as object)).toThrow('timeot');
  });

  it('has the users that it was given, and a secret that nobody else has', async () => {
    await using genauth = await GenAuthTestKit.start({ users: [{ username: 'carol', password: 'c' }] });
    const options = genauth.redirect(PRODUCTION);
    const client = new GenAuthClient(options);
    closing.push(() => client.close());
    expect((await client.signIn({ account: 'carol', password: 'c' })).kind).toBe('success');
    expect((await client.signIn({ account: 'alice', password: 'passw0rd' })).kind).toBe('invalid_credentials');
    await using other = await GenAuthTestKit.start();
    expect(other.redirect().appSecret).not.toBe(options.appSecret);
    expect(options.appSecret).not.toBe(PRODUCTION.appSecret);
  });

  it.each(['client_secret_post', 'client_secret_basic', 'none'] as const)(
    'signs people in where the tenant has %s',
    async (tokenEndpointAuthMethod) => {
      await using genauth = await GenAuthTestKit.start();
      const client = new GenAuthClient(genauth.redirect({ ...PRODUCTION, tokenEndpointAuthMethod }));
      expect(client.options.tokenEndpointAuthMethod).toBe('client_secret_post');
      closing.push(() => client.close());
      expect((await client.signIn({ account: 'alice', password: 'passw0rd' })).kind).toBe('success');
    },
  );

  it('lets go of its address when it stops, at once and more than once', async () => {
    const genauth = await GenAuthTestKit.start();
    const { appHost } = genauth.redirect();
    expect((await fetch(`${appHost}/oidc/.well-known/jwks.json`)).status).toBe(200);
    await Promise.all([genauth.stop(), genauth.stop()]);
    await genauth.stop();
    await expect(fetch(`${appHost}/oidc/.well-known/jwks.json`)).rejects.toThrow('fetch failed');
  });

  it('guards with options that were destructured', async () => {
    await using genauth = await GenAuthTestKit.start();
    const client = new GenAuthClient<string>(genauth.redirect(PRODUCTION));
    closing.push(() => client.close());
    const app = express().get('/me', requireAuth(client), (_req, res) => void res.json({}));
    const { as, assertProtected, mint } = genauth;
    const { valid, withoutScope } = mint;
    expect((await as(app, valid()).get('/me')).status).toBe(200);
    expect((await as(app, withoutScope()).get('/me')).status).toBe(200);
    await assertProtected(app);
  });
});

it('is imported by nothing that it tests', () => {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const sources = files.filter((file) => file.endsWith('.ts'));
  const importers = sources.filter((file) =>
    /from '[^']*\btesting\//.test(readFileSync(join(ROOT, 'src', file), 'utf8')),
  );
  expect(sources).toContain(join('testing', 'index.ts'));
  expect(importers).toEqual([]);
});
