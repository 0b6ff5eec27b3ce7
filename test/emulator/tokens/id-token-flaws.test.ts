import { createHash, createPublicKey } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose';
import { ID_TOKEN_FLAWS, type IdTokenFlaw } from '../../../src/emulator/index.js';
import { asUser, getJwks, getRefreshable, getRefreshed, getTokens, inTurn, signIn } from '../support.js';
import { type Tokens, useEmulator, verify } from '../support.js';

const SECRET = 'sécret-🔑';
const rs256 = useEmulator();
const hs256 = useEmulator({ idTokenSignedResponseAlg: 'HS256', appSecret: SECRET });

const verifyHs256 = (token: string) => {
  const rules = { issuer: `${hs256().url}/oidc`, audience: hs256().appId, requiredClaims: ['sub', 'iat', 'exp'] };
  return jwtVerify(token, Buffer.from(SECRET), { algorithms: ['HS256'], ...rules });
};
const outcomeOf = (verifying: Promise<unknown>) =>
  verifying.then(
    () => 'accepted',
    ({ claim, code }: { claim?: string; code: string }) => claim ?? code.replace(/^ERR_JO?[SW]\w*?_/, ''),
  );

const SIGNATURE = 'SIGNATURE_VERIFICATION_FAILED';
const ALG = 'ALG_NOT_ALLOWED';
const OTHER_KID = expect.stringMatching(/^[\w-]{43}$/) as string;

/** Flaw → outcomes of jose with RS256 and with HS256, wrong claims, changes of the header with RS256 and HS256. */
const FLAWS: [IdTokenFlaw, rs256: string, hs256: string, wrong: string[], rs256: object, hs256: object][] = [
  ['expired', 'exp', 'exp', ['exp', 'iat'], {}, {}],
  ['not_yet_valid', 'nbf', 'nbf', ['nbf'], {}, {}],
  ['wrong_audience', 'aud', 'aud', ['aud'], {}, {}],
  ['wrong_issuer', 'iss', 'iss', ['iss'], {}, {}],
  ['unsigned', ALG, ALG, [], { alg: 'none' }, { alg: 'none' }],
  ['hs256_public_key', ALG, SIGNATURE, [], { alg: 'HS256' }, {}],
  ['unknown_kid', 'NO_MATCHING_KEY', 'accepted', [], { kid: OTHER_KID }, { kid: OTHER_KID }],
  ['no_kid', 'accepted', 'accepted', [], { kid: undefined }, {}],
  ['foreign_key', SIGNATURE, SIGNATURE, [], {}, {}],
  ['missing_sub', 'sub', 'sub', ['sub'], {}, {}],
  ['other_subject', 'accepted', 'accepted', ['sub'], {}, {}],
  ['tampered', SIGNATURE, SIGNATURE, ['exp'], {}, {}],
  ['bad_at_hash', 'accepted', 'accepted', ['at_hash'], {}, {}],
];

/** Names of the claims in which an id_token differs from the access token of the same sign-in. */
function listWrongClaims({ id_token, access_token }: Tokens): string[] {
  const { email: _email, email_verified: _verified, ...id } = decodeJwt(id_token);
  const { scope: _scope, jti: _jti, ...access } = decodeJwt(access_token);
  const names = [...new Set([...Object.keys(id), ...Object.keys(access)])];
  return names.filter((name) => id[name] !== access[name]).toSorted();
}

it.each(FLAWS)('the flaw %s is the only flaw of an id_token', async (flaw, ...expected) => {
  const [outcomeRs256, outcomeHs256, wrong, headerRs256, headerHs256] = expected;
  rs256().flawIdToken(flaw);
  hs256().flawIdToken(flaw);
  const [one, other] = [await getRefreshable(rs256(), 'openid email'), await getRefreshable(hs256(), 'openid email')];
  const outcomes = [await outcomeOf(verify(rs256(), one.id_token)), await outcomeOf(verifyHs256(other.id_token))];
  expect(outcomes).toEqual([outcomeRs256, outcomeHs256]);
  expect([listWrongClaims(one), listWrongClaims(other)]).toEqual([wrong, wrong]);
  // toEqual treats a member that is undefined as absent.
  const { kid } = (await getJwks(rs256())).keys[0]!;
  expect(decodeProtectedHeader(one.id_token)).toEqual({ alg: 'RS256', typ: 'JWT', kid, ...headerRs256 });
  expect(decodeProtectedHeader(other.id_token)).toEqual({ alg: 'HS256', typ: 'JWT', ...headerHs256 });
  await verify(rs256(), one.access_token);
});

it('the table above has all flaws', () => {
  expect(FLAWS.map(([flaw]) => flaw)).toEqual(ID_TOKEN_FLAWS);
});

async function flawed(flaw: IdTokenFlaw): Promise<Tokens & { claims: JWTPayload }> {
  rs256().flawIdToken(flaw);
  const tokens = await getRefreshable(rs256(), 'openid');
  return { ...tokens, claims: decodeJwt(tokens.id_token) };
}

it('expired has the usual lifetime, and exceeds any clock tolerance as not_yet_valid does', async () => {
  const { id_token, claims } = await flawed('expired');
  expect(Number(claims.exp) - Number(claims.iat)).toBe(1_209_600);
  const tolerant = { clockTolerance: 3500 };
  expect(await outcomeOf(verify(rs256(), id_token, tolerant))).toBe('exp');
  expect(await outcomeOf(verify(rs256(), (await flawed('not_yet_valid')).id_token, tolerant))).toBe('nbf');
});

it('unsigned, hs256_public_key, unknown_kid and tampered have the signature of their attack', async () => {
  expect((await flawed('unsigned')).id_token).toMatch(/^[\w-]+\.[\w-]+\.$/);
  const key = createPublicKey({ key: (await getJwks(rs256())).keys[0] as never, format: 'jwk' });
  const pem = Buffer.from(key.export({ type: 'spki', format: 'pem' }));
  await jwtVerify((await flawed('hs256_public_key')).id_token, pem, { algorithms: ['HS256'] });
  await jwtVerify((await flawed('unknown_kid')).id_token, key);
  const { id_token, access_token, claims } = await flawed('tampered');
  const [header, , signature] = id_token.split('.');
  const payload = Buffer.from(JSON.stringify({ ...claims, exp: decodeJwt(access_token).exp })).toString('base64url');
  await verify(rs256(), `${header}.${payload}.${signature}`);
});

it('other_subject and bad_at_hash have values of the right form', async () => {
  expect((await flawed('other_subject')).claims.sub).toMatch(/^[\da-f]{24}$/);
  const { claims, access_token } = await flawed('bad_at_hash');
  const hash = createHash('sha256').update(access_token).digest().subarray(0, 16).toString('base64url');
  expect([String(claims['at_hash']).length, claims['at_hash'] === hash]).toEqual([hash.length, false]);
});

it('applies flaws in order, each as often as given, once by default, and only if an id_token is issued', async () => {
  const { refresh_token } = await getRefreshable(rs256());
  rs256().flawIdToken('expired', 2);
  rs256().flawIdToken('wrong_issuer');
  await signIn(rs256(), asUser('alice', 'wrong'));
  await getRefreshed(rs256(), refresh_token, { scope: 'email' });
  const tokens = await inTurn([1, 2, 3, 4], () => getTokens(rs256()));
  const outcomes = await inTurn(tokens, ({ id_token }) => outcomeOf(verify(rs256(), id_token)));
  expect(outcomes).toEqual(['exp', 'exp', 'iss', 'accepted']);
});
