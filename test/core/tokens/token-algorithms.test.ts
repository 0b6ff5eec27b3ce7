import { createHash } from 'node:crypto';
import type { GenAuthClient } from '../../../src/core/client.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import type { SigningAlgorithm } from '../../../src/core/tokens/unverified-token.js';
import { useClients } from '../../support/client.js';
import { JWKS_PATH, SIGN_IN_PATH, useIssuer } from '../../support/issuer.js';
import { catchError } from '../../support/promise.js';
import { ALGORITHMS, type Algorithm, LONG_SECRET, createAlgorithmKey } from '../../support/signing-key.js';
import { buildToken, encodeSegment } from '../../support/token.js';

const ALICE = { account: 'alice', password: 'passw0rd' };
const issuer = useIssuer();
const open = useClients(issuer);
const keys = Object.fromEntries(ALGORITHMS.map((algorithm) => [algorithm, createAlgorithmKey(algorithm)])) as Record<
  Algorithm,
  ReturnType<typeof createAlgorithmKey>
>;
const jwks = ALGORITHMS.flatMap((algorithm) => keys[algorithm].jwk ?? []);
const publish = (...list: unknown[]): void => issuer().reply(JWKS_PATH, { body: { keys: list } });
beforeEach(() => publish(...jwks, { kty: 'oct', kid: 'key-of-HS256', k: 'c2VjcmV0' }, { kty: 'OKP', crv: 'Ed25519' }));

/** Either kind of token: the algorithms that it can be set to, its claims and what verifies it. */
const KINDS = {
  id_token: {
    settings: ['RS256', 'HS256'],
    claims: () => issuer().idTokenClaims(),
    verify: (client: GenAuthClient, token: string) => client.verifyIdToken(token),
  },
  access_token: {
    settings: ['RS256'],
    claims: () => issuer().accessTokenClaims(),
    verify: (client: GenAuthClient, token: string) => client.verifyAccessToken(token),
  },
} as const;
type Kind = keyof typeof KINDS;

const openBy = (algorithm: SigningAlgorithm, options: Partial<GenAuthOptions> = {}): GenAuthClient =>
  open({ appSecret: LONG_SECRET, idTokenSignedResponseAlg: algorithm, ...options });
/** What comes of a token, `accepted` or the code; asked twice, since the second time it may be remembered. */
const codeOf = async (kind: Kind, client: GenAuthClient, token: string): Promise<unknown> => {
  const decide = (): Promise<unknown> =>
    KINDS[kind].verify(client, token).then(
      () => 'accepted',
      (error: { code: string }) => error.code,
    );
  const first = await decide();
  expect(await decide()).toBe(first);
  return first;
};

describe.each(['id_token', 'access_token'] as const)('%s', (kind) => {
  const { claims, settings } = KINDS[kind];

  it.each(ALGORITHMS)(
    'by %s: accepted under that setting, refused under every other before a key is looked up',
    async (by) => {
      const payload = claims();
      const token = keys[by].sign(payload);
      for (const algorithm of settings.filter((each) => each !== by)) {
        expect(await codeOf(kind, openBy(algorithm), token)).toBe('token_algorithm_mismatch');
      }
      expect(issuer().count()).toBe(0);
      for (const algorithm of settings.filter((each) => each === by)) {
        expect(await KINDS[kind].verify(openBy(algorithm), token)).toEqual(payload);
        // HS256 has no public key that could be fetched.
        expect(issuer().count(JWKS_PATH)).toBe(by === 'HS256' ? 0 : 1);
      }
    },
  );

  it('no other key of the set counts, whatever kid and header say', async () => {
    const client = openBy('RS256');
    for (const other of ALGORITHMS.filter((each) => each !== 'RS256')) {
      // The other's kid under our algorithm: the set has no such key for it.
      const named = keys[other].sign(claims(), { alg: 'RS256', kid: `key-of-${other}` });
      expect(await codeOf(kind, client, named)).toBe('token_key_unknown');
      // Our kid, the other's signature.
      const posing = keys[other].sign(claims(), { alg: 'RS256', kid: 'key-of-RS256' });
      expect(await codeOf(kind, client, posing)).toBe('token_signature_invalid');
    }
    // One key of the set is for this algorithm, so it is clear which one is meant.
    expect(await codeOf(kind, client, keys.RS256.sign(claims(), { kid: undefined }))).toBe('accepted');
    expect(issuer().count(JWKS_PATH)).toBe(1);
  });
});

describe('an id_token', () => {
  const kind = 'id_token';
  const { claims } = KINDS[kind];

  it.each<[string, () => string | Buffer]>([
    ['the public key’s PEM', () => issuer().key.publicKey.export({ type: 'spki', format: 'pem' })],
    ['the public key’s PKCS#1 PEM', () => issuer().key.publicKey.export({ type: 'pkcs1', format: 'pem' })],
    ['the public key’s DER', () => issuer().key.publicKey.export({ type: 'spki', format: 'der' })],
    ['the JWK', () => JSON.stringify(issuer().key.jwk)],
    ['the modulus', () => Buffer.from(issuer().key.jwk.n, 'base64url')],
    ['the k of the key set', () => 'secret'],
    ['nothing', () => ''],
    ['a zero byte', () => Buffer.alloc(1)],
    ['32 zero bytes', () => Buffer.alloc(32)],
    ['the application ID', () => issuer().clientOptions.appId],
    ['the secret without its end', () => LONG_SECRET.slice(0, -1)],
    ['the secret with a line break', () => `${LONG_SECRET}\n`],
    ['the secret in base64', () => Buffer.from(LONG_SECRET).toString('base64')],
    ['the bytes of the secret read as base64', () => Buffer.from(LONG_SECRET, 'base64')],
    ['“undefined”', () => 'undefined'],
  ])('under HS256, by %s: token_signature_invalid, and no key set is fetched', async (_name, secret) => {
    publish(issuer().key.jwk);
    const client = openBy('HS256');
    for (const kid of [undefined, issuer().key.kid, 'key-of-HS256']) {
      const token = buildToken({ alg: 'HS256', kid }, claims(), secret(), 'HS256');
      expect(await codeOf(kind, client, token)).toBe('token_signature_invalid');
    }
    expect(issuer().count()).toBe(0);
  });

  it('under HS256 other HMACs and empty signatures do not count', async () => {
    const client = openBy('HS256');
    const right = buildToken({ alg: 'HS256' }, claims(), LONG_SECRET, 'HS256');
    expect(await codeOf(kind, client, right)).toBe('accepted');
    expect(await codeOf(kind, client, right.replace(/[^.]*$/, ''))).toBe('token_malformed');
    for (const bytes of [
      Buffer.alloc(32),
      Buffer.alloc(1),
      Buffer.from(right.split('.')[2] ?? '', 'base64url').subarray(0, 16),
    ]) {
      const token = right.replace(/[^.]*$/, bytes.toString('base64url'));
      expect(await codeOf(kind, client, token)).toBe('token_signature_invalid');
    }
    const long = buildToken({ alg: 'HS256' }, claims(), LONG_SECRET, 'HS512');
    expect(await codeOf(kind, client, long)).toBe('token_signature_invalid');
  });
});

describe('one RSA key without alg', () => {
  it.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'])('verifies RS256 and not %s', async (by) => {
    const { key } = issuer();
    publish({ ...key.jwk, alg: undefined });
    const client = openBy('RS256');
    const claims = issuer().accessTokenClaims();
    const honest = buildToken({ alg: by, kid: key.kid }, claims, key.privateKey, by);
    expect(await codeOf('access_token', client, honest)).toBe(by === 'RS256' ? 'accepted' : 'token_algorithm_mismatch');
    const posing = buildToken({ alg: 'RS256', kid: key.kid }, claims, key.privateKey, by);
    expect(await codeOf('access_token', client, posing)).toBe(by === 'RS256' ? 'accepted' : 'token_signature_invalid');
  });
});

describe('a sign-in with id_token and access token by', () => {
  const hash = (algorithm: string, token: string): string => {
    const digest = createHash(`sha${algorithm.slice(2)}`)
      .update(token)
      .digest();
    return digest.subarray(0, digest.length / 2).toString('base64url');
  };
  const answer = (id: Algorithm, access: Algorithm, makeHash?: (token: string) => unknown): void => {
    const accessToken = keys[access].sign(issuer().accessTokenClaims());
    const claims = issuer().idTokenClaims(makeHash === undefined ? {} : { at_hash: makeHash(accessToken) });
    issuer().replySignIn({ id_token: keys[id].sign(claims), access_token: accessToken });
  };

  it.each(['RS256', 'HS256'] as const)(
    '%s: at_hash is checked with that algorithm’s hash, and no other',
    async (algorithm) => {
      const client = open({ appSecret: LONG_SECRET, idTokenSignedResponseAlg: algorithm });
      answer(algorithm, 'RS256', (token) => hash(algorithm, token));
      expect(await client.signIn(ALICE)).toMatchObject({ kind: 'success' });
      answer(algorithm, 'RS256');
      expect(await client.signIn(ALICE)).toMatchObject({ kind: 'success' });
      const others = ['RS256', 'RS384', 'RS512'].filter((each) => each.slice(2) !== algorithm.slice(2));
      const wrong: ((token: string) => unknown)[] = [
        ...others.map((other) => (token: string) => hash(other, token)),
        (token) => hash(algorithm, `${token} `),
        (token) =>
          createHash(`sha${algorithm.slice(2)}`)
            .update(token)
            .digest('base64url'),
        (token) => hash(algorithm, token).slice(0, -2),
        () => '',
        () => null,
        (token) => [hash(algorithm, token)],
      ];
      for (const makeHash of wrong) {
        answer(algorithm, 'RS256', makeHash);
        const error = await catchError(client.signIn(ALICE));
        expect(error).toMatchObject({ code: 'upstream_token_invalid', cause: { code: 'token_hash_mismatch' } });
      }
    },
  );

  it('HS256 and RS256, GenAuth’s own default, under the settings for it', async () => {
    answer('HS256', 'RS256');
    const client = open({ appSecret: LONG_SECRET, idTokenSignedResponseAlg: 'HS256' });
    const outcome = await client.signIn(ALICE);
    if (outcome.kind !== 'success') throw new Error(outcome.kind);
    expect(await codeOf('access_token', client, outcome.tokens.accessToken)).toBe('accepted');
    expect(await codeOf('id_token', client, outcome.tokens.accessToken)).toBe('token_algorithm_mismatch');
    expect(await codeOf('access_token', client, outcome.tokens.idToken)).toBe('token_algorithm_mismatch');
  });

  it('HS256 under the default: 502 that names the option and the console, after one sign-in', async () => {
    answer('HS256', 'RS256');
    const error = await catchError(open({ appSecret: LONG_SECRET }).signIn(ALICE));
    expect(error).toMatchObject({
      code: 'upstream_token_invalid',
      statusCode: 502,
      cause: { code: 'token_algorithm_mismatch' },
    });
    expect(error.message).toContain("idTokenSignedResponseAlg: 'HS256'");
    expect(error.message).toMatch(/console/);
    expect(issuer().count(SIGN_IN_PATH)).toBe(1);
  });

  it('alg none, under each setting: refused', async () => {
    for (const algorithm of ['RS256', 'HS256'] as const) {
      const unsigned = `${encodeSegment({ alg: 'none' })}.${encodeSegment(issuer().idTokenClaims())}.`;
      issuer().replySignIn({ id_token: unsigned });
      const client = open({ appSecret: LONG_SECRET, idTokenSignedResponseAlg: algorithm });
      expect(await catchError(client.signIn(ALICE))).toMatchObject({ code: 'upstream_token_invalid' });
    }
  });
});
