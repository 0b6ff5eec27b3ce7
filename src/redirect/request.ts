import { RequestError } from '../core/errors.js';
import type { GenAuthRequest } from '../core/options/types.js';

/** The members of a request of Express or Fastify that a sign-in on GenAuth's hosted page uses. */
export interface RedirectRequest extends GenAuthRequest {
  /** The path and the query of the request, before a router has removed its prefix. */
  readonly originalUrl?: string;
  readonly url?: string;
  readonly method?: string;
  /** The session of the application, for example of the package express-session. */
  readonly session?: Record<string, unknown> | null;
}

/**
 * Returns the URL of a request, with an origin that has no meaning.
 *
 * @throws RequestError if the URL is malformed.
 */
export function toUrl({ originalUrl, url = '/' }: RedirectRequest): URL {
  const text = `http://localhost${originalUrl ?? url}`;
  if (URL.canParse(text)) return new URL(text);
  throw new RequestError('The URL of the request is malformed: send a path and a query.');
}

/** Returns a query parameter. `undefined` if it is absent, empty, or present several times. */
export function getParameter({ searchParams }: URL, name: string): string | undefined {
  const values = searchParams.getAll(name);
  return values.length === 1 && values[0] !== '' ? values[0] : undefined;
}

/** Returns the cookies of a request. The first of several cookies with the same name counts (RFC 6265 §5.4). */
export function readCookies({ headers }: GenAuthRequest): Map<string, string> {
  const cookies = new Map<string, string>();
  for (const part of [headers['cookie'] ?? ''].flat().join(';').split(';')) {
    const [name = '', value] = part.trim().split(/=(.*)/s, 2);
    if (value !== undefined && !cookies.has(name)) cookies.set(name, value);
  }
  return cookies;
}
