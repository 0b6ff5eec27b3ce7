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
import { type ExpressApp, type Route, listExpressRoutes, parseFastifyRoutes } from './routes.js';

/** What one sends to an application. */
export interface TestRequest {
  headers?: Readonly<Record<string, string>> | undefined;
  /** Text and bytes go out as they are, anything else as JSON. */
  body?: unknown;
}

/** What it answers. */
export interface TestAnswer {
  status: number;
  /** By their names in lower case. */
  headers: Record<string, string | string[] | undefined>;
  /** What was sent as JSON, parsed; the text of anything else. */
  body: unknown;
  text: string;
}

/** An application that takes requests until it is closed. */
export interface OpenApp {
  send(method: string, path: string, message: TestRequest): Promise<TestAnswer>;
  /** The status alone, without waiting for the end of the answer, or `undefined` if there is none in time. */
  probe(method: string, path: string, message: TestRequest): Promise<number | undefined>;
  routes(): Route[];
  close(): Promise<void>;
}

/** Nest's application, as far as it is used. */
interface NestApp {
  init(): Promise<unknown>;
  getHttpAdapter(): { getInstance(): object };
}

/** Fastify's. Not by its `inject`, which Jest cannot load on Node 20. */
interface FastifyApp {
  ready(): PromiseLike<unknown>;
  printRoutes(): string;
  routing(req: IncomingMessage, res: ServerResponse): void;
}

/** Milliseconds that a probe waits for an answer. */
const PATIENCE = 5_000;

/**
 * Opens an application: Nest's (on Express or Fastify), Express's, Fastify's, a server of Node or what handles its requests. Nothing
 * of it need listen. Nest is initialised.
 *
 * @throws EmulatorError `invalid_input` for anything else
 */
export async function openApp(app: object): Promise<OpenApp> {
  if (has<NestApp>(app, 'getHttpAdapter', 'init')) {
    await initialize(app);
    return openApp(app.getHttpAdapter().getInstance());
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
  throw invalid('app', 'an application of Nest, Express or Fastify, or an HTTP server', app);
}

const initializing = new WeakMap<NestApp, Promise<unknown>>();

/** Once, since Nest makes the routes twice where two requests come at one time. */
function initialize(app: NestApp): Promise<unknown> {
  const known = initializing.get(app) ?? app.init();
  initializing.set(app, known);
  return known;
}

function has<T>(app: object, ...methods: (keyof T & string)[]): app is T & object {
  return methods.every((name) => typeof (app as Record<string, unknown>)[name] === 'function');
}

/** On a port of its own, whether the application listens elsewhere or not. */
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
      const res = await ask(method, path, message);
      const chunks: Buffer[] = [];
      for await (const chunk of res) chunks.push(chunk as Buffer);
      return toAnswer(res.statusCode ?? 0, res.headers, Buffer.concat(chunks).toString());
    },
    async probe(method, path, message) {
      try {
        const res = await ask(method, path, message, PATIENCE);
        res.destroy();
        return res.statusCode;
      } catch {
        return undefined;
      }
    },
    routes,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
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
