import type { GenAuthUser, SignInInfo } from 'passport-genauth';

/** The tokens of a login or a refresh. A refresh can come without a new id_token. */
type Tokens = Omit<SignInInfo['tokens'], 'idToken'> & { idToken: string | undefined };

/**
 * Builds the response to a login or a refresh, for Nest and Express. It copies each token by name and does not send
 * `authInfo` as a whole, because `authInfo` also holds all claims.
 */
export function toLoginAnswer(user: GenAuthUser | undefined, tokens: Tokens): object {
  const { accessToken, idToken, refreshToken, expiresAt } = tokens;
  return { user, accessToken, idToken, refreshToken, expiresAt };
}
