import { ConfigurationError } from '../errors.js';
import { onlyOrAll, quote, toDetail } from '../util/quote.js';
import { Http, type HttpAnswer, type HttpSettings } from '../http/http.js';
import { MAX_DOCUMENT_BYTES, MAX_WAIT_MS, isDown, toUpstreamError } from '../http/upstream.js';
import type { ResolvedOptions } from '../options/types.js';
import { isRecord } from '../util/record.js';
import { PATHS, buildAppJwksPath } from '../wire/facts.js';

type KeySetOptions = Omit<ResolvedOptions, 'appSecret'>;

/**
 * Finds and fetches GenAuth's key set. These addresses are tried in this order:
 *
 * 1. The option `jwksUri`. If this option is set, no other address is tried.
 * 2. The `jwks_uri` of GenAuth's discovery document (OpenID Connect Discovery 1.0 §4).
 * 3. The address in GenAuth's documentation, if GenAuth has no discovery document (HTTP 404).
 * 4. The address with the application ID in its path, if the address in GenAuth's documentation returns HTTP 404.
 */
export class KeySetSource {
  readonly #options: KeySetOptions;
  readonly #http: Http;
  /** HTTP client for the host of the option `jwksUri`. `undefined` if the key set is on the host of `appHost`. */
  readonly #jwksUriHttp: Http | undefined;
  /** The path that last returned a key set. */
  #path: string | undefined;

  /**
   * @param http - HTTP client for the host of the option `appHost`.
   * @param createHttp - Creates the HTTP client for the host of the option `jwksUri`, if this host differs from the
   * host of `appHost`.
   */
  constructor(options: KeySetOptions, http: Http, createHttp = (settings: HttpSettings): Http => new Http(settings)) {
    this.#options = options;
    const { jwksUri, timeout, ca, proxy } = options;
    const origin = jwksUri === undefined ? options.appHost : new URL(jwksUri).origin;
    if (origin !== options.appHost) this.#jwksUriHttp = createHttp({ origin, timeout, ca, proxy });
    this.#http = this.#jwksUriHttp ?? http;
  }

  /**
   * Fetches the key set. Fetches the discovery document first, unless `jwksUri` is set or a previous fetch found the
   * address.
   *
   * @throws UpstreamError if GenAuth cannot be reached or does not return a JSON object.
   * @throws ConfigurationError `discovery_issuer_mismatch` if the discovery document has a different issuer than the
   * option `issuer`.
   * @throws ConfigurationError `discovery_jwks_uri_refused` if the `jwks_uri` of the discovery document is not on the
   * host of `appHost`.
   */
  async requestKeySet(): Promise<unknown> {
    const { jwksUri, appId } = this.#options;
    // All fetches of one call share one time limit.
    const deadline = performance.now() + MAX_WAIT_MS;
    if (jwksUri !== undefined) return expectDocument('key set', await this.#get(toPath(new URL(jwksUri)), deadline));
    const path = this.#path ?? (await this.#requestAddress(deadline));
    let answer = await this.#get(path, deadline);
    let working = path;
    if (answer.status === 404 && path === PATHS.jwks) {
      working = buildAppJwksPath(appId);
      answer = await this.#get(working, deadline);
    }
    // The address is stored if it returned a key set. If it did not, and GenAuth is not down, the stored address is
    // deleted, and the next call reads the discovery document again.
    if (answer.status === 200) this.#path = working;
    else if (!isDown(answer.status)) this.#path = undefined;
    return expectDocument('key set', answer);
  }

  async #requestAddress(deadline: number): Promise<string> {
    const { issuer, appHost } = this.#options;
    const answer = await this.#get(PATHS.discovery, deadline);
    if (answer.status === 404) return PATHS.jwks;
    const document = expectDocument('discovery document', answer);
    if (!(issuer as readonly unknown[]).includes(document['issuer'])) {
      const expected = onlyOrAll(issuer);
      throw new ConfigurationError(
        'discovery_issuer_mismatch',
        `The discovery document of ${appHost} has the issuer ${quote(document['issuer'])}, but this client expects ` +
          `${quote(expected)}: correct appHost, or set the option issuer to the claim iss of the tokens.`,
        { details: { expected, actual: toDetail(document['issuer']) } },
      );
    }
    const address = document['jwks_uri'];
    const url = typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined;
    if (url === undefined || url.origin !== appHost || url.pathname.startsWith('//')) {
      throw new ConfigurationError(
        'discovery_jwks_uri_refused',
        `The discovery document of ${appHost} has the jwks_uri ${quote(address)}, which is not on that host: ` +
          'if this address is correct, set the option jwksUri to it.',
        { details: { expected: appHost, actual: toDetail(address) } },
      );
    }
    return toPath(url);
  }

  #get(path: string, deadline: number): Promise<HttpAnswer> {
    const timeout = Math.max(1, Math.ceil(deadline - performance.now()));
    return this.#http.request({ method: 'GET', path, maxBytes: MAX_DOCUMENT_BYTES, timeout });
  }

  /**
   * Closes the connections to the host of `jwksUri`. The creator of `http` closes the connections to the host of
   * `appHost`.
   */
  close(): void {
    this.#jwksUriHttp?.close();
  }
}

function toPath({ pathname, search }: URL): string {
  return pathname + search;
}

function expectDocument(name: string, { status, body, retryAfter }: HttpAnswer): Readonly<Record<string, unknown>> {
  if (status === 200 && isRecord(body)) return body;
  throw toUpstreamError(
    { status, retryAfter },
    ({ isDown: down }) =>
      `GenAuth's ${name} could not be loaded: HTTP ${status}${down ? '' : ' without a JSON object'}.`,
  );
}
