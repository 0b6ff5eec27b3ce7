import { ConfigurationError, type TriedAddress, UpstreamError } from '../errors.js';
import { pickConnectionSettings } from '../http/connections.js';
import { Http, type HttpAnswer, type HttpSettings } from '../http/http.js';
import { MAX_DOCUMENT_BYTES, MAX_WAIT_MS, toUpstreamError } from '../http/upstream.js';
import type { ResolvedOptions } from '../options/types.js';
import { isRecord } from '../util/record.js';
import { PATHS, buildAppPath } from '../wire/facts.js';
import { parseDiscoveryDocument, toKeySetPath } from './discovery.js';
import { KeySet, KeySets } from './key-sets.js';

type KeySetOptions = Omit<ResolvedOptions, 'appSecret' | 'storeSecret'>;

/**
 * Finds and fetches GenAuth's key set. If the option `jwksUri` is set, no other address is asked. Otherwise these
 * addresses are asked in this order:
 *
 * 1. The `jwks_uri` of the discovery document (OpenID Connect Discovery 1.0 §4).
 * 2. The path of the key set in GenAuth's documentation.
 * 3. The `jwks_uri` of the discovery document below the application ID.
 * 4. The path of the key set below the application ID.
 *
 * An address that answers, but not with the key of the token, is left for the next address. When a token has been
 * verified, the address of its key is kept, and no other address is asked any more.
 */
export class KeySetSource {
  readonly #options: KeySetOptions;
  readonly #http: Http;
  /** HTTP client for the host of the option `jwksUri`. `undefined` if the key set is on the host of `appHost`. */
  readonly #jwksUriHttp: Http | undefined;
  /** The only path that is asked. `undefined` until a token was verified. */
  #path: string | undefined;

  /**
   * @param http - HTTP client for the host of the option `appHost`.
   * @param createHttp - Creates the HTTP client for the host of the option `jwksUri`, if this host differs from the
   * host of `appHost`.
   */
  constructor(options: KeySetOptions, http: Http, createHttp = (settings: HttpSettings): Http => new Http(settings)) {
    this.#options = options;
    const { appHost } = options;
    const jwksUri = options.jwksUri === undefined ? undefined : new URL(options.jwksUri);
    if (jwksUri !== undefined) this.#path = jwksUri.pathname;
    const origin = jwksUri?.origin ?? appHost;
    if (origin !== appHost) this.#jwksUriHttp = createHttp({ origin, ...pickConnectionSettings(options) });
    this.#http = this.#jwksUriHttp ?? http;
  }

  /**
   * Fetches the key set. While no address is kept, the addresses are asked one after the other.
   *
   * @param known - The previous key sets. Their key objects are used again for equal keys.
   * @param fits - Returns whether key sets have a usable key for each purpose of the caller. If they have, no further
   * address is asked, unless all addresses were asked before.
   * @throws UpstreamError if GenAuth cannot be reached, or if no address has a key set. If GenAuth cannot be reached
   * any more after some keys were found, the error is in the result.
   * @throws ConfigurationError `discovery_issuer_mismatch` or `discovery_jwks_uri_refused` if the discovery document
   * contradicts the options.
   */
  async requestKeySets(known: KeySets, fits: (keySets: KeySets) => boolean): Promise<KeySets> {
    // All fetches of one call share one time limit.
    const deadline = performance.now() + MAX_WAIT_MS;
    if (this.#path !== undefined) return new KeySets([await this.#request(this.#path, known, deadline)]);
    const mayStopEarly = known.size === 0 || !known.isComplete;
    return this.#search(known, (keySets) => mayStopEarly && fits(keySets), deadline);
  }

  /** Keeps the address of a key set that has verified a token. All later fetches ask only this address. */
  keep(path: string): void {
    this.#path ??= path;
  }

  async #search(known: KeySets, fits: (keySets: KeySets) => boolean, deadline: number): Promise<KeySets> {
    const tried: TriedAddress[] = [];
    const found: KeySet[] = [];
    try {
      for await (const path of this.#findPaths(tried, deadline)) {
        if (tried.some((each) => each.path === path)) continue;
        const keySet = await settle(this.#request(path, known, deadline), tried, path);
        if (keySet === undefined) continue;
        found.push(keySet);
        const keySets = new KeySets(found, { isComplete: false });
        if (fits(keySets)) return keySets;
        tried.push({ path, problem: 'the key is not in this key set' });
      }
    } catch (error) {
      const isKnown = error instanceof UpstreamError || error instanceof ConfigurationError;
      if (!isKnown || error.code === 'runtime_unsuitable' || new KeySets(found).size === 0) throw error;
      // An address that did not answer keeps its last known keys.
      const kept = known.list.filter(({ path }) => !tried.some((each) => each.path === path));
      return new KeySets([...found, ...kept], { isComplete: false, failure: error });
    }
    if (found.length > 0) return new KeySets(found);
    const list = tried.map(({ path, problem }) => `${path}: ${problem}`).join('; ');
    throw new UpstreamError(
      'upstream_invalid_response',
      `GenAuth's key set was not found below ${this.#options.appHost} (${list}): ` +
        'check appHost and appId, or set the option jwksUri.',
      { details: { tried } },
    );
  }

  /** Returns the possible paths of the key set one after the other. A path can occur twice. */
  async *#findPaths(tried: TriedAddress[], deadline: number): AsyncGenerator<string> {
    const { appId } = this.#options;
    for (const toPath of [(path: string) => path, (path: string) => buildAppPath(appId, path)]) {
      const path = toPath(PATHS.discovery);
      const address = await settle(this.#requestAddress(path, deadline), tried, path);
      if (address !== undefined) yield address;
      yield toPath(PATHS.jwks);
    }
  }

  /** Returns the path of the key set in the discovery document at this path. */
  async #requestAddress(path: string, deadline: number): Promise<string> {
    const answer = await this.#get(path, deadline);
    const document = parseDiscoveryDocument(answer, this.#options);
    if (document === undefined) throw unusable('discovery document', answer, 'an issuer of the options');
    const address = toKeySetPath(document, this.#options);
    if (address === undefined) throw unusable('discovery document', answer, 'a jwks_uri on this host');
    return address;
  }

  async #request(path: string, known: KeySets, deadline: number): Promise<KeySet> {
    const answer = await this.#get(path, deadline);
    if (answer.status !== 200 || !isRecord(answer.body))
      throw unusable(`key set (GET ${path})`, answer, 'a JSON object');
    return KeySet.import(answer.body, path, known.get(path));
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

/** Waits for an answer. If the answer is unusable, stores its problem and returns `undefined`. */
async function settle<T>(answer: Promise<T>, tried: TriedAddress[], path: string): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    // The error of an outage or of contradicting options ends the search.
    if (!(error instanceof UpstreamError) || error.code !== 'upstream_invalid_response') throw error;
    const { httpStatus, problem = httpStatus === undefined ? error.message : `HTTP ${httpStatus}` } = error.details;
    tried.push({ path, problem });
    return undefined;
  }
}

function unusable(name: string, { status, retryAfter }: HttpAnswer, missing: string): UpstreamError {
  const problem = `HTTP ${status}${status === 200 ? ` without ${missing}` : ''}`;
  const message = `GenAuth's ${name} could not be loaded: ${problem}.`;
  return toUpstreamError({ status, retryAfter, problem }, () => message);
}
