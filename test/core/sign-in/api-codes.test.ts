import { KINDS, OPERATOR_FAULTS } from '../../../src/core/sign-in/api-codes.js';
import { parseSignInResponse } from '../../../src/core/sign-in/response.js';
import { catchThrown } from '../../support/thrown.js';

const REJECTED = { kind: 'rejected', furtherStep: false };
const FURTHER_STEP = { kind: 'rejected', furtherStep: true };
const DOWN = { code: 'upstream_unavailable', statusCode: 503 };
const operator = (code: string): object => ({ code, statusCode: 500 });

/**
 * Every apiCode of GenAuth's error page, of its front end and of its SDKs, with the statusCode that is documented for
 * it or fits its class. The result has properties of the outcome or of the error.
 */
const ROWS: readonly (readonly [apiCode: number, statusCode: number, meaning: string, result: object])[] = [
  [1000, 503, 'busy', DOWN],
  [1001, 403, 'no permission', { kind: 'access_denied' }],
  [1002, 429, 'signing in too often', { kind: 'rate_limited' }],
  [1108, 301, 'user name is a duplicate', { kind: 'profile_completion_required' }],
  ...[1300, 1301, 1302, 1303, 1304, 1305, 1306].map((code) => [code, 401, 'AK/SK signature', REJECTED] as const),
  [1576, 403, 'device not allowed', { kind: 'access_denied' }],
  [1577, 403, 'device disabled', { kind: 'access_denied' }],
  [1578, 403, 'device suspended', { kind: 'access_denied' }],
  [1600, 301, 'flow after login is finished', FURTHER_STEP],
  [1635, 301, 'MFA of the user', { kind: 'mfa_required' }],
  [1636, 301, 'MFA of the application', { kind: 'mfa_required' }],
  [1639, 301, 'first login: set a new password', { kind: 'password_change_required' }],
  [1640, 301, 'identity binding', { kind: 'identity_binding_required' }],
  [1641, 301, 'identity binding', { kind: 'identity_binding_required' }],
  [1642, 301, 'complete the profile', { kind: 'profile_completion_required' }],
  [1643, 301, 'account can be unlocked by the user', { kind: 'account_locked' }],
  [1644, 301, 'tenant portal', FURTHER_STEP],
  [1645, 301, 'complete the profile in the tenant', { kind: 'profile_completion_required' }],
  [1666, 301, 'identity binding', { kind: 'identity_binding_required' }],
  [1699, 301, 'flow aborted', FURTHER_STEP],
  ...[1700, 1701, 1702, 1703, 1704, 1705, 1706, 1707].map((code) => [code, 403, 'face check', REJECTED] as const),
  [2000, 403, 'captcha must be entered', { kind: 'captcha_required' }],
  [2001, 403, 'captcha wrong or expired', { kind: 'captcha_required' }],
  [2004, 404, 'user not found', { kind: 'invalid_credentials' }],
  [2005, 403, 'account locked', { kind: 'account_locked' }],
  [2006, 403, 'password wrong', { kind: 'invalid_credentials' }],
  [2011, 499, 'application does not exist', operator('app_not_found')],
  [2016, 499, 'ciphertext could not be decrypted', operator('password_decryption_failed')],
  [2020, 401, 'not signed in', REJECTED],
  [2021, 401, 'two meanings in two places', REJECTED],
  [2026, 409, 'user already exists', REJECTED],
  [2027, 403, 'no password set', { kind: 'invalid_credentials' }],
  [2029, 400, 'password too short to register', REJECTED],
  [2031, 403, 'the application forbids registration', { kind: 'access_denied' }],
  [2042, 403, 'e-mail not verified', { kind: 'access_denied' }],
  [2057, 403, 'locked after many failures', { kind: 'account_locked' }],
  [2058, 301, 'forced password change', { kind: 'password_change_required' }],
  [2061, 301, 'unsafe password', { kind: 'password_change_required' }],
  [2071, 301, 'unsafe password', { kind: 'password_change_required' }],
  [2100, 429, 'registering too often', { kind: 'rate_limited' }],
  [2206, 401, 'login info expired', REJECTED],
  [2207, 401, 'login info invalid', REJECTED],
  [2224, 404, 'user pool does not exist', operator('app_not_found')],
  [2333, 403, 'account or password wrong', { kind: 'invalid_credentials' }],
  [2921, 301, 'several accounts match', FURTHER_STEP],
  [2930, 301, 'several accounts match', FURTHER_STEP],
  [4021, 402, 'plan used up', operator('plan_exhausted')],
  ...[6001, 6002, 6003, 6004].map((code) => [code, 403, 'TOTP', REJECTED] as const),
  [2_120_008, 403, 'user disabled or not of this tenant', { kind: 'access_denied' }],
  [2_130_010, 403, 'no right to sign in here', { kind: 'access_denied' }],
  [2_820_002, 422, 'invalid LDAP link', operator('connection_misconfigured')],
  ...[3_720_001, 3_720_002, 3_720_003].map((code) => [code, 402, 'plan used up', operator('plan_exhausted')] as const),
  // A code with a meaning has it with any statusCode.
  [2333, 500, 'account or password wrong', { kind: 'invalid_credentials' }],
  [2333, 401, 'account or password wrong', { kind: 'invalid_credentials' }],
  [2333, 429, 'account or password wrong', { kind: 'invalid_credentials' }],
  [1636, 400, 'MFA of the application', { kind: 'mfa_required' }],
  [1000, 403, 'busy', DOWN],
  [2011, 404, 'application does not exist', operator('app_not_found')],
  [2_820_002, 400, 'invalid LDAP link', operator('connection_misconfigured')],
  [3_720_001, 403, 'plan used up', operator('plan_exhausted')],
];

it.each(ROWS)('maps apiCode %i with statusCode %i (%s) to %j', (apiCode, statusCode, _meaning, result) => {
  const body = { statusCode, apiCode, message: 'GenAuth says no', requestId: 'request-1', data: {} };
  const parsed = catchThrown(() => parseSignInResponse({ status: 200, body, retryAfter: undefined }));
  expect(parsed).toMatchObject(result);
});

it('has a row for every code that the library knows', () => {
  const codes = ROWS.map(([apiCode]) => String(apiCode));
  expect(codes).toEqual(expect.arrayContaining([...Object.keys(KINDS), ...Object.keys(OPERATOR_FAULTS)]));
});
