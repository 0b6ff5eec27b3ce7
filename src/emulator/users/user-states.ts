import { at, readBoolean, readNonEmptyString, readList, readObject } from '../input/readers.js';
import { EmulatorError, invalid, show } from '../errors.js';
import { type EmulatorSignInAnswer, type PreparedSignInAnswer, readSignInAnswer } from '../state/queued-answers.js';

/** Second factors for `mfa: true`, as GenAuth names them in `mfaPolicy`. A list may name other factors. */
const DEFAULT_FACTORS: readonly string[] = ['SMS', 'OTP'];

/**
 * States that prevent a user from signing in. A sign-in with a wrong password is answered as for an unknown user, so
 * that only a caller with the right password learns the state. `lockout` is an exception: it applies to every password.
 */
export interface EmulatorUserStates {
  /**
   * Whether the user is locked, as after too many failed sign-ins (403 / 2005). It lasts until it is set to `false`.
   * Default `false`.
   */
  lockout?: boolean;
  /**
   * Whether the user is disabled (403 / 2120008). The user's tokens are invalid while it is `true`. Default `false`.
   */
  disabled?: boolean;
  /**
   * `true`: the password is too old. The user needs the old password to change it (301 / 2058).
   * `'first_login'`: the user must set a password for the first time. The answer contains a token for it (301 / 1639).
   * Default `false`.
   */
  mustChangePassword?: boolean | 'first_login';
  /**
   * A second factor that the application requires (301 / 1636): `true` for `SMS` and `OTP`, or a list of factors.
   * `'personal'`: a second factor that the user has set up (301 / 1635). Both answers contain a token for the next
   * step. `false` exempts the user from the emulator's option `mfa`. Default: the option `mfa` applies.
   */
  mfa?: boolean | 'personal' | readonly string[];
  /**
   * Ids of the tenants that the user may sign in to. A sign-in to another one is refused (403 / 2120008). Default: all.
   */
  tenants?: readonly string[];
  /** The answer to each sign-in with the right password. It may have any of GenAuth's codes. Default: none. */
  signInAnswer?: Omit<EmulatorSignInAnswer, 'account' | 'times'>;
}

/** The checked states. A state that was not given is absent. */
export interface UserStates extends Omit<EmulatorUserStates, 'signInAnswer'> {
  readonly signInAnswer?: PreparedSignInAnswer['envelope'];
}

/** A required second factor: by the application, or by the user's own setting. */
export interface Mfa {
  readonly kind: 'app' | 'personal';
  readonly factors: readonly string[];
}

/** Returns the second factor that a user needs. The state of the user overrides the option of the application. */
export function findMfa({ mfa: userMfa }: UserStates, appMfa: EmulatorUserStates['mfa']): Mfa | undefined {
  const mfa = userMfa ?? appMfa ?? false;
  if (mfa === false) return undefined;
  if (mfa === 'personal') return { kind: 'personal', factors: ['OTP'] };
  return { kind: 'app', factors: mfa === true ? DEFAULT_FACTORS : mfa };
}

export const STATE_NAMES = [
  'lockout',
  'disabled',
  'mustChangePassword',
  'mfa',
  'tenants',
  'signInAnswer',
] as const satisfies readonly (keyof EmulatorUserStates)[];

/** Allowed roles, tenants and fields. `undefined` means that any value is accepted. */
export interface Catalogs {
  readonly roles: ReadonlySet<string> | undefined;
  readonly tenants: ReadonlySet<string> | undefined;
  readonly extendedFields: ReadonlySet<string> | undefined;
}

/**
 * Reads one of the options `tenants`, `roles` and `extendedFields`.
 *
 * @throws EmulatorError `invalid_input` if it is not a list of names, or has a duplicate.
 */
export function readCatalog(value: unknown, path: string): ReadonlySet<string> | undefined {
  if (value === undefined) return undefined;
  const names = readNames(value, path);
  names.forEach((name, i) => {
    if (names.indexOf(name) < i) {
      throw new EmulatorError('invalid_input', `${path}[${i}]: ${show(name)} is a duplicate. Remove it.`);
    }
  });
  return new Set(names);
}

/**
 * Checks that a name is in the option of its kind. Every name is right if the option is not set.
 *
 * @throws EmulatorError `invalid_input` if the name is not in the option.
 */
export function checkKnown(name: string, path: string, kind: keyof Catalogs, catalogs: Catalogs): void {
  const known = catalogs[kind];
  if (known === undefined || known.has(name)) return;
  const names = known.size === 0 ? 'none' : [...known].slice(0, 20).join(', ');
  const message = `${path}: ${show(name)} is not in the option ${kind} (${names}). Correct it or add it there.`;
  throw new EmulatorError('invalid_input', message);
}

/** @throws EmulatorError `invalid_input` */
export function readStates(given: ReadonlyMap<string, unknown>, path: string, catalogs: Catalogs): UserStates {
  const read = <T>(name: (typeof STATE_NAMES)[number], parse: (value: unknown, path: string) => T) =>
    given.has(name) ? { [name]: parse(given.get(name), at(path, name)) } : {};
  return {
    ...read('lockout', readBoolean),
    ...read('disabled', readBoolean),
    ...read('mustChangePassword', readPasswordChange),
    ...read('mfa', (value, place) => (value === 'personal' ? value : readMfa(value, place))),
    ...read('tenants', (value, place) => readTenants(value, place, catalogs)),
    ...read('signInAnswer', readUserAnswer),
  };
}

/** @throws EmulatorError `invalid_input` */
export function readMfa(value: unknown, path: string): boolean | readonly string[] {
  if (typeof value === 'boolean') return value;
  if (Array.isArray(value) && value.length > 0) return readNames(value, path);
  throw invalid(path, 'true, false or a list of factors such as SMS', value);
}

function readPasswordChange(value: unknown, path: string): boolean | 'first_login' {
  if (typeof value === 'boolean' || value === 'first_login') return value;
  throw invalid(path, "true, false or 'first_login'", value);
}

function readTenants(value: unknown, path: string, catalogs: Catalogs): readonly string[] {
  const tenants = readNames(value, path);
  tenants.forEach((tenant, i) => checkKnown(tenant, `${path}[${i}]`, 'tenants', catalogs));
  return tenants;
}

/** Reads the state `signInAnswer`. It has neither `account` nor `times`, because it belongs to one user for ever. */
function readUserAnswer(value: unknown, path: string): PreparedSignInAnswer['envelope'] {
  readObject(value, path, ['statusCode', 'apiCode', 'message', 'data']);
  return readSignInAnswer(value, path).answer.envelope;
}

function readNames(value: unknown, path: string): string[] {
  return readList(value, path).map((item, i) => readNonEmptyString(item, `${path}[${i}]`));
}
