import { randomBytes, randomUUID } from 'node:crypto';
import type { EmulatorRequest, EmulatorResponse } from '../http/operation.js';
import { OAuthRefusal } from '../oidc/oauth-refusal.js';
import { readParameters } from '../oidc/parameters.js';
import { Refusal } from '../sign-in/refusal.js';
import type { AuthorizationRequest, Interaction } from '../state/interaction.js';
import type { EmulatorState } from '../state/state.js';
import type { Account } from '../users/user-store.js';
import { readAuthorizationRequest, readTarget } from './authorization-request.js';
import { BROWSER_COOKIE, readCookie, SESSION_COOKIE, setCookie } from './cookies.js';
import { finishSignIn } from './finish-sign-in.js';
import { pageOperation } from './page-operation.js';
import { redirectError } from './redirect.js';
import { checkAccount, findStep } from './steps.js';

/** The number of seconds after which an open sign-in on the hosted page ends. */
const INTERACTION_LIFETIME = 3600;

/**
 * Answers `GET /oidc/auth` (RFC 6749 §4.1.1, OpenID Connect Core 1.0 §3.1.2). Redirects the browser to the hosted page.
 * If the browser has an SSO session and no step is left, redirects to the application with an authorization code.
 */
export const authorize = pageOperation((state, request) => {
  const query = readParameters(request.query);
  const target = readTarget(state.config, query);
  try {
    return startInteraction(state, readAuthorizationRequest(query, target), request);
  } catch (error) {
    if (error instanceof OAuthRefusal) return redirectError(target, error, request);
    throw error;
  }
});

/** @throws OAuthRefusal if the request has `prompt=none` and the user would have to use the hosted page. */
function startInteraction(
  state: EmulatorState,
  authorization: AuthorizationRequest,
  request: EmulatorRequest,
): EmulatorResponse {
  const account = findSessionUser(state, authorization, request);
  const cookie = readCookie(request.headers, BROWSER_COOKIE);
  const interaction: Interaction = {
    id: randomUUID(),
    // The browser keeps its cookie, so that two tabs of one browser can sign in at the same time.
    browser: /^[\w-]{43}$/.test(cookie) ? cookie : randomBytes(32).toString('base64url'),
    request: authorization,
    account,
    isFactorProved: account !== undefined,
  };
  const step = findStep(state, interaction);
  if (!step) return finishSignIn(state, interaction, request);
  if (authorization.prompt === 'none') {
    throw step === 'login'
      ? new OAuthRefusal(400, 'login_required', 'the user must sign in')
      : new OAuthRefusal(400, 'interaction_required', 'the sign-in requires a further step');
  }
  state.interactions.set(interaction.id, interaction, INTERACTION_LIFETIME);
  return {
    status: 302,
    headers: {
      location: buildPageAddress(state, interaction),
      'cache-control': 'no-store',
      ...setCookie(BROWSER_COOKIE, interaction.browser),
    },
  };
}

/** Returns the user of the browser's SSO session, if the session may answer this authorization request. */
function findSessionUser(
  state: EmulatorState,
  { prompt, tenantId }: AuthorizationRequest,
  { headers }: EmulatorRequest,
): Account | undefined {
  const account = prompt === 'login' ? undefined : state.sessions.get(readCookie(headers, SESSION_COOKIE));
  if (!account) return undefined;
  try {
    checkAccount(state, account, tenantId);
    return account;
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** Builds the address of the hosted page, in the form of GenAuth's page. */
function buildPageAddress({ config }: EmulatorState, { id, request }: Interaction): string {
  const query = new URLSearchParams({
    app_id: config.appId,
    protocol: 'oidc',
    finish_login_url: `/interaction/oidc/${id}/login`,
    login_page_context: request.loginPageContext,
  });
  return `/login?${query.toString()}`;
}
