import { clearInterval as clearReal, setInterval as everyRealMs } from 'node:timers';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { jest } from '@jest/globals';
import { Http, type HttpRequest } from '../../../src/core/http/http.js';
import { findLeaks } from '../../support/leak.js';
import { Gate, catchError, until } from '../../support/promise.js';
import { type Conversation, answering, isWhole, toAnswer, useTcpServers } from '../../support/tcp-server.js';

const LIMIT = 4096;
const GET: HttpRequest = { method: 'GET', path: '/oidc/keys', maxBytes: LIMIT };
const POST: HttpRequest = { method: 'POST', path: '/api/v3/signin', body: { text: 'ünïcode' }, maxBytes: LIMIT };

const serve = useTcpServers();
const clients: Http[] = [];
function connect(origin: string, timeout = 10_000): Http {
  const http = new Http({ origin, timeout, ca: undefined, proxy: undefined });
  clients.push(http);
  return http;
}
afterEach(() => {
  jest.useRealTimers();
  for (const client of clients.splice(0)) client.close();
});

/** Only the timers of the code under test stand still; sockets go on. */
const stopClock = (): typeof jest =>
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'Date', 'queueMicrotask'] });

describe('the deadline is one for the whole exchange', () => {
  const HEADERS = 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n';
  it.each<[string, Conversation]>([
    ['no answer at all', () => {}],
    ['half a status line', (socket) => socket.write('HTTP/1.1 2')],
    ['headers and no body', (socket) => socket.write(HEADERS)],
    ['half a body', (socket) => socket.write(`${HEADERS}{"keys":`)],
    [
      'one byte after the other, without end',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
        const timer = everyRealMs(() => socket.write('1\r\n \r\n'), 1);
        socket.on('close', () => clearReal(timer));
      },
    ],
  ])('%s: upstream_timeout at the deadline, and the connection is given up', async (_, converse) => {
    stopClock();
    const arrived = new Gate();
    const server = await serve((socket, received) => {
      if (!isWhole(received)) return;
      converse(socket, received);
      arrived.open();
    });
    let settled = false;
    const failing = catchError(connect(server.url, 7000).request(POST)).finally(() => (settled = true));
    await arrived.opened;
    await jest.advanceTimersByTimeAsync(6999);
    expect(settled).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    const error = await failing;
    expect(error).toMatchObject({ code: 'upstream_timeout', statusCode: 503 });
    expect(error.cause).toBeUndefined();
    expect(error.message).toContain('7000 ms');
    await server.idle();
    expect(server.connections).toBe(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each([
    ['shorter than the setting: its own counts', 7000, 2000, 2000],
    ['longer than the setting: the setting counts', 7000, 9000, 7000],
  ])('a request with a timeout of its own, %s', async (_, setting, timeout, expected) => {
    stopClock();
    const arrived = new Gate();
    const server = await serve(() => arrived.open());
    const failing = catchError(connect(server.url, setting).request({ ...GET, timeout }));
    await arrived.opened;
    await jest.advanceTimersByTimeAsync(expected);
    expect(await failing).toMatchObject({
      code: 'upstream_timeout',
      message: expect.stringContaining(`${expected} ms`),
    });
  });

  it('its timer never keeps the process alive, and is cleared with the answer', async () => {
    const timers = jest.spyOn(globalThis, 'setTimeout');
    const server = await serve(answering(200, {}, '{}'));
    await connect(server.url, 600_000).request(GET);
    const made = timers.mock.results.map(({ value }) => value as NodeJS.Timeout);
    timers.mockRestore();
    expect(made.map((timer) => timer.hasRef())).toEqual([false]);
    stopClock();
    await connect(server.url).request(GET);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('an idle kept connection does not keep the process alive either', async () => {
    const count = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    await until(() => count() === 0);
    const server = await serve(answering(200, {}, '{}'));
    await connect(server.url).request(GET);
    await until(() => count() < 2);
    // The one that is left is the server's own end.
    expect([count(), server.connections]).toEqual([1, 1]);
  });
});

describe('size', () => {
  const text = (length: number): string => `"${'x'.repeat(length - 2)}"`;
  const chunk = (length: number): string => `${length.toString(16)}\r\n${text(length)}\r\n`;
  const CHUNKED = { 'transfer-encoding': 'chunked' };

  it.each<[string, Record<string, string>, string]>([
    ['announced', {}, text(LIMIT)],
    ['chunked', CHUNKED, `${chunk(LIMIT)}0\r\n\r\n`],
  ])('%s, at the limit: read', async (_, headers, bytes) => {
    const server = await serve(answering(200, headers, bytes));
    expect(await connect(server.url).request(POST)).toMatchObject({ status: 200, body: 'x'.repeat(LIMIT - 2) });
  });

  it.each<[string, Record<string, string>, string]>([
    ['announced, one over', {}, text(LIMIT + 1)],
    ['chunked, one over', CHUNKED, `${chunk(LIMIT + 1)}0\r\n\r\n`],
    ['chunked, over the limit and never ending', CHUNKED, chunk(LIMIT * 3)],
    ['announced as 1 TB, a bit of it sent', { 'content-length': String(2 ** 40) }, text(LIMIT * 3)],
  ])('%s: refused, and the connection is given up', async (_, headers, bytes) => {
    const server = await serve(answering(200, headers, bytes));
    const error = await catchError(connect(server.url).request(POST));
    expect(error).toMatchObject({ code: 'upstream_invalid_response', statusCode: 502 });
    expect(error.message).toContain(`larger than ${LIMIT} bytes`);
    await server.idle();
  });

  it('a content-encoding that is none: its words are not repeated', async () => {
    const server = await serve(answering(200, { 'content-encoding': 'canary-encoding' }, '{}'));
    const error = await catchError(connect(server.url).request(POST));
    expect(error).toMatchObject({ code: 'upstream_invalid_response' });
    expect(findLeaks(error, ['canary'])).toEqual([]);
  });

  const bomb = Buffer.alloc(64 * 1024 * 1024, ' ');
  it.each([
    ['gzip', gzipSync(bomb, { level: 1 })],
    ['br', brotliCompressSync(bomb.subarray(0, bomb.length / 4))],
    ['deflate', deflateSync(bomb, { level: 1 })],
    ['gzip, gzip', gzipSync(gzipSync(bomb, { level: 1 }))],
    ['zstd', Buffer.from('any')],
    ['x-gzip', gzipSync('{}')],
  ])('content-encoding %s was not asked for: refused undecoded', async (encoding, bytes) => {
    const server = await serve(answering(200, { 'content-encoding': encoding }, bytes));
    const before = process.memoryUsage().rss;
    const error = await catchError(connect(server.url).request({ ...POST, maxBytes: 1024 * 1024 }));
    expect(process.memoryUsage().rss - before).toBeLessThan(12 * 1024 * 1024);
    expect(error).toMatchObject({
      code: 'upstream_invalid_response',
      message: expect.stringContaining(`"${encoding}"`),
    });
    expect(server.received[0]).toMatch(/^accept-encoding: identity\r$/im);
  });

  it('content-encoding identity is none', async () => {
    const server = await serve(answering(200, { 'content-encoding': 'identity' }, '{"a":1}'));
    expect(await connect(server.url).request(GET)).toMatchObject({ body: { a: 1 } });
  });
});

describe('connections', () => {
  it('are kept: three exchanges, one connection; close() ends it, and the next exchange opens another', async () => {
    let answered = 0;
    const server = await serve((socket, received) => {
      if (!isWhole(received.slice(answered))) return;
      answered = received.length;
      socket.write(toAnswer(200, {}, '{}'));
    });
    const http = connect(server.url);
    await http.request(GET);
    await http.request(POST);
    await http.request(GET);
    expect(server.connections).toBe(1);
    http.close();
    await server.idle();
    answered = 0;
    await http.request(GET);
    expect(server.connections).toBe(2);
  });

  it('close() during a read on a kept connection: it fails, and is not made again', async () => {
    let answered = false;
    const server = await serve((socket, received) => {
      if (isWhole(received) && !answered) socket.write(toAnswer(200, {}, '{}'));
      answered = true;
    });
    const http = connect(server.url);
    await http.request(GET);
    const reading = catchError(http.request(GET));
    await until(() => server.received[0]?.split('GET ').length === 3);
    http.close();
    expect(await reading).toMatchObject({ code: 'upstream_unreachable' });
    expect([server.connections, server.received.join('').split('GET ').length]).toEqual([1, 3]);
  });

  it('close() ends an exchange under way', async () => {
    const arrived = new Gate();
    const server = await serve(() => arrived.open());
    const http = connect(server.url);
    const failing = catchError(http.request(POST));
    await arrived.opened;
    http.close();
    expect(await failing).toMatchObject({ code: 'upstream_unreachable' });
  });

  it('carry what was given, with three headers of our own', async () => {
    const server = await serve(answering(200, {}, '{}'));
    await connect(server.url).request({ ...POST, headers: { 'x-authing-app-id': 'app' } });
    const [head = '', body = ''] = (server.received[0] ?? '').split('\r\n\r\n');
    expect(Buffer.from(body, 'latin1').toString()).toBe(JSON.stringify(POST.body));
    const [line, ...headers] = head.split('\r\n');
    expect(line).toBe('POST /api/v3/signin HTTP/1.1');
    expect(headers.map((header) => header.toLowerCase()).toSorted()).toEqual([
      'accept-encoding: identity',
      'accept: application/json',
      'connection: keep-alive',
      `content-length: ${Buffer.byteLength(JSON.stringify(POST.body))}`,
      'content-type: application/json',
      `host: 127.0.0.1:${server.port}`,
      'user-agent: passport-genauth',
      'x-authing-app-id: app',
    ]);
  });
});

describe('answers', () => {
  it.each<[string, string | Buffer, unknown]>([
    ['JSON', '{"a":[1,null]}', { a: [1, null] }],
    ['a text', '"x"', 'x'],
    ['null', 'null', null],
    ['nothing', '', undefined],
    ['HTML', '<html>', undefined],
    ['half a JSON', '{"a":', undefined],
    ['two JSONs', '{}{}', undefined],
    ['a byte order mark before JSON', '\uFEFF{}', undefined],
    ['invalid UTF-8 in JSON', Buffer.from([0x22, 0xff, 0x22]), undefined],
    ['UTF-16', Buffer.from('{}', 'utf16le'), undefined],
  ])('%s', async (_, bytes, body) => {
    const server = await serve(answering(200, {}, bytes));
    expect(await connect(server.url).request(GET)).toEqual({ status: 200, body, retryAfter: undefined });
  });

  // GenAuth's own "further step" may come with the HTTP status that its statusCode says; only an address makes a redirect.
  it.each([300, 301, 302, 303, 307, 308, 399])(
    'HTTP %i without a Location is an answer, read as any other',
    async (status) => {
      const server = await serve(answering(status, {}, '{"statusCode":301,"apiCode":1636}'));
      const body = { statusCode: 301, apiCode: 1636 };
      expect(await connect(server.url).request(POST)).toEqual({ status, body, retryAfter: undefined });
    },
  );

  it.each(['', '#', '/same/host'])('HTTP 302 to %j is a redirect, and so no answer', async (location) => {
    const server = await serve(answering(302, { location }, '{"statusCode":200}'));
    const error = await catchError(connect(server.url).request(POST));
    expect(error).toMatchObject({ code: 'upstream_invalid_response', statusCode: 502 });
    expect(server.connections).toBe(1);
  });

  it.each([201, 204, 304, 400, 401, 404, 429, 500, 503, 599])('HTTP %i is an answer, not an error', async (status) => {
    const server = await serve(answering(status, {}, ''));
    expect(await connect(server.url).request(POST)).toMatchObject({ status, body: undefined });
  });

  it('__proto__ in JSON reaches nobody’s prototype', async () => {
    const server = await serve(
      answering(200, {}, '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
    );
    const { body } = await connect(server.url).request(GET);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect((body as { polluted?: unknown }).polluted).toBeUndefined();
  });

  const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toUTCString();
  it.each<[string, string, number, number]>([
    ['0', '0', 0, 0],
    ['7', '7', 7, 7],
    ['an hour', '3600', 3600, 3600],
    ['more than an hour: capped', '3601', 3600, 3600],
    ['years: capped', '999999999', 3600, 3600],
    ['a date in 1,000 seconds', inSeconds(1000), 970, 1000],
    ['a date tomorrow: capped', inSeconds(86_400), 3600, 3600],
    ['a date of 1970', 'Thu, 01 Jan 1970 00:00:00 GMT', 0, 0],
  ])('Retry-After: %s', async (_, value, least, most) => {
    const server = await serve(answering(503, { 'retry-after': value }, ''));
    const { retryAfter } = await connect(server.url).request(GET);
    expect(retryAfter).toBeGreaterThanOrEqual(least);
    expect(retryAfter).toBeLessThanOrEqual(most);
  });

  it.each(['garbage', '', '1e3', '0x10', 'NaN', 'soon 5', '-5', '1.5', '7, 8'])(
    'Retry-After: %j says nothing',
    async (value) => {
      const server = await serve(answering(503, { 'retry-after': value }, ''));
      expect(await connect(server.url).request(GET)).toEqual({ status: 503, body: undefined, retryAfter: undefined });
    },
  );
});
