import { ConfigurationError, type GenAuthError } from '../../../src/core/errors.js';
import { AppSecret, type AppSecretSource } from '../../../src/core/oidc/app-secret.js';
import type { TokenVerifier, TokenVerifierSettings } from '../../../src/core/tokens/token-verifier.js';
import { APP_ID, JWKS_PATH, type Reply, SUBJECT, useIssuer } from '../../support/issuer.js';
import { MAX_AGE, STALE_IF_ERROR } from '../../support/key-set.js';
import { catchError } from '../../support/promise.js';
import { createRsaKey } from '../../support/rsa-key.js';
import { useSignatureCount } from '../../support/signature-count.js';
import { LONG_SECRET } from '../../support/signing-key.js';
import { type Forge, TOKEN_FLAWS, openForge, respell, swap } from '../../support/token-flaw.js';
import { VerifierBench, describeDecision } from '../../support/token-verifier.js';
import { buildToken, encodeSegment, hashAccessToken } from '../../support/token.js';

const OTHER_APP = '65f0c1d2e3a4b5c6d7e8f9ff';
const AUDIENCE_MISMATCH = 'token_audience_mismatch';
const issuer = useIssuer();
const bench = new VerifierBench(issuer);
const computed = useSignatureCount();
const other = createRsaKey();

type Settings = Partial<TokenVerifierSettings>;
type Claims = Record<string, unknown>;

const forge = (): Forge => openForge(issuer(), bench.sets.now);
/** A valid access token with other claims. */
const accessToken = (claims: Claims = {}): string => forge().claims(claims);
/** A valid id_token with other claims and header members. */
const idToken = (claims: Claims = {}, header: object = {}): string =>
  forge().text({ ...forge().header, ...header }, { ...issuer().idTokenClaims({}, bench.sets.now), ...claims });
/** Settings for HS256. */
const hs256 = (appSecret: AppSecretSource | undefined): Settings => ({
  idTokenAlgorithm: 'HS256',
  appSecret: new AppSecret(appSecret, () => bench.sets.now),
});
const signHs256 = (secret: string | Buffer, algorithm = 'HS256', kid?: string): string =>
  buildToken({ alg: 'HS256', kid }, issuer().idTokenClaims({}, bench.sets.now), secret, algorithm);
/** A valid access token with these times, in seconds from now. */
const timedToken = (times: Record<string, number>): string =>
  accessToken(Object.fromEntries(Object.entries(times).map(([name, time]) => [name, forge().now + time])));
const decodePayload = (token: string): unknown =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
/** `accepted`, or the code of the error. */
const codeOf = (verifying: Promise<unknown>): Promise<string> =>
  verifying.then(
    () => 'accepted',
    (error: { code: string }) => error.code,
  );

describe('an access token', () => {
  it.each(TOKEN_FLAWS)('refuses %s', async (_title, make, code) => {
    expect(await bench.refuse('access_token', make(forge()))).toBe(code);
    // No URL of the header is requested.
    expect(issuer().count()).toBe(bench.sets.fetches());
  });

  it.each<[string, (forge: Forge) => string]>([
    ['a token as GenAuth sends it', ({ head }) => head({})],
    ['a missing typ', ({ head }) => head({ typ: undefined })],
    ['typ application/JWT', ({ head }) => head({ typ: 'application/JWT' })],
    ['typ AT+JWT', ({ head }) => head({ typ: 'AT+JWT' })],
    ['typ application/at+jwt', ({ head }) => head({ typ: 'application/at+jwt' })],
    ['a missing kid if the key set has one key', ({ head }) => head({ kid: undefined })],
    ['another key in the header', ({ head }) => head({ jwk: other.jwk, jku: `${issuer().url}/x` })],
    ['white space in the header', ({ text, header, payload }) => text(JSON.stringify(header, null, 2), payload)],
    ['aud as an array', ({ claims }) => claims({ aud: [APP_ID] })],
    ['two audiences with azp', ({ claims }) => claims({ aud: [OTHER_APP, APP_ID], azp: APP_ID })],
    ['a sub of 255 characters', ({ claims }) => claims({ sub: 's'.repeat(255) })],
    ['fractions of seconds', ({ claims, now }) => claims({ iat: now - 0.5, nbf: now - 0.25, exp: now + 0.5 })],
    ['a lifetime of a second', ({ claims, now }) => claims({ iat: now, exp: now + 1 })],
    ['a lifetime of 366 days', ({ claims, now }) => claims({ iat: now, exp: now + 366 * 86_400 })],
    ['claims that are not checked', ({ claims }) => claims({ roles: ['admin'], auth_time: 'never', nothing: null })],
    ['a missing jti', ({ claims }) => claims({ jti: undefined })],
    ['an empty scope', ({ claims }) => claims({ scope: '' })],
  ])('accepts %s', async (_title, make) => {
    const token = make(forge());
    expect(await bench.verify('access_token', token)).toEqual(decodePayload(token));
    expect([bench.lookups, bench.sets.fetches(), issuer().count()]).toEqual([1, 1, 1]);
  });

  it.each<[string, (forge: Forge) => string, string, number]>([
    ['the form before a key is looked up', ({ head }) => `${head({})}.`, 'token_malformed', 0],
    ['the header before a key is looked up', ({ head }) => head({ zip: 'DEF' }), 'token_malformed', 0],
    ['the algorithm before the kid', ({ head }) => head({ alg: 'x', kid: 7 }), 'token_algorithm_mismatch', 0],
    ['the signature before the payload', ({ head }) => swap(head({}), 1, () => 'bm8'), 'token_signature_invalid', 1],
    ['the issuer before other claims', ({ claims }) => claims({ iss: 'x', sub: 1 }), 'token_issuer_mismatch', 1],
  ])('checks %s', async (_title, make, code, lookups) => {
    expect(await bench.refuse('access_token', make(forge()))).toBe(code);
    expect(bench.lookups).toBe(lookups);
  });

  it.each<[string, unknown, azp: string | undefined, string]>([
    ['accepts one of them', 'https://b.example', undefined, 'accepted'],
    ['accepts all of them with azp', ['https://a.example', 'https://b.example'], APP_ID, 'accepted'],
    ['refuses all of them without azp', ['https://a.example', 'https://b.example'], undefined, AUDIENCE_MISMATCH],
    ['refuses one of them with azp of another application', 'https://a.example', OTHER_APP, AUDIENCE_MISMATCH],
    ['refuses the application ID', APP_ID, undefined, AUDIENCE_MISMATCH],
  ])('with other values of the option audience, %s', async (_title, aud, azp, expected) => {
    const audience = ['https://a.example', 'https://b.example'];
    expect(await codeOf(bench.verify('access_token', accessToken({ aud, azp }), { audience }))).toBe(expected);
  });

  it('copies claims named __proto__ and constructor as data', async () => {
    const { text, header, payload } = forge();
    const json = `{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}},${JSON.stringify(payload).slice(1)}`;
    const claims = await bench.verify('access_token', text(header, json));
    expect([claims['x'], ({} as Claims)['x']]).toEqual([undefined, undefined]);
    expect(Object.getPrototypeOf(claims)).toBe(Object.prototype);
  });
});

describe.each([0, 300])('with a clock tolerance of %i s', (clockTolerance) => {
  const tolerance = clockTolerance * 1000;
  it.each<[string, Record<string, number>, number, string]>([
    ['accepts a token in its last millisecond', { iat: -1000, exp: 0 }, tolerance - 1, 'accepted'],
    ['refuses a token that just expired', { iat: -1000, exp: 0 }, tolerance, 'token_expired'],
    ['accepts a token from iat on', { iat: 0, exp: 3600 }, -tolerance, 'accepted'],
    ['refuses a token before iat', { iat: 0, exp: 3600 }, -tolerance - 1, 'token_not_yet_valid'],
    ['accepts a token from nbf on', { iat: -1000, exp: 3600, nbf: 0 }, -tolerance, 'accepted'],
    ['refuses a token before nbf', { iat: -1000, exp: 3600, nbf: 0 }, -tolerance - 1, 'token_not_yet_valid'],
  ])('%s', async (_title, times, offset, expected) => {
    const token = timedToken(times);
    bench.sets.now += offset;
    expect(await codeOf(bench.verify('access_token', token, { clockTolerance }))).toBe(expected);
  });
});

describe('an id_token', () => {
  it.each<[string, () => string, string]>([
    ['accepts a valid token', () => idToken(), 'accepted'],
    ['accepts a scope without jti', () => idToken({ scope: 'openid' }), 'accepted'],
    ['accepts a jti without scope', () => idToken({ jti: 'j' }), 'accepted'],
    ['accepts any at_hash without an access token', () => idToken({ at_hash: 'x' }), 'accepted'],
    ['refuses an access token', () => accessToken(), 'token_type_mismatch'],
    ['refuses typ at+jwt', () => idToken({}, { typ: 'at+jwt' }), 'token_type_mismatch'],
    ['refuses the audience of an API', () => idToken({ aud: 'https://api.example' }), 'token_audience_mismatch'],
    ['refuses a changed signature', () => swap(idToken(), 1, () => encodeSegment({})), 'token_signature_invalid'],
    ['refuses HS256', () => idToken({}, { alg: 'HS256' }), 'token_algorithm_mismatch'],
  ])('%s', async (_title, make, expected) => {
    const audience = ['https://api.example'];
    expect(await codeOf(bench.verify('id_token', make(), { audience }))).toBe(expected);
  });

  it.each<[string, unknown, string]>([
    ['accepts the hash of the access token', hashAccessToken('access'), 'accepted'],
    ['accepts a missing at_hash', undefined, 'accepted'],
    ['refuses the hash of another access token', hashAccessToken('another'), 'token_hash_mismatch'],
    ['refuses the whole hash', hashAccessToken('access').repeat(2), 'token_hash_mismatch'],
    ['refuses a shortened hash', hashAccessToken('access').slice(0, -2), 'token_hash_mismatch'],
    ['refuses an empty hash', '', 'token_hash_mismatch'],
    ['refuses an array', [hashAccessToken('access')], 'token_hash_mismatch'],
  ])('%s in at_hash', async (_title, atHash, expected) => {
    expect(await codeOf(bench.verifier().verifyIdToken(idToken({ at_hash: atHash }), 'access'))).toBe(expected);
  });
});

describe('an id_token with HS256', () => {
  it('accepts a signature of the application secret, without a key set and without the cache', async () => {
    const verifier = bench.verifier({ ...hs256(LONG_SECRET), maxVerifiedTokens: 100 });
    for (let i = 0; i < 3; i += 1)
      expect(await verifier.verifyIdToken(signHs256(LONG_SECRET))).toMatchObject({ sub: SUBJECT });
    expect([computed(), issuer().count()]).toEqual([3, 0]);
  });

  it.each<[string, () => string | Buffer]>([
    ['the DER of the public key', () => issuer().key.publicKey.export({ type: 'spki', format: 'der' })],
    ['the JWK', () => JSON.stringify(issuer().key.jwk)],
    ['the modulus', () => Buffer.from(issuer().key.jwk.n, 'base64url')],
    ['an empty secret', () => ''],
    ['the application ID', () => APP_ID],
    ['the secret without its last character', () => LONG_SECRET.slice(0, -1)],
    ['the secret with a line break', () => `${LONG_SECRET}\n`],
    ['the secret decoded from base64', () => Buffer.from(LONG_SECRET, 'base64')],
  ])('refuses a signature of %s', async (_title, secret) => {
    const token = signHs256(secret(), 'HS256', issuer().key.kid);
    expect(await bench.refuse('id_token', token, hs256(LONG_SECRET))).toBe('token_signature_invalid');
    expect(issuer().count()).toBe(0);
  });

  it.each<[string, (token: string) => string, string]>([
    ['an empty signature', (token) => swap(token, 2, () => ''), 'token_malformed'],
    ['a signature of one byte', (token) => swap(token, 2, () => 'AA'), 'token_signature_invalid'],
    ['a part of the signature', (token) => swap(token, 2, (part) => part.slice(0, 20)), 'token_signature_invalid'],
    ['an HS512 signature', () => signHs256(LONG_SECRET, 'HS512'), 'token_signature_invalid'],
    ['an RS256 token', () => idToken(), 'token_algorithm_mismatch'],
  ])('refuses %s', async (_title, change, code) => {
    expect(await bench.refuse('id_token', change(signHs256(LONG_SECRET)), hs256(LONG_SECRET))).toBe(code);
  });

  it('still requires RS256 for access tokens', async () => {
    const settings = hs256(LONG_SECRET);
    expect(await codeOf(bench.verify('access_token', accessToken(), settings))).toBe('accepted');
    const hmac = buildToken({ alg: 'HS256' }, forge().payload, LONG_SECRET, 'HS256');
    expect(await bench.refuse('access_token', hmac, settings)).toBe('token_algorithm_mismatch');
  });

  it.each<[string, string | undefined, string]>([
    ['refuses a secret of 31 bytes', 's'.repeat(31), 'app_secret_too_short'],
    ['accepts a secret of 32 bytes', 's'.repeat(32), 'accepted'],
    ['accepts a secret of 16 characters with 32 bytes', 'é'.repeat(16), 'accepted'],
    ['refuses a missing secret', undefined, 'app_secret_too_short'],
  ])('%s', async (_title, secret, expected) => {
    expect(await codeOf(bench.verifier(hs256(secret)).verifyIdToken(signHs256(secret ?? '')))).toBe(expected);
  });

  describe('after the secret was replaced', () => {
    const NEW_SECRET = `new-${LONG_SECRET}`;
    let results: (string | Error)[];
    let verifier: TokenVerifier;
    beforeEach(async () => {
      results = [LONG_SECRET, NEW_SECRET];
      const source = async (): Promise<string> => {
        const result = results.length > 1 ? results.shift() : results[0];
        return typeof result === 'string' ? result : Promise.reject(result as Error);
      };
      verifier = bench.verifier(hs256(source));
      await verifier.verifyIdToken(signHs256(LONG_SECRET));
    });

    it('accepts a token that came from GenAuth at once', async () => {
      expect(await codeOf(verifier.verifyIdToken(signHs256(NEW_SECRET), 'access'))).toBe('accepted');
    });

    it('calls the function appSecret for tokens from callers once in 30 s', async () => {
      bench.sets.now += 29_999;
      expect(await codeOf(verifier.verifyIdToken(signHs256(NEW_SECRET)))).toBe('token_signature_invalid');
      bench.sets.now += 1;
      expect(await codeOf(verifier.verifyIdToken(signHs256(NEW_SECRET)))).toBe('accepted');
    });

    it('refuses a token with a wrong signature if the function returns the same secret', async () => {
      results = [LONG_SECRET];
      expect(await codeOf(verifier.verifyIdToken(signHs256(NEW_SECRET), 'access'))).toBe('token_signature_invalid');
    });

    it.each<[string, string | undefined, string]>([
      ['hides an error of the function from callers', undefined, 'token_signature_invalid'],
      ['throws an error of the function at a login', 'access', 'app_secret_unavailable'],
    ])('%s', async (_title, received, expected) => {
      results = [new Error('vault')];
      bench.sets.now += 30_000;
      expect(await codeOf(verifier.verifyIdToken(signHs256(NEW_SECRET), received))).toBe(expected);
    });
  });
});

describe('a failure of the key set', () => {
  const STATUS_500 = { code: 'upstream_unavailable', statusCode: 503 };
  const INVALID = { code: 'upstream_invalid_response', statusCode: 502 };
  it.each<[string, Reply, object, object]>([
    ['HTTP 500', { status: 500 }, STATUS_500, STATUS_500],
    ['HTTP 400', { status: 400 }, { ...STATUS_500, details: { httpStatus: 400 }, cause: INVALID }, INVALID],
    ['an empty key set', { body: { keys: [] } }, { ...STATUS_500, cause: INVALID }, INVALID],
    ['a closed connection', { reset: true }, { code: 'upstream_unreachable' }, { code: 'upstream_unreachable' }],
  ])(
    'answers %s with 503 on a guarded route, and with its own status at a login',
    async (_title, reply, guarded, login) => {
      issuer().reply(JWKS_PATH, reply);
      expect(await catchError(bench.verifier().verifyAccessToken(accessToken()))).toMatchObject(guarded);
      expect(await catchError(bench.verifier().verifyReceivedAccessToken(accessToken()))).toMatchObject(login);
      expect(await catchError(bench.verifier().verifyIdToken(idToken(), 'access'))).toMatchObject(login);
    },
  );

  it('throws a ConfigurationError unchanged', async () => {
    const error = new ConfigurationError('discovery_issuer_mismatch', 'x');
    const jwks = bench.sets.open({ requestKeySet: () => Promise.reject(error) });
    expect(await catchError(bench.verifier({ jwks }).verifyAccessToken(accessToken()))).toBe(error);
  });
});

describe('tokens that came from GenAuth', () => {
  it('are verified with a new key during the cool-down, unlike tokens from callers', async () => {
    const verifier = bench.verifier();
    await verifier.verifyAccessToken(accessToken());
    const make = (payload: object): string => buildToken({ alg: 'RS256', kid: other.kid }, payload, other.privateKey);
    const [id, access] = [make(issuer().idTokenClaims({}, bench.sets.now)), make(forge().payload)];
    bench.sets.publish(issuer().key.jwk, other.jwk);
    expect(await codeOf(verifier.verifyAccessToken(access))).toBe('token_key_unknown');
    expect(await codeOf(verifier.verifyIdToken(id))).toBe('token_key_unknown');
    expect(await codeOf(verifier.verifyReceivedAccessToken(access))).toBe('accepted');
    expect(await codeOf(verifier.verifyIdToken(id, 'access'))).toBe('accepted');
    expect(bench.sets.fetches()).toBe(2);
  });

  it('are verified without the cache, and have claims that can be changed', async () => {
    const verifier = bench.verifier({ maxVerifiedTokens: 100 });
    const [id, access] = [idToken(), accessToken()];
    await verifier.verifyIdToken(id);
    await verifier.verifyAccessToken(access);
    computed();
    const claims = [await verifier.verifyIdToken(id, 'access'), await verifier.verifyReceivedAccessToken(access)];
    expect([computed(), ...claims.map((each) => Object.isFrozen(each))]).toEqual([2, false, false]);
  });
});

describe('the cache of verified tokens', () => {
  const caching = (maxVerifiedTokens = 100): TokenVerifier => bench.verifier({ maxVerifiedTokens });
  const ask = (verifier: TokenVerifier, token: unknown): Promise<string> =>
    codeOf(verifier.verifyAccessToken(token as string));
  const askAll = async (verifier: TokenVerifier, tokens: string[]): Promise<string[]> => {
    const codes: string[] = [];
    for (const token of tokens) codes.push(await ask(verifier, token));
    return codes;
  };

  const replaceKey = (): unknown[] => [{ ...other.jwk, kid: issuer().key.kid }];
  const bothKeys = (): unknown[] => [issuer().key.jwk, other.jwk];

  it.each([
    ['computes the signature of a known token once', 100, 1],
    ['computes it each time if the cache is off', 0, 3],
  ])('%s', async (_title, maxVerifiedTokens, signatures) => {
    await askAll(caching(maxVerifiedTokens), Array<string>(3).fill(accessToken()));
    expect([computed(), bench.lookups, bench.sets.fetches()]).toEqual([signatures, 3, 1]);
  });

  it('does not store a refused token', async () => {
    const verifier = caching();
    const early = accessToken({ nbf: forge().now + 60 });
    expect(await askAll(verifier, [early, early])).toEqual(['token_not_yet_valid', 'token_not_yet_valid']);
    expect(computed()).toBe(2);
    bench.sets.now += 60_000;
    expect(await ask(verifier, early)).toBe('accepted');
  });

  it.each<[string, Record<string, number>, accepted: number, refused: number, string]>([
    ['exp', { exp: 60 }, 64_999, 65_000, 'token_expired'],
    ['iat', { iat: 0 }, -5000, -5001, 'token_not_yet_valid'],
    ['nbf', { iat: -1000, nbf: 0 }, -5000, -5001, 'token_not_yet_valid'],
  ])('checks %s of a known token each time', async (_title, times, accepted, refused, code) => {
    const verifier = caching();
    const token = timedToken(times);
    const { now } = bench.sets;
    const askAt = (offset: number): Promise<string> => {
      bench.sets.now = now + offset;
      return ask(verifier, token);
    };
    expect([await askAt(0), await askAt(accepted), await askAt(refused)]).toEqual(['accepted', 'accepted', code]);
  });

  it.each<[string, header: object, keys: () => unknown[], advance: number, expected: string, signatures: number]>([
    ['accepted before maxAge, even if its key was withdrawn', {}, () => [other.jwk], MAX_AGE - 1, 'accepted', 1],
    ['accepted after maxAge with the same key', {}, () => [issuer().key.jwk], MAX_AGE, 'accepted', 1],
    ['refused after its key was withdrawn', {}, () => [other.jwk], MAX_AGE, 'token_key_unknown', 1],
    ['verified again after its key was replaced', {}, replaceKey, MAX_AGE, 'token_signature_invalid', 2],
    ['refused without kid after a second key', { kid: undefined }, bothKeys, MAX_AGE, 'token_key_unknown', 1],
    ['accepted with stale keys', {}, () => [], MAX_AGE + STALE_IF_ERROR - 1, 'accepted', 1],
    ['refused without usable keys', {}, () => [], MAX_AGE + STALE_IF_ERROR, 'upstream_unavailable', 1],
  ])('a known token is %s', async (_title, header, keys, advance, expected, signatures) => {
    const verifier = caching();
    const { text, header: right, payload, now } = forge();
    const token = text({ ...right, ...header }, { ...payload, exp: now + 3 * 86_400 });
    expect(await ask(verifier, token)).toBe('accepted');
    bench.sets.publish(...keys());
    bench.sets.now += advance;
    expect([await ask(verifier, token), computed()]).toEqual([expected, signatures]);
  });

  it.each<[string, (token: string) => unknown]>([
    ['another last character', (token) => swap(token, 2, respell)],
    ['another first character', (token) => token.replace('e', 'f')],
    ['another payload', (token) => swap(token, 1, () => encodeSegment({ ...forge().payload, sub: 'admin' }))],
    ['the signature of another token', (token) => swap(token, 2, () => accessToken({ x: 1 }).split('.')[2] ?? '')],
    ['one character more', (token) => `${token}A`],
    ['its kind before it', (token) => `access_token ${token}`],
    ['half of a surrogate pair after it', (token) => `${token}\uD800`],
    ['an array around it', (token) => [token]],
    ['an object with toString around it', (token) => ({ length: 1, toString: () => token })],
  ])('does not confuse a known token with a token with %s', async (_title, change) => {
    const verifier = caching();
    const token = accessToken();
    await ask(verifier, token);
    const changed = change(token) as string;
    const decision = await describeDecision(verifier.verifyAccessToken(changed));
    expect(decision).toEqual(await describeDecision(bench.verifier().verifyAccessToken(changed)));
    expect(decision).toMatchObject({ name: 'TokenVerificationError' });
  });

  it.each<[string, () => string, string, string]>([
    ['an access token is not an id_token', () => accessToken(), 'accepted', 'token_type_mismatch'],
    ['an id_token is not an access token', () => idToken(), 'token_type_mismatch', 'accepted'],
    ['a token can be valid as both kinds', () => accessToken({ jti: undefined }), 'accepted', 'accepted'],
  ])('keeps the kinds of tokens apart: %s', async (_title, make, asAccessToken, asIdToken) => {
    const verifier = caching();
    const token = make();
    const verify = (): Promise<string[]> => Promise.all([ask(verifier, token), codeOf(verifier.verifyIdToken(token))]);
    expect([await verify(), await verify()]).toEqual(Array(2).fill([asAccessToken, asIdToken]));
  });

  it.each([0, 100])('returns claims that are frozen at every depth, with %i entries', async (maxVerifiedTokens) => {
    const verifier = caching(maxVerifiedTokens);
    const token = accessToken({ roles: [{ code: 'user', list: ['a'] }], aud: [APP_ID], nothing: null });
    const results = [await verifier.verifyAccessToken(token), await verifier.verifyAccessToken(token)];
    const parts = results.flatMap((claims) => {
      const [role] = claims['roles'] as [{ list: string[] }];
      return [claims, claims.aud, claims['roles'], role, role.list];
    });
    expect(parts.map((part) => Object.isFrozen(part))).toEqual(parts.map(() => true));
  });

  it('removes the token that was not used for the longest time', async () => {
    const verifier = caching(2);
    const [a, b, c] = [1, 2, 3].map((n) => accessToken({ n })) as [string, string, string];
    await askAll(verifier, [a, b, a, c]);
    computed();
    await askAll(verifier, [a, c]);
    expect(computed()).toBe(0);
    expect(await verifier.verifyAccessToken(b)).toMatchObject({ n: 2 });
    expect(computed()).toBe(1);
  });
});

describe('a polluted Object.prototype', () => {
  it.each<[string, unknown, () => Promise<unknown>, string]>([
    ['alg', 'RS256', () => bench.verify('id_token', idToken({}, { alg: undefined })), 'token_algorithm_mismatch'],
    ['crit', ['x'], () => bench.verify('id_token', idToken()), 'accepted'],
    ['iss', undefined, () => bench.verify('id_token', idToken({ iss: undefined })), 'token_issuer_mismatch'],
    ['sub', SUBJECT, () => bench.verify('id_token', idToken({ sub: undefined })), 'token_claim_invalid'],
    ['aud', APP_ID, () => bench.verify('id_token', idToken({ aud: undefined })), 'token_claim_invalid'],
    ['exp', 1_760_000_100, () => bench.verify('id_token', idToken({ exp: undefined })), 'token_claim_invalid'],
    ['iat', 1_760_000_000, () => bench.verify('id_token', idToken({ iat: undefined })), 'token_claim_invalid'],
    ['nbf', 'x', () => bench.verify('id_token', idToken()), 'accepted'],
    ['azp', 'x', () => bench.verify('id_token', idToken()), 'accepted'],
    ['scope', 'admin', () => bench.verify('access_token', idToken()), 'token_type_mismatch'],
    ['nonce', 'n', () => bench.verify('access_token', accessToken()), 'accepted'],
    ['at_hash', 'x', () => bench.verifier().verifyIdToken(idToken(), 'access'), 'accepted'],
  ])('does not change the decision with a member %s', async (name, value, verify, expected) => {
    Object.defineProperty(Object.prototype, name, { value: value ?? issuer().issuer, configurable: true });
    const result = await codeOf(verify()).finally(() => Reflect.deleteProperty(Object.prototype, name));
    expect(result).toBe(expected);
  });
});

describe('throws an error with message and details:', () => {
  type Failure = readonly ['id_token' | 'access_token', () => Promise<unknown>];
  const id = (claims: Claims, settings?: Settings): Failure => [
    'id_token',
    () => bench.verify('id_token', idToken(claims), settings),
  ];
  const access = (claims: Claims, settings?: Settings): Failure => [
    'access_token',
    () => bench.verify('access_token', accessToken(claims), settings),
  ];
  const verifying = (make: () => string, accessTokenOf?: string): Failure => [
    'id_token',
    () => bench.verifier().verifyIdToken(make(), accessTokenOf),
  ];
  const NOW = 1_760_000_000;
  const WAIT = 'correct the clock of this machine, or raise clockTolerance.';

  it.each<[message: string, details: object, Failure]>([
    [
      'The id_token has the issuer "x", but this service accepts only "y": correct appHost, or set the option issuer.',
      { claim: 'iss', expected: 'y', actual: 'x' },
      id({ iss: 'x' }, { issuer: 'y' }),
    ],
    [
      'The id_token is for "x" (aud), but this service is "y": check appId.',
      { claim: 'aud', expected: ['y'], actual: 'x' },
      id({ aud: 'x' }, { appId: 'y' }),
    ],
    [
      'The access_token is for ["x"] (aud), but this service is ["y", "z"]: check appId, or set the option audience.',
      { claim: 'aud', expected: ['y', 'z'], actual: ['x'] },
      access({ aud: ['x'] }, { audience: ['y', 'z'] }),
    ],
    [
      'The access_token was issued to "x" (azp), but this service is "y": check appId.',
      { claim: 'azp', expected: 'y', actual: 'x' },
      access({ azp: 'x' }, { appId: 'y' }),
    ],
    ['The access_token has an invalid sub: 7.', { claim: 'sub', actual: 7 }, access({ sub: 7 })],
    ['The access_token has an invalid aud: 7.', { claim: 'aud', actual: 7 }, access({ aud: 7 })],
    ['The access_token has an invalid exp: null.', { claim: 'exp', actual: null }, access({ exp: null })],
    ['The access_token has an invalid iat: an object.', { claim: 'iat', actual: {} }, access({ iat: { a: 1 } })],
    ['The access_token has an invalid nbf: "7".', { claim: 'nbf', actual: '7' }, access({ nbf: '7' })],
    ['The access_token has an invalid exp: 7.', { claim: 'exp', actual: 7 }, access({ exp: 7 })],
    [
      'The id_token expired 60 seconds ago: get a new token, or correct the clock of this machine.',
      { claim: 'exp', actual: NOW - 60, seconds: 60 },
      id({ iat: NOW - 90, exp: NOW - 60 }),
    ],
    [
      `The id_token becomes valid in 60 seconds: ${WAIT}`,
      { claim: 'iat', actual: NOW + 60, seconds: 60 },
      id({ iat: NOW + 60, nbf: NOW + 60 }),
    ],
    [
      `The id_token becomes valid in 61 seconds: ${WAIT}`,
      { claim: 'nbf', actual: NOW + 61, seconds: 61 },
      id({ iat: NOW + 60, nbf: NOW + 61 }),
    ],
    ['This is an access token, not an id_token: pass the id_token.', {}, id({ scope: 'openid', jti: 'j' })],
    [
      'This is not an access token (it has no scope, or it has the nonce or at_hash of an id_token): ' +
        'send the access token.',
      {},
      access({ scope: undefined }),
    ],
    ['The payload of the id_token is not a JSON object.', {}, verifying(() => forge().text(forge().header, '[]'))],
    ['The signature of the id_token is wrong.', {}, verifying(() => forge().head({}, other.privateKey))],
    [
      'The id_token belongs to another access token (at_hash).',
      { claim: 'at_hash' },
      verifying(() => idToken({ at_hash: 'x' }), 'access'),
    ],
  ])('%s', async (message, details, [token, run]) => {
    const error = (await catchError(run())) as GenAuthError;
    expect([error.message, error.details]).toEqual([message, { token, ...details }]);
  });

  it('names the length of a short secret', async () => {
    const verifying = bench.verifier(hs256('short')).verifyIdToken(signHs256('short'));
    expect(await catchError(verifying)).toMatchObject({
      code: 'app_secret_too_short',
      message:
        'The application secret has 5 bytes, but HS256 needs 32 or more: ' +
        'choose RS256 in the console, and remove the option idTokenSignedResponseAlg.',
    });
  });
});
