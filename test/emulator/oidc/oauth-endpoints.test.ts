import { TOKEN_ENDPOINT_AUTH_METHODS } from '../../../src/core/wire/facts.js';
import { GenAuthEmulator } from '../../../src/emulator/index.js';
import { APP_HEADER, askAsApp, askOAuth, getRefreshable, postSignIn, rawRequest, useEmulator } from '../support.js';

const ID = 'app-1';
const SECRET = 's3cret:with:colons-and-ü&=+';
const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});
const header = { [APP_HEADER]: ID };
const pair = { client_id: ID, client_secret: SECRET };

const OK = '200';
const REFUSED = '401 invalid_client client authentication failed';
const CHALLENGED = `${REFUSED} Basic`;

interface Way {
  headers?: Record<string, string>;
  form?: Record<string, string>;
}

/** How the app may present itself → what an app that is configured for post, for basic and for none is answered. */
const WAYS: [string, Way, [post: string, basic: string, none: string]][] = [
  ['pair', { form: pair }, [OK, CHALLENGED, REFUSED]],
  ['header and pair', { headers: header, form: pair }, [OK, CHALLENGED, REFUSED]],
  ['wrong secret', { form: { ...pair, client_secret: 'wrong' } }, [REFUSED, CHALLENGED, REFUSED]],
  ['empty secret', { form: { ...pair, client_secret: '' } }, [REFUSED, CHALLENGED, OK]],
  ['client_id alone', { form: { client_id: ID } }, [REFUSED, CHALLENGED, OK]],
  ['header alone', { headers: header }, [REFUSED, CHALLENGED, OK]],
  ['Basic', { headers: basic(ID, SECRET) }, [CHALLENGED, OK, CHALLENGED]],
  ['Basic and client_id', { headers: basic(ID, SECRET), form: { client_id: ID } }, [CHALLENGED, OK, CHALLENGED]],
  ['Basic and pair', { headers: basic(ID, SECRET), form: pair }, [CHALLENGED, CHALLENGED, CHALLENGED]],
  ['Basic, wrong secret', { headers: basic(ID, 'wrong') }, [CHALLENGED, CHALLENGED, CHALLENGED]],
  ['Basic, another app', { headers: basic('other', SECRET) }, [CHALLENGED, CHALLENGED, CHALLENGED]],
  ['another app', { form: { ...pair, client_id: 'other' } }, [REFUSED, CHALLENGED, REFUSED]],
  ['another app in the header', { headers: { [APP_HEADER]: 'x' }, form: pair }, [REFUSED, CHALLENGED, REFUSED]],
  ['nobody', {}, [REFUSED, CHALLENGED, REFUSED]],
];

/** The endpoints that ask for the app, with a form that each answers 200 to. */
const ENDPOINTS: [path: string, form: (refreshToken: string) => Record<string, string>][] = [
  ['/token', (refresh_token) => ({ grant_type: 'refresh_token', refresh_token })],
  ['/token/introspection', (token) => ({ token })],
  ['/token/revocation', () => ({ token: 'unknown' })],
];

describe.each(TOKEN_ENDPOINT_AUTH_METHODS.map((method, index) => [method, index] as const))(
  'an app with %s',
  (method, index) => {
    const emulator = useEmulator({
      appId: ID,
      appSecret: SECRET,
      tokenEndpointAuthMethod: method,
      rotateRefreshTokens: false,
    });
    let refreshToken: string;

    beforeAll(async () => {
      const own = { client_secret_post: { form: pair }, client_secret_basic: { headers: basic(ID, SECRET) }, none: {} };
      const { form, headers } = { form: {}, headers: {}, ...own[method] };
      const body = {
        connection: 'PASSWORD',
        passwordPayload: { account: 'alice', password: 'passw0rd' },
        options: { scope: 'openid offline_access' },
        ...form,
      };
      const { answer } = await postSignIn(emulator(), body, { ...header, ...headers });
      refreshToken = answer.data?.refresh_token ?? '';
    });

    describe.each(ENDPOINTS)('at %s', (path, buildForm) => {
      test.each(WAYS)('%s', async (_name, { headers = {}, form = {} }, expected) => {
        const answer = await askOAuth(emulator(), path, { headers, form: { ...buildForm(refreshToken), ...form } });
        const { error, error_description: description } = answer.body;
        const told = [answer.status, error, description, answer.headers['www-authenticate']];
        expect(
          told
            .filter((part) => part !== undefined)
            .map(String)
            .join(' '),
        ).toBe(expected[index]);
        expect(answer.headers['cache-control']).toBe('no-store');
      });
    });
  },
);

describe.each(['/token', '/token/introspection', '/token/revocation'])('%s', (path) => {
  const emulator = useEmulator();
  const url = () => `${emulator().url}/oidc${path}`;
  const json = () => JSON.stringify({ client_id: emulator().appId, client_secret: emulator().appSecret, token: 'x' });
  const FORM = 'application/x-www-form-urlencoded';

  test.each<[string, Record<string, string>, string | undefined]>([
    ['JSON', { 'content-type': 'application/json' }, undefined],
    ['JSON that is broken', { 'content-type': 'application/json' }, '{"token":'],
    ['text', { 'content-type': 'text/plain' }, 'token=x'],
    ['no type', {}, 'token=x'],
    ['no body', {}, ''],
  ])('refuses %s in place of a form', async (_name, headers, body = json()) => {
    const answer = await rawRequest(url(), { method: 'POST', headers, body });
    expect([answer.status, answer.headers['content-type'], answer.body]).toEqual([
      400,
      'application/json; charset=utf-8',
      '{"error":"invalid_request","error_description":"the body must be application/x-www-form-urlencoded"}',
    ]);
  });

  test('refuses what is there twice, and a name without a value counts as left out', async () => {
    const own = new URLSearchParams({ client_id: emulator().appId, client_secret: emulator().appSecret });
    const ask = (more: string) =>
      rawRequest(url(), { method: 'POST', headers: { 'content-type': FORM }, body: `${own.toString()}&${more}` });
    for (const more of ['token=a&token=b', 'x=a&x=a', 'client_id=other']) {
      expect(JSON.parse((await ask(more)).body)).toEqual({
        error: 'invalid_request',
        error_description: 'a parameter is included more than once',
      });
    }
    const missing = path === '/token' ? 'grant_type' : 'token';
    for (const more of ['token=&grant_type=', 'token&grant_type', '', 'toString=x', 'token%00=x']) {
      const { status, body } = await ask(more);
      expect([more, status, JSON.parse(body)]).toEqual([
        more,
        400,
        { error: 'invalid_request', error_description: `missing required parameter ${missing}` },
      ]);
    }
  });

  test.each([
    ['too large', FORM, `token=${'x'.repeat(200_000)}`, 413, 'The body is larger than 100kb.'],
    ['in an unknown charset', `${FORM}; charset=canary`, 'token=x', 415, 'The request could not be read.'],
  ])('a form that is %s is refused in the same shape', async (_name, type, body, status, description) => {
    const answer = await rawRequest(url(), { method: 'POST', headers: { 'content-type': type }, body });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      status,
      { error: 'invalid_request', error_description: description },
    ]);
  });

  test('the app comes first: without it, nothing is told of the rest of the form', async () => {
    const { refresh_token = '' } = await getRefreshable(emulator());
    const forms = [{}, { token: refresh_token, refresh_token, grant_type: 'refresh_token' }, { grant_type: 'x' }];
    const wrong = { client_id: emulator().appId, client_secret: 'wrong' };
    const answers = await Promise.all(
      forms.map((form) => askOAuth(emulator(), path, { form: { ...wrong, ...form, canary: 'x' } })),
    );
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    // And the token is none the worse for it.
    expect((await askAsApp(emulator(), '/token/introspection', { token: refresh_token })).body).toMatchObject({
      active: true,
    });
  });

  test.each(['GET', 'PUT', 'DELETE'])('is not there for %s', async (method) => {
    expect((await rawRequest(url(), { method })).status).toBe(501);
  });
});

test('no token and no secret is in the journal', async () => {
  await using own = await new GenAuthEmulator().start();
  const tokens = await getRefreshable(own);
  for (const [path, build] of ENDPOINTS) await askAsApp(own, path, build(tokens.refresh_token ?? ''));
  const journal = JSON.stringify(own.signIns);
  expect(own.signIns).toHaveLength(1);
  for (const secret of [own.appSecret, tokens.access_token, tokens.id_token, tokens.refresh_token, 'passw0rd']) {
    expect(journal).not.toContain(secret);
  }
});
