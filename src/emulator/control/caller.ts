import type { EmulatorRequest, EmulatorResponse } from '../http/operation.js';
import { isLoopback } from '../options.js';

/** The sender of a control request (`/emulator/v1`), as the headers and the connection of the request describe it. */
interface Caller {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** The IP address of the sender. */
  readonly address: string | undefined;
  /** The scheme of the emulator's addresses. */
  readonly scheme: 'http:' | 'https:';
}

/**
 * Checks whether a request may use the page (`/emulator`) and the control paths (`/emulator/v1`). The function refuses:
 * - requests from other machines, even if the emulator listens on all addresses;
 * - requests from a web page of another origin (request header `Origin`);
 * - requests to a host name that is not a loopback name (request header `Host`), because DNS rebinding can make the
 *   name of a web page resolve to this machine;
 * - requests with a body that a browser sends without a preflight request (form and text).
 *
 * The requests of the last three kinds could come from a web page in the developer's browser.
 *
 * @returns The response that refuses the request, or `undefined` if the request is allowed.
 */
export function checkControlCaller(
  { host, origin, address = '', scheme }: Caller,
  hasForeignBody: boolean,
): EmulatorResponse | undefined {
  if (!isLoopback(address.replace(/^::ffff:/, ''))) {
    return refuse(403, 'Open the page and send control requests on the machine on which the emulator runs.');
  }
  if (!isOwnHost(host)) {
    return refuse(403, 'Open the page and send control requests at a loopback address: 127.0.0.1, [::1] or localhost.');
  }
  if (isForeignOrigin(scheme, host, origin)) {
    return refuse(403, 'Web pages of other origins may not send control requests (/emulator/v1).');
  }
  if (hasForeignBody) return refuse(415, 'Send the body of a control request as application/json.');
  return undefined;
}

/**
 * Returns whether a web page of another origin may have sent the request from the developer's browser.
 *
 * @param scheme - The scheme of the emulator's addresses.
 */
export function isFromForeignPage(scheme: Caller['scheme'], { host, origin }: EmulatorRequest['headers']): boolean {
  return !isOwnHost(host) || isForeignOrigin(scheme, host, origin);
}

function isForeignOrigin(scheme: Caller['scheme'], host: unknown, origin: unknown): boolean {
  return origin !== undefined && origin !== `${scheme}//${String(host)}`;
}

function isOwnHost(host: unknown): boolean {
  const url = `http://${String(host)}`;
  return URL.canParse(url) && isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ''));
}

/** Builds the response to a refused control request. */
export function refuse(status: number, message: string): EmulatorResponse {
  return { status, body: { statusCode: status, message } };
}
