import { ConfigurationError, type OptionMistake, RequestError, describeMistake } from '../errors.js';
import { findScopeProblem } from '../scopes.js';
import { quote } from '../util/quote.js';
import { isRecord, ownProperties } from '../util/record.js';
import { PASSWORD_ENCRYPT_TYPES, type PasswordEncryptType } from '../wire/facts.js';
import type { ParsedCredentials } from './credentials.js';
import { parseIpAddress } from './ip-address.js';

/** Characters, of a captcha and of other texts that go along. */
export const MAX_CAPTCHA_LENGTH = 4096;

/**
 * What accompanies a sign-in (GenAuth: sign-in page, SignInOptionsDto). All of it comes from the server's own side,
 * except a captcha.
 */
export interface SignInOptions<S extends string = string, CustomData extends object = object> {
  /** Instead of the configured scopes; the user of the outcome follows them. */
  scope?: S | readonly S[] | undefined;
  /** The person's IP address; any other text is refused. */
  clientIp?: string | undefined;
  /** Reaches the Pipeline functions of the tenant; an object, or a string that is passed on as it is. */
  context?: object | string | undefined;
  /** Sign in to this tenant. */
  tenantId?: string | undefined;
  /** Values for custom fields that are defined in the console. */
  customData?: CustomData | undefined;
  /** Creates the account if there is none: with `email`, `username` or `phone`, never with `account`. */
  autoRegister?: boolean | undefined;
  /** What the person read in the picture, after an outcome `captcha_required`. */
  captchaCode?: string | undefined;
  /** The token that came with the picture. */
  captchaToken?: string | undefined;
  /** Instead of the configured one. */
  passwordEncryptType?: PasswordEncryptType | undefined;
}

/**
 * Merges layers of options. Later layers override earlier ones; `undefined` values are ignored.
 *
 * @returns An object without a prototype, so that an absent option is never found in `Object.prototype`.
 */
export function mergeSignInOptions(...layers: SignInOptions[]): SignInOptions {
  const present = layers.flatMap((layer) => Object.entries(layer)).filter(([, value]) => value !== undefined);
  return ownProperties(Object.fromEntries(present));
}

const CHECKS: Readonly<Record<keyof SignInOptions, readonly [(value: unknown) => boolean, string]>> = {
  scope: [isScope, "write ['openid', 'email'], with 'openid' among them"],
  clientIp: [(value) => parseIpAddress(value) !== undefined, 'write an IP address, "203.0.113.7"'],
  context: [
    (value) => typeof value === 'string' || isJsonObject(value),
    'write an object that JSON can hold, { source: "utm" }',
  ],
  tenantId: [isText, 'write the tenant ID as a string'],
  customData: [isJsonObject, 'write an object that JSON can hold, { school: "pku" }'],
  autoRegister: [(value) => typeof value === 'boolean', 'write true or false'],
  captchaCode: [isText, 'write the text of the picture'],
  captchaToken: [isText, 'write the token that came with the picture'],
  passwordEncryptType: [
    (value) => PASSWORD_ENCRYPT_TYPES.some((type) => type === value),
    `write one of ${PASSWORD_ENCRYPT_TYPES.join(', ')}`,
  ],
};

/** The mistakes in sign-in options. */
export function findSignInOptionsMistakes(options: SignInOptions): OptionMistake[] {
  const mistakes: OptionMistake[] = [];
  for (const [option, value] of Object.entries(options)) {
    const check = Object.hasOwn(CHECKS, option) ? CHECKS[option as keyof SignInOptions] : undefined;
    if (check === undefined) {
      const fix = `there are ${Object.keys(CHECKS).join(', ')}`;
      mistakes.push({ option, problem: 'is not a sign-in option', fix });
    } else if (value !== undefined && !check[0](value)) {
      mistakes.push({ option, problem: `is ${quote(value)}`, fix: check[1] });
    }
  }
  return mistakes;
}

function isScope(value: unknown): boolean {
  return findScopeProblem(value) === undefined;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= MAX_CAPTCHA_LENGTH;
}

function isJsonObject(value: unknown): boolean {
  // A Map or a Date would arrive as something else than it is.
  if (!isRecord(value) || ![Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null))
    return false;
  try {
    return JSON.stringify(value).startsWith('{');
  } catch {
    return false;
  }
}

/**
 * Checks what an application gave for one sign-in.
 *
 * @throws ConfigurationError `invalid_sign_in_options`
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

/** @throws RequestError for `account` with `autoRegister`, which GenAuth refuses. */
export function checkAutoRegister({ autoRegister }: SignInOptions, { identifier }: ParsedCredentials): void {
  if (autoRegister !== true || identifier !== 'account') return;
  throw new RequestError('"account" cannot be registered: send "email", "username" or "phone" in its place.', {
    field: 'account',
  });
}
