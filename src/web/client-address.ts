import { parseIpAddress } from '../core/sign-in/ip-address.js';
import type { GenAuthClient } from '../core/client.js';
import type { GenAuthRequest } from '../core/options/types.js';

/**
 * Finds the end user's IP address. The function uses the first of these values that is an IP address: the result of the
 * client's option `clientIp`, `req.ip` (the address that the framework determines from its proxy settings), the remote
 * address of the socket.
 *
 * Headers such as X-Forwarded-For are not read, because only the proxy settings of the framework determine which
 * headers come from a trusted proxy.
 *
 * @returns The IP address, or `undefined` if none of the three values is an IP address.
 * @throws the error that the function in the option `clientIp` throws.
 */
export async function resolveClientIp(
  client: Pick<GenAuthClient<string>, 'options'>,
  req: GenAuthRequest,
): Promise<string | undefined> {
  warnOfTrustInAllProxies(req);
  const configured = await client.options.clientIp?.(req);
  return parseIpAddress(configured) ?? parseIpAddress(req.ip) ?? parseIpAddress(req.socket?.remoteAddress);
}

let warned = false;

/**
 * Warns once per process if Express runs with `trust proxy: true` or Fastify with `trustProxy: true`. With these
 * settings every sender of a request can choose the IP address by writing it into the header X-Forwarded-For.
 */
function warnOfTrustInAllProxies(req: GenAuthRequest): void {
  if (warned) return;
  const { app, server } = req as {
    app?: { get?: (name: string) => unknown };
    server?: { initialConfig?: { trustProxy?: unknown } };
  };
  const express = typeof app?.get === 'function' && app.get('trust proxy') === true;
  const fastify = server?.initialConfig?.trustProxy === true;
  if (!express && !fastify) return;
  warned = true;
  const setting = express ? "'trust proxy' of Express" : 'trustProxy of Fastify';
  const fix = express ? `app.set('trust proxy', 'loopback')` : `new FastifyAdapter({ trustProxy: '127.0.0.1' })`;
  process.emitWarning(
    `The setting ${setting} is true, so each client can choose the IP address that GenAuth receives for the user, ` +
      `by writing it into X-Forwarded-For. Name your proxies instead, for example ${fix}.`,
    { type: 'GenAuthWarning', code: 'GENAUTH_TRUST_PROXY' },
  );
}
