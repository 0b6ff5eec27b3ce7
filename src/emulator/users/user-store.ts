import {
  type Account,
  buildAccount,
  buildDirectoryAccount,
  isIdentifier,
  readChanges,
  readClaims,
  replaceDirectoryClaims,
  duplicateIdentifier,
  nameOf,
  unknownAccount,
} from './accounts.js';
import type { DirectoryClaims } from './ad-answer.js';
import { at, readObject } from '../input/readers.js';
import { type EmulatorClaims, USER_CLAIMS } from './claims.js';
import { EmulatorError, invalid } from '../errors.js';
import { type Catalogs, type EmulatorUserStates, STATE_NAMES } from './user-states.js';

export type { Account } from './accounts.js';

/**
 * A user who signs in with the connection `PASSWORD`. At least one of `username`, `email` and `phone_number` is
 * required.
 */
export interface EmulatorUser extends EmulatorClaims, EmulatorUserStates {
  /** The password in clear text. It must not be empty. The emulator stores only a hash of the password. */
  password: string;
}

/**
 * An account that signs in with the connection `AD` (Active Directory). Its claim `username` has the value of
 * `sAMAccountName`.
 */
export interface EmulatorAdAccount extends Omit<EmulatorClaims, 'username'>, EmulatorUserStates {
  /** The name for sign-in. Upper and lower case are not distinguished. */
  sAMAccountName: string;
  /** The password in clear text. It must not be empty. The emulator stores only a hash of the password. */
  password: string;
}

/** A user or an AD account in a list: without the password. */
type Listed<User> = Partial<Omit<User, 'password'>> & {
  /** The `sub` of the tokens. */
  readonly sub: string;
  /** The password of a default user, if it was not changed. */
  readonly publicPassword?: string;
};

/** The users and the AD accounts of an emulator. */
export interface EmulatorUserList {
  /** The users with the connection `PASSWORD`. */
  readonly users: readonly Listed<EmulatorUser>[];
  /** The accounts with the connection `AD`. */
  readonly adAccounts: readonly (Listed<EmulatorAdAccount> & Pick<EmulatorAdAccount, 'sAMAccountName'>)[];
}

/** A user with the connection `PASSWORD`, or an account with the connection `AD`. */
export type AccountKind = 'user' | 'adAccount';

/**
 * The kinds of identifiers of a password sign-in. `account` can contain an e-mail address, a user name or a phone
 * number.
 */
export const IDENTIFIERS = ['account', 'email', 'username', 'phone'] as const;
export type Identifier = (typeof IDENTIFIERS)[number];

/** The claim of each kind of identifier. A sign-in with `account` compares the claims in this order. */
const IDENTIFYING_CLAIMS = [
  ['username', 'username'],
  ['email', 'email'],
  ['phone', 'phone_number'],
] as const;

const USER_MEMBERS: readonly string[] = ['password', ...USER_CLAIMS, ...STATE_NAMES];
const AD_MEMBERS: readonly string[] = USER_MEMBERS.filter((name) => name !== 'username');

/**
 * Stores the users who can sign in. The same text is an identifier of at most one user, even if the kinds of
 * identifiers differ. So a sign-in with `account` finds at most one user.
 */
export class UserStore {
  /** The users by each of their identifiers. */
  readonly #users = new Map<string, Account>();
  /** The users in the order in which they were added. A change of a user does not change the order. */
  readonly #order = new Set<Account>();
  readonly #adAccounts = new Map<string, Account>();
  /**
   * The `sub` of each user. A `sub` is derived from the first identifier of its user, and does not change if this
   * identifier is changed. So a new user is refused if its first identifier gives a `sub` that is still in use.
   */
  readonly #subs = new Set<string>();
  readonly #catalogs: Catalogs;
  readonly #hasDirectory: boolean;

  /**
   * @param catalogs The roles, tenants and extended fields that users can have.
   * @param hasDirectory Whether the option `ad` is set, whose function checks the names and passwords of the connection
   * `AD`.
   */
  constructor(catalogs: Catalogs, hasDirectory: boolean) {
    this.#catalogs = catalogs;
    this.#hasDirectory = hasDirectory;
  }

  /**
   * Adds a user.
   *
   * @param path The path of the user in error messages, for example `users[2]`.
   * @returns The `sub` of the new user.
   * @throws EmulatorError with the code `invalid_input` if a property is wrong, or if another user has one of the
   * user's identifiers.
   */
  addUser(user: unknown, path: string): string {
    const given = readObject(user, path, USER_MEMBERS);
    const claims = readClaims(given, path, this.#catalogs);
    const [first] = identifiersOf(claims);
    if (!first) throw invalid(path, 'at least one of username, email and phone_number', user);
    this.#checkFree(claims, path);
    const [identifier, claim, name] = first;
    const account = buildAccount(userKey(identifier, name), claims, given, path, this.#catalogs);
    if (this.#subs.has(account.sub)) throw duplicateIdentifier(at(path, claim), name);
    this.#subs.add(account.sub);
    this.#order.add(account);
    this.#addToIndex(account);
    return account.sub;
  }

  /**
   * Changes a user. The `sub` of the user does not change.
   *
   * @param name Any of the user's identifiers.
   * @throws EmulatorError with the code `invalid_input` if no user has this identifier, if a property is wrong, or if
   * another user has one of the new identifiers.
   */
  updateUser(name: unknown, changes: unknown): void {
    this.#changeUser(this.#getUser(name), changes);
  }

  #changeUser(account: Account, changes: unknown): void {
    const given = readObject(changes, 'changes', USER_MEMBERS);
    const claims = readClaims(given, 'changes', this.#catalogs);
    this.#checkFree(claims, 'changes', account);
    const next = readChanges(account, claims, given, this.#catalogs);
    this.#removeFromIndex(account);
    Object.assign(account, next);
    this.#addToIndex(account);
  }

  /**
   * Removes a user.
   *
   * @param name Any of the user's identifiers.
   * @throws EmulatorError with the code `invalid_input` if no user has this identifier.
   */
  removeUser(name: unknown): void {
    this.remove('user', this.#getUser(name));
  }

  /**
   * Adds an Active Directory (AD) account.
   *
   * @param path The path of the AD account in error messages, for example `adAccounts[0]`.
   * @returns The `sub` of the new AD account.
   * @throws EmulatorError with the code `invalid_input` if a property is wrong, if another account has the same
   * `sAMAccountName`, or if the option `ad` is set.
   */
  addAdAccount(adAccount: unknown, path: string): string {
    if (this.#hasDirectory) {
      const message = `${path}: AD accounts cannot be added while the option ad is set. Add them to its directory.`;
      throw new EmulatorError('invalid_input', message);
    }
    const given = readObject(adAccount, path, ['sAMAccountName', ...AD_MEMBERS]);
    const name = given.get('sAMAccountName');
    if (!isIdentifier(name)) throw invalid(at(path, 'sAMAccountName'), 'a name without control characters', name);
    if (this.findAdAccount(name)) throw duplicateIdentifier(at(path, 'sAMAccountName'), name);
    const claims = { ...readClaims(given, path, this.#catalogs), username: name };
    const account = buildAccount(adKey(name), claims, given, path, this.#catalogs);
    this.#adAccounts.set(name.toLowerCase(), account);
    return account.sub;
  }

  /** Adds the default users, and the default AD accounts. Their passwords are public, so {@link list} shows them. */
  addDefaults(users: readonly EmulatorUser[], adAccounts: readonly EmulatorAdAccount[]): void {
    users.forEach((user, i) => {
      this.addUser(user, `users[${i}]`);
      this.#getUser(user.username).publicPassword = user.password;
    });
    adAccounts.forEach((adAccount, i) => {
      this.addAdAccount(adAccount, `adAccounts[${i}]`);
      this.#getAdAccount(adAccount.sAMAccountName).publicPassword = adAccount.password;
    });
  }

  /**
   * Returns the account of a user whose password the directory has accepted. At the user's first sign-in the account is
   * created. At each sign-in the claims of the account are updated.
   *
   * @param name The `sAMAccountName` as the user typed it.
   */
  admitFromDirectory(name: string, claims: DirectoryClaims): Account {
    const account = this.findAdAccount(name) ?? buildDirectoryAccount(adKey(name), name);
    replaceDirectoryClaims(account, claims, this.#catalogs);
    this.#adAccounts.set(name.toLowerCase(), account);
    return account;
  }

  /**
   * Changes an Active Directory (AD) account. The name and the `sub` of the account do not change. If the option `ad`
   * is set, only an account that has already signed in can be changed, and its password cannot be changed.
   *
   * @throws EmulatorError with the code `invalid_input` if no AD account has this name, or if a property is wrong.
   */
  updateAdAccount(name: unknown, changes: unknown): void {
    this.#changeAdAccount(this.#getAdAccount(name), changes);
  }

  /**
   * Changes the account of a user or an Active Directory (AD) account.
   *
   * @throws EmulatorError with the code `invalid_input` if a property is wrong, or if another user has one of the new
   * identifiers.
   */
  update(account: Account, changes: unknown): void {
    const isAdAccount = this.findAdAccount(String(account.claims['username'])) === account;
    if (isAdAccount) this.#changeAdAccount(account, changes);
    else this.#changeUser(account, changes);
  }

  #changeAdAccount(account: Account, changes: unknown): void {
    const members = this.#hasDirectory ? AD_MEMBERS.filter((member) => member !== 'password') : AD_MEMBERS;
    const given = readObject(changes, 'changes', members);
    const claims = readClaims(given, 'changes', this.#catalogs);
    Object.assign(account, readChanges(account, claims, given, this.#catalogs));
  }

  /**
   * Removes an Active Directory (AD) account.
   *
   * @throws EmulatorError with the code `invalid_input` if no AD account has this name.
   */
  removeAdAccount(name: unknown): void {
    this.remove('adAccount', this.#getAdAccount(name));
  }

  /** Returns the accounts of one kind, or all accounts, in the order in which they were added. */
  accounts(kind?: AccountKind): readonly Account[] {
    const users = kind === 'adAccount' ? [] : [...this.#order];
    return kind === 'user' ? users : [...users, ...this.#adAccounts.values()];
  }

  /** Removes an account of this store. */
  remove(kind: AccountKind, account: Account): void {
    if (kind === 'adAccount') this.#adAccounts.delete(String(account.claims['username']).toLowerCase());
    else this.#removeFromIndex(account);
    this.#subs.delete(account.sub);
    this.#order.delete(account);
    account.removed = true;
  }

  /**
   * Adds the accounts of a state file. Each replaces the properties of the account with the same `sub`. An account is
   * left out if an account that is not replaced has one of its identifiers.
   */
  restore(kind: AccountKind, accounts: readonly Account[]): void {
    const owned = accounts.map((account) => {
      const own = this.accounts(kind).find(({ sub }) => sub === account.sub);
      return { account, own, previous: own && { ...own } };
    });
    if (kind === 'adAccount') {
      for (const { account, own } of owned) {
        this.#adAccounts.set(String(account.claims['username']).toLowerCase(), Object.assign(own ?? account, account));
      }
      return;
    }
    // All are removed first, because one can have the former name of another.
    for (const { own } of owned) if (own) this.#removeFromIndex(own);
    for (const { account, own, previous } of owned) {
      const isFree = identifiersOf(account.claims).every(([, , name]) => !this.findUser('account', name));
      const added = isFree ? account : previous;
      if (!added) continue;
      const restored = Object.assign(own ?? added, added);
      this.#subs.add(restored.sub);
      this.#order.add(restored);
      this.#addToIndex(restored);
    }
  }

  /**
   * Returns all users and AD accounts in the order in which they were added. They have no passwords, except for the
   * public passwords of the default users, as `publicPassword`.
   */
  list(): { users: object[]; adAccounts: object[] } {
    const show = ({ sub, claims, states, publicPassword }: Account) => ({
      sub,
      ...claims,
      ...states,
      ...(publicPassword !== undefined && { publicPassword }),
    });
    return {
      users: this.accounts('user').map(show),
      adAccounts: this.accounts('adAccount').map((account) => {
        const { username, ...rest } = show(account) as Record<string, unknown>;
        return { sAMAccountName: username, ...rest };
      }),
    };
  }

  /**
   * Finds a user by an identifier. Upper and lower case are not distinguished in e-mail addresses, but they are in user
   * names (SigninByCredentialsDto).
   */
  findUser(identifier: Identifier, value: string): Account | undefined {
    if (identifier !== 'account') return this.#users.get(userKey(identifier, value));
    for (const [each] of IDENTIFYING_CLAIMS) {
      const user = this.#users.get(userKey(each, value));
      if (user) return user;
    }
    return undefined;
  }

  /**
   * Creates a user with one identifier, for a sign-in with `autoRegister`.
   *
   * @returns The new account, or `undefined` if another user has the same text as an identifier of any kind.
   * @throws EmulatorError with the code `invalid_input` if the identifier or the password is wrong.
   */
  register(identifier: Exclude<Identifier, 'account'>, value: string, password: string): Account | undefined {
    if (this.findUser('account', value)) return undefined;
    const claim = IDENTIFYING_CLAIMS.find(([each]) => each === identifier)?.[1] ?? identifier;
    this.addUser({ [claim]: value, password }, 'autoRegister');
    return this.findUser(identifier, value);
  }

  /**
   * Returns the key by which failed sign-ins are counted. All identifiers of one user have the same key. Each unknown
   * name has its own key, so that unknown names are counted and locked in the same way as known names.
   */
  keyOf(connection: 'PASSWORD' | 'AD', name: string): string {
    if (connection === 'AD') return adKey(name);
    const user = this.findUser('account', name);
    return user ? `user:${user.sub}` : `unknown:${name.includes('@') ? name.toLowerCase() : name}`;
  }

  /** Whether a sign-in with the connection `AD` can succeed. */
  get acceptsAd(): boolean {
    return this.#hasDirectory || this.#adAccounts.size > 0;
  }

  findAdAccount(sAMAccountName: string): Account | undefined {
    return this.#adAccounts.get(sAMAccountName.toLowerCase());
  }

  /**
   * Returns a user or an AD account.
   *
   * @param name Any identifier of a user, the name of an AD account, or a `sub`.
   * @throws EmulatorError with the code `invalid_input` if no account has this name.
   */
  getAccount(name: unknown): Account {
    const named = typeof name === 'string' ? (this.findUser('account', name) ?? this.findAdAccount(name)) : undefined;
    const accounts = this.accounts();
    const account = named ?? accounts.find(({ sub }) => sub === name);
    if (account) return account;
    const expected = 'an identifier of a user or the name of an AD account';
    throw unknownAccount('account', expected, name, accounts.map(nameOf));
  }

  #getUser(name: unknown): Account {
    const account = typeof name === 'string' ? this.findUser('account', name) : undefined;
    if (account) return account;
    const expected = 'the user name, e-mail address or phone number of a user';
    throw unknownAccount('account', expected, name, this.accounts('user').map(nameOf));
  }

  #getAdAccount(name: unknown): Account {
    const account = typeof name === 'string' ? this.findAdAccount(name) : undefined;
    if (account) return account;
    throw unknownAccount('sAMAccountName', 'the name of an AD account', name, this.accounts('adAccount').map(nameOf));
  }

  /**
   * Checks that no other user has one of the identifiers in `claims`.
   *
   * @param self The user who is changed, if any. This user may have the identifiers.
   * @throws EmulatorError with the code `invalid_input` if another user has one of the identifiers.
   */
  #checkFree(claims: Readonly<Record<string, unknown>>, path: string, self?: Account): void {
    for (const [, claim, name] of identifiersOf(claims)) {
      const other = this.findUser('account', name);
      if (other && other !== self) throw duplicateIdentifier(at(path, claim), name);
    }
  }

  #addToIndex(account: Account): void {
    for (const [identifier, , name] of identifiersOf(account.claims)) {
      this.#users.set(userKey(identifier, name), account);
    }
  }

  #removeFromIndex(account: Account): void {
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
