import { TokenVerificationError, UpstreamError } from '../errors.js';
import { toDetail } from '../util/quote.js';
import { type MaybePromise, chain, recover } from '../util/maybe-promise.js';
import { deepFreeze, getOwn } from '../util/record.js';
import { parseScope, toScopeList } from '../scopes.js';
import type { TokenSet } from '../sign-in/outcome.js';
import type { AccessTokenClaims, IdTokenClaims } from './claims.js';
import type { TokenVerifier } from './token-verifier.js';
import { decodeUnverifiedAccessToken } from './unverified-token.js';
import type { SignedInTokens, UnverifiedTokens } from '../wire/parse.js';

/** The latest time that a `Date` can hold, in seconds since 1970. */
const MAX_DATE_SECONDS = 8.64e12;

/**
 * Converts the verification error of a token that came directly from GenAuth into an UpstreamError. GenAuth sent the
 * invalid token, so the response to the caller must not have HTTP status 401.
 */
function wrapTokenError<T>(verify: () => MaybePromise<T>): MaybePromise<T> {
  return recover(verify, (cause) => {
    if (!(cause instanceof TokenVerificationError)) throw cause;
    const message = `The tokens that GenAuth sent were refused. ${cause.message}`;
    throw new UpstreamError('upstream_token_invalid', message, { cause });
  });
}

/**
 * Verifies the tokens of a sign-in. The access token itself is not verified here, because its audience may be a
 * different API. If the access token is a JWT, its `sub` must equal the `sub` of the id_token.
 *
 * @param requested - The requested scopes. They are used as the granted scopes if GenAuth's response has no `scope`.
 * @returns A promise only if the keys must be fetched first, or with HS256.
 * @param now - Returns the current time, in milliseconds since 1970.
 * @param nonce - The `nonce` that the id_token must have (OpenID Connect Core 1.0 §3.1.3.7). `undefined`: the sign-in
 * has sent no `nonce`.
 * @throws UpstreamError `upstream_token_invalid` if a token is not valid. The error has a different code if the key set
 * cannot be loaded.
 * @throws ConfigurationError if the discovery document contradicts the options, or if the application secret is not
 * usable.
 */
export function verifySignedInTokens(
  verifier: TokenVerifier,
  received: SignedInTokens,
  requested: readonly string[],
  now: () => number,
  nonce?: string,
): MaybePromise<{ tokens: TokenSet; claims: IdTokenClaims }> {
  const { idToken, accessToken, expiresIn } = received;
  const { sub, exp } = decodeUnverifiedAccessToken(accessToken);
  const check = (claims: IdTokenClaims): IdTokenClaims => {
    if (nonce !== undefined && getOwn(claims, 'nonce') !== nonce) {
      const details = { token: 'id_token', claim: 'nonce' } as const;
      throw new TokenVerificationError('token_claim_invalid', 'The id_token has the nonce of another sign-in.', {
        details,
      });
    }
    return expectSameSubject(claims, sub === undefined ? claims.sub : sub);
  };
  const verified = wrapTokenError(() => chain(verifier.verifyIdToken(idToken, accessToken), check));
  return chain(verified, (claims) => {
    const expiresAt = exp ?? (expiresIn === undefined ? claims.exp : now() / 1000 + expiresIn);
    return { claims, tokens: toTokenSet(received, expiresAt, requested) };
  });
}

/** The verified result of a token refresh. */
export interface ReceivedRefresh {
  tokens: Omit<TokenSet, 'idToken'> & { idToken: string | undefined };
  claims: AccessTokenClaims;
  /** Claims of the new id_token. `undefined` if GenAuth sent no new id_token (OpenID Connect Core 1.0 §12.2). */
  idClaims: IdTokenClaims | undefined;
}

/**
 * Verifies the tokens of a token refresh: the access token, and the id_token if GenAuth sent one.
 *
 * @throws UpstreamError `upstream_token_invalid` if a token is not valid, or `upstream_invalid_response` if there is no
 * access token. The error has a different code if the key set cannot be loaded.
 * @throws ConfigurationError if the discovery document contradicts the options, or if the application secret is not
 * usable.
 */
export async function verifyRefreshedTokens(
  verifier: TokenVerifier,
  received: UnverifiedTokens,
): Promise<ReceivedRefresh> {
  const { accessToken, idToken } = received;
  if (accessToken === undefined) {
    throw new UpstreamError('upstream_invalid_response', "GenAuth's response to a refresh has no access_token.");
  }
  const verify = async (): Promise<Omit<ReceivedRefresh, 'tokens'>> => {
    const idClaims = idToken === undefined ? undefined : await verifier.verifyIdToken(idToken, accessToken);
    const claims = await verifier.verifyReceivedAccessToken(accessToken);
    if (idClaims !== undefined) expectSameSubject(idClaims, claims.sub);
    return { claims, idClaims };
  };
  const { claims, idClaims } = await wrapTokenError(verify);
  return {
    // Parallel calls of `GenAuthClient.refresh` share the claims.
    claims: deepFreeze(claims),
    idClaims: deepFreeze(idClaims),
    tokens: toTokenSet({ ...received, accessToken, idToken }, claims.exp, parseScope(claims.scope)),
  };
}

function expectSameSubject<Claims extends IdTokenClaims>(claims: Claims, sub: unknown): Claims {
  if (claims.sub === sub) return claims;
  throw new TokenVerificationError(
    'token_subject_mismatch',
    'The id_token and the access token belong to different users (sub).',
    {
      details: { claim: 'sub', expected: toDetail(sub), actual: claims.sub },
    },
  );
}

/**
 * Builds the token set that the application receives.
 *
 * @param expiresAt - Expiration time of the access token, in seconds since 1970.
 * @param requested - The requested scopes. They are used as the granted scopes if GenAuth's response has no `scope`.
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
    expiresAt: new Date(Math.min(Math.max(Math.floor(expiresAt), 0), MAX_DATE_SECONDS) * 1000),
    scope: scope === undefined ? Object.freeze([...requested]) : toScopeList(scope),
  };
}
