import { decodeJwt } from 'jose';
import {
  asAd,
  asUser,
  getRefreshable,
  getRefreshed,
  getTokens,
  getUserInfo,
  rawRequest,
  useEmulator,
} from '../support.js';

const emulator = useEmulator();
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const JSON_TYPE = { 'content-type': 'application/json' };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

interface Way {
  method: string;
  query?: string;
  headers?: Record<string, string>;
  body?: string;
}

async function ask({ query = '', ...options }: Way) {
  const { status, headers, body } = await rawRequest(`${emulator().url}/oidc/me${query}`, options);
  return { status, headers, body: JSON.parse(body) as Record<string, unknown> };
}

it.each<[string, (token: string) => Way]>([
  ['a Bearer header', (token) => ({ method: 'GET', headers: bearer(token) })],
  ['a Bearer header in lower case', (token) => ({ method: 'GET', headers: { authorization: `bearer ${token}` } })],
  ['a header without a scheme', (token) => ({ method: 'GET', headers: { authorization: token } })],
  ['a query', (token) => ({ method: 'GET', query: `?a=?&access_token=${token}&b` })],
  ['POST with a Bearer header', (token) => ({ method: 'POST', headers: bearer(token) })],
  ['a header and JSON', (token) => ({ method: 'POST', headers: { ...bearer(token), ...JSON_TYPE }, body: '{}' })],
  ['a header and an empty form', (token) => ({ method: 'POST', headers: { ...bearer(token), ...FORM } })],
  ['a form', (token) => ({ method: 'POST', headers: FORM, body: `access_token=${token}` })],
])('accepts the access token in %s', async (_title, build) => {
  const { access_token } = await getRefreshable(emulator(), 'openid email roles');
  const { status, headers, body } = await ask(build(access_token));
  expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
  const { sub } = decodeJwt(access_token);
  expect(body).toEqual({ sub, email: 'alice@example.com', email_verified: true, roles: ['admin'] });
});

it.each<[string, (token: string) => Way]>([
  ['no token', () => ({ method: 'GET' })],
  ['POST without a token', () => ({ method: 'POST' })],
  ['an empty query parameter', () => ({ method: 'GET', query: '?access_token=' })],
  ['a Basic header', () => ({ method: 'GET', headers: { authorization: 'Basic YTpi' } })],
  ['JSON', (token) => ({ method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ access_token: token }) })],
  ['two tokens in the header', (token) => ({ method: 'GET', headers: bearer(`${token} ${token}`) })],
])('answers %s with 401', async (_title, build) => {
  const { access_token } = await getRefreshable(emulator());
  const { status, headers, body } = await ask(build(access_token));
  expect([status, headers['www-authenticate'], body['error']]).toEqual([
    401,
    'Bearer error="invalid_token"',
    'invalid_token',
  ]);
});

it.each<[string, (token: string) => Way]>([
  ['header and query', (token) => ({ method: 'GET', headers: bearer(token), query: `?access_token=${token}` })],
  ['header and form', (token) => ({ method: 'POST', headers: { ...bearer(token), ...FORM }, body: 'access_token=x' })],
  ['query and form', () => ({ method: 'POST', headers: FORM, query: '?access_token=x', body: 'access_token=x' })],
  ['the query twice', (token) => ({ method: 'GET', query: `?access_token=${token}&access_token=${token}` })],
])('answers a token in %s with 400', async (_title, build) => {
  const { access_token } = await getRefreshable(emulator());
  const { status, headers, body } = await ask(build(access_token));
  expect([status, headers['www-authenticate'], body['error']]).toEqual([400, undefined, 'invalid_request']);
});

it('answers a token without the scope openid with 403', async () => {
  const { refresh_token } = await getRefreshable(emulator());
  const { access_token } = await getRefreshed(emulator(), refresh_token, { scope: 'email' });
  expect(await getUserInfo(emulator(), access_token)).toMatchObject({
    status: 403,
    headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="openid"' },
    body: { error: 'insufficient_scope' },
  });
});

it('returns the claims of the id_token', async () => {
  const options = { scope: 'openid profile username email phone address roles unionid tenant_id', tenantId: 't-1' };
  const { access_token, id_token } = await getTokens(emulator(), asAd('zhangsan', 'AdPassw0rd', options));
  const { aud: _aud, iss: _iss, iat: _iat, exp: _exp, ...claims } = decodeJwt(id_token);
  expect(claims).toMatchObject({ tenant_id: 't-1', unionid: null, username: 'zhangsan' });
  expect((await getUserInfo(emulator(), access_token)).body).toEqual(claims);
});

it('returns the current claims of a changed user', async () => {
  emulator().addUser({ username: 'mover', email: 'old@example.com', roles: ['admin'], password: 'p' });
  const scope = 'openid email roles offline_access';
  const { access_token, refresh_token } = await getTokens(emulator(), asUser('mover', 'p', { scope }));
  emulator().updateUser('mover', { roles: [], email: 'new@example.com', email_verified: true });
  const now = { email: 'new@example.com', email_verified: true, roles: [] };
  expect((await getUserInfo(emulator(), access_token)).body).toMatchObject(now);
  expect(decodeJwt((await getRefreshed(emulator(), refresh_token)).id_token)).toMatchObject(now);
});
