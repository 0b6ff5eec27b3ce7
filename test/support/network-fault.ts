import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { GenAuthOptions } from '../../src/core/options/types.js';
import { CertificateAuthority } from './certificate.js';
import { type Conversation, isWhole, toAnswer, type useTcpServers } from './tcp-server.js';

type Serve = ReturnType<typeof useTcpServers>;

/** A fault of the network or the server: the expected code, and the options of a client that meets it. */
export interface NetworkFault {
  title: string;
  code: string;
  arrange: (serve: Serve) => Promise<Partial<GenAuthOptions>>;
}

const authority = new CertificateAuthority();
const TIMEOUT = { timeout: 60 };
/** The head of a response that announces more than its body. */
const LONG = 'HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n';
const bodyOf = (request: string): string => request.slice(request.indexOf('\r\n\r\n') + 4);

async function findClosedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A server that acts once a request has arrived completely. */
function acting(
  title: string,
  code: string,
  act: (socket: Socket, body: string, request: string) => unknown,
  options: Partial<GenAuthOptions> = {},
): NetworkFault {
  const converse: Conversation = (socket, received) => {
    if (isWhole(received)) act(socket, bodyOf(received), received);
  };
  return { title, code, arrange: async (serve) => ({ appHost: (await serve(converse)).url, ...options }) };
}

/** A server that makes its HTTP response from the body of the request. */
function answering(title: string, code: string, make: (body: string) => Parameters<typeof toAnswer>): NetworkFault {
  return acting(title, code, (socket, body) => socket.write(toAnswer(...make(body))));
}

const [UNREACHABLE, TIMED_OUT] = ['upstream_unreachable', 'upstream_timeout'];
const [UNAVAILABLE, INVALID] = ['upstream_unavailable', 'upstream_invalid_response'];

/** Many of the servers return the request, where a careless client would show it. */
export const NETWORK_FAULTS: readonly NetworkFault[] = [
  {
    title: 'no server listens',
    code: UNREACHABLE,
    arrange: async () => ({ appHost: `http://127.0.0.1:${await findClosedPort()}` }),
  },
  {
    title: 'the authority of the certificate is unknown',
    code: UNREACHABLE,
    arrange: async (serve) => ({ appHost: (await serve(undefined, authority.issue())).url }),
  },
  {
    title: 'the certificate is for another host',
    code: UNREACHABLE,
    arrange: async (serve) => {
      const { url } = await serve(undefined, authority.issue({ hosts: ['127.0.0.2'] }));
      return { appHost: url, ca: authority.cert };
    },
  },
  {
    title: 'the proxy refuses',
    code: UNREACHABLE,
    arrange: async (serve) => {
      const { url } = await serve((socket) => socket.end('HTTP/1.1 407 No\r\n\r\n'));
      return { appHost: 'https://tenant.example', proxy: url };
    },
  },
  acting('the connection is reset', UNREACHABLE, (socket) => socket.resetAndDestroy()),
  acting('the connection is closed', UNREACHABLE, (socket) => socket.end()),
  acting('no response comes', TIMED_OUT, () => {}, TIMEOUT),
  acting('half a header comes', TIMED_OUT, (socket) => socket.write('HTTP/1.1 200 OK\r\nA'), TIMEOUT),
  acting('half a body comes', TIMED_OUT, (socket, body) => socket.write(LONG + body), TIMEOUT),
  acting('the connection is closed after half a body', UNREACHABLE, (socket, body) => socket.end(LONG + body)),
  acting('the request comes back', UNREACHABLE, (socket, _body, request) => socket.end(request)),
  acting('the body comes back in the status line', UNREACHABLE, (socket, body) =>
    socket.end(`HTTP/1.1 ${body}\r\n\r\n`),
  ),
  acting('the body comes back in place of a header', UNREACHABLE, (socket, body) =>
    socket.end(`HTTP/1.1 200 OK\r\n${body}\r\n\r\n`),
  ),
  answering('the body comes back as HTML with HTTP 200', INVALID, (body) => [200, {}, `<html>${body}`]),
  answering('the body comes back as HTML with HTTP 403', INVALID, (body) => [403, {}, `<html>${body}`]),
  answering('the body comes back as HTML with HTTP 500', UNAVAILABLE, (body) => [500, {}, `<html>${body}`]),
  answering('the body comes back with HTTP 200', INVALID, (body) => [200, {}, body]),
  answering('the body comes back with HTTP 502', UNAVAILABLE, (body) => [502, {}, body]),
  answering('the body comes back as data of a success', INVALID, (body) => [
    200,
    {},
    `{"statusCode":200,"data":${body}}`,
  ]),
  answering('the body comes back as data of a fault', UNAVAILABLE, (body) => [
    200,
    {},
    `{"statusCode":500,"data":${body}}`,
  ]),
  answering('the body comes back in the address of a redirect', INVALID, (body) => [
    302,
    { location: `http://127.0.0.1:9/?${encodeURIComponent(body)}` },
    body,
  ]),
  answering('the body comes back in an encoding that was not requested', INVALID, (body) => [
    200,
    { 'content-encoding': 'gzip' },
    gzipSync(body),
  ]),
  answering('the body comes back as the name of an encoding', INVALID, (body) => [
    200,
    { 'content-encoding': encodeURIComponent('x'.repeat(64) + body).slice(0, 900) },
    '',
  ]),
  answering('more than a megabyte comes', INVALID, (body) => [
    200,
    {},
    body.repeat(Math.ceil(1_100_000 / body.length)),
  ]),
];
