import type { EmulatorRequest, EmulatorResponse } from '../http/operation.js';
import { isLoopback } from '../options.js';

interface Caller {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** The other end of the connection. */
  readonly address: string | undefined;
}

/**
 * Refuses requests from other machines, whatever the emulator listens on, and requests that a web page in the
 * developer's browser could send: from another origin (`Origin`), to a name that was made to point at this machine
 * (`Host`), or with a body that needs no preflight (form and text).
 */
export function checkControlCaller(
  { host, origin, address = '' }: Caller,
  hasForeignBody: boolean,
): EmulatorResponse | undefined {
  if (!isLoopback(address.replace(/^::ffff:/, ''))) return refuse(403, 'Control is for this machine alone.');
  if (!isOwnHost(host)) return refuse(403, 'Control requests must be addressed to a loopback address.');
  if (isForeignOrigin(host, origin)) return refuse(403, 'Control is closed to other origins.');
  if (hasForeignBody) return refuse(415, 'Control bodies must be application/json.');
  return undefined;
}

/** Whether a request may come from a web page of another origin, in the developer's browser. */
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

/** The answer to a control request that is refused. */
export function refuse(status: number, message: string): EmulatorResponse {
  return { status, body: { statusCode: status, message } };
}
