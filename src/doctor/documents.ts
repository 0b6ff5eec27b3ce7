import { Http, type HttpAnswer, type HttpRequest, type HttpSettings } from '../core/http/http.js';

/**
 * Cache of GenAuth's public documents (discovery document and key sets) for one run of the doctor. Several checks and
 * the client read the same document, but a run requests each address only once.
 *
 * Each reader creates its own connection with `createHttp`. If another reader has already received a document, the
 * first request for this document on a connection returns the cached response. The second request for the document on
 * the same connection is sent to GenAuth. In this case the reader needs a newer document, for example after a token
 * with an unknown key.
 */
export class Documents {
  readonly #answers = new Map<string, Promise<HttpAnswer>>();
  readonly #connections: Http[] = [];

  /** Stores a response that the caller received without a connection of this class. */
  keep(url: string, answer: HttpAnswer): void {
    this.#answers.set(url, Promise.resolve(answer));
  }

  /** Creates a connection that shares its responses with all connections of this cache. */
  createHttp(settings: HttpSettings): Http {
    const http = new DocumentHttp(settings, this.#answers);
    this.#connections.push(http);
    return http;
  }

  /** Closes every connection that `createHttp` has created. */
  close(): void {
    for (const http of this.#connections) http.close();
  }
}

class DocumentHttp extends Http {
  readonly #origin: string;
  readonly #answers: Map<string, Promise<HttpAnswer>>;
  /** The addresses that this connection has requested from GenAuth or read from the cache. */
  readonly #requested = new Set<string>();

  constructor(settings: HttpSettings, answers: Map<string, Promise<HttpAnswer>>) {
    super(settings);
    this.#origin = settings.origin;
    this.#answers = answers;
  }

  override request(request: HttpRequest): Promise<HttpAnswer> {
    // A request for a public document is a GET request without extra headers. All other requests are always sent to
    // GenAuth.
    if (request.method !== 'GET' || request.headers !== undefined) return super.request(request);
    const url = this.#origin + request.path;
    const cached = this.#requested.has(url) ? undefined : this.#answers.get(url);
    this.#requested.add(url);
    if (cached !== undefined) return cached;
    const answer = super.request(request);
    this.#answers.set(url, answer);
    return answer;
  }
}
