import { ConfigurationError, RequestError } from '../errors.js';
import { isScopeName, parseScope } from '../scopes.js';
import { quote } from '../util/quote.js';
import { isRecord, ownProperties } from '../util/record.js';
import { PASSWORD_ENCRYPT_TYPES, type PasswordEncryptType } from '../wire/facts.js';
import type { ParsedCredentials } from './credentials.js';
import { parseIpAddress } from './ip-address.js';

/** Characters, of a captcha and of other texts that go along. */
export const MAX_CAPTCHA_LENGTH = 4096;

/**
 * What accompanies a sign-in (GenAuth: sign-in page, SignInOptionsDto). All of it comes from the server's own side, except a
 * captcha.
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

/** The later ones count, where they say something: `undefined` takes nothing away. */
export function mergeSignInOptions(...layers: SignInOptions[]): SignInOptions {
  const said = layers.flatMap((layer) => Object.entries(layer)).filter(([, value]) => value !== undefined);
  // Not by assignment: a name may be `__proto__`, and is then to be found wrong.
  return Object.fromEntries(said);
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

/** What is wrong with sign-in options, one line for each mistake; the names are those of the options. */
export function findSignInOptionsMistakes(options: SignInOptions): string[] {
  const mistakes: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof SignInOptions] : undefined;
    if (check === undefined) {
      mistakes.push(`${name} is not a sign-in option: there are ${Object.keys(CHECKS).join(', ')}.`);
    } else if (value !== undefined && !check[0](value)) mistakes.push(`${name} is ${quote(value)}: ${check[1]}.`);
  }
  return mistakes;
}

function isScope(value: unknown): boolean {
  const isTexts = Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (typeof value !== 'string' && !isTexts) return false;
  const scope = parseScope(value as string | string[]);
  return scope.includes('openid') && scope.every(isScopeName);
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

/** @throws ConfigurationError `invalid_sign_in_options`; RequestError for `account` with `autoRegister`, which GenAuth refuses. */
export function checkSignInOptions(options: SignInOptions, { identifier }: ParsedCredentials): void {
  const mistakes = findSignInOptionsMistakes(options);
  if (mistakes.length === 0 && ownProperties(options).autoRegister === true && identifier === 'account') {
    throw new RequestError('"account" cannot be registered: send "email", "username" or "phone" in its place.');
  }
  if (mistakes.length === 0) return;
  throw new ConfigurationError('invalid_sign_in_options', `The sign-in options are wrong: ${mistakes.join(' ')}`);
}
