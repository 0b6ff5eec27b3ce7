import type { GenAuthClient } from '../core/client.js';
import { ConfigurationError, buildCallbackTimeout, describeMistake } from '../core/errors.js';
import type { GenAuthHttpRequest, GenAuthRequest, LoginFields } from '../core/options/types.js';
import type { GenAuthUser } from '../core/scopes.js';
import type { TokenSet } from '../core/sign-in/outcome.js';
import { type SignInOptions, findSignInOptionsMistakes } from '../core/sign-in/sign-in-options.js';
import type { IdTokenClaims } from '../core/tokens/claims.js';
import { Deadline } from '../core/util/deadline.js';
import { quote } from '../core/util/quote.js';
import { isRecord } from '../core/util/record.js';
import { resolveClientIp } from './client-address.js';
import type { LoginBody } from './login-body.js';
import { toRejectedError } from './refusal.js';

/**
 * The value of `req.authInfo` after a login. It contains tokens: do not log it, and do not send the whole object in a
 * response.
 */
export interface SignInInfo {
  /** The tokens that GenAuth issued for this sign-in. */
  tokens: TokenSet;
  /** All claims of the verified id_token, including the claims of scopes that were not requested. */
  claims: IdTokenClaims;
  /**
   * The request ID of GenAuth's response to the sign-in, or `undefined` if GenAuth sent none. Give this ID to GenAuth's
   * support if you report a problem.
   */
  requestId: string | undefined;
}

/**
 * Signs in the user of a login request. Only the credentials and the captcha are read from the request body. The
 * application's server determines the IP address of the end user, the context and all other sign-in options.
 *
 * @throws SignInRejectedError if the outcome of the sign-in is not `success`.
 * @throws RequestError, UpstreamError and ConfigurationError in the same cases as `GenAuthClient.signIn`.
 */
export async function signInRequest<S extends string, ExtendedFields extends object>(
  client: GenAuthClient<S, ExtendedFields>,
  req: GenAuthRequest,
  parseLogin: (req: GenAuthRequest, fields: Readonly<LoginFields>) => LoginBody,
): Promise<{ user: GenAuthUser<S, ExtendedFields>; info: SignInInfo }> {
  const { options } = client;
  const { credentials, captcha } = parseLogin(req, options.fields);
  const deadline = new Deadline(options.timeout);
  const wait = <T>(option: string, pending: Promise<T>): Promise<T> =>
    deadline.wait(pending, (timeout) => buildCallbackTimeout(option, timeout));
  const clientIp = await wait(
    'clientIp',
    wrapError('clientIp', () => resolveClientIp(client, req)),
  );
  const request = { ...buildDefaultContext(req), ...captcha, clientIp };
  const given = await wait('signInOptions', callSignInOptions(client, req));
  const outcome = await client.signInRoute(credentials, { request, given, deadline });
  if (outcome.kind !== 'success') {
    throw toRejectedError(outcome, { options, acceptLanguage: req.headers['accept-language'] });
  }
  const { user, tokens, claims, requestId } = outcome;
  return { user: user as GenAuthUser<S, ExtendedFields>, info: { tokens, claims, requestId } };
}

/**
 * Returns the ID of the tenant to which the user of a request signs in: the `tenantId` of the client's option
 * `signInOptions`.
 *
 * @throws ConfigurationError if `signInOptions` throws, is not in time, or returns an unusable `tenantId`.
 */
export async function resolveTenantId(
  client: Pick<GenAuthClient<string>, 'options'>,
  req: GenAuthRequest,
): Promise<string | undefined> {
  const { signInOptions, timeout } = client.options;
  const made = new Deadline(timeout).wait(callSignInOptions(client, req), (limit) =>
    buildCallbackTimeout('signInOptions', limit),
  );
  const { tenantId } = typeof signInOptions === 'object' ? signInOptions : await made;
  const [mistake] = findSignInOptionsMistakes({ tenantId });
  if (mistake === undefined) return tenantId;
  const message = `The option signInOptions is wrong: ${describeMistake(mistake)}.`;
  throw new ConfigurationError('invalid_sign_in_options', message, { details: { mistakes: [mistake] } });
}

/**
 * Builds the default of the sign-in option `context`. A `context` in the client's option `signInOptions` overrides it.
 */
function buildDefaultContext({ headers }: GenAuthRequest): SignInOptions {
  const userAgent = headers['user-agent'];
  return typeof userAgent === 'string' && userAgent !== '' ? { context: { userAgent } } : {};
}

/**
 * Calls the client's option `signInOptions` if the option is a function. If the option is an object,
 * `client.signInRoute` uses the object itself.
 */
async function callSignInOptions(
  { options: { signInOptions } }: Pick<GenAuthClient<string>, 'options'>,
  req: GenAuthRequest,
): Promise<SignInOptions> {
  if (typeof signInOptions !== 'function') return {};
  const made: unknown = await wrapError('signInOptions', async () => signInOptions(req as GenAuthHttpRequest));
  if (made === undefined) return {};
  if (isRecord(made)) return made;
  const [problem, fix] = [`returned ${quote(made)}`, 'return an object, { context: { source: "utm" } }'];
  throw new ConfigurationError('invalid_sign_in_options', `The option signInOptions ${problem}: ${fix}.`, {
    details: { mistakes: [{ option: 'signInOptions', problem, fix }] },
  });
}

/**
 * Calls a function of the client's options. An error of the function becomes a `ConfigurationError` (HTTP status 500),
 * because the end user cannot fix it.
 */
async function wrapError<T>(option: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    const [problem, fix] = ['threw an error', 'read the cause of this error and correct the function'];
    throw new ConfigurationError('invalid_sign_in_options', `The option ${option} ${problem}: ${fix}.`, {
      cause,
      details: { mistakes: [{ option, problem, fix }] },
    });
  }
}
