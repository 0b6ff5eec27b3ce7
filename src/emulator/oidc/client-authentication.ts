import { HEADERS } from '../../core/wire/facts.js';
import { ANSWERS } from '../sign-in/answers.js';
import { OAuthRefusal } from './oauth-refusal.js';
import type { EmulatorRequest } from '../http/operation.js';
import type { EmulatorConfig } from '../options.js';
import { type Parameters, readForm } from './parameters.js';

interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

/**
 * Checks that the request names the emulator's app, and proves it in the one way that the app is configured for. Right
 * credentials that are sent in another way are refused (GenAuth: "client authentication failed").
 */
export function authenticateClient(
  config: EmulatorConfig,
  { headers }: Pick<EmulatorRequest, 'headers'>,
  body: Record<string, unknown>,
): 'ok' | 'app_not_found' | 'client_authentication_failed' {
  const basic = readBasic(headers['authorization']);
  const clientId = body['client_id'];
  const secret = body['client_secret'];
  // GenAuth names the app by a header; without one, its credentials tell.
  const isOurs = ({ user }: BasicCredentials) => user === config.appId;
  const named = headers[HEADERS.appId] ?? headers[HEADERS.appIdOfGenAuth] ?? clientId ?? basic?.find(isOurs)?.user;
  if (named !== config.appId) return 'app_not_found';

  const idFits = clientId === undefined || clientId === config.appId;
  const proven = {
    client_secret_post: () => !basic && clientId !== undefined && secret === config.appSecret,
    client_secret_basic: () =>
      secret === undefined && basic?.some((way) => isOurs(way) && way.password === config.appSecret) === true,
    none: () => !basic && secret === undefined,
  }[config.tokenEndpointAuthMethod]();
  return idFits && proven ? 'ok' : 'client_authentication_failed';
}

/**
 * Reads the form of an OAuth endpoint, and whether the app itself sent it.
 *
 * @throws OAuthRefusal `invalid_request`, `invalid_client`
 */
export function readClientForm(config: EmulatorConfig, request: EmulatorRequest): Parameters {
  const form = readForm(request);
  if (authenticateClient(config, request, Object.fromEntries(form)) === 'ok') return form;
  const isBasic =
    config.tokenEndpointAuthMethod === 'client_secret_basic' || readBasic(request.headers['authorization']);
  // A client that used an authentication scheme is answered with that scheme (RFC 6749 §5.2).
  const headers: Record<string, string> = isBasic ? { 'www-authenticate': 'Basic' } : {};
  throw new OAuthRefusal(401, 'invalid_client', ANSWERS.clientAuthenticationFailed.message, headers);
}

/**
 * User and password of an `Authorization: Basic` header, in the two ways in which they are written: as they are (RFC
 * 7617 §2), as GenAuth's SDK does, or form-encoded (RFC 6749 §2.3.1), as certified OpenID clients do.
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

/** @returns `undefined` for what is not form-encoded */
function decodeForm(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
