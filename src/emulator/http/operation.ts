import type { WireEnvelope } from '../../core/wire/facts.js';

/** The parts of a request that an operation can read. */
export interface EmulatorRequest {
  readonly method: string;
  readonly path: string;
  /** The text after the `?` of the URL, not decoded. It is empty if the URL has no query. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /**
   * The parsed JSON body. At OAuth endpoints it is the text of the form. It is `undefined` if the request has no body.
   */
  readonly body: unknown;
  /** A new UUID for each request. The envelope of the response contains it. */
  readonly requestId: string;
}

/** The response of an operation. */
export interface EmulatorResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The response body. A string is sent as HTML, any other value as JSON. Default: no body. */
  readonly body?: object | string | boolean;
}

/** The logic of one endpoint, independent of Express. It may change `state`, but not `request`. */
export type Operation<State> = (state: State, request: EmulatorRequest) => EmulatorResponse | Promise<EmulatorResponse>;

/**
 * The values of `statusCode` that are also the HTTP status: 429 for GenAuth's rate limit, 501 for paths that the
 * emulator does not implement.
 */
const HTTP_STATUSES: ReadonlySet<number> = new Set([429, 501]);

/**
 * Builds a response of GenAuth's V3 API. The HTTP status is 200, except for 429 and 501. The field `statusCode` of the
 * response body contains the result (GenAuth docs, reference/error-code).
 */
export function envelope(request: EmulatorRequest, answer: WireEnvelope<unknown>): EmulatorResponse {
  const { data, ...rest } = answer;
  const status = HTTP_STATUSES.has(answer.statusCode) ? answer.statusCode : 200;
  return { status, body: { ...rest, requestId: request.requestId, ...(data !== undefined && { data }) } };
}

/**
 * Builds the response body for a part of GenAuth that the emulator does not implement. The response must not look like
 * a success.
 */
export function notImplemented(what: string): WireEnvelope<never> {
  return { statusCode: 501, message: `The emulator does not implement ${what}.` };
}
