import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { type Socket, connect as connectTcp } from 'node:net';
import { jest } from '@jest/globals';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { checkConnection } from '../../../src/doctor/checks/connection.js';
import type { ContextSettings } from '../../../src/doctor/context.js';
import { PROXY_PASSWORD, PROXY_USER } from '../../support/canary.js';
import { CertificateAuthority } from '../../support/certificate.js';
import { DISCOVERY_PATH, useIssuer } from '../../support/issuer.js';
import { useSilentListeners } from '../../support/silent-listener.js';
import { type Conversation, answering, useTcpServers } from '../../support/tcp-server.js';
import { SECRET, expectFindings, useContexts } from '../support.js';

const serve = useTcpServers();
const listenSilently = useSilentListeners();
const issuer = useIssuer();
const createContext = useContexts();
const authority = new CertificateAuthority();
const ca = [authority.cert];
const DAY = 86_400_000;
const at = (days: number): Date => new Date(Date.now() + days * DAY);

const answer = answering(200, { connection: 'close' }, '{}');
const urlOf = async (...settings: Parameters<typeof serve>): Promise<string> => (await serve(...settings)).url;
const certified = (changes: Parameters<typeof authority.issue>[0]) => urlOf(answer, authority.issue(changes));
const redirect = async (status: number, headers: Record<string, string>): Promise<string> => {
  issuer().reply(DISCOVERY_PATH, { status, headers });
  return issuer().url;
};
const stranger = new CertificateAuthority('Unknown authority');
const END = new Date(Math.floor(at(90).getTime() / 1000) * 1000);
const END_DAY = END.toISOString().slice(0, 10);
const SOON = END.getTime() - 14 * DAY;
// Port 1 is closed.
const CLOSED = 'http://127.0.0.1:1';
// A label of a host name has at most 63 characters, so no name server is asked.
const NO_HOST = `https://${'a'.repeat(64)}.example`;
const FAILED = 'connection_failed @ endpoint information';
const REDIRECTED = 'redirected @ endpoint information';

const check = (options: Partial<GenAuthOptions>, settings: Partial<ContextSettings> = {}) =>
  checkConnection(createContext({ ca, timeout: 500, ...options }, settings));

const OLD_TLS = {
  ...authority.issue(),
  minVersion: 'TLSv1',
  maxVersion: 'TLSv1.1',
  ciphers: 'DEFAULT:@SECLEVEL=0',
} as const;
// By default Node.js does not offer this cipher.
const OTHER_CIPHERS = { ...authority.issue(), maxVersion: 'TLSv1.2', ciphers: 'PSK-AES128-GCM-SHA256' } as const;
const MUTUAL = { ...authority.issue(), requestCert: true, ca: authority.cert } as const;
const REQUIRED = 'client_certificate_required';
const nginx = answering(400, {}, '<html><center>No required SSL certificate was sent</center></html>');

type Row = [title: string, url: () => Promise<string>, outline: string, part: string, now?: number];
test.each<Row>([
  ['a closed port', async () => CLOSED, FAILED, 'http://HOST cannot be reached: the connection failed (ECONNREFUSED).'],
  ['an unknown host name', async () => NO_HOST, 'dns_failed @ endpoint information', '(ENOTFOUND)'],
  ['a server without an answer', urlOf, 'answer_timeout', '(500 ms)'],
  ['a TLS server without an answer', () => urlOf(() => {}, authority.issue()), 'answer_timeout', '(500 ms)'],
  ['a port without TLS', async () => (await urlOf()).replace('http', 'https'), 'tls_timeout', '(500 ms)'],
  [
    'a host that accepts no connection',
    async () => `https://127.0.0.1:${await listenSilently()}`,
    'connection_timeout',
    '(500 ms)',
  ],
  ['old TLS versions', () => urlOf(answer, OLD_TLS), 'tls_version', 'no TLS version that Node.js accepts (EPROTO).'],
  ['other ciphers', () => urlOf(answer, OTHER_CIPHERS), 'tls_cipher', 'no cipher that Node.js accepts (EPROTO).'],
  ['mutual TLS 1.3', () => urlOf(answer, MUTUAL), REQUIRED, 'CERTIFICATE_REQUIRED: "tlsv13 alert certificate requ'],
  ['mutual TLS 1.2', () => urlOf(answer, { ...MUTUAL, maxVersion: 'TLSv1.2' }), REQUIRED, 'alert handshake failure'],
  ['an error page about certificates', () => urlOf(answering(526, {}, 'Invalid SSL certificate')), 'ok connection', ''],
  ['mutual TLS behind nginx', () => urlOf(nginx, authority.issue()), REQUIRED, '(HTTP 400).'],
  ['an answer that is not HTTP', () => urlOf((socket) => socket.end(SECRET)), FAILED, 'HPE_'],
  ['an unknown authority', () => urlOf(answer, stranger.issue()), 'tls_untrusted', '(UNABLE_TO_VERIFY_LEAF_SIGNATURE)'],
  ['another host', () => certified({ hosts: ['127.0.0.2'] }), 'tls_wrong_host @ endpoint information', 'ALTNAME'],
  ['an old certificate', () => certified({ notBefore: at(-9), notAfter: at(-1) }), 'tls_expired', 'HAS_EXPIRED'],
  ['https at a port for http', async () => issuer().url.replace('http', 'https'), 'tls_failed', ': TLS failed ('],
  ['a certificate 14 days before its end', () => certified({ notAfter: END }), 'ok connection', END_DAY, SOON],
  ['a later time', () => certified({ notAfter: END }), 'certificate_ends_soon', 'HOST expires in 13 days.', SOON + 1],
  ['a path', () => redirect(300, { location: '/x' }), REDIRECTED, 'http://HOST redirects to "http://HOST".'],
  ['a redirection', () => redirect(399, { location: 'https://x.example/?a' }), REDIRECTED, ' to "https://x.example".'],
  ['a wrong address', () => redirect(302, { location: 'https://' }), REDIRECTED, ' redirects to "https://".'],
  ['a redirection without an address', () => redirect(302, {}), 'ok connection', 'http://HOST answers.'],
])('judges %s', async (_title, url, outline, part, now = Date.now()) => {
  expectFindings(await check({ appHost: await url() }, { now: () => now }), outline, part);
});

const VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
test.each(VARIABLES)('warns about %s, which the library does not read, without the option proxy', async (name) => {
  const found = await check({ appHost: CLOSED }, { env: { [name]: `http://${PROXY_USER}proxy.invalid:3128` } });
  expectFindings(found, [FAILED, 'proxy_not_read'], `Set the option proxy: process.env.${name}. `);
});

/** A proxy that opens a tunnel to a port of this machine. */
const tunnel: Conversation = (socket: Socket, received: string) => {
  const port = /^CONNECT tenant\.example:(\d+) /.exec(received)?.[1];
  if (!received.endsWith('\r\n\r\n') || port === undefined || socket.listenerCount('data') > 1) return;
  const target = connectTcp(Number(port), '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    socket.pipe(target).pipe(socket);
  });
  target.on('error', () => socket.destroy());
  socket.on('close', () => target.destroy());
};

test('sends the request through a proxy, and does not blame the proxy for an error behind the tunnel', async () => {
  const server = await serve(answer, authority.issue({ hosts: ['tenant.example'], notAfter: at(90) }));
  const { url, received } = await serve(tunnel);
  const options = { proxy: url.replace('//', `//${PROXY_USER}`), timeout: 5_000 };
  const found = await check({ ...options, appHost: `https://tenant.example:${server.port}` });
  expectFindings(found, 'ok connection', ' answers through the proxy. Its certificate');
  expect(received.join()).toContain(Buffer.from(`user:${PROXY_PASSWORD}`).toString('base64'));
  const other = await serve(answer, OTHER_CIPHERS);
  expectFindings(
    await check({ ...options, appHost: `https://tenant.example:${other.port}` }),
    'tls_cipher',
    'cert and key',
  );
  const { port } = await serve((socket) => socket.resetAndDestroy());
  expectFindings(await check({ ...options, appHost: `https://tenant.example:${port}` }), FAILED);
});

test('tries the next address of the host if the first refuses the connection', async () => {
  const { port } = await serve(answer, authority.issue({ hosts: ['localhost'], notAfter: at(90) }));
  const addresses = ['127.0.0.7', '127.0.0.1'].map((address) => ({ address, family: 4 }));
  const lookup = jest.spyOn(dns, 'lookup').mockImplementation(((...args: unknown[]) => {
    (args.at(-1) as (error: null, found: object[]) => void)(null, addresses);
  }) as never);
  syncBuiltinESMExports();
  const found = await check({ appHost: `https://localhost:${port}` });
  expect(lookup).toHaveBeenCalled();
  lookup.mockRestore();
  syncBuiltinESMExports();
  expectFindings(found, 'ok connection');
});

test.each<[title: string, settings: object, outline: string, part: string]>([
  ['the server refuses by an alert', { ...MUTUAL, ca: stranger.cert }, FAILED, 'Check that the host trusts the client'],
  ['the server does not ask for', authority.issue({ notAfter: at(90) }), 'ok connection', 'HOST answers'],
])('judges a client certificate that %s', async (_title, settings, outline, part) => {
  const { cert, key } = authority.issue();
  expectFindings(await check({ appHost: await urlOf(answer, settings), cert, key }), outline, part);
});

test('reports a client certificate that nginx refuses', async () => {
  const refusal = answering(400, {}, '<title>400 The SSL certificate error</title>');
  const { cert, key } = authority.issue();
  const found = await check({ appHost: await urlOf(refusal, authority.issue({ notAfter: at(90) })), cert, key });
  expectFindings(found, 'client_certificate_refused', 'HOST refuses the client certificate (HTTP 400).');
});

const SET_PROXY = 'Set GENAUTH_PROXY=http://user:password@proxy.example.com:3128';
const refusing =
  (status: number): Conversation =>
  (socket) =>
    socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
test.each<[title: string, url: () => Promise<string>, part: string]>([
  ['refuses the password', () => urlOf(refusing(407)), `CONNECT with HTTP 407. ${SET_PROXY}`],
  ['cannot reach the host', () => urlOf(refusing(502)), 'HTTP 502. Correct appHost. If it is right, the proxy cannot'],
  [
    'has a certificate of an unknown authority',
    () => urlOf(refusing(200), stranger.issue()),
    'certificate of the proxy is refused (UNABLE_TO_VERIFY_LEAF_SIGNATURE). Set GENAUTH_CA=ca.pem',
  ],
  ['forbids the host', () => urlOf(refusing(403)), 'HTTP 403. Allow CONNECT to tenant.example:443 in the proxy.'],
  ['does not listen', async () => CLOSED, `(ECONNREFUSED). ${SET_PROXY}`],
  ['does not answer', urlOf, `the host in time. ${SET_PROXY}`],
])('reports a proxy that %s', async (_title, url, part) => {
  const proxy = (await url()).replace('//', `//${PROXY_USER}`);
  expectFindings(await check({ appHost: 'https://tenant.example', proxy }), 'proxy_failed', part);
});
