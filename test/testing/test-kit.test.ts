import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decodeJwt } from 'jose';
import { GenAuthClient } from '../../src/index.js';
import { GenAuthTestKit } from '../../src/testing/index.js';
import { ROOT } from '../support/process.js';
import { PRODUCTION, createExpressApp, useClosing, useTestKit } from './support.js';

const kit = useTestKit();
const close = useClosing();
const connect = (genauth: GenAuthTestKit, changes: object = {}) =>
  close(new GenAuthClient<string>(genauth.redirect({ ...PRODUCTION, ...changes })));

test('redirects the options, and keeps all that do not identify the tenant', () => {
  const own = { scope: ['openid', 'email'], audience: ['https://api.example'], proxy: 'http://127.0.0.1:1' } as const;
  const tenant = { issuer: 'https://tenant.invalid/oidc', jwksUri: 'https://tenant.invalid/keys' };
  const methods = { idTokenSignedResponseAlg: 'HS256', tokenEndpointAuthMethod: 'client_secret_basic' } as const;
  const options = kit().redirect({ ...PRODUCTION, ...tenant, ...methods, ...own });
  expect(options).toMatchObject({ ...own, issuer: undefined, jwksUri: undefined, idTokenSignedResponseAlg: 'RS256' });
  expect(options.tokenEndpointAuthMethod).toBe('client_secret_post');
  expect(options.appHost).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(Object.values(PRODUCTION)).not.toContain(options.appId);
  expect(options.appSecret).not.toBe(PRODUCTION.appSecret);
  expect(() => kit().redirect({ timeot: 1 } as object)).toThrow('timeot');
});

test('makes tokens for the options that were redirected last', () => {
  kit().redirect({ scope: ['openid', 'email'], audience: 'one' });
  expect(decodeJwt(kit().mint.valid())).toMatchObject({ scope: 'openid email', aud: 'one' });
  const { appId } = kit().redirect();
  expect(decodeJwt(kit().mint.valid())).toMatchObject({ scope: 'openid profile', aud: appId });
});

test('sends requests as a user, with a token, or without a token', async () => {
  const app = createExpressApp(connect(kit()));
  const { as, mint } = kit();
  const ask = async (...who: [] | [Parameters<typeof as>[1]]) => (await as(app, ...who).get('/admin')).status;
  const token = mint.valid({ roles: ['admin'] });
  expect([await ask({ roles: ['admin'] }), await ask(token), await ask()]).toEqual([200, 200, 403]);
  expect([await ask('abc'), await ask(null)]).toEqual([401, 401]);
});

test('adds and removes faults of GenAuth', async () => {
  for (const endpoint of ['discovery', 'jwks'] as const) kit().fault({ endpoint, status: 503, times: 50 });
  const ask = async () =>
    (
      await kit()
        .as(createExpressApp(connect(kit())))
        .get('/me')
    ).status;
  expect(await ask()).toBe(503);
  kit().clearFaults();
  expect(await ask()).toBe(200);
});

test('asserts that routes refuse no token, an expired and a forged token', async () => {
  const app = createExpressApp(connect(kit()));
  await kit().assertProtected(app, { except: ['/health'] });
  const attempts = '200 without a token, 200 with an expired token, 200 with a forged token';
  await expect(kit().assertProtected(app)).rejects.toThrow(`- GET /health: ${attempts}\n`);
});

test('does not mistake an application of another GenAuth for a guarded one', async () => {
  const other = close(new GenAuthClient<string>({ ...PRODUCTION, appHost: 'http://127.0.0.1:1', timeout: 500 }));
  kit().redirect(PRODUCTION);
  const asserted = kit().assertProtected(createExpressApp(other), { except: ['/health'] });
  await expect(asserted).rejects.toThrow('GET /me: 503 with an expired token, 503 with a forged token');
});

test('refuses to make a token before an application is connected', async () => {
  await using genauth = await GenAuthTestKit.start();
  const message: unknown = expect.stringContaining('genauth.redirect(options)');
  expect(() => genauth.as({})).toThrow(expect.objectContaining({ code: 'not_started', message }));
});

test('signs in the given users only', async () => {
  const adAccounts = [{ sAMAccountName: 'lisi', password: 'l' }];
  await using genauth = await GenAuthTestKit.start({ users: [{ username: 'carol', password: 'c' }], adAccounts });
  const client = connect(genauth, { tokenEndpointAuthMethod: 'none' });
  expect((await client.signIn({ account: 'carol', password: 'c' })).kind).toBe('success');
  expect((await client.signIn({ sAMAccountName: 'lisi', password: 'l' })).kind).toBe('success');
  expect((await client.signIn({ account: 'alice', password: 'passw0rd' })).kind).toBe('invalid_credentials');
});

test('keeps several kits apart', async () => {
  await using other = await GenAuthTestKit.start();
  const app = createExpressApp(connect(other));
  kit().redirect(PRODUCTION);
  expect((await other.as(app).get('/me')).status).toBe(200);
  expect((await kit().as(app).get('/me')).status).toBe(401);
  expect(other.redirect().appSecret).not.toBe(kit().redirect().appSecret);
});

test('closes its port when it is stopped, also more than once', async () => {
  const genauth = await GenAuthTestKit.start();
  const { appHost } = genauth.redirect();
  await Promise.all([genauth.stop(), genauth[Symbol.asyncDispose]()]);
  await genauth.stop();
  await expect(fetch(`${appHost}/oidc/.well-known/jwks.json`)).rejects.toThrow('fetch failed');
});

test('does not start in production', async () => {
  const before = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = 'production';
  const started = GenAuthTestKit.start().finally(() => (process.env['NODE_ENV'] = before));
  await expect(started).rejects.toMatchObject({ code: 'production_refused' });
});

test('runs with node:test, needs no globals of another framework, and leaves nothing open', async () => {
  const program = `
    import { after, test } from 'node:test';
    import express from 'express';
    const names = ['jest', 'vi', 'expect', 'assert', 'describe', 'it', 'test', 'beforeAll', 'afterAll', 'afterEach'];
    for (const name of names)
      Object.defineProperty(globalThis, name, { get() { throw new Error(name + ' was read'); } });
    const { GenAuthTestKit } = await import(${JSON.stringify(join(ROOT, 'dist/testing/index.js'))});
    const genauth = await GenAuthTestKit.start();
    genauth.redirect();
    test('fails', { todo: 'on purpose' }, () => genauth.assertProtected(express().get('/open', (_, res) => res.end())));
    after(async () => {
      await genauth.stop();
      // Node needs a few turns of the event loop to forget what is closed.
      for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      console.log('left:', process.getActiveResourcesInfo().filter((name) => /TCP|Timeout/.test(name)));
    });`;
  const options = { cwd: ROOT, timeout: 30_000, env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1' } };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], options);
  expect(stdout).toContain('GET /open: 200 without a token');
  expect(stdout).toContain('left: []');
});
