import { ConfigurationError } from '../errors.js';
import { quote, toDetail } from '../util/quote.js';
import { Http, type HttpAnswer, type HttpSettings } from '../http/http.js';
import { MAX_DOCUMENT_BYTES, MAX_WAIT_MS, isDown, toUpstreamError } from '../http/upstream.js';
import type { ResolvedOptions } from '../options/types.js';
import { isRecord } from '../util/record.js';
import { PATHS, buildAppJwksPath } from '../wire/facts.js';

type KeySetOptions = Omit<ResolvedOptions, 'appSecret'>;

/**
 * Where the key set is, and how to get it: the configured `jwksUri`, else what discovery says (OpenID Connect Discovery 1.0
 * §4), else GenAuth's documented address, else the one with the application's id.
 */
export class KeySetSource {
  readonly #options: KeySetOptions;
  readonly #http: Http;
  readonly #ownHttp: Http | undefined;
  #path: string | undefined;

  /**
   * @param http - For the application's host.
   * @param createHttp - Creates the connection to the host of the option `jwksUri`, if that is another one.
   */
  constructor(options: KeySetOptions, http: Http, createHttp = (settings: HttpSettings): Http => new Http(settings)) {
    this.#options = options;
    const { jwksUri, timeout, ca, proxy } = options;
    const origin = jwksUri === undefined ? options.appHost : new URL(jwksUri).origin;
    if (origin !== options.appHost) this.#ownHttp = createHttp({ origin, timeout, ca, proxy });
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
    // One limit for all fetches together.
    const deadline = performance.now() + MAX_WAIT_MS;
    if (jwksUri !== undefined) return expectDocument('key set', await this.#get(toPath(new URL(jwksUri)), deadline));
    const path = this.#path ?? (await this.#requestAddress(deadline));
    let answer = await this.#get(path, deadline);
    let working = path;
    if (answer.status === 404 && path === PATHS.jwks) {
      working = buildAppJwksPath(appId);
      answer = await this.#get(working, deadline);
    }
    // An address that is gone is forgotten, so that the next attempt asks discovery again.
    if (answer.status === 200) this.#path = working;
    else if (!isDown(answer.status)) this.#path = undefined;
    return expectDocument('key set', answer);
  }

  async #requestAddress(deadline: number): Promise<string> {
    const { issuer, appHost } = this.#options;
    const answer = await this.#get(PATHS.discovery, deadline);
    if (answer.status === 404) return PATHS.jwks;
    const document = expectDocument('discovery document', answer);
    if (document['issuer'] !== issuer) {
      throw new ConfigurationError(
        'discovery_issuer_mismatch',
        `${appHost} says that its issuer is ${quote(document['issuer'])}, this client expects ${quote(issuer)}: correct ` +
          'appHost, or set the option issuer to what the tokens carry.',
        { details: { expected: issuer, actual: toDetail(document['issuer']) } },
      );
    }
    const address = document['jwks_uri'];
    const url = typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined;
    if (url === undefined || url.origin !== appHost || url.pathname.startsWith('//')) {
      throw new ConfigurationError(
        'discovery_jwks_uri_refused',
        `The discovery document of ${appHost} says jwks_uri ${quote(address)}, which is not on that host: if it is right, ` +
          'set the option jwksUri to it.',
        { details: { expected: appHost, actual: toDetail(address) } },
      );
    }
    return toPath(url);
  }

  #get(path: string, deadline: number): Promise<HttpAnswer> {
    const timeout = Math.max(1, Math.ceil(deadline - performance.now()));
    return this.#http.request({ method: 'GET', path, maxBytes: MAX_DOCUMENT_BYTES, timeout });
  }

  close(): void {
    this.#ownHttp?.close();
  }
}

function toPath({ pathname, search }: URL): string {
  return pathname + search;
}

function expectDocument(what: string, { status, body, retryAfter }: HttpAnswer): Readonly<Record<string, unknown>> {
  if (status === 200 && isRecord(body)) return body;
  throw toUpstreamError(
    { status, retryAfter },
    ({ isDown: down }) => `GenAuth's ${what} was answered with HTTP ${status}${down ? '' : ' and no JSON object'}.`,
  );
}
