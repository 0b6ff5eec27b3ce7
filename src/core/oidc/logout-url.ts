import { buildOptionError } from '../errors.js';
import { quote } from '../util/quote.js';
import { PATHS } from '../wire/facts.js';

/** What `buildLogoutUrl` takes. */
export interface LogoutParameters {
  /** Tells GenAuth whose session ends. An expired id_token is accepted. */
  idToken?: string | undefined;
  /** Where GenAuth sends the browser afterwards. */
  postLogoutRedirectUri?: string | undefined;
  /** Comes back with the browser. */
  state?: string | undefined;
}

/**
 * Builds the address that ends the session at GenAuth (OpenID Connect RP-Initiated Logout 1.0 §2).
 *
 * @throws ConfigurationError for a `postLogoutRedirectUri` that GenAuth cannot take.
 */
export function buildLogoutUrl(appHost: string, parameters: LogoutParameters): string {
  const { idToken, postLogoutRedirectUri, state } = parameters;
  const url = new URL(PATHS.endSession, appHost);
  if (postLogoutRedirectUri !== undefined && (!idToken || !URL.canParse(postLogoutRedirectUri))) {
    const problem = `is ${quote(postLogoutRedirectUri)}`;
    const fix = 'write a full address, and give the idToken with it';
    throw buildOptionError({ option: 'postLogoutRedirectUri', problem, fix });
  }
  if (idToken) url.searchParams.set('id_token_hint', idToken);
  if (postLogoutRedirectUri !== undefined) url.searchParams.set('post_logout_redirect_uri', postLogoutRedirectUri);
  if (state !== undefined) url.searchParams.set('state', state);
  return url.href;
}
