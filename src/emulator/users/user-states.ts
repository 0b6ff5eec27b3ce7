import { at, readBoolean, readNonEmptyString, readList, readObject } from '../input/readers.js';
import { EmulatorError, invalid, show } from '../errors.js';
import { type EmulatorSignInAnswer, type PreparedSignInAnswer, readSignInAnswer } from '../state/queued-answers.js';

/**
 * The second factors that `mfa: true` means, with their names in GenAuth's `mfaPolicy`. A list in `mfa` can contain
 * other factors.
 */
const DEFAULT_FACTORS: readonly string[] = ['SMS', 'OTP'];

/**
 * The states of a user that prevent a sign-in at `/api/v3/signin`. The hosted page has a step for each of
 * `mustChangePassword`, `mfa`, `profileRequired` and `bindingRequired`. After the step it clears the state, except for
 * `mfa`.
 *
 * If the password is wrong, the response is the same as for an unknown user. So only a caller with the right password
 * learns the state. `lockout` is an exception: it applies to every password.
 */
export interface EmulatorUserStates {
  /**
   * Whether the user is locked in the same way as after too many failed sign-ins (`statusCode` 403, `apiCode` 2005).
   * The user stays locked until `lockout` is set to `false`. Default: `false`.
   */
  lockout?: boolean;
  /**
   * Whether the user is disabled. The emulator answers each sign-in of a disabled user with `statusCode` 403 and
   * `apiCode` 2120008, and treats the user's tokens as invalid. Default: `false`.
   */
  disabled?: boolean;
  /**
   * Whether the user must change the password before the sign-in. `true`: the password is too old, and the user needs
   * the old password to change it (`statusCode` 301, `apiCode` 2058). `'first_login'`: the user must set a password for
   * the first time, and the response contains a token for this step (`statusCode` 301, `apiCode` 1639). Default:
   * `false`.
   */
  mustChangePassword?: boolean | 'first_login';
  /**
   * Whether the user needs a second factor. `true`: the application requires `SMS` and `OTP`. A list: the application
   * requires these factors. In both cases the response has `statusCode` 301 and `apiCode` 1636. `'personal'`: the user
   * has set up a second factor (`statusCode` 301, `apiCode` 1635). All these responses contain a token for the next
   * step. `false`: the user needs no second factor, even if the emulator's option `mfa` is set. Default: the option
   * `mfa` applies.
   */
  mfa?: boolean | 'personal' | readonly string[];
  /**
   * Whether the user must complete the profile before the sign-in (`statusCode` 301, `apiCode` 1642). The hosted page
   * asks for the name. Default: `false`.
   */
  profileRequired?: boolean;
  /**
   * Whether the user must bind an e-mail address before the sign-in (`statusCode` 301, `apiCode` 1640). The hosted page
   * asks for it. Default: `false`.
   */
  bindingRequired?: boolean;
  /**
   * The IDs of the tenants to which the user may sign in. A sign-in to a tenant that is not in this list is refused
   * (`statusCode` 403, `apiCode` 2120008). Default: all tenants.
   */
  tenants?: readonly string[];
  /** The response to each sign-in with the right password. It can have each of GenAuth's codes. Default: none. */
  signInAnswer?: Omit<EmulatorSignInAnswer, 'account' | 'times'>;
}

/** The checked states of a user. A state that was not given is absent. */
export interface UserStates extends Omit<EmulatorUserStates, 'signInAnswer'> {
  readonly signInAnswer?: PreparedSignInAnswer['envelope'];
}

/** A second factor that the application requires (`app`) or that the user has set up (`personal`). */
export interface Mfa {
  readonly kind: 'app' | 'personal';
  readonly factors: readonly string[];
}

/** Returns the second factor that a user needs. The user's state `mfa` overrides the emulator's option `mfa`. */
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
  'profileRequired',
  'bindingRequired',
  'tenants',
  'signInAnswer',
] as const satisfies readonly (keyof EmulatorUserStates)[];

/** The allowed roles, tenants and extended fields. `undefined` means that every value is allowed. */
export interface Catalogs {
  /** The codes of the existing roles. */
  readonly roles: ReadonlySet<string> | undefined;
  /** The IDs of the existing tenants. */
  readonly tenants: ReadonlySet<string> | undefined;
  /** The names of the existing extended fields. */
  readonly extendedFields: ReadonlySet<string> | undefined;
}

/**
 * Reads the value of the option `tenants`, `roles` or `extendedFields`.
 *
 * @throws EmulatorError with the code `invalid_input` if the value is not a list of names, or contains a duplicate.
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
 * Checks that a name is in the option `tenants`, `roles` or `extendedFields`. If this option is not set, every name is
 * allowed.
 *
 * @throws EmulatorError with the code `invalid_input` if the name is not in the option.
 */
export function checkKnown(name: string, path: string, kind: keyof Catalogs, catalogs: Catalogs): void {
  const known = catalogs[kind];
  if (known === undefined || known.has(name)) return;
  const names = known.size === 0 ? 'none' : [...known].slice(0, 20).join(', ');
  const message = `${path}: ${show(name)} is not in the option ${kind} (${names}). Correct it or add it there.`;
  throw new EmulatorError('invalid_input', message);
}

/** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
export function readStates(given: ReadonlyMap<string, unknown>, path: string, catalogs: Catalogs): UserStates {
  const read = <T>(name: (typeof STATE_NAMES)[number], parse: (value: unknown, path: string) => T) =>
    given.has(name) ? { [name]: parse(given.get(name), at(path, name)) } : {};
  return {
    ...read('lockout', readBoolean),
    ...read('disabled', readBoolean),
    ...read('mustChangePassword', readPasswordChange),
    ...read('mfa', (value, place) => (value === 'personal' ? value : readMfa(value, place))),
    ...read('profileRequired', readBoolean),
    ...read('bindingRequired', readBoolean),
    ...read('tenants', (value, place) => readTenants(value, place, catalogs)),
    ...read('signInAnswer', readUserAnswer),
  };
}

/** @throws EmulatorError with the code `invalid_input` if the value is wrong. */
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

/**
 * Reads the state `signInAnswer`. It has no `account` and no `times`, because it applies to every sign-in of one user.
 */
function readUserAnswer(value: unknown, path: string): PreparedSignInAnswer['envelope'] {
  readObject(value, path, ['statusCode', 'apiCode', 'message', 'data']);
  return readSignInAnswer(value, path).answer.envelope;
}

function readNames(value: unknown, path: string): string[] {
  return readList(value, path).map((item, i) => readNonEmptyString(item, `${path}[${i}]`));
}
