import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { buildScopeClaims, grantScopes } from '../../../src/emulator/users/claims.js';
import { asUser, getJwks, getRefreshable, getTokens, useEmulator, verify } from '../support.js';

const emulator = useEmulator();
const hs256 = useEmulator({
  idTokenSignedResponseAlg: 'HS256',
  appSecret: 's',
  tokenLifetime: 60,
  lifetimeField: 'expire_in',
});

const PROFILE_NAMES =
  'name given_name middle_name family_name nickname preferred_username profile picture website ' +
  'birthdate gender zoneinfo locale updated_at';
const PROFILE = Object.fromEntries(PROFILE_NAMES.split(' ').map((name) => [name, `the ${name}`]));
const NO_ADDRESS = { country: null, postal_code: null, region: null, formatted: null };

/** Scope → its claims for a user who has all of them, and for a user who has none. */
const SCOPES: [string, Record<string, unknown>, object][] = [
  ['profile', PROFILE, Object.fromEntries(Object.keys(PROFILE).map((name) => [name, null]))],
  ['username', { username: 'full' }, { username: null }],
  ['email', { email: 'f@example.com', email_verified: true }, { email: null, email_verified: false }],
  ['phone', { phone_number: '138', phone_number_verified: true }, { phone_number: null, phone_number_verified: false }],
  ['address', { address: { country: 'CN' } }, { address: NO_ADDRESS }],
  ['roles', { roles: ['admin', { code: 'editor' }] }, { roles: [] }],
  ['external_id', { external_id: 'hr-7' }, { external_id: null }],
  ['extended_fields', { extended_fields: { level: 3 } }, { extended_fields: {} }],
  ['tenant_id', { tenant_id: '' }, { tenant_id: null }],
  ['role', { role: 'r' }, { role: null }],
  ['unionid', { unionid: 'u' }, { unionid: null }],
  ['userpool_id', { userpool_id: 'p' }, { userpool_id: null }],
  ['offline_access', {}, {}],
  ['openid', {}, {}],
];
const FULL: Record<string, unknown> = Object.assign({}, ...SCOPES.map(([, claims]) => claims));

it.each(SCOPES)('the scope %s has its claims, also if they are not set', (scope, full, bare) => {
  expect(buildScopeClaims(FULL, [scope])).toEqual(full);
  expect(buildScopeClaims({}, [scope])).toEqual(bare);
});

it('several scopes have the claims of all of them', () => {
  expect(
    buildScopeClaims(
      FULL,
      SCOPES.map(([scope]) => scope),
    ),
  ).toEqual(FULL);
});

it.each([
  ['email openid', 'email openid'],
  ['  openid  openid email ', 'openid email'],
  ['openid unknown Email __proto__ constructor', 'openid'],
])('grants of the scopes %j only %j', (requested, granted) => {
  expect(grantScopes(requested).join(' ')).toBe(granted);
});

it('signs an id_token with RS256 and the published key', async () => {
  const before = Math.floor(Date.now() / 1000);
  const { id_token } = await getTokens(emulator(), asUser('alice', 'passw0rd', { scope: 'openid email' }));
  const { payload, protectedHeader } = await verify(emulator(), id_token);
  const { iat } = payload;
  expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'JWT', kid: (await getJwks(emulator())).keys[0]?.kid });
  const registered = { aud: 'genauth-emulator-app', iss: `${emulator().url}/oidc`, iat, exp: Number(iat) + 1_209_600 };
  const sub: unknown = expect.stringMatching(/^[\da-f]{24}$/);
  expect(payload).toEqual({ ...registered, sub, email: 'alice@example.com', email_verified: true });
  expect([Number(iat) >= before, Number(iat) <= Date.now() / 1000]).toEqual([true, true]);
});

it('signs an access token with the same key, for the scope and without claims of the user', async () => {
  const { access_token, id_token } = await getRefreshable(emulator(), 'openid email');
  const { payload, protectedHeader } = await verify(emulator(), access_token);
  expect(protectedHeader).toEqual(decodeProtectedHeader(id_token));
  const { sub, aud, iss, iat, exp } = decodeJwt(id_token);
  const jti: unknown = expect.stringMatching(/^[\w-]{43}$/);
  expect(payload).toEqual({ sub, aud, iss, iat, exp, scope: 'openid email', jti });
  expect(decodeJwt((await getTokens(emulator())).access_token).jti).not.toBe(payload.jti);
});

it('signs only the id_token with HS256 and the app secret, and applies the options of the lifetime', async () => {
  const { id_token, access_token, expires_in, expire_in } = await getTokens(hs256());
  const { payload, protectedHeader } = await jwtVerify(id_token, Buffer.from('s'), { algorithms: ['HS256'] });
  expect(protectedHeader).toEqual({ alg: 'HS256', typ: 'JWT' });
  expect([expires_in, expire_in, Number(payload.exp) - Number(payload.iat)]).toEqual([undefined, 60, 60]);
  await verify(hs256(), access_token);
});

it.each([
  ['openid tenant_id', 't-1'],
  ['openid', undefined],
])('with the scopes %j both tokens have the tenant %j', async (scope, tenant) => {
  const { id_token, access_token } = await getTokens(emulator(), { options: { scope, tenantId: 't-1' } });
  expect([decodeJwt(id_token)['tenant_id'], decodeJwt(access_token)['tenant_id']]).toEqual([tenant, tenant]);
});

it.each([
  ['openid offline_access', true],
  ['openid', false],
])('with the scopes %j a refresh token is issued: %s', async (scope, isIssued) => {
  const [first, second] = [await getRefreshable(emulator(), scope), await getRefreshable(emulator(), scope)];
  expect([Boolean(first.refresh_token), first.refresh_token !== second.refresh_token]).toEqual([isIssued, isIssued]);
});

it('derives the sub from the first identifier, the same in every emulator', async () => {
  const subs = [emulator(), hs256()].map((own) => own.addUser({ username: 'same', email: 's@b', password: 'p' }).sub);
  const { id_token } = await getTokens(emulator(), asUser('s@b', 'p'));
  expect([...subs, decodeJwt(id_token).sub]).toEqual(Array(3).fill(subs[0]));
});
