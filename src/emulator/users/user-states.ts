import { at, readBoolean, readFilled, readList, readObject } from '../input/readers.js';
import { EmulatorError, invalid, show } from '../errors.js';
import { type EmulatorSignInAnswer, type PreparedSignInAnswer, readSignInAnswer } from '../state/queued-answers.js';

/** Second factors that GenAuth names; others may come (`mfaPolicy`). */
const DEFAULT_FACTORS: readonly string[] = ['SMS', 'OTP'];

/**
 * What keeps a user from signing in. But for `lockout`, it is told only to those who know the password: to all others,
 * the user is as unknown as any.
 */
export interface EmulatorUserStates {
  /** Locked until it is taken back, as after too many failures (403 / 2005), whatever the password. */
  lockout?: boolean;
  /** 403 / 2120008; the tokens that the user had are over as long as it lasts. */
  disabled?: boolean;
  /**
   * `true`: the password is too old, and the old one is needed to change it (301 / 2058). `'first_login'`: a password
   * must be set for the first time (301 / 1639), with a token for that.
   */
  mustChangePassword?: boolean | 'first_login';
  /**
   * A second factor of the application (301 / 1636), with a token for it: `true` for `SMS` and `OTP`, or a list of
   * factors. `'personal'`: the user's own authenticator (301 / 1635). `false` exempts the user from the option `mfa`.
   */
  mfa?: boolean | 'personal' | readonly string[];
  /** Ids of the tenants that the user may sign in to (else 403 / 2120008). Default: all. */
  tenants?: readonly string[];
  /** The answer to each sign-in with the right password: any of GenAuth's codes. */
  signInAnswer?: Omit<EmulatorSignInAnswer, 'account' | 'times'>;
}

/** Checked states, each as it was given; what is left out is not so. */
export interface UserStates extends Omit<EmulatorUserStates, 'signInAnswer'> {
  readonly signInAnswer?: PreparedSignInAnswer['envelope'];
}

/** A second factor that is asked for. */
export interface Mfa {
  readonly kind: 'app' | 'personal';
  readonly factors: readonly string[];
}

/** The factor that a user needs: the user's own word counts, and where there is none the application's. */
export function findMfa({ mfa: own }: UserStates, ofApp: EmulatorUserStates['mfa']): Mfa | undefined {
  const mfa = own ?? ofApp ?? false;
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

/** @throws EmulatorError `invalid_input`: a name that stands there twice is one too */
export function readCatalog(value: unknown, path: string): ReadonlySet<string> | undefined {
  if (value === undefined) return undefined;
  const names = readNames(value, path);
  names.forEach((name, i) => {
    if (names.indexOf(name) < i) {
      throw new EmulatorError('invalid_input', `${path}[${i}]: ${show(name)} stands there already.`);
    }
  });
  return new Set(names);
}

/** @throws EmulatorError `invalid_input` */
export function checkKnown(name: string, path: string, kind: keyof Catalogs, catalogs: Catalogs): void {
  const known = catalogs[kind];
  if (known === undefined || known.has(name)) return;
  const names = known.size === 0 ? 'none' : [...known].slice(0, 20).join(', ');
  throw new EmulatorError('invalid_input', `${path}: ${show(name)} is not among the ${kind}; known are ${names}.`);
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

/** An answer on demand, for one user and without an end. */
function readUserAnswer(value: unknown, path: string): PreparedSignInAnswer['envelope'] {
  readObject(value, path, ['statusCode', 'apiCode', 'message', 'data']);
  return readSignInAnswer(value, path).answer.envelope;
}

function readNames(value: unknown, path: string): string[] {
  return readList(value, path).map((item, i) => readFilled(item, `${path}[${i}]`));
}
