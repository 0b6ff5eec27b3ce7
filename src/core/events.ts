import { channel } from 'node:diagnostics_channel';
import type { ConfigurationErrorCode, UpstreamErrorCode } from './errors.js';
import type { SignInOutcome } from './sign-in/outcome.js';

/**
 * The event that passport-genauth publishes for a sign-in on the channel `genauth:sign-in` of
 * `node:diagnostics_channel`. It is for logs and metrics. It contains no password, token or secret.
 *
 * A sign-in publishes one event if it has an outcome, or if it throws an `UpstreamError` or a `ConfigurationError`. A
 * sign-in with wrong arguments publishes no event.
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
  /** The application ID, from the option `appId` of the client. */
  appId: string;
  /** The kind of login: `PASSWORD` for a password login, `AD` for an Active Directory login. */
  connection: 'PASSWORD' | 'AD';
  /** The `kind` of the outcome, or the `code` of the thrown error. */
  result: SignInOutcome['kind'] | UpstreamErrorCode | ConfigurationErrorCode;
  /** A description for the operator: GenAuth's answer on one line, or the message of the thrown error. */
  text: string;
  /** `statusCode` of GenAuth's answer, if GenAuth answered. `SignInAnswer` describes this property. */
  statusCode: number | undefined;
  /** `apiCode` in the body of GenAuth's answer, if there is one. This number identifies the cause. */
  apiCode: number | undefined;
  /** GenAuth's ID of the sign-in request, if GenAuth sent one. GenAuth's support asks for this ID. */
  requestId: string | undefined;
  /** Duration of the sign-in in milliseconds. */
  duration: number;
}

const signIn = channel('genauth:sign-in');

/**
 * Publishes the event of a sign-in. `describe` builds the event, and is called only if the channel has a subscriber.
 */
export function publishSignIn(describe: () => SignInEvent): void {
  if (signIn.hasSubscribers) signIn.publish(describe());
}
