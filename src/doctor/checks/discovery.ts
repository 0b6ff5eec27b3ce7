import { GenAuthError } from '../../core/errors.js';
import type { HttpAnswer } from '../../core/http/http.js';
import { MAX_DOCUMENT_BYTES, MAX_WAIT_MS } from '../../core/http/upstream.js';
import { isRecord } from '../../core/util/record.js';
import { PATHS } from '../../core/wire/facts.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import type { Context } from '../context.js';
import { type Observation, error, ok, warning } from '../report.js';
import { KEY_SET_IMPACT } from './keys.js';

/**
 * Compares the discovery document with the options: issuer, address of the key set, algorithms of id_tokens, and
 * scopes.
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
        impact: 'Logins still work if the key set is at a documented address. The issuer was not checked.',
        consolePage: CONSOLE_PAGES.endpoints,
        fix: `Set ${context.setting('appHost', 'https://<app>.genauth.ai')}`,
      }),
    ];
  }
  if (status !== 200 || !isRecord(body)) {
    const problem = isRecord(body) ? '' : ' and no JSON object';
    return [unusable(`The request for the discovery document was answered with HTTP ${status}${problem}.`)];
  }
  if (!(issuer as readonly unknown[]).includes(body['issuer'])) {
    const actual = context.quote(body['issuer']);
    return [
      error(
        'issuer_mismatch',
        `The issuer of ${appHost} is ${actual}, but the options expect ${listIssuers(issuer)}.`,
        {
          impact: 'Logins and guarded routes fail, because the library refuses tokens of another issuer.',
          consolePage: CONSOLE_PAGES.endpoints,
          fix: `If appHost is right, set ${context.setting('issuer', context.literal(body['issuer'], '<issuer>'))}`,
        },
      ),
    ];
  }
  context.discovery = body;
  const address = body['jwks_uri'];
  const isOnAppHost = typeof address === 'string' && URL.canParse(address) && new URL(address).origin === appHost;
  if (!isOnAppHost && jwksUri === undefined) {
    const actual = context.quote(address);
    return [
      error('jwks_uri_foreign', `The key set in the discovery document is at ${actual}, which is not on ${appHost}.`, {
        impact:
          'The library does not use keys of another host, because that host could then sign in as any user. ' +
          KEY_SET_IMPACT,
        fix: `If this address is right, set ${context.setting('jwksUri', context.literal(address, '<address>'))}`,
      }),
    ];
  }
  const found = [...findAlgorithmNotOffered(context), ...findScopesNotOffered(context)];
  return found.length > 0
    ? found
    : [ok('discovery', `The issuer is ${String(body['issuer'])}, as the options expect.`)];
}

function listIssuers(issuers: readonly string[]): string {
  return issuers.map((issuer) => `"${issuer}"`).join(' or ');
}

function unusable(message: string): Observation {
  return error('discovery_unusable', message, {
    impact: `Without this document and without the option jwksUri, the key set cannot be found. ${KEY_SET_IMPACT}`,
    consolePage: CONSOLE_PAGES.endpoints,
    fix: 'Compare appHost with the console. If it is right, GenAuth is down: try again later.',
  });
}

function findAlgorithmNotOffered(context: Context): Observation[] {
  const offered = context.discovery?.['id_token_signing_alg_values_supported'];
  const expected = context.options.idTokenSignedResponseAlg;
  if (!Array.isArray(offered) || offered.includes(expected)) return [];
  const message = `GenAuth signs id_tokens only with ${context.quote(offered)}, but the options expect ${expected}.`;
  return [
    warning('algorithm_not_offered', message, {
      impact: 'The library refuses an id_token with another algorithm. Every login fails with HTTP 502.',
      consolePage: CONSOLE_PAGES.idTokenAlgorithm,
      fix: `Choose RS256 on the console page, and set ${context.setting('idTokenSignedResponseAlg', 'RS256')}`,
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
      impact:
        'Logins work, but an unknown scope brings no claims. ' +
        'A scope of your own API resource works without being listed.',
      consolePage: CONSOLE_PAGES.scopes,
      fix: `Set ${context.setting('scope', scope.filter((name) => !unknown.includes(name)).join(' '))}`,
    }),
  ];
}
