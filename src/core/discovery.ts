import { ConfigurationError, UpstreamError, quote } from './errors.js';
import { Http, type HttpAnswer } from './http.js';
import type { ResolvedOptions } from './options.js';
import { PATHS, buildAppJwksPath } from './wire.js';

const MAX_DOCUMENT_BYTES = 256 * 1024;
/** A guarded request may wait for the keys, and it should not wait as long as a login does. */
const MAX_WAIT_MS = 5_000;

/**
 * Where the key set is, and how to get it: the configured `jwksUri`, else what discovery says (OpenID Connect Discovery 1.0
 * §4), else GenAuth's documented address, else the one with the application's id.
 */
export class KeySetSource {
  readonly #options: ResolvedOptions;
  readonly #http: Http;
  readonly #ownHttp: Http | undefined;
  #path: string | undefined;

  constructor(options: ResolvedOptions, http: Http) {
    this.#options = options;
    const { jwksUri, timeout, ca, proxy } = options;
    if (jwksUri !== undefined && jwksUri.origin !== options.appHost) {
      this.#ownHttp = new Http({ origin: jwksUri.origin, timeout, ca, proxy });
    }
    this.#http = this.#ownHttp ?? http;
  }

  /**
   * Fetches the key set, and the discovery document before it until an address is known to work.
   *
   * @throws UpstreamError where GenAuth cannot be reached or answers no JSON.
   * @throws ConfigurationError where discovery speaks for another issuer or points to another host.
   */
  async requestKeySet(): Promise<unknown> {
    const { jwksUri, appId } = this.#options;
    if (jwksUri !== undefined) return expectDocument('key set', await this.#get(jwksUri.pathname));
    const path = this.#path ?? (await this.#requestAddress());
    let answer = await this.#get(path);
    let working = path;
    if (answer.status === 404 && path === PATHS.jwks) {
      working = buildAppJwksPath(appId);
      answer = await this.#get(working);
    }
    // An address that stopped working is forgotten, so that the next attempt asks discovery again.
    this.#path = answer.status === 200 ? working : undefined;
    return expectDocument('key set', answer);
  }

  async #requestAddress(): Promise<string> {
    const { issuer, appHost } = this.#options;
    const answer = await this.#get(PATHS.discovery);
    if (answer.status === 404) return PATHS.jwks;
    const document = expectDocument('discovery document', answer);
    if (document['issuer'] !== issuer) {
      throw new ConfigurationError(
        'discovery_issuer_mismatch',
        `${appHost} says that its issuer is ${quote(document['issuer'])}, this client expects ${quote(issuer)}: correct ` +
          'appHost, or set the option issuer to what the tokens carry.',
      );
    }
    const address = document['jwks_uri'];
    const url = typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined;
    if (url === undefined || url.origin !== appHost || url.pathname.startsWith('//')) {
      throw new ConfigurationError(
        'discovery_jwks_uri_refused',
        `The discovery document of ${appHost} says jwks_uri ${quote(address)}, which is not on that host: if it is right, ` +
          'set the option jwksUri to it.',
      );
    }
    return url.pathname;
  }

  /** A read may be repeated once when a kept connection turns out to have been closed by the other side. */
  async #get(path: string): Promise<HttpAnswer> {
    const request = { method: 'GET', path, maxBytes: MAX_DOCUMENT_BYTES, timeout: MAX_WAIT_MS } as const;
    try {
      return await this.#http.request(request);
    } catch (error) {
      const reset =
        error instanceof UpstreamError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET';
      if (!reset) throw error;
      return await this.#http.request(request);
    }
  }

  close(): void {
    this.#ownHttp?.close();
  }
}

function expectDocument(what: string, { status, body, retryAfter }: HttpAnswer): Readonly<Record<string, unknown>> {
  if (status === 429 || status >= 500) {
    throw new UpstreamError('upstream_unavailable', `GenAuth's ${what} was answered with HTTP ${status}.`, {
      retryAfter,
    });
  }
  if (status !== 200 || typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new UpstreamError(
      'upstream_invalid_response',
      `GenAuth's ${what} was answered with HTTP ${status} and no JSON object.`,
    );
  }
  return body as Record<string, unknown>;
}
