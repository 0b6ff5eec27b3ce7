/** An HTTP method and a path to which an application may respond. */
export interface Route {
  /** The HTTP method in upper case. */
  readonly method: string;
  /** The path as in the application, for example `/orders/:id`. `*` means every path that has no route. */
  readonly path: string;
  /**
   * - `route`: a handler for this method and path
   * - `mount`: a handler that may respond, or may pass the request to the next handler
   * - `hidden`: a handler whose paths cannot be listed
   */
  readonly kind: 'route' | 'mount' | 'hidden';
}

/** The HTTP methods that are tested for a route that accepts all methods. */
const COMMON_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** A layer of an Express router. Express 4 and Express 5 store the path of the layer in different properties. */
interface Layer {
  name: string;
  handle: { stack?: Layer[] };
  route?: { path: Path; methods: Record<string, boolean> };
  /** The path as in the application. Only Express 5 with the package `router` 2.3 or newer has this property. */
  rawPath?: Path;
  /** `true` if the layer is mounted at `/`. Only Express 5 has this property. */
  slash?: boolean;
  /** The regular expression of the path. Only Express 4 has this property. */
  regexp?: RegExp;
  /** The names of the path parameters. */
  keys?: readonly { name: string | number }[];
}
type Path = string | RegExp | readonly Path[];

/** The path of a layer for which an older version of the package `router` stores no path. */
const UNKNOWN = '(unknown: npm update router)';
/**
 * The name that Express gives to a layer that mounts another Express application. The routes of this application cannot
 * be read.
 */
const MOUNTED_APP = 'mounted_app';

/** The members of an Express application that this file uses. */
export interface ExpressApp {
  _router?: { stack: Layer[] };
  router: { stack: Layer[] };
}

/** Lists the routes of an Express 4 or 5 application and of its mounted routers. */
export function listExpressRoutes(app: ExpressApp): Route[] {
  // Express 4 creates `_router` with the first route, and the getter `router` of Express 4 throws. Express 5 has only
  // `router`.
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

/** Returns the paths of a mounted layer. If the result contains a regular expression, the paths are not known. */
function readMountPaths({ rawPath, slash, regexp, keys }: Layer): (string | RegExp)[] {
  if (rawPath !== undefined) return flatten(rawPath);
  if (slash === true) return ['/'];
  return regexp === undefined ? [UNKNOWN] : parseMountPattern(regexp, keys ?? []);
}

/**
 * Restores the mount paths of Express 4 from the regular expression that path-to-regexp 0.1 built. For example
 * `^\/shop(?:\/([^/]+?))\/?(?=\/|$)` is `/shop/:name`. Returns the regular expression itself if it cannot be restored.
 */
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

/**
 * Parses the output of Fastify's `printRoutes()`. The output is a tree of path parts. If a path ends at a part, the
 * methods of the path follow the part.
 */
export function parseFastifyRoutes(drawing: string): Route[] {
  const parts: string[] = [];
  return drawing.split('\n').flatMap((line) => {
    const [, indent, text, methods] =
      /^((?:│ {3}| {4}|[├└]── )*)(.*?)(?: \(([A-Z-]+(?:, [A-Z-]+)*)\).*)?$/.exec(line) ?? [];
    if (indent === undefined || text === undefined || text === '') return [];
    // Each line has a depth. The part of a line replaces the parts from this depth on. A route with constraints has its
    // own line, which repeats the part.
    parts.splice(indent.length / 4 - 1, Infinity, toPart(text));
    if (methods === undefined) return [];
    const path = parts.join('');
    // @fastify/cors adds the route `OPTIONS *` for preflight requests, which have no credentials.
    return path === '*' && methods === 'OPTIONS' ? [] : toRoutes(methods.split(', '), path);
  });
}

/** Returns a path part. If Fastify prints several names for one parameter, only the first name is kept. */
function toPart(text: string): string {
  return text === '(empty root node)' ? '' : text.replace(/\|:.*$/, '');
}

/** Returns a route for each method. `_ALL` stands for the common methods. */
export function toRoutes(methods: readonly string[], path: string): Route[] {
  const names = toMethods(methods);
  // A wildcard route for all methods may be a handler for the HTTP status 404. Nest registers such a handler below a
  // global prefix.
  const kind = names === COMMON_METHODS && /\*\w*\}?$/.test(path) ? 'mount' : 'route';
  return names.map((method) => ({ method, path, kind }));
}

function toMethods(methods: readonly string[]): readonly string[] {
  // A route for all HTTP methods is tested only with the common methods. Express lists about thirty methods for such a
  // route.
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

/**
 * Builds a request path for a route. A parameter that is not in `params` becomes `1`, and a wildcard becomes `x`.
 * Optional parts are left out.
 */
export function buildSamplePath(path: string, params: Readonly<Record<string, string>>): string {
  return path
    .replaceAll(/\{[^{}]*\}/g, '')
    .replaceAll(/:(\w+)(\([^)]*\))?[?+*]?/g, (_, name: string) => encodeURIComponent(params[name] ?? '1'))
    .replaceAll(/\*\w*/g, 'x')
    .replace(/^(?!\/)/, '/');
}
