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

const OUTCOMES: readonly (readonly [outcome: object, apiCodes: number[]])[] = [
  [LOCKED, [1643, 2005, 2057, 2343, 2346]],
  [DENIED, [1001, 1576, 1577, 1578, 2031, 2042, 2339, 2340, 2341, 2344, 2_120_008, 2_130_010]],
  [CAPTCHA, [2000, 2001]],
  [WRONG, [2004, 2006, 2027, 2333, 2334, 2338]],
  [MFA, [1635, 1636]],
  [LIMITED, [1002, 2100]],
  [PASSWORD, [1639, 2058, 2061, 2071, 2342, 2345]],
  [BINDING, [1640, 1641, 1666]],
  [PROFILE, [1108, 1642, 1645]],
];

// The statusCode of an outage shows that the apiCode decides before it.
it.each(OUTCOMES)('maps an answer to exactly %j if its apiCode is one of %j', (outcome, apiCodes) => {
  const answers = apiCodes.map((apiCode) => ({ statusCode: 500, apiCode, message: 'no', requestId: 'request-1' }));
  expect(answers.map(parse)).toStrictEqual(answers.map((answer) => ({ ...answer, ...outcome })));
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
  [2347, 'connection_misconfigured', DIRECTORY],
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
  const apiCodes = OUTCOMES.flatMap(([, codes]) => codes).map(String);
  expect(new Set(apiCodes)).toEqual(new Set(Object.keys(KINDS)));
  expect(FAULTS.map(([apiCode]) => String(apiCode))).toEqual(Object.keys(OPERATOR_FAULTS));
});
