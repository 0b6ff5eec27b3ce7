import type { WireEnvelope } from '../../core/wire/facts.js';

/** What an operation sees of a request. */
export interface EmulatorRequest {
  readonly method: string;
  readonly path: string;
  /** What stands after the `?`, as it was sent; empty if there was none. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The parsed JSON body, at the OAuth endpoints the text of the form; `undefined` if there was none. */
  readonly body: unknown;
  /** Made for this request; every envelope carries it. */
  readonly requestId: string;
}

export interface EmulatorResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string is sent as HTML, all else as JSON. Default: empty. */
  readonly body?: object | string | boolean;
}

/** One endpoint, without HTTP. It may change the state, and never the request. */
export type Operation<State> = (state: State, request: EmulatorRequest) => EmulatorResponse | Promise<EmulatorResponse>;

/** The `statusCode`s that are the HTTP status, too: GenAuth's rate limit, and what the emulator does not implement. */
const HTTP_STATUSES: ReadonlySet<number> = new Set([429, 501]);

/**
 * An answer of the V3 interface. Its HTTP status is nearly always 200, and `statusCode` tells what happened (GenAuth
 * docs, reference/error-code).
 */
export function envelope(request: EmulatorRequest, answer: WireEnvelope<unknown>): EmulatorResponse {
  const { data, ...rest } = answer;
  const status = HTTP_STATUSES.has(answer.statusCode) ? answer.statusCode : 200;
  return { status, body: { ...rest, requestId: request.requestId, ...(data !== undefined && { data }) } };
}

/** The answer for what the emulator does not implement. It never fakes a success that callers could rely on. */
export function notImplemented(what: string): WireEnvelope<never> {
  return { statusCode: 501, message: `The emulator does not implement ${what}.` };
}
