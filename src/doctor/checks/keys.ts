import { createPublicKey } from 'node:crypto';
import { KeySetSource } from '../../core/tokens/key-set-source.js';
import { ConfigurationError, GenAuthError } from '../../core/errors.js';
import { Http } from '../../core/http/http.js';
import { JWK_ALGORITHM } from '../../core/tokens/jwk.js';
import { Jwks } from '../../core/tokens/jwks.js';
import { isRecord } from '../../core/util/record.js';
import { PATHS, buildAppJwksPath } from '../../core/wire/facts.js';
import type { Examination } from '../context.js';
import { type Observation, error, ok, warning } from '../report.js';

const MAX_DOCUMENT_BYTES = 256 * 1024;
const MAX_SHOWN_KEYS = 20;

/** The key set as the library gets it, every other address where it might be, and each key in it. */
export async function checkKeys(x: Examination): Promise<Observation[]> {
  const algorithms = [JWK_ALGORITHM];
  const addresses = await findAddresses(x);
  const source = new KeySetSource(x.options, x.http);
  try {
    const found = await judgeKeys(x, await source.requestKeySet(), algorithms);
    if (found.length > 0) return found;
    const places = addresses.filter(({ keySet }) => keySet !== undefined).map(({ url }) => new URL(url).pathname);
    return [ok('keys', `Every key can verify ${algorithms.join(' or ')}; the key set is at ${places.join(' and ')}.`)];
  } catch (fault) {
    if (!(fault instanceof GenAuthError)) throw fault;
    return [explain(x, fault, addresses)];
  } finally {
    source.close();
  }
}

interface Address {
  url: string;
  keySet: Readonly<Record<string, unknown>> | undefined;
}

/** By option, by discovery, as documented, and with the application's id. */
async function findAddresses(x: Examination): Promise<Address[]> {
  const { appHost, appId, jwksUri } = x.options;
  const said = x.discovery?.['jwks_uri'];
  const places = [jwksUri, said, appHost + PATHS.jwks, appHost + buildAppJwksPath(appId)];
  const urls = places.filter((place): place is string => typeof place === 'string' && URL.canParse(place));
  return Promise.all([...new Set(urls)].map(async (url) => ({ url, keySet: await requestKeySet(x, new URL(url)) })));
}

async function requestKeySet(x: Examination, { origin, pathname, search }: URL): Promise<Address['keySet']> {
  const { appHost, timeout, ca, proxy } = x.options;
  // Nobody but who is configured is asked: what discovery says of other hosts may lead anywhere.
  if (origin !== appHost && origin !== new URL(x.options.jwksUri ?? appHost).origin) return undefined;
  const http = new Http({ origin, timeout, ca, proxy });
  try {
    const { status, body } = await http.request({
      method: 'GET',
      path: pathname + search,
      maxBytes: MAX_DOCUMENT_BYTES,
    });
    return status === 200 && isRecord(body) && Array.isArray(body['keys']) ? body : undefined;
  } catch (fault) {
    if (fault instanceof GenAuthError || fault instanceof TypeError) return undefined;
    throw fault;
  } finally {
    http.close();
  }
}

function explain(x: Examination, fault: GenAuthError, addresses: readonly Address[]): Observation {
  const working = addresses.find(({ keySet }) => keySet !== undefined);
  // Discovery has said so already, and the address is not what is wrong.
  const isDiscovery = fault instanceof ConfigurationError;
  const elsewhere = working === undefined ? 'It is nowhere else' : `The key set is at ${working.url}`;
  return error('jwks_unusable', `${isDiscovery ? 'The key set cannot be had.' : x.describe(fault)} ${elsewhere}.`, {
    why: 'No token can be verified: every login and every guarded route fails.',
    mend: isDiscovery || working === undefined ? 'Mend discovery and appHost first.' : x.line('jwksUri', working.url),
  });
}

/** What is wrong with the keys; nothing, if each can verify. The verdict on a key is the library's own. */
async function judgeKeys(x: Examination, document: unknown, algorithms: readonly string[]): Promise<Observation[]> {
  const keys: unknown[] = isRecord(document) && Array.isArray(document['keys']) ? document['keys'] : [];
  const unusable: string[] = [];
  let usable = 0;
  for (const key of keys) {
    if (await canVerify(x, key)) usable += 1;
    else if (isMeantForTokens(key, algorithms)) unusable.push(describeKey(x, key));
  }
  const list = unusable.slice(0, MAX_SHOWN_KEYS).join('; ');
  if (usable === 0) {
    return [
      error(
        'keys_unusable',
        `None of the ${keys.length} keys can verify ${algorithms.join(' or ')}${list === '' ? '' : `: ${list}`}.`,
        {
          why: 'Every login and every guarded route fails. RSA keys must have 2048 to 8192 bits, exponent 65537, and a kid.',
          mend: 'Ask GenAuth for a new signing key, or set the algorithm that the tenant signs with.',
        },
      ),
    ];
  }
  if (unusable.length === 0) return [];
  return [
    warning(
      'key_unusable',
      `${unusable.length} of the ${keys.length} keys cannot verify ${algorithms.join(' or ')}: ${list}.`,
      {
        why: 'Tokens that such a key signs are refused. RSA keys must have 2048 to 8192 bits, exponent 65537, and a kid.',
        mend: 'Ask GenAuth to retire it.',
      },
    ),
  ];
}

async function canVerify(x: Examination, key: unknown): Promise<boolean> {
  const jwks = new Jwks({
    ...x.options.jwks,
    requestKeySet: () => Promise.resolve({ keys: [key] }),
    now: x.settings.now,
  });
  return jwks.warmUp().then(
    () => true,
    () => false,
  );
}

/** Keys for encryption and of other algorithms stand in key sets too. */
function isMeantForTokens(key: unknown, algorithms: readonly string[]): boolean {
  if (!isRecord(key) || key['use'] === 'enc') return false;
  return key['alg'] === undefined || algorithms.some((algorithm) => algorithm === key['alg']);
}

function describeKey(x: Examination, key: unknown): string {
  const { kid, kty } = isRecord(key) ? key : {};
  return `${x.quote(kid)} (${x.quote(kty)}${describeSize(key)})`;
}

function describeSize(key: unknown): string {
  try {
    const { modulusLength, publicExponent, namedCurve } =
      createPublicKey({ key: key as never, format: 'jwk' }).asymmetricKeyDetails ?? {};
    return modulusLength === undefined ? `, ${namedCurve}` : `, ${modulusLength} bits, exponent ${publicExponent}`;
  } catch {
    return ', no key';
  }
}
