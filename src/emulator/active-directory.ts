import { randomUUID } from 'node:crypto';
import type { Client, Entry } from 'ldapts';
import type { ActiveDirectoryConfig } from './active-directory-options.js';
import { importOptional } from './optional-dependency.js';
import { furtherStep, Refusal } from './refusal.js';
import { SIGN_IN_ERRORS } from './sign-in-errors.js';

/** What of a user the emulator tells, by the claims it tells it with; of several attributes the first that is there. */
const CLAIM_ATTRIBUTES = {
  username: ['sAMAccountName'],
  name: ['displayName', 'cn'],
  given_name: ['givenName'],
  family_name: ['sn'],
  email: ['mail'],
  phone_number: ['mobile', 'telephoneNumber'],
} as const;

/**
 * Why a bind failed, by the number that Active Directory's error text carries after `data` (Windows system error codes, in
 * hexadecimal). All others, 52e and 525 among them, are a wrong name or password.
 */
const BIND_REFUSALS: ReadonlyMap<string, ConstructorParameters<typeof Refusal>> = new Map([
  ['530', ['access_denied', SIGN_IN_ERRORS.notAllowedNow]],
  ['531', ['access_denied', SIGN_IN_ERRORS.notAllowedHere]],
  ['532', ['password_change_required', furtherStep(SIGN_IN_ERRORS.passwordTooOld)]],
  ['533', ['account_disabled', SIGN_IN_ERRORS.userDisabled]],
  ['701', ['account_expired', SIGN_IN_ERRORS.accountExpired]],
  ['773', ['password_change_required', furtherStep(SIGN_IN_ERRORS.passwordExpired)]],
  ['775', ['account_locked', SIGN_IN_ERRORS.accountLocked]],
]);

/** LDAP result codes (RFC 4511 §4.1.9). */
const INVALID_CREDENTIALS = 49;
const NO_SUCH_OBJECT = 32;

/** Whom the emulator's connection AD asks, where it has a real directory. */
export class ActiveDirectory {
  readonly #config: ActiveDirectoryConfig;
  readonly #conversations = new Set<() => void>();
  #isOpen = false;

  constructor(config: ActiveDirectoryConfig) {
    this.#config = config;
  }

  /**
   * To be called before any sign-in; nothing is asked of the directory yet, which may be down.
   *
   * @throws EmulatorError `ldapts_missing`
   */
  async open(): Promise<void> {
    await importLdapts();
    this.#isOpen = true;
  }

  /** Ends the conversations that are under way, and lets none begin. */
  close(): void {
    this.#isOpen = false;
    for (const end of this.#conversations) end();
  }

  /**
   * Finds a user by name, and lets the directory judge the password by a bind as that user. It counts each wrong one towards its
   * own lock-out.
   *
   * A name that nobody has takes the same steps, and so does an empty password: for a bind with an empty one a directory
   * would answer success without looking (RFC 4513 §5.1.2).
   *
   * @returns the user's claims; `undefined` for a name or a password that is wrong
   * @throws Refusal for all else that the directory says, and where it says nothing
   */
  async authenticate(name: string, password: string): Promise<Record<string, string> | undefined> {
    return this.#converse(async (client) => {
      const entry = await this.#find(client, name);
      const nobody = `CN=${randomUUID()},${this.#config.baseDn}`;
      const user = password === '' ? undefined : entry;
      const reason = await tryBind(client, user?.dn ?? nobody, password || randomUUID());
      const refusal = BIND_REFUSALS.get(reason ?? '');
      if (refusal) throw new Refusal(...refusal);
      return user && reason === undefined ? readClaims(user) : undefined;
    });
  }

  async #converse<Result>(talk: (client: Client) => Promise<Result>): Promise<Result> {
    const { url, host, ca, timeout } = this.#config;
    const { Client } = await importLdapts();
    if (!this.#isOpen) throw fail('directoryUnreachable', 'the emulator stops');
    // The host once more: ldapts makes another IPv6 address of one that it reads from a URL.
    const tlsOptions = { host, ...(ca !== undefined && { ca }) };
    const client = new Client({ url, tlsOptions });
    let end = (): void => {};
    let timer: NodeJS.Timeout | undefined;
    const ended = new Promise<never>((_, reject) => {
      end = () => reject(fail('directoryUnreachable', 'the emulator stops'));
      timer = setTimeout(() => reject(fail('directoryTimeout', `${timeout} ms`)), timeout);
    });
    this.#conversations.add(end);
    try {
      return await Promise.race([talk(client), ended]);
    } catch (error) {
      throw error instanceof Refusal ? error : toFailure(error);
    } finally {
      clearTimeout(timer);
      this.#conversations.delete(end);
      await client.unbind().catch(() => {});
    }
  }

  async #find(client: Client, name: string): Promise<Entry | undefined> {
    const { bindDn, bindPassword, baseDn } = this.#config;
    const reason = await tryBind(client, bindDn, bindPassword);
    if (reason !== undefined) {
      throw fail('directoryMisconfigured', `the directory refuses bindDn with bindPassword (data ${reason})`);
    }
    const { AndFilter, EqualityFilter } = await importLdapts();
    // Computers are users as well, by their class alone.
    const wanted = { objectCategory: 'person', objectClass: 'user', sAMAccountName: name };
    const filters = Object.entries(wanted).map(([attribute, value]) => new EqualityFilter({ attribute, value }));
    const attributes = Object.values(CLAIM_ATTRIBUTES).flat();
    // Two: one that is found must be the only one.
    const search = { filter: new AndFilter({ filters }), attributes, sizeLimit: 2 };
    const { searchEntries } = await client.search(baseDn, search).catch((error: unknown) => {
      throw codeOf(error) === NO_SUCH_OBJECT ? fail('directoryMisconfigured', 'the directory has no baseDn') : error;
    });
    if (searchEntries.length > 1) throw fail('directoryFailed', 'several users have that name');
    const [entry] = searchEntries;
    // A directory passes over spaces and accents, which the emulator's own count of failures does not.
    const found = textOf(entry?.['sAMAccountName'])?.toLowerCase();
    return found === name.toLowerCase() ? entry : undefined;
  }
}

/** @returns `undefined` for success, else the directory's reason: the number behind `data` */
async function tryBind(client: Client, dn: string, password: string): Promise<string | undefined> {
  try {
    await client.bind(dn, password);
    return undefined;
  } catch (error) {
    if (codeOf(error) !== INVALID_CREDENTIALS) throw error;
    return /\bdata ([\da-f]+)/i.exec(String(error))?.[1] ?? '';
  }
}

function readClaims(entry: Entry): Record<string, string> {
  const claims = Object.entries(CLAIM_ATTRIBUTES).map(([claim, attributes]) => {
    return [claim, attributes.map((attribute) => textOf(entry[attribute])).find((text) => text !== undefined)];
  });
  return Object.fromEntries(claims.filter(([, value]) => value !== undefined)) as Record<string, string>;
}

/** The one value, or the first; bytes that are no text are none. */
function textOf(value: Entry[string] | undefined): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' && first !== '' ? first : undefined;
}

/** Node's and TLS's codes are words, those of LDAP numbers. */
function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}

type Failure = 'directoryUnreachable' | 'directoryMisconfigured' | 'directoryTimeout' | 'directoryFailed';

function fail(failure: Failure, reason: string): Refusal {
  const { message, ...answer } = SIGN_IN_ERRORS[failure];
  return new Refusal('directory_failed', { ...answer, message: `${message}: ${reason}.` });
}

/** Only the code goes on: a text of the directory's may tell more than somebody at a login should read. */
function toFailure(error: unknown): Refusal {
  const code = codeOf(error);
  if (typeof code === 'number') return fail('directoryFailed', `LDAP result code ${code}`);
  if (typeof code !== 'string') return fail('directoryUnreachable', 'the connection ended');
  const isDistrusted = /CERT|SIGNATURE/.test(code);
  return isDistrusted
    ? fail('directoryMisconfigured', `its certificate is not trusted (${code}), see ca`)
    : fail('directoryUnreachable', code);
}

function importLdapts(): Promise<typeof import('ldapts')> {
  return importOptional('ldapts', async () => ({ default: await import('ldapts') }));
}
