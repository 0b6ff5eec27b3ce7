import { channel } from 'node:diagnostics_channel';
import type { ConfigurationErrorCode, UpstreamErrorCode } from './errors.js';
import type { SignInOutcome } from './sign-in/outcome.js';

/**
 * The message that the channel `genauth:sign-in` of `node:diagnostics_channel` publishes for every sign-in: every
 * outcome, every `UpstreamError`, and every `ConfigurationError` after the arguments of the sign-in were checked. It is
 * for logs and metrics. It holds no password, token or secret.
 *
 * @example
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel';
 * import type { SignInEvent } from 'passport-genauth';
 *
 * subscribe('genauth:sign-in', (message) => {
 *   const { result, text, duration } = message as SignInEvent;
 *   console.log(`sign-in: ${result} after ${Math.round(duration)} ms: ${text}`);
 * });
 * ```
 */
export interface SignInEvent {
  /** The application ID of the client. */
  appId: string;
  /** `PASSWORD` for a password login, `AD` for an Active Directory login. */
  connection: 'PASSWORD' | 'AD';
  /** The `kind` of the outcome, or the `code` of the error. */
  result: SignInOutcome['kind'] | UpstreamErrorCode | ConfigurationErrorCode;
  /** A description for the operator, on one line: GenAuth's answer, or the message of the error. */
  text: string;
  /** GenAuth's `statusCode`, if GenAuth answered. */
  statusCode: number | undefined;
  /** GenAuth's code for the cause, if it gave one. */
  apiCode: number | undefined;
  /** GenAuth's ID of the request, if it gave one. GenAuth's support asks for it. */
  requestId: string | undefined;
  /** Duration of the sign-in in milliseconds. */
  duration: number;
}

const signIn = channel('genauth:sign-in');

/** Publishes a sign-in. Without a subscriber `describe` is not called. */
export function publishSignIn(describe: () => SignInEvent): void {
  if (signIn.hasSubscribers) signIn.publish(describe());
}
