import type { GenAuthUser, SignInInfo } from 'passport-genauth';

/** The tokens of a login or a refresh. GenAuth's response to a refresh may contain no new id_token. */
type Tokens = Omit<SignInInfo['tokens'], 'idToken'> & { idToken: string | undefined };

/**
 * Builds the response body for a login or a refresh, for Nest and Express. It copies each token by its name. It does
 * not contain the whole `authInfo`, because `authInfo` also contains all claims.
 */
export function toLoginAnswer(user: GenAuthUser | undefined, tokens: Tokens): object {
  const { accessToken, idToken, refreshToken, expiresAt } = tokens;
  return { user, accessToken, idToken, refreshToken, expiresAt };
}
