import { RequestError } from '../core/errors.js';
import type { GenAuthRequest, LoginFields } from '../core/options/types.js';
import { IDENTIFIERS, type ParsedCredentials, expectText, parseCredentials } from '../core/sign-in/credentials.js';
import { MAX_CAPTCHA_LENGTH, type SignInOptions } from '../core/sign-in/sign-in-options.js';

/**
 * The fields that are read from the body of a login request: the credentials and a captcha. All other fields of the
 * body are ignored.
 */
export interface LoginBody {
  credentials: ParsedCredentials;
  captcha: Pick<SignInOptions, 'captchaCode' | 'captchaToken'>;
}

/**
 * Reads the credentials of a password login from the request body: `password`, and exactly one of `account`, `email`,
 * `username` and `phone`. Also reads `captchaCode` and `captchaToken` if the body has them.
 *
 * @param fields - The names of these fields in the body, from the client's option `fields`.
 * @throws RequestError if the body is not parsed, or if a field is missing, empty, too long or not a string.
 */
export function parsePasswordLogin(req: GenAuthRequest, fields: Readonly<LoginFields>): LoginBody {
  return parseLogin(req, fields, IDENTIFIERS);
}

/**
 * Reads the credentials of an Active Directory login from the request body: `sAMAccountName` and `password`. Also reads
 * `captchaCode` and `captchaToken` if the body has them.
 *
 * @param fields - The names of these fields in the body, from the client's option `fields`.
 * @throws RequestError if the body is not parsed, or if a field is missing, empty, too long or not a string.
 */
export function parseAdLogin(req: GenAuthRequest, fields: Readonly<LoginFields>): LoginBody {
  return parseLogin(req, fields, ['sAMAccountName']);
}

/**
 * Returns the kind of login whose fields the request body has: `ad` if it has `sAMAccountName` and none of `account`,
 * `email`, `username` and `phone`, `password` if it has one of those four and not `sAMAccountName`. Returns `undefined`
 * if the body has the fields of both kinds or of neither kind.
 *
 * @param fields - The names of these fields in the body, from the client's option `fields`.
 */
export function findLoginKind(body: unknown, fields: Readonly<LoginFields>): 'password' | 'ad' | undefined {
  const isPassword = IDENTIFIERS.some((name) => readField(body, fields[name]) !== undefined);
  const isAd = readField(body, fields.sAMAccountName) !== undefined;
  if (isPassword === isAd) return undefined;
  return isAd ? 'ad' : 'password';
}

/**
 * Reads a field of a parsed body. Some clients send `null` for an empty field, so `null` is read as a missing field.
 */
function readField(body: unknown, name: string): unknown {
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, name)) return undefined;
  return (body as Record<string, unknown>)[name] ?? undefined;
}

/**
 * Reads the login fields of the parsed request body. Only own properties are read, because a sender can put `__proto__`
 * into a body. The query string is not read: access logs contain the query string, so they would contain the password.
 */
function parseLogin(
  { body }: GenAuthRequest,
  fields: Readonly<LoginFields>,
  names: readonly ParsedCredentials['identifier'][],
): LoginBody {
  if (typeof body !== 'object' || body === null) {
    const [name = 'account'] = names;
    throw new RequestError(
      `The request has no parsed body with "${fields[name]}" and "${fields.password}": ` +
        'send JSON, and parse it before this route. In Express write app.use(express.json()).',
    );
  }
  const read = (name: keyof LoginFields): unknown => readField(body, fields[name]);
  const given = Object.fromEntries([...names, 'password' as const].map((name) => [name, read(name)]));
  const captcha: LoginBody['captcha'] = {};
  for (const name of ['captchaCode', 'captchaToken'] as const) {
    const value = read(name);
    if (value !== undefined) captcha[name] = expectText(fields[name], value, MAX_CAPTCHA_LENGTH);
  }
  return { credentials: parseCredentials(given, names, fields), captcha };
}
