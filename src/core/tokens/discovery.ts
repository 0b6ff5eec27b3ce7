import { ConfigurationError } from '../errors.js';
import type { HttpAnswer } from '../http/http.js';
import type { ResolvedOptions } from '../options/types.js';
import { onlyOrAll, quote, toDetail } from '../util/quote.js';
import { isRecord } from '../util/record.js';
import { checkUrl } from '../util/url.js';

type HostOptions = Pick<ResolvedOptions, 'appHost' | 'issuer'>;

/** The members of a discovery document (OpenID Connect Discovery 1.0 §3). Only `issuer` was checked. */
export type DiscoveryDocument = Readonly<Record<string, unknown>>;

/**
 * Reads the discovery document of an answer.
 *
 * @returns `undefined` if the answer is not the discovery document of an issuer in the options: the status is not 200,
 * the body is not a JSON object, `issuer` is missing, or the host belongs to several tenants. In the last case the
 * option `issuer` has a different host than `appHost`.
 * @throws ConfigurationError `discovery_issuer_mismatch` if the document contradicts the options.
 */
export function parseDiscoveryDocument(
  { status, body }: HttpAnswer,
  options: HostOptions,
): DiscoveryDocument | undefined {
  const { appHost, issuer: expected } = options;
  if (status !== 200 || !isRecord(body)) return undefined;
  const { issuer } = body;
  if (typeof issuer !== 'string') return undefined;
  if (expected.includes(issuer)) return body;
  if (isSharedHost(options)) return undefined;
  throw new ConfigurationError(
    'discovery_issuer_mismatch',
    `The discovery document of ${appHost} has the issuer ${quote(issuer)}, but this client expects ` +
      `${quote(onlyOrAll(expected))}: correct appHost, or set the option issuer to the claim iss of the tokens.`,
    { details: { expected: onlyOrAll(expected), actual: toDetail(issuer) } },
  );
}

/**
 * Returns the path of the key set on the host of the option `appHost`.
 *
 * @returns `undefined` if the document has no `jwks_uri`, or if the host belongs to several tenants and the `jwks_uri`
 * is on a different host.
 * @throws ConfigurationError `discovery_jwks_uri_refused` if the `jwks_uri` is not on this host. The keys of another
 * host are used only with the option `jwksUri`, because that host could sign in as any user.
 */
export function toKeySetPath(document: DiscoveryDocument, options: HostOptions): string | undefined {
  const { appHost } = options;
  const address = document['jwks_uri'];
  if (address === undefined || address === null) return undefined;
  const url = typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined;
  if (url !== undefined && isOnHost(url, new URL(appHost)) && !url.pathname.startsWith('//')) {
    return url.pathname + url.search;
  }
  if (isSharedHost(options)) return undefined;
  const fix =
    'url' in checkUrl(address, 'requested')
      ? 'if this address is correct, set the option jwksUri to it.'
      : 'ask the operator of this GenAuth server to correct it, or set the option jwksUri to the ' +
        'https address of the key set.';
  throw new ConfigurationError(
    'discovery_jwks_uri_refused',
    `The discovery document of ${appHost} has the jwks_uri ${quote(address)}, which is not on that host: ${fix}`,
    { details: { expected: appHost, actual: toDetail(address) } },
  );
}

/** Returns whether several tenants share the host of `appHost`, because the option `issuer` has a different host. */
export function isSharedHost({ appHost, issuer }: HostOptions): boolean {
  const { hostname } = new URL(appHost);
  return issuer.every((each) => new URL(each).hostname !== hostname);
}

/**
 * Returns whether an address is on the host of `appHost`. Behind a gateway that ends TLS, GenAuth may write http
 * addresses of its own host. The key set is then requested with https, like everything else.
 */
function isOnHost(url: URL, appHost: URL): boolean {
  if (url.origin === appHost.origin) return true;
  return appHost.protocol === 'https:' && url.protocol === 'http:' && url.hostname === appHost.hostname;
}
