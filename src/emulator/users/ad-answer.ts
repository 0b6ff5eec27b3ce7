import type { WireEnvelope } from '../../core/wire/facts.js';
import { EmulatorError } from '../errors.js';
import { at, readObject, readOneOf } from '../input/readers.js';
import type { RecordedOutcome } from '../state/journal.js';
import { type EmulatorSignInAnswer, readSignInAnswer } from '../state/queued-answers.js';
import { type EmulatorClaims, USER_CLAIMS } from './claims.js';

/**
 * The directory behind the connection AD: checks one name and one password.
 *
 * The emulator calls it once for each sign-in. It does not call it for an empty password, a name with control
 * characters, a password that cannot be decrypted, or an account that the emulator itself has locked.
 *
 * An error that it throws is answered with 602, and an answer that takes longer than 5 seconds with 408. The text of
 * the error is shown nowhere, because it may hold the password.
 */
export type EmulatorAdDirectory = (
  sAMAccountName: string,
  password: string,
) => EmulatorAdAnswer | Promise<EmulatorAdAnswer>;

/**
 * What a directory answers to a name and a password:
 * - `undefined`: the name is unknown, or the password is wrong (403 / 2333);
 * - {@link EmulatorAdSuccess}: the password is right;
 * - {@link EmulatorAdRefusal}: anything else.
 */
export type EmulatorAdAnswer = EmulatorAdSuccess | EmulatorAdRefusal | undefined;

/** The password is right. */
export interface EmulatorAdSuccess {
  /**
   * The user's claims. They replace the claims of the same user's last sign-in; claims that `updateAdAccount` has added
   * stay. A value that does not fit its claim is left out. Default of `username`: the name as it was typed first.
   */
  claims: { readonly [Claim in keyof EmulatorClaims]?: EmulatorClaims[Claim] | undefined };
}

/**
 * The answer to a sign-in that the directory refuses, or cannot decide. It is no failed try: `lockAfter` does not count
 * it.
 */
export interface EmulatorAdRefusal extends Omit<EmulatorSignInAnswer, 'account' | 'times'> {
  /**
   * GenAuth's `statusCode`, 300 to 699: 301 for a further step, 403 for a refusal, 408, 422, 601 or 602 for a failure.
   */
  statusCode: number;
  /**
   * What the journal records. Default: for 301 `mfa_required` (1635, 1636) or `password_change_required`; for 403
   * `account_locked` (2005), `invalid_credentials` (2333) or `access_denied`; for all other codes `directory_failed`.
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

/** Claims as a directory gave them. Their values are not checked. */
export type DirectoryClaims = Readonly<Record<string, unknown>>;

/** A checked answer. */
export type AdAnswer =
  | { readonly claims: DirectoryClaims }
  | { readonly outcome: (typeof OUTCOMES)[number]; readonly envelope: WireEnvelope<unknown> }
  | undefined;

/** @throws EmulatorError `invalid_input`, with a message that may quote the value */
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
  if (envelope.statusCode < 300) throw new EmulatorError('invalid_input', `${path}: a success needs claims.`);
  return {
    outcome: outcome === undefined ? findOutcome(envelope) : readOneOf(outcome, at(path, 'outcome'), OUTCOMES),
    envelope,
  };
}

function findOutcome({ statusCode, apiCode }: WireEnvelope<unknown>): (typeof OUTCOMES)[number] {
  const code = Number(apiCode);
  if (statusCode === 301) return code === 1635 || code === 1636 ? 'mfa_required' : 'password_change_required';
  if (statusCode === 403 && code === 2005) return 'account_locked';
  if (statusCode === 403) return code === 2333 ? 'invalid_credentials' : 'access_denied';
  return 'directory_failed';
}
