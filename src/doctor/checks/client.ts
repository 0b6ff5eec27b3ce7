import { GenAuthError } from '../../core/errors.js';
import type { HttpAnswer } from '../../core/http/http.js';
import { buildClientProof } from '../../core/oidc/client-authentication.js';
import { isRecord } from '../../core/util/record.js';
import { PATHS, TOKEN_ENDPOINT_AUTH_METHODS, type TokenEndpointAuthMethod } from '../../core/wire/facts.js';
import { parseOidcError } from '../../core/wire/parse.js';
import type { Examination } from '../context.js';
import { type Observation, PAGES, error, ok, warning } from '../report.js';

const MAX_ANSWER_BYTES = 64 * 1024;
/** A token that nobody has: the application proves itself before anybody looks for it, and no person is concerned. */
const NO_TOKEN = 'passport-genauth-doctor';

/** The endpoints where the application proves who it is; the console sets the method of each. */
const ENDPOINTS = [
  {
    path: PATHS.introspection,
    page: PAGES.introspectionAuthMethod,
    why: 'Routes with @Introspect() fail.',
  },
  { path: PATHS.revocation, page: PAGES.revocationAuthMethod, why: 'A logout cannot revoke its tokens.' },
] as const;

/**
 * Whether GenAuth takes the application's id and secret, in the configured way. Asked at the token endpoint with a refresh token
 * that nobody has, since a sign-in with a made-up account would be a login attempt, which lock-out and the audit log count.
 */
export async function checkClient(x: Examination): Promise<Observation[]> {
  const { tokenEndpointAuthMethod: method } = x.options;
  const refresh = { grant_type: 'refresh_token', refresh_token: NO_TOKEN };
  const verdict = await prove(x, PATHS.token, refresh, method);
  if (verdict === 'refused') return [await explain(x, refresh)];
  if (!KNOWN.includes(verdict)) {
    return [
      warning('client_unclear', `${PATHS.token}: ${verdict}`, {
        why: 'Whether GenAuth takes the app secret could not be learnt.',
        mend: 'Try again; with --account the login tells.',
      }),
    ];
  }
  const found: Observation[] = verdict === 'no_grant' && x.options.scope.includes('offline_access') ? [NO_GRANT] : [];
  for (const { path, page, why } of ENDPOINTS) {
    if ((await prove(x, path, { token: NO_TOKEN }, method)) !== 'refused') continue;
    found.push(
      warning('client_method_differs', `GenAuth takes ${method} at ${PATHS.token}, and refuses it at ${path}.`, {
        why,
        page,
        mend: `Choose ${method} on that page.`,
      }),
    );
  }
  return found.length > 0
    ? found
    : [ok('client', `GenAuth takes the app's id${method === 'none' ? '' : ' and secret'} (${method}).`)];
}

/** The configured way was refused: is it the way, or what is sent? */
async function explain(x: Examination, form: Readonly<Record<string, string>>): Promise<Observation> {
  const { tokenEndpointAuthMethod: method, appId } = x.options;
  for (const other of TOKEN_ENDPOINT_AUTH_METHODS.filter((each) => each !== method)) {
    if (!KNOWN.includes(await prove(x, PATHS.token, form, other))) continue;
    return error('client_method_wrong', `GenAuth refuses the app with ${method}, and takes ${other}.`, {
      why: 'No login gets as far as the password: each one ends with 500.',
      page: PAGES.tokenAuthMethod,
      mend: x.line('tokenEndpointAuthMethod', other),
    });
  }
  return error(
    'client_refused',
    `GenAuth refuses app ${x.quote(appId)} in every way: its secret is wrong, or the id.`,
    {
      why: 'No login gets as far as the password: each one ends with 500.',
      page: PAGES.endpoints,
      mend: x.line('appSecret', '<App secret>'),
    },
  );
}

/** What is said to an application that GenAuth knows; the second, where it may not do what it asked for. */
const KNOWN: readonly string[] = ['proven', 'no_grant'];

const NO_GRANT = warning(
  'refresh_grant_off',
  'This application may not use refresh tokens, and scope has offline_access.',
  {
    why: 'A login cannot be renewed: client.refresh ends with 500.',
    page: PAGES.grants,
    mend: 'Tick refresh_token on that page, or take offline_access out of the option scope.',
  },
);

/** One of `KNOWN`, `refused`, or why neither can be said. */
async function prove(
  x: Examination,
  path: string,
  form: Readonly<Record<string, string>>,
  method: TokenEndpointAuthMethod,
): Promise<string> {
  const { appId } = x.options;
  try {
    const secret = method === 'none' ? undefined : await x.appSecret.get();
    x.hide(secret);
    if (method !== 'none' && secret === undefined) return 'refused';
    const proof = buildClientProof({ appId, tokenEndpointAuthMethod: method }, secret, 'form');
    const answer = await x.http.request({
      method: 'POST',
      path,
      headers: proof.headers,
      form: { ...form, ...proof.members },
      maxBytes: MAX_ANSWER_BYTES,
    });
    return judge(x, answer);
  } catch (fault) {
    if (fault instanceof GenAuthError) return x.describe(fault);
    throw fault;
  }
}

/** Whatever GenAuth says of the token, or of the grant, it says to an application that it knows. */
function judge(x: Examination, { status, body }: HttpAnswer): string {
  const code = parseOidcError(body);
  if (code === 'invalid_client') return 'refused';
  if (code === 'unauthorized_client') return 'no_grant';
  if (code !== undefined && status < 500) return 'proven';
  const inner = isRecord(body) && typeof body['statusCode'] === 'number' ? body['statusCode'] : status;
  if (inner === 401) return 'refused';
  return inner < 300
    ? 'proven'
    : `GenAuth answered HTTP ${status}${code === undefined ? '' : ` and ${x.quote(code)}`}.`;
}
