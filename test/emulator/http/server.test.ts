import { createHook } from 'node:async_hooks';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { jest } from '@jest/globals';
import { type EmulatorFault, GenAuthEmulator } from '../../../src/emulator/index.js';
import { until } from '../../support/promise.js';
import {
  asUser,
  getRefreshable,
  JWKS,
  postSignIn,
  rawRequest,
  refresh,
  signIn,
  signInBody,
  useEmulator,
} from '../support.js';

const emulator = useEmulator();
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const JSON_TYPE = { 'content-type': 'application/json' };

const PATHS = {
  signin: '/api/v3/signin',
  jwks: JWKS,
  discovery: '/oidc/.well-known/openid-configuration',
  system: '/api/v3/system',
  captcha: '/api/v3/get-captcha-code',
  token: '/oidc/token',
  introspection: '/oidc/token/introspection',
  revocation: '/oidc/token/revocation',
  userinfo: '/oidc/me',
  endsession: '/oidc/session/end',
} as const;
type Endpoint = keyof typeof PATHS;
const ENDPOINTS = Object.keys(PATHS) as Endpoint[];
const POSTS: readonly string[] = ['signin', 'token', 'introspection', 'revocation'];

/** Sends a request without credentials. */
const ask = (endpoint: Endpoint = 'jwks') =>
  rawRequest(emulator().url + PATHS[endpoint], { method: POSTS.includes(endpoint) ? 'POST' : 'GET' });

/** Opens a response whose body is read later. */
async function open({ url } = emulator()) {
  const outgoing = request(url + JWKS, { agent: false });
  outgoing.on('error', () => undefined);
  outgoing.end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  incoming.on('error', () => undefined);
  return { outgoing, incoming };
}

/** Ids of the running timers of {@link LONG} milliseconds. Only the emulator starts such timers. */
const LONG = 600_000;
const timers = new Set<number>();
const hook = createHook({
  init: (id, _type, _trigger, { _idleTimeout }: { _idleTimeout?: number }) =>
    void (_idleTimeout === LONG && timers.add(id)),
  destroy: (id) => void timers.delete(id),
});
beforeAll(() => hook.enable());
afterAll(() => hook.disable());

describe('a path that is not served', () => {
  it.each([
    ['GET', '/api/v3/signin', 501],
    ['POST', '/api/v3/signin/', 501],
    ['POST', '/api/v3/system', 501],
    ['GET', '/api', 501],
    ['GET', '/oidc/token', 501],
    ['PUT', '/oidc/me', 501],
    ['POST', '/oidc/session/end', 501],
    ['POST', '/API/v3/signin', 404],
    ['GET', '/apis', 404],
    ['GET', '/', 404],
    ['GET', '/emulator', 404],
  ])('%s %s is answered with %i', async (method, path, statusCode) => {
    const { status, headers, body } = await rawRequest(emulator().url + path, { method });
    const messages: Record<number, string> = { 501: `The emulator does not implement ${method} ${path}.` };
    const message = messages[statusCode] ?? 'The emulator does not serve this path.';
    const requestId: unknown = expect.stringMatching(/^[\da-f-]{36}$/);
    expect([status, JSON.parse(body)]).toEqual([statusCode, { statusCode, message, requestId }]);
    expect(headers).not.toHaveProperty('x-powered-by');
  });

  it('is named without its query, and at most 256 characters long', async () => {
    const { body } = await rawRequest(`${emulator().url}/oidc/${'x'.repeat(300)}?id_token_hint=secret`);
    const message = `The emulator does not implement GET /oidc/${'x'.repeat(250)}.`;
    expect(JSON.parse(body)).toMatchObject({ message });
  });
});

const LARGE = `a=${'x'.repeat(102_400)}`;
const LATIN1 = { 'content-type': 'application/json; charset=latin1' };
const FORM_REQUIRED = 'the body must be application/x-www-form-urlencoded';

it.each<[string, string, object, string, number, number, string]>([
  ['a broken sign-in', PATHS.signin, JSON_TYPE, '{', 200, 400, 'The body is not a JSON object.'],
  ['a large sign-in', PATHS.signin, JSON_TYPE, LARGE, 200, 413, 'The body is larger than 100kb.'],
  ['a sign-in in another charset', PATHS.signin, LATIN1, '{}', 200, 415, 'The request could not be read.'],
  ['a broken control request', '/emulator/v1/faults', JSON_TYPE, '{', 400, 400, 'The body is not a JSON object.'],
])('%s is answered with an envelope', async (_title, path, headers, body, status, statusCode, message) => {
  const answer = await rawRequest(emulator().url + path, { method: 'POST', headers: { ...headers }, body });
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([status, { statusCode, message }]);
});

it.each<[string, string, object, string, number, string]>([
  ['a large form', PATHS.token, FORM, LARGE, 413, 'The body is larger than 100kb.'],
  ['JSON in place of a form', PATHS.revocation, JSON_TYPE, '{', 400, FORM_REQUIRED],
])('%s is answered with an OAuth error', async (_title, path, headers, body, status, error_description) => {
  const answer = await rawRequest(emulator().url + path, { method: 'POST', headers: { ...headers }, body });
  expect([answer.status, JSON.parse(answer.body)]).toEqual([status, { error: 'invalid_request', error_description }]);
});

it('a failure of the emulator is answered with 500 without its message', async () => {
  const { refresh_token } = await getRefreshable(emulator());
  const sign = jest.spyOn(crypto.subtle, 'sign').mockRejectedValue(new Error('canary'));
  const [{ status, answer }, oauth] = [await signIn(emulator()), await refresh(emulator(), refresh_token)];
  sign.mockRestore();
  expect([status, answer]).toEqual([500, { statusCode: 500, message: 'The emulator failed.' }]);
  const text = '{"error":"server_error","error_description":"The emulator failed."}';
  expect(oauth).toMatchObject({ status: 500, text });
});

describe('a fault', () => {
  it.each(ENDPOINTS)('replaces only the response of %s, until it is cleared', async (endpoint) => {
    const readStatuses = async () =>
      Promise.all(ENDPOINTS.map(async (each) => [each, (await ask(each)).status] as const));
    const usual = Object.fromEntries(await readStatuses());
    emulator().fault({ endpoint, status: 503, body: { message: 'busy' } });
    expect(Object.fromEntries(await readStatuses())).toEqual({ ...usual, [endpoint]: 503 });
    expect(await ask(endpoint)).toMatchObject({ status: 503, body: '{"message":"busy"}' });
    emulator().clearFaults();
    expect(Object.fromEntries(await readStatuses())).toEqual(usual);
    expect(emulator().requests(endpoint)).toBe(4);
  });

  it.each<[string, Partial<EmulatorFault>, number, string, string]>([
    ['a text', { body: '<html>' }, 200, '<html>', 'text/html; charset=utf-8'],
    ['an empty text', { body: '' }, 200, '', 'text/html; charset=utf-8'],
    ['an object', { body: { a: [1] } }, 200, '{"a":[1]}', 'application/json; charset=utf-8'],
    ['null', { body: null }, 200, 'null', 'application/json; charset=utf-8'],
    ['no body', { status: 404 }, 404, '', 'text/html; charset=utf-8'],
    ['a text with spaces', { body: 'x', status: 502, oversize: 4 }, 502, 'x   ', 'text/html; charset=utf-8'],
    ['a slow text', { body: 'x', oversize: 3, dripMs: 0 }, 200, 'x  ', 'text/html; charset=utf-8'],
    ['a slow empty body', { status: 500, dripMs: 1 }, 500, '', 'text/html; charset=utf-8'],
  ])('sends %s', async (_title, fault, status, body, type) => {
    emulator().fault({ endpoint: 'jwks', ...fault });
    expect(await ask()).toMatchObject({ status, body, headers: { 'content-type': type } });
  });

  it.each<[string, Partial<EmulatorFault>, number | string]>([
    ['its own response', { status: 503 }, 503],
    ['the usual response', {}, 200],
    ['each next byte', { delayMs: 0, dripMs: 20, body: '12345' }, 200],
    ['the end of the connection', { drop: true }, 'ECONNRESET'],
  ])('waits before %s', async (_title, fault, expected) => {
    emulator().fault({ endpoint: 'jwks', delayMs: 80, ...fault });
    const start = performance.now();
    const outcome = await ask().then(
      ({ status }) => status,
      ({ code }: { code: string }) => code,
    );
    expect([outcome, performance.now() - start > 75]).toEqual([expected, true]);
  });

  it('is recorded at the sign-in unless the sign-in runs', async () => {
    const post = () =>
      postSignIn(emulator(), signInBody(emulator())).then(
        ({ status }) => status,
        ({ name }: Error) => name,
      );
    emulator().fault({ endpoint: 'signin', status: 500, times: 1 });
    emulator().fault({ endpoint: 'signin', drop: true, times: 1 });
    emulator().fault({ endpoint: 'signin', delayMs: 1, times: 1 });
    emulator().fault({ endpoint: 'signin', oversize: 9000, times: 1 });
    emulator().fault({ endpoint: 'signin', garbage: 3, times: 1 });
    expect((await postSignIn(emulator(), '{')).answer.statusCode).toBe(400);
    const statuses = [await post(), await post(), await post(), await post(), await post()];
    expect(statuses).toEqual(['SyntaxError', 'TypeError', 200, 200, 'SyntaxError']);
    const outcomes = emulator().signIns.map(({ account, outcome }) => `${account} ${outcome}`);
    expect(outcomes).toEqual(['alice fault', 'alice fault', 'alice success', 'alice success', 'alice fault']);
  });

  it('uses up a refresh token only if the refresh runs', async () => {
    const { refresh_token } = await getRefreshable(emulator());
    emulator().fault({ endpoint: 'token', status: 503, times: 1 });
    emulator().fault({ endpoint: 'token', drop: true, times: 1 });
    emulator().fault({ endpoint: 'token', delayMs: 1, times: 1 });
    const ask4 = () =>
      refresh(emulator(), refresh_token).then(
        ({ status }) => status,
        () => 'dropped',
      );
    expect([await ask4(), await ask4(), await ask4(), await ask4()]).toEqual([503, 'dropped', 200, 400]);
  });

  it('ends its delay when the client disconnects, and signs in no user', async () => {
    emulator().fault({ endpoint: 'signin', delayMs: LONG });
    const controller = new AbortController();
    const body = JSON.stringify(signInBody(emulator()));
    const init = { method: 'POST', headers: JSON_TYPE, body, signal: controller.signal };
    const asking = fetch(emulator().url + PATHS.signin, init).catch(({ name }: Error) => name);
    await until(() => timers.size === 1);
    controller.abort();
    expect(await asking).toBe('AbortError');
    await until(() => timers.size === 0 && emulator().signIns.length === 1);
    expect(emulator().signIns).toMatchObject([{ account: 'alice', outcome: 'fault' }]);
  });
});

describe('a slow response', () => {
  it('has the usual headers and arrives byte by byte', async () => {
    const whole = await ask();
    emulator().fault({ endpoint: 'jwks', dripMs: 0 });
    const { incoming } = await open();
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    expect([incoming.statusCode, Buffer.concat(chunks).toString()]).toEqual([200, whole.body]);
    expect(incoming.headers).toMatchObject({
      'content-length': String(whole.body.length),
      'content-type': 'application/json; charset=utf-8',
    });
    // The network may join a few bytes.
    expect(chunks.filter(({ length }) => length === 1).length).toBeGreaterThan(whole.body.length / 2);
  });

  it.each<[string, Endpoint, number, object]>([
    ['the headers of a refusal', 'userinfo', 401, { 'www-authenticate': 'Bearer error="invalid_token"' }],
    ['the type of a page', 'endsession', 200, { 'content-type': 'text/html; charset=utf-8' }],
  ])('keeps %s', async (_title, endpoint, status, headers) => {
    emulator().fault({ endpoint, dripMs: 0 });
    expect(await ask(endpoint)).toMatchObject({ status, headers });
  });

  it('ends when the emulator stops', async () => {
    const own = await new GenAuthEmulator().start();
    own.fault({ endpoint: 'jwks', dripMs: LONG, times: 1 });
    own.fault({ endpoint: 'jwks', oversize: 1_073_741_824, times: 1 });
    const both = [await open(own), await open(own)];
    await until(() => timers.size === 1);
    const ends = both.map(({ incoming }) => new Promise((resolve) => incoming.resume().once('close', resolve)));
    await own.stop();
    await Promise.all(ends);
    await until(() => timers.size === 0);
  });
});

describe('an oversized response', () => {
  it.each([10, 1000, 65_536, 5_000_001])('of %i bytes is the usual response and spaces', async (oversize) => {
    const { body } = await ask();
    emulator().fault({ endpoint: 'jwks', oversize });
    const answer = await ask();
    const expected = body.padEnd(oversize);
    expect([answer.headers['content-length'], answer.body === expected]).toEqual([String(expected.length), true]);
  });

  it('of 1 GiB is never held in memory', async () => {
    const before = process.memoryUsage.rss();
    emulator().fault({ endpoint: 'jwks', oversize: 1_073_741_824 });
    const { outgoing, incoming } = await open();
    let received = 0;
    incoming.on('data', ({ length }: Buffer) => (received += length));
    await until(() => received > 20_000_000);
    outgoing.destroy();
    expect(incoming.headers['content-length']).toBe('1073741824');
    expect(process.memoryUsage.rss() - before).toBeLessThan(200_000_000);
  });
});

it('garbage is JSON by its type and has new random bytes for each request', async () => {
  emulator().fault({ endpoint: 'jwks', status: 500, garbage: 64, oversize: 65, dripMs: 0 });
  const get = async () => {
    const response = await fetch(emulator().url + JWKS);
    const bytes = Buffer.from(await response.arrayBuffer());
    return { status: response.status, type: response.headers.get('content-type'), bytes };
  };
  const [first, second] = [await get(), await get()];
  expect(first).toMatchObject({ status: 500, type: 'application/json; charset=utf-8' });
  expect([first.bytes.length, first.bytes.at(-1), first.bytes.equals(second.bytes)]).toEqual([65, 32, false]);
});

it('records no password of a sign-in that a fault answers', async () => {
  emulator().fault({ endpoint: 'signin', status: 500 });
  const body = signInBody(emulator(), asUser('alice', 'canary', { context: 'canary' }));
  await rawRequest(emulator().url + PATHS.signin, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) });
  expect(emulator().signIns).toMatchObject([{ context: '***' }]);
});
