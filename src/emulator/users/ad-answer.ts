import type { WireEnvelope } from '../../core/wire/facts.js';
import { EmulatorError } from '../errors.js';
import { at, readObject, readOneOf } from '../input/readers.js';
import type { RecordedOutcome } from '../state/journal.js';
import { type EmulatorSignInAnswer, readSignInAnswer } from '../state/queued-answers.js';
import { type EmulatorClaims, USER_CLAIMS } from './claims.js';

/**
 * A function that checks a name and a password for the connection `AD` (Active Directory).
 *
 * The emulator calls this function once for each sign-in. It does not call the function for an empty password, for a
 * name with control characters, for a password that cannot be decrypted, or for an account that the emulator itself has
 * locked.
 *
 * If the function throws, the response body has `statusCode` 602. If the function takes longer than 5 seconds, the
 * response body has `statusCode` 408. The response does not contain the text of the error, because the text may contain
 * the password.
 */
export type EmulatorAdDirectory = (
  sAMAccountName: string,
  password: string,
) => EmulatorAdAnswer | Promise<EmulatorAdAnswer>;

/**
 * The return value of an {@link EmulatorAdDirectory}:
 * - `undefined`: the name is unknown, or the password is wrong (`statusCode` 403, `apiCode` 2333)
 * - {@link EmulatorAdSuccess}: the password is right
 * - {@link EmulatorAdRefusal}: any other result
 */
export type EmulatorAdAnswer = EmulatorAdSuccess | EmulatorAdRefusal | undefined;

/** The return value of an {@link EmulatorAdDirectory} if the password is right. */
export interface EmulatorAdSuccess {
  /**
   * The user's claims. They replace the claims that the function returned at the user's last sign-in. Claims that
   * `updateAdAccount` added are kept. A claim whose value has the wrong type is left out. Default of `username`: the
   * name of the user's first sign-in.
   */
  claims: { readonly [Claim in keyof EmulatorClaims]?: EmulatorClaims[Claim] | undefined };
}

/**
 * The return value of an {@link EmulatorAdDirectory} if the directory refuses the sign-in, or cannot check the
 * password. It does not count as a failed sign-in for `captchaAfter` and `lockAfter`.
 */
export interface EmulatorAdRefusal extends Omit<EmulatorSignInAnswer, 'account' | 'times'> {
  /**
   * The `statusCode` in the response body, 300 to 699. 301 requires a further step. 403 refuses the user. 408, 422, 601
   * and 602 report a failure of the directory.
   */
  statusCode: number;
  /**
   * The outcome of the sign-in in `GenAuthEmulator.signIns`. The default depends on `statusCode` and `apiCode`:
   *
   * - `statusCode` 301: `mfa_required` if the `apiCode` is 1635 or 1636, otherwise `password_change_required`
   * - `statusCode` 403: `account_locked` if the `apiCode` is 2005, `invalid_credentials` if it is 2333, otherwise
   *   `access_denied`
   * - any other `statusCode`: `directory_failed`
   */
  outcome?: (typeof OUTCOMES)[number];
}

/** The valid values of `outcome` in the answer of the function `ad`. */
const OUTCOMES = [
  'invalid_credentials',
  'account_locked',
  'account_disabled',
  'account_expired',
  'access_denied',
  'password_change_required',
  'mfa_required',
  'directory_failed',
] as const satisfies readonly RecordedOutcome[];

/** The claims that the function of the option `ad` returned. Their values are not checked. */
export type DirectoryClaims = Readonly<Record<string, unknown>>;

/** A checked return value of the function of the option `ad`. */
export type AdAnswer =
  | { readonly claims: DirectoryClaims }
  | { readonly outcome: (typeof OUTCOMES)[number]; readonly envelope: WireEnvelope<unknown> }
  | undefined;

/**
 * Checks a return value of the function of the option `ad`.
 *
 * @throws EmulatorError with the code `invalid_input` if the value is wrong. The error message may contain the value,
 * and the value may contain a password.
 */
export function readAdAnswer(value: unknown, path: string): AdAnswer {
  if (value === undefined) return undefined;
  const given = readObject(value, path, ['claims', 'statusCode', 'apiCode', 'message', 'data', 'outcome']);
  if (given.has('claims')) {
    readObject(value, path, ['claims']);
    const claims = given.get('claims') as DirectoryClaims;
    readObject(claims, at(path, 'claims'), USER_CLAIMS);
    return { claims: { ...claims } };
  }
  const { outcome, ...rest } = Object.fromEntries(given);
  const { envelope } = readSignInAnswer(rest, path).answer;
  if (envelope.statusCode < 300) {
    throw new EmulatorError(
      'invalid_input',
      `${path}: statusCode must be 300 or more. Return { claims } for a success.`,
    );
  }
  return {
    outcome: outcome === undefined ? findOutcome(envelope) : readOneOf(outcome, at(path, 'outcome'), OUTCOMES),
    envelope,
  };
}

/** Returns the default of `outcome` for a `statusCode` and an `apiCode`. */
function findOutcome({ statusCode, apiCode }: WireEnvelope<unknown>): (typeof OUTCOMES)[number] {
  const code = Number(apiCode);
  if (statusCode === 301) return code === 1635 || code === 1636 ? 'mfa_required' : 'password_change_required';
  if (statusCode === 403 && code === 2005) return 'account_locked';
  if (statusCode === 403) return code === 2333 ? 'invalid_credentials' : 'access_denied';
  return 'directory_failed';
}
