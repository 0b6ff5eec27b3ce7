import type { GenAuthClient } from 'passport-genauth';
import { toLoginAnswer } from './login-answer.js';

type Body = Partial<Record<string, unknown>> | undefined;

/**
 * Handles `POST /auth/refresh`. If the request body has no refresh token, the client throws a `RequestError` (HTTP
 * status 400).
 */
export async function refresh(client: GenAuthClient<string>, body: Body): Promise<object> {
  const { user, tokens } = await client.refresh(body?.['refreshToken'] as string);
  return toLoginAnswer(user, tokens);
}

/**
 * Handles `POST /auth/logout`. Revokes the tokens in the request body at GenAuth. If a refresh token is revoked, the
 * tokens that were issued with it also become invalid. Returns the URL at which the browser ends the session at
 * GenAuth. The route needs no login, because a caller that has the tokens may revoke them.
 */
export async function logout(client: GenAuthClient<string>, body: Body): Promise<{ logoutUrl: string }> {
  const { refreshToken, accessToken, idToken } = body ?? {};
  if (accessToken !== undefined) await client.revoke(accessToken as string, 'access_token');
  if (refreshToken !== undefined) await client.revoke(refreshToken as string);
  return { logoutUrl: client.buildLogoutUrl(typeof idToken === 'string' ? { idToken } : {}) };
}
