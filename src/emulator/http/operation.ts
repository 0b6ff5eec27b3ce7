import type { WireEnvelope } from '../../core/wire/facts.js';

/** The parts of a request that an operation can read. */
export interface EmulatorRequest {
  readonly method: string;
  readonly path: string;
  /** The text after the `?` of the URL, not decoded. Empty if there is none. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The parsed JSON body, or the text of the form at OAuth endpoints. `undefined` if there is no body. */
  readonly body: unknown;
  /** A new UUID for each request. Every envelope contains it. */
  readonly requestId: string;
}

/** The response of an operation. */
export interface EmulatorResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string is sent as HTML, any other value as JSON. Default: no body. */
  readonly body?: object | string | boolean;
}

/** The logic of one endpoint, independent of Express. It may change the state, but not the request. */
export type Operation<State> = (state: State, request: EmulatorRequest) => EmulatorResponse | Promise<EmulatorResponse>;

/** Values of `statusCode` that are also the HTTP status: GenAuth's rate limit, and paths that are not implemented. */
const HTTP_STATUSES: ReadonlySet<number> = new Set([429, 501]);

/**
 * Builds a response of GenAuth's V3 interface. The HTTP status is 200 except for 429 and 501. The field `statusCode` of
 * the body contains the result (GenAuth docs, reference/error-code).
 */
export function envelope(request: EmulatorRequest, answer: WireEnvelope<unknown>): EmulatorResponse {
  const { data, ...rest } = answer;
  const status = HTTP_STATUSES.has(answer.statusCode) ? answer.statusCode : 200;
  return { status, body: { ...rest, requestId: request.requestId, ...(data !== undefined && { data }) } };
}

/** Builds the answer for a part of GenAuth that the emulator does not implement. It must not look like a success. */
export function notImplemented(what: string): WireEnvelope<never> {
  return { statusCode: 501, message: `The emulator does not implement ${what}.` };
}
