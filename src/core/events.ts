import { type Channel, channel } from 'node:diagnostics_channel';
import { type ConfigurationErrorCode, GenAuthError, type RequestErrorCode, type UpstreamErrorCode } from './errors.js';
import type { SignInOutcome } from './sign-in/outcome.js';
import { type MaybePromise, chain, recover } from './util/maybe-promise.js';

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
  /**
   * The kind of login: `PASSWORD` for a password login, `AD` for an Active Directory login, `REDIRECT` for a login on
   * GenAuth's hosted page.
   */
  connection: 'PASSWORD' | 'AD' | 'REDIRECT';
  /** The `kind` of the outcome, or the `code` of the thrown error. */
  result: SignInOutcome['kind'] | UpstreamErrorCode | ConfigurationErrorCode | RequestErrorCode;
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

/**
 * The event on the channel `genauth:refusal`: a request to a guarded route or to a login route was refused. A refused
 * sign-in also has its {@link SignInEvent}.
 */
export interface RefusalEvent {
  /** The application ID. `undefined` if the client is not known, as with `genAuthErrorHandler()` without a client. */
  appId: string | undefined;
  /** The HTTP status of the response. */
  status: number;
  /** The `code` in the body of the response. */
  code: string;
  /** The `code` of the error, which is more precise than `code`, for example `token_expired`. */
  reason: string;
  /** A description for the operator. Do not send it to the caller. */
  text: string;
  /**
   * The method and the path pattern of the route, for example `GET /orders/:id`, if the framework shows them. In
   * Express the path of a router is left out.
   */
  route: string | undefined;
  /**
   * The claim `sub` of the access token, as a SHA-256 hash in base64url with a salt that is new in each process. The
   * refused requests of one user have the same value. If the token is not valid, the claim is not verified. `undefined`
   * if the request has no readable access token.
   */
  subject: string | undefined;
  /** The key ID of the access token, which is not verified. */
  kid: string | undefined;
}

/** The event on the channel `genauth:keys`: the cached key set of GenAuth. */
export interface KeysEvent {
  /** The application ID. */
  appId: string;
  /**
   * - `fetched`: a key set was fetched.
   * - `failed`: the key set could not be fetched.
   * - `stale_served`: after a failed fetch, the last key set stays in use.
   * - `unknown_kid`: a token was refused because the key set does not have its key ID.
   */
  kind: 'fetched' | 'failed' | 'stale_served' | 'unknown_kid';
  /** The number of keys that can verify tokens now. */
  count: number;
  /** With `failed`: the `code` of the error. */
  reason: string | undefined;
  /** With `unknown_kid`: the key ID of the token, if it has one. */
  kid: string | undefined;
}

/** The event on the channel `genauth:refresh`: `GenAuthClient.refresh` has sent a request. */
export interface RefreshEvent {
  /** The application ID. */
  appId: string;
  /** `success`, or the `code` of the error. */
  result: string;
  /** The time from the call to the result, in milliseconds. */
  duration: number;
}

/** The event on the channel `genauth:user-info`: a guard needed the user info of an access token. */
export interface UserInfoEvent {
  /** The application ID. */
  appId: string;
  /** `success`, the `code` of the error, or `stale_served` if the cached user info is used after a failed request. */
  result: string;
  /** The time of the request, in milliseconds. */
  duration: number;
}

/** The event on the channel `genauth:request`: an HTTP exchange with GenAuth has ended. */
export interface RequestEvent {
  /** The origin of GenAuth, for example `https://example.genauth.ai`. */
  origin: string;
  /** The HTTP method. */
  method: 'GET' | 'POST';
  /** The path, which contains no data of a user. */
  path: string;
  /** The HTTP status of the response. `undefined` without a response. */
  status: number | undefined;
  /** `answered`, or the `code` of the error. */
  result: string;
  /** The time from the request to the whole response, in milliseconds. */
  duration: number;
}

/**
 * The event on the channel `genauth:verification`: an access token of a guarded request was verified, and the
 * requirements of the route were checked.
 */
export interface VerificationEvent {
  /** The application ID. */
  appId: string;
  /** `success`, or the `code` of the error. */
  result: string;
  /** The time of the verification, in milliseconds. */
  duration: number;
}

/** The event on the channel `genauth:store`: a store that several processes share has failed, or answers again. */
export interface StoreEvent {
  /** The application ID. */
  appId: string;
  /** The option with the store. */
  store: 'refreshStore' | 'loginThrottle';
  /** `down`: a call has failed. `up`: after a failure, a call has succeeded. */
  kind: 'down' | 'up';
  /** With `down`: the message of the error of the store. */
  reason: string | undefined;
}

/**
 * The channels of `node:diagnostics_channel` on which passport-genauth publishes events, with the types of the events.
 * The events are for logs and metrics. They contain no password, token or secret. Without a subscriber no event is
 * built.
 *
 * @example
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel';
 * import type { GenAuthEvents } from 'passport-genauth';
 *
 * subscribe('genauth:refusal', (message) => {
 *   const { status, reason, route, subject } = message as GenAuthEvents['genauth:refusal'];
 *   console.log(`${route}: ${status} ${reason} (subject ${subject})`);
 * });
 * ```
 */
export interface GenAuthEvents {
  /** A sign-in has an outcome, or has failed. */
  'genauth:sign-in': SignInEvent;
  /** A request to a guarded route or to a login route was refused. */
  'genauth:refusal': RefusalEvent;
  /** The cached key set has changed, is old, or could not be fetched. */
  'genauth:keys': KeysEvent;
  /** A refresh has sent a request. */
  'genauth:refresh': RefreshEvent;
  /** A guard needed the user info of a token. */
  'genauth:user-info': UserInfoEvent;
  /** A shared store has failed, or answers again. */
  'genauth:store': StoreEvent;
  /** An HTTP exchange with GenAuth has ended. */
  'genauth:request': RequestEvent;
  /** An access token of a guarded request was verified. */
  'genauth:verification': VerificationEvent;
}

const channels: Readonly<Record<keyof GenAuthEvents, Channel>> = {
  'genauth:sign-in': channel('genauth:sign-in'),
  'genauth:refusal': channel('genauth:refusal'),
  'genauth:keys': channel('genauth:keys'),
  'genauth:refresh': channel('genauth:refresh'),
  'genauth:user-info': channel('genauth:user-info'),
  'genauth:store': channel('genauth:store'),
  'genauth:request': channel('genauth:request'),
  'genauth:verification': channel('genauth:verification'),
};

/** Whether a channel has a subscriber. A time need not be measured without one. */
export function hasSubscribers(name: keyof GenAuthEvents): boolean {
  return channels[name].hasSubscribers;
}

/** Publishes an event. `describe` builds the event, and is called only if the channel has a subscriber. */
export function publishEvent<Name extends keyof GenAuthEvents>(name: Name, describe: () => GenAuthEvents[Name]): void {
  if (channels[name].hasSubscribers) channels[name].publish(describe());
}

/**
 * Runs a request, and publishes an event with its result and its duration.
 *
 * @returns The result of `run`.
 * @throws the error of `run`.
 */
export async function publishResult<T>(name: 'genauth:user-info', appId: string, run: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const publish = (result: string): void =>
    publishEvent(name, () => ({ appId, result, duration: performance.now() - startedAt }));
  try {
    const value = await run();
    publish('success');
    return value;
  } catch (error) {
    publish(toResult(error));
    throw error;
  }
}

/** Returns the member `result` of an event: `success`, or the `code` of an error. */
export function toResult(result: unknown): string {
  if (result === 'success') return result;
  return result instanceof GenAuthError ? result.code : 'error';
}

/**
 * Runs the verification of a guarded request, and publishes its event.
 */
export function publishVerification<T>(appId: string, run: () => MaybePromise<T>): MaybePromise<T> {
  const startedAt = performance.now();
  const publish = (result: string): void =>
    publishEvent('genauth:verification', () => ({ appId, result, duration: performance.now() - startedAt }));
  return recover(
    () =>
      chain(run(), (value) => {
        publish('success');
        return value;
      }),
    (error) => {
      publish(toResult(error));
      throw error;
    },
  );
}
