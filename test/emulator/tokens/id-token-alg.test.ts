import { createPublicKey } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { DEFAULT_APP_SECRET, GenAuthEmulator, ID_TOKEN_FLAWS, type IdTokenFlaw } from '../../../src/emulator/index.js';
import { getJwks, getTokens, type Tokens, useEmulator, verify } from '../support.js';

const SECRET = 'sécret-🔑';
const emulator = useEmulator({ idTokenSignedResponseAlg: 'HS256', appSecret: SECRET });

/** Verifies as strictly as an application whose console says HS256 should. */
function verifyBySecret(token: string, secret = SECRET) {
  return jwtVerify(token, Buffer.from(secret), {
    algorithms: ['HS256'],
    issuer: `${emulator().url}/oidc`,
    audience: emulator().appId,
    requiredClaims: ['sub', 'iat', 'exp'],
  });
}

async function flawed(flaw: IdTokenFlaw): Promise<Tokens> {
  emulator().flawIdToken(flaw);
  return getTokens(emulator(), { options: { scope: 'openid email' } });
}

describe('with HS256', () => {
  test('the app secret signs the id_token, and no kid names it', async () => {
    const { id_token } = await getTokens(emulator(), { options: { scope: 'openid email' } });
    expect(decodeProtectedHeader(id_token)).toEqual({ alg: 'HS256', typ: 'JWT' });
    const { payload } = await verifyBySecret(id_token);
    expect(payload).toMatchObject({ email: 'alice@example.com', aud: emulator().appId });
    await expect(verifyBySecret(id_token, DEFAULT_APP_SECRET)).rejects.toMatchObject({
      code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    });
  });

  test('the access token is signed by the published key all the same', async () => {
    const { access_token } = await getTokens(emulator());
    const [key] = (await getJwks(emulator())).keys;
    expect(decodeProtectedHeader(access_token)).toEqual({ alg: 'RS256', typ: 'JWT', kid: key?.kid });
    await verify(emulator(), access_token);
  });

  test('the key set holds no secret', async () => {
    expect((await getJwks(emulator())).keys.map(({ kty }) => kty)).toEqual(['RSA']);
  });

  test('new keys change nothing about the id_token', async () => {
    await emulator().rotateKeys({ withdraw: true });
    await verifyBySecret((await getTokens(emulator())).id_token);
  });

  test('a secret of one letter signs as well', async () => {
    await using own = await new GenAuthEmulator({ idTokenSignedResponseAlg: 'HS256', appSecret: 's' }).start();
    await jwtVerify((await getTokens(own)).id_token, Buffer.from('s'), { algorithms: ['HS256'] });
  });
});

describe('flaws with HS256', () => {
  /** How a strict application refuses each flaw; `null` where it may accept the token. */
  const REFUSALS: Record<IdTokenFlaw, object | null> = {
    expired: { code: 'ERR_JWT_EXPIRED' },
    not_yet_valid: { claim: 'nbf' },
    wrong_audience: { claim: 'aud' },
    wrong_issuer: { claim: 'iss' },
    unsigned: { code: 'ERR_JOSE_ALG_NOT_ALLOWED' },
    hs256_public_key: { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' },
    unknown_kid: null,
    no_kid: null,
    foreign_key: { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' },
    missing_sub: { claim: 'sub', reason: 'missing' },
    other_subject: null,
    tampered: { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' },
    bad_at_hash: null,
  };

  test.each(ID_TOKEN_FLAWS)('%s is that, and leaves the access token alone', async (flaw) => {
    const { id_token, access_token } = await flawed(flaw);
    await verify(emulator(), access_token);
    const refusal = await verifyBySecret(id_token).then(
      () => null,
      (error: unknown) => error,
    );
    expect({ refusal }).toMatchObject({ refusal: REFUSALS[flaw] });
    expect(decodeJwt(id_token)['email']).toBe('alice@example.com');
  });

  test.each(ID_TOKEN_FLAWS)('%s has a right header but for what it is about', async (flaw) => {
    const header = decodeProtectedHeader((await flawed(flaw)).id_token);
    const kid = expect.stringMatching(/^[\w-]{43}$/) as string;
    expect(header).toEqual({
      alg: flaw === 'unsigned' ? 'none' : 'HS256',
      typ: 'JWT',
      ...(flaw === 'unknown_kid' && { kid }),
    });
  });

  test('unknown_kid names no published key', async () => {
    const { kid } = decodeProtectedHeader((await flawed('unknown_kid')).id_token);
    expect((await getJwks(emulator())).keys.map((key) => key.kid)).not.toContain(kid);
  });

  test('hs256_public_key is keyed with the public key, not with the secret', async () => {
    const { id_token } = await flawed('hs256_public_key');
    const { id_token: foreign } = await flawed('foreign_key');
    const [jwk] = (await getJwks(emulator())).keys;
    const pem = createPublicKey({ key: jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    await jwtVerify(id_token, Buffer.from(pem), { algorithms: ['HS256'] });
    await expect(jwtVerify(foreign, Buffer.from(pem), { algorithms: ['HS256'] })).rejects.toThrow('signature');
  });

  test('other_subject and bad_at_hash are seen beside the access token', async () => {
    const other = await flawed('other_subject');
    expect(decodeJwt(other.id_token).sub).not.toBe(decodeJwt(other.access_token).sub);
    expect(decodeJwt((await flawed('bad_at_hash')).id_token)['at_hash']).toMatch(/^[\w-]{22}$/);
  });
});
