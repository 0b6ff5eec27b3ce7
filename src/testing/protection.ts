import { AssertionError } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { type OpenApp, openApp } from './open-app.js';
import { type Route, buildSamplePath } from './routes.js';

/** The options of {@link GenAuthTestKit.assertProtected}. */
export interface ProtectionOptions {
  /**
   * The routes that are intentionally public, and the login routes. Write them as in the application: `'GET /health'`,
   * or `'/health'` for all methods. Write `'*'` if the application sends a page for paths without a route. An entry
   * whose route is guarded or does not exist is reported as a mistake. Default: none.
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

/** The name of the attempt, and the HTTP status of the response. The status is `undefined` if there was no response. */
type Answer = readonly [attempt: string, status: number | undefined];

/**
 * Sends every attempt to every route. To a route in `except` only the first attempt is sent.
 *
 * @param attempts The attempts. The first attempt has no access token.
 * @throws AssertionError if a route does not refuse an attempt, or if an entry of `except` is wrong. The message lists
 * all these mistakes.
 */
export async function checkProtection(
  app: object,
  attempts: readonly Attempt[],
  { except = [], params = {}, headers = {} }: ProtectionOptions = {},
): Promise<void> {
  const open = await openApp(app);
  try {
    const listed = open.routes();
    const routes = distinct([...listed, NO_ROUTE]);
    const mistakes: string[] = [];
    for (const route of routes) {
      const isExcepted = except.some((entry) => matchesEntry(route, entry));
      const asked = isExcepted ? attempts.slice(0, 1) : attempts;
      const answers = route.kind === 'hidden' ? [] : await ask(open, route, asked, params, headers);
      const mistake = isExcepted ? findExceptionMistake(answers) : findMistake(route, answers);
      if (mistake !== undefined) mistakes.push(`${describe(route)}: ${mistake}`);
    }
    const unknown = except.filter((entry) => !routes.some((route) => matchesEntry(route, entry)));
    const isUnknown = 'there is no such route, but it is listed in except. Correct or remove the entry';
    mistakes.push(...unknown.map((entry) => `${entry}: ${isUnknown}`));
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
  route: Route,
  attempts: readonly Attempt[],
  params: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
): Promise<Answer[]> {
  const path = route === NO_ROUTE ? `/${randomUUID()}` : buildSamplePath(route.path, params);
  const answers: Answer[] = [];
  for (const [attempt, token] of attempts) {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const status = await open.probe(route.method, path, { headers: { ...headers, ...authorization } });
    answers.push([attempt, status]);
    // If there is no response, the remaining attempts are skipped, so that the test waits only once.
    if (status === undefined) break;
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

/** Returns whether an entry of `except` matches a route. */
function matchesEntry({ method, path }: Route, entry: string): boolean {
  const [, entryMethod, pattern = ''] = /^(?:([A-Za-z-]+) +)?(.*)$/.exec(entry) ?? [];
  return (
    (entryMethod === undefined || entryMethod.toUpperCase() === method) && toComparable(pattern) === toComparable(path)
  );
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

function isRefusal([, status]: Answer): boolean {
  return status === 401 || status === 403;
}

/**
 * Returns the mistake of a route, or `undefined` if the route is guarded. A guard runs before the route handler and its
 * validation. So every HTTP status other than 401 and 403 means that the request passed the guard.
 */
function findMistake({ kind, path }: Route, answers: readonly Answer[]): string | undefined {
  if (kind === 'hidden')
    return 'the paths behind this entry cannot be listed. Test them separately, and list this entry in except';
  // A mount that answers with the HTTP status 404 has passed the request to the next handler. For a path without a
  // route, every error status is accepted.
  const isHarmless = ([, status]: Answer): boolean =>
    kind === 'mount' && status !== undefined && (status === 404 || (path === NO_ROUTE.path && status >= 400));
  const passed = answers.filter((answer) => !isRefusal(answer) && !isHarmless(answer));
  if (passed.length === 0) return undefined;
  return passed.map(([attempt, status]) => `${status ?? 'no answer'} ${attempt}`).join(', ');
}

/** Returns the mistake of a route that is listed in `except`, or `undefined` if the route is public. */
function findExceptionMistake([answer]: readonly Answer[]): string | undefined {
  if (answer === undefined || !isRefusal(answer)) return undefined;
  return `${answer[1]} ${answer[0]}, but it is listed in except. Remove it from except`;
}

function describe(route: Route): string {
  return route === NO_ROUTE ? `${route.method} * (a path without a route)` : `${route.method} ${route.path}`;
}

function toError(mistakes: readonly string[]): AssertionError {
  const message = [
    `assertProtected found ${mistakes.length} ${mistakes.length === 1 ? 'mistake' : 'mistakes'}:`,
    ...mistakes.map((mistake) => `  - ${mistake}`),
    'A guarded route answers 401 or 403. Add a guard to each open route, or list the route in except if it is public.',
  ].join('\n');
  // With stackStartFn, the stack trace starts in the test instead of in this file.
  return new AssertionError({ message, stackStartFn: checkProtection });
}
