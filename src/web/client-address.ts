import { parseIpAddress } from '../core/sign-in/ip-address.js';
import type { GenAuthClient } from '../core/client.js';
import type { GenAuthRequest } from '../core/options/types.js';

/**
 * Finds the end user's IP address. The first of these values that is an IP address is used: the result of the option
 * `clientIp`, `req.ip` (the address that the framework trusts under its proxy settings), the address of the socket.
 *
 * Headers such as X-Forwarded-For are not read. Only the proxy settings of the framework say which headers a trusted
 * proxy wrote.
 *
 * @returns The address, or `undefined` if there is none.
 * @throws the error of the option `clientIp`.
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
 * Warns once per process if Express runs with `trust proxy: true` or Fastify with `trustProxy: true`. Then each client
 * can choose its own address by writing it into X-Forwarded-For.
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
