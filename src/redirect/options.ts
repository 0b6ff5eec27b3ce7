import { type OptionMistake, buildMistakesError, buildOptionError } from '../core/errors.js';
import { quote } from '../core/util/quote.js';
import { isRecord } from '../core/util/record.js';
import { SEALING_SECRET_FIX, findSecretProblem } from '../core/util/sealing-secret.js';
import { findUnknownOptions } from '../core/util/unknown-options.js';
import { checkUrl } from '../core/util/url.js';
import { isLocalPath } from './return-to.js';

/** The options of a sign-in on GenAuth's hosted page. */
export interface RedirectOptions {
  /**
   * The absolute URL of the callback route of the application. It must be registered in GenAuth's console under
   * application → authentication configuration → login callback URL, as exactly the same text. Its scheme is `https`,
   * or `http` on a loopback host. Open the application under the same host name: for cookies, `localhost` and
   * `127.0.0.1` are different hosts.
   */
  callbackUrl: string;
  /**
   * The path of the route of the application that begins the sign-in, for example `/auth/genauth`. If it is set, the
   * response to a password login that needs one more step contains `next: { kind: 'redirect', url: startPath }`. The
   * path includes the global prefix of the application.
   * Default: no `next`.
   */
  startPath?: string | undefined;
  /**
   * Encrypts the cookie that binds a sign-in to the browser. 32 characters or more, for example from
   * `openssl rand -hex 32`. With a list the first secret encrypts, and all secrets decrypt, so that a secret can be
   * replaced. If the option is left out, no cookie is set, and the application's session (`req.session`) holds the
   * sign-in. `undefined` is refused. Prefer a secret: if the store of the session is slow, two simultaneous sign-ins of
   * one browser overwrite each other in the session.
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
}

const OPTION_NAMES = ['callbackUrl', 'startPath', 'cookieSecret', 'returnTo', 'failurePath'];
const SYNONYMS = {
  callback: 'callbackUrl',
  redirecturi: 'callbackUrl',
  redirecturl: 'callbackUrl',
  secret: 'cookieSecret',
  loginpath: 'startPath',
  failureredirect: 'failurePath',
  successredirect: 'returnTo',
};
/** An example of each option with a path. */
const PATH_EXAMPLES = { startPath: '/auth/genauth', returnTo: '/', failurePath: '/login' };

/**
 * Checks the options.
 *
 * @throws ConfigurationError `invalid_options` if options are wrong. The message names every wrong option.
 */
export function resolveRedirectOptions(given: RedirectOptions): ResolvedRedirectOptions {
  if (!isRecord(given)) {
    const problem = `of the hosted page are ${quote(given)}`;
    const fix = "pass { callbackUrl: 'https://app.example.com/auth/genauth/callback' }";
    throw buildOptionError({ option: 'options', problem, fix });
  }
  const { callbackUrl, startPath, cookieSecret, returnTo = '/', failurePath }: RedirectOptions = given;
  const kind = 'an option of the hosted page';
  const callbackMistakes = findCallbackMistakes(callbackUrl);
  const mistakes: OptionMistake[] = [
    ...findUnknownOptions(given, OPTION_NAMES, { kind, synonyms: SYNONYMS }),
    ...callbackMistakes,
    ...findPathMistakes({ startPath, returnTo, failurePath }, callbackMistakes.length === 0 ? callbackUrl : undefined),
  ];
  if (Object.hasOwn(given, 'cookieSecret')) mistakes.push(...findSecretMistakes(cookieSecret));
  const [first, ...others] = mistakes;
  if (first !== undefined) {
    throw others.length === 0
      ? buildOptionError(first)
      : buildMistakesError('passport-genauth: the options of the hosted page are wrong.', mistakes);
  }
  const cookieSecrets = cookieSecret === undefined ? undefined : [cookieSecret].flat();
  return { callbackUrl, startPath, cookieSecrets, returnTo, failurePath };
}

function findCallbackMistakes(callbackUrl: unknown): OptionMistake[] {
  const option = 'callbackUrl';
  if (callbackUrl === undefined) {
    const fix = "write the URL that is registered in the console, 'https://app.example.com/auth/genauth/callback'";
    return [{ option, problem: 'is missing', fix }];
  }
  const checked = checkUrl(callbackUrl, 'requested');
  return 'problem' in checked ? [{ option, problem: checked.problem, fix: checked.fix }] : [];
}

function findPathMistakes(
  paths: Readonly<Record<keyof typeof PATH_EXAMPLES, string | undefined>>,
  callbackUrl: string | undefined,
): OptionMistake[] {
  const names = Object.keys(PATH_EXAMPLES) as (keyof typeof PATH_EXAMPLES)[];
  const wrong = names.filter((name) => paths[name] !== undefined && !isLocalPath(paths[name]));
  if (wrong.length > 0) {
    return wrong.map((option) => {
      const path: unknown = paths[option];
      const problem = typeof path === 'string' && path.includes('@') ? 'contains an @' : `is ${quote(path)}`;
      return { option, problem, fix: `write a path of this application, '${PATH_EXAMPLES[option]}'` };
    });
  }
  // Each of these paths is a route of its own, also for a framework that ignores the case and a slash at the end.
  const routes = names.flatMap((option) => {
    const path = paths[option];
    return path === undefined ? [] : [[option, toRoute(path)] as const];
  });
  const callback = callbackUrl === undefined ? undefined : toRoute(new URL(callbackUrl).pathname);
  const start = routes.find(([option]) => option === 'startPath')?.[1];
  return routes.flatMap(([option, route]) => {
    const same = route === callback ? 'callbackUrl' : option !== 'startPath' && route === start ? 'startPath' : '';
    if (same === '') return [];
    const problem = `is ${quote(paths[option])}, the path of ${same}`;
    return [{ option, problem, fix: `use another route, '${PATH_EXAMPLES[option]}'` }];
  });
}

/** Returns the path of a route, as a framework compares it. */
export function toRoute(path: string): string {
  const { pathname } = new URL(path, 'https://localhost');
  return pathname
    .toLowerCase()
    .replaceAll(/\/{2,}/g, '/')
    .replace(/(.)\/$/, '$1');
}

function findSecretMistakes(cookieSecret: unknown): OptionMistake[] {
  const option = 'cookieSecret';
  if (cookieSecret === undefined) {
    const fix = 'set the variable from which it is read, or leave the option out, so that req.session is used';
    return [{ option, problem: 'is undefined', fix }];
  }
  const problem = findSecretProblem(cookieSecret);
  return problem === undefined ? [] : [{ option, problem, fix: SEALING_SECRET_FIX }];
}
