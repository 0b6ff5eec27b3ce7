import { readClientForm } from './client-authentication.js';
import { oauthOperation } from './oauth-refusal.js';
import { type EmulatorResponse, envelope } from '../http/operation.js';
import type { EmulatorConfig } from '../options.js';
import { requireParameter } from './parameters.js';

/**
 * `POST /oidc/token/revocation` (RFC 7009). The revocation of a refresh token also revokes all access tokens of the
 * same sign-in. The revocation of an access token revokes only that token. An unknown, expired or revoked token is
 * answered as a success (RFC 7009 §2.2).
 */
export const revoke = oauthOperation((state, request) => {
  const { config, tokens } = state;
  const text = requireParameter(readClientForm(config, request), 'token');
  const token = tokens.find(text);
  if (token?.kind === 'refresh_token') token.grant.revoked = true;
  tokens.end(text);

  // `wrapped` follows GenAuth's schema. GenAuth's documents show `true` and `empty`.
  const answers: Record<EmulatorConfig['revocationAnswer'], EmulatorResponse> = {
    wrapped: envelope(request, { statusCode: 200, message: '', data: { success: true } }),
    true: { status: 200, body: true },
    empty: { status: 200 },
  };
  return answers[config.revocationAnswer];
});
