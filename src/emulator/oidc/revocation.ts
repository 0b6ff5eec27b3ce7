import { readClientForm } from './client-authentication.js';
import { oauthOperation } from './oauth-refusal.js';
import { type EmulatorResponse, envelope } from '../http/operation.js';
import type { EmulatorConfig } from '../options.js';
import { requireParameter } from './parameters.js';

/**
 * Answers `POST /oidc/token/revocation` (RFC 7009). If a refresh token is revoked, all access tokens of the same
 * sign-in are revoked too. If an access token is revoked, only this access token is revoked. For an unknown, expired or
 * revoked token the response is a success (RFC 7009 §2.2).
 */
export const revoke = oauthOperation((state, request) => {
  const { config, tokens } = state;
  const text = requireParameter(readClientForm(config, request), 'token');
  const token = tokens.find(text);
  if (token?.kind === 'refresh_token') token.grant.revoked = true;
  tokens.end(text, 'revoked');

  // `wrapped` is the response in GenAuth's schema. `true` and `empty` are the responses in GenAuth's documents.
  const answers: Record<EmulatorConfig['revocationAnswer'], EmulatorResponse> = {
    wrapped: envelope(request, { statusCode: 200, message: '', data: { success: true } }),
    true: { status: 200, body: true },
    empty: { status: 200 },
  };
  return answers[config.revocationAnswer];
});
