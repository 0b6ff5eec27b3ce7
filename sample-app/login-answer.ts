import type { GenAuthUser, SignInInfo } from 'passport-genauth';

/** What a refresh brings beside what a login does. */
type Tokens = Omit<SignInInfo['tokens'], 'idToken'> & { idToken: string | undefined };

/** What both samples answer a login and a refresh with. Tokens go out one by one, never `authInfo` as a whole. */
export function toLoginAnswer(user: GenAuthUser | undefined, tokens: Tokens): object {
  const { accessToken, idToken, refreshToken, expiresAt } = tokens;
  return { user, accessToken, idToken, refreshToken, expiresAt };
}
