import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Test } from '@nestjs/testing';
import { AppModule } from '../../sample-app/app.module.js';
import { makeApp } from '../../sample-app/express-app.js';
import { renderSignedIn } from '../../sample-app/login-answer.js';
import { type Settings, loadSettings } from '../../sample-app/settings.js';
import { GenAuthClient, type GenAuthUser } from '../../src/index.js';
import { GenAuthTestingModule } from '../../src/testing/index.js';
import { makeFolder } from '../cli/support.js';
import { APP_SECRET, PASSWORD, SECRETS, echoSignIn, findCanaries } from '../support/canary.js';
import { lastSignIn } from '../support/client.js';
import { APP_ID, useIssuer } from '../support/issuer.js';
import { PLATFORMS, send } from '../support/nest-app.js';
import { ROOT, startNode } from '../support/process.js';
import { type RunningSample, SAMPLES, startSample } from './sample.js';
import { ask } from '../support/web-server.js';
import { PRODUCTION, useClosing, useTestKit } from '../testing/support.js';

const ALICE = { account: 'alice', password: 'passw0rd' };
const ZHANGSAN = { sAMAccountName: 'zhangsan', password: 'AdPassw0rd' };
const LISTENING = /^Sample app \(\w+\) listening on (http:\S+)$/;
const PATHS = ['/me', '/admin', '/orders'];

const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  send(url, { method: 'POST', body, headers });
const readJournal = async ({ emulatorUrl }: RunningSample): Promise<unknown[]> =>
  (await fetch(`${emulatorUrl}/emulator/v1/sign-ins`)).json() as Promise<unknown[]>;

describe.each(SAMPLES)('the sample app %s', (name) => {
  let sample: RunningSample;
  beforeAll(async () => {
    sample = await startSample(name);
  });
  afterAll(() => sample.process.stop());

  const signIn = (body: object = ALICE, headers = {}) => post(`${sample.url}/auth/login`, body, headers);
  const statusesOf = (authorization: string) =>
    Promise.all(PATHS.map(async (path) => (await send(sample.url + path, { headers: { authorization } })).status));
  const control = (path: string, body: object) => post(`${sample.emulatorUrl}/emulator/v1${path}`, body);

  it('is healthy and serves a page', async () => {
    expect(await send(`${sample.url}/health`)).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await send(sample.url)).toMatchObject({ body: { text: expect.stringContaining('Sign in with GenAuth') } });
  });

  it.each([
    ['by password', '/auth/login', ALICE, 'Alice Example'],
    ['by Active Directory', '/auth/login/ad', ZHANGSAN, '张三'],
  ])('signs in %s, and /me returns the whole user', async (_, path, credentials, fullName) => {
    const { status, headers, body } = await post(`${sample.url}${path}`, credentials);
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(Object.keys(body).sort()).toEqual(['accessToken', 'expiresAt', 'idToken', 'refreshToken', 'user']);
    expect(body['user']).toMatchObject({ name: fullName });
    expect(new Date(String(body['expiresAt'])).toISOString()).toBe(body['expiresAt']);
    const me = await send(`${sample.url}/me`, { headers: { authorization: `Bearer ${String(body['accessToken'])}` } });
    expect([me.status, me.body]).toEqual([200, body['user']]);
  });

  it('sends a browser at 127.0.0.1 to the host of the callback before a sign-in on the hosted page', async () => {
    const { port } = new URL(sample.url);
    const visit = async (host: string) =>
      (await fetch(`http://${host}:${port}/auth/genauth?returnTo=/x`, { redirect: 'manual' })).headers.get('location');
    expect(await visit('127.0.0.1')).toBe(`http://localhost:${port}/auth/genauth?returnTo=/x`);
    expect(await visit('localhost')).toMatch(`${sample.emulatorUrl}/oidc/auth?`);
  });

  it('refuses bob, who is no admin, on the route of admins', async () => {
    const { body } = await signIn({ account: 'bob', password: 'passw0rd' });
    expect(await statusesOf(`Bearer ${String(body['accessToken'])}`)).toEqual([200, 403, 200]);
  });

  it('refreshes the tokens, and answers a replaced refresh token with the same tokens for a short time', async () => {
    const { body } = await signIn();
    const refresh = () => post(`${sample.url}/auth/refresh`, { refreshToken: body['refreshToken'] });
    const refreshed = await refresh();
    expect([refreshed.status, refreshed.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(Object.keys(refreshed.body).sort()).toEqual(Object.keys(body).sort());
    expect(refreshed.body['user']).toEqual(body['user']);
    expect(await statusesOf(`Bearer ${String(refreshed.body['accessToken'])}`)).toEqual([200, 200, 200]);
    expect((await refresh()).body).toEqual(refreshed.body);
    const unknown = await post(`${sample.url}/auth/refresh`, { refreshToken: 'unknown' });
    expect([unknown.status, unknown.body['code']]).toEqual([401, 'refresh_token_refused']);
    expect(unknown.headers.get('www-authenticate')).toBeNull();
    const missing = await post(`${sample.url}/auth/refresh`, { refreshToken: '' });
    expect([missing.status, missing.body['code']]).toEqual([400, 'invalid_request']);
  });

  it('revokes the refresh token at a logout, and returns the URL that ends the session at GenAuth', async () => {
    const { refreshToken, idToken } = (await signIn()).body;
    const { body } = await post(`${sample.url}/auth/logout`, { refreshToken, idToken });
    expect((await fetch(String(body['logoutUrl']))).status).toBe(200);
    expect((await post(`${sample.url}/auth/refresh`, { refreshToken })).status).toBe(401);
  });

  it.each([
    ['/auth/login', 'signin', { method: 'POST', body: ALICE }],
    ['/auth/captcha', 'captcha', {}],
    ['/auth/refresh', 'token', { method: 'POST', body: { refreshToken: 'x' } }],
    ['/auth/logout', 'revocation', { method: 'POST', body: { refreshToken: 'x' } }],
  ])('answers %s with 503 while GenAuth is down, and does not name its address', async (path, endpoint, options) => {
    await control('/faults', { endpoint, status: 500, times: 1 });
    const { status, headers, body } = await send(`${sample.url}${path}`, options);
    expect([status, headers.get('retry-after'), body['code']]).toEqual([503, '5', 'upstream_unavailable']);
    expect(JSON.stringify(body)).not.toContain('127.0.0.1');
  });

  it('forwards the address of the socket, whatever the header says, and the context', async () => {
    await signIn(ALICE, { 'x-forwarded-for': '203.0.113.7', 'user-agent': 'journal test' });
    const context = { source: 'sample-app', userAgent: 'journal test' };
    expect((await readJournal(sample)).at(-1)).toMatchObject({ account: 'alice', clientIp: '127.0.0.1', context });
    expect((await send(`${sample.url}/demo/last-sign-in`)).body).toMatchObject({ clientIp: '127.0.0.1' });
  });

  it('refuses other host names, which a page on the internet could use', async () => {
    for (const [host, status] of [
      ['rebound.example', 403],
      ['localhost', 200],
      ['[::1]:1', 200],
    ] as const) {
      expect((await ask(sample.url, { path: '/health', headers: { host } })).status).toBe(status);
    }
  });

  it('ends its start with who can sign in and how to stop', async () => {
    const lines = sample.process.output().trim().split('\n');
    const end = lines.slice(lines.findIndex((line) => LISTENING.test(line)));
    expect(end.slice(1, 4)).toEqual([
      expect.stringContaining('alice / passw0rd'),
      expect.stringContaining('set GENAUTH_APP_HOST'),
      'Press Ctrl+C to stop.',
    ]);
  });

  it('names the page of the emulator at its start and to the page', async () => {
    const page = `${sample.emulatorUrl}/emulator`;
    expect(await sample.process.line(/^Emulator page: (\S+)$/)).toBe(page);
    const { body } = await send(`${sample.url}/demo/settings`);
    expect(body).toMatchObject({ emulator: { page, captchaAfter: null, lockAfter: null } });
    const { users } = body['emulator'] as { users: { connection: string; account: string; password: string }[] };
    for (const { connection, account, password } of users) {
      const [path, field] = connection === 'ad' ? ['/auth/login/ad', 'sAMAccountName'] : ['/auth/login', 'account'];
      expect((await post(sample.url + path, { [field]: account, password })).status).toBe(200);
    }
  });

  it('requires a captcha after three wrong passwords, and locks the account after six', async () => {
    await control('/login-protection', { captchaAfter: 3, lockAfter: 6 });
    const codes: unknown[] = [];
    for (let i = 1; i <= 8; i += 1) {
      const { body: captcha } = await send(`${sample.url}/auth/captcha`);
      const captchaCode = /<text[^>]*>([^<]+)</.exec(String(captcha['svg']))?.[1];
      // The fourth attempt has no captcha.
      const answer = i === 4 ? {} : { captchaToken: captcha['token'], captchaCode };
      codes.push((await signIn({ account: 'bob', password: 'wrong', ...answer })).body['code']);
    }
    const wrong = 'invalid_credentials';
    expect(codes).toEqual([wrong, wrong, wrong, 'captcha_required', wrong, wrong, wrong, 'account_locked']);
    await control('/login-protection', {});
    expect((await signIn({ account: 'bob', password: 'passw0rd' })).status).toBe(200);
  });

  it('neither quotes nor logs malformed JSON', async () => {
    const text = '{"account":"alice","password":c4nary-json}';
    const { status, text: answer } = await ask(sample.url, { path: '/auth/login', text });
    expect([status, JSON.parse(answer)]).toMatchObject([400, { code: 'invalid_request' }]);
    expect(answer + sample.process.output()).not.toContain('c4nary-json');
  });
});

describe('with settings in the environment', () => {
  const issuer = useIssuer();

  it.each(SAMPLES)(
    '%s uses a tenant and a proxy, and writes none of the secrets that GenAuth repeats',
    async (name) => {
      const tenant = { GENAUTH_APP_ID: APP_ID, GENAUTH_APP_SECRET: APP_SECRET, GENAUTH_APP_HOST: issuer().url };
      const env = { ...tenant, PORT: '0', TRUST_PROXY: 'loopback', NODE_ENV: 'development' };
      const sample = startNode([`${ROOT}/dist-sample/${name}.js`], env);
      const url = await sample.line(LISTENING);
      const signIn = async (statusCode: number, apiCode?: number) => {
        const tokens = echoSignIn(issuer(), statusCode, apiCode, { message: `${PASSWORD} ${APP_SECRET}` });
        const body = { account: 'alice', password: PASSWORD };
        const answer = await post(`${url}/auth/login`, body, { 'x-forwarded-for': '203.0.113.7' });
        return { answer, tokens };
      };
      const answers = [await signIn(403, 2333), await signIn(401), await signIn(500), await signIn(200)];
      expect(answers.map(({ answer }) => answer.status)).toEqual([401, 500, 503, 502]);
      expect(lastSignIn(issuer()).options).toMatchObject({ clientIp: '203.0.113.7' });
      expect((await send(`${url}/demo/last-sign-in`)).status).toBe(404);
      expect((await send(`${url}/demo/settings`)).body).toEqual({ emulator: null });
      await sample.line(/upstream_invalid_response/i);
      await sample.stop();
      const secrets = { ...SECRETS, ...answers[0]?.tokens };
      expect(findCanaries([answers.map(({ answer }) => answer.body), sample.output()], secrets)).toEqual([]);
      expect(sample.output()).not.toContain('emulator');
    },
  );

  it('ends with a message if a setting is wrong', async () => {
    const env = { PORT: '0', EMULATOR_PORT: '0', GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD: 'secret' };
    const app = startNode([`${ROOT}/dist-sample/main.js`], env);
    await expect(app.line(LISTENING)).rejects.toThrow(/tokenEndpointAuthMethod: expected one .* got "secret"/);
    await app.stop();
  });

  it.each(SAMPLES)('%s reads the file .env, and names the variable of a port in use', async (name) => {
    const folder = await makeFolder();
    await writeFile(join(folder, '.env'), `\uFEFFGENAUTH_APP_ID=${APP_ID}\nGENAUTH_APP_SECRET=x\nPORT=0\n`);
    const env = { GENAUTH_APP_HOST: issuer().url };
    const app = startNode([`${ROOT}/dist-sample/${name}.js`], env, folder);
    const url = await app.line(LISTENING);
    await app.line(/^Users of http\S+ \(application \S+\) can sign in\.$/);
    const second = startNode([`${ROOT}/dist-sample/${name}.js`], { ...env, PORT: new URL(url).port }, folder);
    await second.line(/EADDRINUSE.*or set PORT\.$/);
    await Promise.all([app.stop(), second.stop()]);
    await rm(folder, { recursive: true });
  });

  it('passes the settings to a tenant', async () => {
    const app = {
      appId: 'my-app',
      appSecret: 'my-secret-0123456789abcdef0123456789',
      appHost: 'https://tenant.example',
    };
    const methods = { tokenEndpointAuthMethod: 'client_secret_basic', idTokenSignedResponseAlg: 'HS256' };
    const loaded = await loadSettings({
      GENAUTH_APP_ID: app.appId,
      GENAUTH_APP_SECRET: app.appSecret,
      GENAUTH_APP_HOST: app.appHost,
      GENAUTH_SCOPE: 'openid email',
      GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD: methods.tokenEndpointAuthMethod,
      GENAUTH_ID_TOKEN_ALG: methods.idTokenSignedResponseAlg,
      GENAUTH_PASSWORD_ENCRYPT_TYPE: 'sm2',
    });
    const options = { ...app, ...methods, scope: 'openid email', passwordEncryptType: 'sm2' };
    const redirect = {
      callbackUrl: 'http://localhost:3000/auth/genauth/callback',
      cookieSecret: expect.stringMatching(/^[\da-f]{64}$/) as string,
    };
    const rest = { emulator: undefined, port: 3000, host: '::', trustProxy: false };
    expect(loaded).toMatchObject({ options, redirect, ...rest });
  });

  it.each([
    ['EMULATOR_CAPTCHA_AFTER', 'x'],
    ['EMULATOR_LOCK_AFTER', '-1'],
  ])('names the variable %s with the value %s', async (variable, value) => {
    const message = `${variable} is "${value}": write a number of wrong passwords, for example 3.`;
    await expect(loadSettings({ PORT: '0', EMULATOR_PORT: '0', [variable]: value })).rejects.toThrow(message);
  });

  it('sets the limits of wrong passwords by variables, and keeps the state of the emulator in a file', async () => {
    const folder = await makeFolder();
    const limits = { EMULATOR_CAPTCHA_AFTER: '3', EMULATOR_LOCK_AFTER: '6' };
    const env = { PORT: '0', EMULATOR_PORT: '0', EMULATOR_STATE: join(folder, 'state.json'), ...limits };
    const kids: unknown[] = [];
    for (let i = 0; i < 2; i += 1) {
      const { emulator, stop } = await loadSettings(env);
      expect(emulator?.loginProtection).toMatchObject({ captchaAfter: 3, lockAfter: 6 });
      kids.push(emulator?.signingKeys[0]?.kid);
      await stop();
    }
    await rm(folder, { recursive: true });
    expect(kids[1]).toBe(kids[0]);
  });

  it('takes empty variables as absent', async () => {
    const tenant = {
      GENAUTH_APP_ID: APP_ID,
      GENAUTH_APP_SECRET: APP_SECRET,
      GENAUTH_APP_HOST: 'https://tenant.example',
    };
    const names = ['PORT', 'TRUST_PROXY', 'REDIS_URL', 'COOKIE_SECRET', 'GENAUTH_CALLBACK_URL', 'GENAUTH_EMULATOR'];
    const options = ['GENAUTH_SCOPE', 'GENAUTH_PASSWORD_ENCRYPT_TYPE', 'GENAUTH_ID_TOKEN_ALG', 'GENAUTH_CA'];
    const empty = Object.fromEntries([...names, ...options].map((name) => [name, '']));
    const withoutSecret = ({ redirect, ...rest }: Settings) => {
      const { cookieSecret, ...other } = redirect;
      return { ...rest, stop: undefined, redirect: other, secretLength: cookieSecret?.length };
    };
    const [given, absent] = await Promise.all([loadSettings({ ...tenant, ...empty }), loadSettings(tenant)]);
    expect(withoutSecret(given)).toEqual(withoutSecret(absent));
    const own = await loadSettings({ GENAUTH_APP_HOST: '', GENAUTH_APP_ID: '', PORT: '0', EMULATOR_PORT: '0' });
    expect(own.emulator?.appId).toBe('genauth-emulator-app');
    await own.stop();
  });

  it.each([
    [{ PORT: '3999' }, 3999],
    [{ EMULATOR_PORT: '3000' }, 3000],
    [{ PORT: '8080', EMULATOR_PORT: '8080' }, 8080],
  ])('refuses one port for the sample and the emulator: %j', async (env, port) => {
    const message = `PORT and EMULATOR_PORT are both ${port}: set one of them to another port.`;
    await expect(loadSettings(env)).rejects.toThrow(message);
    const tenant = await loadSettings({ ...env, GENAUTH_APP_HOST: 'https://tenant.example' });
    expect(tenant.emulator).toBeUndefined();
  });

  it.each([
    ['PORT', 'http', /^PORT is "http"/],
    ['TRUST_PROXY', 'nonsense', /^TRUST_PROXY is "nonsense": write a number of proxies, loopback, or /],
  ])('refuses %s=%s', async (variable, value, message) => {
    const loaded = loadSettings({ GENAUTH_APP_HOST: 'https://tenant.example', [variable]: value });
    await expect(loaded).rejects.toThrow(message);
  });
});

it('the page of a sign-in contains the answer as data, which cannot end its element', () => {
  const user = { sub: 'alice', name: '</script><img src=x>$&' } as unknown as GenAuthUser;
  const tokens = { accessToken: 'a', idToken: 'b', refreshToken: undefined, expiresAt: new Date(0), scope: [] };
  const page = renderSignedIn(user, { tokens, claims: {} as never, requestId: undefined, returnTo: '/x' });
  const [, data = ''] = /<script type="application\/json" id="signed-in">(.*?)<\/script>/.exec(page) ?? [];
  expect(JSON.parse(data)).toMatchObject({ user, accessToken: 'a', returnTo: '/x' });
  expect(page).not.toContain('<img src=x>');
});

describe('under the test kit', () => {
  const kit = useTestKit();
  const closeLater = useClosing();
  const options = { ...PRODUCTION, scope: 'openid profile email phone roles offline_access', userClaims: 'userinfo' };
  const redirect = { callbackUrl: 'http://localhost:3000/auth/genauth/callback' };
  const rest = { port: 0, host: '127.0.0.1', trustProxy: false, emulator: undefined, stop: () => Promise.resolve() };
  const settings = { options, redirect, ...rest } as Settings;
  const publicRoutes = ['GET /health', 'GET /demo/last-sign-in', 'GET /demo/settings'].concat(
    ['captcha', 'genauth', 'genauth/callback'].map((name) => `GET /auth/${name}`),
    ['login', 'login/ad', 'refresh', 'logout'].map((name) => `POST /auth/${name}`),
  );

  async function createNest(): Promise<object> {
    const builder = Test.createTestingModule({ imports: [AppModule.forRoot(settings)] });
    const testing = await GenAuthTestingModule.override(builder, kit()).compile();
    return closeLater(testing.createNestApplication(PLATFORMS.Express(), { logger: false }));
  }
  const createExpress = async () => makeApp(closeLater(new GenAuthClient(kit().redirect(settings.options))), settings);

  it.each<[string, () => Promise<object>, string[]]>([
    ['main', createNest, publicRoutes],
    // In Express the page is part of the application. In Nest `main.ts` adds it.
    ['express', createExpress, [...publicRoutes, 'GET /']],
  ])('%s guards every route that is not public, and requires the scopes of /orders', async (_, create, except) => {
    const app = await create();
    await kit().assertProtected(app, { except });
    expect((await kit().as(app, { scope: 'openid profile' }).get('/orders')).status).toBe(403);
  });
});
