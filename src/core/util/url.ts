import { quote } from './quote.js';

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
    return { problem: `is of type ${type}`, fix: 'write a full address, "https://example.genauth.ai"' };
  }
  if (value.includes('@')) {
    return { problem: 'contains a user name or a password', fix: 'remove it and the @' };
  }
  if (/[?#]/.test(value)) {
    return { problem: 'has a query or a fragment', fix: 'remove everything from the ? or # on' };
  }
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:\/\//.test(value)) {
    const guess = value.replace(/^[a-z]*:?\/\//i, '').split('/', 1)[0];
    const example = guess !== '' && URL.canParse(`https://${guess}`) ? guess : 'example.genauth.ai';
    return { problem: `is ${quote(value)}`, fix: `write a full address, "https://${example}"` };
  }
  if (url.pathname.startsWith('//')) {
    return { problem: `is ${quote(value)}, whose path begins with two slashes`, fix: 'remove one slash' };
  }
  if (use === 'requested' && url.protocol === 'http:' && !isLoopback(url.hostname)) {
    return { problem: `is ${quote(value)}`, fix: 'write https://, because http:// sends passwords unencrypted' };
  }
  return { url, text: value };
}
