import type { Reply } from './issuer.js';

/** GenAuth's answer to a sign-in that it did not complete. */
export function rejection(statusCode: number, apiCode?: number | string, data: object = {}, message = ''): Reply {
  return { body: { statusCode, apiCode, message, requestId: 'request-1', data } };
}
