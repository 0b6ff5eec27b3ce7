import type { Socket } from 'node:net';
import { clearInterval as clearReal, setInterval as everyRealMs } from 'node:timers';
import { jest } from '@jest/globals';
import type { HttpSettings } from '../../../src/core/http/http.js';
import { Deadline } from '../../../src/core/util/deadline.js';
import { CertificateAuthority } from '../../support/certificate.js';
import { catchError } from '../../support/promise.js';
import { useSilentListeners } from '../../support/silent-listener.js';
import { type Conversation, answering, isWhole, useTcpServers } from '../../support/tcp-server.js';
import { GET, POST, useHttp } from './support.js';

const TIMEOUT = 400;
const serve = useTcpServers();
const listenSilently = useSilentListeners();
const connect = useHttp();
afterEach(() => jest.restoreAllMocks());

/** Acts on each whole request. */
const acting =
  (act: (socket: Socket) => unknown): Conversation =>
  (socket, received) =>
    void (isWhole(received) && act(socket));
const sending = (text: string): Conversation => acting((socket) => socket.write(text));
const ending = (text: string): Conversation => acting((socket) => socket.end(text));

/** Writes the same bytes again and again until the client closes the connection. */
const repeating = (head: string, chunk: string | Buffer): Conversation =>
  acting((socket) => {
    socket.write(head);
    const timer = everyRealMs(() => socket.write(chunk), 1);
    socket.on('close', () => clearReal(timer));
  });

const OK = answering(200, {}, '{"a":1}');
const LONG = 'HTTP/1.1 200 OK\r\ncontent-length: 209715200\r\n\r\n';
const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
const retryAt = new Date(Date.now() + 100_000).toUTCString();
const unreachable = (systemCode: string) => ({ code: 'upstream_unreachable', details: { systemCode } });
const TIMED_OUT = { code: 'upstream_timeout', details: { limit: TIMEOUT } };
const INVALID = { code: 'upstream_invalid_response' };

/** The results of one fault. Each fault is met by a read and by a sign-in, which get the same result. */
const FAULTS: readonly [title: string, fault: Conversation, result: object][] = [
  ['a reset before the request is complete', (socket) => socket.resetAndDestroy(), unreachable('ECONNRESET')],
  ['a reset after the request', acting((socket) => socket.resetAndDestroy()), unreachable('ECONNRESET')],
  ['an end without an answer', ending(''), unreachable('ECONNRESET')],
  ['no answer', () => undefined, TIMED_OUT],
  ['a drip of bytes', repeating(CHUNKED, '1\r\n \r\n'), TIMED_OUT],
  ['half a body', sending(`${LONG}{"a"`), TIMED_OUT],
  ['half a body and an end', ending(`${LONG}{"a"`), unreachable('ERR_BAD_RESPONSE')],
  ['half a head and an end', ending('HTTP/1.1 200 OK\r\ncontent-'), unreachable('ECONNRESET')],
  [
    'a body that is longer than its length',
    sending('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n7{}'),
    unreachable('HPE_INVALID_CONSTANT'),
  ],
  [
    'two lengths',
    sending('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}'),
    unreachable('HPE_UNEXPECTED_CONTENT_LENGTH'),
  ],
  ['another protocol', sending('SSH-2.0-x\r\n'), unreachable('HPE_INVALID_CONSTANT')],
  ['204', sending('HTTP/1.1 204 No Content\r\n\r\n'), { status: 204, body: undefined }],
  [
    'a status 3xx without an address',
    answering(301, {}, '{"statusCode":301}'),
    { status: 301, body: { statusCode: 301 } },
  ],
  ['a redirect', answering(307, { location: '/x' }, '{}'), INVALID],
  ['404', answering(404, {}, '<html>'), { status: 404, body: undefined }],
  ['429 with seconds', answering(429, { 'retry-after': '7' }, '{}'), { status: 429, retryAfter: 7 }],
  [
    '429 with a date',
    answering(429, { 'retry-after': retryAt }, '{}'),
    { status: 429, retryAfter: expect.any(Number) },
  ],
  ['429 with a word', answering(429, { 'retry-after': 'soon' }, '{}'), { status: 429, retryAfter: undefined }],
  ['429 alone', answering(429, {}, ''), { status: 429, body: undefined, retryAfter: undefined }],
  ['503', answering(503, { 'retry-after': '9' }, '<html>'), { status: 503, body: undefined, retryAfter: 9 }],
  ['HTML', answering(200, { 'content-type': 'text/html' }, '<html>'), { status: 200, body: undefined }],
  ['a byte order mark', answering(200, {}, '\uFEFF{"a":1}'), { status: 200, body: { a: 1 } }],
  ['another content type', answering(200, { 'content-type': 'image/png' }, '{"a":1}'), { status: 200, body: { a: 1 } }],
  ['200 MB', repeating(LONG, Buffer.alloc(65_536)), INVALID],
];

describe.each([
  ['a read', GET],
  ['a sign-in', POST],
])('%s', (_title, request) => {
  it.each(FAULTS)('ends in time and is not repeated after %s, and the next request succeeds', async (...row) => {
    const [, fault, result] = row;
    const first = new Set<Socket>();
    const server = await serve((socket, received) => {
      if (first.size === 0) first.add(socket);
      return first.has(socket) && received.split(/(?:GET|POST) \//).length === 2
        ? fault(socket, received)
        : OK(socket, 'GET \r\n\r\n');
    });
    const http = connect(server.url, { timeout: TIMEOUT });
    const startedAt = performance.now();
    const outcome: unknown = await http.request(request).catch((error: unknown) => error);
    expect(performance.now() - startedAt).toBeLessThan(TIMEOUT + 500);
    expect(outcome).toMatchObject(result);
    expect(server.received.join('').split(/(?:GET|POST) \//)).toHaveLength(2);
    expect(await http.request(request)).toMatchObject({ status: 200, body: { a: 1 } });
  });
});

const authority = new CertificateAuthority();
const at = (days: number): Date => new Date(Date.now() + days * 86_400_000);
const certified = async (settings: object): Promise<string> => (await serve(OK, settings)).url;
it.each<[title: string, arrange: () => Promise<string>, code: string, systemCode: string | undefined]>([
  ['a closed port', async () => 'https://127.0.0.1:1', 'upstream_unreachable', 'ECONNREFUSED'],
  ['an unknown host name', async () => `https://${'a'.repeat(64)}.example`, 'upstream_unreachable', 'ENOTFOUND'],
  ['a full queue', async () => `https://127.0.0.1:${await listenSilently()}`, 'upstream_timeout', undefined],
  [
    'a port that does not answer TLS',
    async () => (await serve()).url.replace('http', 'https'),
    'upstream_timeout',
    undefined,
  ],
  [
    'an old certificate',
    () => certified(authority.issue({ notBefore: at(-9), notAfter: at(-1) })),
    'upstream_unreachable',
    'CERT_HAS_EXPIRED',
  ],
  [
    'another host',
    () => certified(authority.issue({ hosts: ['other.example'] })),
    'upstream_unreachable',
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ],
  [
    'another authority',
    () => certified(new CertificateAuthority('Other').issue()),
    'upstream_unreachable',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ],
  [
    'a required client certificate',
    () => certified({ ...authority.issue(), requestCert: true, ca: authority.cert }),
    'upstream_unreachable',
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  ],
])('sends no request to a host with %s, and ends in time', async (_title, arrange, code, systemCode) => {
  const settings: Partial<HttpSettings> = { timeout: TIMEOUT, ca: [authority.cert] };
  const http = connect(await arrange(), settings);
  const startedAt = performance.now();
  const details = { ...(systemCode === undefined ? { limit: TIMEOUT } : { systemCode }), requestSent: false };
  expect(await catchError(http.request(POST))).toMatchObject({ code, details });
  expect(performance.now() - startedAt).toBeLessThan(TIMEOUT + 500);
});

it('names the time limit of the whole login in place of the time that was left', async () => {
  const server = await serve();
  const deadline = new Deadline(TIMEOUT);
  jest.spyOn(performance, 'now').mockReturnValue(performance.now() + TIMEOUT - 100);
  const error = await catchError(connect(server.url).request({ ...POST, deadline }));
  expect(error).toMatchObject({ ...TIMED_OUT, message: expect.stringContaining(`within ${TIMEOUT} ms`) });
});
