import type { AgentOptions } from 'node:https';
import { isLoopback } from '../util/url.js';
import { PlainAgent, TlsAgent } from './agents.js';
import { TunnelAgent } from './proxy-tunnel.js';

/** The settings of connections to GenAuth. */
export interface ConnectionSettings {
  /** Time limit for one complete HTTP exchange, in milliseconds: connecting, sending, and reading the last byte. */
  timeout: number;
  /** Certificate authorities (PEM) to trust instead of the certificate authorities that Node.js trusts. */
  ca?: readonly string[] | undefined;
  /** The client certificate (PEM) for servers that require one, and the certificates up to its authority. */
  cert?: readonly string[] | undefined;
  /** The private key (PEM) of the client certificate. */
  key?: string | undefined;
  /**
   * URL of an HTTP proxy, with user name and password if the proxy requires them. The proxy is used for `https:`
   * requests to hosts that are not loopback hosts.
   */
  proxy?: string | undefined;
  /** Whether connections are kept and used again. Default: `true`. */
  keepAlive?: boolean | undefined;
}

/** Returns the settings of connections from the options of a client. */
export function pickConnectionSettings(options: ConnectionSettings): ConnectionSettings {
  const { timeout, ca, cert, key, proxy, keepAlive } = options;
  return { timeout, ca, cert, key, proxy, keepAlive };
}

/** Returns whether requests to an origin go through the proxy: https requests to hosts that are not loopback hosts. */
export function usesProxy(proxy: string | undefined, origin: string): proxy is string {
  const { protocol, hostname } = new URL(origin);
  return proxy !== undefined && protocol === 'https:' && !isLoopback(hostname);
}

/**
 * Time without traffic after which TCP checks a connection, in milliseconds. An idle connection is closed earlier, so
 * TCP checks only a connection that waits for a response. axios sets the same time for each request. With another time,
 * each request would set it twice, which takes 25 µs of the 500 µs of a login.
 */
const TCP_KEEP_ALIVE_MS = 60_000;

/** The agents of one pool of connections. */
export interface Agents {
  httpAgent: PlainAgent;
  httpsAgent: TlsAgent;
}

/**
 * Creates the agents for one pool of connections.
 *
 * @param idleTimeout - Time after which idle connections are closed, in milliseconds. Default: each request opens a new
 * connection.
 */
export function createAgents(settings: ConnectionSettings & { origin: string }, idleTimeout?: number): Agents {
  const { origin, proxy, keepAlive = true } = settings;
  const pool =
    idleTimeout === undefined || !keepAlive
      ? { keepAlive: false }
      : { keepAlive: true, timeout: idleTimeout, keepAliveMsecs: TCP_KEEP_ALIVE_MS };
  const options = { ...pool, ...buildConnectOptions(settings) };
  return {
    httpAgent: new PlainAgent(options),
    httpsAgent: usesProxy(proxy, origin) ? new TunnelAgent(proxy, settings.timeout, options) : new TlsAgent(options),
  };
}

/**
 * Builds the options of Node.js for a connection to GenAuth or to a proxy. The certificate of the server is always
 * checked, also if the environment variable `NODE_TLS_REJECT_UNAUTHORIZED` turns the check off for the process.
 */
export function buildConnectOptions({ timeout, ca, cert, key }: ConnectionSettings): AgentOptions {
  return {
    // By default, Node.js gives up each address but the last after 250 ms. Half of the time is left for the others.
    autoSelectFamilyAttemptTimeout: Math.max(10, Math.floor(timeout / 2)),
    rejectUnauthorized: true,
    ...(ca !== undefined && { ca: [...ca] }),
    ...(cert !== undefined && { cert: cert.join(''), key }),
  };
}

/** Closes the connections that no request uses. */
export function destroyIdle({ httpAgent, httpsAgent }: Agents): void {
  for (const { freeSockets } of [httpAgent, httpsAgent]) {
    for (const socket of Object.values(freeSockets).flatMap((sockets) => [...(sockets ?? [])])) socket.destroy();
  }
}
