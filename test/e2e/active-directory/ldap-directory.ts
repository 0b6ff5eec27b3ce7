import { AndFilter, Client, type Entry, EqualityFilter } from 'ldapts';
import type { EmulatorAdAnswer, EmulatorAdDirectory, EmulatorAdRefusal } from 'passport-genauth/emulator';

export interface LdapDirectoryOptions {
  /** `ldaps://HOST`. Passwords are sent to it, so it must use TLS. */
  url: string;
  /** Certificate of the authority that issued the directory's certificate, PEM. */
  ca: string;
  /** The account that searches for users. */
  bindDn: string;
  bindPassword: string;
  /** Users are searched here and in everything below. */
  baseDn: string;
}

/** The claims and their attributes. */
const CLAIM_ATTRIBUTES = {
  username: 'sAMAccountName',
  name: 'displayName',
  given_name: 'givenName',
  family_name: 'sn',
  email: 'mail',
  phone_number: 'mobile',
} as const;

/** Milliseconds for one operation. It is below the limit of the emulator, so that a connection is closed before it. */
const TIMEOUT_MS = 4000;

/** LDAP result code of a failed bind (RFC 4511 §4.1.9). */
const INVALID_CREDENTIALS = 49;

/** LDAP result codes for a place that does not exist: a referral, no such object, and an invalid name. */
const NO_SUCH_PLACE: readonly unknown[] = [10, 32, 34];

/**
 * Why a bind failed, by the number that Active Directory writes after `data` (Windows system error codes, hexadecimal).
 * Every other number is a wrong name or password.
 */
const BIND_REFUSALS: ReadonlyMap<string | undefined, EmulatorAdRefusal> = new Map([
  ['530', { statusCode: 403, apiCode: 2120008, message: 'User may not sign in at this time.' }],
  ['531', { statusCode: 403, apiCode: 2120008, message: 'User may not sign in from this computer.' }],
  ['533', { statusCode: 403, apiCode: 2120008, message: 'User is disabled.', outcome: 'account_disabled' }],
  ['701', { statusCode: 403, apiCode: 2120008, message: 'Account has expired.', outcome: 'account_expired' }],
  ['773', { statusCode: 301, apiCode: 2058, message: 'Password must be changed.' }],
  ['775', { statusCode: 403, apiCode: 2005, message: 'Account is locked.' }],
]);

/** A mistake in the options of {@link LdapDirectoryOptions}. */
class MisconfiguredError extends Error {}

/**
 * Makes a function for the emulator's option `ad` that asks a real Active Directory. One account searches for the name.
 * A bind as the user that was found checks the password.
 */
export function makeLdapDirectory({ url, ca, ...options }: LdapDirectoryOptions): EmulatorAdDirectory {
  return async (sAMAccountName, password) => {
    const client = new Client({ url, timeout: TIMEOUT_MS, connectTimeout: TIMEOUT_MS, tlsOptions: { ca } });
    try {
      const entry = await findUser(client, options, sAMAccountName);
      return entry && (await checkPassword(client, entry, password));
    } catch (error) {
      return toFailure(error);
    } finally {
      await client.unbind().catch(() => {});
    }
  };
}

async function findUser(
  client: Client,
  { bindDn, bindPassword, baseDn }: Omit<LdapDirectoryOptions, 'url' | 'ca'>,
  sAMAccountName: string,
): Promise<Entry | undefined> {
  await client.bind(bindDn, bindPassword).catch(wrapMistake('bindDn', INVALID_CREDENTIALS));
  // Computers have the class user, too.
  const wanted = { objectCategory: 'person', objectClass: 'user', sAMAccountName };
  const filters = Object.entries(wanted).map(([attribute, value]) => new EqualityFilter({ attribute, value }));
  const search = { filter: new AndFilter({ filters }), attributes: Object.values(CLAIM_ATTRIBUTES) };
  const { searchEntries } = await client.search(baseDn, search).catch(wrapMistake('baseDn'));
  const [entry] = searchEntries;
  // A directory ignores spaces and accents. The emulator counts failures by the name, and does not ignore them.
  const isSame = textOf(entry?.['sAMAccountName'])?.toLowerCase() === sAMAccountName.toLowerCase();
  return searchEntries.length === 1 && isSame ? entry : undefined;
}

async function checkPassword(client: Client, entry: Entry, password: string): Promise<EmulatorAdAnswer> {
  try {
    await client.bind(entry.dn, password);
  } catch (error) {
    if (codeOf(error) !== INVALID_CREDENTIALS) throw error;
    return BIND_REFUSALS.get(/\bdata ([\da-f]+)/i.exec(String(error))?.[1]);
  }
  const claims = Object.entries(CLAIM_ATTRIBUTES).map(([claim, attribute]) => [claim, textOf(entry[attribute])]);
  return { claims: Object.fromEntries(claims) as Record<string, string | undefined> };
}

const wrapMistake =
  (option: keyof LdapDirectoryOptions, ...codes: number[]) =>
  (error: unknown): never => {
    const isMistake = [...NO_SUCH_PLACE, ...codes].includes(codeOf(error));
    throw isMistake ? new MisconfiguredError(`the directory refuses ${option}`) : error;
  };

/** Passes on a code, and never a text of the directory's. */
function toFailure(error: unknown): EmulatorAdRefusal {
  const code = codeOf(error);
  // Codes of Node for certificates (node:tls, X509 certificate error codes).
  const isUntrusted = typeof code === 'string' && /CERT|SIGNATURE|CHAIN|HOSTNAME|^INVALID_/.test(code);
  if (isUntrusted || error instanceof MisconfiguredError) {
    const reason = isUntrusted ? `its certificate is not trusted (${code})` : (error as Error).message;
    return { statusCode: 422, apiCode: 2820002, message: `The AD connection is misconfigured: ${reason}.` };
  }
  if (typeof code === 'number') return { statusCode: 602, message: `LDAP result code ${code}.` };
  return { statusCode: 601, message: `The directory cannot be reached: ${code ?? 'the connection ended'}.` };
}

/** The first value, if it is a text. */
function textOf(value: Entry[string] | undefined): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' && first !== '' ? first : undefined;
}

/** A word in errors of Node, a number in those of LDAP. */
function codeOf(error: unknown): string | number | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' || typeof code === 'number' ? code : undefined;
}
