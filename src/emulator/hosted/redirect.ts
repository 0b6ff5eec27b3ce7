import type { EmulatorRequest, EmulatorResponse } from '../http/operation.js';
import type { OAuthRefusal } from '../oidc/oauth-refusal.js';

/** The address to which the result of an authorization request is sent. */
export interface RedirectTarget {
  readonly redirectUri: string;
  /** The `state` of the authorization request. `undefined` if the request has none. */
  readonly state: string | undefined;
}

/**
 * Builds the redirect to the application with these parameters and the `state` (RFC 6749 §4.1.2). The response to a
 * form has the HTTP status 303, so that the browser does not send the form to the application.
 */
export function redirectToApp(
  { redirectUri, state }: RedirectTarget,
  parameters: Readonly<Record<string, string>>,
  { method }: EmulatorRequest,
  headers: Readonly<Record<string, string>> = {},
): EmulatorResponse {
  const query = new URLSearchParams({ ...parameters, ...(state !== undefined && { state }) });
  const location = `${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${query.toString()}`;
  return {
    status: method === 'POST' ? 303 : 302,
    headers: { ...headers, location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
  };
}

/** Builds the redirect that reports an error to the application (RFC 6749 §4.1.2.1). */
export function redirectError(
  target: RedirectTarget,
  { error, description }: Pick<OAuthRefusal, 'error' | 'description'>,
  request: EmulatorRequest,
): EmulatorResponse {
  return redirectToApp(target, { error, error_description: description }, request);
}
