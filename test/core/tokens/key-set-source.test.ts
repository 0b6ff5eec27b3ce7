import { jest } from '@jest/globals';
import fc from 'fast-check';
import { GenAuthError } from '../../../src/core/errors.js';
import { Http } from '../../../src/core/http/http.js';
import { resolveOptions } from '../../../src/core/options/resolve-options.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { KeySetSource } from '../../../src/core/tokens/key-set-source.js';
import { APP_ID, DISCOVERY_PATH, JWKS_PATH, type Reply, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { propertyRuns } from '../../support/property.js';
import { Gate, catchError, until } from '../../support/promise.js';
import { answering, useTcpServers } from '../../support/tcp-server.js';

const APP_JWKS_PATH = `/${APP_ID}/oidc/.well-known/jwks.json`;
const OWN_PATH = '/keys.json?tenant=1';
const NOT_FOUND: Reply = { status: 404 };
const KEY_SET = { keys: ['key set'] };

const issuer = useIssuer();
const serve = useTcpServers();
const opened: { close: () => void }[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

function open(options: Partial<GenAuthOptions> = {}): KeySetSource {
  const resolved = resolveOptions({ ...issuer().clientOptions, timeout: 1000, ...options });
  const http = new Http({ origin: resolved.appHost, timeout: resolved.timeout });
  const source = new KeySetSource(resolved, http);
  opened.push(http, source);
  return source;
}
const paths = (): string[] => issuer().requests.map(({ path }) => path);
const reply = (path: string, answer: Reply = { body: KEY_SET }): void => issuer().reply(path, answer);
const discover = (changes: object): void =>
  reply(DISCOVERY_PATH, { body: { issuer: issuer().issuer, jwks_uri: `${issuer().url}${OWN_PATH}`, ...changes } });
beforeEach(() => [JWKS_PATH, APP_JWKS_PATH, OWN_PATH].forEach((path) => reply(path)));

it('the address comes from a discovery document that has only jwks_uri and the issuer of the option', async () => {
  const own = 'https://custom.example/oidc';
  discover({ issuer: own });
  expect([await open({ issuer: own }).requestKeySet(), paths()]).toEqual([KEY_SET, [DISCOVERY_PATH, OWN_PATH]]);
  expect(issuer().requests[0]).toMatchObject({ method: 'GET', body: '' });
});

it('the discovery document may have the issuer with the application ID', async () => {
  discover({ issuer: `${issuer().url}/${APP_ID}/oidc` });
  expect(await open({ appHost: `${issuer().url}/${APP_ID}/` }).requestKeySet()).toEqual(KEY_SET);
  expect(paths()).toEqual([DISCOVERY_PATH, OWN_PATH]);
});

it('the address is the documented one, then the one with the application ID, if the others return 404', async () => {
  [DISCOVERY_PATH, JWKS_PATH].forEach((path) => reply(path, NOT_FOUND));
  expect(await open().requestKeySet()).toEqual(KEY_SET);
  expect(paths()).toEqual([DISCOVERY_PATH, JWKS_PATH, APP_JWKS_PATH]);
});

it('the address is not guessed if the path of the discovery document returns 404', async () => {
  discover({});
  reply(OWN_PATH, NOT_FOUND);
  const { code } = await catchError(open().requestKeySet());
  expect([code, paths()]).toEqual(['upstream_invalid_response', [DISCOVERY_PATH, OWN_PATH]]);
});

it('the address is remembered after a failure of GenAuth, and is read again after it stopped working', async () => {
  reply(JWKS_PATH, NOT_FOUND);
  const source = open();
  await source.requestKeySet();
  reply(APP_JWKS_PATH, { status: 500 });
  await catchError(source.requestKeySet());
  reply(APP_JWKS_PATH, { status: 410 });
  await catchError(source.requestKeySet());
  discover({});
  expect(await source.requestKeySet()).toEqual(KEY_SET);
  const remembered = [APP_JWKS_PATH, APP_JWKS_PATH];
  expect(paths()).toEqual([DISCOVERY_PATH, JWKS_PATH, APP_JWKS_PATH, ...remembered, DISCOVERY_PATH, OWN_PATH]);
});

it('the option jwksUri is the only requested address, and on the same host needs no other HTTP client', async () => {
  const http = new Http({ origin: issuer().url, timeout: 1000 });
  opened.push(http);
  const createHttp = jest.fn<(settings: object) => Http>();
  const options = resolveOptions({ ...issuer().clientOptions, jwksUri: `${issuer().url}${JWKS_PATH}` });
  const source = new KeySetSource(options, http, createHttp);
  reply(JWKS_PATH, NOT_FOUND);
  expect(await catchError(source.requestKeySet())).toMatchObject({ code: 'upstream_invalid_response' });
  expect([paths(), createHttp.mock.calls, source.close()]).toEqual([[JWKS_PATH], [], undefined]);
});

it('the option jwksUri on another host has its own connections, which close() ends', async () => {
  const server = await serve(answering(200, {}, JSON.stringify(KEY_SET)));
  const source = open({ jwksUri: `${server.url}/keys` });
  expect(await source.requestKeySet()).toEqual(KEY_SET);
  source.close();
  await server.idle();
  expect([server.connections, issuer().count()]).toEqual([1, 0]);
});

const ISSUER =
  `but this client expects ["URL/oidc", "URL/${APP_ID}/oidc"]: correct appHost, ` +
  'or set the option issuer to the claim iss of the tokens';
const ADDRESS = 'which is not on that host: if this address is correct, set the option jwksUri to it';
it.each([
  ['issuer', '"URL/oidc/"', 'discovery_issuer_mismatch', ISSUER],
  ['jwks_uri', `"${JWKS_PATH}"`, 'discovery_jwks_uri_refused', ADDRESS],
  ['jwks_uri', `["URL${JWKS_PATH}"]`, 'discovery_jwks_uri_refused', ADDRESS],
  ['jwks_uri', '"URL//evil.invalid/keys"', 'discovery_jwks_uri_refused', ADDRESS],
])('a discovery document is refused if its %s is %s', async (name, value, code, fix) => {
  const { url } = issuer();
  const actual: unknown = JSON.parse(value.replace('URL', url));
  discover({ [name]: actual });
  const error = await catchError(open().requestKeySet());
  const details = { expected: { issuer: [`${url}/oidc`, `${url}/${APP_ID}/oidc`], jwks_uri: url }[name], actual };
  expect(error).toMatchObject({ name: 'ConfigurationError', code, statusCode: 500, details });
  expect(error.message.replaceAll(url, 'URL')).toBe(`The discovery document of URL has the ${name} ${value}, ${fix}.`);
  expect(paths()).toEqual([DISCOVERY_PATH]);
});

it('a discovery document is refused if its jwks_uri is on another host, to which nothing is sent', async () => {
  const foreign = await serve();
  discover({ jwks_uri: `${issuer().url}@${foreign.url.slice('http://'.length)}/keys` });
  expect(await catchError(open().requestKeySet())).toMatchObject({ code: 'discovery_jwks_uri_refused' });
  expect([foreign.connections, paths()]).toEqual([0, [DISCOVERY_PATH]]);
});

const SECRET = 'canary-in-the-answer';
const INVALID = { code: 'upstream_invalid_response' };
const DOWN: Reply = { status: 503, body: { keys: [SECRET] }, headers: { 'retry-after': '17' } };
const DOCUMENT = "GenAuth's discovery document";
const NO_OBJECT = "GenAuth's key set could not be loaded: HTTP 200 without a JSON object.";
it.each<[string, path: string, Reply, expected: object]>([
  ['HTTP 503', DISCOVERY_PATH, DOWN, { retryAfter: 17, message: `${DOCUMENT} could not be loaded: HTTP 503.` }],
  ['HTTP 201', JWKS_PATH, { status: 201, body: { keys: [SECRET] } }, INVALID],
  ['HTML', JWKS_PATH, { body: `<html>${SECRET}` }, { ...INVALID, message: NO_OBJECT }],
  ['more than 256 KB', JWKS_PATH, { body: { keys: [], x: SECRET.repeat(13_200) } }, INVALID],
])('refuses %s', async (_title, path, answer, expected) => {
  reply(path, answer);
  const error = await catchError(open().requestKeySet());
  expect(error).toMatchObject({ name: 'UpstreamError', ...expected });
  expect(findLeaks(error, [SECRET])).toEqual([]);
});

it('waits at most 5 s for all requests together, even if the option timeout is longer', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'Date', 'queueMicrotask'] });
  const [first, second] = [new Gate(), new Gate()];
  issuer().reply(DISCOVERY_PATH, () => first.opened.then(() => NOT_FOUND));
  issuer().reply(JWKS_PATH, () => second.opened.then(() => NOT_FOUND));
  const failing = catchError(open({ timeout: 60_000 }).requestKeySet());
  await until(() => issuer().count() === 1);
  await jest.advanceTimersByTimeAsync(3000);
  first.open();
  await until(() => issuer().count() === 2);
  await jest.advanceTimersByTimeAsync(2000);
  expect(await failing).toMatchObject({ code: 'upstream_timeout', message: expect.stringContaining(' 2000 ms') });
  jest.useRealTimers();
  second.open();
});

it('a discovery document with any values causes no request to another server and no foreign error', async () => {
  const values = fc.oneof(fc.anything(), fc.webUrl(), fc.constantFrom('', '//x/keys', `${issuer().url}@x/`, {}, null));
  const property = fc.asyncProperty(values, values, async (jwksUri, iss) => {
    reply(DISCOVERY_PATH, { body: { jwks_uri: jwksUri, issuer: iss } });
    const result: unknown = await open()
      .requestKeySet()
      .catch((error: unknown) => error);
    expect(result instanceof GenAuthError || result).toEqual(result instanceof GenAuthError || KEY_SET);
    expect(paths().filter((path) => ![DISCOVERY_PATH, JWKS_PATH, APP_JWKS_PATH].includes(path))).toEqual([]);
  });
  await fc.assert(property, propertyRuns(50));
});
