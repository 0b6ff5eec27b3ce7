import { type ClientRequest, request as httpRequest } from 'node:http';
import { type AgentOptions, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { TlsAgent } from './agents.js';
import { describeNetworkFault } from './network-error.js';

/**
 * The `code` of a {@link ProxyError} if the proxy's response to CONNECT has an HTTP status other than 2xx, or has bytes
 * after the headers.
 */
export const PROXY_REFUSED = 'ERR_PROXY_REFUSED';
/** The `code` of a {@link ProxyError} if the proxy did not respond to CONNECT in time. */
export const PROXY_TIMEOUT = 'ERR_PROXY_TIMEOUT';

/**
 * The proxy cannot be reached, or the proxy did not open a tunnel. An error of the target host after the tunnel is open
 * is not a `ProxyError`.
 */
export class ProxyError extends Error {
  /** The name of the class. */
  override readonly name = 'ProxyError';
  /**
   * {@link PROXY_REFUSED}, {@link PROXY_TIMEOUT}, or the Node.js error code of the failed connection to the proxy, for
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
/** The argument that Node.js passes to `createConnection`: the target host and port, and TLS options. */
interface Target {
  host: string;
  port: number;
}

/**
 * An agent that connects to https hosts through an HTTP proxy with CONNECT (RFC 9110 §9.3.6). The connections are kept
 * alive in the same way as direct connections.
 *
 * Common proxy libraries return the proxy's failed response to CONNECT as if it were the response of the target host.
 * With these libraries, an attacker between this machine and the proxy could impersonate GenAuth. This agent uses no
 * data that was received before TLS with the target host is established.
 */
export class TunnelAgent extends TlsAgent {
  readonly #proxy: URL;
  readonly #timeout: number;
  readonly #connecting = new Set<ClientRequest>();

  constructor(proxy: string, timeout: number, options: AgentOptions) {
    super(options);
    this.#proxy = new URL(proxy);
    this.#timeout = timeout;
  }

  /**
   * Passes the TLS socket or a {@link ProxyError} to the callback. If the TLS handshake with the target host fails, the
   * TLS socket emits the error.
   */
  override createConnection(target: Target, callback: ConnectionCallback): undefined {
    const { protocol, hostname, port, username, password } = this.#proxy;
    const authority = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    const { ca, autoSelectFamilyAttemptTimeout } = this.options;
    const connection = { autoSelectFamilyAttemptTimeout, ...(ca !== undefined && { ca }) };
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
      rejectUnauthorized: true,
      ...connection,
    });
    // The HTTP request that needs this connection may end before the connection is open. The timer ends the connection
    // attempt in any case.
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
      // Bytes after the headers of the CONNECT response come from the proxy. TLS would read these bytes before the
      // bytes of the target host.
      const isOpen = statusCode !== undefined && statusCode >= 200 && statusCode < 300;
      if (isOpen && head.length === 0) return callback(null, connectTls({ ...target, socket }));
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
  const { code, message } = describeNetworkFault(cause);
  return new ProxyError(`the proxy cannot be reached: ${message}`, { code, cause });
}
