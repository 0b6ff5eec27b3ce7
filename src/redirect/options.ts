import { type ConfigurationError, buildOptionError } from '../core/errors.js';
import { quote } from '../core/util/quote.js';
import { isRecord } from '../core/util/record.js';
import { findUnknownOptions } from '../core/util/unknown-options.js';
import { isLoopback } from '../core/util/url.js';
import { isLocalPath } from './return-to.js';

/** The options of a sign-in on GenAuth's hosted page. */
export interface RedirectOptions {
  /**
   * The absolute URL of the callback route of the application. It must be registered in GenAuth's console under
   * application → authentication configuration → login callback URL, as exactly the same text. Its scheme is `https`,
   * or `http` on a loopback host.
   */
  callbackUrl: string;
  /**
   * The path of the route of the application that begins the sign-in, for example `/auth/genauth`. If it is set, the
   * response to a password login that needs one more step contains `next: { kind: 'redirect', url: startPath }`.
   * Default: no `next`.
   */
  startPath?: string | undefined;
  /**
   * Encrypts the cookie that binds a sign-in to the browser. 32 characters or more, for example from
   * `openssl rand -hex 32`. With a list the first secret encrypts, and all secrets decrypt, so that a secret can be
   * replaced. If the option is left out, no cookie is set, and the application's session (`req.session`) holds the
   * sign-in. `undefined` is refused.
   */
  cookieSecret?: string | readonly string[] | undefined;
  /**
   * The path to which the user returns after the sign-in, if the request that begins the sign-in has no query parameter
   * `returnTo`. Default: `/`.
   */
  returnTo?: string | undefined;
}

/** The checked options, with all defaults filled in. */
export interface ResolvedRedirectOptions {
  readonly callbackUrl: string;
  readonly startPath: string | undefined;
  /** `undefined`: the application's session holds the sign-in. */
  readonly cookieSecrets: readonly string[] | undefined;
  readonly returnTo: string;
}

const OPTION_NAMES = ['callbackUrl', 'startPath', 'cookieSecret', 'returnTo'];
const SYNONYMS = {
  callback: 'callbackUrl',
  redirecturi: 'callbackUrl',
  redirecturl: 'callbackUrl',
  secret: 'cookieSecret',
  loginpath: 'startPath',
};
/** Minimum length of a secret of the cookie, in characters. */
const MIN_SECRET_LENGTH = 32;

/**
 * Checks the options.
 *
 * @throws ConfigurationError `invalid_options` if an option is wrong.
 */
export function resolveRedirectOptions(given: RedirectOptions): ResolvedRedirectOptions {
  if (!isRecord(given)) {
    throw wrong('redirect', `got ${quote(given)} in place of options`, "write { callbackUrl: 'https://…/callback' }");
  }
  const [unknown] = findUnknownOptions(given, OPTION_NAMES, {
    kind: 'an option of the redirect sign-in',
    synonyms: SYNONYMS,
  });
  if (unknown !== undefined) throw buildOptionError(unknown);
  const { callbackUrl, startPath, cookieSecret, returnTo = '/' }: RedirectOptions = given;
  if (!isCallbackUrl(callbackUrl)) {
    const fix = "write the URL that is registered in the console, 'https://app.example.com/auth/genauth/callback'";
    // A user name or a password in the URL is not shown.
    const given: unknown = callbackUrl;
    const shown = typeof given === 'string' && given.includes('@') ? 'contains an @' : `is ${quote(given)}`;
    throw wrong('callbackUrl', shown, `${fix}; http is possible on a loopback host`);
  }
  for (const [option, path] of Object.entries({ startPath, returnTo })) {
    if (path !== undefined && !isLocalPath(path)) {
      throw wrong(option, `is ${quote(path)}`, "write a path of this application, '/auth/genauth'");
    }
  }
  if (startPath !== undefined && new URL(startPath, callbackUrl).pathname === new URL(callbackUrl).pathname) {
    throw wrong(
      'startPath',
      'is the path of callbackUrl',
      'use two routes, one that begins and one that ends the sign-in',
    );
  }
  if (Object.hasOwn(given, 'cookieSecret') && cookieSecret === undefined) {
    const fix = 'set the variable from which it is read, or leave the option out, so that req.session is used';
    throw wrong('cookieSecret', 'is undefined', fix);
  }
  return { callbackUrl, startPath, cookieSecrets: toSecrets(cookieSecret), returnTo };
}

function isCallbackUrl(value: unknown): value is string {
  if (typeof value !== 'string' || value.trim() !== value || !URL.canParse(value)) return false;
  const { protocol, hostname, hash, username, password } = new URL(value);
  const isSecure = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
  return isSecure && hash === '' && username === '' && password === '';
}

function toSecrets(given: RedirectOptions['cookieSecret']): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const secrets: readonly unknown[] = Array.isArray(given) ? given : [given];
  const isUsable = (each: unknown): each is string => typeof each === 'string' && each.length >= MIN_SECRET_LENGTH;
  if (secrets.length > 0 && secrets.every(isUsable)) return secrets;
  // The message does not show the value, because it is a secret.
  const problem = `has no secret, or a secret that is not a string of ${MIN_SECRET_LENGTH} characters or more`;
  throw wrong('cookieSecret', problem, 'write the output of: openssl rand -hex 32');
}

function wrong(option: string, problem: string, fix: string): ConfigurationError {
  return buildOptionError({ option, problem, fix });
}
