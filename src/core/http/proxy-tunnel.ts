import { type ClientRequest, request as httpRequest } from 'node:http';
import { Agent, type AgentOptions, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

/**
 * `code` of a {@link ProxyError} if the proxy's response to CONNECT has another status than 200, or has bytes after its
 * headers.
 */
export const PROXY_REFUSED = 'ERR_PROXY_REFUSED';
/** `code` of a {@link ProxyError} if the proxy did not respond to CONNECT in time. */
export const PROXY_TIMEOUT = 'ERR_PROXY_TIMEOUT';

/**
 * The proxy cannot be reached, or it did not open a tunnel. Errors of the target host behind an open tunnel have other
 * classes.
 */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  /**
   * {@link PROXY_REFUSED}, {@link PROXY_TIMEOUT}, or the Node.js code of the failed connection to the proxy, for
   * example `ECONNREFUSED`.
   */
  readonly code: string | undefined;
  /** With {@link PROXY_REFUSED}: the HTTP status of the response to CONNECT. */
  readonly httpStatus: number | undefined;

  constructor(
    message: string,
    { code, httpStatus, ...options }: ErrorOptions & { code: string | undefined; httpStatus?: number | undefined },
  ) {
    super(message, options);
    this.code = code;
    this.httpStatus = httpStatus;
  }
}

type ConnectionCallback = (error: Error | null, socket?: Duplex) => void;
/** The argument that the Node.js agent passes: the target host and port, and TLS options. */
interface Target {
  host: string;
  port: number;
}

/**
 * An agent that connects to https hosts through an HTTP proxy with CONNECT (RFC 9110 §9.3.6). The connections are kept
 * alive in the same way as direct connections.
 *
 * Common proxy libraries return a failed response of the proxy as if it were the response of the target host. An
 * attacker between this machine and the proxy could then impersonate GenAuth. This agent uses no data that was received
 * before TLS with the target host is established.
 */
export class TunnelAgent extends Agent {
  readonly #proxy: URL;
  readonly #timeout: number;
  readonly #connecting = new Set<ClientRequest>();

  constructor(proxy: string, timeout: number, options: AgentOptions) {
    super(options);
    this.#proxy = new URL(proxy);
    this.#timeout = timeout;
  }

  /**
   * Passes the TLS socket to the callback, or a {@link ProxyError}. A failed TLS handshake with the target host is an
   * error of the socket.
   */
  override createConnection(target: Target, callback: ConnectionCallback): undefined {
    const { protocol, hostname, port, username, password } = this.#proxy;
    const authority = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    const connect = (protocol === 'https:' ? httpsRequest : httpRequest)({
      method: 'CONNECT',
      // Node.js requires an IPv6 address without the brackets of a URL.
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : port,
      path: authority,
      headers: {
        host: authority,
        ...(credentials === ':'
          ? {}
          : { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }),
      },
      agent: false,
      ...(this.options.ca === undefined ? {} : { ca: this.options.ca }),
    });
    // The request that needs this connection may end earlier. This timer ends the connection attempt in any case.
    const timer = setTimeout(() => {
      connect.destroy(new ProxyError('the proxy did not respond to CONNECT', { code: PROXY_TIMEOUT }));
    }, this.#timeout);
    timer.unref();
    this.#connecting.add(connect);
    const settle = (): void => {
      clearTimeout(timer);
      this.#connecting.delete(connect);
    };
    connect.once('error', (error: NodeJS.ErrnoException) => {
      settle();
      callback(error instanceof ProxyError ? error : toProxyError(error));
    });
    connect.once('connect', ({ statusCode }, socket, head) => {
      settle();
      // Bytes after the headers come from the proxy. TLS would read them before the bytes of the target host.
      if (statusCode === 200 && head.length === 0) return callback(null, connectTls({ ...target, socket }));
      socket.destroy();
      const message = `the proxy answered CONNECT with HTTP ${statusCode}`;
      return callback(new ProxyError(message, { code: PROXY_REFUSED, httpStatus: statusCode }));
    });
    connect.end();
  }

  override destroy(): void {
    for (const connect of this.#connecting) connect.destroy();
    super.destroy();
  }
}

function toProxyError(cause: NodeJS.ErrnoException): ProxyError {
  return new ProxyError(`the proxy cannot be reached: ${cause.message}`, { code: cause.code, cause });
}
