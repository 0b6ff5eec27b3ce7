import { type UnusableAnswer, toUpstreamError } from '../../../src/core/http/upstream.js';

const ANSWER = { statusCode: 500, apiCode: 1, requestId: 'r' };
const build = (answer: UnusableAnswer): unknown =>
  toUpstreamError({ retryAfter: 7, answer: ANSWER, ...answer }, ({ isDown, status }) => `${isDown} ${status}`);

// Without a statusCode the HTTP status decides. An HTTP status that shows an outage decides in any case.
it.each<[status: number, statusCode: number | undefined, decisive: number]>([
  [408, undefined, 408],
  [429, undefined, 429],
  [500, undefined, 500],
  [503, 200, 503],
  [404, 500, 500],
])('HTTP %j with statusCode %j is an outage, decided by %i', (status, statusCode, decisive) => {
  const expected = { code: 'upstream_unavailable', message: `true ${decisive}`, retryAfter: 7, answer: ANSWER };
  const details = { request: 'GET /x', httpStatus: status };
  expect(build({ status, statusCode, request: 'GET /x' })).toMatchObject({ ...expected, details });
});

it.each<[status: number, statusCode: number | undefined, decisive: number]>([
  [407, undefined, 407],
  [409, undefined, 409],
  [428, undefined, 428],
  [430, undefined, 430],
  [499, undefined, 499],
  [200, 403, 403],
])('HTTP %j with statusCode %j is an unusable response, decided by %i', (status, statusCode, decisive) => {
  const error = build({ status, statusCode });
  expect(error).toMatchObject({ code: 'upstream_invalid_response', message: `false ${decisive}` });
  expect(error).toMatchObject({ retryAfter: undefined, answer: ANSWER });
  expect((error as { details: object }).details).toEqual({
    httpStatus: status,
    docs: expect.stringContaining('#upstream_') as string,
  });
});
