import { isIP, isIPv4 } from 'node:net';

const V4_WITH_PORT = /^(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}$/;
const BRACKETED_V6 = /^\[([^\]]*)\](?::\d{1,5})?$/;
const MAPPED_V4 = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/**
 * Parses an IP address. The value may be any text from the caller: if the framework's proxy setting is too permissive,
 * the framework reads the address from a request header that any caller can set.
 *
 * @returns The address without port, brackets and zone. An IPv4 address in IPv6 form (`::ffff:203.0.113.7`) is returned
 * as IPv4. An IPv6 address is returned in its canonical form (RFC 5952). `undefined` if the value is not an IP address.
 */
export function parseIpAddress(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > 64) return undefined;
  const host = V4_WITH_PORT.exec(value)?.[1] ?? BRACKETED_V6.exec(value)?.[1] ?? value;
  const address = host.split('%', 1)[0] ?? '';
  if (isIPv4(address)) return address;
  if (isIP(address) === 0) return undefined;
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = MAPPED_V4.exec(canonical);
  if (mapped === null) return canonical;
  const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
