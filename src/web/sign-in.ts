import type { GenAuthClient } from '../core/client.js';
import { ConfigurationError } from '../core/errors.js';
import type { GenAuthRequest, LoginFields } from '../core/options/types.js';
import type { GenAuthUser } from '../core/scopes.js';
import type { TokenSet } from '../core/sign-in/outcome.js';
import type { SignInOptions } from '../core/sign-in/sign-in-options.js';
import type { IdTokenClaims } from '../core/tokens/claims.js';
import { quote } from '../core/util/quote.js';
import { isRecord } from '../core/util/record.js';
import { resolveClientIp } from './client-address.js';
import type { LoginBody } from './login-body.js';
import { toRejectedError } from './refusal.js';

/**
 * `req.authInfo` after a login: what does not belong to `req.user`. Holds tokens: not for a log, not for an answer as
 * a whole.
 */
export interface SignInInfo {
  tokens: TokenSet;
  /** All claims of the verified id_token, also those that were not asked for. */
  claims: IdTokenClaims;
  /** GenAuth's ID for the sign-in. */
  requestId: string | undefined;
}

/**
 * Signs in by a request: credentials and captcha from its body, everything else from the server's side.
 *
 * @throws SignInRejectedError for every outcome but `success`; otherwise as `GenAuthClient.signIn`.
 */
export async function signInRequest<S extends string, ExtendedFields extends object>(
  client: GenAuthClient<S, ExtendedFields>,
  req: GenAuthRequest,
  parseLogin: (req: GenAuthRequest, fields: Readonly<LoginFields>) => LoginBody,
): Promise<{ user: GenAuthUser<S, ExtendedFields>; info: SignInInfo }> {
  const { options } = client;
  const { credentials, captcha } = parseLogin(req, options.fields);
  const clientIp = await wrapError('clientIp', () => resolveClientIp(client, req));
  const request = { ...buildDefaultContext(req), ...captcha, clientIp };
  const outcome = await client.signInRoute(credentials, { request, given: await callSignInOptions(client, req) });
  if (outcome.kind !== 'success') {
    throw toRejectedError(outcome, { options, acceptLanguage: req.headers['accept-language'] });
  }
  const { user, tokens, claims, requestId } = outcome;
  return { user: user as GenAuthUser<S, ExtendedFields>, info: { tokens, claims, requestId } };
}

/** The context of a sign-in whose `signInOptions` have none of their own. */
function buildDefaultContext({ headers }: GenAuthRequest): SignInOptions {
  const userAgent = headers['user-agent'];
  return typeof userAgent === 'string' && userAgent !== '' ? { context: { userAgent } } : {};
}

/** Calls the function `signInOptions`. An object is the client's own matter. */
async function callSignInOptions(
  { options: { signInOptions } }: Pick<GenAuthClient<string>, 'options'>,
  req: GenAuthRequest,
): Promise<SignInOptions> {
  if (typeof signInOptions !== 'function') return {};
  const made: unknown = await wrapError('signInOptions', async () => signInOptions(req));
  if (made === undefined) return {};
  if (isRecord(made)) return made;
  const [problem, fix] = [`returned ${quote(made)}`, 'return an object, { context: { source: "utm" } }'];
  throw new ConfigurationError('invalid_sign_in_options', `The option signInOptions ${problem}: ${fix}.`, {
    details: { mistakes: [{ option: 'signInOptions', problem, fix }] },
  });
}

/** An error of the application's own function is not the user's fault: the login fails with 500. */
async function wrapError<T>(option: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    const [problem, fix] = ['threw an error', 'see its cause'];
    throw new ConfigurationError('invalid_sign_in_options', `The option ${option} ${problem}; ${fix}.`, {
      cause,
      details: { mistakes: [{ option, problem, fix }] },
    });
  }
}
