import { KINDS, OPERATOR_FAULTS } from '../../../src/core/sign-in/api-codes.js';
import { parseSignInResponse } from '../../../src/core/sign-in/response.js';
import { catchThrown } from '../../support/thrown.js';

const applicationMfa = [{ mfaPolicy: 'SMS', status: 1, sort: 2 }];
const data = { id_token: 'id-1', remainCount: 2, mfaToken: 'mfa-1', applicationMfa, token: 'flow-1' };

/** Parses an answer with all data that GenAuth can send. Returns the outcome or the error. */
const parse = (answer: object): unknown =>
  catchThrown(() => parseSignInResponse({ status: 200, body: { ...answer, data }, retryAfter: 7 }));

const LOCKED = { kind: 'account_locked' };
const DENIED = { kind: 'access_denied' };
const CAPTCHA = { kind: 'captcha_required' };
const WRONG = { kind: 'invalid_credentials', remainingAttempts: 2 };
const MFA = { kind: 'mfa_required', mfaToken: 'mfa-1', applicationMfa };
const LIMITED = { kind: 'rate_limited', retryAfter: 7 };
const PASSWORD = { kind: 'password_change_required', flowToken: 'flow-1' };
const BINDING = { kind: 'identity_binding_required', flowToken: 'flow-1' };
const PROFILE = { kind: 'profile_completion_required', flowToken: 'flow-1' };

// Each statusCode is documented for its apiCode or fits its class, except those of 2004 and 2006.
const OUTCOMES: readonly (readonly [apiCode: number, statusCode: number, meaning: string, outcome: object])[] = [
  [1001, 403, 'no permission', DENIED],
  [1002, 403, 'signing in too often', LIMITED],
  [1108, 301, 'user name is a duplicate', PROFILE],
  [1576, 403, 'device not allowed', DENIED],
  [1577, 403, 'device disabled', DENIED],
  [1578, 403, 'device suspended', DENIED],
  [1635, 301, 'MFA of the user', MFA],
  [1636, 301, 'MFA of the application', MFA],
  [1639, 301, 'first login: set a new password', PASSWORD],
  [1640, 301, 'identity binding', BINDING],
  [1641, 301, 'identity binding', BINDING],
  [1642, 301, 'complete the profile', PROFILE],
  [1643, 301, 'account can be unlocked by the user', LOCKED],
  [1645, 301, 'complete the profile in the tenant', PROFILE],
  [1666, 301, 'identity binding', BINDING],
  [2000, 403, 'captcha must be entered', CAPTCHA],
  [2001, 403, 'captcha wrong or expired', CAPTCHA],
  [2004, 402, 'user not found', WRONG],
  [2005, 403, 'account locked', LOCKED],
  [2006, 500, 'password wrong', WRONG],
  [2027, 403, 'no password set', WRONG],
  [2031, 403, 'the application forbids registration', DENIED],
  [2042, 403, 'e-mail not verified', DENIED],
  [2057, 403, 'locked after many failures', LOCKED],
  [2058, 301, 'forced password change', PASSWORD],
  [2061, 301, 'unsafe password', PASSWORD],
  [2071, 301, 'unsafe password', PASSWORD],
  [2100, 429, 'registering too often', LIMITED],
  [2333, 403, 'account or password wrong', WRONG],
  [2_120_008, 403, 'user disabled or not of this tenant', DENIED],
  [2_130_010, 403, 'no right to sign in here', DENIED],
];

it.each(OUTCOMES)('maps apiCode %i with statusCode %i (%s) to exactly %j', (apiCode, statusCode, _meaning, outcome) => {
  const answer = { statusCode, apiCode, message: 'GenAuth says no', requestId: 'request-1' };
  expect(parse(answer)).toStrictEqual({ ...answer, ...outcome });
});

const UNKNOWN_APP = 'GenAuth does not know this application: compare appId and appHost with the console';
const PLAN = "The tenant's GenAuth plan is used up: extend it on the console's billing page";
const ENCRYPTION =
  "GenAuth could not decrypt the password: change passwordEncryptType, or write passwordEncryptType: 'none'";
const DIRECTORY =
  "The tenant's connection to its directory is set up wrongly: correct it on the console's LDAP and AD page";

const FAULTS: readonly (readonly [apiCode: number, code: string, fix: string])[] = [
  [2011, 'app_not_found', UNKNOWN_APP],
  [2016, 'password_decryption_failed', ENCRYPTION],
  [2224, 'app_not_found', UNKNOWN_APP],
  [4021, 'plan_exhausted', PLAN],
  [2_820_002, 'connection_misconfigured', DIRECTORY],
  [3_720_001, 'plan_exhausted', PLAN],
  [3_720_002, 'plan_exhausted', PLAN],
  [3_720_003, 'plan_exhausted', PLAN],
];

it.each(FAULTS)('maps apiCode %i to the fault %s of the operator, with the fix', (apiCode, code, fix) => {
  const answer = { statusCode: 500, apiCode, requestId: 'request-1' };
  const message = `${fix} (GenAuth answered statusCode 500, apiCode ${apiCode}, message "no", request ID "request-1").`;
  expect(parse({ ...answer, message: 'no' })).toMatchObject({
    name: 'ConfigurationError',
    code,
    statusCode: 500,
    answer,
    message,
  });
});

it('has one row for every code that the library knows, and knows no other code', () => {
  expect(OUTCOMES.map(([apiCode]) => String(apiCode))).toEqual(Object.keys(KINDS));
  expect(FAULTS.map(([apiCode]) => String(apiCode))).toEqual(Object.keys(OPERATOR_FAULTS));
});
