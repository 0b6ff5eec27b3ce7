import type { EmulatorRequest, EmulatorResponse } from '../http/operation.js';
import { isLoopback } from '../options.js';

/** The sender of a control request, as its headers and its connection show it. */
interface Caller {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** IP address of the other end of the connection. */
  readonly address: string | undefined;
}

/**
 * Checks whether a request may use the control paths. It refuses:
 * - requests from other machines, on any listening address;
 * - requests from a web page of another origin (header `Origin`);
 * - requests to a host name that is not a loopback name (header `Host`): DNS rebinding can make a foreign name resolve
 *   to this machine;
 * - bodies that a browser sends without a preflight (form and text).
 *
 * The last three could come from a web page in the developer's browser.
 *
 * @returns The response that refuses the request, or `undefined` if the request is allowed.
 */
export function checkControlCaller(
  { host, origin, address = '' }: Caller,
  hasForeignBody: boolean,
): EmulatorResponse | undefined {
  if (!isLoopback(address.replace(/^::ffff:/, ''))) {
    return refuse(403, 'Send control requests (/emulator/v1) from the machine on which the emulator runs.');
  }
  if (!isOwnHost(host)) {
    return refuse(403, 'Send control requests to a loopback address: 127.0.0.1, [::1] or localhost.');
  }
  if (isForeignOrigin(host, origin)) {
    return refuse(403, 'Web pages of other origins may not send control requests (/emulator/v1).');
  }
  if (hasForeignBody) return refuse(415, 'Send the body of a control request as application/json.');
  return undefined;
}

/** Returns whether a web page of another origin, in the developer's browser, may have sent the request. */
export function isFromForeignPage({ host, origin }: EmulatorRequest['headers']): boolean {
  return !isOwnHost(host) || isForeignOrigin(host, origin);
}

function isForeignOrigin(host: unknown, origin: unknown): boolean {
  return origin !== undefined && origin !== `http://${String(host)}`;
}

function isOwnHost(host: unknown): boolean {
  const url = `http://${String(host)}`;
  return URL.canParse(url) && isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ''));
}

/** Builds the response that refuses a control request. */
export function refuse(status: number, message: string): EmulatorResponse {
  return { status, body: { statusCode: status, message } };
}
