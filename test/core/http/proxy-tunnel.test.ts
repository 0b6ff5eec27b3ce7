import { once } from 'node:events';
import { get } from 'node:https';
import { type Socket, connect as connectTcp } from 'node:net';
import { jest } from '@jest/globals';
import { TunnelAgent } from '../../../src/core/http/proxy-tunnel.js';
import { CertificateAuthority } from '../../support/certificate.js';
import { findLeaks } from '../../support/leak.js';
import { Gate, catchError } from '../../support/promise.js';
import { type Conversation, type TcpServer, answering, useTcpServers } from '../../support/tcp-server.js';
import { PASSWORD, POST, SECRET, useHttp } from './support.js';

const PROXY_PASSWORD = 'canary-pr@xy:pa$$';
const HOST = 'tenant.example';
const TARGET = `https://${HOST}:9`;
const serve = useTcpServers();
const connect = useHttp();
const authority = new CertificateAuthority();
const certificate = authority.issue({ hosts: [HOST, 'localhost', '127.0.0.1'] });
const CREATED = 'HTTP/1.1 201 Created\r\n\r\n';
const OK = answering(200, {}, '{"a":1}');
afterEach(() => jest.restoreAllMocks());

/** The address of a proxy with TLS. */
const named = ({ port }: TcpServer): string => `https://localhost:${port}`;
/** The address of the tenant. Only the proxy connects to it, and the proxy of this test connects to this machine. */
const tenant = ({ port }: TcpServer): string => `https://${HOST}:${port}`;
const withPassword = (url: string): string => url.replace('//', `//proxy-user:${encodeURIComponent(PROXY_PASSWORD)}@`);

/** Opens the tunnel that CONNECT asks for, and passes all bytes on. */
const tunnel: Conversation = (socket: Socket, received: string) => {
  const port = /^CONNECT tenant\.example:(\d+) HTTP\/1\.1\r\n/.exec(received)?.[1];
  if (!received.endsWith('\r\n\r\n') || port === undefined || socket.listenerCount('data') > 1) return;
  const target = connectTcp(Number(port), '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    socket.pipe(target).pipe(socket);
  });
  target.on('error', () => socket.destroy());
  socket.on('close', () => target.destroy());
};

it('open tunnel shows the proxy its password and then only TLS, and the host no header of the proxy', async () => {
  const origin = await serve(OK, certificate);
  const proxy = await serve(tunnel);
  const http = connect(tenant(origin), { proxy: withPassword(proxy.url), ca: [authority.cert] });
  expect(await http.request(POST)).toMatchObject({ status: 200, body: { a: 1 } });
  const [head, ...rest] = (proxy.received[0] ?? '').split('\r\n\r\n');
  expect(head?.split('\r\n')).toEqual([
    `CONNECT ${HOST}:${origin.port} HTTP/1.1`,
    `host: ${HOST}:${origin.port}`,
    `proxy-authorization: Basic ${Buffer.from(`proxy-user:${PROXY_PASSWORD}`).toString('base64')}`,
    'Connection: close',
  ]);
  expect(findLeaks(rest, [PASSWORD, SECRET, POST.path])).toEqual([]);
  expect(origin.received[0]).toMatch(/^POST \/api\/v3\/signin HTTP\/1\.1\r\n/);
  expect(origin.received[0]?.toLowerCase()).not.toContain('proxy-');
});

it('open tunnel serves several exchanges, through a proxy with TLS and without a password', async () => {
  const origin = await serve(OK, certificate);
  const server = await serve(tunnel, certificate);
  const http = connect(tenant(origin), { proxy: named(server), ca: [authority.cert] });
  await http.request(POST);
  expect(await http.request(POST)).toMatchObject({ status: 200 });
  expect(server.received[0]?.toLowerCase()).not.toContain('authorization');
  const error = await catchError(connect(tenant(origin), { proxy: named(server) }).request(POST));
  expect(error).toMatchObject({ details: { systemCode: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' } });
  expect(origin.connections).toBe(1);
});

it('open tunnel begins with each 2xx answer of the proxy', async () => {
  const origin = await serve(OK, certificate);
  const proxy = await serve((socket, received) => {
    const write = socket.write.bind(socket);
    socket.write = (data: string | Uint8Array) => write(String(data).startsWith('HTTP/1.1 200') ? CREATED : data);
    tunnel(socket, received);
  });
  const http = connect(tenant(origin), { proxy: proxy.url, ca: [authority.cert] });
  expect(await http.request(POST)).toMatchObject({ status: 200 });
});

it('no proxy is used for a loopback host', async () => {
  const origin = await serve(OK, certificate);
  const proxy = await serve(tunnel);
  const http = connect(`https://localhost:${origin.port}`, { proxy: proxy.url, ca: [authority.cert] });
  expect(await http.request(POST)).toMatchObject({ status: 200 });
  expect(proxy.connections).toBe(0);
});

it('open tunnel sends nothing to a host with a certificate of another host', async () => {
  const origin = await serve(OK, authority.issue());
  const settings = { proxy: withPassword((await serve(tunnel)).url), ca: [authority.cert] };
  const error = await catchError(connect(tenant(origin), settings).request(POST));
  expect([error.code, origin.received.join('')]).toEqual(['upstream_unreachable', '']);
  expect(findLeaks(error, [PASSWORD, PROXY_PASSWORD])).toEqual([]);
});

it.each([
  ['100 Continue', '\r\n', 'HTTP 100'],
  ['200 OK', 'content-length: 2\r\n\r\n{}', 'HTTP 200'],
  ['300 Multiple Choices', '\r\n', 'HTTP 300'],
])('no tunnel opens because the proxy answers CONNECT with %j and %j', async (statusLine, rest, status) => {
  const proxy = await serve((socket) => socket.write(`HTTP/1.1 ${statusLine}\r\n${rest}`));
  const error = await catchError(connect(TARGET, { proxy: proxy.url }).request(POST));
  const message = `POST ${TARGET}${POST.path}: ERR_PROXY_REFUSED: the proxy answered CONNECT with ${status}`;
  expect(error).toMatchObject({
    code: 'upstream_unreachable',
    details: { systemCode: 'ERR_PROXY_REFUSED' },
    message,
  });
  expect(findLeaks(proxy.received, [PASSWORD])).toEqual([]);
  await proxy.idle();
});

it.each([
  ['http://proxy-user:canary-proxy@127.0.0.9', 'ECONNREFUSED 127.0.0.9:80'],
  ['https://proxy-user:canary-proxy@127.0.0.9', 'ECONNREFUSED 127.0.0.9:443'],
  ['http://proxy-user:canary-proxy@[::1]:9', '::1:9'],
])('no tunnel opens to %s: the error names the address, and no password', async (proxy, address) => {
  const error = await catchError(connect(TARGET, { proxy }).request(POST));
  expect(error).toMatchObject({ code: 'upstream_unreachable', details: { systemCode: expect.stringMatching(/^E/) } });
  expect(error.message).toMatch(new RegExp(`the proxy cannot be reached: .*${address}`));
  expect(findLeaks(error, [PASSWORD, 'canary-proxy', 'proxy-user'])).toEqual([]);
});

it('no tunnel opens because the proxy does not respond: the connection ends at the deadline', async () => {
  const [timers, clear] = [jest.spyOn(globalThis, 'setTimeout'), jest.spyOn(globalThis, 'clearTimeout')];
  const proxy = await serve();
  const agent = new TunnelAgent(proxy.url, 100, {});
  const [error] = (await once(get(`https://[::1]:9/`, { agent }), 'error')) as [object];
  expect(error).toMatchObject({ name: 'ProxyError', code: 'ERR_PROXY_TIMEOUT', httpStatus: undefined });
  expect(proxy.received[0]).toMatch(/^CONNECT \[::1\]:9 HTTP\/1\.1\r\nhost: \[::1\]:9\r\n/);
  const [timer, ...others] = timers.mock.results.map(({ value }) => value as NodeJS.Timeout);
  expect([timer?.hasRef(), others]).toEqual([false, []]);
  expect(clear).toHaveBeenCalledWith(timer);
  await proxy.idle();
});

it('no tunnel opens because the client is closed', async () => {
  const arrived = new Gate();
  const proxy = await serve(() => arrived.open());
  const http = connect(TARGET, { proxy: proxy.url });
  const failing = catchError(http.request(POST));
  await arrived.opened;
  http.close();
  expect(await failing).toMatchObject({ code: 'upstream_unreachable' });
  await proxy.idle();
});

it('uses the configured proxy for https only, and no proxy variable of the environment', async () => {
  const [other, proxy] = [await serve(), await serve(tunnel)];
  const [origin, secure] = [await serve(OK), await serve(OK, certificate)];
  const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
  const variables = Object.fromEntries(names.map((name) => [name, other.url]));
  jest.replaceProperty(process, 'env', { ...process.env, ...variables, NO_PROXY: '', no_proxy: '' });
  expect(await connect(origin.url, { proxy: proxy.url }).request(POST)).toMatchObject({ body: { a: 1 } });
  expect(await connect(secure.url, { ca: [authority.cert] }).request(POST)).toMatchObject({ status: 200 });
  expect([other.connections, proxy.connections]).toEqual([0, 0]);
});
