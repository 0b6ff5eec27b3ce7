import { BlockList, isIPv6 } from 'node:net';
import { parseIpAddress } from '../core/sign-in/ip-address.js';
import type { GenAuthClient } from '../core/client.js';
import type { GenAuthHttpRequest, GenAuthRequest } from '../core/options/types.js';

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
  const trust = readProxyTrust(req);
  if (trust?.proxies === 'all') warnOfTrustInAllProxies();
  const configured = parseIpAddress(await client.options.clientIp?.(req as GenAuthHttpRequest));
  if (configured !== undefined) return configured;
  const address = parseIpAddress(req.ip) ?? parseIpAddress(req.socket?.remoteAddress);
  if (trust?.proxies === 'none') warnOfIgnoredProxy(trust.framework, req, address);
  return address;
}

type Framework = 'Express' | 'Fastify';

/**
 * Reads which proxies the framework trusts. Returns `undefined` if the request is from another framework. Fastify does
 * not show that it trusts all proxies.
 */
function readProxyTrust(req: GenAuthRequest): { framework: Framework; proxies: 'all' | 'some' | 'none' } | undefined {
  const { app, server, ips } = req as {
    app?: { get?: (name: string) => unknown };
    server?: { initialConfig?: unknown };
    ips?: unknown;
  };
  if (typeof app?.get === 'function') {
    const value = app.get('trust proxy');
    return { framework: 'Express', proxies: value === true ? 'all' : value ? 'some' : 'none' };
  }
  if (!server?.initialConfig) return undefined;
  // Fastify sets `ips` only if its option `trustProxy` is set (https://fastify.dev/docs/latest/Reference/Request/).
  return { framework: 'Fastify', proxies: ips === undefined ? 'none' : 'some' };
}

/** Returns the line that makes the framework trust these proxies. */
function buildFix(framework: Framework, proxies: string): string {
  return framework === 'Express'
    ? `app.set('trust proxy', '${proxies}')`
    : `new FastifyAdapter({ trustProxy: '${proxies}' })`;
}

const warnings = new Set<'all proxies' | 'ignored proxy'>();

/**
 * Warns once per process if Express runs with `trust proxy: true`. With this setting every sender of a request can
 * choose the IP address by writing it into the header X-Forwarded-For.
 */
function warnOfTrustInAllProxies(): void {
  if (warnings.has('all proxies')) return;
  warnings.add('all proxies');
  process.emitWarning(
    "The setting 'trust proxy' of Express is true, so each client can choose the IP address that GenAuth receives " +
      'for the user, by writing it into X-Forwarded-For. ' +
      `Name your proxies, for example ${buildFix('Express', 'loopback')}.`,
    { type: 'GenAuthWarning', code: 'GENAUTH_TRUST_PROXY' },
  );
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');
/** The addresses of private networks: RFC 1918, RFC 3927, RFC 4193 and RFC 6598. */
const PRIVATE = new BlockList();
PRIVATE.addSubnet('10.0.0.0', 8);
PRIVATE.addSubnet('172.16.0.0', 12);
PRIVATE.addSubnet('192.168.0.0', 16);
PRIVATE.addSubnet('169.254.0.0', 16);
PRIVATE.addSubnet('fc00::', 7, 'ipv6');
PRIVATE.addSubnet('100.64.0.0', 10);

/**
 * Warns once per process if a request seems to come through a proxy that the framework does not trust: the request has
 * a header of a proxy, the framework trusts no proxy, and the address for GenAuth is private or loopback. GenAuth then
 * receives the address of the proxy in place of the end user's address. The value of the header is not read, because
 * every client can send the header.
 */
function warnOfIgnoredProxy(framework: Framework, { headers }: GenAuthRequest, address: string | undefined): void {
  if (warnings.has('ignored proxy') || address === undefined) return;
  const header = (['x-forwarded-for', 'forwarded'] as const).find((name) => headers[name] !== undefined);
  if (header === undefined) return;
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const isLoopback = LOOPBACK.check(address, family);
  if (!isLoopback && !PRIVATE.check(address, family)) return;
  warnings.add('ignored proxy');
  const name = header === 'forwarded' ? 'Forwarded' : 'X-Forwarded-For';
  const fix = buildFix(framework, isLoopback ? 'loopback' : address);
  process.emitWarning(
    `A login request has the header ${name}, but ${framework} trusts no proxy, so GenAuth receives ${address} as the ` +
      `IP address of the user. If this is the address of your proxy, write ${fix}.`,
    { type: 'GenAuthWarning', code: 'GENAUTH_TRUST_PROXY' },
  );
}
