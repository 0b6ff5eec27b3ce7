import { randomUUID } from 'node:crypto';
import type { Client, Entry } from 'ldapts';
import type { DirectoryClaims } from '../users/accounts.js';
import type { ActiveDirectoryConfig } from './options.js';
import { importOptional } from '../optional-dependency.js';
import { furtherStep, Refusal } from '../sign-in/refusal.js';
import { SIGN_IN_ERRORS } from '../sign-in/answers.js';

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
/** A referral, no such object, and what is no name at all: how directories say that a place is not theirs. */
const NOT_THERE: readonly unknown[] = [10, 32, 34];

type Ldapts = typeof import('ldapts');

/** Whom the emulator's connection AD asks, where it has a real directory. */
export class ActiveDirectory {
  readonly #config: ActiveDirectoryConfig;
  readonly #conversations = new Set<Conversation>();
  /** While it is open. */
  #ldapts: Ldapts | undefined;

  constructor(config: ActiveDirectoryConfig) {
    this.#config = config;
  }

  /**
   * To be called before any sign-in; nothing is asked of the directory yet, which may be down.
   *
   * @throws EmulatorError `ldapts_missing`
   */
  async open(): Promise<void> {
    this.#ldapts = await importOptional('ldapts', async () => ({ default: await import('ldapts') }));
  }

  /** Ends the conversations that are under way, and lets none begin. Resolves when no connection is left. */
  async close(): Promise<void> {
    this.#ldapts = undefined;
    await Promise.all([...this.#conversations].map((conversation) => conversation.end()));
  }

  /**
   * Finds a user by name, and lets the directory judge the password by a bind as that user. It counts each wrong one towards its
   * own lock-out.
   *
   * A name that nobody has takes the same steps, and so does an empty password: for a bind with an empty one a directory
   * would answer success without looking (RFC 4513 §5.1.2).
   *
   * @returns the user's claims, `undefined` for those that the directory does not tell; or `undefined` for a name or a password
   * that is wrong
   * @throws Refusal for all else that the directory says, and where it says nothing
   */
  async authenticate(name: string, password: string): Promise<DirectoryClaims | undefined> {
    const ldapts = this.#ldapts;
    if (ldapts === undefined) throw failure('directoryUnreachable', 'the emulator does not run');
    const conversation = new Conversation(ldapts, this.#config);
    this.#conversations.add(conversation);
    try {
      return await conversation.hold(async () => {
        const entry = await this.#find(ldapts, conversation, name);
        const nobody = `CN=${randomUUID()},${this.#config.baseDn}`;
        const user = password === '' ? undefined : entry;
        const reason = await tryBind(conversation, user?.dn ?? nobody, password || randomUUID());
        const refusal = BIND_REFUSALS.get(reason ?? '');
        if (refusal) throw new Refusal(...refusal);
        return user && reason === undefined ? readClaims(user) : undefined;
      });
    } finally {
      this.#conversations.delete(conversation);
    }
  }

  async #find(ldapts: Ldapts, conversation: Conversation, name: string): Promise<Entry | undefined> {
    const { bindDn, bindPassword, baseDn } = this.#config;
    const reason = await tryBind(conversation, bindDn, bindPassword).catch(blame('bindDn'));
    if (reason !== undefined) {
      const data = reason === '' ? '' : ` (data ${reason})`;
      throw failure('directoryMisconfigured', `the directory refuses bindDn with bindPassword${data}`);
    }
    // Computers are users as well, by their class alone.
    const wanted = { objectCategory: 'person', objectClass: 'user', sAMAccountName: name };
    const filters = Object.entries(wanted).map(([attribute, value]) => new ldapts.EqualityFilter({ attribute, value }));
    const attributes = Object.values(CLAIM_ATTRIBUTES).flat();
    // Without a limit of ours: behind one, ldapts takes a part of the answer for the whole.
    const search = { filter: new ldapts.AndFilter({ filters }), attributes };
    const { searchEntries } = await conversation.ask((client) => client.search(baseDn, search)).catch(blame('baseDn'));
    if (searchEntries.length > 1) throw failure('directoryFailed', 'several users have that name');
    const [entry] = searchEntries;
    // A directory passes over spaces and accents, which the emulator's own count of failures does not.
    const found = textOf(entry?.['sAMAccountName'])?.toLowerCase();
    return found === name.toLowerCase() ? entry : undefined;
  }
}

/** One connection to the directory, with one deadline for all that is said over it. */
class Conversation {
  readonly #client: Client;
  readonly #timeout: number;
  #isOver = false;
  #end = (): void => {};
  #held: Promise<unknown> = Promise.resolve();

  constructor({ Client }: Ldapts, { url, host, ca, timeout }: ActiveDirectoryConfig) {
    // The host once more: ldapts makes another IPv6 address of one that it reads from a URL.
    this.#client = new Client({ url, tlsOptions: { host, ...(ca !== undefined && { ca }) } });
    this.#timeout = timeout;
  }

  /** @throws Refusal where the talk does, and where the directory cannot be reached or is late */
  hold<Result>(talk: () => Promise<Result>): Promise<Result> {
    const result = this.#race(talk);
    this.#held = result.catch(() => {});
    return result;
  }

  /** One question. None is asked any more once the conversation is over, though the answer to the last one still came. */
  async ask<Result>(question: (client: Client) => Promise<Result>): Promise<Result> {
    if (this.#isOver) throw new Error('The conversation is over.');
    return question(this.#client);
  }

  /** Resolves when the connection is gone. */
  async end(): Promise<void> {
    this.#end();
    await this.#held;
  }

  async #race<Result>(talk: () => Promise<Result>): Promise<Result> {
    let timer: NodeJS.Timeout | undefined;
    const ended = new Promise<never>((_, reject) => {
      this.#end = () => reject(failure('directoryUnreachable', 'the emulator stops'));
      timer = setTimeout(() => reject(failure('directoryTimeout', `${this.#timeout} ms`)), this.#timeout);
    });
    try {
      return await Promise.race([talk(), ended]);
    } catch (error) {
      throw error instanceof Refusal ? error : toFailure(error);
    } finally {
      this.#isOver = true;
      clearTimeout(timer);
      await this.#client.unbind().catch(() => {});
    }
  }
}

/** @returns `undefined` for success, else the directory's reason: the number behind `data` */
async function tryBind(conversation: Conversation, dn: string, password: string): Promise<string | undefined> {
  try {
    await conversation.ask((client) => client.bind(dn, password));
    return undefined;
  } catch (error) {
    if (codeOf(error) !== INVALID_CREDENTIALS) throw error;
    return /\bdata ([\da-f]+)/i.exec(String(error))?.[1] ?? '';
  }
}

/** What the directory does not know of the configuration's names is the operator's to mend. */
const blame =
  (member: keyof ActiveDirectoryConfig) =>
  (error: unknown): never => {
    throw NOT_THERE.includes(codeOf(error))
      ? failure('directoryMisconfigured', `the directory has no such ${member}`)
      : error;
  };

function readClaims(entry: Entry): DirectoryClaims {
  const claims = Object.entries(CLAIM_ATTRIBUTES).map(([claim, attributes]) => {
    return [claim, attributes.map((attribute) => textOf(entry[attribute])).find((text) => text !== undefined)] as const;
  });
  return Object.fromEntries(claims);
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

function failure(what: Failure, reason: string): Refusal {
  const { message, ...answer } = SIGN_IN_ERRORS[what];
  return new Refusal('directory_failed', { ...answer, message: `${message}: ${reason}.` });
}

/** Only the code goes on: a text of the directory's may tell more than somebody at a login should read. */
function toFailure(error: unknown): Refusal {
  const code = codeOf(error);
  if (typeof code === 'number') return failure('directoryFailed', `LDAP result code ${code}`);
  if (typeof code !== 'string') return failure('directoryUnreachable', 'the connection ended');
  // Node's codes for certificates (node:tls, X509 certificate error codes).
  const isDistrusted = /CERT|SIGNATURE|CHAIN|HOSTNAME|^INVALID_/.test(code);
  return isDistrusted
    ? failure('directoryMisconfigured', `its certificate is not trusted (${code}), see ca`)
    : failure('directoryUnreachable', code);
}
