import { once } from 'node:events';
import {
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  createServer,
  request,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { invalid } from '../emulator/errors.js';
import { STARTUP_TOKEN } from '../injection-tokens.js';
import { type ExpressApp, type Route, listExpressRoutes, parseFastifyRoutes, toRoutes } from './routes.js';

/** The headers and the body of a request to the tested application. */
export interface TestRequest {
  /** Additional request headers. An additional header replaces the test kit's own header of the same name. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** The request body. A string or a `Buffer` is sent unchanged, any other value as JSON. Default: no body. */
  body?: unknown;
}

/** The response of the tested application. */
export interface TestAnswer {
  /** The HTTP status of the response. */
  status: number;
  /** The response headers, with names in lower case. */
  headers: Record<string, string | string[] | undefined>;
  /** The parsed response body if the `content-type` is JSON, otherwise the text of the response body. */
  body: unknown;
  /** The text of the response body. */
  text: string;
}

/** A tested application that accepts requests until it is closed. */
export interface OpenApp {
  /** Sends a request and reads the whole response. */
  send(method: string, path: string, message: TestRequest): Promise<TestAnswer>;
  /**
   * Sends a request and returns the response. The response body is read only if the HTTP status is 401 or 403. Returns
   * `undefined` if there is no response within 5 seconds.
   */
  probe(method: string, path: string, message: TestRequest): Promise<TestAnswer | undefined>;
  /** Returns the routes of the application. The list is empty if the routes cannot be listed. */
  routes(): Route[];
  /** What is known about a Nest application. `undefined` for other applications. */
  report: NestReport | undefined;
  /** Closes the server that {@link openApp} created. The application itself is not closed. */
  close(): Promise<void>;
}

/** What the test kit knows about a Nest application. */
export interface NestReport {
  /** What the check at the start finds. Empty if the application does not import `GenAuthModule`. */
  mistakes: readonly { option: string; problem: string; fix: string }[];
  /** The routes of the controllers, and the headers that select one of several handlers. */
  routes: readonly {
    method: string;
    path: string;
    selectors: readonly { name: string; headers: Readonly<Record<string, string>> | undefined }[];
  }[];
}

/** The members of a Nest application that this file uses. */
interface NestApp {
  init(): Promise<unknown>;
  get(token: string, options: { strict: false }): unknown;
  getHttpAdapter(): { getInstance(): object };
}

/**
 * The members of a Fastify application that this file uses. `inject` is not used, because Jest on Node.js 20 cannot
 * load it.
 */
interface FastifyApp {
  ready(): PromiseLike<unknown>;
  printRoutes(): string;
  routing(req: IncomingMessage, res: ServerResponse): void;
}

/** The maximum time for which `probe` waits for a response, in milliseconds. */
const PROBE_TIMEOUT_MS = 5_000;

/**
 * Starts a server on a free port that passes its requests to the tested application. The application itself need not
 * listen. A Nest application is initialized.
 *
 * @param app A Nest application (on Express or Fastify), an Express or Fastify application, a Node.js HTTP server, or a
 * request listener.
 * @throws EmulatorError with the code `invalid_input` if `app` is any other value.
 */
export async function openApp(app: object): Promise<OpenApp> {
  if (has<NestApp>(app, 'getHttpAdapter', 'init')) {
    await initialize(app);
    const [opened, report] = [await openApp(app.getHttpAdapter().getInstance()), await buildReport(app)];
    return { ...opened, report, routes: () => listNestRoutes(opened, report) };
  }
  if (has<FastifyApp>(app, 'routing', 'printRoutes')) {
    await app.ready();
    return open(
      (req, res) => app.routing(req, res),
      () => parseFastifyRoutes(app.printRoutes()),
    );
  }
  if (typeof app === 'function') {
    return open(app as RequestListener, () => listExpressRoutes(app as unknown as ExpressApp));
  }
  if (has<Server>(app, 'listen', 'emit'))
    return open(
      (req, res) => void app.emit('request', req, res),
      () => [],
    );
  throw invalid('app', 'a Nest, Express or Fastify application, or an HTTP server', app);
}

function listNestRoutes(opened: OpenApp, { routes }: NestReport): Route[] {
  try {
    return opened.routes();
  } catch {
    // Fastify cannot print routes with the version `VERSION_NEUTRAL`.
    return routes.flatMap(({ method, path }) => toRoutes([method === 'all' ? '_ALL' : method.toUpperCase()], path));
  }
}

async function buildReport(app: NestApp): Promise<NestReport> {
  // Nest is loaded only for a Nest application.
  const { listRoutes } = await import('../nest/openapi/routes.js');
  return { mistakes: findMistakes(app), routes: listRoutes(app as unknown as Parameters<typeof listRoutes>[0]) };
}

function findMistakes(app: NestApp): NestReport['mistakes'] {
  let startup: { listFindings(): Pick<NestReport, 'mistakes'> };
  try {
    startup = app.get(STARTUP_TOKEN, { strict: false }) as typeof startup;
  } catch {
    // Nest throws an error for an unknown token: the application does not import `GenAuthModule`.
    return [];
  }
  return startup.listFindings().mistakes;
}

const initializing = new WeakMap<NestApp, Promise<unknown>>();

/** Initializes a Nest application only once. Two calls of `init` at the same time would register the routes twice. */
function initialize(app: NestApp): Promise<unknown> {
  const initialized = initializing.get(app) ?? app.init();
  initializing.set(app, initialized);
  return initialized;
}

function has<T>(app: object, ...methods: (keyof T & string)[]): app is T & object {
  return methods.every((name) => typeof (app as Record<string, unknown>)[name] === 'function');
}

/** Starts a server on a free port, even if the tested application already listens on another port. */
async function open(listener: RequestListener, routes: OpenApp['routes']): Promise<OpenApp> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const ask = async (
    method: string,
    path: string,
    message: TestRequest,
    timeout?: number,
  ): Promise<IncomingMessage> => {
    const { headers, payload } = encode(message);
    const signal = timeout === undefined ? undefined : AbortSignal.timeout(timeout);
    const req = request({ host: '127.0.0.1', port, method, path, headers, agent: false, ...(signal && { signal }) });
    req.end(payload);
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    return res;
  };
  return {
    async send(method, path, message) {
      return readAnswer(await ask(method, path, message));
    },
    async probe(method, path, message) {
      try {
        const res = await ask(method, path, message, PROBE_TIMEOUT_MS);
        if (res.statusCode === 401 || res.statusCode === 403) return await readAnswer(res);
        res.destroy();
        return toAnswer(res.statusCode ?? 0, res.headers, '');
      } catch {
        return undefined;
      }
    },
    routes,
    report: undefined,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function readAnswer(res: IncomingMessage): Promise<TestAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk as Buffer);
  return toAnswer(res.statusCode ?? 0, res.headers, Buffer.concat(chunks).toString());
}

function encode({ headers = {}, body }: TestRequest): { headers: Record<string, string>; payload?: string | Buffer } {
  if (body === undefined) return { headers: { ...headers } };
  if (typeof body === 'string' || Buffer.isBuffer(body)) return { headers: { ...headers }, payload: body };
  return { headers: { 'content-type': 'application/json', ...headers }, payload: JSON.stringify(body) };
}

function toAnswer(status: number, headers: TestAnswer['headers'], text: string): TestAnswer {
  const isJson = /^application\/(?:[\w.+-]+\+)?json\b/i.test(String(headers['content-type'] ?? ''));
  return { status, headers, body: isJson && text !== '' ? (JSON.parse(text) as unknown) : text, text };
}
