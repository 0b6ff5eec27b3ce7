import { send } from '../support/nest-app.js';
import { startNode, ROOT } from '../support/process.js';
import { type RunningSample, SAMPLES, startSample } from '../support/sample.js';

const ALICE = { account: 'alice', password: 'passw0rd' };
const ZHANGSAN = { sAMAccountName: 'zhangsan', password: 'AdPassw0rd' };

interface Journal {
  clientIp: string;
  context: unknown;
  account: string;
}

const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  send(url, { method: 'POST', body, headers });

async function readJournal({ emulatorUrl }: RunningSample): Promise<Journal[]> {
  return (await fetch(`${emulatorUrl}/emulator/v1/sign-ins`)).json() as Promise<Journal[]>;
}

describe.each(SAMPLES)('the sample app %s', (name) => {
  let sample: RunningSample;
  beforeAll(async () => {
    sample = await startSample(name);
  });
  afterAll(() => sample.process.stop());

  it('is healthy, and serves a page', async () => {
    expect(await send(`${sample.url}/health`)).toMatchObject({ status: 200, body: { status: 'ok' } });
    const page = await fetch(`${sample.url}/`);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(await page.text()).toContain('Sign in with GenAuth');
  });

  it.each([
    ['by password', '/auth/login', ALICE, 'Alice Example'],
    ['by Active Directory', '/auth/login/ad', ZHANGSAN, '张三'],
  ])('signs in %s and guards /me', async (_, path, credentials, fullName) => {
    const { status, body } = await post(`${sample.url}${path}`, credentials);
    expect(status).toBe(200);
    expect(Object.keys(body).sort()).toEqual(['accessToken', 'expiresAt', 'idToken', 'refreshToken', 'user']);
    expect(body['user']).toMatchObject({ name: fullName });
    expect(new Date(body['expiresAt'] as string).toISOString()).toBe(body['expiresAt']);
    const headers = { authorization: `Bearer ${body['accessToken'] as string}` };
    const me = await send(`${sample.url}/me`, { headers });
    // The whole user: all claims of the scopes, not only what an access token says.
    expect([me.status, me.body]).toEqual([200, body['user']]);
  });

  it('refuses /me without a token and with an id_token', async () => {
    expect((await send(`${sample.url}/me`)).headers.get('www-authenticate')).toBe('Bearer realm="genauth"');
    const { body } = await post(`${sample.url}/auth/login`, ALICE);
    const me = await send(`${sample.url}/me`, { headers: { authorization: `Bearer ${body['idToken'] as string}` } });
    expect([me.status, me.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('error="invalid_token"'),
    ]);
  });

  it.each([
    ['alice', 200, 200],
    ['bob', 403, 200],
  ])('lets %s into /admin with %d, into /orders with %d', async (account, admin, orders) => {
    const { body } = await post(`${sample.url}/auth/login`, { account, password: 'passw0rd' });
    const headers = { authorization: `Bearer ${body['accessToken'] as string}` };
    for (const [path, status, code] of [
      ['/admin', admin, 'insufficient_role'],
      ['/orders', orders, 'insufficient_scope'],
    ] as const) {
      const answer = await send(`${sample.url}${path}`, { headers });
      expect([path, answer.status]).toEqual([path, status]);
      if (status === 403) expect(answer.body['code']).toBe(code);
      expect((await send(`${sample.url}${path}`)).status).toBe(401);
    }
  });

  it('refreshes, and a refresh token is good once', async () => {
    const { body } = await post(`${sample.url}/auth/login`, ALICE);
    const refreshed = await post(`${sample.url}/auth/refresh`, { refreshToken: body['refreshToken'] });
    expect([refreshed.status, refreshed.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(Object.keys(refreshed.body).sort()).toEqual(Object.keys(body).sort());
    expect(refreshed.body['user']).toEqual(body['user']);
    expect(refreshed.body['refreshToken']).not.toBe(body['refreshToken']);
    const headers = { authorization: `Bearer ${refreshed.body['accessToken'] as string}` };
    expect((await send(`${sample.url}/me`, { headers })).body).toEqual(body['user']);
    const again = await post(`${sample.url}/auth/refresh`, { refreshToken: body['refreshToken'] });
    expect([again.status, again.body['code'], again.headers.get('www-authenticate')]).toEqual([
      401,
      'refresh_token_refused',
      null,
    ]);
  });

  it('ends a session: the refresh token is revoked, and the answer says where GenAuth ends its own', async () => {
    const { body } = await post(`${sample.url}/auth/login`, ALICE);
    const { refreshToken, idToken } = body;
    const logout = await post(`${sample.url}/auth/logout`, { refreshToken, idToken });
    expect(logout.status).toBe(200);
    expect((await fetch(logout.body['logoutUrl'] as string)).status).toBe(200);
    expect((await post(`${sample.url}/auth/refresh`, { refreshToken })).status).toBe(401);
  });

  it.each([{}, { refreshToken: 5 }, { refreshToken: '' }])('/auth/refresh with %j: 400', async (body) => {
    const answer = await post(`${sample.url}/auth/refresh`, body);
    expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_request']);
  });

  it.each([
    ['GET', '/auth/captcha', 'captcha'],
    ['POST', '/auth/refresh', 'token'],
    ['POST', '/auth/logout', 'revocation'],
  ])(
    '%s %s while GenAuth is down: 503 with Retry-After, and no word of where GenAuth is',
    async (method, path, endpoint) => {
      await post(`${sample.emulatorUrl}/emulator/v1/faults`, { endpoint, status: 500, times: 1 });
      const options = method === 'POST' ? { method, body: { refreshToken: 'x' } } : {};
      const answer = await send(`${sample.url}${path}`, options);
      expect([answer.status, answer.headers.get('retry-after'), answer.body['code']]).toEqual([
        503,
        '5',
        'upstream_unavailable',
      ]);
      expect(JSON.stringify(answer.body)).not.toContain('127.0.0.1');
    },
  );

  it('forwards the socket address whatever the header says, and the context', async () => {
    await post(`${sample.url}/auth/login`, ALICE, { 'x-forwarded-for': '203.0.113.7', 'user-agent': 'journal test' });
    expect((await readJournal(sample)).at(-1)).toMatchObject({
      account: 'alice',
      clientIp: '127.0.0.1',
      context: { source: 'sample-app', userAgent: 'journal test' },
    });
    expect((await send(`${sample.url}/demo/last-sign-in`)).body).toMatchObject({ clientIp: '127.0.0.1' });
  });

  it('answers a wrong password and an unknown account with the same bytes, but for the request ID', async () => {
    const answers = await Promise.all(
      [
        { ...ALICE, password: 'wrong' },
        { account: 'nobody', password: 'wrong' },
      ].map(async (body) => {
        const answer = await fetch(`${sample.url}/auth/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
        return { status: answer.status, text: await answer.text() };
      }),
    );
    const [wrong, unknown] = answers.map(({ text }) => text.replace(/"requestId":"[^"]+"/, '"requestId":""'));
    expect(answers.map(({ status }) => status)).toEqual([401, 401]);
    expect(unknown).toBe(wrong);
    expect(JSON.parse(wrong ?? '')).toMatchObject({ code: 'invalid_credentials' });
  });

  it('says 502 for a bad id_token, 503 for an outage', async () => {
    await post(`${sample.emulatorUrl}/emulator/v1/id-token-flaw`, { flaw: 'wrong_audience' });
    expect((await post(`${sample.url}/auth/login`, ALICE)).status).toBe(502);
    await post(`${sample.emulatorUrl}/emulator/v1/faults`, { endpoint: 'signin', status: 500, times: 1 });
    expect((await post(`${sample.url}/auth/login`, ALICE)).status).toBe(503);
    expect((await post(`${sample.url}/auth/login`, ALICE)).status).toBe(200);
  });

  it('answers JSON that cannot be read without quoting it, and logs none of it', async () => {
    for (const body of ['{"account":"alice","password":c4nary-json}', '{"account":"alice","password":"c4nary-json"']) {
      const answer = await fetch(`${sample.url}/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      expect(answer.status).toBe(400);
      expect(await answer.json()).toEqual({
        statusCode: 400,
        error: 'Bad Request',
        message: 'The body of the request cannot be read.',
        code: 'invalid_request',
      });
    }
    expect(sample.process.output()).not.toContain('c4nary-json');
  });

  it('lets nobody store a login', async () => {
    const answer = await post(`${sample.url}/auth/login`, ALICE);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('writes no password and no token to its log', async () => {
    const { body } = await post(`${sample.url}/auth/login`, ALICE);
    await post(`${sample.url}/auth/login`, { ...ALICE, password: 'c4nary-passw0rd' });
    const output = sample.process.output();
    for (const secret of [
      ALICE.password,
      'c4nary-passw0rd',
      body['accessToken'] as string,
      body['idToken'] as string,
    ]) {
      expect(output).not.toContain(secret);
    }
  });
});

describe.each(SAMPLES)('the settings of the sample app %s', (name) => {
  it('takes TRUST_PROXY, GENAUTH_SCOPE and the client authentication from the environment', async () => {
    const sample = await startSample(name, {
      TRUST_PROXY: 'loopback',
      GENAUTH_SCOPE: 'openid email',
      GENAUTH_APP_ID: 'my-app',
      GENAUTH_APP_SECRET: 'my-secret',
      GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD: 'client_secret_basic',
    });
    try {
      const { status, body } = await post(`${sample.url}/auth/login`, ALICE, { 'x-forwarded-for': '203.0.113.7' });
      expect(status).toBe(200);
      expect(Object.keys(body['user'] as object)).toEqual(['sub', 'email', 'email_verified']);
      expect((await readJournal(sample)).at(-1)).toMatchObject({ clientIp: '203.0.113.7' });
    } finally {
      await sample.process.stop();
    }
  });

  it('signs in at the tenant that GENAUTH_APP_HOST names, and starts no emulator then', async () => {
    const tenant = await startSample(name);
    const app = startNode([`${ROOT}/dist-sample/${name}.js`], {
      PORT: '0',
      GENAUTH_APP_ID: 'genauth-emulator-app',
      GENAUTH_APP_SECRET: 'genauth-emulator-secret-0123456789abcdef',
      GENAUTH_APP_HOST: tenant.emulatorUrl,
    });
    try {
      const url = await app.line(/^Sample app \(\w+\) listening on (http:\S+)$/);
      expect((await post(`${url}/auth/login`, ALICE)).status).toBe(200);
      expect((await send(`${url}/demo/last-sign-in`)).status).toBe(404);
      expect(app.output()).not.toContain('emulator');
    } finally {
      await app.stop();
      await tenant.process.stop();
    }
  });

  it.each([
    ['GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD', 'secret', /tokenEndpointAuthMethod: expected one of .* got "secret"/],
    ['GENAUTH_SCOPE', 'profile', /without 'openid'/],
    [
      'GENAUTH_APP_HOST',
      'example.genauth.ai',
      /appHost is "example.genauth.ai"[^]*appId is missing|appId is missing[^]*appHost is/,
    ],
    ['PORT', 'http', /PORT is "http"/],
    ['TRUST_PROXY', 'nonsense', /\nTRUST_PROXY is "nonsense": write a number of proxies, loopback, or [^\n]*$/],
  ])('says what is wrong with %s=%s and ends', async (variable, value, message) => {
    const app = startNode([`${ROOT}/dist-sample/${name}.js`], { PORT: '0', EMULATOR_PORT: '0', [variable]: value });
    await expect(app.line(/^Sample app \(\w+\) listening on (http:\S+)$/)).rejects.toThrow(message);
    await app.stop();
  });
});
