import { createPublicKey } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose';
import { ID_TOKEN_FLAWS, type IdTokenFlaw } from '../../../src/emulator/index.js';
import { buildScopeClaims, grantScopes } from '../../../src/emulator/users/claims.js';
import { getJwks, getTokens, type Tokens, useEmulator, verify } from '../support.js';

const SECRET = 'sécret-🔑';
const emulator = useEmulator();
const hs256 = useEmulator({
  idTokenSignedResponseAlg: 'HS256',
  appSecret: SECRET,
  tokenLifetime: 60,
  lifetimeField: 'expire_in',
});

it('each claim of a scope has the value of the user, or the empty value of its kind', () => {
  const empty = { phone_number: null, phone_number_verified: false, roles: [], extended_fields: {}, external_id: null };
  const address = { country: null, postal_code: null, region: null, formatted: null };
  const scopes = ['openid', 'phone', 'roles', 'extended_fields', 'external_id', 'address'];
  expect(buildScopeClaims({ name: 'x' }, scopes)).toEqual({ ...empty, address });
  expect(Object.keys(buildScopeClaims({}, ['profile']))).toHaveLength(14);
  const set = { roles: ['admin', { code: 'editor' }], tenant_id: '', email: 'f@example.com', email_verified: true };
  expect(buildScopeClaims(set, ['roles', 'tenant_id', 'email'])).toEqual(set);
  expect(grantScopes('  email openid  openid unknown Email __proto__ constructor')).toEqual(['email', 'openid']);
});

it('signs both tokens with RS256 and the published key, and only the id_token has the claims of the user', async () => {
  const before = Math.floor(Date.now() / 1000);
  const options = { scope: 'openid email tenant_id', tenantId: 't-1' };
  const { access_token, id_token } = await getTokens(emulator(), { options });
  const [access, id] = [await verify(emulator(), access_token), await verify(emulator(), id_token)];
  const { iat = 0 } = access.payload;
  const header = { alg: 'RS256', typ: 'JWT', kid: (await getJwks(emulator())).keys[0]?.kid };
  const issued = { sub: expect.stringMatching(/^[\da-f]{24}$/), iss: `${emulator().url}/oidc`, tenant_id: 't-1' };
  const registered = { ...issued, aud: 'genauth-emulator-app', iat, exp: iat + 1_209_600 };
  expect([access.protectedHeader, id.protectedHeader]).toEqual([header, header]);
  const jti: unknown = expect.stringMatching(/^[\w-]{43}$/);
  expect(access.payload).toEqual({ ...registered, scope: options.scope, jti });
  expect(id.payload).toEqual({ ...registered, email: 'alice@example.com', email_verified: true });
  expect([iat >= before, iat <= Date.now() / 1000]).toEqual([true, true]);
});

it('signs only the id_token with HS256 and the app secret, and applies the options of the lifetime', async () => {
  const { id_token, access_token, ...others } = await getTokens(hs256());
  const { payload, protectedHeader } = await jwtVerify(id_token, Buffer.from(SECRET), { algorithms: ['HS256'] });
  expect(protectedHeader).toEqual({ alg: 'HS256', typ: 'JWT' });
  expect(others).toEqual({ token_type: 'Bearer', scope: 'openid profile tenant_id', expire_in: 60 });
  expect(Number(payload.exp) - Number(payload.iat)).toBe(60);
  await verify(hs256(), access_token);
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
  nonce: ['accepted', ['nonce'], {}],
  bad_at_hash: ['accepted', ['at_hash'], {}],
};

async function flawed(flaw: IdTokenFlaw): Promise<Tokens & { claims: JWTPayload }> {
  emulator().flawIdToken(flaw);
  const tokens = await getTokens(emulator(), { options: { scope: 'openid' } });
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

it('a flaw has the signature of its attack', async () => {
  expect((await flawed('unsigned')).id_token).toMatch(/^[\w-]+\.[\w-]+\.$/);
  const key = createPublicKey({ key: (await getJwks(emulator())).keys[0] as never, format: 'jwk' });
  const pem = Buffer.from(key.export({ type: 'spki', format: 'pem' }));
  await jwtVerify((await flawed('hs256_public_key')).id_token, pem, { algorithms: ['HS256'] });
  await jwtVerify((await flawed('unknown_kid')).id_token, key);
});
