import {
  type Account,
  buildAccount,
  buildDirectoryAccount,
  isIdentifier,
  readChanges,
  readClaims,
  replaceDirectoryClaims,
  taken,
} from './accounts.js';
import type { DirectoryClaims } from './ad-answer.js';
import { at, readObject } from '../input/readers.js';
import { type EmulatorClaims, USER_CLAIMS } from './claims.js';
import { EmulatorError, invalid } from '../errors.js';
import { type Catalogs, type EmulatorUserStates, STATE_NAMES } from './user-states.js';

export type { Account } from './accounts.js';

/** A user of the connection PASSWORD: at least one of `username`, `email` and `phone_number`, and a password. */
export interface EmulatorUser extends EmulatorClaims, EmulatorUserStates {
  /** Clear text, not empty; kept as a hash only. */
  password: string;
}

/** An account of the connection AD. Signed in, it is a user whose `username` is its `sAMAccountName`. */
export interface EmulatorAdAccount extends Omit<EmulatorClaims, 'username'>, EmulatorUserStates {
  /** Name for sign-in; its case does not matter. */
  sAMAccountName: string;
  /** Clear text, not empty; kept as a hash only. */
  password: string;
}

/** What a password sign-in may name a user by; `account` is any of the others. */
export const IDENTIFIERS = ['account', 'email', 'username', 'phone'] as const;
export type Identifier = (typeof IDENTIFIERS)[number];

/** The claims behind the identifiers, in the order in which `account` tries them. */
const IDENTIFYING_CLAIMS = [
  ['username', 'username'],
  ['email', 'email'],
  ['phone', 'phone_number'],
] as const;

const USER_MEMBERS: readonly string[] = ['password', ...USER_CLAIMS, ...STATE_NAMES];
const AD_MEMBERS: readonly string[] = USER_MEMBERS.filter((name) => name !== 'username');

/** The users who can sign in. Identifiers are unique, so that a sign-in by `account` means one user at most. */
export class UserStore {
  readonly #users = new Map<string, Account>();
  readonly #adAccounts = new Map<string, Account>();
  /** Names that users gave up are still in their `sub`, so no new user may start with one. */
  readonly #subs = new Set<string>();
  readonly #catalogs: Catalogs;
  readonly #hasDirectory: boolean;

  /** @param hasDirectory whether the option `ad` decides who the AD accounts are and which passwords they have */
  constructor(catalogs: Catalogs, hasDirectory: boolean) {
    this.#catalogs = catalogs;
    this.#hasDirectory = hasDirectory;
  }

  /**
   * @param path where the user stands, for messages: `users[2]`
   * @returns the new user's `sub`
   * @throws EmulatorError `invalid_input`
   */
  addUser(user: unknown, path: string): string {
    const given = readObject(user, path, USER_MEMBERS);
    const claims = readClaims(given, path, this.#catalogs);
    const [first] = identifiersOf(claims);
    if (!first) throw invalid(path, 'one of username, email and phone_number', user);
    this.#checkFree(claims, path);
    const [identifier, claim, name] = first;
    const account = buildAccount(userKey(identifier, name), claims, given, path, this.#catalogs);
    if (this.#subs.has(account.sub)) throw taken(at(path, claim), name);
    this.#subs.add(account.sub);
    this.#enter(account);
    return account.sub;
  }

  /**
   * Changes a user, whose `sub` stays.
   *
   * @param name any of the user's identifiers
   * @throws EmulatorError `invalid_input`
   */
  updateUser(name: unknown, changes: unknown): void {
    const account = this.#getUser(name);
    const given = readObject(changes, 'changes', USER_MEMBERS);
    const claims = readClaims(given, 'changes', this.#catalogs);
    this.#checkFree(claims, 'changes', account);
    const next = readChanges(account, claims, given, this.#catalogs);
    this.#leave(account);
    Object.assign(account, next);
    this.#enter(account);
  }

  /**
   * @param name any of the user's identifiers
   * @throws EmulatorError `invalid_input`
   */
  removeUser(name: unknown): void {
    const account = this.#getUser(name);
    this.#leave(account);
    this.#subs.delete(account.sub);
    account.removed = true;
  }

  /**
   * @param path where the account stands, for messages: `adAccounts[0]`
   * @returns the new account's `sub`
   * @throws EmulatorError `invalid_input`
   */
  addAdAccount(adAccount: unknown, path: string): string {
    if (this.#hasDirectory) {
      throw new EmulatorError('invalid_input', `${path}: with the option ad, the accounts are those of the directory.`);
    }
    const given = readObject(adAccount, path, ['sAMAccountName', ...AD_MEMBERS]);
    const name = given.get('sAMAccountName');
    if (!isIdentifier(name)) throw invalid(at(path, 'sAMAccountName'), 'a name without control characters', name);
    if (this.findAdAccount(name)) throw taken(at(path, 'sAMAccountName'), name);
    const claims = { ...readClaims(given, path, this.#catalogs), username: name };
    const account = buildAccount(adKey(name), claims, given, path, this.#catalogs);
    this.#adAccounts.set(name.toLowerCase(), account);
    return account.sub;
  }

  /**
   * Returns the account of a user whose password the directory has found right. Creates it at the first sign-in, and
   * updates its claims at each.
   *
   * @param name as it was typed
   */
  admitFromDirectory(name: string, claims: DirectoryClaims): Account {
    const account = this.findAdAccount(name) ?? buildDirectoryAccount(adKey(name), name);
    replaceDirectoryClaims(account, claims, this.#catalogs);
    this.#adAccounts.set(name.toLowerCase(), account);
    return account;
  }

  /**
   * Changes an AD account, whose name and `sub` stay. With the option `ad`, the account must have signed in before, and
   * its password cannot be changed here.
   *
   * @throws EmulatorError `invalid_input`
   */
  updateAdAccount(name: unknown, changes: unknown): void {
    const account = this.#getAdAccount(name);
    const members = this.#hasDirectory ? AD_MEMBERS.filter((member) => member !== 'password') : AD_MEMBERS;
    const given = readObject(changes, 'changes', members);
    const claims = readClaims(given, 'changes', this.#catalogs);
    Object.assign(account, readChanges(account, claims, given, this.#catalogs));
  }

  /** @throws EmulatorError `invalid_input` */
  removeAdAccount(name: unknown): void {
    const account = this.#getAdAccount(name);
    this.#adAccounts.delete(String(name).toLowerCase());
    account.removed = true;
  }

  /** All users, without passwords, in the order in which they were added. */
  list(): { users: object[]; adAccounts: object[] } {
    const show = ({ sub, claims, states }: Account) => ({ sub, ...claims, ...states });
    return {
      // A user is there once for each identifier.
      users: [...new Set(this.#users.values())].map(show),
      adAccounts: [...this.#adAccounts.values()].map((account) => {
        const { username, ...rest } = show(account) as Record<string, unknown>;
        return { sAMAccountName: username, ...rest };
      }),
    };
  }

  /** E-mail addresses are compared without case, user names and phone numbers exactly (SigninByCredentialsDto). */
  findUser(identifier: Identifier, value: string): Account | undefined {
    if (identifier !== 'account') return this.#users.get(userKey(identifier, value));
    for (const [each] of IDENTIFYING_CLAIMS) {
      const user = this.#users.get(userKey(each, value));
      if (user) return user;
    }
    return undefined;
  }

  /**
   * Creates a user with one identifier, as `autoRegister` does.
   *
   * @returns `undefined` if another user has that identifier, of any kind
   * @throws EmulatorError `invalid_input`
   */
  register(identifier: Exclude<Identifier, 'account'>, value: string, password: string): Account | undefined {
    if (this.findUser('account', value)) return undefined;
    const claim = IDENTIFYING_CLAIMS.find(([each]) => each === identifier)?.[1] ?? identifier;
    this.addUser({ [claim]: value, password }, 'autoRegister');
    return this.findUser(identifier, value);
  }

  /**
   * Returns one key for all identifiers of a user, and a key of its own for each unknown name. Failures are counted by
   * it, so unknown names behave like known ones.
   */
  keyOf(connection: 'PASSWORD' | 'AD', name: string): string {
    if (connection === 'AD') return adKey(name);
    const user = this.findUser('account', name);
    return user ? `user:${user.sub}` : `unknown:${name.includes('@') ? name.toLowerCase() : name}`;
  }

  findAdAccount(sAMAccountName: string): Account | undefined {
    return this.#adAccounts.get(sAMAccountName.toLowerCase());
  }

  #getUser(name: unknown): Account {
    const account = typeof name === 'string' ? this.findUser('account', name) : undefined;
    if (!account) throw invalid('account', 'user name, e-mail address or phone number of a user', name);
    return account;
  }

  #getAdAccount(name: unknown): Account {
    const account = typeof name === 'string' ? this.findAdAccount(name) : undefined;
    if (!account) throw invalid('sAMAccountName', 'the name of an AD account', name);
    return account;
  }

  /** @throws EmulatorError if an identifier among the claims is that of another user than `own` */
  #checkFree(claims: Readonly<Record<string, unknown>>, path: string, own?: Account): void {
    for (const [, claim, name] of identifiersOf(claims)) {
      const other = this.findUser('account', name);
      if (other && other !== own) throw taken(at(path, claim), name);
    }
  }

  #enter(account: Account): void {
    for (const [identifier, , name] of identifiersOf(account.claims)) {
      this.#users.set(userKey(identifier, name), account);
    }
  }

  #leave(account: Account): void {
    for (const [identifier, , name] of identifiersOf(account.claims)) this.#users.delete(userKey(identifier, name));
  }
}

function identifiersOf(claims: Readonly<Record<string, unknown>>) {
  return IDENTIFYING_CLAIMS.filter(([, claim]) => claims[claim] !== undefined).map(
    ([identifier, claim]) => [identifier, claim, String(claims[claim])] as const,
  );
}

function adKey(sAMAccountName: string): string {
  return `ad:${sAMAccountName.toLowerCase()}`;
}

function userKey(identifier: Exclude<Identifier, 'account'>, value: string): string {
  return `${identifier}:${identifier === 'email' ? value.toLowerCase() : value}`;
}
