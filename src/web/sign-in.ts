import type { GenAuthClient } from '../core/client.js';
import { ConfigurationError } from '../core/errors.js';
import { quote } from '../core/util/quote.js';
import type { GenAuthRequest, LoginFields } from '../core/options/types.js';
import { type GenAuthUser, parseScope, toUser } from '../core/scopes.js';
import { type SignInOptions, mergeSignInOptions } from '../core/sign-in/sign-in-options.js';
import type { TokenSet } from '../core/sign-in/outcome.js';
import type { IdTokenClaims } from '../core/tokens/claims.js';
import { resolveClientIp } from './client-address.js';
import type { LoginBody } from './login-body.js';
import { toRejectedError } from './refusal.js';

/** `req.authInfo` after a login: what does not belong to `req.user`. Holds tokens: not for a log, not for an answer as a whole. */
export interface SignInInfo {
  tokens: TokenSet;
  /** All claims of the verified id_token, also those that were not asked for. */
  claims: IdTokenClaims;
  /** GenAuth's ID for the sign-in. */
  requestId: string | undefined;
}

/** One login: what the request says of the person, what the server adds, and GenAuth's verdict. Throws unless it is success. */
export async function signInRequest<S extends string, ExtendedFields extends object>(
  client: GenAuthClient<S, ExtendedFields>,
  req: GenAuthRequest,
  parseLogin: (req: GenAuthRequest, fields: Readonly<LoginFields>) => LoginBody,
): Promise<{ user: GenAuthUser<S, ExtendedFields>; info: SignInInfo }> {
  const { credentials, captcha } = parseLogin(req, client.options.fields);
  const options = mergeSignInOptions(buildDefaultContext(req), captcha, await resolveSignInOptions(client, req));
  const outcome = await client.signIn(credentials, options);
  if (outcome.kind !== 'success') {
    throw toRejectedError(outcome, { options: client.options, acceptLanguage: req.headers['accept-language'] });
  }
  const { tokens, claims, requestId } = outcome;
  // A resolver may ask for less than is configured; the user's type promises what is.
  const user = toUser<GenAuthUser<S, ExtendedFields>>(claims, [
    ...client.options.scope,
    ...parseScope(options.scope ?? []),
  ]);
  return { user, info: { tokens, claims, requestId } };
}

/** The context of a sign-in whose `signInOptions` have none of their own. */
function buildDefaultContext({ headers }: GenAuthRequest): SignInOptions {
  const userAgent = headers['user-agent'];
  return typeof userAgent === 'string' && userAgent !== '' ? { context: { userAgent } } : {};
}

/** What the server's own functions add; whatever they do wrong is our side's mistake, and not the person's. */
async function resolveSignInOptions(
  client: Pick<GenAuthClient<string>, 'options'>,
  req: GenAuthRequest,
): Promise<SignInOptions> {
  const { signInOptions } = client.options;
  const clientIp = await blame('clientIp', resolveClientIp(client, req));
  if (typeof signInOptions !== 'function') return mergeSignInOptions({ clientIp }, signInOptions ?? {});
  const made: unknown = await blame('signInOptions', (async () => signInOptions(req))());
  if (made !== undefined && (typeof made !== 'object' || made === null || Array.isArray(made))) {
    throw new ConfigurationError(
      'invalid_sign_in_options',
      `The option signInOptions returned ${quote(made)}: return an object, { context: { source: "utm" } }.`,
    );
  }
  return mergeSignInOptions({ clientIp }, made ?? {});
}

async function blame<T>(option: string, running: Promise<T>): Promise<T> {
  try {
    return await running;
  } catch (cause) {
    const message = `The option ${option} threw an error; see its cause.`;
    throw new ConfigurationError('invalid_sign_in_options', message, { cause });
  }
}
