import { type ClientRequest, request as httpRequest } from 'node:http';
import { Agent, type AgentOptions, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

/** `code` of a {@link ProxyError} if the proxy answered CONNECT with anything but a plain 200. */
export const PROXY_REFUSED = 'ERR_PROXY_REFUSED';
/** `code` of a {@link ProxyError} if the proxy did not answer CONNECT in time. */
export const PROXY_TIMEOUT = 'ERR_PROXY_TIMEOUT';

/**
 * The proxy cannot be reached, or it opened no tunnel. Errors of the host behind an open tunnel are not of this class.
 */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  /** {@link PROXY_REFUSED}, {@link PROXY_TIMEOUT}, or Node's code of the connection to the proxy, `ECONNREFUSED`. */
  readonly code: string | undefined;
  /** With {@link PROXY_REFUSED}: the HTTP status of the answer to CONNECT. */
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

type Created = (error: Error | null, socket?: Duplex) => void;
/** The argument of Node's agent: where to connect, and the options of TLS. */
interface Target {
  host: string;
  port: number;
}

/**
 * Connections to https hosts through an HTTP proxy (RFC 9110 §9.3.6), kept alive like direct ones.
 *
 * Common libraries pass on what the proxy answers instead of 200 as if the host itself had answered it, so that an
 * attacker between this machine and the proxy could impersonate GenAuth. This agent uses nothing before TLS with the
 * host is established.
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

  /** Calls back with a socket, with a {@link ProxyError}, or with TLS's error of the host. */
  override createConnection(target: Target, created: Created): undefined {
    const { protocol, hostname, port, username, password } = this.#proxy;
    const authority = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    const connect = (protocol === 'https:' ? httpsRequest : httpRequest)({
      method: 'CONNECT',
      // Node expects an IPv6 address without the brackets of a URL.
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
    // The waiting request may end earlier. This timer then ends the connection.
    const timer = setTimeout(() => {
      connect.destroy(new ProxyError('the proxy did not answer', { code: PROXY_TIMEOUT }));
    }, this.#timeout);
    timer.unref();
    this.#connecting.add(connect);
    const settle = (): void => {
      clearTimeout(timer);
      this.#connecting.delete(connect);
    };
    connect.once('error', (error: NodeJS.ErrnoException) => {
      settle();
      created(error instanceof ProxyError ? error : toProxyError(error));
    });
    connect.once('connect', ({ statusCode }, socket, head) => {
      settle();
      // Bytes after the head come from the proxy, and would precede the handshake of the host.
      if (statusCode === 200 && head.length === 0) return created(null, connectTls({ ...target, socket }));
      socket.destroy();
      const message = `the proxy answered CONNECT with HTTP ${statusCode}`;
      return created(new ProxyError(message, { code: PROXY_REFUSED, httpStatus: statusCode }));
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
