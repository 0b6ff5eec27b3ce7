import { type UnusableAnswer, toUpstreamError } from '../../../src/core/http/upstream.js';

it.each<[UnusableAnswer, string, number]>([
  [{ status: 404 }, 'upstream_invalid_response', 404],
  [{ status: 200 }, 'upstream_invalid_response', 200],
  [{ status: 407 }, 'upstream_invalid_response', 407],
  [{ status: 408 }, 'upstream_unavailable', 408],
  [{ status: 429 }, 'upstream_unavailable', 429],
  [{ status: 499 }, 'upstream_invalid_response', 499],
  [{ status: 500 }, 'upstream_unavailable', 500],
  [{ status: 599 }, 'upstream_unavailable', 599],
  // With HTTP 200 the envelope tells.
  [{ status: 200, statusCode: 403 }, 'upstream_invalid_response', 403],
  [{ status: 200, statusCode: 408 }, 'upstream_unavailable', 408],
  [{ status: 200, statusCode: 429 }, 'upstream_unavailable', 429],
  [{ status: 200, statusCode: 601 }, 'upstream_unavailable', 601],
  // A gateway that is down answers with whatever body.
  [{ status: 503, statusCode: 200 }, 'upstream_unavailable', 503],
  [{ status: 404, statusCode: 500 }, 'upstream_unavailable', 500],
])('%j: %s, decided by %i', (answer, code, decisive) => {
  const error = toUpstreamError({ retryAfter: 7, ...answer }, ({ isDown, status }) => `${isDown} ${status}`);
  expect(error).toMatchObject({
    code,
    message: `${code === 'upstream_unavailable'} ${decisive}`,
    // Only an outage may close guarded routes for as long as it says.
    retryAfter: code === 'upstream_unavailable' ? 7 : undefined,
    details: { httpStatus: answer.status },
  });
});
