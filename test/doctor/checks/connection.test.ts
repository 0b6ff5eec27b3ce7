import { type Socket, connect as connectTcp } from 'node:net';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { checkConnection } from '../../../src/doctor/checks/connection.js';
import { checkDiscovery } from '../../../src/doctor/checks/discovery.js';
import type { ContextSettings } from '../../../src/doctor/context.js';
import { PROXY_PASSWORD, PROXY_USER } from '../../support/canary.js';
import { CertificateAuthority } from '../../support/certificate.js';
import { DISCOVERY_PATH, type Reply, useIssuer } from '../../support/issuer.js';
import { type Conversation, toAnswer, useTcpServers } from '../../support/tcp-server.js';
import { SECRET, expectFindings, useContexts } from '../support.js';

const serve = useTcpServers();
const issuer = useIssuer();
const createContext = useContexts();
const authority = new CertificateAuthority();
const ca = [authority.cert];
const DAY = 86_400_000;

const check = (options: Partial<GenAuthOptions> = {}, settings: Partial<ContextSettings> = {}) =>
  checkConnection(createContext({ appHost: issuer().url, ...options }, settings));

/** Answers each request with an empty document. */
const answer: Conversation = (socket, received) => {
  if (received.endsWith('\r\n\r\n')) socket.end(toAnswer(200, { connection: 'close' }, '{}'));
};
const urlOf = async (...settings: Parameters<typeof serve>): Promise<string> => (await serve(...settings)).url;
const certified = (changes: Parameters<typeof authority.issue>[0]) => urlOf(answer, authority.issue(changes));
// Port 1 is closed.
const CLOSED = 'http://127.0.0.1:1';

const FAILED = 'connection_failed @ endpoint information';
const at = (days: number): Date => new Date(Date.now() + days * DAY);
const stranger = new CertificateAuthority('Unknown authority');
// A label of a host name has at most 63 characters, so no name server is asked.
const NO_HOST = `https://${'a'.repeat(64)}.example`;

test.each<[title: string, url: () => Promise<string>, outline: string, part: string]>([
  ['a closed port', async () => CLOSED, FAILED, 'http://HOST cannot be reached: the connection failed (ECONNREFUSED).'],
  ['an unknown host name', async () => NO_HOST, 'dns_failed @ endpoint information', '(ENOTFOUND)'],
  ['a server without an answer', urlOf, 'connection_timeout', '(ETIMEDOUT)'],
  ['an answer that is not HTTP', () => urlOf((socket) => socket.end(SECRET)), FAILED, 'HPE_'],
  ['an unknown authority', () => urlOf(answer, stranger.issue()), 'tls_untrusted', '(UNABLE_TO_VERIFY_LEAF_SIGNATURE)'],
  ['a self-signed certificate', () => urlOf(answer, authority.issueSelfSigned()), 'tls_untrusted', 'SELF_SIGNED'],
  ['another host', () => certified({ hosts: ['127.0.0.2'] }), 'tls_wrong_host @ endpoint information', 'ALTNAME'],
  ['an old certificate', () => certified({ notBefore: at(-9), notAfter: at(-1) }), 'tls_expired', 'HAS_EXPIRED'],
  ['a certificate of tomorrow', () => certified({ notBefore: at(1), notAfter: at(9) }), 'tls_expired', 'NOT_YET_VALID'],
  ['https at a port for http', async () => issuer().url.replace('http', 'https'), 'tls_failed', ': TLS failed ('],
])('reports %s', async (_title, url, outline, part) => {
  expectFindings(await check({ appHost: await url(), ca, timeout: 500 }), outline, part);
});

const VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
test.each(VARIABLES)('warns about %s, which the library does not read, if the connection fails', async (name) => {
  const env = { [name]: `http://${PROXY_USER}proxy.invalid:3128` };
  const found = await check({ appHost: CLOSED }, { env });
  expectFindings(found, [FAILED, 'proxy_not_read'], `Set the option proxy: process.env.${name}. `);
});

test('does not warn about the variable of a proxy if the options have a proxy', async () => {
  // Plain http never uses the option proxy.
  const options = { appHost: CLOSED, proxy: 'http://proxy.invalid:3128' };
  expectFindings(await check(options, { env: { HTTPS_PROXY: 'http://proxy.invalid' } }), FAILED);
});

const END = new Date(Math.floor((Date.now() + 90 * DAY) / 1000) * 1000);
test.each([
  ['accepts a certificate 14 days before its end', 0, 'ok connection', END.toISOString().slice(0, 10)],
  ['warns about a certificate with less than 14 days', 1, 'certificate_ends_soon', 'https://HOST expires in 13 days.'],
])('%s', async (_title, later, outline, part) => {
  const now = (): number => END.getTime() - 14 * DAY + later;
  const appHost = await certified({ notAfter: END });
  expectFindings(await check({ appHost, ca: authority.cert }, { now }), outline, part);
});

/** A proxy that opens a tunnel to a port of this machine. */
const tunnel: Conversation = (socket: Socket, received: string) => {
  const port = /^CONNECT localhost:(\d+) /.exec(received)?.[1];
  if (!received.endsWith('\r\n\r\n') || port === undefined || socket.listenerCount('data') > 1) return;
  const target = connectTcp(Number(port), '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    socket.pipe(target).pipe(socket);
  });
  target.on('error', () => socket.destroy());
  socket.on('close', () => target.destroy());
};

test('sends the request through a proxy, with its password', async () => {
  const server = await serve(answer, authority.issue({ hosts: ['localhost'], notAfter: at(90) }));
  const proxy = await serve(tunnel);
  const options = { ca, proxy: proxy.url.replace('//', `//${PROXY_USER}`) };
  const found = await check({ ...options, appHost: `https://localhost:${server.port}` });
  expectFindings(found, 'ok connection', ' answers through the proxy. Its certificate');
  expect(proxy.received.join()).toContain(Buffer.from(`user:${PROXY_PASSWORD}`).toString('base64'));
});

test.each<[title: string, url: () => Promise<string>, part: string]>([
  ['refuses the password', () => urlOf((socket) => socket.end('HTTP/1.1 407 No\r\n\r\n')), 'CONNECT with HTTP 407.'],
  [
    'does not listen',
    async () => CLOSED,
    '(ECONNREFUSED). Set GENAUTH_PROXY=http://user:password@proxy.example.com:3128',
  ],
  ['does not answer', urlOf, ''],
])('reports a proxy that %s', async (_title, url, part) => {
  const proxy = (await url()).replace('//', `//${PROXY_USER}`);
  expectFindings(await check({ appHost: 'https://tenant.example', timeout: 500, proxy }), 'proxy_failed', part);
});

test('does not blame the proxy for a host that ends the connection behind the tunnel', async () => {
  const { port } = await serve((socket) => socket.resetAndDestroy());
  expectFindings(await check({ appHost: `https://localhost:${port}`, proxy: await urlOf(tunnel) }), FAILED);
});

const REDIRECTED = 'redirected @ endpoint information';
test.each<[status: number, headers: Record<string, string>, outline: string, part: string]>([
  [302, { location: '/elsewhere' }, REDIRECTED, 'http://HOST redirects to "http://HOST".'],
  [399, { location: 'https://other.example/oidc?a=1' }, REDIRECTED, ' redirects to "https://other.example".'],
  [300, { location: 'https://' }, REDIRECTED, ' redirects to "https://".'],
  [302, {}, 'ok connection', 'http://HOST answers.'],
  [299, { location: '/elsewhere' }, 'ok connection', ''],
  [400, { location: '/elsewhere' }, 'ok connection', ''],
])('judges HTTP %i with the headers %j', async (status, headers, outline, part) => {
  issuer().reply(DISCOVERY_PATH, { status, headers });
  expectFindings(await check(), outline, part);
});

test.each<[title: string, answer: Reply, requests: number]>([
  ['keeps the document', { body: {} }, 1],
  ['does not keep a document that is too large', { body: 'x'.repeat(300_000) }, 2],
  ['does not keep a compressed document', { headers: { 'content-encoding': 'gzip' }, body: {} }, 2],
])('%s for the next checks', async (_title, reply, requests) => {
  issuer().reply(DISCOVERY_PATH, reply);
  const context = createContext({ appHost: issuer().url });
  await checkConnection(context);
  await checkDiscovery(context);
  expect(issuer().count(DISCOVERY_PATH)).toBe(requests);
});
