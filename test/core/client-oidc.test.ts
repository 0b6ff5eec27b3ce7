import type { GenAuthClient, TokenRequirements } from '../../src/core/client.js';
import type { LogoutParameters } from '../../src/core/oidc/logout-url.js';
import { useClients } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { JWKS_PATH, type Reply, SUBJECT, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { catchError } from '../support/promise.js';
import { catchThrown } from '../support/thrown.js';

failOnUnhandledRejections();
const INTROSPECTION_PATH = '/oidc/token/introspection';
const REVOCATION_PATH = '/oidc/token/revocation';
const ME_PATH = '/oidc/me';
const NOW = 1_760_000_000_000;
const issuer = useIssuer();
const openAny = useClients(issuer);
let now = NOW;
beforeEach(() => {
  now = NOW;
});
const open: typeof openAny = (options) => openAny(options, { now: () => now });
const accessToken = (claims: object = {}): string =>
  issuer().sign({ ...issuer().accessTokenClaims({}, NOW), ...claims });

/** What a guard does that needs a claim which the token lacks. */
const askUserClaims: TokenRequirements['authorize'] = async (_claims, getUserClaims) => {
  await getUserClaims();
};

describe('revoke', () => {
  // T22: GenAuth's documents, its SDKs and its interface description each know another success.
  it.each<[string, Reply]>([
    ['true', { body: 'true' }],
    ['nothing, HTTP 200', { status: 200 }],
    ['nothing, HTTP 204', { status: 204 }],
    ['an envelope', { body: { statusCode: 200, message: '', data: true } }],
    ['a page', { body: '<html>' }],
  ])('%s: done', async (_, reply) => {
    issuer().reply(REVOCATION_PATH, reply);
    expect(await open().revoke('r')).toBeUndefined();
  });

  it.each(['access_token', 'refresh_token'] as const)('says what kind of token it is: %s', async (hint) => {
    issuer().reply(REVOCATION_PATH, { status: 200 });
    await open().revoke('r', hint);
    expect(new URLSearchParams(issuer().requests[0]?.body).get('token_type_hint')).toBe(hint);
  });

  it('an unsupported token type is no success', async () => {
    issuer().reply(REVOCATION_PATH, { status: 400, body: { error: 'unsupported_token_type' } });
    expect(await catchError(open().revoke('r'))).toMatchObject({ code: 'upstream_invalid_response' });
  });

  it('what was known of an access token is forgotten: user info and introspection are asked for again', async () => {
    issuer().reply(REVOCATION_PATH, { status: 200 });
    issuer().reply(ME_PATH, { body: { sub: SUBJECT } });
    issuer().reply(INTROSPECTION_PATH, { body: { active: true } });
    const client = open();
    const [token, other] = [accessToken(), accessToken({ jti: 'other' })];
    const look = async (): Promise<void> => {
      for (const each of [token, other]) {
        await client.authenticate(each, { introspect: 60_000, authorize: askUserClaims });
      }
    };
    await look();
    await client.revoke(token, 'access_token');
    await look();
    expect([issuer().count(ME_PATH), issuer().count(INTROSPECTION_PATH)]).toEqual([3, 3]);
  });

  it('a revocation that failed forgets nothing', async () => {
    issuer().reply(ME_PATH, { body: { sub: SUBJECT } });
    issuer().reply(REVOCATION_PATH, { status: 503 });
    const client = open();
    const token = accessToken();
    await client.authenticate(token, { authorize: askUserClaims });
    await catchError(client.revoke(token));
    await client.authenticate(token, { authorize: askUserClaims });
    expect(issuer().count(ME_PATH)).toBe(1);
  });
});

describe('introspect', () => {
  const NONE = { sub: undefined, clientId: undefined, scope: [], exp: undefined };
  it.each<[string, object, object]>([
    ['inactive', { active: false }, { active: false, ...NONE }],
    ['active, and no more', { active: true }, { active: true, ...NONE }],
    [
      'everything',
      { active: true, sub: 'alice', client_id: 'app', scope: 'openid email', exp: 1760, iss: 'x', username: 'alice' },
      { active: true, sub: 'alice', clientId: 'app', scope: ['openid', 'email'], exp: 1760 },
    ],
    [
      'T23: scopes between commas',
      { active: true, scope: 'openid,email, phone' },
      { scope: ['openid', 'email', 'phone'] },
    ],
    ['scopes that are null', { active: true, scope: null }, { scope: [] }],
    ['scopes in a list', { active: true, scope: ['openid'] }, { scope: [] }],
    ['exp as a text', { active: true, exp: '1760' }, { exp: 1760 }],
    ['exp as another text', { active: true, exp: 'soon' }, { exp: undefined }],
    ['exp beyond all numbers', { active: true, exp: '9'.repeat(400) }, { exp: undefined }],
    ['sub as a number', { active: true, sub: 7 }, { sub: undefined }],
  ])('%s: %j', async (_, body, expected) => {
    issuer().reply(INTROSPECTION_PATH, { body });
    expect(await open().introspect('t')).toMatchObject(expected);
  });

  it.each([{}, { active: 'true' }, { active: 1 }, { active: null }, { sub: 'alice' }, [], [{ active: true }]])(
    '%j does not say whether the token is active: upstream_invalid_response, and never active',
    async (body) => {
      issuer().reply(INTROSPECTION_PATH, { body });
      expect(await catchError(open().introspect('t'))).toMatchObject({ code: 'upstream_invalid_response' });
    },
  );

  it('T23: the hint is sent, access_token unless told otherwise; each call is a request', async () => {
    issuer().reply(INTROSPECTION_PATH, { body: { active: true } });
    const client = open();
    await client.introspect('t');
    await client.introspect('t', 'refresh_token');
    const hints = issuer().requests.map(({ body }) => new URLSearchParams(body).get('token_type_hint'));
    expect(hints).toEqual(['access_token', 'refresh_token']);
  });
});

describe('authenticate with introspection', () => {
  const require = async (client: GenAuthClient, maxAge = 1000): Promise<string> => {
    const token = accessToken();
    return client.authenticate(token, { introspect: maxAge, authorize: async () => {} }).then(
      () => 'passes',
      ({ code }: { code: string }) => code,
    );
  };

  it.each<[object, string]>([
    [{ active: true }, 'passes'],
    [{ active: true, sub: SUBJECT }, 'passes'],
    // GenAuth's nonsense, not the bearer's fault.
    [{ active: true, sub: 'another' }, 'upstream_invalid_response'],
    [{ active: false }, 'token_revoked'],
    [{ active: false, sub: SUBJECT }, 'token_revoked'],
    [{}, 'upstream_invalid_response'],
  ])('%j: %s', async (body, expected) => {
    issuer().reply(INTROSPECTION_PATH, { body });
    expect(await require(open())).toBe(expected);
  });

  it('an answer counts for maxAge: 200 requests are one question, and a revocation bites after it', async () => {
    issuer().reply(INTROSPECTION_PATH, { body: { active: true } });
    const client = open();
    for (let i = 0; i < 200; i += 1) expect(await require(client)).toBe('passes');
    issuer().reply(INTROSPECTION_PATH, { body: { active: false } });
    now += 999;
    expect(await require(client)).toBe('passes');
    now += 1;
    expect(await require(client)).toBe('token_revoked');
    expect(issuer().count(INTROSPECTION_PATH)).toBe(2);
  });

  it('GenAuth is down: 503, never 401 and never a pass', async () => {
    issuer().reply(INTROSPECTION_PATH, { status: 500 });
    expect(await require(open())).toBe('upstream_unavailable');
  });
});

describe('userInfo', () => {
  it('is asked for with the token itself, each time, and gives the claims as they come', async () => {
    const claims = { sub: SUBJECT, email: null, roles: [{ code: 'admin' }], __proto: 1 };
    issuer().reply(ME_PATH, { body: claims });
    const client = open();
    const token = accessToken();
    expect(await client.userInfo(token)).toEqual(claims);
    await client.userInfo(token);
    const asked = issuer().requests.filter(({ path }) => path === ME_PATH);
    expect(asked).toHaveLength(2);
    expect(asked[0]).toMatchObject({ method: 'GET', body: '', headers: { authorization: `Bearer ${token}` } });
    expect(findLeaks(asked, [issuer().clientOptions.appSecret])).toEqual([]);
  });

  it.each<[string, Reply, string]>([
    ['of another person', { body: { sub: 'another' } }, 'upstream_invalid_response'],
    ['without sub', { body: { email: 'a@example.com' } }, 'upstream_invalid_response'],
    ['an empty object', { body: {} }, 'upstream_invalid_response'],
    ['sub in a list', { body: { sub: [SUBJECT] } }, 'upstream_invalid_response'],
    ['HTTP 401', { status: 401 }, 'token_revoked'],
    ['HTTP 401 with a page', { status: 401, body: '<html>' }, 'token_revoked'],
    ['invalid_token', { status: 400, body: { error: 'invalid_token' } }, 'token_revoked'],
    ['invalid_token under HTTP 200', { body: { error: 'invalid_token' } }, 'token_revoked'],
    ['HTTP 403', { status: 403, body: { error: 'access_denied' } }, 'upstream_invalid_response'],
    ['HTTP 404', { status: 404 }, 'upstream_invalid_response'],
    ['HTTP 500', { status: 500 }, 'upstream_unavailable'],
    ['HTTP 429', { status: 429 }, 'upstream_unavailable'],
    ['a signed answer', { body: 'aa.bb.cc' }, 'upstream_invalid_response'],
    ['a list', { body: [{ sub: SUBJECT }] }, 'upstream_invalid_response'],
    ['an envelope that says 500', { body: { statusCode: 500, sub: SUBJECT } }, 'upstream_unavailable'],
    ['a redirect', { status: 302, headers: { location: '/' } }, 'upstream_invalid_response'],
  ])('%s: %j: %s', async (_, reply, code) => {
    issuer().reply(ME_PATH, reply);
    const token = accessToken();
    const error = await catchError(open().userInfo(token));
    expect(error).toMatchObject({ code });
    expect(findLeaks(error, token.split('.'))).toEqual([]);
  });

  it('HTTP 403, insufficient_scope: a good token whose scopes bring no claims', async () => {
    issuer().reply(ME_PATH, { status: 403, body: { error: 'insufficient_scope' } });
    expect(await open().userInfo(accessToken())).toEqual({ sub: SUBJECT });
  });

  it('a token that does not verify is sent to nobody', async () => {
    const client = open();
    const id = issuer().sign(issuer().idTokenClaims({}, NOW));
    for (const token of ['', 'opaque', accessToken({ exp: 1, iat: 0 }), accessToken({ aud: 'other' }), id]) {
      expect(await catchError(client.userInfo(token))).toMatchObject({ name: 'TokenVerificationError' });
    }
    expect(issuer().count(ME_PATH)).toBe(0);
  });
});

describe('buildLogoutUrl', () => {
  it.each<[string, LogoutParameters | undefined, string]>([
    ['nothing', undefined, ''],
    ['an empty object', {}, ''],
    ['all undefined', { idToken: undefined, postLogoutRedirectUri: undefined, state: undefined }, ''],
    ['an id_token', { idToken: 'aa.bb.cc' }, '?id_token_hint=aa.bb.cc'],
    [
      'everything, escaped',
      { idToken: 'aa.bb.cc', postLogoutRedirectUri: 'https://app.example/bye?x=1&y=#z', state: 'a&b=c d' },
      '?id_token_hint=aa.bb.cc&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye%3Fx%3D1%26y%3D%23z&state=a%26b%3Dc+d',
    ],
  ])('%s: %j', (_, parameters, expected) => {
    expect(open().buildLogoutUrl(parameters)).toBe(`${issuer().url}/oidc/session/end${expected}`);
    expect(issuer().count()).toBe(0);
  });

  it.each<[string, LogoutParameters]>([
    ['an address without an id_token', { postLogoutRedirectUri: 'https://app.example' }],
    ['a path', { idToken: 'aa.bb.cc', postLogoutRedirectUri: '/bye' }],
    ['an address without scheme', { idToken: 'aa.bb.cc', postLogoutRedirectUri: '//app.example' }],
    ['an empty address', { idToken: 'aa.bb.cc', postLogoutRedirectUri: '' }],
  ])('%s: ConfigurationError', (_, parameters) => {
    const thrown = catchThrown(() => open().buildLogoutUrl(parameters));
    expect(thrown).toMatchObject({ name: 'ConfigurationError', code: 'invalid_options' });
    expect(findLeaks(thrown, ['aa.bb.cc'])).toEqual([]);
  });
});

describe('status', () => {
  it('before, with and after the keys, without asking GenAuth', async () => {
    const client = open({ jwks: { maxAge: 10_000, staleIfError: 5000 } });
    const none = { count: 0, fetchedAt: undefined, isStale: false, lastError: undefined };
    expect(client.status()).toEqual({ ready: false, keys: none });
    expect(issuer().count()).toBe(0);
    await client.warmUp();
    const fresh = { count: 1, fetchedAt: new Date(NOW), isStale: false, lastError: undefined };
    expect(client.status()).toEqual({ ready: true, keys: fresh });
    issuer().reply(JWKS_PATH, { status: 500 });
    now += 10_000;
    expect(client.status()).toEqual({ ready: true, keys: { ...fresh, isStale: true } });
    await catchError(client.warmUp());
    expect(client.status()).toEqual({
      ready: true,
      keys: { ...fresh, isStale: true, lastError: 'upstream_unavailable' },
    });
    now += 5000;
    expect(client.status()).toEqual({
      ready: false,
      keys: { count: 0, fetchedAt: new Date(NOW), isStale: false, lastError: 'upstream_unavailable' },
    });
  });

  it('of another issuer: named', async () => {
    const client = open({ issuer: 'https://other.example/oidc' });
    await catchError(client.warmUp());
    expect(client.status()).toMatchObject({ ready: false, keys: { lastError: 'discovery_issuer_mismatch' } });
  });
});
