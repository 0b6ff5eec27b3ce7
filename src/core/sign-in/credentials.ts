import { RequestError } from '../errors.js';
import { isRecord, ownProperties } from '../util/record.js';

const MAX_IDENTIFIER_LENGTH = 256;
const MAX_PASSWORD_LENGTH = 1024;

/** The four ways to name a person with a password; `account` is any of the others, GenAuth tries them. */
export const IDENTIFIERS = ['account', 'email', 'username', 'phone'] as const;
export type Identifier = (typeof IDENTIFIERS)[number];

/** One identifier and the password. */
export type PasswordCredentials = {
  [Name in Identifier]: { [Member in Name]: string } & { [Other in Exclude<Identifier, Name>]?: never } & {
    password: string;
  };
}[Identifier];

/** The name that a person has in the company's Active Directory, and the password there. */
export interface AdCredentials {
  sAMAccountName: string;
  password: string;
}

export type Credentials = PasswordCredentials | AdCredentials;

/** Credentials in the form of the wire: which connection, what the person is called by, and the password. */
export interface ParsedCredentials {
  connection: 'PASSWORD' | 'AD';
  identifier: Identifier | 'sAMAccountName';
  name: string;
  password: string;
}

const NAMES = [...IDENTIFIERS, 'sAMAccountName'] as const;
type Name = (typeof NAMES)[number];

/**
 * Checks credentials. Texts are neither trimmed nor normalised: a password may begin with a space.
 *
 * @param given - One of the `names`, and `password`; other members are ignored. `undefined` counts as absent.
 * @param names - The names of a user that are accepted. Default: all five.
 * @param fields - What the request calls the members, for the error's message. Default: each by its own name.
 * @throws RequestError for credentials that no account can have. Nothing is sent to GenAuth then.
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
 * @param field - What the request calls the text.
 * @param limit - Maximum number of characters.
 * @throws RequestError without the value, which may be a password in the wrong field.
 */
export function expectText(field: string, value: unknown, limit: number): string {
  if (typeof value === 'string' && value !== '' && value.length <= limit) return value;
  throw new RequestError(`"${field}" must be a string of 1 to ${limit} characters.`, {
    field,
    limit,
    unit: 'characters',
  });
}
