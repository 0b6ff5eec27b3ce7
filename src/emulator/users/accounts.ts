import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { at, readSecret } from '../input/readers.js';
import type { DirectoryClaims } from './ad-answer.js';
import { claimMistake, USER_CLAIMS } from './claims.js';
import { EmulatorError, invalid, show } from '../errors.js';
import { hashPassword, type PasswordHash } from './passwords.js';
import { type Catalogs, checkKnown, readStates, type UserStates } from './user-states.js';

/** The account of a user who can sign in. */
export interface Account {
  /**
   * The user ID: 24 hexadecimal digits, derived from the first identifier of the user. The same user has the same `sub`
   * each time an emulator runs.
   */
  readonly sub: string;
  /** The claims of the user, without `sub`. */
  claims: Readonly<Record<string, unknown>>;
  /** The states of the user that affect a sign-in. */
  states: UserStates;
  /** The hash of the password. It is `undefined` if the function of the option `ad` checks the password. */
  password: PasswordHash | undefined;
  /**
   * The password in clear text if it is one of the public passwords of the default users. Absent after the password was
   * changed.
   */
  publicPassword?: string | undefined;
  /** The secret of the user's one-time passwords (RFC 6238). It is created at its first use. */
  totpSecret?: Buffer;
  /** Whether the account was removed. If it is `true`, the tokens of the account are invalid. */
  removed: boolean;
  /** The names of the claims that the function of the option `ad` returned at the last sign-in. */
  directoryClaims?: readonly string[];
}

/**
 * Builds an account with a password.
 *
 * @param key The unique key of the account. The `sub` of the account is derived from this key.
 * @param claims The claims in `given`, already checked.
 * @param given All properties of the user: claims, states and password.
 * @throws EmulatorError with the code `invalid_input` if a state of the user or the password is wrong.
 */
export function buildAccount(
  key: string,
  claims: Record<string, unknown>,
  given: ReadonlyMap<string, unknown>,
  path: string,
  catalogs: Catalogs,
): Account {
  return createAccount(key, claims, readStates(given, path, catalogs), readPassword(given, path));
}

/** Builds the account of a user whose password is checked by the function of the option `ad`. */
export function buildDirectoryAccount(key: string, username: string): Account {
  return createAccount(key, { username }, {});
}

/**
 * Replaces the claims that the directory returned at the last sign-in by the claims of the present sign-in. A claim
 * whose value has the wrong type is left out. The claim `username` is never removed.
 */
export function replaceDirectoryClaims(account: Account, claims: DirectoryClaims, catalogs: Catalogs): void {
  const names = Object.keys(claims);
  const replaced = [...(account.directoryClaims ?? []), ...names].filter((name) => name !== 'username');
  const kept = Object.entries(account.claims).filter(([name]) => !replaced.includes(name));
  const valid: Record<string, unknown> = Object.assign(
    {},
    ...names.map((name) => readValidClaim(name, claims[name], catalogs)),
  );
  const next = { ...Object.fromEntries(kept), ...valid };
  account.directoryClaims = names;
  if (isDeepStrictEqual(next, account.claims)) return;
  account.claims = { ...next, updated_at: new Date().toISOString(), ...valid };
}

/** Returns the claim as an object with one property, or an empty object if the value is wrong. */
function readValidClaim(name: string, value: unknown, catalogs: Catalogs): Record<string, unknown> {
  try {
    return readClaims(new Map([[name, value]]), '', catalogs);
  } catch {
    return {};
  }
}

function createAccount(
  key: string,
  claims: Record<string, unknown>,
  states: UserStates,
  password?: PasswordHash,
): Account {
  return {
    sub: createHash('sha256').update(key).digest('hex').slice(0, 24),
    claims: { gender: 'U', updated_at: new Date().toISOString(), ...claims },
    states,
    password,
    removed: false,
  };
}

/**
 * Returns the new properties of an account. The caller assigns the properties after this function has checked all
 * changes. So if one change is wrong, the account is not changed.
 *
 * @throws EmulatorError with the code `invalid_input` if a state of the user or the password is wrong.
 */
export function readChanges(
  account: Account,
  claims: Record<string, unknown>,
  given: ReadonlyMap<string, unknown>,
  catalogs: Catalogs,
): Pick<Account, 'claims' | 'states' | 'password' | 'publicPassword'> {
  return {
    claims: { ...account.claims, updated_at: new Date().toISOString(), ...claims },
    states: { ...account.states, ...readStates(given, 'changes', catalogs) },
    password: given.has('password') ? readPassword(given, 'changes') : account.password,
    publicPassword: given.has('password') ? undefined : account.publicPassword,
  };
}

/**
 * Reads and checks the claims among the properties of a user.
 *
 * @throws EmulatorError with the code `invalid_input` if a claim is wrong, or if a role or an extended field does not
 * exist.
 */
export function readClaims(
  given: ReadonlyMap<string, unknown>,
  path: string,
  catalogs: Catalogs,
): Record<string, unknown> {
  const claims: Record<string, unknown> = {};
  for (const name of USER_CLAIMS) {
    if (!given.has(name)) continue;
    const value = given.get(name);
    const expected = findMistake(name, value);
    if (expected !== undefined) throw invalid(at(path, name), expected, value);
    // The value is copied, because the caller could change its array or object after the check.
    claims[name] = structuredClone(value);
  }
  readRoleCodes(claims).forEach((code, i) => checkKnown(code, `${at(path, 'roles')}[${i}]`, 'roles', catalogs));
  for (const field of Object.keys((claims['extended_fields'] ?? {}) as object)) {
    checkKnown(field, at(path, 'extended_fields'), 'extendedFields', catalogs);
  }
  return claims;
}

function readRoleCodes(claims: Record<string, unknown>): string[] {
  const roles = (claims['roles'] ?? []) as (string | { code: string })[];
  return roles.map((role) => (typeof role === 'string' ? role : role.code));
}

function readPassword(given: ReadonlyMap<string, unknown>, path: string): PasswordHash {
  return hashPassword(readSecret(given.get('password'), at(path, 'password')));
}

/** Returns the expected value of a claim in words, for an error message, or `undefined` if the value is right. */
function findMistake(claim: string, value: unknown): string | undefined {
  return claimMistake(claim, value) ?? identifierMistake(claim, String(value));
}

function identifierMistake(claim: string, value: string): string | undefined {
  if (claim === 'email')
    return isIdentifier(value) && /^[^\s@]+@[^\s@]+$/.test(value) ? undefined : 'an e-mail address';
  if (claim === 'phone_number') return /^\+?\d{3,20}$/.test(value) ? undefined : 'digits, as in +8613800000001';
  if (claim === 'username') return isIdentifier(value) ? undefined : 'a name without control characters';
  return undefined;
}

/**
 * Returns whether a value can be an identifier. Control characters are refused: the command line prints identifiers,
 * and control characters could move the cursor of the terminal.
 */
export function isIdentifier(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value);
}

/** Builds the error for an identifier that another user already has. */
export function duplicateIdentifier(path: string, name: string): EmulatorError {
  return new EmulatorError(
    'invalid_input',
    `${path}: ${show(name)} already belongs to another user. Use another value.`,
  );
}

/** Returns the name of an account for people: the user name, otherwise the e-mail address or the phone number. */
export function nameOf({ claims, sub }: Pick<Account, 'claims' | 'sub'>): string {
  const names = [claims['username'], claims['email'], claims['phone_number']];
  return names.find((name) => typeof name === 'string') ?? sub;
}

/** The maximum number of names in an error message. */
const MAX_NAMES = 10;

/**
 * Builds the error for a name that no account has.
 *
 * @param names The names that exist.
 */
export function unknownAccount(
  path: string,
  expected: string,
  value: unknown,
  names: readonly string[],
): EmulatorError {
  const { message } = invalid(path, expected, value);
  const shown = names.slice(0, MAX_NAMES).map(show).join(', ');
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  const fix = names.length === 0 ? 'Add it first.' : `Add it first, or use one of: ${shown}${more}.`;
  return new EmulatorError('invalid_input', `${message} ${fix}`);
}
