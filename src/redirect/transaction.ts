import { createHash, randomBytes } from 'node:crypto';

/** The time in which a user must complete a sign-in on GenAuth's hosted page, in milliseconds. */
export const TRANSACTION_LIFETIME_MS = 15 * 60_000;

/** The clocks of two servers of an application may differ by this time, in milliseconds. */
const MAX_CLOCK_DIFFERENCE_MS = 60_000;

/** A sign-in on GenAuth's hosted page that has begun and has not ended. */
export interface Transaction {
  /** Binds the callback to the sign-in (RFC 6749 §10.12). */
  readonly state: string;
  /** Binds the id_token to the sign-in (OpenID Connect Core 1.0 §3.1.2.1). */
  readonly nonce: string;
  /** The secret of the sign-in, without which the authorization code is worthless (RFC 7636 §4.1). */
  readonly codeVerifier: string;
  /** The path to which the user returns after the sign-in. */
  readonly returnTo: string;
  /** The time at which the sign-in began, in milliseconds since 1970. */
  readonly startedAt: number;
}

/** Begins a sign-in with new random values of 256 bits each. */
export function createTransaction(returnTo: string, now: number): Transaction {
  const random = (): string => randomBytes(32).toString('base64url');
  return { state: random(), nonce: random(), codeVerifier: random(), returnTo, startedAt: now };
}

/** Returns whether the user can still complete a sign-in. */
export function isCurrent({ startedAt }: Transaction, now: number): boolean {
  const age = now - startedAt;
  return age > -MAX_CLOCK_DIFFERENCE_MS && age < TRANSACTION_LIFETIME_MS;
}

/** Builds the `code_challenge` of the method `S256` (RFC 7636 §4.2). */
export function toCodeChallenge({ codeVerifier }: Transaction): string {
  return createHash('sha256').update(codeVerifier).digest('base64url');
}
