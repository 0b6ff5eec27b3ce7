import type { ClientRequest } from 'node:http';
import axios, { AxiosError, type AxiosInstance, type AxiosRequestConfig, type GenericAbortSignal } from 'axios';
import { UpstreamError } from '../errors.js';
import { hasSubscribers, publishEvent } from '../events.js';
import type { Deadline } from '../util/deadline.js';
import { nextTurn } from '../util/next-turn.js';
import { quote } from '../util/quote.js';
import { type Agents, type ConnectionSettings, createAgents, destroyIdle } from './connections.js';
import { describeNetworkFault, wasSent } from './network-error.js';
import { redactBody } from './redact.js';
import { isDown, toUpstreamError } from './upstream.js';

/**
 * Idle connections for requests that may be repeated are closed after this time, in milliseconds. This time is less
 * than the usual idle limit of gateways (60 s).
 */
const IDLE_CONNECTION_MS = 30_000;
/**
 * Idle connections for requests that must not be repeated are closed after this time, in milliseconds. This time is
 * less than the idle limit of Node.js servers (5 s), which is the shortest usual limit. A request that is sent while
 * the server closes the connection fails.
 */
const IDLE_SIGN_IN_CONNECTION_MS = 4_000;
const MAX_RETRY_AFTER_SECONDS = 3600;
/**
 * The date format IMF-fixdate. It is the only date format that the sender of an HTTP header may use (RFC 9110 §5.6.7).
 */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Headers of every request to GenAuth. */
export const DEFAULT_HEADERS = {
  accept: 'application/json',
  'accept-encoding': 'identity',
  'user-agent': 'passport-genauth',
};

/** Removes a byte order mark at the start (RFC 8259 §8.1). With `ignoreBOM: true` the mark would stay in the text. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Matches one or several registered content codings (RFC 9110 §8.4.1). An error message shows the server's content
 * coding only if the content coding matches this expression.
 */
const ENCODINGS = /^(?:(?:x-)?(?:gzip|deflate|compress|br|zstd)(?:, ?)?)+$/;

/** The settings of an {@link Http} client. */
export interface HttpSettings extends ConnectionSettings {
  /** The origin of the server: `https://host[:port]`, without a path. */
  origin: string;
}

/** One request to GenAuth. */
export interface HttpRequest {
  method: 'GET' | 'POST';
  /**
   * Whether the request may be sent a second time, because it changes nothing if it arrives twice. Default: `true` for
   * a GET request, `false` for a POST request.
   */
  isRepeatable?: boolean;
  /**
   * An absolute path. The path comes from a constant of passport-genauth, from the client's options or from GenAuth's
   * discovery document. The path never contains data from a user's request.
   */
  path: string;
  /** Additional request headers. Default: none. */
  headers?: Record<string, string>;
  /** Content that is sent as JSON. */
  body?: object;
  /** Content that is sent as a form (`application/x-www-form-urlencoded`). The form is ignored if `body` is given. */
  form?: Readonly<Record<string, string>>;
  /** Maximum size of the response body, in bytes. A larger response body is an error. */
  maxBytes: number;
  /**
   * Time limit for this HTTP exchange, in milliseconds. This limit is used if it is shorter than
   * `HttpSettings.timeout`.
   */
  timeout?: number;
  /** Time limit for this HTTP exchange and the steps before it. Used instead of `timeout`. */
  deadline?: Deadline;
  /**
   * The secrets that this request sends. A text of the response that contains one of the secrets is replaced, so that
   * the secret does not reach an error, an event or a log.
   */
  secrets?: readonly (string | undefined)[];
}

/** A parsed HTTP response. */
export interface HttpAnswer {
  /** The HTTP status. */
  status: number;
  /** The response body as parsed JSON. `undefined` if the response body is not JSON. */
  body: unknown;
  /** Value of the response header `Retry-After`, in seconds, at most 3600 (RFC 9110 §10.2.3). */
  retryAfter: number | undefined;
}

/**
 * Sends HTTP requests to one origin with axios. Connections are kept alive. Redirects and decompression are turned off.
 * Each HTTP exchange has a size limit and one time limit for all steps of the exchange.
 *
 * An axios error holds the whole request, including the password. Therefore axios errors are always converted to an
 * `UpstreamError` in this file.
 */
export class Http {
  readonly #settings: HttpSettings;
  /** The connections for requests that may be repeated. */
  readonly #agents: Agents;
  /** The connections for requests that must not be repeated. */
  readonly #signInAgents: Agents;
  /** The connections for repeated requests. Each of these requests opens a new connection. */
  readonly #repeatAgents: Agents;
  readonly #axios: AxiosInstance;
  /**
   * Whether `close` was called. It shows why an exchange has failed: an exchange that `close` ended fails with the same
   * error as a connection that the server reset.
   */
  #isClosed = false;

  constructor(settings: HttpSettings) {
    this.#settings = settings;
    this.#agents = createAgents(settings, IDLE_CONNECTION_MS);
    this.#signInAgents = createAgents(settings, IDLE_SIGN_IN_CONNECTION_MS);
    this.#repeatAgents = createAgents(settings);
    this.#axios = createAxios({
      adapter: 'http',
      maxRedirects: 0,
      decompress: false,
      responseType: 'arraybuffer',
      transformRequest: [],
      transformResponse: [],
      validateStatus: null,
      // axios must not read a proxy from environment variables. The agent already uses the proxy from the option
      // `proxy`.
      proxy: false,
    });
  }

  /**
   * Sends one request. If the server had closed the idle connection of a repeatable request, the request is repeated
   * once, on a new connection. A sign-in is never repeated, because it could count as a second failed attempt.
   *
   * @returns The response, for every HTTP status except a redirect. A text of the response that contains one of the
   * request's `secrets` is replaced.
   * @throws UpstreamError for every network failure, and for a response that must not be used. A response must not be
   * used if it is too large, if it is a redirect, or if it is compressed although an uncompressed response was
   * requested.
   */
  request(request: HttpRequest): Promise<HttpAnswer> {
    return hasSubscribers('genauth:request') ? this.#exchangeWithEvent(request) : this.#exchange(request);
  }

  /** Sends one request, and publishes its event. */
  async #exchangeWithEvent(request: HttpRequest): Promise<HttpAnswer> {
    const { origin } = this.#settings;
    const { method, path } = request;
    const startedAt = performance.now();
    const publish = (status: number | undefined, result: string): void =>
      publishEvent('genauth:request', () => {
        return { origin, method, path, status, result, duration: performance.now() - startedAt };
      });
    try {
      const answer = await this.#exchange(request);
      publish(answer.status, 'answered');
      return answer;
    } catch (error) {
      if (error instanceof UpstreamError) publish(error.details.httpStatus, error.code);
      throw error;
    }
  }

  async #exchange(request: HttpRequest): Promise<HttpAnswer> {
    const { isRepeatable = request.method === 'GET' } = request;
    const { method, path, headers, body, form, maxBytes, secrets = [] } = request;
    if (!path.startsWith('/') || path.startsWith('//')) {
      throw new TypeError(`The path must begin with exactly one slash, but it is ${quote(path)}.`);
    }
    const url = this.#settings.origin + path;
    const target = `${method} ${url}`;
    if (this.#isClosed) {
      const message = `${target}: the application has closed the client, so the request is not sent`;
      throw new UpstreamError('upstream_unreachable', message, { details: { request: target, requestSent: false } });
    }
    const timeout = Math.min(request.timeout ?? Infinity, this.#settings.timeout);
    const { left, timeout: limit } = request.deadline ?? { left: timeout, timeout };
    const signal = new DeadlineSignal();
    const timer = setTimeout(() => signal.abort(), left);
    timer.unref();
    const agents = isRepeatable ? this.#agents : this.#signInAgents;
    const content = buildContent(headers, body, form);
    const config: AxiosRequestConfig = {
      httpAgent: agents.httpAgent,
      httpsAgent: agents.httpsAgent,
      method,
      url,
      headers: content.headers,
      data: content.data,
      maxContentLength: maxBytes,
      signal,
    };
    try {
      const response = await this.#axios.request<Buffer>(config).catch((error: unknown) => {
        if (this.#isClosed || !wasIdleConnectionReset(error)) throw error;
        // The other idle connections are as old as this one, so the server has probably closed them too.
        destroyIdle(agents);
        if (!isRepeatable) throw error;
        return this.#axios.request<Buffer>({ ...config, ...this.#repeatAgents });
      });
      // The responses that arrive together are then parsed together, and their tokens are verified together.
      await nextTurn();
      const answer = toAnswer(target, response);
      answer.body = redactBody(answer.body, secrets);
      return answer;
    } catch (error) {
      if (error instanceof UpstreamError) throw error;
      const requestSent = axios.isAxiosError(error) && wasSent(error.request as ClientRequest | undefined, error.cause);
      const arrival = isRepeatable || !requestSent ? '' : '. GenAuth may have received the request';
      if (signal.aborted) {
        const message = `${target}: no complete response within ${limit} ms${arrival}`;
        throw new UpstreamError('upstream_timeout', message, {
          details: { request: target, limit, requestSent },
        });
      }
      if (this.#isClosed) {
        const message = `${target}: the application closed the client during the request${arrival}`;
        throw new UpstreamError('upstream_unreachable', message, { details: { request: target, requestSent } });
      }
      throw toNetworkError(target, error, maxBytes, { requestSent, arrival });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes all connections. Pending requests and further requests fail. */
  close(): void {
    this.#isClosed = true;
    for (const { httpAgent, httpsAgent } of [this.#agents, this.#signInAgents, this.#repeatAgents]) {
      httpAgent.destroy();
      httpsAgent.destroy();
    }
  }
}

/**
 * The signal that ends one exchange at its time limit. It has the members that axios requires of a signal. An
 * `AbortController` takes 30 µs more of the 500 µs of a login.
 */
class DeadlineSignal implements GenericAbortSignal {
  aborted = false;
  readonly #listeners = new Set<() => void>();

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.delete(listener);
  }

  abort(): void {
    this.aborted = true;
    for (const listener of this.#listeners) listener();
  }
}

/**
 * Creates an axios instance that has only the given settings. The application may use the same copy of axios and may
 * have changed `axios.defaults`. The headers, URLs and adapters in `axios.defaults` must not affect requests to
 * GenAuth.
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
): { headers: Record<string, string>; data: string | undefined } {
  const all: Record<string, string> = { ...DEFAULT_HEADERS, ...headers };
  if (body !== undefined) {
    all['content-type'] = 'application/json';
    return { headers: all, data: JSON.stringify(body) };
  }
  if (form === undefined) return { headers: all, data: undefined };
  all['content-type'] = 'application/x-www-form-urlencoded';
  return { headers: all, data: new URLSearchParams(form).toString() };
}

function wasIdleConnectionReset(error: unknown): boolean {
  if (!axios.isAxiosError(error) || (error.code !== 'ECONNRESET' && error.code !== 'EPIPE')) return false;
  return (error.request as ClientRequest | undefined)?.reusedSocket === true;
}

/** A complete HTTP response, not parsed yet. */
export interface RawAnswer {
  readonly status: number;
  /** The headers, with names in lower case. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly data: Uint8Array;
}

/**
 * Parses an HTTP response.
 *
 * @param target - Method and URL of the request, for error messages.
 * @throws UpstreamError for a redirect, and for a response that is compressed although an uncompressed response was
 * requested.
 */
export function toAnswer(target: string, { status, headers, data }: RawAnswer): HttpAnswer {
  // GenAuth also uses status 3xx for a sign-in that needs a further step. Only a redirect has the header `location`.
  if (status >= 300 && status < 400 && headers['location'] !== undefined) {
    throw new UpstreamError(
      'upstream_invalid_response',
      `${target}: the response is a redirect (HTTP ${status}), and redirects are not followed. ` +
        'Compare appHost with the address that the console shows.',
      { details: { request: target, httpStatus: status } },
    );
  }
  const encoding: unknown = headers['content-encoding'] ?? '';
  if (typeof encoding !== 'string' || !/^(identity)?$/i.test(encoding)) {
    const shown = quote(ENCODINGS.test(String(encoding)) ? encoding : 'unknown');
    if (isDown(status)) {
      const retryAfter = parseRetryAfter(headers['retry-after']);
      throw toUpstreamError({ request: target, status, retryAfter }, () => `${target}: HTTP ${status} (${shown})`);
    }
    throw new UpstreamError(
      'upstream_invalid_response',
      `${target}: the response has content-encoding ${shown}, ` +
        'but an uncompressed response was requested. Turn off compression in the gateway.',
      { details: { request: target, httpStatus: status } },
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

/**
 * Converts an axios error to an `UpstreamError`. Keeps only the code and the message of the system error that caused
 * the axios error.
 */
function toNetworkError(
  target: string,
  error: unknown,
  maxBytes: number,
  { requestSent, arrival }: { requestSent: boolean; arrival: string },
): UpstreamError {
  // axios uses the same error code for a response that is too large and for an aborted response. Only the error of an
  // aborted response has the member `response`.
  if (axios.isAxiosError(error) && error.code === AxiosError.ERR_BAD_RESPONSE && error.response === undefined) {
    return new UpstreamError('upstream_invalid_response', `${target}: the response is larger than ${maxBytes} bytes`, {
      details: { request: target, limit: maxBytes },
    });
  }
  const origin = axios.isAxiosError(error) && error.cause !== undefined ? error.cause : error;
  const { code, message } = describeNetworkFault(origin);
  const reason = [code, message].filter((part) => part !== undefined && part !== '').join(': ');
  return new UpstreamError('upstream_unreachable', `${target}: ${reason}${arrival}`, {
    cause: Object.assign(new Error(message), code === undefined ? {} : { code }),
    details: { request: target, requestSent, ...(code !== undefined && { systemCode: code }) },
  });
}
