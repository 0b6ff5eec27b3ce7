import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decodeJwt } from 'jose';
import { GenAuthEmulator } from '../../src/emulator/index.js';
import { GenAuthClient, TokenVerificationError } from '../../src/index.js';
import { GenAuthTestKit, type TestClaims, type TokenMint } from '../../src/testing/index.js';
import { ROOT } from '../support/process.js';
import { catchError } from '../support/promise.js';
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
  expect(Object.values(PRODUCTION)).not.toEqual(expect.arrayContaining([options.appId, options.appSecret]));
  expect(() => kit().redirect({ timeot: 1 } as object)).toThrow('timeot');
  expect(decodeJwt(kit().mint.valid())).toMatchObject({ scope: 'openid email', aud: 'https://api.example' });
  const { appId } = kit().redirect();
  expect(decodeJwt(kit().mint.valid())).toMatchObject({ scope: 'openid profile', aud: appId });
});

test('no client that was not redirected to the kit accepts its tokens', async () => {
  const app = createExpressApp(connect(kit()));
  const token = kit().mint.valid({ roles: ['admin'] });
  expect((await kit().as(app, token).get('/me')).status).toBe(200);
  await using emulator = await new GenAuthEmulator().start();
  await using other = await GenAuthTestKit.start();
  const { appHost } = kit().redirect();
  const strangers = [emulator.clientOptions, other.redirect(PRODUCTION), { ...PRODUCTION, appHost }];
  for (const options of strangers) {
    const client = close(new GenAuthClient<string>({ ...options, scope: PRODUCTION.scope }));
    expect(await catchError(client.verifyAccessToken(token))).toBeInstanceOf(TokenVerificationError);
    expect((await kit().as(createExpressApp(client), token).get('/me')).status).toBe(401);
  }
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
  const ask = () => catchError(connect(kit()).verifyAccessToken(kit().mint.valid()));
  expect(await ask()).toMatchObject({ code: 'upstream_unavailable' });
  kit().clearFaults();
  await expect(ask()).rejects.toThrow('fulfilled');
});

test('asserts that routes refuse no token, an expired and a forged token, with 401 or 403 only', async () => {
  const except = ['/health'];
  await kit().assertProtected(createExpressApp(connect(kit())), { except });
  const other = close(new GenAuthClient<string>({ ...PRODUCTION, appHost: 'http://127.0.0.1:1', timeout: 500 }));
  const asserted = kit().assertProtected(createExpressApp(other), { except });
  await expect(asserted).rejects.toThrow('- GET /me: 503 with an expired token, 503 with a forged token\n');
});

test('signs in the given users only, and closes its port when it is stopped, also more than once', async () => {
  const genauth = await GenAuthTestKit.start({ users: [{ username: 'carol', password: 'c' }] });
  const message: unknown = expect.stringContaining('genauth.redirect(options)');
  expect(() => genauth.as({})).toThrow(expect.objectContaining({ code: 'not_started', message }));
  const client = connect(genauth, { tokenEndpointAuthMethod: 'none' });
  expect((await client.signIn({ account: 'carol', password: 'c' })).kind).toBe('success');
  expect((await client.signIn({ account: 'alice', password: 'passw0rd' })).kind).toBe('invalid_credentials');
  kit().redirect(PRODUCTION);
  expect((await kit().as(createExpressApp(client)).get('/me')).status).toBe(401);
  expect(genauth.redirect().appSecret).not.toBe(kit().redirect().appSecret);
  await Promise.all([genauth.stop(), genauth[Symbol.asyncDispose]()]);
  await expect(fetch(`${client.options.appHost}/oidc/.well-known/jwks.json`)).rejects.toThrow('fetch failed');
});

test.each(['production', 'staging'])('does not start with NODE_ENV=%s', async (name) => {
  const before = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = name;
  const started = GenAuthTestKit.start().finally(() => (process.env['NODE_ENV'] = before));
  await expect(started).rejects.toMatchObject({ code: 'production_refused' });
});

test('does not keep the process alive', async () => {
  const program = `
    const { GenAuthTestKit } = await import(${JSON.stringify(join(ROOT, 'dist/testing/index.js'))});
    await GenAuthTestKit.start();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  expect(stdout).toBe('');
});

test('runs with node:test, needs no globals of another framework, and leaves nothing open', async () => {
  const program = `
    import { after, test } from 'node:test';
    import express from 'express';
    for (const name of ['jest', 'vi', 'expect', 'describe', 'it', 'test', 'beforeAll', 'afterAll', 'afterEach'])
      Object.defineProperty(globalThis, name, { get() { throw new Error(name + ' was read'); } });
    const { GenAuthTestKit } = await import(${JSON.stringify(join(ROOT, 'dist/testing/index.js'))});
    const genauth = await GenAuthTestKit.start();
    genauth.redirect();
    test('fails', { todo: 'on purpose' }, () => genauth.assertProtected(express().get('/open', (_, res) => res.end())));
    after(() => genauth.stop());`;
  const options = { cwd: ROOT, timeout: 30_000, env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1' } };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], options);
  expect(stdout).toContain('GET /open: 200 without a token');
});

type Kind = Exclude<keyof TokenMint, symbol>;
test.each<[kind: Kind, claims: TestClaims, path: string, status: number, code: string | undefined]>([
  ['expired', {}, '/me', 401, 'invalid_token'],
  ['wrongAudience', {}, '/me', 401, 'invalid_token'],
  ['forged', {}, '/me', 401, 'invalid_token'],
  ['withoutScope', { roles: ['admin'] }, '/admin', 403, 'insufficient_role'],
  ['withoutScope', { scope: 'email' }, '/orders', 403, 'insufficient_scope'],
  ['valid', { tenant_id: 't1' }, '/tenants/t1', 200, undefined],
  ['wrongTenant', { tenant_id: 't1' }, '/tenants/t1', 403, 'tenant_mismatch'],
  ['wrongTenant', {}, '/tenants/yours', 403, 'tenant_mismatch'],
])('a guard answers the token %s of %j at %s with %i', async (kind, claims, path, status, code) => {
  const app = createExpressApp(connect(kit()));
  const answer = await kit().as(app, kit().mint[kind](claims)).get(path);
  expect([answer.status, (answer.body as { code?: string }).code]).toEqual([status, code]);
});

test('a valid token has the claims that GenAuth sends, and can be introspected and revoked', async () => {
  const client = connect(kit(), { audience: ['https://api.example', 'other'] });
  const user = { sub: 'alice', email: 'a@example.com', roles: ['r'], tenant_id: 't' };
  const token = kit().mint.valid(user);
  const claims = await client.verifyAccessToken(token);
  expect(claims).toMatchObject({ sub: 'alice', scope: PRODUCTION.scope.join(' '), tenant_id: 't' });
  expect(claims).not.toHaveProperty('roles');
  expect([claims.aud, Number(claims.exp) - Number(claims.iat)]).toEqual(['https://api.example', 1_209_600]);
  expect(await client.userInfo(token)).toMatchObject({ ...user, email_verified: false });
  await client.revoke(token, 'access_token');
  expect((await client.introspect(token)).active).toBe(false);
});

test('an invalid token differs from a valid token only in its lifetime or its signature', () => {
  kit().redirect(PRODUCTION);
  const { mint } = kit();
  const now = Math.floor(Date.now() / 1000);
  const { iat, exp } = decodeJwt(mint.expired());
  expect([Math.round((Number(iat) - now) / 60), Math.round((Number(exp) - now) / 60)]).toEqual([-120, -60]);
  const [valid, forged] = [mint.valid(), mint.forged()].map((token) => token.split('.'));
  expect([forged?.[0], forged?.[2]]).toEqual([valid?.[0], expect.not.stringMatching(valid?.[2] ?? '')]);
  expect(mint.valid()).not.toBe(mint.valid());
});

test('a token has the scopes of the test, and a token without scopes has only openid', () => {
  kit().redirect({ ...PRODUCTION, scope: ['openid', 'profile'] });
  const { mint } = kit();
  const scoped = mint.valid({ tenant_id: 't', scope: ' openid  tenant_id ' });
  expect(decodeJwt(scoped)).toMatchObject({
    sub: '000000000000000000000001',
    scope: 'openid tenant_id',
    tenant_id: 't',
  });
  const claims = decodeJwt(mint.withoutScope({ roles: ['admin'], tenant_id: 't' }));
  expect(claims).toMatchObject({ scope: 'openid' });
  expect(claims).not.toHaveProperty('tenant_id');
});

test.each<[kind: Kind, claims: object, message: string]>([
  ['valid', { roles: ['admin'] }, 'scope: expected the scope "roles", got "openid profile". GenAuth sends the claim'],
  ['expired', { tenant_id: 't' }, 'Add "tenant_id" to the option scope of the application, or remove tenant_id from'],
  ['forged', { roles: 'admin', scope: 'openid roles' }, 'roles: expected a list of'],
  ['valid', { sub: '' }, 'sub: expected a string that is not empty'],
  ['valid', { tenant_id: 5 }, 'tenant_id: expected a string'],
  ['valid', { isAdmin: true }, 'isAdmin: unknown claim. Use one of: sub, scope, '],
])('refuses to make the token %s of %j, which GenAuth would not send', (kind, claims, message) => {
  kit().redirect({ ...PRODUCTION, scope: ['openid', 'profile'] });
  expect(() => kit().mint[kind](claims)).toThrow(message);
});
