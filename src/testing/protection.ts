import { randomUUID } from 'node:crypto';
import { type NestReport, type OpenApp, type TestAnswer, openApp } from './open-app.js';
import { type Route, buildSamplePath } from './routes.js';

/** The options of {@link GenAuthTestKit.assertProtected}. */
export interface ProtectionOptions {
  /**
   * The routes that are intentionally public, and the login routes. Write them as in the application: `'GET /health'`,
   * or `'/health'` for all methods. `'/files*'` is a prefix: the entry matches every path that begins with `/files`.
   * `'GET /orders (version 2)'` is one of several handlers, with the name that the error shows.
   * Write `'*'` if the application sends a page for paths without a route. An entry whose routes are all guarded or
   * which matches no route is reported as a mistake. Default: none.
   */
  except?: readonly string[] | undefined;
  /**
   * The values of path parameters, by name, for example `{ id: '65f0c1d2e3a4b5c6d7e8f901' }`. Default: each value is
   * `1`.
   */
  params?: Readonly<Record<string, string>> | undefined;
  /** The headers of every request, for example `{ host: 'admin.example.com' }`. Default: none. */
  headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * A request that a guard must refuse: its name in messages, and its access token. The access token is `undefined` for a
 * request without a token.
 */
export type Attempt = readonly [name: string, token: string | undefined];

/** The entry for all paths for which the application has no route. */
const NO_ROUTE: Route = { method: 'GET', path: '*', kind: 'mount' };

/** The name of the attempt, and the response. The response is `undefined` if there was none. */
type Answer = readonly [attempt: string, response: TestAnswer | undefined];

/** A route, and the headers with which a request reaches one of its handlers. */
interface Probe extends Route {
  /** Names the handler if the route has several, such as ` (version 2)`. */
  label: string;
  /** `undefined` if the headers are not known. */
  headers: Readonly<Record<string, string>> | undefined;
}

/** The routes of Swagger below the path of its page. They are documentation, which is public in most applications. */
const SWAGGER_SCRIPT = '/swagger-ui-init.js';
const SWAGGER_PAGES = ['', '/', '/index.html', '/LICENSE', '/*', SWAGGER_SCRIPT];

const UNKNOWN_ENTRY = 'there is no such route, but it is listed in except. Correct or remove the entry';

/** The codes of the responses with which passport-genauth refuses a request. */
const REFUSAL_CODES = ['token_missing', 'invalid_token', 'insufficient_scope', 'insufficient_role', 'tenant_mismatch'];

/**
 * Sends every attempt to every route. To a route in `except` only the first attempt is sent.
 *
 * @param attempts The attempts. The first attempt has no access token.
 * @throws ProtectionError if a route does not refuse an attempt, if an entry of `except` is wrong, or if the check at
 * the start of a Nest application finds mistakes. The message lists all these mistakes.
 */
export async function checkProtection(
  app: object,
  attempts: readonly Attempt[],
  { except = [], params = {}, headers = {} }: ProtectionOptions = {},
): Promise<void> {
  const open = await openApp(app);
  try {
    const listed = open.routes();
    const routes = toProbes(distinct(withoutSwagger([...listed, NO_ROUTE])), open.report);
    const mistakes = (open.report?.mistakes ?? []).map(({ option, problem, fix }) => `${option} ${problem}: ${fix}`);
    // For each entry of `except`, one result for each route that it matches.
    const excepted = new Map(except.map((entry): [string, (string | undefined)[]] => [entry, []]));
    for (const route of routes) {
      const entries = except.filter((entry) => matchesEntry(route, entry));
      const asked = entries.length > 0 ? attempts.slice(0, 1) : attempts;
      const answers = isHidden(route) ? [] : await ask(open, route, asked, params, headers);
      const mistake = entries.length > 0 ? findExceptionMistake(answers) : findMistake(route, answers);
      const described = mistake === undefined ? undefined : `${describe(route)}: ${mistake}`;
      if (entries.length === 0 && described !== undefined) mistakes.push(described);
      for (const entry of entries) excepted.get(entry)?.push(described);
    }
    for (const [entry, results] of excepted) {
      const refused = results.filter((result) => result !== undefined);
      if (results.length === 0) mistakes.push(`${entry}: ${UNKNOWN_ENTRY}`);
      // A prefix may match guarded routes too, if it also matches a public route.
      else if (!isPrefix(entry) || refused.length === results.length) mistakes.push(...refused);
    }
    if (listed.every(({ kind }) => kind === 'mount')) {
      mistakes.push('no route was found. Pass the complete application, after all its routes were added');
    }
    if (mistakes.length > 0) throw toError(mistakes);
  } finally {
    await open.close();
  }
}

async function ask(
  open: OpenApp,
  route: Probe,
  attempts: readonly Attempt[],
  params: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
): Promise<Answer[]> {
  const path = route.path === NO_ROUTE.path ? `/${randomUUID()}` : buildSamplePath(route.path, params);
  const answers: Answer[] = [];
  for (const [attempt, token] of attempts) {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await open.probe(route.method, path, {
      headers: { ...headers, ...toHeaders(route.headers, params), ...authorization },
    });
    answers.push([attempt, response]);
    // If there is no response, the remaining attempts are skipped, so that the test waits only once.
    if (response === undefined) break;
  }
  return answers;
}

/**
 * Keeps one entry for each method and path. If an entry of the kind `mount` and an entry of the kind `route` have the
 * same method and path, the entry of the kind `route` is kept.
 */
function distinct(routes: readonly Route[]): Route[] {
  const byName = new Map<string, Route>();
  for (const route of routes) {
    const name = `${route.method} ${route.path}`;
    if (!byName.has(name) || route.kind !== 'mount') byName.set(name, route);
  }
  return [...byName.values()];
}

/** Removes the routes of Swagger's page. The page is recognized by its script. */
function withoutSwagger(routes: readonly Route[]): Route[] {
  const scripts = routes.filter(({ path }) => path.endsWith(SWAGGER_SCRIPT));
  const bases = scripts.map(({ path }) => path.slice(0, -SWAGGER_SCRIPT.length));
  const pages = bases.flatMap((base) => [...SWAGGER_PAGES.map((page) => base + page), `${base}-json`, `${base}-yaml`]);
  return routes.filter(({ method, path, kind }) => kind === 'hidden' || method !== 'GET' || !pages.includes(path));
}

/**
 * Adds the headers by which a request reaches each handler of a Nest application. Several handlers can have the same
 * method and path, for example with different versions or hosts.
 */
function toProbes(routes: readonly Route[], report: NestReport | undefined): Probe[] {
  const handlers = report?.routes ?? [];
  return routes.flatMap((route): Probe[] => {
    const own = handlers.filter(
      ({ method, path }) =>
        (method === 'all' || method.toUpperCase() === route.method) && toComparable(path) === toComparable(route.path),
    );
    const selectors = own.flatMap((handler) => handler.selectors);
    const byName = new Map(selectors.map((selector) => [selector.name, selector]));
    const found = byName.size === 0 ? [{ name: '', headers: {} }] : [...byName.values()];
    return found.map(({ name, headers }) => ({ ...route, label: name === '' ? '' : ` (${name})`, headers }));
  });
}

/** Fills the parameters of a host name, such as `:tenant.example.com`. */
function toHeaders(headers: Probe['headers'], params: Readonly<Record<string, string>>): Record<string, string> {
  const { host, ...rest } = headers ?? {};
  return host === undefined ? rest : { ...rest, host: buildSamplePath(host, params).replace(/^\//, '') };
}

/** Whether no request to the route can be built. */
function isHidden({ kind, headers }: Probe): boolean {
  return kind === 'hidden' || headers === undefined;
}

/** Whether an entry of `except` is a prefix, such as `GET /files*`. The entry `*` is no prefix. */
function isPrefix(entry: string): boolean {
  return /[^\s*]\*$/.test(entry);
}

/** Returns whether an entry of `except` matches a route. */
function matchesEntry({ method, path, label }: Probe, entry: string): boolean {
  const [, entryMethod, pattern = ''] = /^(?:([A-Za-z-]+) +)?(.*)$/.exec(entry) ?? [];
  if (entryMethod !== undefined && entryMethod.toUpperCase() !== method) return false;
  if (label !== '' && pattern.endsWith(label)) return toComparable(pattern) === toComparable(path + label);
  if (toComparable(pattern) === toComparable(path)) return true;
  return isPrefix(pattern) && toComparable(path).startsWith(toComparable(pattern.slice(0, -1)));
}

/**
 * Normalizes a path for the comparison of two paths: without parameter names, with a leading slash, without a trailing
 * slash.
 */
function toComparable(path: string): string {
  return path
    .replaceAll(/:\w+/g, ':')
    .replace(/^(?![/*])/, '/')
    .replace(/(?<=.)\/$/, '');
}

/**
 * Whether a guard of passport-genauth sent the response. Another guard, or the handler itself, can also answer with 401
 * or 403.
 */
function isRefusal([, response]: Answer): boolean {
  if (response?.status !== 401 && response?.status !== 403) return false;
  const challenges = [response.headers['www-authenticate']].flat();
  const { code } = (response.body ?? {}) as { code?: unknown };
  return challenges.some((each) => each?.includes('Bearer realm="genauth"')) || REFUSAL_CODES.includes(String(code));
}

/**
 * Returns the mistake of a route, or `undefined` if the route is guarded. A guard runs before the route handler and its
 * validation. So every HTTP status other than 401 and 403 means that the request passed the guard.
 */
function findMistake({ kind, path, headers }: Probe, answers: readonly Answer[]): string | undefined {
  if (kind === 'hidden')
    return 'the paths behind this entry cannot be listed. Test them separately, and list this entry in except';
  if (headers === undefined) {
    return 'a function or a regular expression selects this handler. Test it separately, and list this entry in except';
  }
  // A mount that answers with the HTTP status 404 has passed the request to the next handler. For a path without a
  // route, every error status is accepted.
  const isHarmless = ([, response]: Answer): boolean =>
    kind === 'mount' &&
    response !== undefined &&
    (response.status === 404 || (path === NO_ROUTE.path && response.status >= 400));
  const passed = answers.filter((answer) => !isRefusal(answer) && !isHarmless(answer));
  if (passed.length === 0) return undefined;
  return passed.map(([attempt, response]) => describeAnswer(attempt, response?.status)).join(', ');
}

function describeAnswer(attempt: string, status: number | undefined): string {
  const isOther = status === 401 || status === 403;
  return `${status ?? 'no answer'} ${attempt}${isOther ? ', but not from passport-genauth' : ''}`;
}

/** Returns the mistake of a route that is listed in `except`, or `undefined` if the route is public. */
function findExceptionMistake([answer]: readonly Answer[]): string | undefined {
  if (answer === undefined || !isRefusal(answer)) return undefined;
  return `${answer[1]?.status} ${answer[0]}, but it is listed in except. Remove it from except`;
}

function describe({ method, path, label }: Probe): string {
  return path === NO_ROUTE.path ? `${method} * (a path without a route)` : `${method} ${path}${label}`;
}

/** The error of {@link GenAuthTestKit.assertProtected}. Test frameworks print its message without a comparison. */
export class ProtectionError extends Error {
  /** The name of the class. */
  override readonly name = 'ProtectionError';

  /** @param mistakes - The routes that are not guarded, the wrong entries of `except` and the mistakes of the start. */
  constructor(
    message: string,
    readonly mistakes: readonly string[],
  ) {
    super(message);
  }
}

function toError(mistakes: readonly string[]): ProtectionError {
  const message = [
    `assertProtected found ${mistakes.length} ${mistakes.length === 1 ? 'mistake' : 'mistakes'}:`,
    ...mistakes.map((mistake) => `  - ${mistake}`),
    'A guarded route answers 401 or 403. Add a guard to each open route, or list the route in except if it is public.',
  ].join('\n');
  const error = new ProtectionError(message, mistakes);
  // The stack trace starts in the test instead of in this file.
  Error.captureStackTrace(error, checkProtection);
  return error;
}
