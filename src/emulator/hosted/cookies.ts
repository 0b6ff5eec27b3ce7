import type { EmulatorRequest } from '../http/operation.js';

/** The cookie that binds a sign-in on the hosted page to one browser. */
export const BROWSER_COOKIE = 'genauth_emulator_browser';
/** The cookie of the SSO session. */
export const SESSION_COOKIE = 'genauth_emulator_session';

/** Returns the value of a cookie of a request (RFC 6265 §5.4), or `''` if the request does not have the cookie. */
export function readCookie({ cookie }: EmulatorRequest['headers'], name: string): string {
  const pairs = typeof cookie === 'string' ? cookie.split('; ') : [];
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
}

/**
 * Builds the header `Set-Cookie`. With `SameSite=Lax` the browser sends the cookie when the application redirects to
 * the page, but not with a form of another site.
 *
 * @param maxAge The lifetime in seconds. 0 deletes the cookie. Default: until the browser closes.
 */
export function setCookie(name: string, value: string, maxAge?: number): Readonly<Record<string, string>> {
  const lifetime = maxAge === undefined ? '' : `; Max-Age=${maxAge}`;
  return { 'set-cookie': `${name}=${value}; Path=/; HttpOnly; SameSite=Lax${lifetime}` };
}
