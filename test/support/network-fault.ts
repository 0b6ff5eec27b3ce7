import { type Socket, createServer } from 'node:net';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import type { AddressInfo } from 'node:net';
import type { GenAuthOptions } from '../../src/core/options/types.js';
import { CertificateAuthority } from './certificate.js';
import { type Conversation, isWhole, toAnswer, type useTcpServers } from './tcp-server.js';

type Serve = ReturnType<typeof useTcpServers>;

/** A way in which the other side fails, the code that must come of it, and what a client needs to meet it. */
export interface NetworkFault {
  title: string;
  code: string;
  arrange: (serve: Serve) => Promise<Partial<GenAuthOptions>>;
}

/** What to do with a request once it has arrived whole. */
const onRequest =
  (act: (socket: Socket, received: string) => void): Conversation =>
  (socket, received) => {
    if (isWhole(received)) act(socket, received);
  };
const bodyOf = (received: string): string => received.slice(received.indexOf('\r\n\r\n') + 4);
/** An answer in plain HTTP, made of the request. */
const answer = (make: (body: string, received: string) => Parameters<typeof toAnswer>): Conversation =>
  onRequest((socket, received) => void socket.write(toAnswer(...make(bodyOf(received), received))));

const authority = new CertificateAuthority();

async function findClosedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const at = (
  title: string,
  code: string,
  converse: Conversation,
  options: Partial<GenAuthOptions> = {},
): NetworkFault => ({
  title,
  code,
  arrange: async (serve) => ({ appHost: (await serve(converse)).url, ...options }),
});

/** Servers that echo have the worst intent: whatever is sent comes back where a careless client would show it. */
export const NETWORK_FAULTS: readonly NetworkFault[] = [
  {
    title: 'nobody listens',
    code: 'upstream_unreachable',
    arrange: async () => ({ appHost: `http://127.0.0.1:${await findClosedPort()}` }),
  },
  {
    title: 'a certificate that nobody trusts',
    code: 'upstream_unreachable',
    arrange: async (serve) => ({ appHost: (await serve(undefined, authority.issue())).url }),
  },
  {
    title: 'a certificate of another host',
    code: 'upstream_unreachable',
    arrange: async (serve) => ({
      appHost: (await serve(undefined, authority.issue({ hosts: ['127.0.0.2'] }))).url,
      ca: authority.cert,
    }),
  },
  {
    title: 'a proxy that refuses',
    code: 'upstream_unreachable',
    arrange: async (serve) => ({
      appHost: 'https://tenant.example',
      proxy: (await serve((socket) => socket.end('HTTP/1.1 407 No\r\n\r\n'))).url,
    }),
  },
  at(
    'the connection is reset',
    'upstream_unreachable',
    onRequest((socket) => void socket.resetAndDestroy()),
  ),
  at(
    'the connection is closed',
    'upstream_unreachable',
    onRequest((socket) => void socket.end()),
  ),
  at('silence', 'upstream_timeout', () => {}, { timeout: 60 }),
  at(
    'half a header, and silence',
    'upstream_timeout',
    onRequest((socket) => void socket.write('HTTP/1.1 200 OK\r\nA')),
    {
      timeout: 60,
    },
  ),
  at(
    'half a body, and silence',
    'upstream_timeout',
    onRequest(
      (socket, received) => void socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n${bodyOf(received)}`),
    ),
    { timeout: 60 },
  ),
  at(
    'half a body, and the end',
    'upstream_unreachable',
    onRequest(
      (socket, received) => void socket.end(`HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n${bodyOf(received)}`),
    ),
  ),
  at(
    'the request itself in place of an answer',
    'upstream_unreachable',
    onRequest((socket, received) => void socket.end(received)),
  ),
  at(
    'the body in a status line',
    'upstream_unreachable',
    onRequest((socket, received) => void socket.end(`HTTP/1.1 ${bodyOf(received)}\r\n\r\n`)),
  ),
  at(
    'a header that is none',
    'upstream_unreachable',
    onRequest((socket, received) => void socket.end(`HTTP/1.1 200 OK\r\n${bodyOf(received)}\r\n\r\n`)),
  ),
  at(
    'the body as HTML, HTTP 200',
    'upstream_invalid_response',
    answer((body) => [200, {}, `<html>${body}`]),
  ),
  at(
    'the body as HTML, HTTP 403',
    'upstream_invalid_response',
    answer((body) => [403, {}, `<html>${body}`]),
  ),
  at(
    'the body as HTML, HTTP 500',
    'upstream_unavailable',
    answer((body) => [500, {}, `<html>${body}`]),
  ),
  at(
    'the body as it came, HTTP 200',
    'upstream_invalid_response',
    answer((body) => [200, {}, body]),
  ),
  at(
    'the body as it came, HTTP 502',
    'upstream_unavailable',
    answer((body) => [502, {}, body]),
  ),
  at(
    'a success with the body for data',
    'upstream_invalid_response',
    answer((body) => [200, {}, `{"statusCode":200,"data":${body}}`]),
  ),
  at(
    'a fault with the body for data',
    'upstream_unavailable',
    answer((body) => [200, {}, `{"statusCode":500,"data":${body}}`]),
  ),
  at(
    'a redirect with the body in its address',
    'upstream_invalid_response',
    answer((body) => [302, { location: `http://127.0.0.1:9/?${encodeURIComponent(body)}` }, body]),
  ),
  at(
    'an encoding that was not asked for',
    'upstream_invalid_response',
    answer((body) => [200, { 'content-encoding': 'gzip' }, gzipSync(body)]),
  ),
  at(
    'an encoding that is the body',
    'upstream_invalid_response',
    answer((body) => [200, { 'content-encoding': encodeURIComponent('x'.repeat(64) + body).slice(0, 900) }, '']),
  ),
  at(
    'more than a megabyte',
    'upstream_invalid_response',
    answer((body) => [200, {}, body.repeat(Math.ceil(1_100_000 / body.length))]),
  ),
];
