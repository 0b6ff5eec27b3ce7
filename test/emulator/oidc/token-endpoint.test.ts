import { decodeJwt } from 'jose';
import { PATHS } from '../../../src/core/wire/facts.js';
import type { IdTokenFlaw } from '../../../src/emulator/index.js';
import { asForm, asUser, getTokens, inTurn, send, useEmulator } from '../support.js';
import { areActive, getRefreshable, getRefreshed, getUserInfo, introspect, refresh, revoke } from './requests.js';

const HOME = 'https://app.example/home';
const QUERY = 'https://app.example/bye?a=1&b=%2F';

const emulator = useEmulator({ postLogoutRedirectUris: [HOME, QUERY] });
/** Each option has the value that is not its default. */
const other = useEmulator({
  tokenLifetime: 100,
  refreshTokenLifetime: 200,
  rotateRefreshTokens: false,
  introspectionScopeSeparator: ',',
});
const hs256 = useEmulator({ idTokenSignedResponseAlg: 'HS256' });

const INVALID_GRANT = { status: 400, body: { error: 'invalid_grant', error_description: 'grant request is invalid' } };

it('every endpoint refuses an id_token and an access token without its signature, and keeps all tokens', async () => {
  const { access_token, id_token, refresh_token } = await getRefreshable(emulator());
  const texts = [id_token, access_token.replace(/[^.]+$/, '')];
  const askAll = (text: string) => inTurn([refresh, introspect, revoke, getUserInfo], (call) => call(emulator(), text));
  const revoked = { body: { statusCode: 200, data: { success: true } } };
  const refusals = [INVALID_GRANT, { status: 200, body: { active: false } }, revoked, { status: 401 }];
  expect(await inTurn(texts, askAll)).toMatchObject([refusals, refusals]);
  expect(await areActive(emulator(), access_token, refresh_token)).toEqual([true, true]);
});

it.each([
  [PATHS.token, { grant_type: 'refresh_token' }],
  [PATHS.introspection, { token_type_hint: 'access_token' }],
  [PATHS.revocation, { token: '' }],
])('%s refuses an app that is not authenticated, and the form %j', async (path, form: Record<string, string>) => {
  const { url, appId, appSecret } = emulator();
  const ask = async (client_secret: string) =>
    (await send(url + path, asForm({ client_id: appId, client_secret, ...form }))).body['error'];
  expect([await ask(appSecret), await ask('x')]).toEqual(['invalid_request', 'invalid_client']);
});

it('tokens are inactive while the user is disabled, and after a removal for ever', async () => {
  const user = { username: 'dave', password: 'p' };
  emulator().addUser(user);
  const { access_token } = await getTokens(emulator(), asUser('dave', 'p'));
  const isActive = async (disabled: boolean) => {
    emulator().updateUser('dave', { disabled });
    return areActive(emulator(), access_token);
  };
  expect(await inTurn([true, false], isActive)).toEqual([[false], [true]]);
  emulator().removeUser('dave');
  emulator().addUser(user);
  expect(await isActive(false)).toEqual([false]);
});

it('returns new tokens, and accepts a refresh token once, also when it is sent several times at once', async () => {
  const before = await getRefreshable(emulator());
  const answers = await Promise.all([1, 2, 3].map(() => refresh(emulator(), before.refresh_token)));
  const [first, ...refused] = answers.toSorted((a, b) => Number(a.status) - Number(b.status));
  const { scope, access_token, refresh_token } = first!.body as unknown as typeof before;
  expect([first!.headers['cache-control'], scope]).toEqual(['no-store', before.scope]);
  expect(refused).toMatchObject([INVALID_GRANT, INVALID_GRANT]);
  const all = [before.refresh_token, before.access_token, access_token, refresh_token];
  expect(await areActive(emulator(), ...all)).toEqual([false, true, true, true]);
});

it('grants fewer scopes, and the next refresh all scopes again', async () => {
  const { refresh_token } = await getRefreshable(emulator(), 'openid profile offline_access');
  const narrow = await getRefreshed(emulator(), refresh_token, { scope: '  profile  offline_access profile ' });
  const granted = Array(2).fill('profile offline_access');
  expect([narrow.scope, decodeJwt(narrow.access_token)['scope']]).toEqual(granted);
  const headers = { 'www-authenticate': 'Bearer error="insufficient_scope", scope="openid"' };
  expect(await getUserInfo(emulator(), narrow.access_token)).toMatchObject({ status: 403, headers });
  expect((await getRefreshed(emulator(), narrow.refresh_token)).scope).toBe('openid profile offline_access');
});

it.each([
  [{ scope: 'openid phone' }, 'invalid_scope'],
  [{ scope: ' ' }, 'invalid_scope'],
  [{ grant_type: 'password' }, 'unsupported_grant_type'],
])('refuses %j, and keeps the refresh token', async (form: Record<string, string>, error) => {
  const { refresh_token } = await getRefreshable(emulator());
  expect(await refresh(emulator(), refresh_token, form)).toMatchObject({ status: 400, body: { error } });
  expect(await areActive(emulator(), refresh_token)).toEqual([true]);
});

it('introspection returns the claims of both tokens until they expire, and a jti that is not a token', async () => {
  const { access_token, refresh_token = '' } = await getRefreshable(other());
  const { aud: client_id, ...claims } = decodeJwt(access_token);
  const expected = { active: true, client_id, token_type: 'Bearer', ...claims, scope: 'openid,email,offline_access' };
  const ofRefresh = { ...expected, exp: Number(claims.iat) + 200, jti: expect.not.stringContaining(refresh_token) };
  const read = () => inTurn([access_token, refresh_token], async (token) => (await introspect(other(), token)).body);
  expect(await read()).toEqual([expected, ofRefresh]);
  other().setClockDrift(100);
  expect(await read()).toEqual([{ active: false }, ofRefresh]);
  expect((await getUserInfo(other(), access_token)).status).toBe(401);
  // Without rotation the refresh token stays valid, and a refresh returns none.
  const refreshed = await refresh(other(), refresh_token);
  expect([refreshed.body['expires_in'], refreshed.body['refresh_token']]).toEqual([100, undefined]);
  expect(await areActive(other(), refresh_token)).toEqual([true]);
  other().setClockDrift(200);
  expect((await refresh(other(), refresh_token)).status).toBe(400);
});

it('revocation ends a refresh token with all tokens of its sign-in, and no other sign-in', async () => {
  const [first, others] = [await getRefreshable(emulator()), await getRefreshable(emulator())];
  const second = await getRefreshed(emulator(), first.refresh_token);
  await revoke(emulator(), second.refresh_token);
  const all = [first.access_token, second.access_token, second.refresh_token, others.access_token];
  expect(await areActive(emulator(), ...all)).toEqual([false, false, false, true]);
});

it('user info accepts a token in one place only, and returns the current claims of a changed user', async () => {
  emulator().addUser({ username: 'mover', email: 'old@example.com', roles: ['admin'], password: 'p' });
  const options = { scope: 'openid email roles unionid tenant_id', tenantId: 't-1' };
  const { access_token } = await getTokens(emulator(), asUser('mover', 'p', options));
  const now = { email: 'new@example.com', email_verified: true, roles: [] };
  emulator().updateUser('mover', now);
  const claims = { sub: expect.stringMatching(/^[\da-f]{24}$/), ...now, unionid: null, tenant_id: 't-1' };
  const headers = { authorization: `bearer  ${access_token}` };
  const ask = (way: object, query = '') => send(emulator().url + PATHS.userInfo + query, way);
  const invalid = { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } };
  const twice = [await ask({ headers }, '?access_token=x'), await ask(asForm({ access_token }), '?access_token=x')];
  expect([await ask({}), ...twice]).toMatchObject([invalid, { status: 400 }, { status: 400 }]);
  expect((await ask({ headers })).body).toEqual(claims);
});

describe('the end of a session', () => {
  const end = (query: Record<string, string>, own = emulator()) =>
    send(`${own.url}${PATHS.endSession}?${String(new URLSearchParams(query))}`);
  const getHint = async () => (await getTokens(emulator())).id_token;
  const statusesOf = async (hints: string[], own = emulator()) =>
    (await inTurn(hints, (id_token_hint) => end({ id_token_hint }, own))).map(({ status }) => status);

  it.each([
    [HOME, {}, HOME],
    [HOME, { state: 'st/ä &#\r\n' }, `${HOME}?state=st%2F%C3%A4%20%26%23%0D%0A`],
    [QUERY, { state: 'x' }, `${QUERY}&state=x`],
  ])('redirects to %s with %j, and keeps the tokens valid', async (uri, state, location) => {
    const { id_token, access_token } = await getTokens(emulator());
    const answer = await end({ id_token_hint: id_token, post_logout_redirect_uri: uri, ...state });
    expect(answer).toMatchObject({ status: 302, headers: { location, 'cache-control': 'no-store' }, text: '' });
    expect(await areActive(emulator(), access_token)).toEqual([true]);
  });

  it('shows a page without a redirect, and refuses an address that is not registered or has no hint', async () => {
    const { status, headers, text } = await end({ state: '<script>' });
    expect([status, headers['content-type'], headers.location]).toEqual([200, 'text/html; charset=utf-8', undefined]);
    expect(text).toMatch(/^<!doctype html>.*You are signed out\.(?!.*script)/);
    const unregistered = await end({ id_token_hint: await getHint(), post_logout_redirect_uri: `${HOME}/` });
    const answers = [unregistered, await end({ post_logout_redirect_uri: HOME })];
    expect(answers.map(({ body }) => body['error'])).toEqual(Array(2).fill('invalid_request'));
  });

  it('refuses hints that GenAuth did not sign for the app, and accepts an expired one', async () => {
    const names = 'expired no_kid wrong_audience wrong_issuer unsigned unknown_kid foreign_key';
    const flaws = names.split(' ') as IdTokenFlaw[];
    flaws.forEach((flaw) => emulator().flawIdToken(flaw));
    expect(await statusesOf(await inTurn(flaws, getHint))).toEqual([200, 200, 400, 400, 400, 400, 400]);
  });

  it('refuses an access token, and an id_token of a withdrawn key or of another secret with HS256', async () => {
    const { id_token, access_token } = await getTokens(emulator());
    expect(await statusesOf([id_token, access_token])).toEqual([200, 400]);
    await emulator().rotateKeys({ withdraw: true });
    expect(await statusesOf([id_token])).toEqual([400]);
    const right = await getTokens(hs256());
    hs256().flawIdToken('foreign_key');
    const hints = [right.id_token, right.access_token, (await getTokens(hs256())).id_token];
    expect(await statusesOf(hints, hs256())).toEqual([200, 400, 400]);
  });
});
