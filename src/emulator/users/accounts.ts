import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { at, readSecret } from '../input/readers.js';
import type { DirectoryClaims } from './ad-answer.js';
import { claimMistake, USER_CLAIMS } from './claims.js';
import { EmulatorError, invalid, show } from '../errors.js';
import { hashPassword, type PasswordHash } from './passwords.js';
import { type Catalogs, checkKnown, readStates, type UserStates } from './user-states.js';

/** A user who can sign in. */
export interface Account {
  /** 24 hex digits, derived from the first identifier: the same user has the same one in every run. */
  readonly sub: string;
  claims: Readonly<Record<string, unknown>>;
  states: UserStates;
  /** `undefined` for an account whose password a directory checks. */
  password: PasswordHash | undefined;
  /** Whether the account was removed. Tokens refer to their account and end with it. */
  removed: boolean;
  /** Names of the claims that came from the option `ad` at the last sign-in. */
  directoryClaims?: readonly string[];
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
  return createAccount(key, claims, readStates(given, path, catalogs), readPassword(given, path));
}

/** Creates the account of a user whose password a directory checks. */
export function buildDirectoryAccount(key: string, username: string): Account {
  return createAccount(key, { username }, {});
}

/**
 * Replaces the claims that came from the directory at the last sign-in, and those that it gives now. Values that do not
 * fit their claim are left out. `username` is never removed.
 */
export function replaceDirectoryClaims(account: Account, claims: DirectoryClaims, catalogs: Catalogs): void {
  const names = Object.keys(claims);
  const replaced = [...(account.directoryClaims ?? []), ...names].filter((name) => name !== 'username');
  const kept = Object.entries(account.claims).filter(([name]) => !replaced.includes(name));
  const fitting: Record<string, unknown> = Object.assign(
    {},
    ...names.map((name) => readFittingClaim(name, claims[name], catalogs)),
  );
  const next = { ...Object.fromEntries(kept), ...fitting };
  account.directoryClaims = names;
  if (isDeepStrictEqual(next, account.claims)) return;
  account.claims = { ...next, updated_at: new Date().toISOString(), ...fitting };
}

function readFittingClaim(name: string, value: unknown, catalogs: Catalogs): Record<string, unknown> {
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
