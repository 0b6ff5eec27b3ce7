import type { ConfigurationErrorCode } from '../errors.js';
import type { SignInRejection } from './outcome.js';

type Kind = SignInRejection['kind'];

/**
 * The outcome `kind` for each `apiCode` of GenAuth. The values of `apiCode` come from the page about errors in
 * GenAuth's documentation, from GenAuth's own front end and from recorded answers. Values with the same meaning, for
 * example 2333, 2004 and 2006, have the same `kind`. A value with different meanings in different parts of GenAuth, for
 * example 2021, has no `kind`. With 1576 the user has no right to this application. The values 2334 and 2338 to 2346
 * are answers of an Active Directory. With 2001 the text of the captcha is wrong, because a password or Active
 * Directory sign-in has no other code.
 */
export const KINDS: Readonly<Record<number, Kind>> = {
  1001: 'access_denied',
  1002: 'rate_limited',
  1108: 'profile_completion_required',
  1576: 'access_denied',
  1577: 'access_denied',
  1578: 'access_denied',
  1635: 'mfa_required',
  1636: 'mfa_required',
  1639: 'password_change_required',
  1640: 'identity_binding_required',
  1641: 'identity_binding_required',
  1642: 'profile_completion_required',
  1643: 'account_locked',
  1645: 'profile_completion_required',
  1666: 'identity_binding_required',
  2000: 'captcha_required',
  2001: 'captcha_required',
  2004: 'invalid_credentials',
  2005: 'account_locked',
  2006: 'invalid_credentials',
  2027: 'invalid_credentials',
  2031: 'access_denied',
  2042: 'access_denied',
  2057: 'account_locked',
  2058: 'password_change_required',
  2061: 'password_change_required',
  2071: 'password_change_required',
  2100: 'rate_limited',
  2333: 'invalid_credentials',
  2334: 'invalid_credentials',
  2338: 'invalid_credentials',
  2339: 'access_denied',
  2340: 'access_denied',
  2341: 'access_denied',
  2342: 'password_change_required',
  2343: 'account_locked',
  2344: 'access_denied',
  2345: 'password_change_required',
  2346: 'account_locked',
  2120008: 'access_denied',
  2130010: 'access_denied',
};

/** The `code` of a `ConfigurationError`, and the text of its message: the problem and the fix. */
export type OperatorFault = readonly [code: ConfigurationErrorCode, fix: string];
const APP_NOT_FOUND: OperatorFault = [
  'app_not_found',
  'GenAuth does not know this application: compare appId and appHost with the console',
];
export const PLAN_EXHAUSTED: OperatorFault = [
  'plan_exhausted',
  "The tenant's GenAuth plan is used up: extend it on the console's billing page",
];
export const CLIENT_REFUSED: OperatorFault = [
  'client_authentication_failed',
  'GenAuth refused the application itself: compare appSecret and tokenEndpointAuthMethod with the console, ' +
    'application → configuration → token-exchange authentication method',
];
const CONNECTION_MISCONFIGURED: OperatorFault = [
  'connection_misconfigured',
  "The tenant's connection to its directory is set up wrongly: correct it on the console's LDAP and AD page",
];
export const DECRYPTION_FAILED: OperatorFault = [
  'password_decryption_failed',
  "GenAuth could not decrypt the password: change passwordEncryptType, or write passwordEncryptType: 'none'",
];
/**
 * For each `apiCode` that reports wrong configuration: the `code` and the text of the `ConfigurationError`. 2347: the
 * Active Directory entry has entries below it, so it is not a user.
 */
export const OPERATOR_FAULTS: Readonly<Record<number, OperatorFault>> = {
  2011: APP_NOT_FOUND,
  2016: DECRYPTION_FAILED,
  4021: PLAN_EXHAUSTED,
  3720001: PLAN_EXHAUSTED,
  3720002: PLAN_EXHAUSTED,
  3720003: PLAN_EXHAUSTED,
  2224: APP_NOT_FOUND,
  2347: CONNECTION_MISCONFIGURED,
  2820002: CONNECTION_MISCONFIGURED,
};
