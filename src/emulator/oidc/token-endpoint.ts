import { readClientForm } from './client-authentication.js';
import { redeemCode } from '../hosted/redeem-code.js';
import { invalidGrant, OAuthRefusal, oauthOperation } from './oauth-refusal.js';
import { type Parameters, requireParameter } from './parameters.js';
import type { EmulatorState } from '../state/state.js';
import { issueTokens } from '../tokens/issue-tokens.js';

/**
 * Answers `POST /oidc/token` with the grant types `authorization_code` (RFC 6749 §4.1.3) and `refresh_token` (RFC 6749
 * §6). GenAuth's schema requires `redirect_uri` for both. With `refresh_token` the emulator does not require it,
 * because no SDK sends it.
 *
 * If a used refresh token is sent again, the request is refused, but the refresh token that replaced the used one stays
 * valid. GenAuth does not document that reuse revokes other tokens.
 */
export const postToken = oauthOperation(async (state, request) => {
  const form = readClientForm(state.config, request);
  const grantType = requireParameter(form, 'grant_type');
  if (grantType === 'authorization_code') {
    const { grant, request: authorization } = redeemCode(state, form);
    const { nonce, scopes } = authorization;
    const withRefreshToken = scopes.includes('offline_access');
    return { status: 200, body: await issueTokens(state, grant, { nonce, scopes, withRefreshToken }) };
  }
  if (grantType !== 'refresh_token') {
    const supported = 'the emulator supports only the grant types authorization_code and refresh_token';
    throw new OAuthRefusal(400, 'unsupported_grant_type', supported);
  }
  const { grant, scopes } = redeem(state, form);
  const withRefreshToken = state.config.rotateRefreshTokens;
  return { status: 200, body: await issueTokens(state, grant, { scopes, withRefreshToken }) };
});

/**
 * Checks a refresh token, and invalidates it if refresh tokens rotate. The function is synchronous, so only one of two
 * simultaneous requests can use the same refresh token.
 */
function redeem({ config, tokens }: EmulatorState, form: Parameters) {
  const text = requireParameter(form, 'refresh_token');
  const token = tokens.find(text);
  if (token?.kind !== 'refresh_token') throw invalidGrant();
  const { grant } = token;
  // The scope is checked before the refresh token is invalidated, so a client can retry after an `invalid_scope` error.
  const scopes = narrowScopes(grant.scopes, form.get('scope'));
  if (config.rotateRefreshTokens) tokens.end(text, 'used');
  return { grant, scopes };
}

/**
 * Returns the requested scopes, or all granted scopes if the request has no `scope`.
 *
 * @throws OAuthRefusal with the code `invalid_scope` if a requested scope was not granted at sign-in.
 */
function narrowScopes(granted: readonly string[], requested: string | undefined): readonly string[] {
  if (requested === undefined) return granted;
  const scopes = [...new Set(requested.split(' '))].filter((scope) => scope !== '');
  if (scopes.length > 0 && scopes.every((scope) => granted.includes(scope))) return scopes;
  throw new OAuthRefusal(400, 'invalid_scope', 'the scope must not exceed the scope that was granted at sign-in');
}
