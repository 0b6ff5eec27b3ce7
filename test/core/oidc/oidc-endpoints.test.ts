import { jest } from '@jest/globals';
import { Http } from '../../../src/core/http/http.js';
import { AppSecret, type AppSecretSource } from '../../../src/core/oidc/app-secret.js';
import { ClientAuthentication } from '../../../src/core/oidc/client-authentication.js';
import { OidcEndpoints } from '../../../src/core/oidc/oidc-endpoints.js';
import { APP_ID, type Reply, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { Gate, catchError } from '../../support/promise.js';
import { useTcpServers } from '../../support/tcp-server.js';
import { createVault } from '../../support/vault.js';

const SECRET = 'canary+secret/with=signs&more %';
const TOKEN = 'canary/token+with=signs&more %';
const INVALID = 'upstream_invalid_response';
const issuer = useIssuer();
const serve = useTcpServers();
const opened: Http[] = [];
afterEach(() => {
  jest.useRealTimers();
  for (const http of opened.splice(0)) http.close();
});

function open(source: AppSecretSource = SECRET, origin = issuer().url, timeout = 10_000): OidcEndpoints {
  const http = new Http({ origin, timeout });
  opened.push(http);
  const identity = { appId: APP_ID, tokenEndpointAuthMethod: 'client_secret_post' } as const;
  return new OidcEndpoints({ http, authentication: new ClientAuthentication(identity, new AppSecret(source)) });
}

const CALLS = {
  refresh: {
    path: '/oidc/token',
    call: (endpoints: OidcEndpoints): Promise<unknown> => endpoints.requestRefresh(TOKEN),
  },
  introspection: {
    path: '/oidc/token/introspection',
    call: (endpoints: OidcEndpoints): Promise<unknown> => endpoints.requestIntrospection(TOKEN, 'access_token'),
  },
  revocation: {
    path: '/oidc/token/revocation',
    call: (endpoints: OidcEndpoints): Promise<unknown> => endpoints.requestRevocation(TOKEN, 'refresh_token'),
  },
  userInfo: {
    path: '/oidc/me',
    call: (endpoints: OidcEndpoints): Promise<unknown> => endpoints.requestUserInfo(TOKEN),
  },
};
type Name = keyof typeof CALLS;

/** Calls an endpoint that replies this way. */
const run = (name: Name, reply: Reply, source?: AppSecretSource): Promise<unknown> => {
  issuer().reply(CALLS[name].path, reply);
  return CALLS[name].call(open(source));
};

describe('requests', () => {
  it.each<[Name, object, object]>([
    ['refresh', { grant_type: 'refresh_token', refresh_token: TOKEN }, { access_token: 'a' }],
    ['introspection', { token: TOKEN, token_type_hint: 'access_token' }, { active: true }],
    ['revocation', { token: TOKEN, token_type_hint: 'refresh_token' }, {}],
  ])('send the form of %s with the proof of the application', async (name, form, body) => {
    await run(name, { body });
    expect(issuer().requests).toMatchObject([
      {
        method: 'POST',
        path: CALLS[name].path,
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body: new URLSearchParams({ ...form, client_id: APP_ID, client_secret: SECRET }).toString(),
      },
    ]);
  });

  it('send the access token alone for user info', async () => {
    await run('userInfo', { body: { sub: 'alice' } });
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect(issuer().requests).toMatchObject([{ method: 'GET', path: '/oidc/me', headers, body: '' }]);
    expect(findLeaks(issuer().requests, [SECRET])).toEqual([]);
  });

  it('are repeated with a renewed secret', async () => {
    issuer().reply('/oidc/token/introspection', ({ body }) =>
      new URLSearchParams(body).get('client_secret') === 'new' ? { body: { active: true } } : { status: 401 },
    );
    const endpoints = open(createVault('old', 'new').source);
    expect(await endpoints.requestIntrospection(TOKEN, 'access_token')).toMatchObject({ active: true });
    expect(issuer().count()).toBe(2);
  });

  it.each<[Name, number, number]>([
    ['introspection', 60_000, 5000],
    ['introspection', 1000, 1000],
    ['userInfo', 60_000, 5000],
    ['refresh', 60_000, 60_000],
    ['revocation', 60_000, 60_000],
  ])('for %s with the option timeout %i wait %i ms', async (name, timeout, limit) => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date'] });
    const arrived = new Gate();
    const silent = await serve(() => arrived.open());
    const failing = catchError(CALLS[name].call(open(SECRET, silent.url, timeout)));
    await arrived.opened;
    await jest.advanceTimersByTimeAsync(60_000);
    expect(await failing).toMatchObject({ code: 'upstream_timeout', details: { limit } });
  });
});

describe('the credentials of the application are refused', () => {
  const refused = { name: 'ConfigurationError', code: 'client_authentication_failed', statusCode: 500 };

  it.each<[string, Reply]>([
    ['invalid_client, HTTP 401', { status: 401, body: { error: 'invalid_client' } }],
    ['invalid_client, HTTP 200', { status: 200, body: { error: 'invalid_client' } }],
    ['HTTP 401 with HTML', { status: 401, body: '<html>' }],
    ['HTTP 401 with statusCode 403', { status: 401, body: { statusCode: 403 } }],
    ['statusCode 401', { body: { statusCode: 401, message: 'client authentication failed' } }],
  ])('by %s', async (_, reply) => {
    const error = await catchError(run('introspection', reply));
    expect(error).toMatchObject({ ...refused, message: expect.stringContaining('at /oidc/token/introspection: ') });
    expect(findLeaks(error, [SECRET, TOKEN])).toEqual([]);
    expect(issuer().count()).toBe(1);
  });

  it.each<Name>(['refresh', 'revocation'])('for %s', async (name) => {
    expect(await catchError(run(name, { status: 401 }))).toMatchObject(refused);
  });
});

describe('a response that cannot be used', () => {
  const DOWN = { code: 'upstream_unavailable', retryAfter: undefined };
  it.each<[string, Reply, object]>([
    ['HTTP 500', { status: 500, body: '<html>' }, DOWN],
    ['HTTP 503 with Retry-After', { status: 503, headers: { 'retry-after': '7' } }, { ...DOWN, retryAfter: 7 }],
    ['HTTP 429', { status: 429, body: { error: 'slow_down' } }, DOWN],
    ['statusCode 500', { body: { statusCode: 500 } }, DOWN],
    ['statusCode 300', { body: { statusCode: 300, active: true } }, { code: INVALID }],
    ['HTTP 300', { status: 300, body: { active: true } }, { code: INVALID }],
    ['HTTP 401 with another error', { status: 401, body: { error: 'invalid_token' } }, { code: INVALID }],
    ['an error with HTTP 200', { body: { error: 'server_error', active: true } }, { code: INVALID }],
    ['a redirect', { status: 307, headers: { location: '/' } }, { code: INVALID }],
    ['more than 1 MiB', { body: 'x'.repeat(1024 * 1024 + 1) }, { code: INVALID, details: { limit: 1024 * 1024 } }],
    ['a reset connection', { reset: true }, { code: 'upstream_unreachable' }],
    ...[{}, { active: 'true' }, { active: null }, [{ active: true }], 'null'].map((body): [string, Reply, object] => [
      `no boolean active: ${JSON.stringify(body)}`,
      { body },
      { code: INVALID },
    ]),
  ])('is an UpstreamError after one request: %s', async (_, reply, expected) => {
    const error = await catchError(run('introspection', reply));
    expect(error).toMatchObject({ name: 'UpstreamError', ...expected });
    expect(findLeaks(error, [SECRET, TOKEN])).toEqual([]);
    expect(issuer().count()).toBe(1);
  });

  it('of exactly 1 MiB is not too large', async () => {
    const body = '{"active":true}'.padEnd(1024 * 1024);
    expect(await run('introspection', { body })).toMatchObject({ active: true });
  });

  it.each<[Name, string]>([
    ['refresh', 'POST /oidc/token'],
    ['revocation', 'POST /oidc/token/revocation'],
    ['userInfo', 'GET /oidc/me'],
  ])('for %s is an UpstreamError that names %s', async (name, request) => {
    const error = await catchError(run(name, { status: 403, body: { error: `access denied ${TOKEN}` } }));
    const redacted = '"(redacted: it repeats a secret)"';
    const message = `GenAuth's response to ${request} cannot be used: HTTP 403, error ${redacted}.`;
    expect(error).toMatchObject({ code: INVALID, message, details: { request, httpStatus: 403 } });
    const down = await catchError(run(name, { body: { statusCode: 500 } }));
    expect(down.message).toBe(`GenAuth is not available: it answered ${request} with status 500.`);
  });
});

describe('requestRefresh', () => {
  it.each<[string, unknown, string | undefined]>([
    ['the tokens of an object', { access_token: 'a', refresh_token: null }, 'a'],
    ['no token of a list', [{ access_token: 'a' }], undefined],
    ['no token of a string', '"access_token"', undefined],
  ])('returns %s', async (_, body, accessToken) => {
    expect(await run('refresh', { body })).toMatchObject({ accessToken, refreshToken: undefined });
  });

  it.each([400, 401, 200])('refuses the refresh token after invalid_grant with HTTP %i', async (status) => {
    const body = { error: 'invalid_grant', error_description: TOKEN };
    const error = await catchError(run('refresh', { status, body }, createVault('old', 'new').source));
    const details = { token: 'refresh_token' };
    expect(error).toMatchObject({ name: 'TokenVerificationError', code: 'refresh_token_refused', details });
    expect(findLeaks(error, [TOKEN])).toEqual([]);
    expect(issuer().count()).toBe(1);
  });

  it.each(['unauthorized_client', 'unsupported_grant_type'])('reports %s as a grant of the console', async (error) => {
    const expected = { name: 'ConfigurationError', code: 'grant_not_allowed', statusCode: 500 };
    expect(await catchError(run('refresh', { status: 400, body: { error } }))).toMatchObject(expected);
  });
});

describe('requestIntrospection', () => {
  const NONE = { sub: undefined, clientId: undefined, scope: [], exp: undefined };
  it.each<[object, object]>([
    [{ active: false }, NONE],
    [
      { active: true, sub: 'alice', client_id: 'app', scope: 'openid email', exp: 1760, username: 'alice' },
      { sub: 'alice', clientId: 'app', scope: ['openid', 'email'], exp: 1760 },
    ],
    [
      { active: true, scope: 'openid,email, phone' },
      { ...NONE, scope: ['openid', 'email', 'phone'] },
    ],
    [{ active: true, scope: ['openid'], sub: 7, client_id: null, exp: null }, NONE],
    [
      { active: true, exp: '999999999999' },
      { ...NONE, exp: 999_999_999_999 },
    ],
    [{ active: true, exp: '9999999999999' }, NONE],
    [{ active: true, exp: 'soon' }, NONE],
  ])('parses %j', async (body, expected) => {
    expect(await run('introspection', { body })).toEqual({ active: (body as { active: boolean }).active, ...expected });
  });
});

describe('requestRevocation', () => {
  it.each<[string, Reply]>([
    ['true', { body: 'true' }],
    ['an empty body', { status: 204 }],
    ['an envelope', { body: { statusCode: 200, message: '', data: true } }],
    ['HTML', { body: '<html>' }],
  ])('accepts %s as success', async (_, reply) => {
    expect(await run('revocation', reply)).toBeUndefined();
  });
});

describe('requestUserInfo', () => {
  it('returns the claims unchanged', async () => {
    const claims = { sub: 'alice', email: null, roles: [{ code: 'admin' }] };
    expect(await run('userInfo', { body: claims })).toEqual(claims);
  });

  it('returns undefined for insufficient_scope', async () => {
    expect(await run('userInfo', { status: 403, body: { error: 'insufficient_scope' } })).toBeUndefined();
  });

  it.each<[string, Reply]>([
    ['HTTP 401', { status: 401, body: '<html>' }],
    ['statusCode 401', { body: { statusCode: 401 } }],
    ['HTTP 401 with statusCode 403', { status: 401, body: { statusCode: 403 } }],
    ['invalid_token', { status: 400, body: { error: 'invalid_token' } }],
    ['HTTP 401 with insufficient_scope', { status: 401, body: { error: 'insufficient_scope' } }],
  ])('reports a revoked token after %s', async (_, reply) => {
    const error = await catchError(run('userInfo', reply));
    expect(error).toMatchObject({ code: 'token_revoked', statusCode: 401, details: { token: 'access_token' } });
    expect(findLeaks(error, [TOKEN])).toEqual([]);
  });

  it.each(['aa.bb.cc', '[{"sub":"alice"}]', '', 'null'])('refuses a body that is no JSON object: %j', async (body) => {
    expect(await catchError(run('userInfo', { body }))).toMatchObject({ code: INVALID });
  });
});
