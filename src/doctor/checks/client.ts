import { GenAuthError } from '../../core/errors.js';
import type { HttpAnswer } from '../../core/http/http.js';
import { MAX_ANSWER_BYTES } from '../../core/http/upstream.js';
import { buildClientProof } from '../../core/oidc/client-authentication.js';
import { PATHS, TOKEN_ENDPOINT_AUTH_METHODS, type TokenEndpointAuthMethod } from '../../core/wire/facts.js';
import { parseEnvelope, parseOidcError } from '../../core/wire/parse.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import type { Context } from '../context.js';
import { type Observation, error, ok, warning } from '../report.js';

/** A token that does not exist. GenAuth checks the application's proof before it looks for the token. */
const NO_TOKEN = 'passport-genauth-doctor';

/** Further endpoints where the application proves its identity. The console sets the method of each. */
const ENDPOINTS = [
  {
    path: PATHS.introspection,
    consolePage: CONSOLE_PAGES.introspectionAuthMethod,
    impact: 'Routes with @Introspect() fail.',
  },
  {
    path: PATHS.revocation,
    consolePage: CONSOLE_PAGES.revocationAuthMethod,
    impact: 'A logout cannot revoke its tokens.',
  },
] as const;

/**
 * Checks that GenAuth accepts the application's ID and secret with the configured method. The check refreshes a token
 * that does not exist, because lock-out and the audit log would count a sign-in.
 */
export async function checkClient(context: Context): Promise<Observation[]> {
  const { tokenEndpointAuthMethod: method, scope } = context.options;
  const refresh = { grant_type: 'refresh_token', refresh_token: NO_TOKEN };
  const verdict = await prove(context, PATHS.token, refresh, method);
  if (verdict.kind === 'refused') return [await explain(context, refresh)];
  if (verdict.kind === 'unclear') {
    return [
      warning('client_unclear', `${PATHS.token}: ${verdict.reason}`, {
        impact: 'It is not known whether GenAuth accepts the app secret.',
        fix: 'Try again. With --account NAME the sign-in shows it.',
      }),
    ];
  }
  const found = verdict.kind === 'no_grant' && scope.includes('offline_access') ? [NO_GRANT] : [];
  for (const { path, consolePage, impact } of ENDPOINTS) {
    if ((await prove(context, path, { token: NO_TOKEN }, method)).kind !== 'refused') continue;
    found.push(
      warning('client_method_differs', `GenAuth accepts ${method} at ${PATHS.token}, but refuses it at ${path}.`, {
        impact,
        consolePage,
        fix: `Choose ${method} on that page.`,
      }),
    );
  }
  return found.length > 0
    ? found
    : [ok('client', `GenAuth accepts the app's ID${method === 'none' ? '' : ' and secret'} (${method}).`)];
}

const LOGIN_FAILS = 'GenAuth refuses every login before it checks the password: each one fails with 500.';

/** Finds out whether the method is wrong or the ID and the secret are. */
async function explain(context: Context, form: Readonly<Record<string, string>>): Promise<Observation> {
  const { tokenEndpointAuthMethod: method, appId } = context.options;
  for (const other of TOKEN_ENDPOINT_AUTH_METHODS.filter((each) => each !== method)) {
    const { kind } = await prove(context, PATHS.token, form, other);
    if (kind !== 'proven' && kind !== 'no_grant') continue;
    return error('client_method_wrong', `GenAuth refuses the app with ${method}, but accepts ${other}.`, {
      impact: LOGIN_FAILS,
      consolePage: CONSOLE_PAGES.tokenAuthMethod,
      fix: context.line('tokenEndpointAuthMethod', other),
    });
  }
  const message = `GenAuth refuses app ${context.quote(appId)} with every method: its secret or its ID is wrong.`;
  return error('client_refused', message, {
    impact: LOGIN_FAILS,
    consolePage: CONSOLE_PAGES.endpoints,
    fix: context.line('appSecret', '<App secret>'),
  });
}

const NO_GRANT = warning(
  'refresh_grant_off',
  'The option scope has offline_access, but this application may not use refresh tokens.',
  {
    impact: 'A login cannot be renewed: client.refresh fails with 500.',
    consolePage: CONSOLE_PAGES.grants,
    fix: 'Tick refresh_token on that page, or remove offline_access from the option scope.',
  },
);

/** `no_grant`: GenAuth accepts the application, which may not use this grant. */
type Verdict = { kind: 'proven' | 'no_grant' | 'refused' } | { kind: 'unclear'; reason: string };

async function prove(
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
    return judge(context, answer);
  } catch (fault) {
    if (fault instanceof GenAuthError) return { kind: 'unclear', reason: context.describe(fault) };
    throw fault;
  }
}

/** Judges an answer. A refusal of the token or of the grant shows that GenAuth accepts the application. */
function judge(context: Context, { status, body }: HttpAnswer): Verdict {
  const code = parseOidcError(body);
  if (code === 'invalid_client') return { kind: 'refused' };
  if (code === 'unauthorized_client') return { kind: 'no_grant' };
  if (code !== undefined && status < 500) return { kind: 'proven' };
  const decisive = parseEnvelope(body)?.statusCode ?? status;
  if (decisive === 401) return { kind: 'refused' };
  if (decisive < 300) return { kind: 'proven' };
  const said = code === undefined ? '' : ` and ${context.quote(code)}`;
  return { kind: 'unclear', reason: `GenAuth answered HTTP ${status}${said}.` };
}
