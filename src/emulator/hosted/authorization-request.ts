import { OAuthRefusal } from '../oidc/oauth-refusal.js';
import { invalidRequest, type Parameters, requireParameter } from '../oidc/parameters.js';
import { type EmulatorConfig, isLoopback, isRedirectUri } from '../options.js';
import {
  type AuthorizationRequest,
  CODE_CHALLENGE_METHODS,
  type CodeChallenge,
  PROMPTS,
} from '../state/interaction.js';
import { grantScopes } from '../users/claims.js';
import type { RedirectTarget } from './redirect.js';

/**
 * Checks the parameters whose errors are never sent to the application: the client, the redirect URL, and `prompt`,
 * which GenAuth refuses with the HTTP status 400.
 *
 * @throws OAuthRefusal if one of them is wrong.
 */
export function readTarget(config: EmulatorConfig, query: Parameters): RedirectTarget {
  if (requireParameter(query, 'client_id') !== config.appId) {
    throw new OAuthRefusal(400, 'invalid_client', 'client_id is not the application ID of the emulator');
  }
  const redirectUri = requireParameter(query, 'redirect_uri');
  if (!isRegistered(config, redirectUri)) {
    throw new OAuthRefusal(400, 'redirect_uri_mismatch', 'redirect_uri is not registered for the application');
  }
  readPrompt(query);
  return { redirectUri, state: query.get('state') };
}

function isRegistered({ redirectUris }: EmulatorConfig, uri: string): boolean {
  if (redirectUris) return redirectUris.includes(uri);
  if (!isRedirectUri(uri)) return false;
  const { hostname, password, protocol, username } = new URL(uri);
  const isHttp = protocol === 'http:' || protocol === 'https:';
  return isHttp && isLoopback(hostname.replaceAll(/^\[|\]$/g, '')) && username === '' && password === '';
}

function readPrompt(query: Parameters): AuthorizationRequest['prompt'] {
  const given = query.get('prompt');
  const prompt = PROMPTS.find((each) => each === given);
  if (prompt !== given) throw invalidRequest(`prompt must be one of ${PROMPTS.join(', ')}`);
  return prompt;
}

/**
 * Checks all other parameters of an authorization request (RFC 6749 §4.1.1, OpenID Connect Core 1.0 §3.1.2.1). GenAuth
 * documents `state` as required.
 *
 * @throws OAuthRefusal if a parameter is wrong. The error is sent to the application.
 */
export function readAuthorizationRequest(query: Parameters, { redirectUri }: RedirectTarget): AuthorizationRequest {
  const state = requireParameter(query, 'state');
  if (requireParameter(query, 'response_type') !== 'code') {
    throw new OAuthRefusal(400, 'unsupported_response_type', 'response_type must be code');
  }
  if ((query.get('response_mode') ?? 'query') !== 'query') throw invalidRequest('response_mode must be query');
  const prompt = readPrompt(query);
  return {
    redirectUri,
    state,
    scopes: readScopes(requireParameter(query, 'scope'), prompt),
    prompt,
    nonce: query.get('nonce'),
    challenge: readChallenge(query),
    tenantId: query.get('tenant_id') ?? query.get('tenantId') ?? '',
    loginPageContext: query.get('login_page_context') ?? '',
  };
}

/**
 * Returns the scopes that are granted. `offline_access` is ignored without `prompt=consent` (OpenID Connect Core 1.0
 * §11).
 */
function readScopes(requested: string, prompt: AuthorizationRequest['prompt']): readonly string[] {
  const scopes = grantScopes(requested);
  if (!scopes.includes('openid')) throw new OAuthRefusal(400, 'invalid_scope', 'scope must contain openid');
  return scopes.filter((scope) => scope !== 'offline_access' || prompt === 'consent');
}

function readChallenge(query: Parameters): CodeChallenge | undefined {
  const value = query.get('code_challenge');
  const given = query.get('code_challenge_method');
  if (value === undefined) {
    if (given === undefined) return undefined;
    throw invalidRequest('code_challenge_method requires code_challenge');
  }
  const method = CODE_CHALLENGE_METHODS.find((each) => each === (given ?? 'plain'));
  if (!method) throw invalidRequest(`code_challenge_method must be one of ${CODE_CHALLENGE_METHODS.join(', ')}`);
  if (!/^[\w.~-]{43,128}$/.test(value)) {
    throw invalidRequest('code_challenge must have 43 to 128 letters, digits or the characters - . _ ~');
  }
  return { method, value };
}
