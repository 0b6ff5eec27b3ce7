import { once } from 'node:events';
import { type IncomingMessage, type RequestListener, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Serves an application on a free loopback port, or on the Unix socket with the given path, which is then the URL. */
export async function startWebServer(app: RequestListener, path?: string) {
  const server = createServer(app).listen(path ?? { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  return { url: path ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

/** Serves applications until the end of the test. Returns their URLs. */
export function useWebServer(): (app: RequestListener, path?: string) => Promise<string> {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });
  return async (app, path) => {
    const { url, close } = await startWebServer(app, path);
    closing.push(close);
    return url;
  };
}

export interface WebRequest {
  /** Default: POST if there is a body, else GET. */
  method?: string;
  path?: string;
  headers?: Record<string, string | string[]>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is, with `type`. */
  text?: string;
  type?: string;
  signal?: AbortSignal;
}

export type WebAnswer = Awaited<ReturnType<typeof ask>>;

/** Sends a request over its own connection to a URL of {@link useWebServer}, and reads the whole response. */
export async function ask(address: string, options: WebRequest = {}) {
  const { json, text = json === undefined ? undefined : JSON.stringify(json), type = 'application/json' } = options;
  const { method = text === undefined ? 'GET' : 'POST', path = '/', headers = {}, signal } = options;
  const isUrl = address.startsWith('http');
  const target = isUrl ? { host: '127.0.0.1', port: new URL(address).port } : { socketPath: address };
  const content = text === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) };
  const own = { agent: false, method, path, headers: { ...content, ...headers } };
  const outgoing = request({ ...target, ...own, ...(signal && { signal }) });
  outgoing.end(text);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const received = incoming.headers as Record<string, string | string[] | undefined>;
  return { status: incoming.statusCode ?? 0, headers: received, text: Buffer.concat(chunks).toString() };
}
