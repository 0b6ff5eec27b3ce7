import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { type TlsOptions, createServer as createTlsServer } from 'node:tls';

/** Gets each connection, and every piece of text that comes over it together with all that came before. */
export type Conversation = (socket: Socket, received: string) => void;

/** A server below HTTP: it sees the very bytes, and answers any bytes, half of them or none. */
export class TcpServer {
  /** How many connections were opened. */
  connections = 0;
  /** All that arrived, one text for each connection. */
  readonly received: string[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  /** The port and the address stay after the server is closed. */
  port = 0;
  url = '';

  private constructor(converse: Conversation, tls: TlsOptions | undefined) {
    const accept = (socket: Socket): void => this.#accept(socket, converse);
    this.#server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  }

  /** Listens on a free loopback port. Without a conversation it reads everything and sends nothing. */
  static async start(converse: Conversation = () => {}, tls?: TlsOptions): Promise<TcpServer> {
    const server = new TcpServer(converse, tls);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    server.port = (server.#server.address() as AddressInfo).port;
    server.url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${server.port}`;
    return server;
  }

  /** Resolves when the other side has ended every connection. */
  async idle(): Promise<void> {
    await Promise.all([...this.#sockets].map((socket) => once(socket, 'close')));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(socket: Socket, converse: Conversation): void {
    const index = this.connections++;
    this.received[index] = '';
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // A client that hangs up is what many tests want to see.
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.received[index] += chunk.toString('latin1');
      converse(socket, this.received[index] ?? '');
    });
  }
}

/** Starts servers that are closed after the test. */
export function useTcpServers(): (converse?: Conversation, tls?: TlsOptions) => Promise<TcpServer> {
  const servers: TcpServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });
  return async (converse, tls) => {
    const server = await TcpServer.start(converse, tls);
    servers.push(server);
    return server;
  };
}

/** Whether a request has arrived whole; those of the tests have a JSON body exactly where they are POST. */
export function isWhole(received: string): boolean {
  return received.startsWith('POST') ? received.endsWith('}') : received.endsWith('\r\n\r\n');
}

/** A conversation: every whole request gets the same answer. */
export function answering(...answer: Parameters<typeof toAnswer>): Conversation {
  return (socket, received) => {
    if (isWhole(received)) socket.write(toAnswer(...answer));
  };
}

/** An HTTP/1.1 answer as bytes, with a length unless the headers say how the body is framed. */
export function toAnswer(status: number, headers: Record<string, string>, body: string | Buffer): Buffer {
  const bytes = Buffer.from(body);
  const framed = Object.keys(headers).some((name) => /^(content-length|transfer-encoding)$/i.test(name));
  const all = framed ? headers : { ...headers, 'content-length': String(bytes.length) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Any\r\n${lines.join('')}\r\n`), bytes]);
}
