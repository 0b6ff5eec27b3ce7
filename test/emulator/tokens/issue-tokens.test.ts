import { createPublicKey } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose';
import { ID_TOKEN_FLAWS, type IdTokenFlaw } from '../../../src/emulator/index.js';
import { buildScopeClaims, grantScopes } from '../../../src/emulator/users/claims.js';
import {
  asUser,
  getJwks,
  getRefreshable,
  getRefreshed,
  getTokens,
  inTurn,
  signIn,
  type Tokens,
  useEmulator,
  verify,
} from '../support.js';

const SECRET = 'sécret-🔑';
const emulator = useEmulator();
const hs256 = useEmulator({
  idTokenSignedResponseAlg: 'HS256',
  appSecret: SECRET,
  tokenLifetime: 60,
  lifetimeField: 'expire_in',
});
const expiresIn = useEmulator({ lifetimeField: 'expires_in' });

it('each scope has its claims, also if they are not set', () => {
  const profile =
    'name given_name middle_name family_name nickname preferred_username profile picture website birthdate gender ' +
    'zoneinfo locale updated_at';
  const claims: Record<string, object> = {
    openid: {},
    offline_access: {},
    username: { username: null },
    phone: { phone_number: null, phone_number_verified: false },
    email: { email: null, email_verified: false },
    address: { address: { country: null, postal_code: null, region: null, formatted: null } },
    profile: Object.fromEntries(profile.split(' ').map((name) => [name, null])),
    roles: { roles: [] },
    extended_fields: { extended_fields: {} },
    ...Object.fromEntries(
      ['role', 'unionid', 'external_id', 'tenant_id', 'userpool_id'].map((name) => [name, { [name]: null }]),
    ),
  };
  const scopes = Object.keys(claims);
  expect(Object.fromEntries(scopes.map((scope) => [scope, buildScopeClaims({}, [scope])]))).toEqual(claims);
  const set = { roles: ['admin', { code: 'editor' }], tenant_id: '', email: 'f@example.com', email_verified: true };
  expect(buildScopeClaims({ ...set, name: 'x' }, ['roles', 'tenant_id', 'email'])).toEqual(set);
  expect(grantScopes('  email openid  openid unknown Email __proto__ constructor')).toEqual(['email', 'openid']);
});

it('signs both tokens with RS256 and the published key, and only the id_token has the claims of the user', async () => {
  const before = Math.floor(Date.now() / 1000);
  const { access_token, id_token } = await getRefreshable(emulator(), 'openid email');
  const [access, id] = [await verify(emulator(), access_token), await verify(emulator(), id_token)];
  const { iat = 0, jti } = access.payload;
  const header = { alg: 'RS256', typ: 'JWT', kid: (await getJwks(emulator())).keys[0]?.kid };
  const sub: unknown = expect.stringMatching(/^[\da-f]{24}$/);
  const registered = { sub, aud: 'genauth-emulator-app', iss: `${emulator().url}/oidc`, iat, exp: iat + 1_209_600 };
  expect([access.protectedHeader, id.protectedHeader]).toEqual([header, header]);
  expect(access.payload).toEqual({ ...registered, scope: 'openid email', jti: expect.stringMatching(/^[\w-]{43}$/) });
  expect(id.payload).toEqual({ ...registered, email: 'alice@example.com', email_verified: true });
  expect([iat >= before, iat <= Date.now() / 1000]).toEqual([true, true]);
  expect(decodeJwt((await getTokens(emulator())).access_token).jti).not.toBe(jti);
});

it('signs only the id_token with HS256 and the app secret, and applies the options of the lifetime', async () => {
  const { id_token, access_token, refresh_token, ...lifetimes } = await getTokens(hs256());
  const { payload, protectedHeader } = await jwtVerify(id_token, Buffer.from(SECRET), { algorithms: ['HS256'] });
  expect(protectedHeader).toEqual({ alg: 'HS256', typ: 'JWT' });
  expect([lifetimes, refresh_token]).toEqual([
    { token_type: 'Bearer', scope: 'openid profile tenant_id', expire_in: 60 },
    undefined,
  ]);
  expect(Number(payload.exp) - Number(payload.iat)).toBe(60);
  await verify(hs256(), access_token);
  expect('expire_in' in (await getTokens(expiresIn()))).toBe(false);
});

it('both tokens have the tenant of the scope tenant_id', async () => {
  const options = { scope: 'openid tenant_id', tenantId: 't-1' };
  const { id_token, access_token } = await getTokens(emulator(), { options });
  expect([decodeJwt(id_token), decodeJwt(access_token)]).toMatchObject(Array(2).fill({ tenant_id: 't-1' }));
});

const outcomeOf = (verifying: Promise<unknown>) =>
  verifying.then(
    () => 'accepted',
    ({ claim, code }: { claim?: string; code: string }) => claim ?? code.replace(/^ERR_JO?[SW]\w*?_/, ''),
  );

const SIGNATURE = 'SIGNATURE_VERIFICATION_FAILED';
const ALG = 'ALG_NOT_ALLOWED';
/** Flaw → outcome of jose, wrong claims, changes of the header. */
const FLAWS: Record<IdTokenFlaw, [outcome: string, wrong: string[], header: object]> = {
  expired: ['exp', ['exp', 'iat'], {}],
  not_yet_valid: ['nbf', ['nbf'], {}],
  wrong_audience: ['aud', ['aud'], {}],
  wrong_issuer: ['iss', ['iss'], {}],
  unsigned: [ALG, [], { alg: 'none' }],
  hs256_public_key: [ALG, [], { alg: 'HS256' }],
  unknown_kid: ['NO_MATCHING_KEY', [], { kid: expect.stringMatching(/^[\w-]{43}$/) }],
  no_kid: ['accepted', [], { kid: undefined }],
  foreign_key: [SIGNATURE, [], {}],
  missing_sub: ['sub', ['sub'], {}],
  other_subject: ['accepted', ['sub'], {}],
  tampered: [SIGNATURE, ['exp'], {}],
  bad_at_hash: ['accepted', ['at_hash'], {}],
};

async function flawed(flaw: IdTokenFlaw): Promise<Tokens & { claims: JWTPayload }> {
  emulator().flawIdToken(flaw);
  const tokens = await getRefreshable(emulator(), 'openid');
  return { ...tokens, claims: decodeJwt(tokens.id_token) };
}

it.each(ID_TOKEN_FLAWS)('the flaw %s is the only flaw of an id_token', async (flaw) => {
  const [outcome, wrong, header] = FLAWS[flaw];
  const { id_token, access_token, claims } = await flawed(flaw);
  const { scope: _scope, jti: _jti, ...right } = decodeJwt(access_token);
  const differing = Object.keys({ ...claims, ...right }).filter((name) => claims[name] !== right[name]);
  expect([await outcomeOf(verify(emulator(), id_token)), differing.toSorted()]).toEqual([outcome, wrong]);
  const { kid } = (await getJwks(emulator())).keys[0]!;
  // toEqual treats a member that is undefined as absent.
  expect(decodeProtectedHeader(id_token)).toEqual({ alg: 'RS256', typ: 'JWT', kid, ...header });
});

it.each<[IdTokenFlaw, string]>([
  ['no_kid', 'accepted'],
  ['foreign_key', SIGNATURE],
  ['hs256_public_key', SIGNATURE],
])('with HS256 the outcome of the flaw %s is %s', async (flaw, outcome) => {
  hs256().flawIdToken(flaw);
  const { id_token } = await getTokens(hs256());
  expect(await outcomeOf(jwtVerify(id_token, Buffer.from(SECRET), { algorithms: ['HS256'] }))).toBe(outcome);
});

it('a flaw has the signature and the values of its attack', async () => {
  expect((await flawed('unsigned')).id_token).toMatch(/^[\w-]+\.[\w-]+\.$/);
  const key = createPublicKey({ key: (await getJwks(emulator())).keys[0] as never, format: 'jwk' });
  const pem = Buffer.from(key.export({ type: 'spki', format: 'pem' }));
  await jwtVerify((await flawed('hs256_public_key')).id_token, pem, { algorithms: ['HS256'] });
  await jwtVerify((await flawed('unknown_kid')).id_token, key);
  const { id_token, access_token, claims } = await flawed('tampered');
  const [header, , signature] = id_token.split('.');
  const payload = Buffer.from(JSON.stringify({ ...claims, exp: decodeJwt(access_token).exp })).toString('base64url');
  await verify(emulator(), `${header}.${payload}.${signature}`);
  const { exp, iat } = (await flawed('expired')).claims;
  const { nbf, iat: now } = (await flawed('not_yet_valid')).claims;
  expect([Number(exp) - Number(iat), Number(nbf) - Number(now)]).toEqual([1_209_600, 3600]);
  const [other, hashed] = [await flawed('other_subject'), await flawed('bad_at_hash')];
  expect([other.claims.sub, hashed.claims['at_hash']]).toEqual([
    expect.stringMatching(/^[\da-f]{24}$/),
    expect.stringMatching(/^[\w-]{22}$/),
  ]);
});

it('applies flaws in order, each as often as given, once by default, and only if an id_token is issued', async () => {
  const { refresh_token } = await getRefreshable(emulator());
  emulator().flawIdToken('expired', 2);
  emulator().flawIdToken('wrong_issuer');
  await signIn(emulator(), asUser('alice', 'wrong'));
  await getRefreshed(emulator(), refresh_token, { scope: 'email' });
  const tokens = await inTurn([1, 2, 3, 4], () => getTokens(emulator()));
  const outcomes = await inTurn(tokens, ({ id_token }) => outcomeOf(verify(emulator(), id_token)));
  expect(outcomes).toEqual(['exp', 'exp', 'iss', 'accepted']);
});
