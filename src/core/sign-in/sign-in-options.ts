import { ConfigurationError, type OptionMistake, RequestError, describeMistake } from '../errors.js';
import { findScopeProblem } from '../scopes.js';
import { quote } from '../util/quote.js';
import { getOwn, isRecord } from '../util/record.js';
import { findUnknownOptions } from '../util/unknown-options.js';
import { PASSWORD_ENCRYPT_TYPES, type PasswordEncryptType } from '../wire/facts.js';
import type { ParsedCredentials } from './credentials.js';
import { parseIpAddress } from './ip-address.js';

/** Maximum length of a captcha code, a captcha token and a tenant ID, in characters. */
export const MAX_CAPTCHA_LENGTH = 4096;

/**
 * Options of one sign-in. GenAuth's API calls this type SignInOptionsDto. Set these options on the server. Do not copy
 * values from a request body into them, except `captchaCode` and `captchaToken`.
 *
 * @typeParam S - The scopes that can be requested.
 * @typeParam CustomData - The type of `customData`.
 */
export interface SignInOptions<S extends string = string, CustomData extends object = object> {
  /**
   * The scopes to request in place of the client's option `scope`: a list, or one string with spaces between the
   * scopes. The scopes must contain `openid`. `GenAuthClient.signIn` returns a user with the claims of these scopes.
   */
  scope?: S | readonly S[] | undefined;
  /** The end user's IP address, IPv4 or IPv6. Any other value is refused with a `ConfigurationError`. */
  clientIp?: string | undefined;
  /**
   * Data for the tenant's Pipeline functions in GenAuth: an object of JSON values, or a string. A string is sent
   * unchanged.
   */
  context?: object | string | undefined;
  /** ID of the tenant to sign in to: 1 to 4,096 characters. */
  tenantId?: string | undefined;
  /** Values for the custom fields that are defined in GenAuth's console: an object of JSON values. */
  customData?: CustomData | undefined;
  /**
   * Whether GenAuth creates the account if it does not exist. With `true`, the credentials must have `email`,
   * `username` or `phone`. The property `account` is refused with a `RequestError`.
   */
  autoRegister?: boolean | undefined;
  /** The text that the user read in the captcha picture: 1 to 4,096 characters. */
  captchaCode?: string | undefined;
  /** The token that came with the captcha picture: 1 to 4,096 characters. */
  captchaToken?: string | undefined;
  /** How the password is encrypted: `none`, `rsa` or `sm2`. Overrides the client's option `passwordEncryptType`. */
  passwordEncryptType?: PasswordEncryptType | undefined;
}

/**
 * Merges sign-in options. If several layers have the same option, the value in the last of these layers is used. Values
 * that are `undefined` are ignored.
 *
 * @returns An object without a prototype, so that an absent option is never found in `Object.prototype`.
 */
export function mergeSignInOptions(...layers: SignInOptions[]): SignInOptions {
  const merged = Object.create(null) as Record<string, unknown>;
  for (const layer of layers) {
    for (const [name, value] of Object.entries(layer)) if (value !== undefined) merged[name] = value;
  }
  return merged;
}

/**
 * For each sign-in option except `scope`: a function that returns whether a value is valid, and the fix for a value
 * that is not valid.
 */
const CHECKS: Readonly<Record<Exclude<keyof SignInOptions, 'scope'>, readonly [(value: unknown) => boolean, string]>> =
  {
    clientIp: [(value) => parseIpAddress(value) !== undefined, 'write an IP address, "203.0.113.7"'],
    context: [
      (value) => typeof value === 'string' || isJsonObject(value),
      'write an object that JSON can hold, { source: "utm" }, or a string',
    ],
    tenantId: [isText, `write the tenant ID as a string of 1 to ${MAX_CAPTCHA_LENGTH} characters`],
    customData: [isJsonObject, 'write an object that JSON can hold, { school: "pku" }'],
    autoRegister: [(value) => typeof value === 'boolean', 'write true or false'],
    captchaCode: [isText, `write the text of the picture, 1 to ${MAX_CAPTCHA_LENGTH} characters`],
    captchaToken: [isText, `write the token that came with the picture, 1 to ${MAX_CAPTCHA_LENGTH} characters`],
    passwordEncryptType: [
      (value) => PASSWORD_ENCRYPT_TYPES.some((type) => type === value),
      `write one of ${PASSWORD_ENCRYPT_TYPES.join(', ')}`,
    ],
  };

const CHECKED = Object.keys(CHECKS) as (keyof typeof CHECKS)[];
const NAMES: readonly (keyof SignInOptions)[] = ['scope', ...CHECKED];

/** The fix for options of the client, which are similar to a sign-in option or known from other libraries. */
const FIXES = { clientid: 'remove it, because the client has the appId' };

/** Finds all mistakes in sign-in options. */
export function findSignInOptionsMistakes(options: SignInOptions): OptionMistake[] {
  const mistakes: OptionMistake[] = findUnknownOptions(options, NAMES, { kind: 'a sign-in option', fixes: FIXES });
  const scope = getOwn(options, 'scope');
  if (scope !== undefined) {
    const mistake = findScopeProblem(scope);
    if (mistake !== undefined) mistakes.push({ option: 'scope', ...mistake });
  }
  for (const option of CHECKED) {
    const [isValid, fix] = CHECKS[option];
    const value = getOwn(options, option);
    if (value !== undefined && !isValid(value)) mistakes.push({ option, problem: `is ${quote(value)}`, fix });
  }
  return mistakes;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= MAX_CAPTCHA_LENGTH;
}

function isJsonObject(value: unknown): boolean {
  // Only plain objects are accepted, because JSON would turn a Map into {} and a Date into a string.
  if (!isRecord(value) || ![Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null))
    return false;
  try {
    return JSON.stringify(value).startsWith('{');
  } catch {
    return false;
  }
}

/**
 * Checks the options of one sign-in.
 *
 * @throws ConfigurationError `invalid_sign_in_options`. The message and `details.mistakes` list every wrong option.
 */
export function checkSignInOptions(given: unknown): asserts given is SignInOptions {
  const mistakes = isRecord(given)
    ? findSignInOptionsMistakes(given)
    : [{ option: 'signInOptions', problem: `is ${quote(given)}`, fix: 'write an object' }];
  if (mistakes.length === 0) return;
  const lines = mistakes.map(describeMistake).join(' ');
  throw new ConfigurationError('invalid_sign_in_options', `The sign-in options are wrong: ${lines}`, {
    details: { mistakes },
  });
}

/**
 * Checks that `account` is not combined with `autoRegister`.
 *
 * @throws RequestError if a sign-in has both, because GenAuth refuses this combination.
 */
export function checkAutoRegister({ autoRegister }: SignInOptions, { identifier }: ParsedCredentials): void {
  if (autoRegister !== true || identifier !== 'account') return;
  throw new RequestError('"account" cannot be registered: send "email", "username" or "phone" instead.', {
    field: 'account',
  });
}
