import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { at, readSecret } from '../input/readers.js';
import { claimMistake, USER_CLAIMS } from './claims.js';
import { EmulatorError, invalid, show } from '../errors.js';
import { hashPassword, type PasswordHash } from './passwords.js';
import { type Catalogs, checkKnown, readStates, type UserStates } from './user-states.js';

/** Somebody who can sign in. */
export interface Account {
  /** 24 hex digits, derived from the first identifier: the same user has the same one in every run. */
  readonly sub: string;
  claims: Readonly<Record<string, unknown>>;
  states: UserStates;
  /** `undefined` for an account whose password a directory checks. */
  password: PasswordHash | undefined;
  /** Whether it is in no directory any more; those who still hold it are told so. */
  removed: boolean;
}

/**
 * @param key tells this account from all others; its `sub` comes of it
 * @param claims those of `given`, checked
 * @throws EmulatorError `invalid_input`
 */
export function buildAccount(
  key: string,
  claims: Record<string, unknown>,
  given: ReadonlyMap<string, unknown>,
  path: string,
  catalogs: Catalogs,
): Account {
  return enrol(key, claims, readStates(given, path, catalogs), readPassword(given, path));
}

/** What a directory tells of a user, by claim; `undefined` for what it does not tell. */
export type DirectoryClaims = Readonly<Record<string, string | undefined>>;

/** The account of somebody whom a directory knows, for as long as the emulator runs. No password fits it here. */
export function buildDirectoryAccount(key: string): Account {
  return enrol(key, {}, {}, undefined);
}

/** What a directory says now stands in place of what it said, or was told here; what is no such claim it does not say. */
export function applyDirectoryClaims(account: Account, claims: DirectoryClaims): void {
  const others = Object.entries(account.claims).filter(([name]) => !Object.hasOwn(claims, name));
  const told = Object.entries(claims).filter(
    ([name, value]) => value !== undefined && mistakeIn(name, value) === undefined,
  );
  const next = Object.fromEntries([...others, ...told]);
  if (!isDeepStrictEqual(next, account.claims)) account.claims = { ...next, updated_at: new Date().toISOString() };
}

function enrol(key: string, claims: Record<string, unknown>, states: UserStates, password?: PasswordHash): Account {
  return {
    sub: createHash('sha256').update(key).digest('hex').slice(0, 24),
    claims: { gender: 'U', updated_at: new Date().toISOString(), ...claims },
    states,
    password,
    removed: false,
  };
}

/**
 * What changes make of an account, to be assigned to it: nothing is changed if any of them is wrong.
 *
 * @throws EmulatorError `invalid_input`
 */
export function readChanges(
  account: Account,
  claims: Record<string, unknown>,
  given: ReadonlyMap<string, unknown>,
  catalogs: Catalogs,
): Pick<Account, 'claims' | 'states' | 'password'> {
  return {
    claims: { ...account.claims, updated_at: new Date().toISOString(), ...claims },
    states: { ...account.states, ...readStates(given, 'changes', catalogs) },
    password: given.has('password') ? readPassword(given, 'changes') : account.password,
  };
}

/**
 * The claims among the members of a user.
 *
 * @throws EmulatorError `invalid_input`
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
    const expected = mistakeIn(name, value);
    if (expected !== undefined) throw invalid(at(path, name), expected, value);
    // A copy: the caller's list may change after it was checked.
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

function mistakeIn(claim: string, value: unknown): string | undefined {
  return claimMistake(claim, value) ?? identifierMistake(claim, String(value));
}

function identifierMistake(claim: string, value: string): string | undefined {
  if (claim === 'email')
    return isIdentifier(value) && /^[^\s@]+@[^\s@]+$/.test(value) ? undefined : 'an e-mail address';
  if (claim === 'phone_number') return /^\+?\d{3,20}$/.test(value) ? undefined : 'digits, as in +8613800000001';
  if (claim === 'username') return isIdentifier(value) ? undefined : 'a name without control characters';
  return undefined;
}

/** Identifiers are printed by the command line, so they must not move its cursor. */
export function isIdentifier(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value);
}

export function taken(path: string, name: string): EmulatorError {
  return new EmulatorError('invalid_input', `${path}: ${show(name)} is another user's already.`);
}
