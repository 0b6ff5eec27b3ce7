import crypto from 'node:crypto';
import { jest } from '@jest/globals';
import fc from 'fast-check';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { ConfigurationError } from '../../../src/core/errors.js';
import { AppSecret, type AppSecretSource } from '../../../src/core/oidc/app-secret.js';
import type { TokenVerifierSettings } from '../../../src/core/tokens/token-verifier.js';
import { APP_ID, DISCOVERY_PATH, JWKS_PATH, type Reply, SUBJECT, useIssuer } from '../../support/issuer.js';
import { COOLDOWN, MAX_AGE, STALE_IF_ERROR, codeOf } from '../../support/key-set.js';
import { catchError } from '../../support/promise.js';
import { propertyRuns } from '../../support/property.js';
import { createRsaKey } from '../../support/rsa-key.js';
import { useSignatureCount } from '../../support/signature-count.js';
import { LONG_SECRET } from '../../support/signing-key.js';
import { type Forge, TOKEN_FLAWS, openForge, respell, swap } from '../../support/token-flaw.js';
import { type PromisingVerifier, VerifierBench } from '../../support/token-verifier.js';
import { buildToken, hashAccessToken } from '../../support/token.js';

const OTHER_APP = '65f0c1d2e3a4b5c6d7e8f9ff';
const LIFETIME = 366 * 86_400;
/** The time of the bench, in seconds since 1970. */
const NOW = 1_760_000_000;
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
const verifyAccessToken = (claims: Claims, settings?: Settings): Promise<unknown> =>
  bench.verifier(settings).verifyAccessToken(accessToken(claims));

it.each(TOKEN_FLAWS)('an access token is refused with %s', async (_title, make, expected) => {
  expect(await bench.refuse(make(forge()))).toBe(expected);
  // No URL of the header is requested.
  expect(issuer().count()).toBe(bench.sets.fetches());
});

it.each<[string, (forge: Forge) => string]>([
  ['typ AT+JWT', ({ head }) => head({ typ: 'AT+JWT' })],
  ['neither typ nor kid', ({ head }) => head({ typ: undefined, kid: undefined })],
  ['another key in the header', ({ head }) => head({ jwk: other.jwk, jku: `${issuer().url}/x` })],
  ['two audiences with azp', ({ claims }) => claims({ aud: [OTHER_APP, APP_ID], azp: APP_ID })],
  ['a sub of 255 characters', ({ claims }) => claims({ sub: 's'.repeat(255) })],
  ['fractions of seconds', ({ claims }) => claims({ iat: NOW - 0.5, nbf: NOW - 0.25, exp: NOW + 0.5 })],
  ['a lifetime of 366 days', ({ claims }) => claims({ iat: NOW, exp: NOW + LIFETIME })],
  ['other claims', ({ claims }) => claims({ roles: ['admin'], nothing: null, jti: undefined, scope: '' })],
])('an access token is accepted with %s', async (_title, make) => {
  const token = make(forge());
  const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  expect(await bench.verify(token)).toEqual(payload);
  expect(issuer().count()).toBe(1);
});

it('an access token is refused for its form before a key is requested, and unread with a wrong signature', async () => {
  expect([await bench.refuse(`${forge().head({})}.`), bench.sets.fetches()]).toEqual(['token_malformed', 0]);
  expect(await bench.refuse(swap(forge().head({}), 1, () => 'bm8'))).toBe('token_signature_invalid');
});

it.each<[string, () => string, string]>([
  ['is accepted with any at_hash, without an access token', () => idToken({ at_hash: 'x' }), 'accepted'],
  ['is accepted with a scope, without jti', () => idToken({ scope: 'openid' }), 'accepted'],
  ['is accepted with a jti, without scope', () => idToken({ jti: 'j' }), 'accepted'],
  ['is not an access token', () => accessToken(), 'token_type_mismatch'],
  ['is refused for an API', () => idToken({ aud: 'https://api.example' }), 'token_audience_mismatch'],
  ['is refused with a changed payload', () => swap(idToken(), 1, () => 'e30'), 'token_signature_invalid'],
])('an id_token %s', async (_title, make, expected) => {
  const verifier = bench.verifier({ audience: ['https://api.example'] });
  expect(await codeOf(verifier.verifyIdToken(make()))).toBe(expected);
});

it.each<[string, unknown, string]>([
  ['the hash of the access token', hashAccessToken('access'), 'accepted'],
  ['no value', undefined, 'accepted'],
  ['the hash of another access token', hashAccessToken('another'), 'token_hash_mismatch'],
  ['the whole hash', hashAccessToken('access').repeat(2), 'token_hash_mismatch'],
  ['an array', [hashAccessToken('access')], 'token_hash_mismatch'],
])('an id_token with %s in at_hash: %s', async (_title, atHash, expected) => {
  expect(await codeOf(bench.verifier().verifyIdToken(idToken({ at_hash: atHash }), 'access'))).toBe(expected);
});

const hs256 = (secret: AppSecretSource | undefined): PromisingVerifier => {
  const appSecret = new AppSecret(secret, () => bench.sets.now);
  return bench.verifier({ idTokenAlgorithm: 'HS256', appSecret, maxVerifiedTokens: 100 });
};
const sign = (secret: string | Buffer, algorithm = 'HS256'): string =>
  buildToken({ alg: 'HS256', kid: issuer().key.kid }, issuer().idTokenClaims({}, bench.sets.now), secret, algorithm);

it('HS256 is accepted for an id_token, without a key set and the cache, and not for an access token', async () => {
  const verifier = hs256(LONG_SECRET);
  expect(await verifier.verifyIdToken(sign(LONG_SECRET))).toMatchObject({ sub: SUBJECT });
  expect(await verifier.verifyIdToken(sign(LONG_SECRET))).toMatchObject({ sub: SUBJECT });
  expect([computed(), issuer().count()]).toEqual([2, 0]);
  const hmac = buildToken({ alg: 'HS256' }, forge().payload, LONG_SECRET, 'HS256');
  const codes = [accessToken(), hmac].map((token) => codeOf(verifier.verifyAccessToken(token)));
  expect(await Promise.all(codes)).toEqual(['accepted', 'token_algorithm_mismatch']);
});

it('HS256 is refused with a signature of the public key, of an empty secret and of HS512', async () => {
  const key = issuer().key.publicKey.export({ type: 'spki', format: 'der' });
  const tokens = [sign(key), sign(''), sign(LONG_SECRET, 'HS512')];
  const codes = await Promise.all(tokens.map((token) => codeOf(hs256(LONG_SECRET).verifyIdToken(token))));
  expect(codes).toEqual(Array(3).fill('token_signature_invalid'));
});

it('HS256 needs a secret of 32 bytes', async () => {
  const secrets = ['s'.repeat(31), undefined, 'é'.repeat(16)];
  const codes = secrets.map((secret) => codeOf(hs256(secret).verifyIdToken(sign(secret ?? ''))));
  expect(await Promise.all(codes)).toEqual(['app_secret_too_short', 'app_secret_too_short', 'accepted']);
});

it('HS256 with a new secret makes the verifier ask for it: at a login at once, for callers once in 30 s', async () => {
  let source = async (): Promise<string> => LONG_SECRET;
  const verifier = hs256(() => source());
  const ask = (secret: string, received?: string): Promise<unknown> =>
    codeOf(verifier.verifyIdToken(sign(secret), received));
  const [second, third] = [`second-${LONG_SECRET}`, `third-${LONG_SECRET}`];
  expect(await ask(second, 'access')).toBe('token_signature_invalid');
  source = () => Promise.reject(new Error('vault'));
  expect(await ask(second, 'access')).toBe('app_secret_unavailable');
  bench.sets.now += 30_000;
  expect(await ask(second)).toBe('token_signature_invalid');
  source = async () => second;
  bench.sets.now += 29_999;
  expect(await ask(second)).toBe('token_signature_invalid');
  bench.sets.now += 1;
  expect(await ask(second)).toBe('accepted');
  source = async () => third;
  expect(await ask(third, 'access')).toBe('accepted');
});

const INVALID = { code: 'upstream_invalid_response', statusCode: 502, details: { httpStatus: 400 } };
const CLOSED = { code: 'upstream_unreachable', statusCode: 503 };
const HIDDEN = { ...INVALID, code: 'upstream_unavailable', statusCode: 503, cause: INVALID };
it.each<[string, Reply, object, object]>([
  ['HTTP 400', { status: 400 }, HIDDEN, INVALID],
  ['a closed connection', { reset: true }, CLOSED, CLOSED],
])('a key set with %s has status 503 on a guarded route, its own at a login', async (_title, reply, guarded, login) => {
  issuer().reply(JWKS_PATH, reply);
  expect(await catchError(bench.verifier().verifyAccessToken(accessToken()))).toMatchObject(guarded);
  expect(await catchError(bench.verifier().verifyReceivedAccessToken(accessToken()))).toMatchObject(login);
});

it('an error of the key set that is no UpstreamError is thrown unchanged', async () => {
  const error = new ConfigurationError('discovery_issuer_mismatch', 'x');
  const jwks = bench.sets.open({ source: { requestKeySets: () => Promise.reject(error), keep: () => undefined } });
  expect(await catchError(verifyAccessToken({}, { jwks }))).toBe(error);
});

it('a token of another application on the same host does not decide where the keys are searched', async () => {
  const [appPath, { jwk }] = [`/${APP_ID}${JWKS_PATH}`, issuer().key];
  issuer().reply(DISCOVERY_PATH, { status: 404 });
  issuer().reply(appPath, { body: { keys: [jwk] } });
  bench.sets.publish(other.jwk);
  const verifier = bench.verifier({ jwks: bench.sets.open({}, {}) });
  const foreign = signNew({ ...forge().payload, aud: OTHER_APP });
  expect(await codeOf(verifier.verifyAccessToken(foreign))).toBe('token_audience_mismatch');
  expect(await codeOf(verifier.verifyAccessToken(accessToken()))).toBe('accepted');
  issuer().requests.length = 0;
  bench.sets.now += MAX_AGE;
  const later = accessToken({ exp: NOW + MAX_AGE });
  expect([await codeOf(verifier.verifyAccessToken(later)), issuer().requests.map(({ path }) => path)]).toEqual([
    'accepted',
    [appPath],
  ]);
});

it('an error of the signature check itself is an unsuitable process, never a wrong token', async () => {
  const cause = new TypeError('x');
  const fail = (): never => {
    throw cause;
  };
  jest.spyOn(crypto, 'createVerify').mockImplementationOnce(fail).mockImplementationOnce(fail);
  const error = { code: 'runtime_unsuitable', statusCode: 500, cause };
  expect(await catchError(verifyAccessToken({}))).toMatchObject(error);
  expect(await catchError(bench.verifier().verifyIdToken(idToken(), 'access'))).toMatchObject(error);
});

const signNew = (payload: object): string => buildToken({ alg: 'RS256', kid: other.kid }, payload, other.privateKey);
const newIdToken = (): string => signNew(issuer().idTokenClaims({}, bench.sets.now));
const newAccessToken = (): string => signNew(forge().payload);

it.each<[string, (verifier: PromisingVerifier) => Promise<unknown>, string, fetches: number]>([
  ['received id_token', (each) => each.verifyIdToken(newIdToken(), 'access'), 'accepted', 2],
  ['received access token', (each) => each.verifyReceivedAccessToken(newAccessToken()), 'accepted', 2],
  ["caller's id_token", (each) => each.verifyIdToken(newIdToken()), 'token_key_unknown', 1],
  ["caller's access token", (each) => each.verifyAccessToken(newAccessToken()), 'token_key_unknown', 1],
])('new keys during the cool-down: %s', async (_title, verify, expected, fetches) => {
  const verifier = bench.verifier();
  await verifier.verifyAccessToken(accessToken());
  bench.sets.publish(issuer().key.jwk, other.jwk);
  expect([await codeOf(verify(verifier)), bench.sets.fetches()]).toEqual([expected, fetches]);
});

it('received tokens are verified without the cache, and have claims that can be changed', async () => {
  const verifier = bench.verifier({ maxVerifiedTokens: 100 });
  const [id, access] = [idToken(), accessToken()];
  await Promise.all([verifier.verifyIdToken(id), verifier.verifyAccessToken(access)]);
  computed();
  const claims = [await verifier.verifyIdToken(id, 'access'), await verifier.verifyReceivedAccessToken(access)];
  expect([computed(), ...claims.map((each) => Object.isFrozen(each))]).toEqual([2, false, false]);
});

const bothKeys = (): unknown[] => [issuer().key.jwk, other.jwk];
const replacedKey = (): unknown[] => [{ ...other.jwk, kid: issuer().key.kid }];

it.each<[number, signatures: number[]]>([
  [0, [1, 1, 1, 1, 1, 1]],
  [1, [1, 1, 0, 1, 1, 1]],
  [2, [1, 1, 0, 1, 1, 0]],
])('the cache of %i entries spares signatures from the third use, and claims are frozen', async (size, signatures) => {
  const verifier = bench.verifier({ maxVerifiedTokens: size });
  const [first, second] = [accessToken({ aud: [APP_ID] }), accessToken({ aud: [APP_ID], n: 2 })];
  const counts: number[] = [];
  for (const token of [first, first, first, second, second, first]) {
    expect(Object.isFrozen((await verifier.verifyAccessToken(token)).aud)).toBe(true);
    counts.push(computed());
  }
  expect([counts, bench.sets.fetches()]).toEqual([signatures, 1]);
});

it.each([
  ['at most', 0, 2],
  ['more than', 1, 3],
])('the cache and tokens of %s 4,096 characters: signatures of three calls', async (_title, more, signatures) => {
  const verifier = bench.verifier({ maxVerifiedTokens: 10 });
  const sign = (size: number): string => accessToken({ aud: [APP_ID], text: 'x'.repeat(size) });
  let size = 2000;
  while (sign(size + 1).length <= 4096) size += 1;
  const token = sign(size + more);
  computed();
  for (let use = 1; use <= 3; use += 1) await verifier.verifyAccessToken(token);
  expect([token.length > 4096, computed()]).toEqual([more === 1, signatures]);
});

it('the cache does not spare the check of the times', async () => {
  const token = accessToken({ iat: NOW - 9, nbf: NOW - 3, exp: NOW + 60 });
  const codes: unknown[] = [];
  for (const offset of [0, 0, 64_999, 65_000, -8000, -8001]) {
    bench.sets.now = NOW * 1000 + offset;
    codes.push(await codeOf(bench.verify(token)));
  }
  expect(codes).toEqual(['accepted', 'accepted', 'accepted', 'token_expired', 'accepted', 'token_not_yet_valid']);
});

it.each<[string, header: object, keys: () => unknown[], advance: number, expected: string, signatures: number]>([
  ['accepted before maxAge, even if its key was withdrawn', {}, () => [other.jwk], MAX_AGE - 1, 'accepted', 0],
  ['accepted after maxAge with the same key', {}, bothKeys, MAX_AGE, 'accepted', 0],
  ['refused after its key was withdrawn', {}, () => [other.jwk], MAX_AGE, 'token_key_unknown', 0],
  ['verified again after its key was replaced', {}, replacedKey, MAX_AGE, 'token_signature_invalid', 1],
  ['refused without kid after a second key', { kid: undefined }, bothKeys, MAX_AGE, 'token_key_unknown', 0],
  ['refused without usable keys', {}, () => [], MAX_AGE + STALE_IF_ERROR, 'upstream_unavailable', 0],
])('a known token is %s', async (_title, header, keys, advance, expected, signatures) => {
  const verifier = bench.verifier({ maxVerifiedTokens: 100 });
  const { text, header: right, payload } = forge();
  const token = text({ ...right, ...header }, { ...payload, exp: NOW + 3 * 86_400 });
  for (let use = 1; use <= 2; use += 1) expect(await codeOf(verifier.verifyAccessToken(token))).toBe('accepted');
  computed();
  bench.sets.publish(...keys());
  bench.sets.now += advance ?? 0;
  expect([await codeOf(verifier.verifyAccessToken(token)), computed()]).toEqual([expected, signatures]);
});

it('a token is accepted by each of two keys with its kid, also from the cache', async () => {
  bench.sets.publish({ ...other.jwk, kid: issuer().key.kid }, issuer().key.jwk);
  const codes = [await codeOf(bench.verify(accessToken()))];
  codes.push(await codeOf(bench.verify(forge().head({}, other.privateKey))));
  expect([codes, bench.sets.fetches()]).toEqual([['accepted', 'accepted'], 1]);
});

it('a key that was replaced under its kid is fetched once per cool-down, and at once for a login', async () => {
  const verifier = bench.verifier();
  await verifier.verifyAccessToken(accessToken());
  bench.sets.publish({ ...other.jwk, kid: issuer().key.kid });
  const token = forge().head({}, other.privateKey);
  const codes: unknown[] = [];
  for (const time of [COOLDOWN - 1, 1]) {
    bench.sets.now += time;
    codes.push(await codeOf(verifier.verifyAccessToken(token)), bench.sets.fetches());
  }
  bench.sets.publish(issuer().key.jwk);
  codes.push(await codeOf(verifier.verifyIdToken(idToken(), 'access')), bench.sets.fetches());
  expect(codes).toEqual(['token_signature_invalid', 1, 'accepted', 2, 'accepted', 3]);
});

it('a wrong signature is no 401 if the key set that is fetched for it is empty', async () => {
  const verifier = bench.verifier();
  await verifier.verifyAccessToken(accessToken());
  bench.sets.publish();
  bench.sets.now += COOLDOWN;
  const error = await catchError(verifier.verifyAccessToken(forge().head({}, other.privateKey)));
  expect(error).toMatchObject({ code: 'upstream_unavailable', statusCode: 503 });
});

it('a forgotten token is verified again', async () => {
  const verifier = bench.verifier({ maxVerifiedTokens: 100 });
  const token = accessToken();
  await verifier.verifyAccessToken(token);
  verifier.forget(token);
  await verifier.verifyAccessToken(token);
  expect(computed()).toBe(2);
});

it('the cache does not confuse a known token with another text, with an id_token or with an array', async () => {
  const verifier = bench.verifier({ maxVerifiedTokens: 100 });
  const token = accessToken();
  await verifier.verifyAccessToken(token);
  expect(await codeOf(verifier.verifyAccessToken(swap(token, 2, respell)))).toBe('token_malformed');
  expect(await codeOf(verifier.verifyIdToken(token))).toBe('token_type_mismatch');
  expect(await codeOf(verifier.verifyAccessToken([token] as never))).toBe('token_missing');
});

it.each<[Claims, () => Promise<unknown>, string]>([
  [{ alg: 'RS256' }, () => bench.verify(forge().head({ alg: undefined })), 'token_algorithm_mismatch'],
  [{ sub: SUBJECT }, () => bench.verify(accessToken({ sub: undefined })), 'token_claim_invalid'],
  [{ scope: 'admin' }, () => bench.verify(idToken()), 'token_type_mismatch'],
  [{ crit: ['x'], azp: 'x', nbf: 'x', nonce: 'n' }, () => bench.verify(accessToken()), 'accepted'],
  [{ at_hash: 'x' }, () => bench.verifier().verifyIdToken(idToken(), 'access'), 'accepted'],
])('a polluted Object.prototype with %j does not change the decision', async (members, verify, expected) => {
  Object.assign(Object.prototype, members);
  const result = await codeOf(verify());
  Object.keys(members).forEach((name) => Reflect.deleteProperty(Object.prototype, name));
  expect(result).toBe(expected);
});

const access = (claims: Claims, settings?: Settings) => () => verifyAccessToken(claims, settings);
const id = (make: () => string, settings?: Settings) => () => bench.verifier(settings).verifyIdToken(make(), 'access');
const EXPIRED = { iat: NOW - 90, exp: NOW - 60 };
const expired = { claim: 'exp', actual: NOW - 60, seconds: 60 };
const ROWS: [run: () => Promise<unknown>, details?: object][] = [
  [access({ iss: 'x' }, { issuer: ['y'] }), { claim: 'iss', expected: 'y', actual: 'x' }],
  [access({ aud: ['x'] }, { audience: ['y', 'z'] }), { claim: 'aud', expected: ['y', 'z'], actual: ['x'] }],
  [id(() => idToken({ aud: 'x' }), { appId: 'y' }), { token: 'id_token', claim: 'aud', expected: ['y'], actual: 'x' }],
  [access({ azp: 'x' }, { appId: 'y' }), { claim: 'azp', expected: 'y', actual: 'x' }],
  [access({ iat: { a: 1 } }), { claim: 'iat', actual: {} }],
  [access(EXPIRED), expired],
  [id(() => idToken(EXPIRED)), { token: 'id_token', ...expired }],
  [access({ iat: NOW + 60, nbf: NOW + 60 }), { claim: 'iat', actual: NOW + 60, seconds: 60 }],
  [access({ nbf: NOW + 9 }), { claim: 'nbf', actual: NOW + 9, seconds: 9 }],
  [id(() => idToken({ iat: NOW + 9.5, exp: NOW + 99 })), { token: 'id_token', claim: 'iat', seconds: 10 }],
  [() => bench.verify(forge().text(forge().header, '[]'))],
  [access({ scope: undefined })],
  [id(() => accessToken()), { token: 'id_token' }],
  [id(() => forge().head({}, other.privateKey)), { token: 'id_token' }],
  [id(() => idToken({ at_hash: 'x' })), { token: 'id_token', claim: 'at_hash' }],
];
const CLOCK = 'correct the clock of this machine, or raise clockTolerance.';
const MESSAGES = [
  'The access_token has the issuer "x", but this service accepts only "y": correct appHost, or set the option issuer.',
  'The access_token is for ["x"] (aud), but this service is ["y", "z"]: check appId, or set the option audience.',
  'The id_token is for "x" (aud), but this service is "y": check appId.',
  'The access_token was issued to "x" (azp), but this service is "y": check appId.',
  'The access_token has an invalid iat: an object.',
  'The access_token expired 60 seconds ago: get a new token, or correct the clock of this machine.',
  `The id_token expired 60 seconds ago: ${CLOCK} If the id_token is from an earlier login, sign in again.`,
  `The access_token becomes valid in 60 seconds: ${CLOCK}`,
  `The access_token becomes valid in 9 seconds: ${CLOCK}`,
  `GenAuth's clock is 10 seconds ahead of the clock of this machine (iat of the id_token): ${CLOCK}`,
  'The payload of the access_token is not a JSON object.',
  expect.stringContaining('This is not an access token (it has no scope, or it has the nonce or at_hash'),
  'This is an access token, not an id_token: pass the id_token.',
  'The signature of the id_token is wrong.',
  'The id_token belongs to another access token (at_hash).',
];

it('an error has a message and details', async () => {
  const errors = await Promise.all(ROWS.map(([run]) => catchError(run())));
  const details = ROWS.map(([, members]) => ({ token: 'access_token', ...members }));
  expect(errors).toMatchObject(details.map((each, i) => ({ message: MESSAGES[i], details: each })));
});

it('judges 20,000 tokens alike with and without the cache, while the clock moves and the keys change', async () => {
  const { key } = issuer();
  const makers = [forge(), { ...forge(), ...openForge(issuer(), NOW * 1000 + 2 * MAX_AGE) }];
  const pool = makers.flatMap(({ head, claims, header }) => [
    ...[{}, { exp: NOW + 20 }, { exp: NOW + 700, nbf: NOW + 60 }, { iat: NOW + 4 }, { nonce: 'n' }].map((each) =>
      claims(each),
    ),
    head({ kid: undefined }),
    head({ kid: other.kid }, other.privateKey),
    head(header, other.privateKey),
  ]);
  const keySets = [[key.jwk], [key.jwk, other.jwk], [other.jwk], [{ ...other.jwk, kid: key.kid }], [], undefined];
  /** A value in one of `rarity` steps, otherwise `null`. */
  const rarely = <T>(rarity: number, value: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
    fc.oneof({ weight: rarity - 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: value });
  const step = fc.record({
    token: fc.nat({ max: pool.length - 1 }),
    change: rarely(5, fc.tuple(fc.nat({ max: 900 }), fc.constantFrom('A', 'g', '-', '.', '='))),
    advance: rarely(10, fc.constantFrom(1, 5000, 31_000, MAX_AGE)),
    keys: rarely(40, fc.constantFrom(...keySets)),
  });
  // The pause after a failed fetch is random.
  const randomly = jest.spyOn(Math, 'random').mockReturnValue(0.5);
  let judged = 0;
  const seen = new Set<unknown>();
  const property = fc.asyncProperty(fc.array(step, { minLength: 50, maxLength: 50 }), async (steps) => {
    bench.sets.now = NOW * 1000;
    bench.sets.publish(key.jwk);
    // Each verifier has a key set of its own, because a wrong signature can cause a fetch, which the other would see.
    const verifiers = [0, 8].map((size) => bench.verifier({ jwks: bench.sets.open(), maxVerifiedTokens: size }));
    for (const { token, change, advance, keys } of steps) {
      bench.sets.now += advance ?? 0;
      if (keys === undefined) issuer().reply(JWKS_PATH, { status: 503 });
      else if (keys !== null) bench.sets.publish(...keys);
      const [position, letter] = change ?? [0, 'e'];
      const text = pool[token] ?? '';
      const changed = `${text.slice(0, position)}${letter}${text.slice(position + 1)}`;
      judged += 1;
      const codes = await Promise.all(verifiers.map((each) => codeOf(each.verifyAccessToken(changed))));
      expect(codes[0]).toBe(codes[1]);
      seen.add(codes[0]);
    }
  });
  await fc.assert(property, propertyRuns(400));
  randomly.mockRestore();
  expect(judged).toBeGreaterThanOrEqual(20_000);
  const decisions = [
    'accepted',
    'token_expired',
    'token_key_unknown',
    'token_signature_invalid',
    'upstream_unavailable',
  ];
  expect([...seen]).toEqual(expect.arrayContaining(decisions));
}, 1_800_000);

it('accepts no changed token that jose refuses', async () => {
  const { key, issuer: expected } = issuer();
  const members = 'alg typ kid crit b64 zip jwk jku iss sub aud azp exp iat nbf scope jti nonce at_hash __proto__';
  const texts = ['RS512', 'HS256', 'at+jwt', key.kid, `${expected}/`, 's'.repeat(256), 'x'.repeat(7000)];
  const times = [-3600, -6, -5, 0, 0.5, 5, 6, LIFETIME, 4e7].map((offset) => NOW + offset);
  const likely = fc.constantFrom(...texts, ...times, undefined, [APP_ID], [APP_ID, OTHER_APP], [[APP_ID]], other.jwk);
  const change = fc.tuple(fc.constantFrom(...members.split(' ')), fc.oneof(likely, fc.jsonValue({ maxDepth: 1 })));
  const replaced = fc.option(fc.tuple(fc.nat({ max: 900 }), fc.constantFrom('A', 'g', '-', '.', ' ', '=', 'é')));
  const keys = createLocalJWKSet({ keys: [key.jwk] });
  // Without `maxTokenAge` jose accepts an `iat` in the future.
  const options = { clockTolerance: 5, currentDate: new Date(bench.sets.now), maxTokenAge: '367 days' };
  const required = { algorithms: ['RS256'], requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat'] };
  const askJose = (token: string): Promise<unknown> =>
    codeOf(jwtVerify(token, keys, { ...required, ...options, issuer: expected, audience: APP_ID }));
  const property = fc.asyncProperty(fc.array(change, { maxLength: 2 }), replaced, async (changes, character) => {
    const { text, header, payload } = forge();
    const changed = Object.fromEntries(changes);
    const signed = text({ ...header, ...changed }, { ...payload, ...changed });
    const [position, letter] = character ?? [0, signed[0]];
    const token = `${signed.slice(0, position)}${letter}${signed.slice(position + 1)}`;
    const code = await codeOf(bench.verify(token));
    expect(code).toMatch(/^(accepted|token_.*)$/);
    expect([code, (await askJose(token)) === 'accepted']).not.toEqual(['accepted', false]);
  });
  await fc.assert(property, propertyRuns(300));
}, 600_000);
