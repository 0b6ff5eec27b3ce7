import { GenAuthError } from '../../core/errors.js';
import type { HttpAnswer } from '../../core/http/http.js';
import { MAX_ANSWER_BYTES } from '../../core/http/upstream.js';
import { buildClientProof } from '../../core/oidc/client-authentication.js';
import { PATHS, TOKEN_ENDPOINT_AUTH_METHODS, type TokenEndpointAuthMethod } from '../../core/wire/facts.js';
import { parseEnvelope, parseOidcError } from '../../core/wire/parse.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import type { Context } from '../context.js';
import { type Observation, error, ok, warning } from '../report.js';

/** A token that does not exist. GenAuth authenticates the application before it searches for the token. */
const NO_TOKEN = 'passport-genauth-doctor';

/**
 * The endpoints that authenticate the application, in addition to the token endpoint. For each endpoint the console has
 * a separate setting of the authentication method.
 */
const ENDPOINTS = [
  {
    path: PATHS.introspection,
    consolePage: CONSOLE_PAGES.introspectionAuthMethod,
    impact: 'Logins work, but routes with @Introspect() fail.',
  },
  {
    path: PATHS.revocation,
    consolePage: CONSOLE_PAGES.revocationAuthMethod,
    impact: 'Logins work, but a logout cannot revoke its tokens.',
  },
] as const;

/**
 * Checks that GenAuth accepts the application ID and the application secret with the configured authentication method.
 * The check sends a refresh request with a token that does not exist. It makes no sign-in, because a sign-in would
 * count towards the lock-out of an account and would appear in the audit log.
 */
export async function checkClient(context: Context): Promise<Observation[]> {
  const { tokenEndpointAuthMethod: method, scope } = context.options;
  const refresh = { grant_type: 'refresh_token', refresh_token: NO_TOKEN };
  const verdict = await authenticate(context, PATHS.token, refresh, method);
  if (verdict.kind === 'refused') return [await explain(context, refresh)];
  if (verdict.kind === 'unclear') {
    return [
      warning('client_unclear', `The check at ${PATHS.token} failed: ${verdict.reason}`, {
        impact: 'It is not known whether GenAuth accepts the application. If it does not, every login fails.',
        fix: 'Run the doctor again. A sign-in with --account NAME also shows whether GenAuth accepts the application.',
      }),
    ];
  }
  const found = verdict.kind === 'no_grant' && scope.includes('offline_access') ? [NO_GRANT] : [];
  for (const { path, consolePage, impact } of ENDPOINTS) {
    if ((await authenticate(context, path, { token: NO_TOKEN }, method)).kind !== 'refused') continue;
    found.push(
      warning('client_method_differs', `GenAuth accepts ${method} at ${PATHS.token}, but refuses it at ${path}.`, {
        impact,
        consolePage,
        fix: `Choose ${method} on the console page.`,
      }),
    );
  }
  return found.length > 0
    ? found
    : [ok('client', `GenAuth accepts the application's ID${method === 'none' ? '' : ' and secret'} (${method}).`)];
}

const LOGIN_FAILS = 'GenAuth refuses every login before it checks the password. Each login fails with HTTP 500.';

/**
 * Finds out why GenAuth refuses the application. The authentication method is wrong, or the application ID or the
 * application secret is wrong.
 */
async function explain(context: Context, form: Readonly<Record<string, string>>): Promise<Observation> {
  const { tokenEndpointAuthMethod: method, appId } = context.options;
  for (const other of TOKEN_ENDPOINT_AUTH_METHODS.filter((each) => each !== method)) {
    const { kind } = await authenticate(context, PATHS.token, form, other);
    if (kind !== 'accepted' && kind !== 'no_grant') continue;
    const removal = context.accepts('tokenEndpointAuthMethod', other) ? '' : ', and remove the app secret';
    return error(
      'client_method_wrong',
      `GenAuth refuses the application with ${method}, but accepts it with ${other}.`,
      {
        impact: LOGIN_FAILS,
        consolePage: CONSOLE_PAGES.tokenAuthMethod,
        fix: `Set ${context.setting('tokenEndpointAuthMethod', other)}${removal}`,
      },
    );
  }
  if (method === 'none') {
    const message = `GenAuth refuses the application ${context.quote(appId)} without a secret (none).`;
    const secret = context.setting('appSecret', '<App secret>');
    return error('client_refused', message, {
      impact: LOGIN_FAILS,
      consolePage: CONSOLE_PAGES.tokenAuthMethod,
      fix:
        `Compare the App ID and the method with the console. If the application has a secret, set ${secret}, ` +
        `and set ${context.setting('tokenEndpointAuthMethod', 'client_secret_post')}`,
    });
  }
  const message =
    `GenAuth refuses the application ${context.quote(appId)} with every authentication method. ` +
    'Its App ID or its app secret is wrong.';
  return error('client_refused', message, {
    impact: LOGIN_FAILS,
    consolePage: CONSOLE_PAGES.endpoints,
    fix: `Compare the App ID with the console. If it is right, set ${context.setting('appSecret', '<App secret>')}`,
  });
}

const NO_GRANT = warning(
  'refresh_grant_off',
  'The option scope has offline_access, but this application may not use refresh tokens.',
  {
    impact: 'Users can sign in, but a login cannot be renewed: client.refresh fails with HTTP 500.',
    consolePage: CONSOLE_PAGES.grants,
    fix: 'Select refresh_token on the console page, or remove offline_access from the option scope.',
  },
);

/**
 * The result of a request to GenAuth:
 *
 * - `accepted`: GenAuth accepts the application.
 * - `no_grant`: GenAuth accepts the application, but the application may not use this grant type.
 * - `refused`: GenAuth refuses the application.
 * - `unclear`: GenAuth's response does not show whether GenAuth accepts the application.
 */
type Verdict = { kind: 'accepted' | 'no_grant' | 'refused' } | { kind: 'unclear'; reason: string };

/** Sends a request with the application ID and the application secret, and judges GenAuth's response. */
async function authenticate(
  context: Context,
  path: string,
  form: Readonly<Record<string, string>>,
  method: TokenEndpointAuthMethod,
): Promise<Verdict> {
  const { appId } = context.options;
  try {
    const secret = method === 'none' ? undefined : await context.appSecret.get();
    context.hide(secret);
    if (method !== 'none' && secret === undefined) return { kind: 'refused' };
    const proof = buildClientProof({ appId, tokenEndpointAuthMethod: method }, secret, 'form');
    const answer = await context.http.request({
      method: 'POST',
      path,
      headers: proof.headers,
      form: { ...form, ...proof.members },
      maxBytes: MAX_ANSWER_BYTES,
    });
    return judgeAnswer(context, answer);
  } catch (fault) {
    if (fault instanceof GenAuthError) return { kind: 'unclear', reason: context.describe(fault) };
    throw fault;
  }
}

/** Judges GenAuth's response. If GenAuth refuses only the token or the grant type, it has accepted the application. */
function judgeAnswer(context: Context, { status, body }: HttpAnswer): Verdict {
  const code = parseOidcError(body);
  if (code === 'invalid_client') return { kind: 'refused' };
  if (code === 'unauthorized_client') return { kind: 'no_grant' };
  if (code !== undefined && status < 500) return { kind: 'accepted' };
  const decisive = parseEnvelope(body)?.statusCode ?? status;
  if (decisive === 401) return { kind: 'refused' };
  if (decisive < 300) return { kind: 'accepted' };
  const suffix = code === undefined ? '' : ` and error ${context.quote(code)}`;
  return { kind: 'unclear', reason: `GenAuth answered HTTP ${status}${suffix}.` };
}
