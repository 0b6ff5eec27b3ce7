import { createHmac, randomBytes } from 'node:crypto';
import { readObject } from '../input/readers.js';
import type { EmulatorState } from '../state/state.js';
import type { Account } from '../users/user-store.js';

/** The number of seconds of one time step (RFC 6238 §4.1). */
const STEP = 30;
/** The length of a new secret in bytes: the length of a SHA-1 digest (RFC 4226 §4). */
const SECRET_BYTES = 20;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The one-time passwords of a user (TOTP, RFC 6238). */
export interface EmulatorTotp {
  /** The secret in base32, as an authenticator app reads it. */
  secret: string;
  /** The six digits at the current time of the emulator's clock. */
  code: string;
}

/**
 * Returns the secret and the current code of a user. The secret is created at the first call.
 *
 * @param input The object `{ account }`. `account` is any identifier of a user, or the name of an AD account.
 * @throws EmulatorError with the code `invalid_input` if the value is wrong, or if no account has this name.
 */
export function readTotp({ clock, users }: EmulatorState, input: unknown): EmulatorTotp {
  const name = readObject(input, 'totp', ['account']).get('account');
  const secret = getSecret(users.getAccount(name));
  return { secret: encodeBase32(secret), code: computeTotp(secret, clock.nowInSeconds()) };
}

/** Returns whether a code is right at this time, or one time step earlier or later. */
export function isTotp(account: Account, code: string, seconds: number): boolean {
  const secret = getSecret(account);
  return [-STEP, 0, STEP].some((offset) => computeTotp(secret, seconds + offset) === code);
}

/** Computes the code of a time with SHA-1 and six digits (RFC 6238 §4, RFC 4226 §5.3). */
export function computeTotp(secret: Buffer, seconds: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(seconds / STEP)));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const number = mac.readUInt32BE(mac.readUInt8(mac.length - 1) & 15) & 0x7f_ff_ff_ff;
  return String(number % 1_000_000).padStart(6, '0');
}

function getSecret(account: Account): Buffer {
  return (account.totpSecret ??= randomBytes(SECRET_BYTES));
}

/** Encodes bytes in base32 without padding (RFC 4648 §6). */
export function encodeBase32(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => BASE32.charAt(Number.parseInt(group.padEnd(5, '0'), 2))).join('');
}
