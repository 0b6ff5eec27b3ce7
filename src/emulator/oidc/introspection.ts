import { readClientForm } from './client-authentication.js';
import { oauthOperation } from './oauth-refusal.js';
import { requireParameter } from './parameters.js';

/**
 * Answers `POST /oidc/token/introspection` (RFC 7662, TokenIntrospectResponse) for access tokens and refresh tokens.
 * Every other token is inactive, including id_tokens, because GenAuth does not introspect id_tokens. `token_type_hint`
 * is ignored.
 */
export const introspect = oauthOperation((state, request) => {
  const { config, issuer, tokens } = state;
  const token = tokens.find(requireParameter(readClientForm(config, request), 'token'));
  if (!token) return { status: 200, body: { active: false } };
  const { grant, exp, iat, jti, scopes } = token;
  return {
    status: 200,
    body: {
      active: true,
      sub: grant.account.sub,
      client_id: config.appId,
      exp,
      iat,
      iss: issuer,
      jti,
      scope: scopes.join(config.introspectionScopeSeparator),
      token_type: 'Bearer',
    },
  };
});
