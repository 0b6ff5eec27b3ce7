import { createHash, timingSafeEqual } from 'node:crypto';
import { HEADERS } from '../core/wire.js';
import type { EmulatorRequest } from './operation.js';
import type { EmulatorConfig } from './options.js';

/**
 * Who calls: the app that the request names, and whether it proved to be that app in the one way that it is configured for.
 * Credentials sent in another way are refused even where they are right (GenAuth: "client authentication failed").
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
  const named = headers[HEADERS.appId] ?? headers[HEADERS.appIdOfGenAuth] ?? clientId ?? basic?.user;
  if (named !== config.appId) return 'app_not_found';

  const idFits = clientId === undefined || clientId === config.appId;
  const proven = {
    client_secret_post: () => !basic && clientId !== undefined && isSecret(secret, config),
    client_secret_basic: () => secret === undefined && basic?.user === config.appId && isSecret(basic.password, config),
    none: () => !basic && secret === undefined,
  }[config.tokenEndpointAuthMethod]();
  return idFits && proven ? 'ok' : 'client_authentication_failed';
}

/** User and password of an `Authorization: Basic` header (RFC 7617 §2), as GenAuth's SDK writes it: without form encoding. */
function readBasic(header: string | string[] | undefined): { user: string; password: string } | undefined {
  if (typeof header !== 'string' || !/^basic /i.test(header)) return undefined;
  const pair = Buffer.from(header.slice('basic '.length), 'base64').toString();
  const colon = pair.indexOf(':');
  return colon < 0 ? { user: pair, password: '' } : { user: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

/** Compared by digest: in constant time, whatever the lengths. */
function isSecret(value: unknown, { appSecret }: EmulatorConfig): boolean {
  return typeof value === 'string' && timingSafeEqual(sha256(value), sha256(appSecret));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
