import type { GenAuthUser, SignInInfo } from 'passport-genauth';

/** What both samples answer a login with. Tokens go out one by one, never `authInfo` as a whole. */
export function toLoginAnswer(user: GenAuthUser, { tokens }: SignInInfo): object {
  const { accessToken, idToken, refreshToken, expiresAt } = tokens;
  return { user, accessToken, idToken, ...(refreshToken === undefined ? {} : { refreshToken }), expiresAt };
}
