import { buildScopeClaims } from '../users/claims.js';
import { OAuthRefusal, oauthOperation } from './oauth-refusal.js';
import type { EmulatorRequest } from '../http/operation.js';
import { invalidRequest, readForm, readParameters } from './parameters.js';

/**
 * `GET` and `POST /oidc/me` (OpenID Connect Core 1.0 §5.3): the user as he is now, in the claims of the access token's
 * scopes, set or not as in an id_token.
 */
export const getUserInfo = oauthOperation(({ tokens }, request) => {
  const token = tokens.find(readToken(request) ?? '');
  if (token?.kind !== 'access_token') {
    throw refuse(401, 'invalid_token', 'the access token is missing, unknown or over');
  }
  const { grant, scopes } = token;
  // A refresh can have asked for a scope without it.
  if (!scopes.includes('openid')) {
    throw refuse(403, 'insufficient_scope', 'the access token lacks the scope openid', ', scope="openid"');
  }
  const { claims, sub } = grant.account;
  return { status: 200, body: { sub, ...buildScopeClaims({ ...claims, tenant_id: grant.tenantId }, scopes) } };
});

/**
 * The token by header, query or form (RFC 6750 §2). In the header, GenAuth's Node SDK leaves `Bearer` out.
 *
 * @throws OAuthRefusal `invalid_request`: in more than one of the places
 */
function readToken(request: EmulatorRequest): string | undefined {
  const header = request.headers['authorization'];
  const form = typeof request.body === 'string' ? readForm(request) : undefined;
  const found = [
    typeof header === 'string' ? header.replace(/^bearer +/i, '') : undefined,
    readParameters(request.query).get('access_token'),
    form?.get('access_token'),
  ].filter((token) => token !== undefined);
  if (found.length > 1) throw invalidRequest('the access token must be in one place alone');
  return found[0];
}

/** The error stands in the header too (RFC 6750 §3). */
function refuse(status: number, error: string, description: string, attributes = ''): OAuthRefusal {
  return new OAuthRefusal(status, error, description, { 'www-authenticate': `Bearer error="${error}"${attributes}` });
}
