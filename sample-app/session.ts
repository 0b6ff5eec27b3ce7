import type { GenAuthClient } from 'passport-genauth';
import { toLoginAnswer } from './login-answer.js';

type Body = Partial<Record<string, unknown>> | undefined;

/** `POST /auth/refresh`: a body without a token is refused by the client, with 400. */
export async function refresh(client: GenAuthClient<string>, body: Body): Promise<object> {
  const { user, tokens } = await client.refresh(body?.['refreshToken'] as string);
  return toLoginAnswer(user, tokens);
}

/**
 * `POST /auth/logout`: ends the tokens that the body brings at GenAuth, the refresh token and with it those that it made, and says
 * where the browser ends the session there. Whoever has the tokens may end them, so nobody is asked who they are.
 */
export async function logout(client: GenAuthClient<string>, body: Body): Promise<{ logoutUrl: string }> {
  const { refreshToken, accessToken, idToken } = body ?? {};
  if (accessToken !== undefined) await client.revoke(accessToken as string, 'access_token');
  if (refreshToken !== undefined) await client.revoke(refreshToken as string);
  return { logoutUrl: client.buildLogoutUrl(typeof idToken === 'string' ? { idToken } : {}) };
}
