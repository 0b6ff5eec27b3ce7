import { compactVerify, createLocalJWKSet, decodeJwt } from 'jose';
import { readCookie, SESSION_COOKIE, setCookie } from '../hosted/cookies.js';
import { oauthOperation } from './oauth-refusal.js';
import { invalidRequest, readParameters } from './parameters.js';
import type { EmulatorState } from '../state/state.js';

const SIGNED_OUT_PAGE =
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Signed out</title><p>You are signed out.</p></html>';

/**
 * Answers `GET /oidc/session/end` (OpenID Connect RP-Initiated Logout 1.0). Ends the SSO session of the browser. Tokens
 * stay valid until they expire or are revoked.
 */
export const endSession = oauthOperation(async (state, request) => {
  const query = readParameters(request.query);
  const hint = query.get('id_token_hint');
  if (hint !== undefined && !(await isOwnIdToken(state, hint))) throw invalidRequest('id_token_hint is not valid');

  const target = query.get('post_logout_redirect_uri');
  if (target !== undefined) {
    if (hint === undefined) throw invalidRequest('post_logout_redirect_uri requires id_token_hint');
    if (!state.config.postLogoutRedirectUris.includes(target)) {
      throw invalidRequest('post_logout_redirect_uri is not registered');
    }
  }
  state.sessions.delete(readCookie(request.headers, SESSION_COOKIE));
  const headers = setCookie(SESSION_COOKIE, '', 0);
  if (target === undefined) return { status: 200, headers, body: SIGNED_OUT_PAGE };
  return { status: 302, headers: { ...headers, location: buildLocation(target, query.get('state')) } };
});

/**
 * Returns whether the emulator signed the id_token for its application ID. An expired id_token is accepted (OpenID
 * Connect RP-Initiated Logout 1.0 §2).
 */
async function isOwnIdToken({ config, issuer, keys }: EmulatorState, token: string): Promise<boolean> {
  try {
    await (config.idTokenSignedResponseAlg === 'RS256'
      ? compactVerify(token, createLocalJWKSet({ keys: [...keys.jwks.keys] }), { algorithms: ['RS256'] })
      : compactVerify(token, Buffer.from(config.appSecret), { algorithms: ['HS256'] }));
    const { aud, iss, jti } = decodeJwt(token);
    // An access token has the same signing key, audience and issuer as an id_token. But only an access token has a
    // `jti`.
    return aud === config.appId && iss === issuer && jti === undefined;
  } catch {
    return false;
  }
}

/** Appends the `state` of the request, if there is one, to the query of the registered URI. */
function buildLocation(target: string, state: string | undefined): string {
  if (state === undefined) return target;
  return `${target}${target.includes('?') ? '&' : '?'}state=${encodeURIComponent(state)}`;
}
