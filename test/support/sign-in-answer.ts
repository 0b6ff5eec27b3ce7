/**
 * What GenAuth's documents, its own front end and its SDKs know of answers to a sign-in, and what must come of each: the
 * outcome's `kind`, or the `code` of the error that is thrown.
 */
export interface AnswerRow {
  title: string;
  statusCode: number;
  /** As GenAuth writes it; left out, the answer has none. */
  apiCode?: number;
  /** Where a `kind` is wanted. */
  kind?: string;
  /** Where an error is wanted: a fault of GenAuth, or the operator's to mend. */
  code?: string;
  /** With `kind: 'rejected'`. */
  furtherStep?: boolean;
}

type Result = 'plan' | 'down' | 'app' | 'step' | (string & {});
const RESULTS: Readonly<Record<string, Omit<AnswerRow, 'title' | 'statusCode'>>> = {
  step: { kind: 'rejected', furtherStep: true },
  rejected: { kind: 'rejected', furtherStep: false },
  down: { code: 'upstream_unavailable' },
  plan: { code: 'plan_exhausted' },
  app: { code: 'app_not_found' },
  client: { code: 'client_authentication_failed' },
  directory: { code: 'connection_misconfigured' },
  decryption: { code: 'password_decryption_failed' },
  invalid: { code: 'upstream_invalid_response' },
};

function toRow(statusCode: number, apiCode: number | undefined, meaning: string, result: Result): AnswerRow {
  const expected = RESULTS[result] ?? { kind: result };
  const shown = expected.code ?? `${expected.kind}${expected.furtherStep === true ? ', a further step' : ''}`;
  return {
    title: `${statusCode}${apiCode === undefined ? '' : `/${apiCode}`} ${meaning}: ${shown}`,
    statusCode,
    ...(apiCode === undefined ? {} : { apiCode }),
    ...expected,
  };
}

/** Every class of `statusCode`, without a code for the cause. */
export const STATUS_ROWS: readonly AnswerRow[] = (
  [
    [-1, 'no status', 'rejected'],
    [0, 'no status', 'rejected'],
    [100, 'no status', 'rejected'],
    [200, 'success without tokens', 'invalid'],
    [201, 'no success', 'rejected'],
    [204, 'no success', 'rejected'],
    [299, 'no success', 'rejected'],
    [300, 'a further step', 'step'],
    [301, 'a further step', 'step'],
    [302, 'a further step', 'step'],
    [399, 'a further step', 'step'],
    [400, 'InvalidArgument', 'rejected'],
    [401, 'Unauthorized: the application', 'client'],
    [402, 'PaymentNeeded', 'plan'],
    [403, 'Forbidden', 'rejected'],
    [404, 'NotFound', 'rejected'],
    [408, 'the directory was too slow', 'down'],
    [409, 'Conflict', 'rejected'],
    [413, 'PayloadTooLarge', 'rejected'],
    [422, 'InvalidOperation', 'rejected'],
    [429, 'Throttle', 'rate_limited'],
    [499, 'ClientError', 'rejected'],
    [500, 'Server', 'down'],
    [501, 'UnsupportedOperation', 'down'],
    [502, 'BadGateway', 'down'],
    [503, 'ServiceUnavailable', 'down'],
    [599, 'a fault of the server', 'down'],
    [601, 'a third party out of reach', 'down'],
    [602, 'a third party’s error', 'down'],
    [603, 'custom code failed', 'down'],
    [999, 'beyond all classes', 'down'],
  ] as const
).map(([statusCode, meaning, result]) => toRow(statusCode, undefined, meaning, result));

/** Every code of the error tables, under the `statusCode` that is documented for it or fits its class. */
export const CODE_ROWS: readonly AnswerRow[] = (
  [
    [503, 1000, 'busy', 'down'],
    [403, 1001, 'no permission', 'access_denied'],
    [429, 1002, 'signing in too often', 'rate_limited'],
    [301, 1108, 'user name is a duplicate', 'profile_completion_required'],
    ...[1300, 1301, 1302, 1303, 1304, 1305, 1306].map((code) => [401, code, 'AK/SK signature', 'rejected'] as const),
    [403, 1576, 'device not allowed', 'access_denied'],
    [403, 1577, 'device disabled', 'access_denied'],
    [403, 1578, 'device suspended', 'access_denied'],
    [301, 1600, 'flow after login is finished', 'step'],
    [301, 1635, 'personal MFA', 'mfa_required'],
    [301, 1636, 'MFA of the application', 'mfa_required'],
    [301, 1639, 'first login: set a new password', 'password_change_required'],
    [301, 1640, 'identity binding', 'identity_binding_required'],
    [301, 1641, 'identity binding', 'identity_binding_required'],
    [301, 1642, 'complete the profile', 'profile_completion_required'],
    [301, 1643, 'self unlock', 'account_locked'],
    [301, 1644, 'tenant portal', 'step'],
    [301, 1645, 'complete the profile in the tenant', 'profile_completion_required'],
    [301, 1666, 'identity binding', 'identity_binding_required'],
    [301, 1699, 'flow aborted', 'step'],
    ...[1700, 1701, 1702, 1703, 1704, 1705, 1706, 1707].map((code) => [403, code, 'face check', 'rejected'] as const),
    [403, 2000, 'captcha must be entered', 'captcha_required'],
    [403, 2001, 'captcha wrong or expired', 'captcha_required'],
    [404, 2004, 'user not found', 'invalid_credentials'],
    [403, 2005, 'account locked', 'account_locked'],
    [403, 2006, 'password wrong', 'invalid_credentials'],
    [499, 2011, 'application does not exist', 'app'],
    [499, 2016, 'ciphertext could not be decrypted', 'decryption'],
    [401, 2020, 'not signed in', 'rejected'],
    [401, 2021, 'two meanings in two places', 'rejected'],
    [409, 2026, 'user already exists', 'rejected'],
    [403, 2027, 'no password set', 'invalid_credentials'],
    [400, 2029, 'password too short to register', 'rejected'],
    [403, 2031, 'the application forbids registration', 'access_denied'],
    [403, 2042, 'e-mail not verified', 'access_denied'],
    [403, 2057, 'locked after many failures', 'account_locked'],
    [301, 2058, 'forced password change', 'password_change_required'],
    [301, 2061, 'unsafe password', 'password_change_required'],
    [301, 2071, 'unsafe password', 'password_change_required'],
    [429, 2100, 'registering too often', 'rate_limited'],
    [401, 2206, 'login info expired', 'rejected'],
    [401, 2207, 'login info invalid', 'rejected'],
    [404, 2224, 'user pool does not exist', 'app'],
    [403, 2333, 'account or password wrong', 'invalid_credentials'],
    [301, 2921, 'several accounts match', 'step'],
    [301, 2930, 'several accounts match', 'step'],
    [402, 4021, 'plan exhausted', 'plan'],
    ...[6001, 6002, 6003, 6004].map((code) => [403, code, 'TOTP', 'rejected'] as const),
    [403, 2120008, 'user disabled or not of this tenant', 'access_denied'],
    [403, 2130010, 'no right to sign in here', 'access_denied'],
    [422, 2820002, 'invalid LDAP link', 'directory'],
    ...[3720001, 3720002, 3720003].map((code) => [402, code, 'plan exhausted', 'plan'] as const),
    // A code that nobody knows: the class of the statusCode decides.
    [403, 424242, 'a code that nobody knows', 'rejected'],
    [401, 424242, 'a code that nobody knows', 'rejected'],
    [301, 424242, 'a code that nobody knows', 'step'],
    [429, 424242, 'a code that nobody knows', 'rate_limited'],
    [402, 424242, 'a code that nobody knows', 'plan'],
    [500, 424242, 'a code that nobody knows', 'down'],
    [408, 424242, 'a code that nobody knows', 'down'],
    [602, 424242, 'a code that nobody knows', 'down'],
    // A code that has a meaning: it counts under any statusCode.
    [500, 2333, 'account or password wrong', 'invalid_credentials'],
    [401, 2333, 'account or password wrong', 'invalid_credentials'],
    [429, 2333, 'account or password wrong', 'invalid_credentials'],
    [400, 1636, 'MFA of the application', 'mfa_required'],
    [403, 1000, 'busy', 'down'],
    [404, 2011, 'application does not exist', 'app'],
    [400, 2820002, 'invalid LDAP link', 'directory'],
    [403, 3720001, 'plan exhausted', 'plan'],
  ] as const
).map(([statusCode, apiCode, meaning, result]) => toRow(statusCode, apiCode, meaning, result));

export const ANSWER_ROWS: readonly AnswerRow[] = [...STATUS_ROWS, ...CODE_ROWS];
