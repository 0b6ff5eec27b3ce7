import { readClientForm } from './client-authentication.js';
import { oauthOperation } from './oauth-refusal.js';
import { type EmulatorResponse, envelope } from '../http/operation.js';
import type { EmulatorConfig } from '../options.js';
import { requireParameter } from './parameters.js';

/**
 * `POST /oidc/token/revocation` (RFC 7009). A refresh token takes the access tokens with it that came of the same
 * sign-in; an access token goes alone. A token that is unknown, or over already, is a success like any other (§2.2).
 */
export const revoke = oauthOperation((state, request) => {
  const { config, tokens } = state;
  const text = requireParameter(readClientForm(config, request), 'token');
  const token = tokens.find(text);
  if (token?.kind === 'refresh_token') token.grant.revoked = true;
  tokens.end(text);

  // GenAuth's schema has the first; its documents show the others.
  const answers: Record<EmulatorConfig['revocationAnswer'], EmulatorResponse> = {
    wrapped: envelope(request, { statusCode: 200, message: '', data: { success: true } }),
    true: { status: 200, body: true },
    empty: { status: 200 },
  };
  return answers[config.revocationAnswer];
});
