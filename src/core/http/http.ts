import { type ClientRequest, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import axios, { AxiosError, type AxiosInstance, type AxiosRequestConfig } from 'axios';
import { UpstreamError } from '../errors.js';
import { quote } from '../util/quote.js';
import { TunnelAgent } from './proxy-tunnel.js';
import { redactBody } from './redact.js';

/** Idle connections are closed before the shortest idle limit that gateways commonly have (60 s). */
const IDLE_CONNECTION_MS = 30_000;
const MAX_RETRY_AFTER_SECONDS = 3600;
/** RFC 9110 §5.6.7, the one form of a date that may be sent. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Sent with every request. */
export const DEFAULT_HEADERS = {
  accept: 'application/json',
  'accept-encoding': 'identity',
  'user-agent': 'passport-genauth',
};

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Those that there are (RFC 9110 §8.4.1), one or several; other words of the server are not repeated. */
const ENCODINGS = /^(?:(?:x-)?(?:gzip|deflate|compress|br|zstd)(?:, ?)?)+$/;

export interface HttpSettings {
  /** `https://host[:port]`, without a path. */
  origin: string;
  /** Milliseconds for one whole exchange: connecting, sending, and reading the last byte. */
  timeout: number;
  /** Certificate authorities (PEM) to trust instead of Node's own. */
  ca?: string | readonly string[] | undefined;
  /** Address of an HTTP proxy, with user and password if it wants them. For https only: plain http never leaves this machine. */
  proxy?: string | undefined;
}

export interface HttpRequest {
  method: 'GET' | 'POST';
  /** An absolute path, always a constant of ours: nothing of a user's request gets into an address. */
  path: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: object;
  /** Sent as a form (`application/x-www-form-urlencoded`), in place of `body`. */
  form?: Readonly<Record<string, string>>;
  /** Largest answer that is read, in bytes after any decoding. */
  maxBytes: number;
  /** Milliseconds, where an exchange must end sooner than `timeout` says. */
  timeout?: number;
  /** Texts that errors, events and logs must not repeat, should the answer contain them. */
  secrets?: readonly (string | undefined)[];
}

export interface HttpAnswer {
  status: number;
  /** The parsed JSON, or `undefined` where the body is not JSON. */
  body: unknown;
  /** Seconds, from the `Retry-After` header (RFC 9110 §10.2.3). */
  retryAfter: number | undefined;
}

/**
 * HTTP exchanges with one origin, by axios: keep-alive, no redirects, no absolute addresses, no decompression, a limit
 * on the size and one deadline for everything. An error of axios holds the whole request, with the password in it, so
 * no error of axios ever leaves this file.
 */
export class Http {
  readonly #settings: HttpSettings;
  readonly #agents: { httpAgent: HttpAgent; httpsAgent: HttpsAgent };
  readonly #axios: AxiosInstance;
  /** How often `close` was called. An exchange that fails meanwhile looks as if the other side had reset it. */
  #closings = 0;

  constructor(settings: HttpSettings) {
    this.#settings = settings;
    const { timeout, ca, proxy } = settings;
    const pool = { keepAlive: true, timeout: IDLE_CONNECTION_MS };
    const tls = { ...pool, ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }) };
    this.#agents = {
      httpAgent: new HttpAgent(pool),
      httpsAgent: proxy === undefined ? new HttpsAgent(tls) : new TunnelAgent(proxy, timeout, tls),
    };
    this.#axios = createAxios({
      ...this.#agents,
      adapter: 'http',
      baseURL: settings.origin,
      allowAbsoluteUrls: false,
      maxRedirects: 0,
      decompress: false,
      responseType: 'arraybuffer',
      transformRequest: [],
      transformResponse: [],
      validateStatus: null,
      // axios must not look for a proxy in the environment. The configured one is in the agent.
      proxy: false,
    });
  }

  /**
   * Sends one request. A sign-in is never repeated. A read is repeated once, if a kept connection turns out to have
   * been closed by the other side.
   *
   * @returns The answer, whatever its HTTP status. Texts of it that repeat one of the request's `secrets` are replaced.
   * @throws UpstreamError for every fault of the network, and for an answer that must not be used: one that is too
   * large, that is encoded although plain bytes were requested, or that redirects.
   */
  async request(request: HttpRequest): Promise<HttpAnswer> {
    const { method, path, headers, body, form, maxBytes, timeout: shorter, secrets = [] } = request;
    if (!path.startsWith('/') || path.startsWith('//')) throw new TypeError(`not an absolute path: ${quote(path)}`);
    const what = `${method} ${this.#settings.origin}${path}`;
    const timeout = Math.min(shorter ?? Infinity, this.#settings.timeout);
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), timeout);
    timer.unref();
    const config: AxiosRequestConfig = {
      method,
      url: path,
      ...buildContent(headers, body, form),
      maxContentLength: maxBytes,
      signal: deadline.signal,
    };
    try {
      const closings = this.#closings;
      const response = await this.#axios.request<Buffer>(config).catch((error: unknown) => {
        const isOurs = this.#closings !== closings;
        if (method === 'GET' && !isOurs && wasIdleConnectionReset(error)) return this.#axios.request<Buffer>(config);
        throw error;
      });
      const answer = toAnswer(what, response);
      return { ...answer, body: redactBody(answer.body, secrets) };
    } catch (error) {
      if (error instanceof UpstreamError) throw error;
      if (deadline.signal.aborted) {
        throw new UpstreamError('upstream_timeout', `${what}: no complete answer within ${timeout} ms`, {
          details: { request: what, limit: timeout },
        });
      }
      throw toNetworkError(what, error, maxBytes);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the kept connections; exchanges under way fail. */
  close(): void {
    this.#closings += 1;
    this.#agents.httpAgent.destroy();
    this.#agents.httpsAgent.destroy();
  }
}

/**
 * Creates an axios instance with these settings alone. An application may share our copy of axios and may have changed
 * `axios.defaults`; none of its headers, addresses or adapters may reach GenAuth.
 */
function createAxios(config: AxiosRequestConfig): AxiosInstance {
  const instance = axios.create(config);
  const defaults = instance.defaults as Partial<Record<string, unknown>>;
  for (const name of Object.keys(defaults)) if (!Object.hasOwn(config, name)) delete defaults[name];
  return instance;
}

function buildContent(
  headers: HttpRequest['headers'],
  body: HttpRequest['body'],
  form: HttpRequest['form'],
): { headers: Record<string, string>; data?: string } {
  const all = { ...DEFAULT_HEADERS, ...headers };
  if (body !== undefined) {
    return { headers: { ...all, 'content-type': 'application/json' }, data: JSON.stringify(body) };
  }
  if (form === undefined) return { headers: all };
  return {
    headers: { ...all, 'content-type': 'application/x-www-form-urlencoded' },
    data: new URLSearchParams(form).toString(),
  };
}

function wasIdleConnectionReset(error: unknown): boolean {
  if (!axios.isAxiosError(error) || (error.code !== 'ECONNRESET' && error.code !== 'EPIPE')) return false;
  return (error.request as ClientRequest | undefined)?.reusedSocket === true;
}

/** A complete answer, as it was received. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly data: Uint8Array;
}

/**
 * Parses an answer.
 *
 * @param what - Method and address of the request.
 * @throws UpstreamError for a redirect, and for an answer that is encoded although plain bytes were requested.
 */
export function toAnswer(what: string, { status, headers, data }: RawAnswer): HttpAnswer {
  // GenAuth's own "further step" is a statusCode in the body; a redirect says where to go.
  if (status >= 300 && status < 400 && headers['location'] !== undefined) {
    throw new UpstreamError(
      'upstream_invalid_response',
      `${what}: redirected with HTTP ${status}, and redirects are not followed. Set appHost to the address that answers itself.`,
      { details: { request: what, httpStatus: status } },
    );
  }
  const encoding: unknown = headers['content-encoding'] ?? '';
  if (typeof encoding !== 'string' || !/^(identity)?$/i.test(encoding)) {
    throw new UpstreamError(
      'upstream_invalid_response',
      `${what}: content-encoding ${quote(ENCODINGS.test(String(encoding)) ? encoding : 'unknown')} was not asked for`,
      { details: { request: what, httpStatus: status } },
    );
  }
  return { status, body: parseJson(data), retryAfter: parseRetryAfter(headers['retry-after']) };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(UTF8.decode(bytes));
  } catch {
    return undefined;
  }
}

function parseRetryAfter(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  if (/^\d{1,9}$/.test(value)) return Math.min(Number(value), MAX_RETRY_AFTER_SECONDS);
  if (!HTTP_DATE.test(value)) return undefined;
  const seconds = Math.ceil((Date.parse(value) - Date.now()) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_SECONDS);
}

/** Keeps the code and the system's own words of a network error, and nothing else of what axios throws. */
function toNetworkError(what: string, error: unknown, maxBytes: number): UpstreamError {
  // The code of a response that grew too large is also that of an aborted one, but an aborted one is on the error.
  if (axios.isAxiosError(error) && error.code === AxiosError.ERR_BAD_RESPONSE && error.response === undefined) {
    return new UpstreamError('upstream_invalid_response', `${what}: the answer is larger than ${maxBytes} bytes`, {
      details: { request: what, limit: maxBytes },
    });
  }
  const origin = axios.isAxiosError(error) && error.cause instanceof Error ? error.cause : error;
  const { code, message }: NodeJS.ErrnoException = origin instanceof Error ? origin : new Error('unknown fault');
  const reason = [code, message].filter((part) => part !== undefined && part !== '').join(': ');
  return new UpstreamError('upstream_unreachable', `${what}: ${reason}`, {
    cause: Object.assign(new Error(message), code === undefined ? {} : { code }),
    details: { request: what, ...(code !== undefined && { systemCode: code }) },
  });
}
