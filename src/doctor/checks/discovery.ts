import { GenAuthError } from '../../core/errors.js';
import type { HttpAnswer } from '../../core/http/http.js';
import { MAX_DOCUMENT_BYTES, MAX_WAIT_MS } from '../../core/http/upstream.js';
import { isRecord } from '../../core/util/record.js';
import { PATHS } from '../../core/wire/facts.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import type { Context } from '../context.js';
import { type Observation, error, ok, warning } from '../report.js';

/**
 * Compares the discovery document with the options: the issuer, the address of the keys, the algorithms, the scopes.
 */
export async function checkDiscovery(context: Context): Promise<Observation[]> {
  const { appHost, issuer, jwksUri } = context.options;
  let answer: HttpAnswer;
  try {
    answer = await context.http.request({
      method: 'GET',
      path: PATHS.discovery,
      maxBytes: MAX_DOCUMENT_BYTES,
      timeout: MAX_WAIT_MS,
    });
  } catch (fault) {
    if (!(fault instanceof GenAuthError)) throw fault;
    return [unusable(context.describe(fault))];
  }
  const { status, body } = answer;
  if (status === 404) {
    return [
      warning('discovery_missing', `${appHost} has no discovery document (HTTP 404).`, {
        impact: 'The library then uses the documented addresses of the key set. The issuer was not checked.',
        consolePage: CONSOLE_PAGES.endpoints,
        fix: context.line('appHost', 'https://<app>.genauth.ai'),
      }),
    ];
  }
  if (status !== 200 || !isRecord(body)) {
    const problem = isRecord(body) ? '' : ' and no JSON object';
    return [unusable(`The discovery document was answered with HTTP ${status}${problem}.`)];
  }
  if (body['issuer'] !== issuer) {
    const actual = context.quote(body['issuer']);
    return [
      error('issuer_mismatch', `The issuer of ${appHost} is ${actual}, but the options expect "${issuer}".`, {
        impact: 'Every token names its issuer, and tokens of another issuer are refused.',
        consolePage: CONSOLE_PAGES.endpoints,
        fix: context.line('issuer', context.literal(body['issuer'], '<issuer>')),
      }),
    ];
  }
  context.discovery = body;
  const address = body['jwks_uri'];
  const isOurs = typeof address === 'string' && URL.canParse(address) && new URL(address).origin === appHost;
  if (!isOurs && jwksUri === undefined) {
    const actual = context.quote(address);
    return [
      error('jwks_uri_foreign', `The key set in the discovery document is at ${actual}, which is not on ${appHost}.`, {
        impact: 'Keys of another host would let that host sign users in, so they are not used.',
        fix: context.line('jwksUri', context.literal(address, '<address>')),
      }),
    ];
  }
  const found = [...findAlgorithmNotOffered(context), ...findScopesNotOffered(context)];
  return found.length > 0 ? found : [ok('discovery', `The issuer is ${issuer}, as expected.`)];
}

function unusable(message: string): Observation {
  return error('discovery_unusable', message, {
    impact: 'Without this document the address of the keys is not known, and no token can be verified.',
    consolePage: CONSOLE_PAGES.endpoints,
    fix: "Correct appHost if it is not the application's own address. Otherwise GenAuth is down: try again later.",
  });
}

function findAlgorithmNotOffered(context: Context): Observation[] {
  const offered = context.discovery?.['id_token_signing_alg_values_supported'];
  const expected = context.options.idTokenSignedResponseAlg;
  if (!Array.isArray(offered) || offered.includes(expected)) return [];
  const message = `GenAuth signs id_tokens with ${context.quote(offered)}, but the options expect ${expected}.`;
  return [
    warning('algorithm_not_offered', message, {
      impact: 'An id_token with another algorithm is refused, and every login fails with 502.',
      consolePage: CONSOLE_PAGES.idTokenAlgorithm,
      fix: context.line('idTokenSignedResponseAlg', 'RS256'),
    }),
  ];
}

function findScopesNotOffered(context: Context): Observation[] {
  const offered = context.discovery?.['scopes_supported'];
  const { scope } = context.options;
  const unknown = scope.filter((name) => Array.isArray(offered) && !offered.includes(name));
  if (unknown.length === 0) return [];
  return [
    warning('scope_unknown', `GenAuth does not list ${unknown.join(', ')} among its scopes.`, {
      impact: 'An unknown scope brings no claims. A scope of your own API resource need not be listed.',
      consolePage: CONSOLE_PAGES.scopes,
      fix: context.line('scope', scope.filter((name) => !unknown.includes(name)).join(' ')),
    }),
  ];
}
