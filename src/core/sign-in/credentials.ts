import { RequestError } from '../errors.js';
import { quote } from '../util/quote.js';
import { isRecord, ownProperties } from '../util/record.js';
import { suggestName } from '../util/unknown-options.js';

/** Maximum length of an identifier, for example an e-mail address, in characters. */
export const MAX_IDENTIFIER_LENGTH = 256;
/** Maximum length of a password, in characters. */
export const MAX_PASSWORD_LENGTH = 1024;

/**
 * The properties that can identify the user of a password login. GenAuth compares `account` with usernames, phone
 * numbers and e-mail addresses.
 */
export const IDENTIFIERS = ['account', 'email', 'username', 'phone'] as const;
/** The name of a property that identifies the user of a password login. */
export type Identifier = (typeof IDENTIFIERS)[number];

/**
 * The credentials of a password login: `password` and exactly one of `account`, `email`, `username` and `phone`, for
 * example `{ account: 'alice', password: '…' }`. GenAuth compares `account` with usernames, phone numbers and e-mail
 * addresses. The identifier has 1 to 256 characters. The password has 1 to 1,024 characters.
 */
export type PasswordCredentials = {
  [Name in Identifier]: { [Member in Name]: string } & { [Other in Exclude<Identifier, Name>]?: never } & {
    /** The password: 1 to 1,024 characters. */
    password: string;
  };
}[Identifier];

/** The credentials of an Active Directory login. GenAuth checks the credentials against the tenant's directory. */
export interface AdCredentials {
  /** The user's logon name in Active Directory: 1 to 256 characters. */
  sAMAccountName: string;
  /** The user's password in Active Directory: 1 to 1,024 characters. */
  password: string;
}

/** The credentials of a sign-in: of a password login, or of an Active Directory login. */
export type Credentials = PasswordCredentials | AdCredentials;

/** Checked credentials, in the form that the request to GenAuth needs. */
export interface ParsedCredentials {
  /** GenAuth's name for the kind of login: a password login or an Active Directory login. */
  connection: 'PASSWORD' | 'AD';
  /** The kind of identifier that the caller gave, for example `email`. */
  identifier: Identifier | 'sAMAccountName';
  /** The value of the identifier, for example the e-mail address. */
  name: string;
  /** The password in clear text. */
  password: string;
}

const NAMES = [...IDENTIFIERS, 'sAMAccountName'] as const;
type Name = (typeof NAMES)[number];

/**
 * Checks credentials. Strings are neither trimmed nor normalised, because a password may begin with a space.
 *
 * @param given - An object with `password` and one of the properties in `names`. All other properties are ignored. A
 * property that is `undefined` is also ignored.
 * @param names - The accepted identifiers. Default: all five identifiers.
 * @param fields - The names of the fields in the request body, for the error's message. Default: the property names.
 * @throws RequestError if the credentials are malformed: a value is missing, is not a string or has a wrong length, or
 * there is more than one identifier.
 */
export function parseCredentials(
  given: unknown,
  names: readonly Name[] = NAMES,
  fields: Readonly<Partial<Record<Name | 'password', string>>> = {},
): ParsedCredentials {
  const show = (name: Name): string => `"${fields[name] ?? name}"`;
  if (!isRecord(given)) {
    const [name = 'account'] = names;
    // The message does not show the value, because the value may be a password.
    const value = given === undefined || given === null ? String(given) : `of type ${describeType(given)}`;
    throw new RequestError(`The credentials are ${value}: send an object with ${show(name)} and the password.`);
  }
  const credentials: Partial<Record<string, unknown>> = ownProperties(given);
  const present = names.filter((name) => credentials[name] !== undefined);
  const [identifier] = present;
  const describeMisspelt = (): string => listMisspelt(credentials, [...names, 'password']);
  if (identifier === undefined) {
    throw new RequestError(`Send ${names.map(show).join(' or ')} with the password.${describeMisspelt()}`);
  }
  if (present.length > 1) throw new RequestError(`Send only one of ${present.map(show).join(' and ')}.`);
  return {
    connection: identifier === 'sAMAccountName' ? 'AD' : 'PASSWORD',
    identifier,
    name: expectText(fields[identifier] ?? identifier, credentials[identifier], MAX_IDENTIFIER_LENGTH),
    password: expectText(fields.password ?? 'password', credentials['password'], MAX_PASSWORD_LENGTH, describeMisspelt),
  };
}

/** Returns a sentence for each misspelt name of the credentials, for example `Write "account" in place of "acount".` */
function listMisspelt(credentials: object, known: readonly string[]): string {
  return Object.keys(credentials)
    .filter((name) => !known.includes(name))
    .map((name) => [name, suggestName(name, known)] as const)
    .map(([name, meant]) => (meant === undefined ? '' : ` Write "${meant}" in place of ${quote(name)}.`))
    .join('');
}

function describeType(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value;
}

/**
 * Checks that a value is a string of 1 to `limit` characters.
 *
 * @param field - The name of the field in the request body.
 * @param describeHint - Returns a sentence for the end of the message. Default: no sentence.
 * @throws RequestError if the value is anything else. The error does not contain the value, because the value may be a
 * password in the wrong field.
 */
export function expectText(field: string, value: unknown, limit: number, describeHint = () => ''): string {
  if (typeof value === 'string' && value !== '' && value.length <= limit) return value;
  throw new RequestError(`"${field}" must be a string of 1 to ${limit} characters.${describeHint()}`, {
    field,
    limit,
    unit: 'characters',
  });
}
