import { createHash } from 'node:crypto';
import { invalidGrant } from '../oidc/oauth-refusal.js';
import { type Parameters, requireParameter } from '../oidc/parameters.js';
import type { AuthorizationCode, CodeChallenge } from '../state/interaction.js';
import type { EmulatorState } from '../state/state.js';

/**
 * Checks an authorization code, and marks it as used (RFC 6749 §4.1.3, RFC 7636 §4.6). The function is synchronous, so
 * only one of two simultaneous requests can use the code. A second use also revokes the tokens that were issued for the
 * code (RFC 6749 §4.1.2).
 *
 * @throws OAuthRefusal with the code `invalid_request` if `code` or `redirect_uri` is absent.
 * @throws OAuthRefusal with the code `invalid_grant` for every other reason.
 */
export function redeemCode({ authorizationCodes }: EmulatorState, form: Parameters): AuthorizationCode {
  const code = authorizationCodes.get(requireParameter(form, 'code'));
  const redirectUri = requireParameter(form, 'redirect_uri');
  if (!code) throw invalidGrant();
  const { grant, request } = code;
  if (code.isUsed) {
    grant.revoked = true;
    throw invalidGrant();
  }
  const isAllowed = !grant.account.removed && grant.account.states?.disabled !== true;
  const isRight = redirectUri === request.redirectUri && isVerifier(form.get('code_verifier'), request.challenge);
  if (!isAllowed || !isRight) throw invalidGrant();
  code.isUsed = true;
  return code;
}

/** Returns whether the verifier belongs to the challenge. Without a challenge there must be no verifier. */
function isVerifier(verifier: string | undefined, challenge: CodeChallenge | undefined): boolean {
  if (verifier === undefined || challenge === undefined) return verifier === challenge;
  const isS256 = challenge.method === 'S256';
  return (isS256 ? createHash('sha256').update(verifier).digest('base64url') : verifier) === challenge.value;
}
