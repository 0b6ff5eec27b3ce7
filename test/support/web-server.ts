import { once } from 'node:events';
import { type RequestListener, type Server, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Serves an application on a free loopback port, or on the Unix socket with the given path. Stops after the test.
 *
 * @returns a function that gives the address, `http://127.0.0.1:PORT`, or the path as it was given
 */
export function useWebServer(): (app: RequestListener, path?: string) => Promise<string> {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    }
  });
  return async (app, path) => {
    const server = createServer(app);
    servers.push(server);
    if (path === undefined) server.listen(0, '127.0.0.1');
    else server.listen(path);
    await once(server, 'listening');
    return path ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
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

export interface WebAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** One request over its own connection to what {@link useWebServer} gave, and the whole answer. */
export async function ask(address: string, options: WebRequest = {}): Promise<WebAnswer> {
  const { json, text = json === undefined ? undefined : JSON.stringify(json), type = 'application/json' } = options;
  const { method = text === undefined ? 'GET' : 'POST', path = '/', headers = {}, signal } = options;
  const target = address.startsWith('http')
    ? { host: '127.0.0.1', port: new URL(address).port }
    : { socketPath: address };
  const outgoing = request({
    ...target,
    agent: false,
    method,
    path,
    headers: {
      ...(text === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) }),
      ...headers,
    },
    ...(signal === undefined ? {} : { signal }),
  });
  outgoing.end(text);
  const [incoming] = (await once(outgoing, 'response')) as [import('node:http').IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, text: Buffer.concat(chunks).toString() };
}
