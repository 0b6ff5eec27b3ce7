import type { WireEnvelope } from '../../core/wire/facts.js';
import { EmulatorError } from '../errors.js';
import { at, readObject, readOneOf } from '../input/readers.js';
import type { RecordedOutcome } from '../state/journal.js';
import { type EmulatorSignInAnswer, readSignInAnswer } from '../state/queued-answers.js';
import { type EmulatorClaims, USER_CLAIMS } from './claims.js';

/**
 * Function that checks a name and a password for the connection AD.
 *
 * The emulator calls it once for each sign-in. It is not called for an empty password, a name with control characters,
 * a password that cannot be decrypted, or an account that the emulator itself has locked.
 *
 * If the function throws, the emulator answers the sign-in with `statusCode` 602. If the function takes longer than
 * 5 seconds, the emulator answers with `statusCode` 408. The text of a thrown error is not shown, because it may
 * contain the password.
 */
export type EmulatorAdDirectory = (
  sAMAccountName: string,
  password: string,
) => EmulatorAdAnswer | Promise<EmulatorAdAnswer>;

/**
 * Return value of an {@link EmulatorAdDirectory}:
 * - `undefined`: the name is unknown, or the password is wrong (403 / 2333)
 * - {@link EmulatorAdSuccess}: the password is right
 * - {@link EmulatorAdRefusal}: any other result
 */
export type EmulatorAdAnswer = EmulatorAdSuccess | EmulatorAdRefusal | undefined;

/** Return value of an {@link EmulatorAdDirectory} if the password is right. */
export interface EmulatorAdSuccess {
  /**
   * The user's claims. They replace the claims of the user's last sign-in. Claims that `updateAdAccount` added are
   * kept. A value with the wrong type is left out. Default of `username`: the name of the user's first sign-in.
   */
  claims: { readonly [Claim in keyof EmulatorClaims]?: EmulatorClaims[Claim] | undefined };
}

/**
 * Return value of an {@link EmulatorAdDirectory} if the directory refuses the sign-in, or cannot check it.
 * `captchaAfter` and `lockAfter` do not count it as a failed sign-in.
 */
export interface EmulatorAdRefusal extends Omit<EmulatorSignInAnswer, 'account' | 'times'> {
  /**
   * GenAuth's `statusCode`, 300 to 699: 301 requires a further step, 403 refuses the user, and 408, 422, 601 and 602
   * report a failure of the directory.
   */
  statusCode: number;
  /**
   * Outcome of the sign-in in `GenAuthEmulator.signIns`. Default: for 301 `mfa_required` (1635, 1636) or
   * `password_change_required`; for 403 `account_locked` (2005), `invalid_credentials` (2333) or `access_denied`; for
   * all other codes `directory_failed`.
   */
  outcome?: (typeof OUTCOMES)[number];
}

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

/** Claims as the function `ad` returned them. The values are not checked. */
export type DirectoryClaims = Readonly<Record<string, unknown>>;

/** A checked return value of the function `ad`. */
export type AdAnswer =
  | { readonly claims: DirectoryClaims }
  | { readonly outcome: (typeof OUTCOMES)[number]; readonly envelope: WireEnvelope<unknown> }
  | undefined;

/**
 * Checks a return value of the function `ad`.
 *
 * @throws EmulatorError `invalid_input` if it is wrong. The message may quote the value, which may contain a password.
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

/** Returns the default outcome for GenAuth's codes. */
function findOutcome({ statusCode, apiCode }: WireEnvelope<unknown>): (typeof OUTCOMES)[number] {
  const code = Number(apiCode);
  if (statusCode === 301) return code === 1635 || code === 1636 ? 'mfa_required' : 'password_change_required';
  if (statusCode === 403 && code === 2005) return 'account_locked';
  if (statusCode === 403) return code === 2333 ? 'invalid_credentials' : 'access_denied';
  return 'directory_failed';
}
