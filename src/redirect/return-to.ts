/** Maximum length of a path to return to, in characters. It is stored in a cookie. */
const MAX_LENGTH = 512;
/** An origin that no path can name. */
const ORIGIN = 'https://path-of-this-application.invalid';

/**
 * Returns whether a value is a path of the same origin, with a query and a fragment at most. A browser treats `//host`
 * and `/\\host` as another origin, and removes tabs and line breaks from a URL.
 */
export function isLocalPath(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > MAX_LENGTH || !/^\/(?![/\\])[\x21-\x7E]*$/.test(value)) return false;
  if (!URL.canParse(value, ORIGIN)) return false;
  const { origin, pathname } = new URL(value, ORIGIN);
  // `/.//host` becomes `//host` when it is normalized.
  return origin === ORIGIN && !pathname.startsWith('//');
}
