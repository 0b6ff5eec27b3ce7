import { EventEmitter } from 'node:events';
import axios from 'axios';
import { UpstreamError } from '../../../src/core/errors.js';
import { Http, type HttpRequest, type HttpSettings } from '../../../src/core/http/http.js';
import { CertificateAuthority } from '../../support/certificate.js';
import { findLeaks } from '../../support/leak.js';
import { catchError } from '../../support/promise.js';
import { type Conversation, answering, isWhole, useTcpServers } from '../../support/tcp-server.js';

const PASSWORD = 'canary-Passw0rd "ünïcode"';
const SECRET = 'canary-app-secret-0123456789';
const GET: HttpRequest = { method: 'GET', path: '/oidc/keys', maxBytes: 4096 };
const POST: HttpRequest = {
  method: 'POST',
  path: '/api/v3/signin',
  headers: { authorization: `Basic ${Buffer.from(`app:${SECRET}`).toString('base64')}` },
  body: { passwordPayload: { account: 'alice', password: PASSWORD }, client_secret: SECRET },
  maxBytes: 4096,
};

const serve = useTcpServers();
const clients: Http[] = [];
function connect(origin: string, settings: Partial<HttpSettings> = {}): Http {
  const http = new Http({ origin, timeout: 10_000, ca: undefined, proxy: undefined, ...settings });
  clients.push(http);
  return http;
}
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

describe('addresses', () => {
  it.each([300, 301, 302, 303, 305, 306, 307, 308])('HTTP %i to another host: 0 connections there', async (status) => {
    const other = await serve();
    const server = await serve(answering(status, { location: `${other.url}/${SECRET}` }, ''));
    for (const request of [GET, POST]) {
      const error = await catchError(connect(server.url).request(request));
      expect(error).toMatchObject({
        code: 'upstream_invalid_response',
        message: expect.stringContaining(`HTTP ${status}`),
      });
      expect(findLeaks(error, [SECRET, PASSWORD])).toEqual([]);
    }
    expect([other.connections, server.connections]).toEqual([0, 2]);
  });

  it.each(['', 'oidc', 'http://127.0.0.1:9/', '//127.0.0.1:9/', '//', 'data:,{}', '\\\\127.0.0.1\\', ' /'])(
    'the path %j is refused before anything is sent',
    async (path) => {
      const server = await serve();
      await expect(connect(server.url).request({ ...POST, path })).rejects.toThrow(TypeError);
      expect(server.connections).toBe(0);
    },
  );

  it.each(['/\\other.invalid/', '/@other.invalid/', '/.//other.invalid/', '/\t/other.invalid', '/:9/'])(
    'the path %j stays on the host',
    async (path) => {
      const server = await serve(answering(200, {}, '{}'));
      expect(await connect(server.url).request({ ...GET, path })).toMatchObject({ status: 200 });
      expect(server.received).toEqual([expect.stringMatching(/^GET \/\S* HTTP\/1\.1\r\n/)]);
    },
  );
});

describe('faults of the network are upstream_unreachable, sent once, without a secret in them', () => {
  const FAULTS: [string, string, Conversation][] = [
    ['reset', 'ECONNRESET', (socket) => socket.resetAndDestroy()],
    ['closed without an answer', 'ECONNRESET', (socket) => socket.end()],
    [
      'closed within the body',
      'ERR_BAD_RESPONSE',
      (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{'),
    ],
    ['no HTTP', 'HPE_INVALID_CONSTANT', (socket) => socket.end(`SSH-2.0-${SECRET}\r\n`)],
    [
      'a control character',
      'HPE_INVALID_HEADER_TOKEN',
      (socket) => socket.end(`HTTP/1.1 200 OK\r\nx: ${SECRET}\0\r\n\r\n`),
    ],
    ['endless headers', 'HPE_HEADER_OVERFLOW', (socket) => socket.end(`HTTP/1.1 200 OK\r\nx: ${SECRET.repeat(4000)}`)],
  ];
  it.each(FAULTS)('%s: %s', async (_, code, converse) => {
    const server = await serve((socket, received) => {
      if (isWhole(received)) converse(socket, received);
    });
    const error = await catchError(connect(server.url).request(POST));
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error).toMatchObject({ code: 'upstream_unreachable', statusCode: 503, cause: { code } });
    expect(error.message).toContain(`POST ${server.url}${POST.path}: ${code}`);
    expect(findLeaks(error, [PASSWORD, SECRET])).toEqual([]);
    expect(server.connections).toBe(1);
  });

  it('nobody listens: ECONNREFUSED', async () => {
    const server = await serve();
    await server.close();
    const error = await catchError(connect(server.url).request(POST));
    expect(error).toMatchObject({ code: 'upstream_unreachable', cause: { code: 'ECONNREFUSED' } });
    expect(findLeaks(error, [PASSWORD, SECRET])).toEqual([]);
  });

  it.each<[string, Conversation]>([
    ['too large', answering(200, {}, `${PASSWORD}${SECRET}`.repeat(1000))],
    ['encoded', answering(200, { 'content-encoding': 'gzip' }, SECRET)],
    ['never', () => {}],
  ])('nor has the error for an answer that is %s', async (_, converse) => {
    const server = await serve(converse);
    const error = await catchError(connect(server.url).request({ ...POST, timeout: 50 }));
    expect(error).toBeInstanceOf(UpstreamError);
    expect(findLeaks(error, [PASSWORD, SECRET])).toEqual([]);
  });

  it('the search finds both secrets in what axios itself throws', async () => {
    const server = await serve((socket) => socket.resetAndDestroy());
    const { headers = {}, body } = POST;
    const { config } = (await catchError(axios.post(server.url, body, { headers }))) as { config?: unknown };
    expect(findLeaks(new Error('deep', { cause: { config } }), [PASSWORD, SECRET])).toEqual([PASSWORD, SECRET]);
  });
});

describe('TLS', () => {
  const authority = new CertificateAuthority();
  const other = new CertificateAuthority();
  const right = authority.issue();
  const day = 86_400e3;
  const ANSWER = answering(200, {}, '{"a":1}');

  it.each<[string, string | readonly string[]]>([
    ['a text', authority.cert],
    ['a list', [new CertificateAuthority('Another authority').cert, authority.cert]],
  ])('an authority of one’s own, as %s: trusted', async (_, ca) => {
    const server = await serve(ANSWER, right);
    expect(await connect(server.url, { ca }).request(POST)).toMatchObject({ status: 200, body: { a: 1 } });
  });

  it('a kept connection ends with close()', async () => {
    const server = await serve(ANSWER, right);
    const http = connect(server.url, { ca: authority.cert });
    await http.request(POST);
    http.close();
    await server.idle();
    expect(server.connections).toBe(1);
  });

  const expired = { notBefore: new Date(Date.now() - 2 * day), notAfter: new Date(Date.now() - day) };
  const future = { notBefore: new Date(Date.now() + day), notAfter: new Date(Date.now() + 2 * day) };
  it.each([
    ['an authority that nobody named', undefined, right, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['another authority of the same name', other.cert, right, 'CERT_SIGNATURE_FAILURE'],
    ['a self-signed certificate', other.cert, authority.issueSelfSigned(), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['an expired certificate', authority.cert, authority.issue(expired), 'CERT_HAS_EXPIRED'],
    ['a certificate of tomorrow', authority.cert, authority.issue(future), 'CERT_NOT_YET_VALID'],
    [
      'another host',
      authority.cert,
      authority.issue({ hosts: ['127.0.0.2', 'localhost'] }),
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
  ])('%s: refused, and nothing is sent', async (_, ca, certificate, code) => {
    const server = await serve(ANSWER, certificate);
    const error = await catchError(connect(server.url, { ca }).request(POST));
    expect(error).toMatchObject({ code: 'upstream_unreachable', cause: { code } });
    expect(findLeaks(error, [PASSWORD, SECRET])).toEqual([]);
    expect(server.received.join('')).toBe('');
  });
});

describe('a polluted Object.prototype changes no byte', () => {
  // Jest runs tests in a realm of their own: Node's modules have another Object.prototype.
  const prototypes = [Object.prototype, Object.getPrototypeOf(EventEmitter.prototype) as object];
  const unreachable = { protocol: 'http', host: '127.0.0.1', port: 9 };
  const evil = (): never => {
    throw new Error('the gadget was called');
  };
  const GADGETS: [string, unknown][] = [
    ['adapter', evil],
    ['agent', false],
    ['allowAbsoluteUrls', true],
    ['auth', { username: 'evil', password: 'evil' }],
    ['baseURL', 'http://127.0.0.1:9/evil'],
    ['beforeRedirect', evil],
    ['ca', 'no certificate'],
    ['checkServerIdentity', () => undefined],
    ['createConnection', evil],
    ['data', 'evil=1'],
    ['decompress', true],
    ['family', 6],
    ['form', { evil: '1' }],
    ['formSerializer', { visitor: evil }],
    ['getHeaders', () => ({ 'x-evil': '1' })],
    ['host', '127.0.0.9'],
    ['hostname', '127.0.0.9'],
    ['httpAgent', { evil: true }],
    ['httpVersion', 2],
    ['insecureHTTPParser', true],
    ['localAddress', '127.0.0.9'],
    ['lookup', evil],
    ['maxBodyLength', 1],
    ['maxContentLength', 1],
    ['maxRate', 1],
    ['maxRedirects', 5],
    ['method', 'PUT'],
    ['onUploadProgress', evil],
    ['params', { evil: '1' }],
    ['paramsSerializer', evil],
    ['parseReviver', evil],
    ['path', '/evil'],
    ['port', 9],
    ['proxy', unreachable],
    ['rejectUnauthorized', false],
    ['responseEncoding', 'hex'],
    ['responseType', 'stream'],
    ['socketPath', '/nowhere.sock'],
    ['transformRequest', [evil]],
    ['transformResponse', [evil]],
    ['transport', { request: evil }],
    ['url', 'http://127.0.0.1:9/evil'],
    ['validateStatus', () => false],
    ['withXSRFToken', true],
  ];

  async function pollute<Result>(name: string, value: unknown, run: () => Promise<Result>): Promise<Result> {
    for (const prototype of prototypes) {
      Object.defineProperty(prototype, name, { value, configurable: true, enumerable: true, writable: true });
    }
    try {
      return await run();
    } finally {
      for (const prototype of prototypes) Reflect.deleteProperty(prototype, name);
    }
  }

  it.each(GADGETS)('%s', async (name, value) => {
    const server = await serve(answering(200, {}, '{"a":1}'));
    const exchange = async (): Promise<unknown> => {
      const http = new Http({ origin: server.url, timeout: 10_000, ca: undefined, proxy: undefined });
      return http.request(POST).finally(() => http.close());
    };
    const answers = [await exchange(), await pollute(name, value, exchange)];
    expect(answers[1]).toEqual(answers[0]);
    expect(server.received[1]).toBe(server.received[0]);
    expect(server.connections).toBe(2);
  });

  it.each<[string, unknown]>([
    ['rejectUnauthorized', false],
    ['checkServerIdentity', () => undefined],
    ['ca', undefined],
  ])('%s: a foreign certificate stays refused', async (name, value) => {
    const server = await serve(answering(200, {}, '{}'), new CertificateAuthority().issue());
    const error = await pollute(name, value, () => catchError(connect(server.url).request(POST)));
    expect(error).toMatchObject({ code: 'upstream_unreachable' });
    expect(server.received.join('')).toBe('');
  });
});

describe('an application that has changed axios for itself', () => {
  const untouched = { ...axios.defaults, headers: { ...axios.defaults.headers } };
  afterEach(() => {
    for (const name of Object.keys(axios.defaults)) Reflect.deleteProperty(axios.defaults, name);
    Object.assign(axios.defaults, untouched);
  });

  it.each<[string, object]>([
    ['headers', { headers: { ...axios.defaults.headers, common: { 'x-evil': '1', authorization: 'Bearer evil' } } }],
    [
      'headers of a method',
      { headers: { ...axios.defaults.headers, post: { 'x-evil': '1' }, get: { 'x-evil': '1' } } },
    ],
    ['credentials', { auth: { username: 'evil', password: 'evil' } }],
    ['parameters', { params: { evil: '1' } }],
    ['an address', { baseURL: 'http://127.0.0.1:9/' }],
    ['a socket', { socketPath: '/nowhere' }],
    ['a time limit', { timeout: 1 }],
    ['a proxy', { proxy: { host: '127.0.0.1', port: 9 } }],
    ['redirects', { maxRedirects: 5 }],
    ['an adapter', { adapter: () => Promise.reject(new Error('evil')) }],
    ['a transformation of requests', { transformRequest: [() => 'evil'] }],
    ['a transformation of responses', { transformResponse: [() => ({ evil: 1 })] }],
    ['a size', { maxContentLength: 1, maxBodyLength: 1 }],
    ['another transport', { transport: {} }],
    ['a look-up of names', { lookup: () => Promise.reject(new Error('evil')) }],
  ])('sends the same bytes with %s in axios.defaults', async (_name, defaults) => {
    const server = await serve(answering(200, {}, '{"ok":true}'));
    for (const request of [GET, POST]) await connect(server.url).request(request);
    Object.assign(axios.defaults, defaults);
    for (const request of [GET, POST]) {
      expect(await connect(server.url).request(request)).toMatchObject({ status: 200, body: { ok: true } });
    }
    expect(server.received.slice(2)).toEqual(server.received.slice(0, 2));
  });

  it('is not asked by interceptors of the shared instance', async () => {
    const server = await serve(answering(200, {}, '{}'));
    const seen: unknown[] = [];
    const interceptor = axios.interceptors.request.use((config) => {
      seen.push(config);
      return config;
    });
    await connect(server.url).request(POST);
    axios.interceptors.request.eject(interceptor);
    expect(seen).toEqual([]);
  });
});
