import { createHash } from 'node:crypto';
import { at, readObject } from './check.js';
import { claimMistake, type EmulatorClaims, USER_CLAIMS } from './claims.js';
import { EmulatorError, invalid, invalidSecret, show } from './errors.js';
import { hashPassword, type PasswordHash } from './passwords.js';

/** A user of the connection PASSWORD: at least one of `username`, `email` and `phone_number`, and a password. */
export interface EmulatorUser extends EmulatorClaims {
  /** Clear text, not empty; kept as a hash only. */
  password: string;
}

/** An account of the connection AD. Signed in, it is a user whose `username` is its `sAMAccountName`. */
export interface EmulatorAdAccount extends Omit<EmulatorClaims, 'username'> {
  /** Name for sign-in; its case does not matter. */
  sAMAccountName: string;
  /** Clear text, not empty; kept as a hash only. */
  password: string;
}

/** The users of an emulator that was given none. Both passwords are `passw0rd`. */
export const DEFAULT_USERS: readonly EmulatorUser[] = [
  {
    username: 'alice',
    email: 'alice@example.com',
    email_verified: true,
    phone_number: '+8613800000001',
    phone_number_verified: true,
    name: 'Alice Example',
    given_name: 'Alice',
    family_name: 'Example',
    nickname: 'Al',
    locale: 'en-US',
    zoneinfo: 'Asia/Shanghai',
    roles: ['admin'],
    password: 'passw0rd',
  },
  { username: 'bob', email: 'bob@example.com', name: 'Bob Example', roles: [], password: 'passw0rd' },
];

/** The AD accounts of an emulator that was given none. */
export const DEFAULT_AD_ACCOUNTS: readonly EmulatorAdAccount[] = [
  {
    sAMAccountName: 'zhangsan',
    name: '张三',
    email: 'zhangsan@example.com',
    email_verified: true,
    password: 'AdPassw0rd',
  },
];

/** Somebody who can sign in. */
export interface Account {
  /** 24 hex digits, derived from the first identifier: the same user has the same one in every run. */
  readonly sub: string;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly password: PasswordHash;
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

/** Who can sign in. Identifiers are unique: a sign-in by `account` never has two users to choose from. */
export class UserDirectory {
  readonly #users = new Map<string, Account>();
  readonly #adAccounts = new Map<string, Account>();

  /**
   * @param path where the user stands, for messages: `users[2]`
   * @returns the new user's `sub`
   * @throws EmulatorError `invalid_input`
   */
  addUser(user: unknown, path: string): string {
    const given = readObject(user, path, ['password', ...USER_CLAIMS]);
    const claims = readClaims(given, path);
    const named = IDENTIFYING_CLAIMS.filter(([, claim]) => given.has(claim));
    const [first] = named;
    if (!first) throw invalid(path, 'one of username, email and phone_number', user);
    for (const [, claim] of named) {
      const name = String(claims[claim]);
      if (this.findUser('account', name)) throw taken(at(path, claim), name);
    }
    const account = buildAccount(userKey(first[0], String(claims[first[1]])), claims, given, path);
    for (const [identifier, claim] of named) this.#users.set(userKey(identifier, String(claims[claim])), account);
    return account.sub;
  }

  /**
   * @param path where the account stands, for messages: `adAccounts[0]`
   * @returns the new account's `sub`
   * @throws EmulatorError `invalid_input`
   */
  addAdAccount(adAccount: unknown, path: string): string {
    const known = ['sAMAccountName', 'password', ...USER_CLAIMS.filter((claim) => claim !== 'username')];
    const given = readObject(adAccount, path, known);
    const name = given.get('sAMAccountName');
    if (typeof name !== 'string' || !isIdentifier(name)) {
      throw invalid(at(path, 'sAMAccountName'), 'a name without control characters', name);
    }
    if (this.findAdAccount(name)) throw taken(at(path, 'sAMAccountName'), name);
    const claims = { ...readClaims(given, path), username: name };
    const account = buildAccount(`ad:${name.toLowerCase()}`, claims, given, path);
    this.#adAccounts.set(name.toLowerCase(), account);
    return account.sub;
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
   * @returns `undefined` if somebody has that identifier, of whichever kind
   * @throws EmulatorError `invalid_input`
   */
  register(identifier: Exclude<Identifier, 'account'>, value: string, password: string): Account | undefined {
    if (this.findUser('account', value)) return undefined;
    const claim = IDENTIFYING_CLAIMS.find(([each]) => each === identifier)?.[1] ?? identifier;
    this.addUser({ [claim]: value, password }, 'autoRegister');
    return this.findUser(identifier, value);
  }

  /**
   * One key for whoever is meant by a name: the same for all identifiers of a user, and for each of those that nobody has
   * a key of its own, so that it cannot be told from theirs.
   */
  keyOf(connection: 'PASSWORD' | 'AD', name: string): string {
    if (connection === 'AD') return `ad:${name.toLowerCase()}`;
    const user = this.findUser('account', name);
    return user ? `user:${user.sub}` : `nobody:${name.includes('@') ? name.toLowerCase() : name}`;
  }

  findAdAccount(sAMAccountName: string): Account | undefined {
    return this.#adAccounts.get(sAMAccountName.toLowerCase());
  }
}

function userKey(identifier: Exclude<Identifier, 'account'>, value: string): string {
  return `${identifier}:${identifier === 'email' ? value.toLowerCase() : value}`;
}

function buildAccount(
  key: string,
  claims: Record<string, unknown>,
  given: ReadonlyMap<string, unknown>,
  path: string,
): Account {
  const password = given.get('password');
  if (typeof password !== 'string' || password === '') {
    throw invalidSecret(at(path, 'password'), 'a string that is not empty', password);
  }
  return {
    sub: createHash('sha256').update(key).digest('hex').slice(0, 24),
    claims: { gender: 'U', updated_at: new Date().toISOString(), ...claims },
    password: hashPassword(password),
  };
}

function readClaims(given: ReadonlyMap<string, unknown>, path: string): Record<string, unknown> {
  const claims: Record<string, unknown> = {};
  for (const name of USER_CLAIMS) {
    if (!given.has(name)) continue;
    const value = given.get(name);
    const expected = claimMistake(name, value) ?? identifierMistake(name, String(value));
    if (expected !== undefined) throw invalid(at(path, name), expected, value);
    // A copy: the caller's list may change after it was checked.
    claims[name] = structuredClone(value);
  }
  return claims;
}

function identifierMistake(claim: string, value: string): string | undefined {
  if (claim === 'email')
    return isIdentifier(value) && /^[^\s@]+@[^\s@]+$/.test(value) ? undefined : 'an e-mail address';
  if (claim === 'phone_number') return /^\+?\d{3,20}$/.test(value) ? undefined : 'digits, as in +8613800000001';
  if (claim === 'username') return isIdentifier(value) ? undefined : 'a name without control characters';
  return undefined;
}

/** Identifiers are printed by the command line, so they must not move its cursor. */
function isIdentifier(value: string): boolean {
  return value !== '' && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value);
}

function taken(path: string, name: string): EmulatorError {
  return new EmulatorError('invalid_input', `${path}: ${show(name)} is another user's already.`);
}
