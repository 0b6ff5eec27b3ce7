import { parseIpAddress } from '../core/sign-in/ip-address.js';
import type { GenAuthClient } from '../core/client.js';
import type { GenAuthRequest } from '../core/options/types.js';

/**
 * The person's IP address, as far as it can be trusted: what the option `clientIp` says, else what the framework says under
 * its proxy settings, else the socket's. No header is ever read here: without the framework's settings nobody knows which
 * of them a proxy of ours wrote.
 */
export async function resolveClientIp(
  client: Pick<GenAuthClient<string>, 'options'>,
  req: GenAuthRequest,
): Promise<string | undefined> {
  warnOfBlindTrust(req);
  const named = await client.options.clientIp?.(req);
  return parseIpAddress(named) ?? parseIpAddress(req.ip) ?? parseIpAddress(req.socket?.remoteAddress);
}

let warned = false;

/** Express under `trust proxy: true`, Fastify under `trustProxy: true`: any client can write the address it likes. */
function warnOfBlindTrust(req: GenAuthRequest): void {
  if (warned) return;
  const { app, server } = req as {
    app?: { get?: (name: string) => unknown };
    server?: { initialConfig?: { trustProxy?: unknown } };
  };
  const express = typeof app?.get === 'function' && app.get('trust proxy') === true;
  const fastify = server?.initialConfig?.trustProxy === true;
  if (!express && !fastify) return;
  warned = true;
  const fix = express ? `app.set('trust proxy', 'loopback')` : `new FastifyAdapter({ trustProxy: '127.0.0.1' })`;
  process.emitWarning(
    `The proxy setting "true" believes whatever address a client writes into X-Forwarded-For, and that is what GenAuth gets ` +
      `as the person's IP. Name your proxies instead, for example ${fix}.`,
    { type: 'GenAuthWarning', code: 'GENAUTH_TRUST_PROXY' },
  );
}
