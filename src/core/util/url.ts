import { quote, unquote } from './quote.js';

const EXAMPLE = 'https://example.genauth.ai';

/** Whether a host name of a URL is a name or an address of this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/**
 * Checks an address of the options.
 *
 * @param use - `requested`: the address is requested, so it must be https, or http on a loopback host. `compared`: the
 * address is only compared with a text.
 * @returns The address, or what is wrong with it and how to correct it.
 */
export function checkUrl(
  value: unknown,
  use: 'requested' | 'compared',
): { url: URL; text: string } | { problem: string; fix: string } {
  // The first two checks do not show the value. The value can be an address with a password, or an array that
  // contains such an address.
  if (typeof value !== 'string') {
    const type = Array.isArray(value) ? 'array' : typeof value;
    return { problem: `is of type ${type}`, fix: `write a full address, "${EXAMPLE}"` };
  }
  if (value.includes('@')) {
    return { problem: 'contains a user name or a password', fix: 'remove it and the @' };
  }
  if (unquote(value) !== value) {
    return { problem: `is ${quote(value)}`, fix: `remove the quotes, write "${suggestUrl(value) ?? EXAMPLE}"` };
  }
  if (value.trim() !== value) {
    return { problem: `is ${quote(value)}`, fix: `remove the white space, write "${suggestUrl(value) ?? EXAMPLE}"` };
  }
  if (/[?#]/.test(value)) {
    return { problem: 'has a query or a fragment', fix: 'remove everything from the ? or # on' };
  }
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:\/\//.test(value)) {
    return { problem: `is ${quote(value)}`, fix: `write a full address, "${suggestUrl(value) ?? EXAMPLE}"` };
  }
  if (url.pathname.startsWith('//')) {
    return { problem: `is ${quote(value)}, whose path begins with two slashes`, fix: 'remove one slash' };
  }
  if (use === 'requested' && url.protocol === 'http:' && !isLoopback(url.hostname)) {
    return { problem: `is ${quote(value)}`, fix: 'write https://, because http:// sends passwords unencrypted' };
  }
  return { url, text: value };
}

/** A scheme, also a misspelt one: `https:/`, `https//`, `ftp://`, `//`. */
const SCHEME = /^(?:https?(?::\/*|\/\/+)|[a-z][a-z0-9+.-]*:\/+|\/+)/i;

/**
 * Returns the address that was probably meant by a wrong address: without quotes, white space and query, and with a
 * scheme. A loopback host gets `http://`, because the emulator has no certificate. The path is kept.
 *
 * @returns `undefined` if the value has no host, or has a user name or a password.
 */
export function suggestUrl(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.includes('@')) return undefined;
  const [text = ''] = unquote(value.trim()).trim().split(/[?#]/, 1);
  const rest = text.replace(SCHEME, '');
  const isHttps = /^https/i.test(text.slice(0, text.length - rest.length));
  if (rest === '' || text.startsWith('file:') || !URL.canParse(`http://${rest}`)) return undefined;
  return `${isLoopback(new URL(`http://${rest}`).hostname) && !isHttps ? 'http' : 'https'}://${rest}`;
}
