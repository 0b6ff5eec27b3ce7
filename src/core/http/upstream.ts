import { type AnswerIds, UpstreamError } from '../errors.js';

/** Maximum size of a response with public data, in bytes: a discovery document, a key set, public keys or a captcha. */
export const MAX_DOCUMENT_BYTES = 256 * 1024;
/** Maximum size of a response with tokens or claims, in bytes. */
export const MAX_ANSWER_BYTES = 1024 * 1024;
/**
 * Time limit for HTTP exchanges with GenAuth that a request to a guarded route may wait for, in milliseconds. This
 * limit is shorter than the default of the option `timeout` (10 s), which applies to a login.
 */
export const MAX_WAIT_MS = 5_000;

/** The facts of a GenAuth response that cannot be used. */
export interface UnusableAnswer {
  /** Method and path of the request to GenAuth, for example `GET /oidc/me`. */
  request?: string | undefined;
  /** HTTP status of GenAuth's response. */
  status: number;
  /**
   * `statusCode` in the JSON body (the envelope), if the response has one. If the HTTP status is 200, only this
   * `statusCode` shows whether the request failed.
   */
  statusCode?: number | undefined;
  /**
   * Value of the response header `Retry-After`, in seconds. This value is used only if the response shows that GenAuth
   * is down.
   */
  retryAfter?: number | undefined;
  /** Why the response cannot be used. */
  problem?: string | undefined;
  /** `statusCode`, `apiCode` and `requestId` of the JSON body (the envelope), for GenAuth's support. */
  answer?: AnswerIds | undefined;
}

/**
 * Returns whether an HTTP status or a `statusCode` shows that GenAuth is temporarily down: a timeout (408), too many
 * requests (429) or a server error (500 and above).
 */
export function isDown(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/**
 * Builds the error for a response that cannot be used. The error's code is `upstream_unavailable` (503) if the HTTP
 * status or the `statusCode` in the body shows that GenAuth is down, otherwise `upstream_invalid_response` (502).
 *
 * @param buildMessage - Builds the message from the decisive status: the HTTP status if it shows that GenAuth is down,
 * otherwise the `statusCode` in the body.
 */
export function toUpstreamError(
  { request, status, statusCode = status, retryAfter, problem, answer }: UnusableAnswer,
  buildMessage: (decisive: { isDown: boolean; status: number }) => string,
): UpstreamError {
  const decisive = isDown(status) ? status : statusCode;
  const down = isDown(decisive);
  return new UpstreamError(
    down ? 'upstream_unavailable' : 'upstream_invalid_response',
    buildMessage({ isDown: down, status: decisive }),
    {
      retryAfter: down ? retryAfter : undefined,
      answer,
      details: { ...(request && { request }), httpStatus: status, ...(problem && { problem }) },
    },
  );
}
