import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type NetConnectOpts, type Socket, connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, TLSSocket, connect as connectTls } from 'node:tls';
import { TlsAgent } from '../core/http/agents.js';
import { buildConnectOptions, usesProxy } from '../core/http/connections.js';
import { DEFAULT_HEADERS, type HttpAnswer, type RawAnswer, toAnswer } from '../core/http/http.js';
import { PROXY_TIMEOUT, ProxyError, TunnelAgent } from '../core/http/proxy-tunnel.js';
import { MAX_DOCUMENT_BYTES, MAX_WAIT_MS } from '../core/http/upstream.js';
import type { Context, Probe } from './context.js';

/** Returns whether a response sends the browser to another address. */
export function isRedirect(status: number, location: string | undefined): location is string {
  return status >= 300 && status < 400 && location !== undefined;
}

/** The result of the first request to GenAuth. */
export interface Probed {
  facts: Probe;
  /**
   * The response with the discovery document. It is `undefined` if passport-genauth would not accept this response. In
   * this case the check `discovery` requests the discovery document again and reports the reason.
   */
  document: HttpAnswer | undefined;
  /** Whether the response is the page with which nginx asks for a client certificate. */
  needsCertificate: boolean;
}

/** A TLS 1.2 server sends more bytes than this up to its certificate. A HelloRetryRequest has about 100 bytes. */
const MIN_SERVER_HELLO_BYTES = 300;

/** How far the first request to GenAuth came. */
export type Phase = 'connecting' | 'tls' | 'answering';

/** The error of the first request to GenAuth. */
export class ProbeError extends Error {
  readonly phase: Phase;
  readonly isTimeout: boolean;
  /** Whether the server has begun the TLS handshake. `undefined` through a proxy. */
  readonly hasServerHello: boolean | undefined;

  constructor(cause: unknown, phase: Phase, isTimeout: boolean, hasServerHello: boolean | undefined) {
    super('the first request failed', { cause });
    this.phase = phase;
    this.isTimeout = isTimeout;
    this.hasServerHello = hasServerHello;
  }
}

type ConnectionCallback = (error: Error | null, socket?: Duplex) => void;

/** An agent for one direct TLS connection. It counts the bytes that the server sends before TLS is established. */
class DirectAgent extends TlsAgent {
  #socket: Socket | undefined;

  /** TLS begins when the TCP connection is established, because Node.js may try several addresses for it. */
  override createConnection(target: NetConnectOpts & ConnectionOptions, callback: ConnectionCallback): undefined {
    const socket = connectTcp(target);
    this.#socket = socket;
    let isConnected = false;
    socket.on('error', (error) => {
      if (!isConnected) callback(error);
    });
    socket.once('connect', () => {
      isConnected = true;
      callback(null, connectTls({ ...target, socket }));
    });
  }

  /** Whether the server has sent its certificate: an alert or a HelloRetryRequest alone is shorter. */
  get hasServerHello(): boolean {
    return (this.#socket?.bytesRead ?? 0) > MIN_SERVER_HELLO_BYTES;
  }

  override destroy(): void {
    this.#socket?.destroy(new Error('the connection was closed'));
    super.destroy();
  }
}

/** The statuses and texts with which nginx asks for a client certificate, or refuses it. */
const NGINX_STATUSES = [400, 495, 496];
const NGINX_TEXT = /No required SSL certificate was sent|The SSL certificate error/;

/**
 * Sends one GET request with the HTTP functions of Node.js, and does not follow a redirect.
 *
 * @throws ProbeError if no response arrives.
 */
export function probe({ options, settings }: Context, url: string): Promise<Probed> {
  const { proxy, timeout } = options;
  const isTls = url.startsWith('https:');
  const tls = buildConnectOptions(options);
  const isTunnel = usesProxy(proxy, url);
  const agent = isTunnel ? new TunnelAgent(proxy, timeout, tls) : isTls ? new DirectAgent(tls) : undefined;
  const sentAt = settings.now();
  const startedAt = performance.now();
  const deadline = AbortSignal.timeout(timeout);
  const signal = settings.signal === undefined ? deadline : AbortSignal.any([deadline, settings.signal]);
  // A request without a socket does not end when its signal is aborted.
  signal.addEventListener('abort', () => agent?.destroy(), { once: true });
  let phase: Phase = 'connecting';
  const answered = new Promise<Probed>((resolve, reject) => {
    const request = isTls ? requestHttps : requestHttp;
    const outgoing = request(url, { ...tls, agent: agent ?? false, headers: DEFAULT_HEADERS, signal });
    outgoing.once('socket', (socket: Socket) => {
      // With TLS the agents give the request a socket whose TCP connection is established.
      if (isTls) phase = 'tls';
      else socket.once('connect', () => (phase = 'answering'));
      socket.once('secureConnect', () => (phase = 'answering'));
    });
    outgoing.on('error', (fault) => {
      const isProxyTimeout = isTunnel && deadline.aborted && phase === 'connecting';
      const cause = isProxyTimeout ? new ProxyError('the proxy does not answer', { code: PROXY_TIMEOUT }) : fault;
      const hasServerHello = agent instanceof DirectAgent ? agent.hasServerHello : undefined;
      reject(new ProbeError(cause, phase, deadline.aborted, hasServerHello));
    });
    outgoing.once('response', (incoming: IncomingMessage) => {
      const { statusCode: status = 0, headers, socket } = incoming;
      const { date, location } = headers;
      const certificateEnds = socket instanceof TLSSocket ? new Date(socket.getPeerCertificate().valid_to) : undefined;
      const facts: Probe = { status, date, location, sentAt, receivedAt: settings.now(), certificateEnds };
      void readBody(incoming).then((data) => {
        // A guarded route does not wait longer than MAX_WAIT_MS for the discovery document.
        const isInTime = performance.now() - startedAt <= MAX_WAIT_MS;
        const document = isInTime && data !== undefined ? parseDocument(url, { status, headers, data }) : undefined;
        const needsCertificate = NGINX_STATUSES.includes(status) && NGINX_TEXT.test(String(data));
        resolve({ facts, document, needsCertificate });
      });
    });
    outgoing.end();
  });
  return answered.finally(() => agent?.destroy());
}

/** Reads the response body. Returns `undefined` if the body is incomplete or too large for a discovery document. */
async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_DOCUMENT_BYTES) return undefined;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch {
    return undefined;
  }
}

/** Parses the discovery document as passport-genauth does. Returns `undefined` if the document is not acceptable. */
function parseDocument(url: string, answer: RawAnswer): HttpAnswer | undefined {
  try {
    return toAnswer(`GET ${url}`, answer);
  } catch {
    // The check `discovery` requests the document with the code of passport-genauth, gets the same error and reports
    // it.
    return undefined;
  }
}
