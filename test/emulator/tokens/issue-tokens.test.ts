import { decodeJwt, jwtVerify } from 'jose';
import { buildScopeClaims, grantScopes } from '../../../src/emulator/users/claims.js';
import { asUser, getJwks, getRefreshable, getTokens, useEmulator, verify } from '../support.js';

const emulator = useEmulator();
const hs256 = useEmulator({
  idTokenSignedResponseAlg: 'HS256',
  appSecret: 's',
  tokenLifetime: 60,
  lifetimeField: 'expire_in',
});
const expiresIn = useEmulator({ lifetimeField: 'expires_in' });

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
  ['offline_access openid', {}, {}],
];
const FULL: Record<string, unknown> = Object.assign({}, ...SCOPES.map(([, claims]) => claims));

it.each(SCOPES)('the scope %s has its claims, also if they are not set', (scope, full, bare) => {
  expect(buildScopeClaims(FULL, scope.split(' '))).toEqual(full);
  expect(buildScopeClaims({}, scope.split(' '))).toEqual(bare);
});

it('grants only known scopes, once and in the requested order, with the claims of all of them', () => {
  const granted = grantScopes('  email openid  openid unknown Email __proto__ constructor');
  expect(granted).toEqual(['email', 'openid']);
  expect(
    buildScopeClaims(
      FULL,
      SCOPES.flatMap(([scope]) => scope.split(' ')),
    ),
  ).toEqual(FULL);
});

it('signs both tokens with RS256 and the published key, and only the id_token has the claims of the user', async () => {
  const before = Math.floor(Date.now() / 1000);
  const tokens = await getRefreshable(emulator(), 'openid email');
  const { access_token, id_token, ...others } = tokens;
  const lifetime = 1_209_600;
  expect(others).toEqual({ token_type: 'Bearer', scope: 'openid email', expires_in: lifetime, expire_in: lifetime });
  const [access, id] = [await verify(emulator(), access_token), await verify(emulator(), id_token)];
  const { iat = 0, jti } = access.payload;
  const header = { alg: 'RS256', typ: 'JWT', kid: (await getJwks(emulator())).keys[0]?.kid };
  const sub: unknown = expect.stringMatching(/^[\da-f]{24}$/);
  const registered = { sub, aud: 'genauth-emulator-app', iss: `${emulator().url}/oidc`, iat, exp: iat + lifetime };
  expect([access.protectedHeader, id.protectedHeader]).toEqual([header, header]);
  expect(access.payload).toEqual({ ...registered, scope: 'openid email', jti: expect.stringMatching(/^[\w-]{43}$/) });
  expect(id.payload).toEqual({ ...registered, email: 'alice@example.com', email_verified: true });
  expect([iat >= before, iat <= Date.now() / 1000]).toEqual([true, true]);
  expect(decodeJwt((await getTokens(emulator())).access_token).jti).not.toBe(jti);
});

it('signs only the id_token with HS256 and the app secret, and applies the options of the lifetime', async () => {
  const { id_token, access_token, expires_in, expire_in } = await getTokens(hs256());
  const { payload, protectedHeader } = await jwtVerify(id_token, Buffer.from('s'), { algorithms: ['HS256'] });
  expect(protectedHeader).toEqual({ alg: 'HS256', typ: 'JWT' });
  expect([expires_in, expire_in, Number(payload.exp) - Number(payload.iat)]).toEqual([undefined, 60, 60]);
  await verify(hs256(), access_token);
  expect('expire_in' in (await getTokens(expiresIn()))).toBe(false);
});

it.each([
  ['openid tenant_id offline_access', 't-1', /^[\w-]{43}$/],
  ['openid', undefined, /^undefined$/],
])('with the scopes %j both tokens have the tenant %j, and the refresh token is %p', async (scope, tenant, refresh) => {
  const [one, two] = [1, 2].map(() => getTokens(emulator(), { options: { scope, tenantId: 't-1' } }));
  const { id_token, access_token, refresh_token } = await one!;
  expect([decodeJwt(id_token)['tenant_id'], decodeJwt(access_token)['tenant_id']]).toEqual([tenant, tenant]);
  expect(String(refresh_token)).toMatch(refresh);
  expect((await two!).access_token).not.toBe(access_token);
});

it('derives the sub from the first identifier, the same in every emulator', async () => {
  const subs = [emulator(), hs256()].map((own) => own.addUser({ username: 'same', email: 's@b', password: 'p' }).sub);
  const { id_token } = await getTokens(emulator(), asUser('s@b', 'p'));
  expect([...subs, decodeJwt(id_token).sub]).toEqual(Array(3).fill(subs[0]));
});
