import { ConfigurationError, GenAuthError } from '../../core/errors.js';
import { MAX_DOCUMENT_BYTES, MAX_WAIT_MS } from '../../core/http/upstream.js';
import { JWK_ALGORITHM, type RefusedKey } from '../../core/tokens/jwk.js';
import { KeySets } from '../../core/tokens/key-sets.js';
import { KeySetSource } from '../../core/tokens/key-set-source.js';
import { isRecord } from '../../core/util/record.js';
import { PATHS, buildAppPath } from '../../core/wire/facts.js';
import type { Context } from '../context.js';
import { type Observation, error, ok, warning } from '../report.js';

/** The maximum number of keys that a message lists. */
const MAX_SHOWN_KEYS = 20;

/**
 * The impact of a key set that cannot be used. id_tokens with HS256 are verified with the application secret, so they
 * need no key set.
 */
export const KEY_SET_IMPACT = 'Guarded routes fail, and with RS256 id_tokens every login fails.';

/** Requests the key set as passport-genauth does, and judges each key. */
export async function checkKeys(context: Context): Promise<Observation[]> {
  const { options } = context;
  const source = new KeySetSource(options, context.createHttp(options.appHost), ({ origin }) =>
    context.createHttp(origin),
  );
  try {
    const keySets = await source.requestKeySets(new KeySets(), ({ size }) => size > 0);
    const found = judgeKeys(context, keySets);
    if (found.length > 0) return found;
    const paths = keySets.list.map(({ path }) => path).join(' and ');
    return [ok('keys', `Every key can verify ${JWK_ALGORITHM}. The key set is at ${paths}.`)];
  } catch (fault) {
    if (!(fault instanceof GenAuthError)) throw fault;
    context.settings.signal?.throwIfAborted();
    return [explain(context, fault, await findAddresses(context))];
  }
}

/** A possible address of the key set. */
interface Address {
  url: string;
  hasKeySet: boolean;
}

/**
 * Requests the key set at every possible address: the option `jwksUri`, the address in the discovery document,
 * GenAuth's documented address, and the address that contains the application ID.
 */
async function findAddresses(context: Context): Promise<Address[]> {
  const { appHost, appId, jwksUri } = context.options;
  const discovered = context.discovery?.['jwks_uri'];
  const places = [jwksUri, discovered, appHost + PATHS.jwks, appHost + buildAppPath(appId, PATHS.jwks)];
  const urls = places.filter((place): place is string => typeof place === 'string' && URL.canParse(place));
  return Promise.all(
    [...new Set(urls)].map(async (url) => ({ url, hasKeySet: await hasKeySet(context, new URL(url)) })),
  );
}

async function hasKeySet(context: Context, { origin, pathname, search }: URL): Promise<boolean> {
  const { appHost, jwksUri } = context.options;
  // Requests are sent only to configured hosts. A discovery document could name any host, for example an internal host.
  if (origin !== appHost && origin !== new URL(jwksUri ?? appHost).origin) return false;
  try {
    const { status, body } = await context.createHttp(origin).request({
      method: 'GET',
      path: pathname + search,
      maxBytes: MAX_DOCUMENT_BYTES,
      timeout: MAX_WAIT_MS,
    });
    return status === 200 && isRecord(body) && Array.isArray(body['keys']);
  } catch (fault) {
    if (fault instanceof GenAuthError || fault instanceof TypeError) return false;
    throw fault;
  }
}

function explain(context: Context, fault: GenAuthError, addresses: readonly Address[]): Observation {
  const working = addresses.find((address) => address.hasKeySet);
  // The check `discovery` has already reported this error. The address of the key set may be right.
  const isDiscovery = fault instanceof ConfigurationError;
  const problem = isDiscovery ? 'The key set could not be loaded.' : context.describe(fault);
  const place =
    working === undefined ? 'It was not found at any other known address.' : `The key set is at ${working.url}.`;
  return error('jwks_unusable', `${problem} ${place}`, {
    impact: KEY_SET_IMPACT,
    fix:
      isDiscovery || working === undefined
        ? 'Fix discovery and appHost first.'
        : `Set ${context.proposal('jwksUri', working.url, '<address>')}`,
    docs: fault.details.docs,
  });
}

/** Judges each key as passport-genauth does. Returns an empty list if every key can verify tokens. */
function judgeKeys(context: Context, { size: usable, list: keySets }: KeySets): Observation[] {
  const refused = keySets.flatMap((keySet) => keySet.unusable);
  const total = usable + refused.length;
  const unusable = refused.filter(({ isForTokens }) => isForTokens).map((key) => describeKey(context, key));
  const list = unusable.slice(0, MAX_SHOWN_KEYS).join('; ');
  const rules = 'A key must be an RSA key with 2048 to 8192 bits and exponent 65537.';
  if (usable === 0) {
    const message = `None of the ${total} keys can verify ${JWK_ALGORITHM}${list === '' ? '' : `: ${list}`}.`;
    return [
      error('keys_unusable', message, {
        impact: `${KEY_SET_IMPACT} ${rules}`,
        fix: "Ask GenAuth's support for a new signing key.",
      }),
    ];
  }
  if (unusable.length === 0) return [];
  const message = `${unusable.length} of the ${total} keys cannot verify ${JWK_ALGORITHM}: ${list}.`;
  return [
    warning('key_unusable', message, {
      impact: `Logins and guarded routes fail with tokens that such a key has signed. ${rules}`,
      fix: "Ask GenAuth's support to remove the key.",
    }),
  ];
}

function describeKey(context: Context, { kid, problem }: RefusedKey): string {
  return `kid ${context.quote(kid)} (${context.redact(problem)})`;
}
