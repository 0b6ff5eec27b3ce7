import { createHash, createPublicKey } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, importJWK, type JWTPayload, jwtVerify, type JWTVerifyOptions } from 'jose';
import type { GenAuthEmulator, IdTokenFlaw } from '../../../src/emulator/index.js';
import { ID_TOKEN_FLAWS } from '../../../src/emulator/index.js';
import { getJwks, getTokens, signInBody, postSignIn, type Tokens, useEmulator, verify } from '../support.js';

const emulator = useEmulator();

const scope = 'openid profile email';

async function flawed(flaw: IdTokenFlaw): Promise<Tokens> {
  emulator().flawIdToken(flaw);
  return getTokens(emulator(), { options: { scope } });
}

/** The published key, without asking the token which one it wants. */
async function getOnlyKey(target: GenAuthEmulator) {
  const { keys } = await getJwks(target);
  expect(keys).toHaveLength(1);
  const [jwk] = keys;
  if (!jwk) throw new Error('no key');
  return { jwk, key: await importJWK(jwk) };
}

/** What the token would say if it had no flaw: all but the named claims must be as in the access token. */
function expectTheRestRight({ id_token, access_token }: Tokens, ...flawedClaims: string[]): JWTPayload {
  const claims = decodeJwt(id_token);
  const { sub, aud, iss, iat, exp } = decodeJwt(access_token);
  const right: Record<string, unknown> = { sub, aud, iss, iat, exp, email: 'alice@example.com', name: 'Alice Example' };
  for (const name of flawedClaims) delete right[name];
  expect(claims).toMatchObject(right);
  return claims;
}

/** How a strict application refuses the token, and what it takes to make it accept all the same: the flaw and only that. */
const CLAIM_FLAWS: [IdTokenFlaw, object, string[], (claims: JWTPayload) => JWTVerifyOptions][] = [
  [
    'expired',
    { code: 'ERR_JWT_EXPIRED', claim: 'exp' },
    ['iat', 'exp'],
    ({ exp }) => ({ currentDate: new Date((Number(exp) - 10) * 1000) }),
  ],
  [
    'not_yet_valid',
    { claim: 'nbf', reason: 'check_failed' },
    [],
    ({ nbf }) => ({ currentDate: new Date(Number(nbf) * 1000) }),
  ],
  ['wrong_audience', { claim: 'aud', reason: 'check_failed' }, ['aud'], () => ({ audience: 'another-app' })],
  [
    'wrong_issuer',
    { claim: 'iss', reason: 'check_failed' },
    ['iss'],
    () => ({ issuer: 'https://issuer.invalid/oidc' }),
  ],
  ['missing_sub', { claim: 'sub', reason: 'missing' }, ['sub'], () => ({ requiredClaims: ['iat', 'exp'] })],
];

test.each(CLAIM_FLAWS)('%s', async (flaw, refusal, flawedClaims, excuse) => {
  const tokens = await flawed(flaw);
  await expect(verify(emulator(), tokens.id_token)).rejects.toMatchObject(refusal);
  const claims = expectTheRestRight(tokens, ...flawedClaims);
  await verify(emulator(), tokens.id_token, excuse(claims));
});

test('expired and not_yet_valid are so by far more than any clock tolerance', async () => {
  for (const flaw of ['expired', 'not_yet_valid'] as const) {
    const { id_token } = await flawed(flaw);
    await expect(verify(emulator(), id_token, { clockTolerance: 3500 })).rejects.toMatchObject({
      claim: flaw === 'expired' ? 'exp' : 'nbf',
    });
  }
});

test('unsigned', async () => {
  const tokens = await flawed('unsigned');
  const { jwk } = await getOnlyKey(emulator());
  expect(decodeProtectedHeader(tokens.id_token)).toEqual({ alg: 'none', typ: 'JWT', kid: jwk.kid });
  expect(tokens.id_token).toMatch(/^[\w-]+\.[\w-]+\.$/);
  expectTheRestRight(tokens);
});

test('hs256_public_key', async () => {
  const tokens = await flawed('hs256_public_key');
  const { jwk } = await getOnlyKey(emulator());
  const pem = createPublicKey({ key: jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  expect(decodeProtectedHeader(tokens.id_token)).toEqual({ alg: 'HS256', typ: 'JWT', kid: jwk.kid });
  // What a verifier that takes the algorithm from the token would do.
  await jwtVerify(tokens.id_token, Buffer.from(pem), { algorithms: ['HS256'] });
  await expect(verify(emulator(), tokens.id_token)).rejects.toMatchObject({ code: 'ERR_JOSE_ALG_NOT_ALLOWED' });
  expectTheRestRight(tokens);
});

test('unknown_kid', async () => {
  const tokens = await flawed('unknown_kid');
  const { jwk, key } = await getOnlyKey(emulator());
  const { kid } = decodeProtectedHeader(tokens.id_token);
  expect(kid).toMatch(/^[\w-]{43}$/);
  expect(kid).not.toBe(jwk.kid);
  await expect(verify(emulator(), tokens.id_token)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  await jwtVerify(tokens.id_token, key);
  expectTheRestRight(tokens);
});

test('no_kid', async () => {
  const tokens = await flawed('no_kid');
  expect(decodeProtectedHeader(tokens.id_token)).toEqual({ alg: 'RS256', typ: 'JWT' });
  await jwtVerify(tokens.id_token, (await getOnlyKey(emulator())).key);
  expectTheRestRight(tokens);
});

test('foreign_key', async () => {
  const tokens = await flawed('foreign_key');
  const { jwk } = await getOnlyKey(emulator());
  expect(decodeProtectedHeader(tokens.id_token)).toEqual({ alg: 'RS256', typ: 'JWT', kid: jwk.kid });
  await expect(verify(emulator(), tokens.id_token)).rejects.toMatchObject({
    code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
  });
  expect(Buffer.from(tokens.id_token.split('.')[2] ?? '', 'base64url')).toHaveLength(256);
  expectTheRestRight(tokens);
});

test('other_subject', async () => {
  const tokens = await flawed('other_subject');
  const { payload } = await verify(emulator(), tokens.id_token);
  expect(payload.sub).toMatch(/^[\da-f]{24}$/);
  expect(payload.sub).not.toBe(decodeJwt(tokens.access_token).sub);
  expectTheRestRight(tokens, 'sub');
});

test('tampered', async () => {
  const tokens = await flawed('tampered');
  const { jwk } = await getOnlyKey(emulator());
  expect(decodeProtectedHeader(tokens.id_token)).toEqual({ alg: 'RS256', typ: 'JWT', kid: jwk.kid });
  await expect(verify(emulator(), tokens.id_token)).rejects.toMatchObject({
    code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
  });
  const claims = expectTheRestRight(tokens, 'exp');
  // The signature is that of the token as it was before.
  const before = Buffer.from(JSON.stringify({ ...claims, exp: decodeJwt(tokens.access_token).exp }));
  const [header, , signature] = tokens.id_token.split('.');
  await verify(emulator(), `${header}.${before.toString('base64url')}.${signature}`);
});

test('bad_at_hash', async () => {
  const tokens = await flawed('bad_at_hash');
  const { payload } = await verify(emulator(), tokens.id_token);
  const right = createHash('sha256').update(tokens.access_token).digest().subarray(0, 16).toString('base64url');
  expect(payload['at_hash']).toMatch(/^[\w-]{22}$/);
  expect(payload['at_hash']).not.toBe(right);
  expectTheRestRight(tokens);
});

test('every flaw is shown above, each differs from a good token, and none touches the access token', async () => {
  const accepted: string[] = [];
  for (const flaw of ID_TOKEN_FLAWS) {
    const tokens = await flawed(flaw);
    await verify(emulator(), tokens.access_token);
    await verify(emulator(), tokens.id_token).then(
      () => accepted.push(flaw),
      () => undefined,
    );
  }
  // no_kid: jose takes the only key there is. The other two are seen beside the access token alone.
  expect(accepted).toEqual(['no_kid', 'other_subject', 'bad_at_hash']);
  expect(ID_TOKEN_FLAWS).toHaveLength(13);
});

describe('times', () => {
  const isGood = async () =>
    verify(emulator(), (await getTokens(emulator())).id_token).then(
      () => 'good',
      (error: { claim?: string }) => error.claim,
    );

  test('is 1 unless told otherwise', async () => {
    emulator().flawIdToken('expired');
    expect([await isGood(), await isGood()]).toEqual(['exp', 'good']);
  });

  test('several flaws are used up in order', async () => {
    emulator().flawIdToken('expired', 2);
    emulator().flawIdToken('wrong_issuer');
    expect([await isGood(), await isGood(), await isGood(), await isGood()]).toEqual(['exp', 'exp', 'iss', 'good']);
  });

  test('a sign-in that fails uses up none', async () => {
    emulator().flawIdToken('expired');
    await postSignIn(emulator(), signInBody(emulator(), { passwordPayload: { account: 'alice', password: 'wrong' } }));
    expect(await isGood()).toBe('exp');
  });

  test('reset forgets what is left', async () => {
    emulator().flawIdToken('expired', 5);
    emulator().reset();
    expect(await isGood()).toBe('good');
  });

  test.each<[unknown, unknown, string]>([
    ['alg_none', 1, 'flaw: expected one of expired, not_yet_valid'],
    [undefined, 1, 'flaw: expected one of'],
    ['toString', 1, 'got "toString"'],
    ['expired', 0, 'times: expected a whole number from 1'],
    ['expired', -1, 'got -1'],
    ['expired', 1.5, 'got 1.5'],
    ['expired', '2', 'got "2"'],
    ['expired', Infinity, 'got Infinity'],
  ])('flaw %p, times %p is refused', (flaw, times, message) => {
    expect(() => emulator().flawIdToken(flaw as never, times as never)).toThrow(
      expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining(message) }),
    );
  });
});
