import type { GenAuthOptions } from '../../src/core/options/types.js';
import { CertificateAuthority } from './certificate.js';
import { type Conversation, isWhole, toAnswer, type useTcpServers } from './tcp-server.js';

type Serve = ReturnType<typeof useTcpServers>;

/** A fault of the network or the server: the expected code, and the options of a client that meets it. */
interface NetworkFault {
  title: string;
  code: string;
  arrange: (serve: Serve) => Promise<Partial<GenAuthOptions>>;
}

const authority = new CertificateAuthority();
/** The head of a response that announces more than its body. */
const LONG = 'HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n';
const url = (body: string): string => `http://127.0.0.1:9/?${encodeURIComponent(body)}`;
const bodyOf = (request: string): string => request.slice(request.indexOf('\r\n\r\n') + 4);

/** A server that acts once a request has arrived completely. */
function acting(title: string, code: string, act: Conversation, options: Partial<GenAuthOptions> = {}): NetworkFault {
  const converse: Conversation = (socket, received) => {
    if (isWhole(received)) act(socket, received);
  };
  return { title, code, arrange: async (serve) => ({ appHost: (await serve(converse)).url, ...options }) };
}

/** A server that makes its HTTP response from the body of the request. */
function answering(title: string, code: string, make: (body: string) => Parameters<typeof toAnswer>): NetworkFault {
  return acting(title, code, (socket, received) => socket.write(toAnswer(...make(bodyOf(received)))));
}

const [UNREACHABLE, TIMED_OUT] = ['upstream_unreachable', 'upstream_timeout'];
const [UNAVAILABLE, INVALID] = ['upstream_unavailable', 'upstream_invalid_response'];

/** Many of the servers return the request, where a careless client would show it. */
export const NETWORK_FAULTS: readonly NetworkFault[] = [
  {
    title: 'the authority of the certificate is unknown',
    code: UNREACHABLE,
    arrange: async (serve) => ({ appHost: (await serve(undefined, authority.issue())).url }),
  },
  {
    title: 'a proxy refuses',
    code: UNREACHABLE,
    arrange: async (serve) => {
      const { url: proxy } = await serve((socket, sent) => socket.end(`HTTP/1.1 407 No\r\n\r\n${sent}`));
      return { appHost: 'https://tenant.example', proxy };
    },
  },
  acting('half a body comes', TIMED_OUT, (socket, request) => socket.write(LONG + bodyOf(request)), { timeout: 60 }),
  acting('the request comes back', UNREACHABLE, (socket, request) => socket.end(request)),
  answering('the body comes back as HTML with HTTP 200', INVALID, (body) => [200, {}, `<html>${body}`]),
  answering('the body comes back with HTTP 502', UNAVAILABLE, (body) => [502, {}, body]),
  answering('the body comes back in a redirect', INVALID, (body) => [302, { location: url(body) }, body]),
  answering('the body comes back as an encoding', INVALID, (body) => [200, { 'content-encoding': url(body) }, '']),
  answering('more than a megabyte comes', INVALID, (body) => [200, {}, body.padEnd(1_100_000, body)]),
];
