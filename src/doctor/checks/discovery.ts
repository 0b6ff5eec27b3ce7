import { GenAuthError } from '../../core/errors.js';
import { isRecord } from '../../core/util/record.js';
import { PATHS } from '../../core/wire/facts.js';
import type { Examination } from '../context.js';
import { type Observation, PAGES, error, ok, warning } from '../report.js';

const MAX_DOCUMENT_BYTES = 256 * 1024;

/** Whether discovery speaks for the issuer that is expected, and offers what the options ask for. */
export async function checkDiscovery(x: Examination): Promise<Observation[]> {
  const { appHost, issuer, jwksUri } = x.options;
  let answer;
  try {
    answer = await x.http.request({ method: 'GET', path: PATHS.discovery, maxBytes: MAX_DOCUMENT_BYTES });
  } catch (fault) {
    if (!(fault instanceof GenAuthError)) throw fault;
    return [unusable(x.describe(fault))];
  }
  const { status, body } = answer;
  if (status === 404) {
    return [
      warning('discovery_missing', `${appHost} has no discovery document (HTTP 404).`, {
        why: 'The keys are then looked for at their documented addresses; the issuer cannot be compared.',
        page: PAGES.endpoints,
        mend: x.line('appHost', 'https://<app>.genauth.ai'),
      }),
    ];
  }
  if (status !== 200 || !isRecord(body)) {
    return [
      unusable(
        `The discovery document was answered with HTTP ${status}${isRecord(body) ? '' : ' and no JSON object'}.`,
      ),
    ];
  }
  if (body['issuer'] !== issuer) {
    return [
      error(
        'issuer_mismatch',
        `${appHost} says its issuer is ${x.quote(body['issuer'])}, the options expect ${x.quote(issuer)}.`,
        {
          why: 'Every token carries its issuer, and tokens of another one are refused.',
          page: PAGES.endpoints,
          mend: x.line(
            'issuer',
            typeof body['issuer'] === 'string' ? x.quote(body['issuer']).slice(1, -1) : '<issuer>',
          ),
        },
      ),
    ];
  }
  x.discovery = body;
  const address = body['jwks_uri'];
  const isOurs = typeof address === 'string' && URL.canParse(address) && new URL(address).origin === appHost;
  if (!isOurs && jwksUri === undefined) {
    return [
      error(
        'jwks_uri_foreign',
        `Discovery says that the keys are at ${x.quote(address)}, which is not on ${appHost}.`,
        {
          why: 'Keys of another host would let that host sign people in.',
          mend: x.line('jwksUri', typeof address === 'string' ? x.quote(address).slice(1, -1) : '<address>'),
        },
      ),
    ];
  }
  const found = [...findAlgorithmNotOffered(x), ...findScopesNotOffered(x)];
  return found.length > 0 ? found : [ok('discovery', `The issuer is ${issuer}, as expected.`)];
}

function unusable(seen: string): Observation {
  return error('discovery_unusable', seen, {
    why: 'Without it the address of the keys is not known: no token can be verified.',
    page: PAGES.endpoints,
    mend: "Correct appHost if it is not the application's own address; else GenAuth is down: try again.",
  });
}

function findAlgorithmNotOffered(x: Examination): Observation[] {
  const offered = x.discovery?.['id_token_signing_alg_values_supported'];
  const wanted = x.options.idTokenSignedResponseAlg;
  if (!Array.isArray(offered) || offered.includes(wanted)) return [];
  return [
    warning(
      'algorithm_not_offered',
      `GenAuth signs id_tokens with ${x.quote(offered)}, the options expect ${wanted}.`,
      {
        why: 'An id_token with another algorithm is refused: every login ends with 502.',
        page: PAGES.idTokenAlgorithm,
        mend: x.line('idTokenSignedResponseAlg', 'RS256'),
      },
    ),
  ];
}

function findScopesNotOffered(x: Examination): Observation[] {
  const offered = x.discovery?.['scopes_supported'];
  const unknown = x.options.scope.filter((name) => Array.isArray(offered) && !offered.includes(name));
  if (unknown.length === 0) return [];
  return [
    warning('scope_unknown', `GenAuth does not list ${unknown.join(', ')} among its scopes.`, {
      why: 'A scope that is not there brings no claims; one of an API resource of yours need not be listed.',
      page: PAGES.scopes,
      mend: x.line('scope', x.options.scope.filter((name) => !unknown.includes(name)).join(' ')),
    }),
  ];
}
