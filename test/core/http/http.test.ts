import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { clearInterval as clearReal, setInterval as everyRealMs } from 'node:timers';
import { gzipSync } from 'node:zlib';
import { jest } from '@jest/globals';
import axios from 'axios';
import { type HttpRequest, toAnswer } from '../../../src/core/http/http.js';
import { CertificateAuthority } from '../../support/certificate.js';
import { hostProcess } from '../../support/host-process.js';
import { findLeaks } from '../../support/leak.js';
import { Gate, catchError, until } from '../../support/promise.js';
import { type Conversation, answering, isWhole, toAnswer as toBytes, useTcpServers } from '../../support/tcp-server.js';
import { catchThrown } from '../../support/thrown.js';
import { GET, POST, SECRET, useHttp } from './support.js';

const LIMIT = GET.maxBytes;
const OK = answering(200, {}, '{"a":1}');
const serve = useTcpServers();
const connect = useHttp();
afterEach(() => {
  // A mock of a fake timer would otherwise be restored to the fake timer.
  jest.restoreAllMocks();
  jest.useRealTimers();
});

/** Stops the timers of the code under test. Sockets continue. */
const stopClock = (): typeof jest =>
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'Date', 'queueMicrotask'] });

/** Answers so many requests of the first connection, of the second and so on, and resets each connection after them. */
const answerThenReset = (...counts: number[]): Conversation => {
  const left = new Map<Socket, number>();
  return (socket) => {
    const count = left.get(socket) ?? counts.shift() ?? 0;
    left.set(socket, count - 1);
    return count > 0 ? void socket.write(toBytes(200, {}, '{}')) : void socket.resetAndDestroy();
  };
};

it.each([
  [7000, 9000],
  [9000, 7000],
])('the deadline of the client (%i ms) or the request (%i ms) ends an endless response', async (timeout, own) => {
  stopClock();
  const timers = jest.spyOn(globalThis, 'setTimeout');
  const arrived = new Gate();
  const server = await serve((socket, received) => {
    if (!isWhole(received)) return;
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    const timer = everyRealMs(() => socket.write('1\r\n \r\n'), 1);
    socket.on('close', () => clearReal(timer));
    arrived.open();
  });
  let settled = false;
  const exchange = connect(server.url, { timeout }).request({ ...POST, timeout: own });
  const failing = catchError(exchange).finally(() => (settled = true));
  await arrived.opened;
  await jest.advanceTimersByTimeAsync(6999);
  expect(settled).toBe(false);
  await jest.advanceTimersByTimeAsync(1);
  const details = { request: `POST ${server.url}/api/v3/signin`, limit: 7000 };
  expect(await failing).toMatchObject({ code: 'upstream_timeout', statusCode: 503, details });
  await server.idle();
  const hasRef = timers.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef());
  expect([server.connections, hasRef, jest.getTimerCount()]).toEqual([1, [false], 0]);
});

it('a GET on a used connection is not repeated if the response is not HTTP', async () => {
  const replies = [toBytes(200, {}, '{}'), `SSH-2.0-${SECRET}\r\n`, toBytes(200, {}, '{}')];
  const server = await serve((socket) => void socket.write(replies.shift() ?? ''));
  const http = connect(server.url);
  await http.request(GET);
  expect(await catchError(http.request(GET))).toMatchObject({ details: { systemCode: 'HPE_INVALID_CONSTANT' } });
  expect([server.connections, replies.length]).toEqual([1, 1]);
});

it('trusts only the authorities of the option ca, and sends nothing to another server', async () => {
  const [authority, another] = [new CertificateAuthority(), new CertificateAuthority('Another authority')];
  const server = await serve(OK, authority.issue());
  const ca = [another.cert, authority.cert];
  expect(await connect(server.url, { ca }).request(POST)).toMatchObject({ status: 200, body: { a: 1 } });
  const error = await catchError(connect(server.url, { ca: [another.cert] }).request(POST));
  expect(error).toMatchObject({ code: 'upstream_unreachable', cause: { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' } });
  expect(server.received.slice(1).join('')).toBe('');
});

it.each(['', 'http://127.0.0.1:9/', '//127.0.0.1:9/'])(
  'refuses the path %j, which has not one slash first',
  async (path) => {
    await expect(connect('http://127.0.0.1:9').request({ ...POST, path })).rejects.toThrow(TypeError);
  },
);

it.each(['/\\other.invalid/', '/@other.invalid/', '/:9/'])('sends the path %j to no other host', async (path) => {
  const server = await serve(OK);
  expect(await connect(server.url).request({ ...GET, path })).toMatchObject({ status: 200 });
  expect(server.received).toEqual([expect.stringMatching(/^GET \/\S* HTTP\/1\.1\r\n(?!.*content-)/is)]);
});

const form = { grant_type: 'refresh_token', refresh_token: 'a+b &=' };
it.each<[string, Partial<HttpRequest>, string, string]>([
  ['JSON if there is a form too', { body: { text: 'ü' }, form }, 'application/json', '{"text":"ü"}'],
  ['a form', { form }, 'application/x-www-form-urlencoded', 'grant_type=refresh_token&refresh_token=a%2Bb+%26%3D'],
])('sends our headers, the given headers and %s', async (_, content, type, body) => {
  const whole = `\r\n\r\n${Buffer.from(body).toString('latin1')}`;
  const response = toBytes(503, { 'retry-after': '7' }, '{"message":"wrong: canary"}');
  const server = await serve((socket, received) => received.endsWith(whole) && socket.write(response));
  const request = { ...GET, method: 'POST', ...content, headers: { 'x-authing-app-id': 'app' } } as const;
  const answer = { status: 503, body: { message: '(redacted: it repeats a secret)' }, retryAfter: 7 };
  expect(await connect(server.url).request({ ...request, secrets: [undefined, 'canary'] })).toEqual(answer);
  const [line, ...headers] = (server.received[0] ?? '').split('\r\n\r\n')[0]?.split('\r\n') ?? [];
  expect([line, ...headers.map((header) => header.toLowerCase()).toSorted()]).toEqual([
    'POST /oidc/keys HTTP/1.1',
    'accept-encoding: identity',
    'accept: application/json',
    'connection: keep-alive',
    `content-length: ${Buffer.byteLength(body)}`,
    `content-type: ${type}`,
    `host: 127.0.0.1:${server.port}`,
    'user-agent: passport-genauth',
    'x-authing-app-id: app',
  ]);
});

it.each<[idle: number, request: HttpRequest]>([
  [30_000, GET],
  [30_000, { ...POST, isRepeatable: true }],
  [4000, POST],
])('connections are kept for %i idle milliseconds, until close() is called', async (idle, request) => {
  const sockets: Socket[] = [];
  const listen = (message: unknown): unknown => sockets.push((message as { socket: Socket }).socket);
  subscribe('net.client.socket', listen);
  const server = await serve(OK);
  const http = connect(server.url);
  await http.request(request);
  await http.request(request);
  unsubscribe('net.client.socket', listen);
  expect([sockets.map(({ timeout }) => timeout), server.connections]).toEqual([[idle], 1]);
  http.close();
  await server.idle();
  const error = await catchError(http.request(request));
  expect(error).toMatchObject({ code: 'upstream_unreachable', details: { requestSent: false } });
  expect(server.connections).toBe(1);
});

it('a connection is used for 5 minutes after its first exchange, and then closed', async () => {
  const server = await serve(OK);
  const http = connect(server.url);
  const clock = jest.spyOn(performance, 'now').mockReturnValue(1000);
  await http.request(GET);
  clock.mockReturnValue(300_999);
  await http.request(GET);
  expect(server.connections).toBe(1);
  clock.mockReturnValue(301_000);
  await http.request(GET);
  await server.idle();
  await http.request(GET);
  expect(server.connections).toBe(2);
});

const REPEATABLE: HttpRequest = { ...POST, isRepeatable: true };
it.each<[string, HttpRequest, number[], string]>([
  ['repeats a GET if the server had closed the kept connection', GET, [1, 1], 'fulfilled'],
  ['repeats a POST that changes nothing', REPEATABLE, [1, 1], 'fulfilled'],
  ['repeats a GET only once', GET, [1, 0], 'rejected'],
  ['does not repeat a sign-in', POST, [1], 'rejected'],
])('connections %s', async (_, request, answers, expected) => {
  const server = await serve(answerThenReset(...answers));
  const http = connect(server.url);
  await http.request(request);
  const [result] = await Promise.allSettled([http.request(request)]);
  expect([result?.status, server.connections]).toEqual([expected, answers.length]);
});

it.each([2, 5])('connections that the server has closed are all given up after one of %i fails', async (count) => {
  const server = await serve(answerThenReset(...Array<number>(count).fill(1), 1, 1));
  const http = connect(server.url);
  await Promise.all(Array.from({ length: count }, () => http.request(GET)));
  expect(server.connections).toBe(count);
  expect(await http.request(GET)).toMatchObject({ status: 200 });
  expect(await http.request(GET)).toMatchObject({ status: 200 });
  expect(server.received.join('').split('GET ')).toHaveLength(count + 4);
});

it('close() also ends a request that is repeated on a new connection', async () => {
  let first: Socket | undefined;
  const server = await serve((socket, received) => {
    first ??= socket;
    if (socket === first)
      void (received.split('GET ').length === 2 ? socket.write(toBytes(200, {}, '{}')) : socket.resetAndDestroy());
  });
  const http = connect(server.url);
  await http.request(GET);
  const repeating = catchError(http.request(GET));
  await until(() => server.received[1] !== undefined && isWhole(server.received[1]));
  http.close();
  expect(await repeating).toMatchObject({ code: 'upstream_unreachable' });
});

const hang: Conversation = () => undefined;
it.each<[title: string, url: () => Promise<string>, requestSent: boolean]>([
  ['a closed port', async () => 'http://127.0.0.1:1', false],
  ['a reset', async () => (await serve((socket) => socket.resetAndDestroy())).url, true],
  ['no answer', async () => (await serve(hang)).url, true],
])('says after %s whether GenAuth may have received a sign-in', async (_title, url, requestSent) => {
  const origin = await url();
  const error = await catchError(connect(origin, { timeout: 200 }).request(POST));
  expect(error).toMatchObject({ details: { requestSent } });
  expect(error.message.endsWith('. GenAuth may have received the request')).toBe(requestSent);
  expect(await catchError(connect(origin, { timeout: 200 }).request(GET))).not.toMatchObject({
    message: expect.stringContaining('may have received'),
  });
});

it('shows a client certificate, and opens a new connection for each request without keepAlive', async () => {
  const authority = new CertificateAuthority();
  const settings = { ...authority.issue(), ca: authority.cert, requestCert: true, rejectUnauthorized: true };
  const server = await serve(OK, settings);
  const { cert, key } = authority.issue();
  const ca = [authority.cert];
  const http = connect(server.url, { ca, cert: [cert], key, keepAlive: false });
  for (const request of [POST, POST, GET]) expect(await http.request(request)).toMatchObject({ status: 200 });
  expect(server.connections).toBe(3);
  const error = await catchError(connect(server.url, { ca }).request(POST));
  expect([error.code, server.received[3]]).toEqual(['upstream_unreachable', undefined]);
});

it.each(['ca', 'no ca'])('checks the certificate in spite of NODE_TLS_REJECT_UNAUTHORIZED, with %s', async (option) => {
  const server = await serve(OK, new CertificateAuthority().issue());
  const ca = option === 'ca' ? [new CertificateAuthority('Another authority').cert] : undefined;
  hostProcess.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  const error = await catchError(connect(server.url, { ca }).request(POST));
  delete hostProcess.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  expect([error.code, server.received.join('')]).toEqual(['upstream_unreachable', '']);
});

it('connections of an exchange in progress are closed by close(), and the exchange is not repeated', async () => {
  const server = await serve((socket, received) => {
    if (received.split('GET ').length === 2) socket.write(toBytes(200, {}, '{}'));
  });
  const http = connect(server.url);
  await http.request(GET);
  const reading = catchError(http.request(GET));
  await until(() => server.received[0]?.split('GET ').length === 3);
  http.close();
  // The end of the application is no fault of GenAuth.
  const message = expect.stringContaining('the application closed the client during the request');
  expect(await reading).toMatchObject({ code: 'upstream_unreachable', message });
  expect([server.connections, server.received.join('').split('GET ').length]).toEqual([1, 3]);
});

it('accepts a body of maxBytes, and refuses one byte more and closes the connection', async () => {
  stopClock();
  const chunked = (length: number): Conversation =>
    answering(200, { 'transfer-encoding': 'chunked' }, `${length.toString(16)}\r\n${'7'.repeat(length)}\r\n0\r\n\r\n`);
  const server = await serve(chunked(LIMIT));
  expect(await connect(server.url).request(POST)).toMatchObject({ status: 200, body: expect.any(Number) });
  const other = await serve(chunked(LIMIT + 1));
  const details = { request: `POST ${other.url}/api/v3/signin`, limit: LIMIT };
  const error = await catchError(connect(other.url).request(POST));
  expect(error).toMatchObject({ code: 'upstream_invalid_response', statusCode: 502, details });
  expect(jest.getTimerCount()).toBe(0);
  await other.idle();
});

const parse = (data: string | Buffer, headers = {}, status = 200): unknown =>
  toAnswer('GET /', { status, headers, data: Buffer.from(data) });
const INVALID = { name: 'UpstreamError', code: 'upstream_invalid_response', statusCode: 502 };

it.each<[string | Buffer, unknown, number, object]>([
  ['{"a":[1,null]}', { a: [1, null] }, 299, { location: '/', 'content-encoding': 'Identity' }],
  ['<html>', undefined, 300, {}],
  ['\uFEFF{}', {}, 400, { location: '/', 'content-encoding': '' }],
  ['\uFEFF\uFEFF{}', undefined, 200, {}],
  [Buffer.from([0x22, 0xff, 0x22]), undefined, 200, {}],
])('response is parsed as UTF-8 JSON: %j is %j with status %i and the headers %j', (bytes, body, status, headers) => {
  expect(parse(bytes, headers, status)).toEqual({ status, body, retryAfter: undefined });
});

it.each([300, 399])('response of status %i with a location is refused as a redirect', (httpStatus) => {
  const error = catchThrown(() => parse('{"statusCode":200}', { location: `https://a/${SECRET}` }, httpStatus));
  const message = expect.stringContaining(
    'redirects are not followed. Compare appHost with the address that the console',
  );
  expect(error).toMatchObject({ ...INVALID, message, details: { request: 'GET /', httpStatus } });
  expect(findLeaks(error, [SECRET])).toEqual([]);
});

it.each([
  ['a redirect is not followed', 307, { location: '/other' }, '{}'],
  ['a content-encoding is not decompressed', 200, { 'content-encoding': 'gzip' }, gzipSync('{}')],
])('response with %s', async (_, httpStatus, headers, body) => {
  const server = await serve(answering(httpStatus, headers as Record<string, string>, body));
  const error = await catchError(connect(server.url).request(GET));
  expect(error).toMatchObject({ ...INVALID, details: { httpStatus } });
  expect(server.received.join('').split(' HTTP/1.1')).toHaveLength(2);
});

it.each([
  ['br, x-gzip', '"br, x-gzip"'],
  ['gzip canary-encoding', '"unknown"'],
  [['gzip'], '["gzip"]'],
])('response with content-encoding %j is refused, and the message names %s', (encoding, shown) => {
  const error = catchThrown(() => parse('{}', { 'content-encoding': encoding }));
  const message = expect.stringContaining(`content-encoding ${shown}, but`);
  expect(error).toMatchObject({ ...INVALID, message, details: { request: 'GET /', httpStatus: 200 } });
  expect(findLeaks(error, ['canary'])).toEqual([]);
});

it('response with HTTP 503 and a content-encoding is an outage with its Retry-After', () => {
  const headers = { 'content-encoding': 'gzip', 'retry-after': '7' };
  const error = { code: 'upstream_unavailable', statusCode: 503, retryAfter: 7, details: { httpStatus: 503 } };
  expect(catchThrown(() => parse('{}', headers, 503))).toMatchObject(error);
});

it.each<[unknown, number | undefined]>([
  ['3601', 3600],
  ['9999999999', undefined],
  ['7, 8', undefined],
  [['7'], undefined],
  ['Sat, 28 Nov 2026 12:16:40 GMT', 1000],
  ['Sat, 28 Nov 2026 13:00:01 GMT', 3600],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ['Sat, 99 Nov 2026 12:16:40 GMT', undefined],
  ['2026-11-28T12:16:40Z', undefined],
])('response with Retry-After %j has retryAfter %j', (value, retryAfter) => {
  jest.useFakeTimers({ now: Date.UTC(2026, 10, 28, 12, 0, 0, 1) });
  expect(parse('', { 'retry-after': value })).toMatchObject({ retryAfter });
});

const evil = (): never => {
  throw new Error('the gadget was called');
};
const GADGETS: [unknown, string][] = [
  [evil, 'adapter beforeRedirect createConnection lookup onUploadProgress paramsSerializer parseReviver'],
  [[evil], 'transformRequest transformResponse'],
  [{ request: evil, visitor: evil, evil: '1' }, 'transport formSerializer form httpAgent params'],
  [() => false, 'getHeaders validateStatus checkServerIdentity'],
  [{ username: 'evil', password: 'evil' }, 'auth'],
  [{ protocol: 'http', host: '127.0.0.1', port: 9 }, 'proxy'],
  [true, 'allowAbsoluteUrls decompress insecureHTTPParser withXSRFToken'],
  [false, 'agent rejectUnauthorized'],
  [1, 'maxBodyLength maxContentLength maxRate maxRedirects port httpVersion family'],
  ['http://127.0.0.1:9/evil', 'baseURL url path data method ca'],
  ['127.0.0.9', 'host hostname localAddress'],
  ['stream', 'responseType responseEncoding'],
  ['/nowhere.sock', 'socketPath'],
];
// Jest runs tests in their own realm. The modules of Node.js have another Object.prototype.
const prototypes = [Object.prototype, Object.getPrototypeOf(EventEmitter.prototype) as object];
const pollute = async <T>(value: unknown, names: string, run: () => Promise<T>): Promise<T> => {
  const places = prototypes.flatMap((prototype) => names.split(' ').map((name) => [prototype, name] as const));
  for (const [prototype, name] of places) {
    Object.defineProperty(prototype, name, { value, configurable: true, enumerable: true, writable: true });
  }
  return Promise.resolve()
    .then(run)
    .finally(() => places.forEach(([prototype, name]) => Reflect.deleteProperty(prototype, name)));
};

it.each(GADGETS)('sends the same bytes if Object.prototype has %p as %s', async (value, names) => {
  const server = await serve(OK);
  const exchange = (): Promise<unknown> => connect(server.url).request(POST);
  await exchange();
  expect(await pollute(value, names, exchange)).toEqual({ status: 200, body: { a: 1 }, retryAfter: undefined });
  expect(server.received[1]).toBe(server.received[0]);
});

it('refuses an unknown certificate if Object.prototype has false as rejectUnauthorized', async () => {
  const server = await serve(OK, new CertificateAuthority().issue());
  const error = await pollute(false, 'rejectUnauthorized', () => catchError(connect(server.url).request(POST)));
  expect([error.code, server.received.join('')]).toEqual(['upstream_unreachable', '']);
});

it('sends the same bytes with other axios.defaults and interceptors', async () => {
  const untouched = { ...axios.defaults };
  const server = await serve(OK);
  const exchange = async (): Promise<unknown> => [
    await connect(server.url).request(GET),
    await connect(server.url).request(POST),
  ];
  const answers = await exchange();
  const functions = { adapter: evil, lookup: evil, transformRequest: [evil], transformResponse: [evil] };
  const headers = { common: { authorization: 'evil' }, get: { 'x-evil': '1' }, post: { 'x-evil': '1' } };
  const limits = { timeout: 1, maxRedirects: 5, maxContentLength: 1, maxBodyLength: 1, socketPath: '/nowhere' };
  const places = { baseURL: 'http://127.0.0.1:9/', params: { evil: '1' }, auth: { username: 'e', password: 'e' } };
  Object.assign(axios.defaults, { headers, transport: {} }, places, functions, limits);
  const interceptor = axios.interceptors.request.use(evil);
  const changed = await exchange();
  axios.interceptors.request.eject(interceptor);
  for (const name of Object.keys(axios.defaults)) Reflect.deleteProperty(axios.defaults, name);
  Object.assign(axios.defaults, untouched);
  expect([changed, server.received.slice(2)]).toEqual([answers, server.received.slice(0, 2)]);
});
