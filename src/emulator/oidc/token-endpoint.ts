import { readClientForm } from './client-authentication.js';
import { OAuthRefusal, oauthOperation } from './oauth-refusal.js';
import { type Parameters, requireParameter } from './parameters.js';
import type { EmulatorState } from '../state/state.js';
import { issueTokens } from '../tokens/issue-tokens.js';

/** GenAuth's response for every refresh token that it refuses, whatever the reason is. */
const INVALID_GRANT = [400, 'invalid_grant', 'grant request is invalid'] as const;

/**
 * `POST /oidc/token` with the grant `refresh_token` (RFC 6749 §6). Other grants are refused, because a sign-in through
 * the API needs only this one. GenAuth's schema requires `redirect_uri`. The emulator does not, because no SDK sends it
 * with this grant.
 *
 * If a used refresh token is sent again, it is refused, but the refresh token that replaced it stays valid. GenAuth
 * does not document that reuse revokes other tokens.
 */
export const postToken = oauthOperation(async (state, request) => {
  const form = readClientForm(state.config, request);
  const grantType = requireParameter(form, 'grant_type');
  if (grantType !== 'refresh_token') {
    throw new OAuthRefusal(400, 'unsupported_grant_type', 'the emulator supports only the grant type refresh_token');
  }
  const { grant, scopes } = redeem(state, form);
  const withRefreshToken = state.config.rotateRefreshTokens;
  return { status: 200, body: await issueTokens(state, grant, { scopes, withRefreshToken }) };
});

/**
 * Invalidates the refresh token if refresh tokens rotate. The function is synchronous, so that only one of two
 * simultaneous requests can use the same refresh token.
 */
function redeem({ config, tokens }: EmulatorState, form: Parameters) {
  const text = requireParameter(form, 'refresh_token');
  const token = tokens.find(text);
  if (token?.kind !== 'refresh_token') throw new OAuthRefusal(...INVALID_GRANT);
  const { grant } = token;
  // The scope is checked before the token is invalidated, so that a client can retry after an invalid_scope error.
  const scopes = narrowScopes(grant.scopes, form.get('scope'));
  if (config.rotateRefreshTokens) tokens.end(text);
  return { grant, scopes };
}

/**
 * Returns the requested scopes, or all granted scopes if the request has no `scope`.
 *
 * @throws OAuthRefusal `invalid_scope` if a requested scope was not granted at sign-in.
 */
function narrowScopes(granted: readonly string[], requested: string | undefined): readonly string[] {
  if (requested === undefined) return granted;
  const scopes = [...new Set(requested.split(' '))].filter((scope) => scope !== '');
  if (scopes.length > 0 && scopes.every((scope) => granted.includes(scope))) return scopes;
  throw new OAuthRefusal(400, 'invalid_scope', 'the scope must not exceed the scope that was granted at sign-in');
}
