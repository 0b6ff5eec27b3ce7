import { RequestError } from '../core/errors.js';
import type { GenAuthRequest, LoginFields } from '../core/options/types.js';
import { type Credentials, IDENTIFIERS } from '../core/sign-in/credentials.js';
import { MAX_CAPTCHA_LENGTH, type SignInOptions } from '../core/sign-in/sign-in-options.js';

/** What a login's body may say: who the person is, and what they read in a captcha. Nothing else of it is looked at. */
export interface LoginBody {
  credentials: Credentials;
  captcha: Pick<SignInOptions, 'captchaCode' | 'captchaToken'>;
}

/**
 * Reads one of `account`, `email`, `username` and `phone`, and `password`, under the names that are configured for them.
 *
 * @throws RequestError where one is missing or is not a string.
 */
export function parsePasswordLogin(req: GenAuthRequest, fields: Readonly<LoginFields>): LoginBody {
  const body = readBody(req, [fields.account, fields.password]);
  const sent = IDENTIFIERS.filter((identifier) => body(fields[identifier]) !== undefined);
  const [identifier = 'account'] = sent;
  if (sent.length > 1) {
    throw new RequestError(`Send only one of ${sent.map((each) => `"${fields[each]}"`).join(' and ')}.`);
  }
  const name = toText(fields[identifier], body(fields[identifier]));
  const password = toText(fields.password, body(fields.password));
  return { credentials: { [identifier]: name, password } as Credentials, captcha: readCaptcha(body, fields) };
}

/** Reads `sAMAccountName` and `password`. @throws RequestError where one is missing or is not a string. */
export function parseAdLogin(req: GenAuthRequest, fields: Readonly<LoginFields>): LoginBody {
  const body = readBody(req, [fields.sAMAccountName, fields.password]);
  const sAMAccountName = toText(fields.sAMAccountName, body(fields.sAMAccountName));
  const password = toText(fields.password, body(fields.password));
  return { credentials: { sAMAccountName, password }, captcha: readCaptcha(body, fields) };
}

type Body = (name: string) => unknown;

/**
 * Only what the body has itself: it may bring its own `__proto__`. Query strings are not looked at: passwords in addresses end
 * up in access logs.
 */
function readBody({ body }: GenAuthRequest, needed: readonly string[]): Body {
  if (typeof body !== 'object' || body === null) {
    const names = needed.map((name) => `"${name}"`).join(' and ');
    throw new RequestError(
      `The request has no body with ${names}: send JSON, and have it parsed before this route (express.json() in Express).`,
    );
  }
  // `null` is how some forms send a field that was left empty.
  return (name) => (Object.hasOwn(body, name) ? ((body as Record<string, unknown>)[name] ?? undefined) : undefined);
}

/** `?password[$ne]=1` makes an object of a field, `password=a&password=b` a list. */
function toText(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new RequestError(`"${name}" must be a non-empty string.`);
}

function readCaptcha(body: Body, fields: Readonly<LoginFields>): LoginBody['captcha'] {
  const captcha: LoginBody['captcha'] = {};
  for (const name of ['captchaCode', 'captchaToken'] as const) {
    const value = body(fields[name]);
    if (value === undefined) continue;
    captcha[name] = toText(fields[name], value);
    if (captcha[name].length > MAX_CAPTCHA_LENGTH) throw new RequestError(`"${fields[name]}" is too long.`);
  }
  return captcha;
}
