import { AssertionError } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { type OpenApp, openApp } from './open-app.js';
import { type Route, buildSamplePath } from './routes.js';

/** What `assertProtected` takes. */
export interface ProtectionOptions {
  /**
   * Routes that are public on purpose, or log people in, as the application writes them: `'GET /health'`, or `'/health'` for all its
   * methods; `'*'` for the paths that nothing is at, where the application has a page for all of them.
   */
  except?: readonly string[] | undefined;
  /** Values of parameters in paths, by their names, where `1` does not do: `{ id: '65f0c1d2e3a4b5c6d7e8f901' }`. */
  params?: Readonly<Record<string, string>> | undefined;
  /** Headers for every request: `{ host: 'admin.example.com' }`. */
  headers?: Readonly<Record<string, string>> | undefined;
}

/** A token that opens nothing, or none, and what it is called. */
export type Attempt = readonly [name: string, token: string | undefined];

/** A path that nothing is at. */
const NOWHERE: Route = { method: 'GET', path: '*', kind: 'mount' };

type Answer = readonly [attempt: string, status: number | undefined];

/**
 * @param attempts - The first is without a token.
 * @throws AssertionError that lists every route that lets one of the attempts in, and what is wrong with `except`.
 */
export async function checkProtection(
  app: object,
  attempts: readonly Attempt[],
  { except = [], params = {}, headers = {} }: ProtectionOptions = {},
): Promise<void> {
  const open = await openApp(app);
  try {
    const listed = open.routes();
    const routes = distinct([...listed, NOWHERE]);
    const mistakes: string[] = [];
    for (const route of routes) {
      const isExcepted = except.some((name) => isNamed(route, name));
      const asked = isExcepted ? attempts.slice(0, 1) : attempts;
      const answers = route.kind === 'hidden' ? [] : await ask(open, route, asked, params, headers);
      const mistake = isExcepted ? judgeException(answers) : judge(route, answers);
      if (mistake !== undefined) mistakes.push(`${describe(route)}: ${mistake}`);
    }
    const unknown = except.filter((name) => !routes.some((route) => isNamed(route, name)));
    mistakes.push(...unknown.map((name) => `${name}: named in except, but there is no such route`));
    if (listed.every(({ kind }) => kind === 'mount')) {
      mistakes.push('no route was found: is this the right application, with everything in it?');
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
  const path = route === NOWHERE ? `/${randomUUID()}` : buildSamplePath(route.path, params);
  const answers: Answer[] = [];
  for (const [attempt, token] of attempts) {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const status = await open.probe(route.method, path, { headers: { ...headers, ...authorization } });
    answers.push([attempt, status]);
    // Waiting once is enough.
    if (status === undefined) break;
  }
  return answers;
}

/** A route counts for more than what may answer in its place. */
function distinct(routes: readonly Route[]): Route[] {
  const byName = new Map<string, Route>();
  for (const route of routes) {
    const name = `${route.method} ${route.path}`;
    if (!byName.has(name) || route.kind !== 'mount') byName.set(name, route);
  }
  return [...byName.values()];
}

function isNamed({ method, path }: Route, name: string): boolean {
  const [, named, pattern = ''] = /^(?:([A-Za-z-]+) +)?(.*)$/.exec(name) ?? [];
  return (named === undefined || named.toUpperCase() === method) && toComparable(pattern) === toComparable(path);
}

/** What a parameter is called makes no difference. */
function toComparable(path: string): string {
  return path
    .replaceAll(/:\w+/g, ':')
    .replace(/^(?![/*])/, '/')
    .replace(/(?<=.)\/$/, '');
}

function isRefusal([, status]: Answer): boolean {
  return status === 401 || status === 403;
}

/** What is wrong, if anything. A guard refuses before anything else is looked at, so any other answer came from behind it. */
function judge({ kind, path }: Route, answers: readonly Answer[]): string | undefined {
  if (kind === 'hidden') return 'what is behind it cannot be seen; test that by itself, and name this in except';
  const isHarmless = ([, status]: Answer): boolean =>
    kind === 'mount' && status !== undefined && (status === 404 || (path === NOWHERE.path && status >= 400));
  const through = answers.filter((answer) => !isRefusal(answer) && !isHarmless(answer));
  if (through.length === 0) return undefined;
  return through.map(([attempt, status]) => `${status ?? 'no answer'} ${attempt}`).join(', ');
}

function judgeException([answer]: readonly Answer[]): string | undefined {
  if (answer === undefined || !isRefusal(answer)) return undefined;
  return `named in except, but it is closed: ${answer[1]} ${answer[0]}`;
}

function describe(route: Route): string {
  return route === NOWHERE ? `${route.method} * (a path that nothing is at)` : `${route.method} ${route.path}`;
}

function toError(mistakes: readonly string[]): AssertionError {
  const message = [
    `assertProtected found ${mistakes.length} ${mistakes.length === 1 ? 'mistake' : 'mistakes'}:`,
    ...mistakes.map((mistake) => `  - ${mistake}`),
    'A guarded route answers 401 or 403. Guard what is open, or name it in except if everybody may call it.',
  ].join('\n');
  // Not the assertion's place in this file, but the test's.
  return new AssertionError({ message, stackStartFn: checkProtection });
}
