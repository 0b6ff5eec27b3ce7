import { channel } from 'node:diagnostics_channel';
import type { ConfigurationErrorCode, UpstreamErrorCode } from './errors.js';
import type { SignInOutcome } from './sign-in/outcome.js';

/** What `diagnostics_channel.subscribe('genauth:sign-in', …)` gets for every sign-in whose arguments were right. */
export interface SignInEvent {
  appId: string;
  connection: 'PASSWORD' | 'AD';
  /** How it went: the outcome's `kind`, or the error's `code`. */
  result: SignInOutcome['kind'] | UpstreamErrorCode | ConfigurationErrorCode;
  /** For the operator: GenAuth's words, or the error's. Never a password, a token or a secret. */
  text: string;
  statusCode: number | undefined;
  apiCode: number | undefined;
  requestId: string | undefined;
  /** Milliseconds. */
  duration: number;
}

const signIn = channel('genauth:sign-in');

/** Costs nothing where nobody listens. */
export function publishSignIn(describe: () => SignInEvent): void {
  if (signIn.hasSubscribers) signIn.publish(describe());
}
