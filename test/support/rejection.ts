import type { SignInRejection } from '../../src/index.js';
import type { Reply } from './issuer.js';

/** GenAuth's `statusCode` and `apiCode` behind each kind, by its documents; `undefined` where it sends no code. */
const CODES: Readonly<
  Record<SignInRejection['kind'], readonly (readonly [statusCode: number, apiCode?: number | string])[]>
> = {
  invalid_credentials: [
    [403, 2333],
    [403, 2006],
    [404, 2004],
    [403, 2027],
    [499, '2333'],
  ],
  captcha_required: [
    [403, 2000],
    [403, 2001],
  ],
  mfa_required: [
    [301, 1635],
    [301, 1636],
  ],
  password_change_required: [
    [301, 1639],
    [403, 2058],
    [403, 2061],
    [403, 2071],
  ],
  identity_binding_required: [
    [301, 1640],
    [301, 1641],
    [301, 1666],
  ],
  profile_completion_required: [
    [301, 1642],
    [301, 1645],
    [301, 1108],
  ],
  account_locked: [
    [403, 2005],
    [403, 2057],
    [301, 1643],
  ],
  access_denied: [
    [403, 1001],
    [403, 1576],
    [403, 1577],
    [403, 1578],
    [403, 2031],
    [403, 2042],
    [403, 2120008],
    [403, 2130010],
  ],
  rate_limited: [[429, 1002], [429, 2100], [429]],
  rejected: [[403, 987_654], [400], [409, 2026]],
};

export const KINDS = Object.keys(CODES) as SignInRejection['kind'][];

/** GenAuth's answer to a sign-in that it did not complete. */
export function rejection(statusCode: number, apiCode?: number | string, data: object = {}, message = ''): Reply {
  return { body: { statusCode, apiCode, message, requestId: 'request-1', data } };
}
