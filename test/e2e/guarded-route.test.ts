import {
  APP_SECRET,
  FORGERIES,
  type Tokens,
  accessClaims,
  answerSignIn,
  exchange,
  findCanaries,
  idClaims,
  makeTokens,
  statusOf,
} from '../support/canary.js';
import { APP_ID, JWKS_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { ROOT, type RunningProcess, startNode } from '../support/process.js';
import { SAMPLES } from '../support/sample.js';
import { type WebAnswer, type WebRequest, ask } from '../support/web-server.js';

const USER_INFO_PATH = '/oidc/me';
const ROUTES = ['/me', '/admin', '/orders'];
const ALICE = { account: 'alice', password: 'passw0rd' };
const ZHANGSAN = { sAMAccountName: 'zhangsan', password: 'AdPassw0rd' };

const ANONYMOUS = {
  challenge: 'Bearer realm="genauth"',
  body: { statusCode: 401, error: 'Unauthorized', message: 'An access token is required.', code: 'token_missing' },
};
const INVALID = {
  challenge:
    'Bearer realm="genauth", error="invalid_token", ' +
    'error_description="The access token is malformed, expired, or not valid for this service"',
  body: {
    statusCode: 401,
    error: 'Unauthorized',
    message: 'The access token is malformed, expired, or not valid for this service.',
    code: 'invalid_token',
  },
};
const UNUSABLE = {
  statusCode: 502,
  error: 'Bad Gateway',
  message: 'The identity service returned an invalid response.',
  code: 'upstream_invalid_response',
};

const issuer = useIssuer();

describe.each(SAMPLES)('the sample app %s, whose tenant signs any token', (name) => {
  let sample: RunningProcess;
  let url: string;
  beforeAll(async () => {
    sample = startNode([`${ROOT}/dist-sample/${name}.js`], {
      PORT: '0',
      GENAUTH_APP_ID: APP_ID,
      GENAUTH_APP_SECRET: APP_SECRET,
      GENAUTH_APP_HOST: issuer().url,
    });
    url = await sample.line(/^Sample app \(\w+\) listening on (http:\S+)$/);
  });
  afterAll(() => sample.stop());
  beforeEach(() => {
    issuer().reply(USER_INFO_PATH, { body: { sub: SUBJECT, email: 'alice@example.com', roles: ['admin'] } });
  });

  const get = (path: string, ...authorization: string[]): Promise<WebAnswer> =>
    ask(url, { path, headers: authorization.length === 0 ? {} : { authorization } });

  /** Every guarded route refuses, and nobody was asked about the token. */
  async function expectRefused(
    { challenge, body }: typeof INVALID,
    send: (path: string) => Promise<WebAnswer>,
  ): Promise<void> {
    for (const path of ROUTES) {
      const { status, headers, text } = await send(path);
      expect([path, status, headers['www-authenticate']]).toEqual([path, 401, challenge]);
      expect(headers['cache-control']).toBe('no-store');
      expect(JSON.parse(text)).toEqual(body);
    }
    expect(issuer().count(USER_INFO_PATH)).toBe(0);
  }

  it('a right token gets in everywhere', async () => {
    const { accessToken } = makeTokens(issuer());
    const emailToken = issuer().sign({ ...accessClaims(issuer()), scope: 'openid profile email', jti: 'jti-2' });
    expect((await get('/me', `Bearer ${accessToken}`)).text).toContain(`"sub":"${SUBJECT}"`);
    for (const path of ROUTES) expect([path, (await get(path, `bearer  ${emailToken}`)).status]).toEqual([path, 200]);
    const { status, headers, text } = await get('/orders', `Bearer ${accessToken}`);
    expect([status, headers['www-authenticate'], (JSON.parse(text) as typeof UNUSABLE).code]).toEqual([
      403,
      'Bearer realm="genauth", error="insufficient_scope", scope="email"',
      'insufficient_scope',
    ]);
  });

  it.each(FORGERIES)('an access token that is %s: 401', async (_flaw, forge) => {
    const accessToken = forge(issuer(), accessClaims(issuer()));
    await expectRefused(INVALID, (path) => get(path, `Bearer ${accessToken}`));
    expect(findCanaries(sample.output(), { accessToken, appSecret: APP_SECRET })).toEqual([]);
  });

  it.each<[string, () => string[]]>([
    ['an id_token', () => [`Bearer ${makeTokens(issuer()).idToken}`]],
    ['an id_token with a scope and a nonce', () => [`Bearer ${signId({ scope: 'openid email', nonce: 'n' })}`]],
    ['an id_token with a scope and an at_hash', () => [`Bearer ${signId({ scope: 'openid email', at_hash: 'x' })}`]],
    ['one token in two headers', () => [right(), right()]],
    ['a right and a wrong token in two headers', () => [right(), 'Bearer x.y.z']],
    ['Basic and a right token in two headers', () => ['Basic YTpi', right()]],
    ['two tokens in one header', () => [`${right()}, ${right()}`]],
    ['a token and more', () => [`${right()} x`]],
    ['no token after the scheme', () => ['Bearer']],
    ['no JWT', () => ['Bearer passw0rd']],
    ['more than 8 KiB', () => [`Bearer ${issuer().sign({ ...accessClaims(issuer()), x: 'x'.repeat(8000) })}`]],
  ])('%s: 401', async (_flaw, make) => {
    const headers = make();
    await expectRefused(INVALID, (path) => get(path, ...headers));
  });
  const signId = (claims: object): string => issuer().sign({ ...idClaims(issuer()), ...claims });
  const right = (): string => `Bearer ${makeTokens(issuer()).accessToken}`;

  it.each<[string, (token: string) => WebRequest]>([
    ['nowhere', () => ({})],
    ['as Basic', (token) => ({ headers: { authorization: `Basic ${token}` } })],
    ['without a scheme', (token) => ({ headers: { authorization: token } })],
    ['in a cookie', (token) => ({ headers: { cookie: `access_token=${token}; authorization=Bearer ${token}` } })],
    ['in another header', (token) => ({ headers: { 'proxy-authorization': `Bearer ${token}`, 'x-token': token } })],
    ['in a body', (token) => ({ method: 'GET', json: { access_token: token } })],
  ])('the token stands %s: 401 without an error code', async (_place, place) => {
    const { accessToken } = makeTokens(issuer());
    await expectRefused(ANONYMOUS, (path) => ask(url, { path, ...place(accessToken) }));
    await expectRefused(ANONYMOUS, (path) => ask(url, { path: `${path}?access_token=${accessToken}` }));
  });

  it('100 tokens of unknown keys cause one fetch of the keys at most, and a right token gets in all the same', async () => {
    const headers = { authorization: right() };
    expect((await ask(url, { path: '/me', headers })).status).toBe(200);
    const before = issuer().count(JWKS_PATH);
    const tokens = Array.from({ length: 100 }, (_, i) => issuer().sign(accessClaims(issuer()), { kid: `key-${i}` }));
    const statuses = await Promise.all(tokens.map(async (token) => (await get('/me', `Bearer ${token}`)).status));
    expect(new Set(statuses)).toEqual(new Set([401]));
    expect(issuer().count(JWKS_PATH) - before).toBeLessThanOrEqual(1);
    expect((await ask(url, { path: '/me', headers })).status).toBe(200);
  });

  /** A login that GenAuth answers with these tokens, by password and by Active Directory. */
  const expectUnusable = async (tokens: Tokens, data: object = {}): Promise<void> => {
    answerSignIn(issuer(), tokens, data);
    for (const [path, body] of [
      ['/auth/login', ALICE],
      ['/auth/login/ad', ZHANGSAN],
    ] as const) {
      const answer = await exchange(url, path, body);
      expect([path, statusOf(answer)]).toEqual([path, 502]);
      expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toEqual(UNUSABLE);
      expect(answer).not.toMatch(/^(www-authenticate|retry-after):/im);
      expect(findCanaries([answer, sample.output()], { ...tokens, appSecret: APP_SECRET })).toEqual([]);
    }
  };

  it.each(FORGERIES)('a login whose id_token is %s: 502', async (_flaw, forge) => {
    await expectUnusable({ ...makeTokens(issuer()), idToken: forge(issuer(), idClaims(issuer())) });
  });

  it.each<[string, (tokens: Tokens) => object]>([
    ['an access token for an id_token', ({ accessToken }) => ({ id_token: accessToken })],
    ['another person’s access token', () => ({ access_token: signAccess({ sub: 'bob' }) })],
    ['another access token’s at_hash', () => ({ id_token: signId({ at_hash: 'x' }) })],
    ['no id_token', () => ({ id_token: undefined })],
    ['no access token', () => ({ access_token: undefined })],
    ['tokens that are objects', (tokens) => ({ id_token: [tokens.idToken], access_token: tokens })],
  ])('a login that brings %s: 502', async (_flaw, change) => {
    const tokens = makeTokens(issuer());
    await expectUnusable(tokens, change(tokens));
  });
  const signAccess = (claims: object): string => issuer().sign({ ...accessClaims(issuer()), ...claims });

  it('a login with right tokens: 200, and the guarded route knows the person without asking', async () => {
    const tokens = makeTokens(issuer());
    answerSignIn(issuer(), tokens);
    const { status, text } = await ask(url, { path: '/auth/login', json: ALICE });
    expect([status, JSON.parse(text)]).toMatchObject([
      200,
      { accessToken: tokens.accessToken, user: { sub: SUBJECT } },
    ]);
    expect((await get('/me', `Bearer ${tokens.accessToken}`)).status).toBe(200);
    expect(issuer().count(USER_INFO_PATH)).toBe(0);
  });
});
