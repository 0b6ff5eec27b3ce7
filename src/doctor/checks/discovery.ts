import { ConfigurationError, GenAuthError } from '../../core/errors.js';
import type { HttpAnswer } from '../../core/http/http.js';
import { MAX_DOCUMENT_BYTES, MAX_WAIT_MS, isDown } from '../../core/http/upstream.js';
import {
  type DiscoveryDocument,
  isSharedHost,
  parseDiscoveryDocument,
  toKeySetPath,
} from '../../core/tokens/discovery.js';
import { isRecord } from '../../core/util/record.js';
import { PATHS, buildAppPath } from '../../core/wire/facts.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import type { Context } from '../context.js';
import { type Observation, error, ok, warning } from '../report.js';
import { KEY_SET_IMPACT } from './keys.js';

/**
 * Compares the discovery document with the options: issuer, address of the key set, algorithms of id_tokens, and
 * scopes.
 */
export async function checkDiscovery(context: Context): Promise<Observation[]> {
  const { appHost, appId, jwksUri } = context.options;
  const problems: string[] = [];
  let document: DiscoveryDocument | undefined;
  for (const path of [PATHS.discovery, buildAppPath(appId, PATHS.discovery)]) {
    try {
      const answer = await context.http.request({
        method: 'GET',
        path,
        maxBytes: MAX_DOCUMENT_BYTES,
        timeout: MAX_WAIT_MS,
      });
      if (isDown(answer.status)) return [unusable(`GenAuth answered ${path} with HTTP ${answer.status}.`)];
      document = parseDiscoveryDocument(answer, context.options);
      if (document !== undefined) break;
      problems.push(`${path}: HTTP ${answer.status}${describeIssuer(context, answer)}`);
    } catch (fault) {
      if (!(fault instanceof GenAuthError)) throw fault;
      if (fault instanceof ConfigurationError) return [reportIssuer(context, fault.details.actual)];
      if (fault.code !== 'upstream_invalid_response') return [unusable(context.describe(fault))];
      problems.push(`${path}: ${context.describe(fault)}`);
    }
  }
  if (document === undefined) {
    return [
      warning('discovery_missing', `${appHost} has no discovery document (${problems.join('; ')}).`, {
        impact: 'Logins still work if the key set is at a documented address. The issuer was not checked.',
        consolePage: CONSOLE_PAGES.endpoints,
        fix: isSharedHost(context.options)
          ? 'Compare issuer with the claim iss of the tokens. Remove issuer if several tenants do not share appHost.'
          : `Set ${context.setting('appHost', 'https://<app>.genauth.ai')}`,
      }),
    ];
  }
  context.discovery = document;
  if (jwksUri === undefined) {
    try {
      toKeySetPath(document, context.options);
    } catch (fault) {
      if (!(fault instanceof ConfigurationError)) throw fault;
      return [reportForeignKeySet(context, document['jwks_uri'])];
    }
  }
  const found = [...findAlgorithmNotOffered(context), ...findScopesNotOffered(context)];
  return found.length > 0
    ? found
    : [ok('discovery', `The issuer is ${String(document['issuer'])}, as the options expect.`)];
}

function describeIssuer(context: Context, { status, body }: HttpAnswer): string {
  if (status !== 200) return '';
  const issuer = isRecord(body) ? body['issuer'] : undefined;
  return issuer === undefined ? ' without an issuer' : ` with the issuer ${context.quote(issuer)}`;
}

function reportIssuer(context: Context, actual: unknown): Observation {
  const { appHost, issuer } = context.options;
  const shown = context.quote(actual);
  const message = `The issuer of ${appHost} is ${shown}, but the options expect ${listIssuers(issuer)}.`;
  return error('issuer_mismatch', message, {
    impact: 'Logins and guarded routes fail, because the library refuses tokens of another issuer.',
    consolePage: CONSOLE_PAGES.endpoints,
    fix: `If appHost is right, set ${context.proposal('issuer', actual, '<issuer>')}`,
  });
}

function reportForeignKeySet(context: Context, address: unknown): Observation {
  const actual = context.quote(address);
  const { appHost } = context.options;
  return error(
    'jwks_uri_foreign',
    `The key set in the discovery document is at ${actual}, which is not on ${appHost}.`,
    {
      impact:
        'The library does not use keys of another host, because that host could then sign in as any user. ' +
        KEY_SET_IMPACT,
      fix: `If this host is right, set ${context.proposal('jwksUri', address, 'https://<host>/<path of the key set>')}`,
    },
  );
}

function listIssuers(issuers: readonly string[]): string {
  return issuers.map((issuer) => `"${issuer}"`).join(' or ');
}

function unusable(message: string): Observation {
  return error('discovery_unusable', message, {
    impact: `Without an answer and without the option jwksUri, the key set cannot be found. ${KEY_SET_IMPACT}`,
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
      fix: offered.includes('RS256')
        ? `Set ${context.setting('idTokenSignedResponseAlg', 'RS256')}`
        : `Choose ${expected} on the console page.`,
    }),
  ];
}

function findScopesNotOffered(context: Context): Observation[] {
  const offered = context.discovery?.['scopes_supported'];
  const { scope } = context.options;
  const unknown = scope.filter((name) => Array.isArray(offered) && !offered.includes(name));
  if (unknown.length === 0) return [];
  const known = scope.filter((name) => name === 'openid' || !unknown.includes(name));
  return [
    warning('scope_unknown', `GenAuth does not list ${unknown.join(', ')} among its scopes.`, {
      impact:
        'Logins work, but an unknown scope brings no claims. ' +
        'A scope of your own API resource works without being listed.',
      consolePage: CONSOLE_PAGES.scopes,
      fix: `Set ${context.setting('scope', known.join(' '))}`,
    }),
  ];
}
