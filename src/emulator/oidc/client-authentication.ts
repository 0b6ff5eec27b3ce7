import { HEADERS } from '../../core/wire/facts.js';
import { ANSWERS } from '../sign-in/answers.js';
import { OAuthRefusal } from './oauth-refusal.js';
import type { EmulatorRequest } from '../http/operation.js';
import type { EmulatorConfig } from '../options.js';
import { type Parameters, readForm } from './parameters.js';

/** The two parts of an `Authorization: Basic` header: the application ID and the application secret. */
interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

/**
 * Checks the client authentication of a request. The request must contain the emulator's application ID, and must use
 * the authentication method of the option `tokenEndpointAuthMethod`. Correct credentials with another method are
 * refused, as GenAuth does ("client authentication failed").
 */
export function authenticateClient(
  config: EmulatorConfig,
  { headers }: Pick<EmulatorRequest, 'headers'>,
  body: Record<string, unknown>,
): 'ok' | 'app_not_found' | 'client_authentication_failed' {
  const basic = readBasic(headers['authorization']);
  const clientId = body['client_id'];
  const secret = body['client_secret'];
  // GenAuth's clients send the application ID in a request header. If this header is absent, the application ID is read
  // from the credentials.
  const isOurs = ({ user }: BasicCredentials) => user === config.appId;
  const appId = headers[HEADERS.appId] ?? headers[HEADERS.appIdOfGenAuth] ?? clientId ?? basic?.find(isOurs)?.user;
  if (appId !== config.appId) return 'app_not_found';

  const isClientIdRight = clientId === undefined || clientId === config.appId;
  const isAuthenticated = {
    client_secret_post: () => !basic && clientId !== undefined && secret === config.appSecret,
    client_secret_basic: () =>
      secret === undefined && basic?.some((pair) => isOurs(pair) && pair.password === config.appSecret) === true,
    none: () => !basic && secret === undefined,
  }[config.tokenEndpointAuthMethod]();
  return isClientIdRight && isAuthenticated ? 'ok' : 'client_authentication_failed';
}

/**
 * Reads the form of an OAuth endpoint and checks the client authentication.
 *
 * @throws OAuthRefusal with the code `invalid_request` if the request body is not a form, or has a duplicate parameter.
 * @throws OAuthRefusal with the code `invalid_client` if the client authentication fails.
 */
export function readClientForm(config: EmulatorConfig, request: EmulatorRequest): Parameters {
  const form = readForm(request);
  if (authenticateClient(config, request, Object.fromEntries(form)) === 'ok') return form;
  const isBasic =
    config.tokenEndpointAuthMethod === 'client_secret_basic' || readBasic(request.headers['authorization']);
  // If the client used the header `Authorization`, the response header `WWW-Authenticate` names the scheme (RFC 6749
  // §5.2).
  const headers: Record<string, string> = isBasic ? { 'www-authenticate': 'Basic' } : {};
  throw new OAuthRefusal(401, 'invalid_client', ANSWERS.clientAuthenticationFailed.message, headers);
}

/**
 * Reads the user and the password of an `Authorization: Basic` header. Clients encode the two values in different ways:
 * unchanged (RFC 7617 §2), as GenAuth's SDK does, or form-encoded (RFC 6749 §2.3.1), as certified OpenID clients do. So
 * both interpretations are returned. The unchanged values are the first.
 */
function readBasic(header: string | string[] | undefined): BasicCredentials[] | undefined {
  if (typeof header !== 'string' || !/^basic /i.test(header)) return undefined;
  const pair = Buffer.from(header.slice('basic '.length), 'base64').toString();
  const colon = pair.indexOf(':');
  const plain =
    colon < 0 ? { user: pair, password: '' } : { user: pair.slice(0, colon), password: pair.slice(colon + 1) };
  const [user, password] = [plain.user, plain.password].map(decodeForm);
  return [plain, ...(user === undefined || password === undefined ? [] : [{ user, password }])];
}

/** Decodes one form-encoded value. Returns `undefined` if the value is not form-encoded. */
function decodeForm(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
