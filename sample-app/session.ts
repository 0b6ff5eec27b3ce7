import type { GenAuthClient } from 'passport-genauth';
import { toLoginAnswer } from './login-answer.js';

type Body = Partial<Record<string, unknown>> | undefined;

/** `POST /auth/refresh`. The client throws a `RequestError` (400) for a body without a refresh token. */
export async function refresh(client: GenAuthClient<string>, body: Body): Promise<object> {
  const { user, tokens } = await client.refresh(body?.['refreshToken'] as string);
  return toLoginAnswer(user, tokens);
}

/**
 * `POST /auth/logout`. Revokes the tokens of the body at GenAuth. Revoking a refresh token also ends the tokens that
 * were issued with it. Returns the address at which the browser ends the session at GenAuth. The route needs no login,
 * because a caller that has the tokens may revoke them.
 */
export async function logout(client: GenAuthClient<string>, body: Body): Promise<{ logoutUrl: string }> {
  const { refreshToken, accessToken, idToken } = body ?? {};
  if (accessToken !== undefined) await client.revoke(accessToken as string, 'access_token');
  if (refreshToken !== undefined) await client.revoke(refreshToken as string);
  return { logoutUrl: client.buildLogoutUrl(typeof idToken === 'string' ? { idToken } : {}) };
}
