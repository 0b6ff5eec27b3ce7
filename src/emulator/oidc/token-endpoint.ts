import { readClientForm } from './client-authentication.js';
import { OAuthRefusal, oauthOperation } from './oauth-refusal.js';
import { type Parameters, requireParameter } from './parameters.js';
import type { EmulatorState } from '../state/state.js';
import { issueTokens } from '../tokens/issue-tokens.js';

/** GenAuth's words for a refresh token that does not do, whatever the reason. */
const INVALID_GRANT = [400, 'invalid_grant', 'grant request is invalid'] as const;

/**
 * `POST /oidc/token` with the grant `refresh_token` (RFC 6749 §6), the one that a login by the API needs. The
 * `redirect_uri` that GenAuth's schema asks for is not: no SDK sends it with this grant.
 *
 * A used refresh token that comes again is refused and no more: its successor stays, as GenAuth documents nothing else.
 */
export const postToken = oauthOperation(async (state, request) => {
  const form = readClientForm(state.config, request);
  const grantType = requireParameter(form, 'grant_type');
  if (grantType !== 'refresh_token') {
    throw new OAuthRefusal(400, 'unsupported_grant_type', 'the emulator knows the grant refresh_token alone');
  }
  const { grant, scopes } = redeem(state, form);
  const withRefreshToken = state.config.rotateRefreshTokens;
  return { status: 200, body: await issueTokens(state, grant, { scopes, withRefreshToken }) };
});

/** Uses up the refresh token. All at once: of two requests that come with the same token, one alone may have it. */
function redeem({ config, tokens }: EmulatorState, form: Parameters) {
  const text = requireParameter(form, 'refresh_token');
  const token = tokens.find(text);
  if (token?.kind !== 'refresh_token') throw new OAuthRefusal(...INVALID_GRANT);
  const { grant } = token;
  // Before the token is used up: a client that asked for too much may ask again.
  const scopes = narrowScopes(grant.scopes, form.get('scope'));
  if (config.rotateRefreshTokens) tokens.end(text);
  return { grant, scopes };
}

/** What was asked for, if all of it was granted at sign-in; without a wish, all that was granted. */
function narrowScopes(granted: readonly string[], requested: string | undefined): readonly string[] {
  if (requested === undefined) return granted;
  const scopes = [...new Set(requested.split(' '))].filter((scope) => scope !== '');
  if (scopes.length > 0 && scopes.every((scope) => granted.includes(scope))) return scopes;
  throw new OAuthRefusal(400, 'invalid_scope', 'the scope must be a part of what was granted at sign-in');
}
