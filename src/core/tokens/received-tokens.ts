import { TokenVerificationError, UpstreamError } from '../errors.js';
import { toDetail } from '../util/quote.js';
import { parseScope } from '../scopes.js';
import type { TokenSet } from '../sign-in/outcome.js';
import type { AccessTokenClaims, IdTokenClaims } from './claims.js';
import type { TokenVerifier } from './token-verifier.js';
import { decodeUnverifiedAccessToken } from './unverified-token.js';
import type { SignedInTokens, UnverifiedTokens } from '../wire/parse.js';

/** Seconds since 1970, the last that a Date can hold. */
const LAST_SECOND = 8.64e12;

/** Tokens that came straight from GenAuth: if they are wrong, GenAuth is, and not whoever sent a request here. */
async function wrapTokenError<T>(verifying: Promise<T>): Promise<T> {
  try {
    return await verifying;
  } catch (cause) {
    if (!(cause instanceof TokenVerificationError)) throw cause;
    const message = `The tokens that GenAuth sent were refused. ${cause.message}`;
    throw new UpstreamError('upstream_token_invalid', message, { cause });
  }
}

/**
 * The tokens of a sign-in: the id_token verified; the access token is for whoever it is shown to, but must not be another
 * person's.
 *
 * @param requested - The scopes that were granted if the answer does not say which.
 * @throws UpstreamError `upstream_token_invalid`, ConfigurationError
 */
export async function verifySignedInTokens(
  verifier: TokenVerifier,
  received: SignedInTokens,
  requested: readonly string[],
  now: () => number,
): Promise<{ tokens: TokenSet; claims: IdTokenClaims }> {
  const { idToken, accessToken, expiresIn } = received;
  const { sub, exp } = decodeUnverifiedAccessToken(accessToken);
  const verify = async (): Promise<IdTokenClaims> => {
    const claims = await verifier.verifyIdToken(idToken, accessToken);
    return expectSameSubject(claims, sub === undefined ? claims.sub : sub);
  };
  const claims = await wrapTokenError(verify());
  const expiresAt = exp ?? (expiresIn === undefined ? claims.exp : now() / 1000 + expiresIn);
  return { claims, tokens: toTokenSet(received, expiresAt, requested) };
}

/** What a refresh brought, verified. */
export interface ReceivedRefresh {
  tokens: Omit<TokenSet, 'idToken'> & { idToken: string | undefined };
  claims: AccessTokenClaims;
  /** `undefined` where GenAuth sent no new id_token (OpenID Connect Core 1.0 §12.2). */
  idClaims: IdTokenClaims | undefined;
}

/** @throws UpstreamError `upstream_token_invalid`, and where there is no access token; ConfigurationError */
export async function verifyRefreshedTokens(
  verifier: TokenVerifier,
  received: UnverifiedTokens,
): Promise<ReceivedRefresh> {
  const { accessToken, idToken } = received;
  if (accessToken === undefined) {
    throw new UpstreamError('upstream_invalid_response', 'GenAuth answered a refresh without an access_token.');
  }
  const verify = async (): Promise<Omit<ReceivedRefresh, 'tokens'>> => {
    const idClaims = idToken === undefined ? undefined : await verifier.verifyIdToken(idToken, accessToken);
    const claims = await verifier.verifyOwnAccessToken(accessToken);
    if (idClaims !== undefined) expectSameSubject(idClaims, claims.sub);
    return { claims, idClaims };
  };
  const { claims, idClaims } = await wrapTokenError(verify());
  return {
    claims,
    idClaims,
    tokens: toTokenSet({ ...received, accessToken, idToken }, claims.exp, parseScope(claims.scope)),
  };
}

function expectSameSubject<Claims extends IdTokenClaims>(claims: Claims, sub: unknown): Claims {
  if (claims.sub === sub) return claims;
  throw new TokenVerificationError('token_subject_mismatch', 'The two tokens are not of one person.', {
    details: { claim: 'sub', expected: toDetail(sub), actual: claims.sub },
  });
}

/**
 * @param expiresAt - When the access token ends, in seconds since 1970.
 * @param requested - The scopes that were granted if the answer does not say which.
 */
function toTokenSet<IdToken extends string | undefined>(
  tokens: UnverifiedTokens & { accessToken: string; idToken: IdToken },
  expiresAt: number,
  requested: readonly string[],
): Omit<TokenSet, 'idToken'> & { idToken: IdToken } {
  const { accessToken, idToken, refreshToken, scope } = tokens;
  return {
    accessToken,
    idToken,
    refreshToken,
    expiresAt: new Date(Math.min(Math.max(Math.floor(expiresAt), 0), LAST_SECOND) * 1000),
    scope: scope === undefined ? requested : parseScope(scope),
  };
}
