import { RequestError } from '../errors.js';
import { isRecord, ownProperties } from '../util/record.js';

/** Characters. */
const MAX_IDENTIFIER_LENGTH = 256;
/** Characters. */
const MAX_PASSWORD_LENGTH = 1024;

/** The identifiers of a password login. For `account` GenAuth tries username, phone number and e-mail address. */
export const IDENTIFIERS = ['account', 'email', 'username', 'phone'] as const;
export type Identifier = (typeof IDENTIFIERS)[number];

/**
 * The credentials of a password login: `password` and exactly one of `account`, `email`, `username` and `phone`, for
 * example `{ account: 'alice', password: '…' }`. For `account` GenAuth tries username, phone number and e-mail address.
 * The identifier has 1 to 256 characters, the password 1 to 1,024.
 */
export type PasswordCredentials = {
  [Name in Identifier]: { [Member in Name]: string } & { [Other in Exclude<Identifier, Name>]?: never } & {
    password: string;
  };
}[Identifier];

/** The credentials of an Active Directory login. GenAuth checks them against the directory of the tenant. */
export interface AdCredentials {
  /** The user's logon name in Active Directory: 1 to 256 characters. */
  sAMAccountName: string;
  /** The user's password in Active Directory: 1 to 1,024 characters. */
  password: string;
}

/** The credentials of a sign-in: of a password login or of an Active Directory login. */
export type Credentials = PasswordCredentials | AdCredentials;

/** Checked credentials, in the form that the request to GenAuth needs. */
export interface ParsedCredentials {
  /** GenAuth's name for the kind of login. */
  connection: 'PASSWORD' | 'AD';
  /** The kind of identifier that was given. */
  identifier: Identifier | 'sAMAccountName';
  /** The value of the identifier. */
  name: string;
  password: string;
}

const NAMES = [...IDENTIFIERS, 'sAMAccountName'] as const;
type Name = (typeof NAMES)[number];

/**
 * Checks credentials. Strings are neither trimmed nor normalised, because a password may begin with a space.
 *
 * @param given - An object with one of the `names` and `password`. Other properties, and properties that are
 * `undefined`, are ignored.
 * @param names - The accepted identifiers. Default: all five.
 * @param fields - The names of the fields in the request, for the message of the error. Default: the property names.
 * @throws RequestError if the credentials cannot be those of any account: a value is missing, is not a string or has a
 * wrong length, or there is more than one identifier.
 */
export function parseCredentials(
  given: unknown,
  names: readonly Name[] = NAMES,
  fields: Readonly<Partial<Record<Name | 'password', string>>> = {},
): ParsedCredentials {
  const credentials: Partial<Record<string, unknown>> = ownProperties(isRecord(given) ? given : {});
  const show = (name: Name): string => `"${fields[name] ?? name}"`;
  const present = names.filter((name) => credentials[name] !== undefined);
  const [identifier] = present;
  if (identifier === undefined) throw new RequestError(`Send ${names.map(show).join(' or ')} with the password.`);
  if (present.length > 1) throw new RequestError(`Send only one of ${present.map(show).join(' and ')}.`);
  return {
    connection: identifier === 'sAMAccountName' ? 'AD' : 'PASSWORD',
    identifier,
    name: expectText(fields[identifier] ?? identifier, credentials[identifier], MAX_IDENTIFIER_LENGTH),
    password: expectText(fields.password ?? 'password', credentials['password'], MAX_PASSWORD_LENGTH),
  };
}

/**
 * Checks that a value is a string of 1 to `limit` characters.
 *
 * @param field - The name of the field in the request.
 * @throws RequestError without the value, because the value may be a password in the wrong field.
 */
export function expectText(field: string, value: unknown, limit: number): string {
  if (typeof value === 'string' && value !== '' && value.length <= limit) return value;
  throw new RequestError(`"${field}" must be a string of 1 to ${limit} characters.`, {
    field,
    limit,
    unit: 'characters',
  });
}
