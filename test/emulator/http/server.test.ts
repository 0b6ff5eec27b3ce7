import { jest } from '@jest/globals';
import type { EmulatorEndpoint, EmulatorFault } from '../../../src/emulator/index.js';
import { ENDPOINTS } from '../../../src/emulator/state/faults.js';
import { until } from '../../support/promise.js';
import { getRefreshable, refresh } from '../oidc/requests.js';
import { asForm, asJson, asUser, inTurn, send, signIn, signInBody, useEmulator } from '../support.js';

const emulator = useEmulator();

/** Endpoint → its path, method and status without credentials. */
const ROUTES: Record<EmulatorEndpoint, [path: string, method: string, status: number]> = {
  signin: ['/api/v3/signin', 'POST', 200],
  jwks: ['/oidc/.well-known/jwks.json', 'GET', 200],
  discovery: ['/oidc/.well-known/openid-configuration', 'GET', 200],
  system: ['/api/v3/system', 'GET', 200],
  token: ['/oidc/token', 'POST', 400],
  captcha: ['/api/v3/get-captcha-code', 'GET', 200],
  introspection: ['/oidc/token/introspection', 'POST', 400],
  revocation: ['/oidc/token/revocation', 'POST', 400],
  userinfo: ['/oidc/me', 'GET', 401],
  endsession: ['/oidc/session/end', 'GET', 200],
  auth: ['/oidc/auth', 'GET', 400],
};
const SIGN_IN = ROUTES.signin[0];

const ask = (endpoint: EmulatorEndpoint = 'jwks') => {
  const [path, method] = ROUTES[endpoint];
  return send(emulator().url + path, { method });
};

it.each([
  ['GET', '/api/v3/signin', 501, 'The emulator does not implement GET /api/v3/signin.'],
  ['POST', '/API/v3/signin', 404, 'The emulator does not serve this path.'],
])('%s %s is answered with %i, without the query', async (method, path, statusCode, message) => {
  const { status, headers, body } = await send(`${emulator().url}${path}?token=secret`, { method });
  const requestId: unknown = expect.stringMatching(/^[\da-f-]{36}$/);
  expect([status, body]).toEqual([statusCode, { statusCode, message, requestId }]);
  expect([headers['x-powered-by'], headers.etag]).toEqual([undefined, undefined]);
});

const LARGE = { a: 'x'.repeat(102_400) };
const BROKEN = { ...asJson(''), body: '{"password":"canary"' };
const LATIN1 = { ...asJson({}), headers: { 'content-type': 'application/json; charset=latin1' } };
const NOT_JSON = 'The body is not a JSON object.';
const TOO_LARGE = 'The body is larger than 100kb.';

it.each<[string, string, object, number, object]>([
  ['a list', SIGN_IN, asJson([]), 200, { statusCode: 400, message: 'The body must be a JSON object.' }],
  ['a broken sign-in', SIGN_IN, BROKEN, 200, { statusCode: 400, message: NOT_JSON }],
  ['another charset', SIGN_IN, LATIN1, 200, { statusCode: 415, message: 'The request could not be read.' }],
  ['a large sign-in', SIGN_IN, asJson(LARGE), 200, { statusCode: 413, message: TOO_LARGE }],
  ['a broken control request', '/emulator/v1/faults', BROKEN, 400, { statusCode: 400, message: NOT_JSON }],
  ['a large form', '/oidc/token', asForm(LARGE), 413, { error: 'invalid_request', error_description: TOO_LARGE }],
])('%s is answered without quoting it', async (_title, path, options, status, body) => {
  expect(await send(emulator().url + path, options)).toMatchObject({ status, body });
});

it('a failure of the emulator is answered with 500 without its message', async () => {
  const { refresh_token } = await getRefreshable(emulator());
  const sign = jest.spyOn(crypto.subtle, 'sign').mockRejectedValue(new Error('canary'));
  const [{ status, answer }, oauth] = [await signIn(emulator()), await refresh(emulator(), refresh_token)];
  sign.mockRestore();
  expect([status, answer]).toEqual([500, { statusCode: 500, message: 'The emulator failed.' }]);
  const body = { error: 'server_error', error_description: 'The emulator failed.' };
  expect(oauth).toMatchObject({ status: 500, body });
});

describe('a fault', () => {
  it('replaces the response of its own endpoint until it is cleared, and every request is counted', async () => {
    const readStatuses = () => Promise.all(ENDPOINTS.map(async (endpoint) => (await ask(endpoint)).status));
    ENDPOINTS.forEach((endpoint, i) => emulator().fault({ endpoint, status: 500 + i }));
    expect(await readStatuses()).toEqual(ENDPOINTS.map((_, i) => 500 + i));
    emulator().clearFaults();
    expect(await readStatuses()).toEqual(ENDPOINTS.map((endpoint) => ROUTES[endpoint][2]));
    expect(ENDPOINTS.map((endpoint) => emulator().requests(endpoint))).toEqual(ENDPOINTS.map(() => 2));
  });

  it.each<[Partial<EmulatorFault>, number, string, string]>([
    [{ body: '<html>' }, 200, '<html>', 'text/html'],
    [{ body: { a: [1] } }, 200, '{"a":[1]}', 'application/json'],
    [{ body: null }, 200, 'null', 'application/json'],
    [{ status: 404 }, 404, '', 'text/html'],
    [{ body: 'x', status: 502, oversize: 4, dripMs: 0 }, 502, 'x   ', 'text/html'],
    [{ garbage: 64 }, 200, expect.stringMatching(/^[^]{20,64}$/) as unknown as string, 'application/json'],
  ])('%j sends its response', async (fault, status, text, type) => {
    emulator().fault({ endpoint: 'jwks', ...fault });
    expect(await ask()).toMatchObject({ status, text, headers: { 'content-type': `${type}; charset=utf-8` } });
  });

  it('is recorded at the sign-in unless the sign-in runs, without a password', async () => {
    const faults = [{ status: 500 }, { drop: true }, { garbage: 3 }, { delayMs: 1 }, { oversize: 9000 }];
    faults.forEach((fault) => emulator().fault({ endpoint: 'signin', times: 1, ...fault }));
    const body = signInBody(emulator(), asUser('alice', 'passw0rd', { context: 'passw0rd' }));
    await inTurn(faults, () => send(emulator().url + SIGN_IN, asJson(body)).catch(() => undefined));
    const outcomes = ['fault', 'fault', 'fault', 'success', 'success'];
    const records = outcomes.map((outcome) => ({ account: 'alice', context: '***', outcome }));
    expect(emulator().signIns).toMatchObject(records);
  });

  it('ends its delay when the client disconnects, and signs in no user', async () => {
    emulator().fault({ endpoint: 'signin', delayMs: 600_000 });
    const controller = new AbortController();
    const init = { ...asJson(signInBody(emulator())), signal: controller.signal };
    const asking = fetch(emulator().url + SIGN_IN, init).catch(({ name }: Error) => name);
    await until(() => emulator().requests('signin') === 1);
    controller.abort();
    expect(await asking).toBe('AbortError');
    await until(() => emulator().signIns[0]?.outcome === 'fault');
  });

  it.each<[EmulatorEndpoint, object, number]>([
    ['endsession', { dripMs: 0 }, 0],
    ['jwks', { oversize: 200_000 }, 200_000],
  ])('slows down or enlarges the usual response of %s: %j', async (endpoint, fault, size) => {
    const { text, status, headers } = await ask(endpoint);
    emulator().fault({ endpoint, ...fault });
    const slow = await ask(endpoint);
    expect([slow.status, slow.headers['content-type']]).toEqual([status, headers['content-type']]);
    expect(slow.text === text.padEnd(size)).toBe(true);
  });
});
