import { RequestError } from '../core/errors.js';
import type { GenAuthRequest, LoginFields } from '../core/options/types.js';
import { IDENTIFIERS, type ParsedCredentials, expectText, parseCredentials } from '../core/sign-in/credentials.js';
import { MAX_CAPTCHA_LENGTH, type SignInOptions } from '../core/sign-in/sign-in-options.js';

/** What is read from a login's body: the credentials and a captcha. Nothing else of the body is looked at. */
export interface LoginBody {
  credentials: ParsedCredentials;
  captcha: Pick<SignInOptions, 'captchaCode' | 'captchaToken'>;
}

/**
 * Reads one of `account`, `email`, `username` and `phone`, and `password`, under the names that are configured for
 * them.
 *
 * @throws RequestError if one is missing or is not a string.
 */
export function parsePasswordLogin(req: GenAuthRequest, fields: Readonly<LoginFields>): LoginBody {
  return parseLogin(req, fields, IDENTIFIERS);
}

/** Reads `sAMAccountName` and `password`. @throws RequestError if one is missing or is not a string. */
export function parseAdLogin(req: GenAuthRequest, fields: Readonly<LoginFields>): LoginBody {
  return parseLogin(req, fields, ['sAMAccountName']);
}

/**
 * Reads own properties of the parsed body only, because a body may bring its own `__proto__`. Query strings are
 * ignored: passwords in addresses end up in access logs.
 */
function parseLogin(
  { body }: GenAuthRequest,
  fields: Readonly<LoginFields>,
  names: readonly ParsedCredentials['identifier'][],
): LoginBody {
  if (typeof body !== 'object' || body === null) {
    const [name = 'account'] = names;
    throw new RequestError(
      `The request has no body with "${fields[name]}" and "${fields.password}": send JSON, and have it parsed before ` +
        'this route (express.json() in Express).',
    );
  }
  // Some forms send `null` for a field that was left empty.
  const read = (name: keyof LoginFields): unknown =>
    Object.hasOwn(body, fields[name]) ? ((body as Record<string, unknown>)[fields[name]] ?? undefined) : undefined;
  const given = Object.fromEntries([...names, 'password' as const].map((name) => [name, read(name)]));
  const captcha: LoginBody['captcha'] = {};
  for (const name of ['captchaCode', 'captchaToken'] as const) {
    const value = read(name);
    if (value !== undefined) captcha[name] = expectText(fields[name], value, MAX_CAPTCHA_LENGTH);
  }
  return { credentials: parseCredentials(given, names, fields), captcha };
}
