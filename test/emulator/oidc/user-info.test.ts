import { decodeJwt } from 'jose';
import { GenAuthEmulator } from '../../../src/emulator/index.js';
import {
  askOAuth,
  getRefreshable,
  getTokens,
  getUserInfo,
  later,
  rawRequest,
  refresh,
  type Tokens,
  useEmulator,
} from '../support.js';

const emulator = useEmulator();
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** A request with a token in one place or in several. */
interface Way {
  method: string;
  query?: string;
  headers?: Record<string, string>;
  body?: string;
}

function ask({ query, ...options }: Way) {
  return rawRequest(`${emulator().url}/oidc/me${query ?? ''}`, options);
}

const WAYS: [string, (token: string) => Way][] = [
  ['GET with a Bearer header', (token) => ({ method: 'GET', headers: bearer(token) })],
  ['GET with the scheme in lower case', (token) => ({ method: 'GET', headers: { authorization: `bearer ${token}` } })],
  ['GET with the bare token in the header', (token) => ({ method: 'GET', headers: { authorization: token } })],
  ['GET with a query', (token) => ({ method: 'GET', query: `?access_token=${token}` })],
  ['GET with more in the query', (token) => ({ method: 'GET', query: `?a=?&access_token=${token}&b` })],
  ['POST with a Bearer header', (token) => ({ method: 'POST', headers: bearer(token) })],
  [
    'POST with a header and JSON',
    (token) => ({ method: 'POST', headers: { ...bearer(token), ...JSON_TYPE }, body: '{}' }),
  ],
  ['POST with a header and an empty form', (token) => ({ method: 'POST', headers: { ...bearer(token), ...FORM } })],
  ['POST with a query', (token) => ({ method: 'POST', query: `?access_token=${token}` })],
  ['POST with a form', (token) => ({ method: 'POST', headers: FORM, body: `access_token=${token}` })],
];
const JSON_TYPE = { 'content-type': 'application/json' };

test.each(WAYS)('%s', async (_name, build) => {
  const { access_token, id_token } = await getRefreshable(emulator(), 'openid email roles');
  const { status, headers, body } = await ask(build(access_token));
  expect([status, headers['content-type'], headers['cache-control']]).toEqual([
    200,
    'application/json; charset=utf-8',
    'no-store',
  ]);
  expect(JSON.parse(body)).toEqual({
    sub: decodeJwt(id_token).sub,
    email: 'alice@example.com',
    email_verified: true,
    roles: ['admin'],
  });
  expect(emulator().requests('userinfo')).toBe(1);
});

describe('the claims', () => {
  const everything =
    'openid profile username email phone address roles role unionid external_id extended_fields tenant_id userpool_id offline_access';

  test.each(['alice', 'bob', 'zhangsan'])('of %s are those of the id_token, set or not', async (account) => {
    const { access_token, id_token } = await getTokens(emulator(), {
      ...(account === 'zhangsan'
        ? { connection: 'AD', adPayload: { sAMAccountName: account, password: 'AdPassw0rd' } }
        : { passwordPayload: { account, password: 'passw0rd' } }),
      options: { scope: everything, tenantId: 'tenant-1' },
    });
    const { aud: _aud, iss: _iss, iat: _iat, exp: _exp, ...claims } = decodeJwt(id_token);
    expect(claims).toMatchObject({ tenant_id: 'tenant-1', unionid: null });
    expect((await getUserInfo(emulator(), access_token)).body).toEqual(claims);
  });

  test('are the sub alone for openid alone', async () => {
    const { access_token } = await getRefreshable(emulator(), 'openid');
    expect((await getUserInfo(emulator(), access_token)).body).toEqual({ sub: decodeJwt(access_token).sub });
  });

  test('are those of now, and no other token’s', async () => {
    emulator().addUser({ username: 'mover', email: 'old@example.com', roles: ['admin'], password: 'p' });
    const sign = () =>
      getTokens(emulator(), {
        passwordPayload: { account: 'mover', password: 'p' },
        options: { scope: 'openid email roles offline_access' },
      });
    const { access_token, id_token, refresh_token } = await sign();
    emulator().updateUser('mover', { roles: [], email: 'new@example.com', email_verified: true });
    const { sub } = decodeJwt(id_token);
    const now = { sub, email: 'new@example.com', email_verified: true, roles: [] };
    expect((await getUserInfo(emulator(), access_token)).body).toEqual(now);
    const refreshed = (await refresh(emulator(), refresh_token)).body as unknown as Tokens;
    expect(decodeJwt(refreshed.id_token)).toMatchObject(now);
    expect(decodeJwt((await sign()).id_token)).toMatchObject(now);
  });
});

const INVALID = [
  401,
  'Bearer error="invalid_token"',
  '{"error":"invalid_token","error_description":"the access token is missing, unknown, expired or revoked"}',
];

async function judge(way: Way) {
  const { status, headers, body } = await ask(way);
  return [status, headers['www-authenticate'], body];
}

describe('no live access token', () => {
  const tell = (token: string) => judge({ method: 'GET', headers: bearer(token) });

  test.each<[string, (tokens: Tokens) => string]>([
    ['a refresh token', ({ refresh_token }) => refresh_token ?? ''],
    ['an id_token', ({ id_token }) => id_token],
    ['unknown', () => 'x'],
    ['tampered with', ({ access_token }) => access_token.replace(/\.[^.]+/, (part) => `${part.slice(0, -4)}AAAA`)],
    ['without its signature', ({ access_token }) => access_token.replace(/[^.]+$/, '')],
    ['two', ({ access_token }) => `${access_token} ${access_token}`],
  ])('that is %s is 401', async (_name, choose) => {
    expect(await tell(choose(await getRefreshable(emulator())))).toEqual(INVALID);
  });

  test.each<[string, Way]>([
    ['nowhere', { method: 'GET' }],
    ['nowhere, by POST', { method: 'POST' }],
    ['empty in the query', { method: 'GET', query: '?access_token=' }],
    ['a password', { method: 'GET', headers: { authorization: 'Basic YTpi' } }],
    ['in JSON', { method: 'POST', headers: JSON_TYPE, body: '{"access_token":"x"}' }],
    ['in broken JSON', { method: 'POST', headers: JSON_TYPE, body: '{' }],
  ])('%s is 401', async (_name, way) => {
    expect(await judge(way)).toEqual(INVALID);
  });

  test('as it expired, is 401 from its last second on', async () => {
    await using own = await new GenAuthEmulator({ tokenLifetime: 100 }).start();
    const { access_token } = await getTokens(own);
    await later(90, async () => expect((await getUserInfo(own, access_token)).status).toBe(200));
    await later(100, async () => expect((await getUserInfo(own, access_token)).status).toBe(401));
  });

  test('as it is another app’s, is 401', async () => {
    await using other = await new GenAuthEmulator({ appId: 'other' }).start();
    expect(await tell((await getTokens(other)).access_token)).toEqual(INVALID);
  });

  test('as its user was removed, is 401', async () => {
    emulator().addUser({ username: 'gone', password: 'p' });
    const { access_token } = await getTokens(emulator(), { passwordPayload: { account: 'gone', password: 'p' } });
    expect((await getUserInfo(emulator(), access_token)).status).toBe(200);
    emulator().removeUser('gone');
    expect(await tell(access_token)).toEqual(INVALID);
  });
});

test.each<[string, (token: string) => Way]>([
  ['header and query', (token) => ({ method: 'GET', headers: bearer(token), query: `?access_token=${token}` })],
  [
    'header and form',
    (token) => ({ method: 'POST', headers: { ...bearer(token), ...FORM }, body: `access_token=${token}` }),
  ],
  [
    'query and form',
    (token) => ({ method: 'POST', headers: FORM, query: '?access_token=x', body: `access_token=${token}` }),
  ],
  ['the query twice', (token) => ({ method: 'GET', query: `?access_token=${token}&access_token=${token}` })],
])('a token in %s is 400', async (_name, build) => {
  const { access_token } = await getRefreshable(emulator());
  const { status, headers, body } = await ask(build(access_token));
  expect([status, (JSON.parse(body) as { error: string }).error]).toEqual([400, 'invalid_request']);
  expect(headers).not.toHaveProperty('www-authenticate');
});

test('a live token without openid is 403', async () => {
  const { refresh_token } = await getRefreshable(emulator());
  const { body } = await refresh(emulator(), refresh_token, { scope: 'email' });
  const answer = await getUserInfo(emulator(), String(body['access_token']));
  expect([answer.status, answer.headers['www-authenticate'], answer.body['error']]).toEqual([
    403,
    'Bearer error="insufficient_scope", scope="openid"',
    'insufficient_scope',
  ]);
});

test('other methods are not served', async () => {
  expect((await askOAuth(emulator(), '/me', { method: 'PUT' })).status).toBe(501);
});
