import { type AnswerIds, UpstreamError } from '../errors.js';

/** Maximum size of a discovery document, a key set or another public document, in bytes. */
export const MAX_DOCUMENT_BYTES = 256 * 1024;
/** Maximum size of an answer with tokens or claims, in bytes. */
export const MAX_ANSWER_BYTES = 1024 * 1024;
/** Milliseconds for exchanges that a guarded request may wait for: less than a login may take. */
export const MAX_WAIT_MS = 5_000;

/** An answer of GenAuth that cannot be used, by its numbers. */
export interface UnusableAnswer {
  /** Method and path of the request: `GET /oidc/me`. */
  request?: string | undefined;
  /** HTTP status. */
  status: number;
  /** `statusCode` of GenAuth's envelope, if the answer has one: with HTTP 200 it alone tells what happened. */
  statusCode?: number | undefined;
  /** Seconds, from the header `Retry-After`. They count only for an answer that says that GenAuth is down. */
  retryAfter?: number | undefined;
  /** Numbers of the envelope, for GenAuth's support. */
  answer?: AnswerIds | undefined;
}

/**
 * Whether a status says that GenAuth cannot serve now, and may later: a time-out, too many requests, or its own fault.
 */
export function isDown(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/**
 * The error for an answer that cannot be used: `upstream_unavailable` (503) if the HTTP status or the envelope says
 * that GenAuth is down, else `upstream_invalid_response` (502).
 *
 * @param buildMessage - Builds the message from the number that decided.
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
