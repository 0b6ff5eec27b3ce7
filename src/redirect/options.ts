import { type ConfigurationError, buildOptionError } from '../core/errors.js';
import { quote } from '../core/util/quote.js';
import { isRecord } from '../core/util/record.js';
import { MIN_SEALING_SECRET_LENGTH, isSealingSecret } from '../core/util/sealing-secret.js';
import { findUnknownOptions } from '../core/util/unknown-options.js';
import { isLoopback } from '../core/util/url.js';
import { PATHS } from '../core/wire/facts.js';
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
  /**
   * The path to which the browser is sent if the sign-in fails, for example `/login`. The query parameter `error` is
   * set to the `code` of the refusal. Default: the response is the JSON body of the refusal.
   */
  failurePath?: string | undefined;
  /**
   * The URL of GenAuth's hosted page, on the host of `appHost`. Set it if the `authorization_endpoint` of GenAuth's
   * discovery document is another URL than the default. Default: `/oidc/auth` on the host of `appHost`.
   */
  authorizationEndpoint?: string | undefined;
}

/** The checked options, with all defaults filled in. */
export interface ResolvedRedirectOptions {
  readonly callbackUrl: string;
  readonly startPath: string | undefined;
  /** `undefined`: the application's session holds the sign-in. */
  readonly cookieSecrets: readonly string[] | undefined;
  readonly returnTo: string;
  /** `undefined`: the response to a failed sign-in is JSON. */
  readonly failurePath: string | undefined;
  readonly authorizationEndpoint: string;
}

const OPTION_NAMES = ['callbackUrl', 'startPath', 'cookieSecret', 'returnTo', 'failurePath', 'authorizationEndpoint'];
const SYNONYMS = {
  callback: 'callbackUrl',
  redirecturi: 'callbackUrl',
  redirecturl: 'callbackUrl',
  secret: 'cookieSecret',
  loginpath: 'startPath',
  failureredirect: 'failurePath',
  successredirect: 'returnTo',
  authorizationurl: 'authorizationEndpoint',
};

/**
 * Checks the options.
 *
 * @param appHost - The origin of GenAuth.
 * @throws ConfigurationError `invalid_options` if an option is wrong.
 */
export function resolveRedirectOptions(given: RedirectOptions, appHost: string): ResolvedRedirectOptions {
  if (!isRecord(given)) {
    throw wrong('redirect', `got ${quote(given)} in place of options`, "write { callbackUrl: 'https://…/callback' }");
  }
  const [unknown] = findUnknownOptions(given, OPTION_NAMES, {
    kind: 'an option of the redirect sign-in',
    synonyms: SYNONYMS,
  });
  if (unknown !== undefined) throw buildOptionError(unknown);
  const { callbackUrl, startPath, cookieSecret, returnTo = '/', failurePath }: RedirectOptions = given;
  const { authorizationEndpoint = appHost + PATHS.authorization } = given;
  if (!isCallbackUrl(callbackUrl)) {
    const fix = "write the URL that is registered in the console, 'https://app.example.com/auth/genauth/callback'";
    // A user name or a password in the URL is not shown.
    const given: unknown = callbackUrl;
    const shown = typeof given === 'string' && given.includes('@') ? 'contains an @' : `is ${quote(given)}`;
    throw wrong('callbackUrl', shown, `${fix}; http is possible on a loopback host`);
  }
  for (const [option, path] of Object.entries({ startPath, returnTo, failurePath })) {
    if (path !== undefined && !isLocalPath(path)) {
      throw wrong(option, `is ${quote(path)}`, "write a path of this application, '/auth/genauth'");
    }
  }
  const toPath = (path: string | undefined): string | undefined => path && new URL(path, callbackUrl).pathname;
  for (const [option, path, others] of [
    ['startPath', startPath, { callbackUrl }],
    ['failurePath', failurePath, { callbackUrl, startPath }],
  ] as const) {
    const same = Object.entries(others).find(([, other]) => path !== undefined && toPath(other) === toPath(path));
    if (same !== undefined) throw wrong(option, `is the path of ${same[0]}`, 'use a route of its own');
  }
  if (Object.hasOwn(given, 'cookieSecret') && cookieSecret === undefined) {
    const fix = 'set the variable from which it is read, or leave the option out, so that req.session is used';
    throw wrong('cookieSecret', 'is undefined', fix);
  }
  if (!isEndpointOf(appHost, authorizationEndpoint)) {
    const fix = `write the authorization_endpoint of the discovery document, '${appHost}/…/oidc/auth'`;
    throw wrong('authorizationEndpoint', `is ${quote(authorizationEndpoint)}`, fix);
  }
  const cookieSecrets = toSecrets(cookieSecret);
  return { callbackUrl, startPath, cookieSecrets, returnTo, failurePath, authorizationEndpoint };
}

function isCallbackUrl(value: unknown): value is string {
  if (typeof value !== 'string' || value.trim() !== value || !URL.canParse(value)) return false;
  const { protocol, hostname, hash, username, password } = new URL(value);
  const isSecure = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
  return isSecure && hash === '' && username === '' && password === '';
}

/** Returns whether a value is a URL on the origin of GenAuth, without a query. */
function isEndpointOf(appHost: string, value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { origin, search, hash, username, password } = new URL(value);
  return origin === appHost && [search, hash, username, password].every((part) => part === '');
}

function toSecrets(given: RedirectOptions['cookieSecret']): readonly string[] | undefined {
  if (given === undefined) return undefined;
  if (isSealingSecret(given)) return [given].flat();
  // The message does not show the value, because it is a secret.
  const problem = `has no secret, or a secret that is not a string of ${MIN_SEALING_SECRET_LENGTH} characters or more`;
  throw wrong('cookieSecret', problem, 'write the output of: openssl rand -hex 32');
}

function wrong(option: string, problem: string, fix: string): ConfigurationError {
  return buildOptionError({ option, problem, fix });
}
