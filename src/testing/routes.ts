/** Something that answers requests. */
export interface Route {
  /** `GET`, `POST`, … */
  readonly method: string;
  /** As the application wrote it, `/orders/:id`; `*` for every path that nothing else answers. */
  readonly path: string;
  /**
   * - `route`: a handler for this method and path;
   * - `mount`: a handler that may answer here, or may let the request pass;
   * - `hidden`: what is behind this cannot be seen from outside.
   */
  readonly kind: 'route' | 'mount' | 'hidden';
}

/** Methods that a route for all methods is called with. */
const COMMON_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** What is known of Express's routers, 4 and 5. */
interface Layer {
  name: string;
  handle: { stack?: Layer[] };
  route?: { path: Path; methods: Record<string, boolean> };
  /** Express 5 with `router` 2.3 or newer: the path as it was written. */
  rawPath?: Path;
  /** Express 5: mounted at `/`. */
  slash?: boolean;
  /** Express 4. */
  regexp?: RegExp;
  keys?: readonly { name: string | number }[];
}
type Path = string | RegExp | readonly Path[];

/** Where an older `router` mounted something. */
const UNKNOWN = '(unknown: npm update router)';
/** Express's name for a whole application that is mounted; its routes are nowhere to be had. */
const MOUNTED_APP = 'mounted_app';

export interface ExpressApp {
  _router?: { stack: Layer[] };
  router: { stack: Layer[] };
}

/** The routes of an Express application, 4 or 5, and of the routers that it mounts. */
export function listExpressRoutes(app: ExpressApp): Route[] {
  // Express 4 has `_router`, from the first route on; its `router` throws. Express 5 has `router`.
  return listLayers(app._router?.stack ?? getRouterStack(app), '');
}

function getRouterStack(app: ExpressApp): Layer[] {
  try {
    return app.router.stack;
  } catch {
    return [];
  }
}

function listLayers(stack: readonly Layer[], base: string): Route[] {
  return stack.flatMap((layer) => {
    if (layer.route !== undefined) return listRoute(layer.route, base);
    const { handle, name } = layer;
    return readMountPaths(layer).flatMap((path): Route[] => {
      const isKnown = typeof path === 'string' && path !== UNKNOWN;
      if (isKnown && handle.stack !== undefined) return listLayers(handle.stack, join(base, path));
      const kind = isKnown && name !== MOUNTED_APP ? 'mount' : 'hidden';
      return [{ method: 'GET', path: join(base, path), kind }];
    });
  });
}

function listRoute({ path, methods }: NonNullable<Layer['route']>, base: string): Route[] {
  const names = Object.keys(methods).map((method) => method.toUpperCase());
  return flatten(path).flatMap((each) =>
    each instanceof RegExp
      ? [{ method: toMethods(names)[0] ?? 'GET', path: join(base, each), kind: 'hidden' as const }]
      : toRoutes(names, join(base, each)),
  );
}

/** Regular expressions are paths that are not known, too. */
function readMountPaths({ rawPath, slash, regexp, keys }: Layer): (string | RegExp)[] {
  if (rawPath !== undefined) return flatten(rawPath);
  if (slash === true) return ['/'];
  return regexp === undefined ? [UNKNOWN] : parseMountPattern(regexp, keys ?? []);
}

/** Express 4 keeps of a mount path what path-to-regexp 0.1 made of it: `^\/shop(?:\/([^/]+?))\/?(?=\/|$)`. */
function parseMountPattern(regexp: RegExp, keys: NonNullable<Layer['keys']>): (string | RegExp)[] {
  const names = keys.map(({ name }) => name);
  return regexp.source.split('|^').map((pattern) => {
    const path = pattern
      .replace(/^\^/, '')
      .replace(String.raw`\/?(?=\/|$)`, '')
      .replaceAll(/\(\?:(\\\/)?\(\[\^\\?\/\]\+\?\)\)/g, () => `/:${names.shift()}`);
    return /(?<!\\)[()[\]|^$?+*]/.test(path) ? regexp : path.replaceAll(/\\(.)/g, '$1') || '/';
  });
}

/** The routes that `printRoutes()` of Fastify draws: a tree of the parts of paths, with methods where a path ends. */
export function parseFastifyRoutes(drawing: string): Route[] {
  const parts: string[] = [];
  return drawing.split('\n').flatMap((line) => {
    const [, indent, text, methods] =
      /^((?:│ {3}| {4}|[├└]── )*)(.*?)(?: \(([A-Z-]+(?:, [A-Z-]+)*)\).*)?$/.exec(line) ?? [];
    if (indent === undefined || text === undefined || text === '') return [];
    // A route with constraints stands below its part, which is drawn once more.
    parts.splice(indent.length / 4 - 1, Infinity, toPart(text));
    if (methods === undefined) return [];
    const path = parts.join('');
    // What @fastify/cors adds for preflights, which come without credentials.
    return path === '*' && methods === 'OPTIONS' ? [] : toRoutes(methods.split(', '), path);
  });
}

/** Of several names for one parameter the first will do. */
function toPart(text: string): string {
  return text === '(empty root node)' ? '' : text.replace(/\|:.*$/, '');
}

function toRoutes(methods: readonly string[], path: string): Route[] {
  const names = toMethods(methods);
  // Whatever is for everything below a path may be what says that there is nothing, as Nest's does behind a prefix.
  const kind = names === COMMON_METHODS && /\*\w*\}?$/.test(path) ? 'mount' : 'route';
  return names.map((method) => ({ method, path, kind }));
}

function toMethods(methods: readonly string[]): readonly string[] {
  // For all methods: not each of thirty.
  if (methods.includes('_ALL') || methods.length > 8) return COMMON_METHODS;
  return methods.includes('GET') ? methods.filter((method) => method !== 'HEAD') : methods;
}

function flatten(path: Path): (string | RegExp)[] {
  return typeof path === 'string' || path instanceof RegExp ? [path] : path.flatMap(flatten);
}

function join(base: string, path: string | RegExp): string {
  const whole = `${base}/${path instanceof RegExp ? `(${path})` : path}`;
  return path instanceof RegExp ? whole : whole.replaceAll(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
}

/** An address that a path stands for. Parameters that have no value are `1`, wildcards `x`; what is optional is left out. */
export function buildSamplePath(path: string, params: Readonly<Record<string, string>>): string {
  return path
    .replaceAll(/\{[^{}]*\}/g, '')
    .replaceAll(/:(\w+)(\([^)]*\))?[?+*]?/g, (_, name: string) => encodeURIComponent(params[name] ?? '1'))
    .replaceAll(/\*\w*/g, 'x')
    .replace(/^(?!\/)/, '/');
}
