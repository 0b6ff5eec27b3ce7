import { once } from 'node:events';
import { connect } from 'node:net';
import { GenAuthEmulator } from '../../../src/emulator/index.js';
import {
  getRefreshable,
  getTokens,
  postSignIn,
  rawRequest,
  refresh,
  signInBody,
  type Tokens,
  until,
  useEmulator,
} from '../support.js';

const emulator = useEmulator({ rotateRefreshTokens: false });

const PATHS = {
  signin: '/api/v3/signin',
  jwks: '/oidc/.well-known/jwks.json',
  discovery: '/oidc/.well-known/openid-configuration',
  system: '/api/v3/system',
  captcha: '/api/v3/get-captcha-code',
  token: '/oidc/token',
  introspection: '/oidc/token/introspection',
  revocation: '/oidc/token/revocation',
  userinfo: '/oidc/me',
  endsession: '/oidc/session/end',
} as const;

let tokens: Tokens;

beforeAll(async () => {
  tokens = await getRefreshable(emulator());
  emulator().reset();
});

async function ask(endpoint: keyof typeof PATHS) {
  const url = `${emulator().url}${PATHS[endpoint]}`;
  if (endpoint === 'userinfo') return rawRequest(`${url}?access_token=${tokens.access_token}`);
  if (endpoint === 'token' || endpoint === 'introspection' || endpoint === 'revocation') {
    const { appId: client_id, appSecret: client_secret } = emulator();
    const refresh_token = String(tokens.refresh_token);
    const app = { client_id, client_secret, token: 'unknown', grant_type: 'refresh_token', refresh_token };
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return rawRequest(url, { method: 'POST', headers, body: new URLSearchParams(app).toString() });
  }
  if (endpoint !== 'signin') return rawRequest(url);
  const headers = { 'content-type': 'application/json' };
  return rawRequest(url, { method: 'POST', headers, body: JSON.stringify(signInBody(emulator())) });
}

const ENDPOINTS = Object.keys(PATHS) as (keyof typeof PATHS)[];

describe.each(ENDPOINTS)('a fault at %s', (endpoint) => {
  test('answers in its place, leaves the others alone, and stays until it is cleared', async () => {
    emulator().fault({ endpoint, status: 503, body: { message: 'busy' } });
    for (let round = 0; round < 3; round++) {
      expect(await ask(endpoint)).toMatchObject({ status: 503, body: '{"message":"busy"}' });
    }
    for (const other of ENDPOINTS.filter((name) => name !== endpoint)) expect((await ask(other)).status).toBe(200);
    emulator().clearFaults();
    expect((await ask(endpoint)).status).toBe(200);
    expect(emulator().requests(endpoint)).toBe(4);
  });

  test('that drops closes the connection without a byte', async () => {
    emulator().fault({ endpoint, drop: true, times: 1 });
    await expect(ask(endpoint)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect((await ask(endpoint)).status).toBe(200);
  });
});

describe('a body', () => {
  test.each<[string, unknown, string, string]>([
    ['a string as it is', '<html>502 Bad Gateway</html>', '<html>502 Bad Gateway</html>', 'text/html'],
    ['half an answer', '{"statusCode":200,', '{"statusCode":200,', 'text/html'],
    ['an empty string', '', '', 'text/html'],
    ['an object as JSON', { a: [1] }, '{"a":[1]}', 'application/json'],
    ['a list as JSON', [], '[]', 'application/json'],
    ['null as JSON', null, 'null', 'application/json'],
    ['a number as JSON', 7, '7', 'application/json'],
  ])('is sent: %s', async (_name, body, text, type) => {
    emulator().fault({ endpoint: 'discovery', body, times: 1 });
    const answer = await ask('discovery');
    expect(answer).toMatchObject({ status: 200, body: text });
    expect(answer.headers['content-type']).toBe(`${type}; charset=utf-8`);
  });

  test('is empty if only a status was given', async () => {
    emulator().fault({ endpoint: 'jwks', status: 404, times: 1 });
    expect(await ask('jwks')).toMatchObject({ status: 404, body: '' });
  });

  test('may be larger than what the emulator itself would read', async () => {
    emulator().fault({ endpoint: 'jwks', body: 'x'.repeat(3_000_000), times: 1 });
    expect((await ask('jwks')).body).toHaveLength(3_000_000);
  });
});

describe('times', () => {
  test('ends the fault', async () => {
    emulator().fault({ endpoint: 'jwks', status: 500, times: 2 });
    const statuses = [await ask('jwks'), await ask('jwks'), await ask('jwks')].map(({ status }) => status);
    expect(statuses).toEqual([500, 500, 200]);
  });

  test('several faults are used up in order', async () => {
    emulator().fault({ endpoint: 'jwks', status: 500, times: 1 });
    emulator().fault({ endpoint: 'jwks', status: 502, times: 1 });
    emulator().fault({ endpoint: 'jwks', status: 503 });
    const statuses = [await ask('jwks'), await ask('jwks'), await ask('jwks'), await ask('jwks')];
    expect(statuses.map(({ status }) => status)).toEqual([500, 502, 503, 503]);
  });

  test('one without an end gives way to the next', async () => {
    emulator().fault({ endpoint: 'jwks', status: 500 });
    emulator().fault({ endpoint: 'jwks', status: 502, times: 1 });
    expect([(await ask('jwks')).status, (await ask('jwks')).status]).toEqual([502, 200]);
  });
});

describe('delay', () => {
  test('comes before the true answer', async () => {
    emulator().fault({ endpoint: 'jwks', delayMs: 80, times: 1 });
    const start = performance.now();
    expect(JSON.parse((await ask('jwks')).body)).toHaveProperty('keys');
    expect(performance.now() - start).toBeGreaterThan(75);
  });

  test('comes before the fault’s own answer', async () => {
    emulator().fault({ endpoint: 'jwks', delayMs: 80, status: 503, times: 1 });
    const start = performance.now();
    expect((await ask('jwks')).status).toBe(503);
    expect(performance.now() - start).toBeGreaterThan(75);
  });

  test('comes before a drop', async () => {
    emulator().fault({ endpoint: 'jwks', delayMs: 80, drop: true, times: 1 });
    const start = performance.now();
    await expect(ask('jwks')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(performance.now() - start).toBeGreaterThan(75);
  });

  test('ends when the caller leaves, and nobody is signed in then', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    emulator().fault({ endpoint: 'signin', delayMs: 600_000, times: 1 });
    const body = JSON.stringify(signInBody(emulator()));
    const socket = connect(emulator().port, '127.0.0.1');
    await once(socket, 'connect');
    const before = timers();
    socket.write(`POST /api/v3/signin HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`);
    socket.write(`content-length: ${body.length}\r\n\r\n${body}`);
    await until(() => emulator().requests('signin') === 1 && timers() > before);
    socket.destroy();
    await until(() => emulator().signIns.length === 1);
    expect(emulator().signIns).toMatchObject([{ account: 'alice', outcome: 'fault' }]);
    await until(() => timers() <= before);
  });
});

describe('at the sign-in', () => {
  test('an answered or dropped attempt is in the journal; a delayed one ends as it ends', async () => {
    emulator().fault({ endpoint: 'signin', status: 500, times: 1 });
    emulator().fault({ endpoint: 'signin', drop: true, times: 1 });
    emulator().fault({ endpoint: 'signin', delayMs: 1, times: 1 });
    await ask('signin');
    await expect(ask('signin')).rejects.toThrow('socket hang up');
    await ask('signin');
    expect(emulator().signIns.map(({ outcome }) => outcome)).toEqual(['fault', 'fault', 'success']);
    expect(emulator().requests('signin')).toBe(3);
  });

  test('a body that is no JSON meets no fault', async () => {
    emulator().fault({ endpoint: 'signin', status: 500, times: 1 });
    expect((await postSignIn(emulator(), '{')).answer.statusCode).toBe(400);
    expect((await ask('signin')).status).toBe(500);
  });
});

test('reset clears faults and counts', async () => {
  emulator().fault({ endpoint: 'signin', status: 500 });
  await ask('signin');
  emulator().reset();
  expect([emulator().requests('signin'), emulator().signIns]).toEqual([0, []]);
  await getTokens(emulator());
});

test('a refresh that a fault answered or dropped uses nothing up; one that it delayed does', async () => {
  await using own = await new GenAuthEmulator().start();
  const { refresh_token } = await getRefreshable(own);
  own.fault({ endpoint: 'token', status: 503, body: { error: 'temporarily_unavailable' }, times: 1 });
  own.fault({ endpoint: 'token', drop: true, times: 1 });
  own.fault({ endpoint: 'token', delayMs: 1, times: 1 });
  expect(await refresh(own, refresh_token)).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
  await expect(refresh(own, refresh_token)).rejects.toThrow('fetch failed');
  expect((await refresh(own, refresh_token)).status).toBe(200);
  expect((await refresh(own, refresh_token)).status).toBe(400);
  expect(own.requests('token')).toBe(4);
});

test.each<[string, unknown, string]>([
  ['no object', 7, 'fault: expected an object, got 7.'],
  ['no endpoint', { status: 500 }, 'fault.endpoint: expected one of signin, jwks, discovery, system, token, captcha'],
  ['an unknown endpoint', { endpoint: 'login', status: 500 }, 'got "login"'],
  ['an inherited name', { endpoint: 'constructor', status: 500 }, 'got "constructor"'],
  [
    'nothing to do',
    { endpoint: 'jwks' },
    'fault: set at least one of status, body, dripMs, oversize, garbage, delayMs and drop.',
  ],
  ['nothing to do, in numbers', { endpoint: 'jwks', delayMs: 0, drop: false }, 'set at least one of'],
  ['a status below 200', { endpoint: 'jwks', status: 100 }, 'fault.status: expected a whole number from 200 to 599'],
  ['a status above 599', { endpoint: 'jwks', status: 600 }, 'got 600'],
  ['a status as text', { endpoint: 'jwks', status: '500' }, 'got "500"'],
  [
    'a negative delay',
    { endpoint: 'jwks', delayMs: -1 },
    'fault.delayMs: expected a whole number from 0 to 2147483647',
  ],
  ['a delay above a timer', { endpoint: 'jwks', delayMs: 2 ** 31 }, 'got 2147483648'],
  ['a drop that is no boolean', { endpoint: 'jwks', drop: 1 }, 'fault.drop: expected true or false, got 1.'],
  [
    'a drop that answers',
    { endpoint: 'jwks', drop: true, status: 500 },
    'fault.drop: it cannot be combined with status',
  ],
  ['no times', { endpoint: 'jwks', status: 500, times: 0 }, 'fault.times: expected a whole number from 1'],
  ['a typing error', { endpoint: 'jwks', delay: 5 }, 'unknown property "delay". Use one of: endpoint, status'],
  ['a body beyond JSON', { endpoint: 'jwks', body: () => 1 }, 'fault.body: expected a value that JSON can hold'],
  ['a body with a bigint', { endpoint: 'jwks', body: { a: 1n } }, 'fault.body: expected a value that JSON can hold'],
])('%s is refused', async (_name, fault, message) => {
  expect(() => emulator().fault(fault as never)).toThrow(
    expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining(message) }),
  );
  expect((await ask('jwks')).status).toBe(200);
});

test('counting an unknown endpoint is refused', () => {
  expect(() => emulator().requests('login' as never)).toThrow('endpoint: expected one of signin, jwks');
});
