import { AuthorizationError } from '../core/errors.js';
import type { GenAuthRequest } from '../core/options/types.js';
import { quote } from '../core/util/quote.js';

/** Methods that change nothing (RFC 9110 §9.2.1). A link on another site may open a page with them. */
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Checks that a request was not sent by a page of another site.
 *
 * @throws AuthorizationError `cross_site_request` if the browser says that a page of another site sent the request.
 */
export function checkSameSite({
  method,
  headers,
}: Pick<GenAuthRequest, 'headers'> & { method?: string | undefined }): void {
  if (method !== undefined && SAFE_METHODS.includes(method)) return;
  const { 'sec-fetch-site': site, origin, host } = headers;
  // A browser sends `Sec-Fetch-Site` with each request to https and to loopback hosts. Programs send neither header.
  const isOwn = site === undefined ? origin === undefined || isOwnOrigin(origin, host) : isOwnSite(site);
  if (isOwn) return;
  const reason = site === undefined ? `Origin is ${quote(origin)}` : `Sec-Fetch-Site is ${quote(site)}`;
  throw new AuthorizationError('cross_site_request', `A page of another site has sent the request: ${reason}.`);
}

/** `none`: the end user opened the address, for example by a bookmark. */
function isOwnSite(site: unknown): boolean {
  return site === 'same-origin' || site === 'none';
}

function isOwnOrigin(origin: unknown, host: unknown): boolean {
  return typeof origin === 'string' && URL.canParse(origin) && new URL(origin).host === host;
}
