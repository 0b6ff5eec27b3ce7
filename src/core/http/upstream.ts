import { type AnswerIds, UpstreamError } from '../errors.js';

/** Maximum size of a public document, in bytes: a discovery document, a key set, public keys or a captcha. */
export const MAX_DOCUMENT_BYTES = 256 * 1024;
/** Maximum size of a response with tokens or claims, in bytes. */
export const MAX_ANSWER_BYTES = 1024 * 1024;
/**
 * Time limit for exchanges that a guarded request may wait for, in milliseconds. It is shorter than the default of the
 * option `timeout` (10 s), which applies to a login.
 */
export const MAX_WAIT_MS = 5_000;

/** The facts of a GenAuth response that cannot be used. */
export interface UnusableAnswer {
  /** Method and path of the request, for example `GET /oidc/me`. */
  request?: string | undefined;
  /** HTTP status of the response. */
  status: number;
  /**
   * `statusCode` of GenAuth's envelope, if the response has one. If the HTTP status is 200, only `statusCode` shows the
   * result.
   */
  statusCode?: number | undefined;
  /** Value of the `Retry-After` header, in seconds. Used only if the response shows that GenAuth is down. */
  retryAfter?: number | undefined;
  /** Codes and request ID of the envelope, for GenAuth's support. */
  answer?: AnswerIds | undefined;
}

/**
 * Returns whether a status shows that GenAuth cannot answer now, but may later: a timeout (408), too many requests
 * (429) or a server error (500 and above).
 */
export function isDown(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/**
 * Builds the error for a response that cannot be used. The code is `upstream_unavailable` (503) if the HTTP status or
 * the envelope shows that GenAuth is down, otherwise `upstream_invalid_response` (502).
 *
 * @param buildMessage - Builds the message from the decisive status: the HTTP status if it shows that GenAuth is down,
 * otherwise the `statusCode` of the envelope.
 */
export function toUpstreamError(
  { request, status, statusCode = status, retryAfter, answer }: UnusableAnswer,
  buildMessage: (decisive: { isDown: boolean; status: number }) => string,
): UpstreamError {
  const decisive = isDown(status) ? status : statusCode;
  const down = isDown(decisive);
  return new UpstreamError(
    down ? 'upstream_unavailable' : 'upstream_invalid_response',
    buildMessage({ isDown: down, status: decisive }),
    { retryAfter: down ? retryAfter : undefined, answer, details: { ...(request && { request }), httpStatus: status } },
  );
}
