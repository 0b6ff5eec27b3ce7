import type { ServerResponse } from 'node:http';
import onHeaders from 'on-headers';
import type { ResolvedOptions } from '../../core/options/types.js';
import { CLOCK_TOLERANCE } from '../../core/tokens/token-verifier.js';
import type { BearerInfo } from '../../web/authenticate-bearer.js';
import { findResponse } from '../../web/response.js';

/** The longest delay of a timer in Node.js, in milliseconds. Node.js fires a timer with a longer delay at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** A connection that can stay open longer than the access token with which it was authenticated. */
export interface LongConnection {
  /** The socket or the response of the connection. It emits `closeEvent` when the connection is closed. */
  emitter: { once?: (event: string, listener: () => void) => unknown };
  /** The event that only the server emits, when the connection is closed. */
  closeEvent: 'close' | 'disconnect';
  /** Whether the connection is already closed, so that it emits no `closeEvent` any more. */
  isClosed: boolean;
  /** Ends the connection. */
  end: () => void;
}

/** The time at which each connection is ended, in seconds since 1970, and its timer. */
const expiries = new WeakMap<object, { exp: number; timer?: NodeJS.Timeout }>();

/**
 * Returns the time at which a connection ends, in seconds since 1970: the claim `exp` of the access token. For a token
 * that has already expired, and is accepted because of the option `clockTolerance`, it is the end of the tolerance.
 * Returns `undefined` if the request is anonymous, or if the application has replaced the auth info.
 */
export function getExpiry(
  authInfo: unknown,
  { clockTolerance = CLOCK_TOLERANCE }: Pick<ResolvedOptions, 'clockTolerance'>,
): number | undefined {
  const exp = (authInfo as Partial<BearerInfo> | undefined)?.claims?.exp;
  return exp === undefined || exp * 1000 > Date.now() ? exp : exp + clockTolerance;
}

/**
 * Ends a connection when its access token expires. If the function is called again for the same connection, the newest
 * expiration time counts. The timer does not keep the process alive.
 *
 * @param exp - The claim `exp` of the access token, in seconds since 1970.
 */
export function endAtExpiry({ emitter, closeEvent, isClosed, end }: LongConnection, exp: number): void {
  if (isClosed) return;
  const known = expiries.get(emitter);
  if (known?.exp === exp) return;
  const expiry: { exp: number; timer?: NodeJS.Timeout } = known ?? { exp };
  expiry.exp = exp;
  if (known === undefined) {
    expiries.set(emitter, expiry);
    // Without this listener the timer would keep the memory of a closed connection until the token expires.
    emitter.once?.(closeEvent, () => clearTimeout(expiry.timer));
  }
  const wait = (): void => {
    const left = exp * 1000 - Date.now();
    clearTimeout(expiry.timer);
    // A timer can fire 1 ms too early, and the delay has a maximum.
    const next = (): void => (exp * 1000 > Date.now() ? wait() : endSafely(end));
    expiry.timer = setTimeout(next, Math.min(Math.max(left, 0), MAX_DELAY_MS)).unref();
  };
  wait();
}

/** Calls a function of a timer. An error, for example of a middleware that has replaced `end`, is only warned of. */
function endSafely(end: () => void): void {
  try {
    end();
  } catch (error) {
    process.emitWarning(error as Error);
  }
}

/** The newest expiration time of each response whose headers are not sent yet, in seconds since 1970. */
const streams = new WeakMap<object, number>();

/**
 * Ends the response to an HTTP request when the access token expires, if the response is a stream of Server-Sent
 * Events. Every other response is sent completely.
 */
export function endEventsAtExpiry(request: object, exp: number): void {
  const response = findResponse(request);
  if (response === undefined || response.headersSent) return;
  // A GraphQL request can call a guard many thousand times. Each listener of on-headers makes the call stack deeper.
  const isNew = !streams.has(response);
  streams.set(response, exp);
  if (!isNew) return;
  onHeaders(response, function endEvents() {
    if (!String(response.getHeader('content-type')).startsWith('text/event-stream')) return;
    const connection = { emitter: response, closeEvent: 'close', isClosed: response.destroyed } as const;
    endAtExpiry({ ...connection, end: () => endResponse(response) }, streams.get(response) ?? exp);
  });
}

/**
 * Ends a response to which the handler may still write. The handler writes until the connection is closed, so the
 * connection is closed too. A write before that would emit an error, which ends the process if it has no listener.
 */
function endResponse(response: ServerResponse): void {
  const { socket, req } = response;
  response.on('error', () => {});
  // With HTTP/2 the other streams of the connection go on.
  if (req.httpVersionMajor === 1) response.once('finish', () => socket?.destroySoon());
  // No callback is passed, because some middlewares that replace `end` take the first argument for data.
  response.end();
}
