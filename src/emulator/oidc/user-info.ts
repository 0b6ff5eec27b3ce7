import { buildScopeClaims } from '../users/claims.js';
import { OAuthRefusal, oauthOperation } from './oauth-refusal.js';
import type { EmulatorRequest } from '../http/operation.js';
import { invalidRequest, readForm, readParameters } from './parameters.js';

/**
 * Answers `GET` and `POST /oidc/me` (OpenID Connect Core 1.0 §5.3). Returns the current claims of the user for the
 * scopes of the access token. A claim without a value has the same form as in an id_token.
 */
export const getUserInfo = oauthOperation(({ tokens }, request) => {
  const token = tokens.find(readToken(request) ?? '');
  if (token?.kind !== 'access_token') {
    throw refuse(401, 'invalid_token', 'the access token is missing, unknown, expired or revoked');
  }
  const { grant, scopes } = token;
  // The scopes can lack `openid` if the access token comes from a refresh that requested fewer scopes.
  if (!scopes.includes('openid')) {
    throw refuse(403, 'insufficient_scope', 'the access token lacks the scope openid', ', scope="openid"');
  }
  const { claims, sub } = grant.account;
  return { status: 200, body: { sub, ...buildScopeClaims({ ...claims, tenant_id: grant.tenantId }, scopes) } };
});

/**
 * Reads the access token from the header `Authorization`, the query string or the form (RFC 6750 §2). The prefix
 * `Bearer` is optional, because GenAuth's Node SDK sends the header without it.
 *
 * @throws OAuthRefusal with the code `invalid_request` if the request contains the access token in more than one place.
 */
function readToken(request: EmulatorRequest): string | undefined {
  const header = request.headers['authorization'];
  const form = typeof request.body === 'string' ? readForm(request) : undefined;
  const found = [
    typeof header === 'string' ? header.replace(/^bearer +/i, '') : undefined,
    readParameters(request.query).get('access_token'),
    form?.get('access_token'),
  ].filter((token) => token !== undefined);
  if (found.length > 1) throw invalidRequest('send the access token in one place only: header, query or form');
  return found[0];
}

/** Builds an error response. The header `WWW-Authenticate` contains the same error code as the body (RFC 6750 §3). */
function refuse(status: number, error: string, description: string, attributes = ''): OAuthRefusal {
  return new OAuthRefusal(status, error, description, { 'www-authenticate': `Bearer error="${error}"${attributes}` });
}
