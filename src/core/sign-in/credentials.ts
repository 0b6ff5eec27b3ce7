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

/**
 * Checks credentials. Texts are neither trimmed nor normalised: a password may begin with a space.
 *
 * @throws RequestError for credentials that no account can have; they are never sent.
 */
export function parseCredentials(given: Credentials): ParsedCredentials {
  const credentials: Partial<Record<string, unknown>> = ownProperties(isRecord(given) ? given : {});
  const named = ([...IDENTIFIERS, 'sAMAccountName'] as const).filter((name) => credentials[name] !== undefined);
  const [identifier] = named;
  if (identifier === undefined || named.length > 1) {
    const found = named.length === 0 ? 'none' : named.join(' and ');
    throw new RequestError(
      `One of ${IDENTIFIERS.join(', ')} and sAMAccountName is needed with the password, not ${found}.`,
    );
  }
  return {
    connection: identifier === 'sAMAccountName' ? 'AD' : 'PASSWORD',
    identifier,
    name: readText(identifier, credentials[identifier], MAX_IDENTIFIER_LENGTH),
    password: readText('password', credentials['password'], MAX_PASSWORD_LENGTH),
  };
}

function readText(name: string, value: unknown, maxLength: number): string {
  if (typeof value === 'string' && value !== '' && value.length <= maxLength) return value;
  // The value stays out of the message: it may be a password in the wrong field.
  throw new RequestError(`"${name}" must be a string of 1 to ${maxLength} characters.`);
}
