import { APP_SECRET, PASSWORD, SECRETS, echoSignIn, findCanaries } from '../support/canary.js';
import { APP_ID, useIssuer } from '../support/issuer.js';
import { send } from '../support/nest-app.js';
import { ROOT, startNode } from '../support/process.js';
import { type RunningSample, SAMPLES, startSample } from './sample.js';
import { ask } from '../support/web-server.js';

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

  it('refuses bob, who is no admin, on the route of admins', async () => {
    const { body } = await signIn({ account: 'bob', password: 'passw0rd' });
    expect(await statusesOf(`Bearer ${String(body['accessToken'])}`)).toEqual([200, 403, 200]);
  });

  it('refuses a request without a token and one with an id_token', async () => {
    const { idToken = '' } = (await signIn()).body as Record<string, string>;
    const [missing, wrong] = await Promise.all(
      ['', `Bearer ${idToken}`].map((authorization) => send(`${sample.url}/me`, { headers: { authorization } })),
    );
    expect(missing).toMatchObject({ status: 401, body: { code: 'token_missing' } });
    expect(wrong).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
    expect(wrong?.headers.get('www-authenticate')).toContain('error="invalid_token"');
  });

  it('refreshes the tokens, and accepts each refresh token once', async () => {
    const { body } = await signIn();
    const refresh = () => post(`${sample.url}/auth/refresh`, { refreshToken: body['refreshToken'] });
    const refreshed = await refresh();
    expect([refreshed.status, refreshed.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(Object.keys(refreshed.body).sort()).toEqual(Object.keys(body).sort());
    expect(refreshed.body['user']).toEqual(body['user']);
    expect(await statusesOf(`Bearer ${String(refreshed.body['accessToken'])}`)).toEqual([200, 200, 200]);
    const again = await refresh();
    expect([again.status, again.body['code']]).toEqual([401, 'refresh_token_refused']);
    expect(again.headers.get('www-authenticate')).toBeNull();
    const missing = await post(`${sample.url}/auth/refresh`, { refreshToken: '' });
    expect([missing.status, missing.body['code']]).toEqual([400, 'invalid_request']);
  });

  it('revokes the refresh token at a logout, and returns the URL that ends the session at GenAuth', async () => {
    const { refreshToken, idToken } = (await signIn()).body;
    const logout = await post(`${sample.url}/auth/logout`, { refreshToken, idToken });
    expect(logout.status).toBe(200);
    expect((await fetch(String(logout.body['logoutUrl']))).status).toBe(200);
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

  it('neither quotes nor logs malformed JSON', async () => {
    const text = '{"account":"alice","password":c4nary-json}';
    const { status, text: answer } = await ask(sample.url, { path: '/auth/login', text });
    expect([status, JSON.parse(answer)]).toMatchObject([400, { code: 'invalid_request' }]);
    expect(answer + sample.process.output()).not.toContain('c4nary-json');
  });
});

describe('the sample app reads its settings from the environment', () => {
  const issuer = useIssuer();

  it.each(SAMPLES)('%s uses a tenant, and writes none of the secrets that the tenant repeats', async (name) => {
    const env = { GENAUTH_APP_ID: APP_ID, GENAUTH_APP_SECRET: APP_SECRET, GENAUTH_APP_HOST: issuer().url, PORT: '0' };
    const sample = startNode([`${ROOT}/dist-sample/${name}.js`], { ...env, NODE_ENV: 'development' });
    const url = await sample.line(LISTENING);
    const signIn = async (statusCode: number, apiCode?: number) => {
      const tokens = echoSignIn(issuer(), statusCode, apiCode, { message: `${PASSWORD} ${APP_SECRET}` });
      const answer = await post(`${url}/auth/login`, { account: 'alice', password: PASSWORD });
      return { answer, tokens };
    };
    const answers = [await signIn(403, 2333), await signIn(401), await signIn(500), await signIn(200)];
    expect(answers.map(({ answer }) => answer.status)).toEqual([401, 500, 503, 502]);
    expect((await send(`${url}/demo/last-sign-in`)).status).toBe(404);
    await sample.line(/upstream_invalid_response/i);
    await sample.stop();
    const secrets = { ...SECRETS, ...answers[0]?.tokens };
    expect(findCanaries([answers.map(({ answer }) => answer.body), sample.output()], secrets)).toEqual([]);
    expect(sample.output()).not.toContain('emulator');
  });

  it.each(SAMPLES)('%s uses a proxy, a scope, algorithms and an authentication method', async (name) => {
    const sample = await startSample(name, {
      TRUST_PROXY: 'loopback',
      GENAUTH_SCOPE: 'openid email',
      GENAUTH_APP_ID: 'my-app',
      GENAUTH_APP_SECRET: 'my-secret-0123456789abcdef0123456789',
      GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD: 'client_secret_basic',
      GENAUTH_ID_TOKEN_ALG: 'HS256',
      GENAUTH_PASSWORD_ENCRYPT_TYPE: 'sm2',
    });
    const { status, body } = await post(`${sample.url}/auth/login`, ALICE, { 'x-forwarded-for': '203.0.113.7' });
    const journal = await readJournal(sample);
    await sample.process.stop();
    expect([status, Object.keys(body['user'] as object)]).toEqual([200, ['sub', 'email', 'email_verified']]);
    const [header = ''] = String(body['idToken']).split('.');
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toMatchObject({ alg: 'HS256' });
    expect(journal.at(-1)).toMatchObject({ clientIp: '203.0.113.7', options: { passwordEncryptType: 'sm2' } });
  });

  it.each([
    ['main', 'GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD', 'secret', /tokenEndpointAuthMethod: expected one .* got "secret"/],
    ['express', 'PORT', 'http', /PORT is "http"/],
    ['express', 'TRUST_PROXY', 'nonsense', /\nTRUST_PROXY is "nonsense": write a number of proxies, loopback, or /],
  ])('%s: with %s=%s it ends and reports the mistake', async (name, variable, value, message) => {
    const app = startNode([`${ROOT}/dist-sample/${name}.js`], { PORT: '0', EMULATOR_PORT: '0', [variable]: value });
    await expect(app.line(LISTENING)).rejects.toThrow(message);
    await app.stop();
  });
});
