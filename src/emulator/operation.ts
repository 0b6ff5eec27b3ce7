import type { WireEnvelope } from '../core/wire.js';
import type { EmulatorState } from './state.js';

/** What an operation sees of a request. */
export interface EmulatorRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The parsed JSON body; `undefined` if there was none. */
  readonly body: unknown;
  /** Made for this request; every envelope carries it. */
  readonly requestId: string;
}

export interface EmulatorResponse {
  readonly status: number;
  /** Sent as JSON. */
  readonly body: object;
}

/** One endpoint, free of HTTP: it may change the state and never the request. */
export type Operation = (
  state: EmulatorState,
  request: EmulatorRequest,
) => EmulatorResponse | Promise<EmulatorResponse>;

/**
 * An answer of the V3 interface. Its HTTP status is 200 whatever happened: `statusCode` tells
 * (GenAuth docs, reference/error-code). Only what is not built (501) is told by both, so that nobody can miss it.
 */
export function envelope(request: EmulatorRequest, answer: WireEnvelope<unknown>): EmulatorResponse {
  const { data, ...rest } = answer;
  const status = answer.statusCode === 501 ? 501 : 200;
  return { status, body: { ...rest, requestId: request.requestId, ...(data !== undefined && { data }) } };
}

/** What the emulator has not: never a polite fake, on which somebody might build. */
export function notImplemented(what: string): WireEnvelope<never> {
  return { statusCode: 501, message: `The emulator does not implement ${what}.` };
}
