import { randomBytes } from 'node:crypto';
import type { EmulatorRequest, EmulatorResponse } from '../http/operation.js';
import type { Interaction } from '../state/interaction.js';
import type { EmulatorState } from '../state/state.js';
import type { Account } from '../users/user-store.js';
import { readCookie, SESSION_COOKIE, setCookie } from './cookies.js';
import { redirectToApp } from './redirect.js';

/** The lifetime of an authorization code in seconds, the default of GenAuth. */
const CODE_LIFETIME = 600;

/**
 * Ends a complete sign-in on the hosted page. Redirects the browser to the application with an authorization code. If
 * the user typed a password, records the sign-in and starts an SSO session.
 */
export function finishSignIn(
  state: EmulatorState,
  interaction: Interaction,
  request: EmulatorRequest,
): EmulatorResponse {
  const { account, id, record, request: authorization } = interaction;
  if (!account) throw new Error('The sign-in has no user.');
  state.interactions.delete(id);
  const { scopes, tenantId } = authorization;
  const code = randomBytes(32).toString('base64url');
  const grant = { account, scopes, tenantId, revoked: false };
  state.authorizationCodes.set(code, { grant, request: authorization, isUsed: false }, CODE_LIFETIME);
  if (!record) return redirectToApp(authorization, { code }, request);
  state.journal.add({ ...record, requestId: request.requestId });
  return redirectToApp(authorization, { code }, request, startSession(state, account, request));
}

/** Replaces the browser's SSO session. Returns the header that sets the cookie. */
function startSession({ config, sessions }: EmulatorState, account: Account, { headers }: EmulatorRequest) {
  sessions.delete(readCookie(headers, SESSION_COOKIE));
  if (config.ssoLifetime === 0) return {};
  const session = randomBytes(32).toString('base64url');
  sessions.set(session, account, config.ssoLifetime);
  return setCookie(SESSION_COOKIE, session, config.ssoLifetime);
}
