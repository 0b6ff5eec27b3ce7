import { Http, type HttpAnswer, type HttpRequest, type HttpSettings } from '../core/http/http.js';

/**
 * GenAuth's public documents that a run has received, by address: discovery and the key sets. A run requests each
 * address once, although several checks and the client read it.
 *
 * Each reader creates a connection of its own. The first request of a connection for a document is answered with what
 * another reader has received. A second request of the same connection goes to GenAuth, because its reader requires a
 * newer document, for example after a token with an unknown key.
 */
export class Documents {
  readonly #answers = new Map<string, Promise<HttpAnswer>>();
  readonly #connections: Http[] = [];

  /** Stores an answer that was received without such a connection. */
  keep(url: string, answer: HttpAnswer): void {
    this.#answers.set(url, Promise.resolve(answer));
  }

  createHttp(settings: HttpSettings): Http {
    const http = new DocumentHttp(settings, this.#answers);
    this.#connections.push(http);
    return http;
  }

  /** Closes every connection that was created here. */
  close(): void {
    for (const http of this.#connections) http.close();
  }
}

class DocumentHttp extends Http {
  readonly #origin: string;
  readonly #answers: Map<string, Promise<HttpAnswer>>;
  /** Addresses that this connection has requested. */
  readonly #requested = new Set<string>();

  constructor(settings: HttpSettings, answers: Map<string, Promise<HttpAnswer>>) {
    super(settings);
    this.#origin = settings.origin;
    this.#answers = answers;
  }

  override request(request: HttpRequest): Promise<HttpAnswer> {
    // Requests for anything but a public document are no GET, or have headers of their own.
    if (request.method !== 'GET' || request.headers !== undefined) return super.request(request);
    const url = this.#origin + request.path;
    const known = this.#requested.has(url) ? undefined : this.#answers.get(url);
    this.#requested.add(url);
    if (known !== undefined) return known;
    const answer = super.request(request);
    this.#answers.set(url, answer);
    return answer;
  }
}
