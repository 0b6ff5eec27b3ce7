import type { GenAuthClient } from '../core/client.js';
import { ConfigurationError } from '../core/errors.js';
import type { GenAuthRequest } from '../core/options.js';
import type { GenAuthUser } from '../core/scopes.js';
import type { Credentials, SignInOptions, TokenSet } from '../core/sign-in.js';
import type { IdTokenClaims } from '../core/token-verifier.js';
import { resolveClientIp } from './client-address.js';
import { toRejectedError } from './outcome.js';

/** `req.authInfo` after a login: what does not belong to `req.user`. Holds tokens: not for a log, not for an answer as a whole. */
export interface SignInInfo {
  tokens: TokenSet;
  /** All claims of the verified id_token, also those that were not asked for. */
  claims: IdTokenClaims;
  /** GenAuth's ID for the sign-in. */
  requestId: string | undefined;
}

/** One login: what the request says of the person, what the server adds, and GenAuth's verdict. Throws unless it is success. */
export async function signInRequest<S extends string>(
  client: GenAuthClient<S>,
  req: GenAuthRequest,
  parseCredentials: (req: GenAuthRequest) => Credentials,
): Promise<{ user: GenAuthUser<S>; info: SignInInfo }> {
  const credentials = parseCredentials(req);
  const clientIp = resolveClientIp(client, req);
  const signInOptions = await resolveSignInOptions(client, req);
  const outcome = await client.signIn(credentials, {
    ...(clientIp === undefined ? {} : { clientIp }),
    ...signInOptions,
  });
  if (outcome.kind !== 'success') throw toRejectedError(outcome);
  const { user, tokens, claims, requestId } = outcome;
  return { user, info: { tokens, claims, requestId } };
}

async function resolveSignInOptions(
  { options }: Pick<GenAuthClient<string>, 'options'>,
  req: GenAuthRequest,
): Promise<SignInOptions> {
  const { signInOptions } = options;
  if (typeof signInOptions !== 'function') return signInOptions ?? {};
  try {
    return await signInOptions(req);
  } catch (cause) {
    throw new ConfigurationError('invalid_sign_in_options', 'The option signInOptions threw an error; see its cause.', {
      cause,
    });
  }
}
