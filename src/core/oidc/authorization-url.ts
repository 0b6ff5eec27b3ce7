import type { ResolvedOptions } from '../options/types.js';

/** The values of one authorization request. */
export interface AuthorizationParameters {
  redirectUri: string;
  state: string;
  nonce: string;
  /** The `code_challenge` of the method `S256` (RFC 7636 §4.2). */
  codeChallenge: string;
  /** The ID of the tenant on whose page the user signs in. Default: GenAuth's page asks for the tenant. */
  tenantId?: string | undefined;
}

/**
 * Builds the URL of an authorization request (OpenID Connect Core 1.0 §3.1.2.1): the browser is sent to it, so that
 * the user signs in on GenAuth's hosted page.
 *
 * @param endpoint - Default: the client's option `authorizationEndpoint`.
 */
export function buildAuthorizationUrl(
  { appId, scope, authorizationEndpoint }: Pick<ResolvedOptions, 'appId' | 'scope' | 'authorizationEndpoint'>,
  { redirectUri, state, nonce, codeChallenge, tenantId }: AuthorizationParameters,
  endpoint: string = authorizationEndpoint,
): string {
  const url = new URL(endpoint);
  url.search = new URLSearchParams({
    client_id: appId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: scope.join(' '),
    state,
    nonce,
    code_challenge: codeChallenge,
    code_challenge_method: 'S256',
    // The browser may have a session of another user at GenAuth, who would be signed in without a password.
    prompt: 'login',
    ...(tenantId !== undefined && { tenant_id: tenantId }),
  }).toString();
  return url.href;
}
