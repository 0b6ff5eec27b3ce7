import { buildOptionError } from '../errors.js';
import { quote } from '../util/quote.js';
import { isRecord } from '../util/record.js';
import { findUnknownOptions } from '../util/unknown-options.js';
import { isLoopback } from '../util/url.js';
import { PATHS } from '../wire/facts.js';

/** Parameters of {@link GenAuthClient.buildLogoutUrl}. All parameters are optional. */
export interface LogoutParameters {
  /**
   * The user's id_token (`id_token_hint`). The id_token identifies the session to end. GenAuth accepts an expired
   * id_token.
   */
  idToken?: string | undefined;
  /**
   * Absolute URL to which GenAuth redirects the browser after the logout. This URL must be registered in GenAuth's
   * console. `postLogoutRedirectUri` requires `idToken`. Its scheme is `https`, `http` on a loopback host, or a scheme
   * of an app, which contains a dot, `com.example.app:`
   * ([RFC 8252 §7.1](https://www.rfc-editor.org/rfc/rfc8252#section-7.1)).
   */
  postLogoutRedirectUri?: string | undefined;
  /** Any text. GenAuth adds this text as the query parameter `state` to the URL of the redirect. */
  state?: string | undefined;
}

const PARAMETERS = ['idToken', 'postLogoutRedirectUri', 'state'];
/** The names of other libraries and of the wire, without underscores. */
const SYNONYMS = {
  idtokenhint: 'idToken',
  redirecturi: 'postLogoutRedirectUri',
  redirecturl: 'postLogoutRedirectUri',
  returnto: 'postLogoutRedirectUri',
};

/**
 * Builds the URL that ends the user's session at GenAuth (OpenID Connect RP-Initiated Logout 1.0 §2).
 *
 * @throws ConfigurationError `invalid_options` if `postLogoutRedirectUri` is not an absolute URL with one of these
 * schemes, if it is given without `idToken`, or if a parameter is unknown.
 */
export function buildLogoutUrl(appHost: string, parameters: LogoutParameters): string {
  if (!isRecord(parameters)) {
    // The message does not show the value, because the value may be an id_token.
    const problem =
      parameters === null ? 'are null' : `are of type ${Array.isArray(parameters) ? 'array' : typeof parameters}`;
    throw buildOptionError({ option: 'parameters', problem, fix: 'write client.buildLogoutUrl({ idToken })' });
  }
  const [unknown] = findUnknownOptions(parameters, PARAMETERS, {
    kind: 'a parameter of buildLogoutUrl',
    synonyms: SYNONYMS,
  });
  if (unknown !== undefined) throw buildOptionError(unknown);
  const { idToken, postLogoutRedirectUri, state }: LogoutParameters = parameters;
  const url = new URL(PATHS.endSession, appHost);
  if (postLogoutRedirectUri !== undefined && (!idToken || !isRedirectUri(postLogoutRedirectUri))) {
    const problem = `is ${quote(postLogoutRedirectUri)}`;
    const fix = "write an absolute URL, 'https://app.example.com/', and pass idToken with it";
    throw buildOptionError({ option: 'postLogoutRedirectUri', problem, fix });
  }
  if (idToken) url.searchParams.set('id_token_hint', idToken);
  if (postLogoutRedirectUri !== undefined) url.searchParams.set('post_logout_redirect_uri', postLogoutRedirectUri);
  if (state !== undefined) url.searchParams.set('state', state);
  return url.href;
}

/** Refuses other schemes, for example `javascript:` and `data:`, which would run in the page of GenAuth. */
function isRedirectUri(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  if (protocol === 'http:') return isLoopback(hostname);
  return protocol === 'https:' || protocol.includes('.');
}
