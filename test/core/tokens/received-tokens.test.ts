import { verifyRefreshedTokens, verifySignedInTokens } from '../../../src/core/tokens/received-tokens.js';
import type { SignedInTokens, UnverifiedTokens } from '../../../src/core/wire/parse.js';
import { JWKS_PATH, SUBJECT, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { catchError } from '../../support/promise.js';
import { hashAccessToken } from '../../support/token.js';
import { VerifierBench } from '../../support/token-verifier.js';

const issuer = useIssuer();
const bench = new VerifierBench(issuer);
/** Seconds since 1970, by the clock of the bench. */
const NOW = 1_760_000_000;

const idToken = (claims: Record<string, unknown> = {}): string =>
  issuer().sign(issuer().idTokenClaims(claims, NOW * 1000));
const accessToken = (claims: Record<string, unknown> = {}): string =>
  issuer().sign(issuer().accessTokenClaims(claims, NOW * 1000));
/** A token with a wrong signature. */
const forged = (): string => idToken().replace(/[^.]*$/, 'AA');

const OPTIONAL = { refreshToken: undefined, scope: undefined, expiresIn: undefined };
const both = (): SignedInTokens => ({ idToken: idToken(), accessToken: accessToken(), ...OPTIONAL });
const signIn = async (received: Partial<SignedInTokens> = {}): Promise<ReturnType<typeof verifySignedInTokens>> =>
  verifySignedInTokens(bench.verifier(), { ...both(), ...received }, ['openid', 'phone'], () => bench.sets.now);
const refresh = (received: Partial<UnverifiedTokens> = {}): ReturnType<typeof verifyRefreshedTokens> =>
  verifyRefreshedTokens(bench.verifier(), { idToken: undefined, accessToken: accessToken(), ...OPTIONAL, ...received });

it('verifySignedInTokens returns the tokens and the claims of the id_token', async () => {
  const received = { idToken: idToken({ name: 'Alice' }), accessToken: accessToken(), refreshToken: 'refresh' };
  const { tokens, claims } = await signIn({ ...received, scope: 'openid  email openid' });
  expect(tokens).toEqual({ ...received, scope: ['openid', 'email'], expiresAt: new Date((NOW + 3600) * 1000) });
  expect(claims).toMatchObject({ sub: SUBJECT, name: 'Alice' });
});

it.each<[string, () => Partial<SignedInTokens>, number]>([
  ['exp of the access token', () => ({ accessToken: accessToken({ exp: NOW + 100 }), expiresIn: 7 }), NOW + 100],
  ['the lifetime if the access token has no exp', () => ({ accessToken: 'opaque', expiresIn: 7.9 }), NOW + 7],
  ['exp of the id_token if there is no other time', () => ({ accessToken: 'opaque' }), NOW + 3600],
  ['the latest time of a Date', () => ({ accessToken: accessToken({ exp: 1e300 }) }), 8.64e12],
  ['the year 1970 for a negative lifetime', () => ({ accessToken: 'opaque', expiresIn: -1e300 }), 0],
])('verifySignedInTokens sets expiresAt to %s', async (_title, received, seconds) => {
  expect((await signIn(received())).tokens.expiresAt).toEqual(new Date(seconds * 1000));
});

it('verifySignedInTokens accepts a matching at_hash, a missing scope and an access token of another API', async () => {
  const access = accessToken({ sub: undefined, aud: 'api', iss: 'x' });
  const id = idToken({ at_hash: hashAccessToken(access) });
  const { claims, tokens } = await signIn({ accessToken: access, idToken: id });
  expect([claims.sub, tokens.scope]).toEqual([SUBJECT, ['openid', 'phone']]);
});

it.each<[string, () => Partial<SignedInTokens>, string]>([
  ['an access token of another user', () => ({ accessToken: accessToken({ sub: 'x' }) }), 'token_subject_mismatch'],
  ['an access token with sub null', () => ({ accessToken: accessToken({ sub: null }) }), 'token_subject_mismatch'],
  ['a wrong at_hash', () => ({ idToken: idToken({ at_hash: hashAccessToken('x') }) }), 'token_hash_mismatch'],
  ['an id_token with a wrong signature', () => ({ idToken: forged() }), 'token_signature_invalid'],
])('verifySignedInTokens refuses %s as an error of GenAuth', async (_title, make, code) => {
  const received: Partial<SignedInTokens> = { refreshToken: 'canary-refresh-token', ...make() };
  const error = await catchError(signIn(received));
  expect(error).toMatchObject({ name: 'UpstreamError', code: 'upstream_token_invalid', statusCode: 502 });
  expect(error.cause).toMatchObject({ name: 'TokenVerificationError', code });
  expect(error.message).toBe(`The tokens that GenAuth sent were refused. ${(error.cause as Error).message}`);
  expect(findLeaks(error, ['canary-refresh-token', ...idToken().split('.')])).toEqual([]);
});

it('verifySignedInTokens throws an error of the key set unchanged', async () => {
  issuer().reply(JWKS_PATH, { status: 400 });
  expect(await catchError(signIn())).toMatchObject({ code: 'upstream_invalid_response' });
});

it('verifyRefreshedTokens returns the tokens and the claims of both tokens, also without an id_token', async () => {
  const received = { accessToken: accessToken({ exp: NOW + 100 }), idToken: idToken(), refreshToken: 'new' };
  const { tokens, claims, idClaims } = await refresh({ ...received, expiresIn: 7 });
  expect(tokens).toEqual({ ...received, scope: ['openid', 'profile'], expiresAt: new Date((NOW + 100) * 1000) });
  expect([claims.scope, idClaims?.sub]).toEqual(['openid profile', SUBJECT]);
  const other = await refresh({ scope: 'openid' });
  expect([other.tokens.idToken, other.tokens.scope, other.idClaims]).toEqual([undefined, ['openid'], undefined]);
});

const DIFFERENT = 'The id_token and the access token belong to different users (sub).';
const SUBJECTS = { message: DIFFERENT, details: { claim: 'sub', expected: SUBJECT, actual: 'x' } };
it.each<[string, () => Partial<UnverifiedTokens>, object]>([
  ['an access token of another API', () => ({ accessToken: accessToken({ aud: 'api' }) }), {}],
  ['an id_token of another user', () => ({ idToken: idToken({ sub: 'x' }) }), SUBJECTS],
  ['a wrong at_hash', () => ({ idToken: idToken({ at_hash: 'x' }) }), { code: 'token_hash_mismatch' }],
])('verifyRefreshedTokens refuses %s', async (_title, received, cause) => {
  expect(await catchError(refresh(received()))).toMatchObject({ code: 'upstream_token_invalid', cause });
});

it('verifyRefreshedTokens refuses a response without access token', async () => {
  const message = "GenAuth's response to a refresh has no access_token.";
  const expected = { code: 'upstream_invalid_response', message };
  expect(await catchError(refresh({ accessToken: undefined }))).toMatchObject(expected);
});
