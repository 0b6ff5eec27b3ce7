import { jest } from '@jest/globals';
import fc from 'fast-check';
import { GenAuthError } from '../../../src/core/errors.js';
import { Http } from '../../../src/core/http/http.js';
import { resolveOptions } from '../../../src/core/options/resolve-options.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { KeySets } from '../../../src/core/tokens/key-sets.js';
import { KeySetSource } from '../../../src/core/tokens/key-set-source.js';
import { APP_ID, DISCOVERY_PATH, JWKS_PATH, type Reply, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { propertyRuns } from '../../support/property.js';
import { Gate, catchError, until } from '../../support/promise.js';
import { createRsaKey } from '../../support/rsa-key.js';
import { answering, useTcpServers } from '../../support/tcp-server.js';

const APP_DISCOVERY_PATH = `/${APP_ID}${DISCOVERY_PATH}`;
const APP_JWKS_PATH = `/${APP_ID}${JWKS_PATH}`;
const ALL_PATHS = [DISCOVERY_PATH, JWKS_PATH, APP_DISCOVERY_PATH, APP_JWKS_PATH];
const OWN_PATH = '/keys.json?tenant=1';
const NOT_FOUND: Reply = { status: 404 };
const host = createRsaKey({ kid: 'host' });
const wanted = createRsaKey({ kid: 'wanted' });

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
const reply = (path: string, answer: Reply): void => issuer().reply(path, answer);
const discover = (changes: object): void =>
  reply(DISCOVERY_PATH, { body: { issuer: issuer().issuer, jwks_uri: `${issuer().url}${OWN_PATH}`, ...changes } });
beforeEach(() => {
  reply(DISCOVERY_PATH, NOT_FOUND);
  reply(JWKS_PATH, { body: { keys: [host.jwk] } });
  reply(APP_JWKS_PATH, { body: { keys: [{ ...host.jwk, kid: 'app' }] } });
  reply(OWN_PATH, { body: { keys: [{ ...host.jwk, kid: 'own' }] } });
});

const request = (source: KeySetSource, kid?: string, known = new KeySets()): Promise<KeySets> =>
  source.requestKeySets(known, (keySet) => (kid === undefined ? keySet.size > 0 : keySet.find(kid).length > 0));
/** Requests the key set, and returns the key IDs, or the code of the error, and the paths of the requests. */
const ask = async (source: KeySetSource, kid?: string): Promise<unknown[]> => {
  const asked = paths().length;
  const result = await request(source, kid).then(
    ({ kids }) => kids.join(),
    ({ code }: GenAuthError) => code,
  );
  // A request on a kept connection that was reset is repeated.
  return [result, ...new Set(paths().slice(asked))];
};

it('the address comes from a discovery document that has only jwks_uri and the issuer of the option', async () => {
  const own = 'https://custom.example/oidc';
  discover({ issuer: own });
  expect(await ask(open({ issuer: own }))).toEqual(['own', DISCOVERY_PATH, OWN_PATH]);
  expect(issuer().requests[0]).toMatchObject({ method: 'GET', body: '' });
});

it('the discovery document may have the issuer with the application ID', async () => {
  discover({ issuer: `${issuer().url}/${APP_ID}/oidc` });
  expect(await ask(open({ appHost: `${issuer().url}/${APP_ID}/` }))).toEqual(['own', DISCOVERY_PATH, OWN_PATH]);
});

const ENVELOPE = { statusCode: 499, apiCode: 2000, message: 'x' };
const NO_KEY: [string, Reply][] = [
  ['HTTP 404', { status: 404 }],
  ['HTTP 400', { status: 400 }],
  ['HTTP 401', { status: 401, body: ENVELOPE }],
  ['HTTP 499 with an envelope', { status: 499, body: ENVELOPE }],
  ['HTTP 200 with an envelope', { body: ENVELOPE }],
  ['HTTP 201', { status: 201, body: { keys: [wanted.jwk] } }],
  ['a page', { body: '<html></html>' }],
  ['a redirect', { status: 302, headers: { location: '/login' } }],
  ['an answer that is too large', { body: 'x'.repeat(300_000) }],
  ['an empty body', { body: '' }],
  ['no keys', { body: { keys: [] } }],
  ['an unusable key', { body: { keys: [{ ...wanted.jwk, alg: 'ES256' }] } }],
  ['the key of a different application', { body: { keys: [host.jwk] } }],
];
describe.each(NO_KEY)('an address that answers with %s', (_title, answer) => {
  it('is left for the next address', async () => {
    [DISCOVERY_PATH, JWKS_PATH, APP_DISCOVERY_PATH].forEach((path) => reply(path, answer));
    reply(APP_JWKS_PATH, { body: { keys: [wanted.jwk] } });
    const [kids, ...asked] = await ask(open(), 'wanted');
    expect([String(kids).split(',').at(-1), ...asked]).toEqual(['wanted', ...ALL_PATHS]);
  });

  it('is left for the discovery document below the application ID', async () => {
    [DISCOVERY_PATH, JWKS_PATH, APP_JWKS_PATH].forEach((path) => reply(path, answer));
    reply(OWN_PATH, { body: { keys: [wanted.jwk] } });
    const issuers = { issuer: `${issuer().url}/${APP_ID}/oidc`, jwks_uri: issuer().url + OWN_PATH };
    reply(APP_DISCOVERY_PATH, { body: issuers });
    const [, ...asked] = await ask(open(), 'wanted');
    expect(asked).toEqual([DISCOVERY_PATH, JWKS_PATH, APP_DISCOVERY_PATH, OWN_PATH]);
  });
});

it('a shared host works with the option issuer alone', async () => {
  reply(JWKS_PATH, { body: ENVELOPE });
  reply(DISCOVERY_PATH, { body: { issuer: issuer().issuer, jwks_uri: issuer().url + OWN_PATH } });
  const source = open({ issuer: 'https://pool.example/oidc' });
  expect(await ask(source)).toEqual(['app', DISCOVERY_PATH, JWKS_PATH, APP_DISCOVERY_PATH, APP_JWKS_PATH]);
});

it('a shared host whose discovery document names the key set of the tenant elsewhere is searched on', async () => {
  const own = { issuer: 'https://pool.example/oidc', jwks_uri: 'https://pool.example/oidc/keys' };
  [DISCOVERY_PATH, APP_DISCOVERY_PATH].forEach((path) => reply(path, { body: own }));
  expect(await ask(open({ issuer: own.issuer }), 'app')).toEqual(['host,app', ...ALL_PATHS]);
});

it('all addresses are asked again after all were asked once', async () => {
  const source = open();
  const all = await request(source, 'wanted');
  expect(all.isComplete).toBe(true);
  issuer().requests.length = 0;
  expect((await request(source, 'host', all)).kids).toEqual(['host', 'app']);
  expect(paths()).toEqual(ALL_PATHS);
});

it('the keys of all addresses are returned if none has the key of the token', async () => {
  reply(DISCOVERY_PATH, { body: { issuer: issuer().issuer, jwks_uri: issuer().url + JWKS_PATH } });
  expect(await ask(open(), 'wanted')).toEqual(['host,app', ...ALL_PATHS]);
});

it('an error lists every address and its answer if no address has a key set', async () => {
  reply(JWKS_PATH, { body: '<html>' });
  reply(APP_DISCOVERY_PATH, { body: ENVELOPE });
  reply(APP_JWKS_PATH, { status: 302, headers: { location: '/login' } });
  const tried = [
    { path: DISCOVERY_PATH, problem: 'HTTP 404' },
    { path: JWKS_PATH, problem: 'HTTP 200 without a JSON object' },
    {
      path: APP_DISCOVERY_PATH,
      problem: 'HTTP 200 without an issuer of the options',
    },
    { path: APP_JWKS_PATH, problem: 'HTTP 302' },
  ];
  const list = tried.map(({ path, problem }) => `${path}: ${problem}`).join('; ');
  expect(await catchError(request(open()))).toMatchObject({
    code: 'upstream_invalid_response',
    statusCode: 502,
    details: { tried },
    message:
      `GenAuth's key set was not found below ${issuer().url} (${list}): ` +
      'check appHost and appId, or set the option jwksUri.',
  });
});

const OUTAGES: [string, Reply][] = [500, 503, 429, 408].map((status) => [`HTTP ${status}`, { status }]);
it.each([...OUTAGES, ['a reset', { reset: true }] as [string, Reply]])(
  'the search ends with %s, because the address may have the key',
  async (_title, answer) => {
    reply(DISCOVERY_PATH, answer);
    expect(await ask(open())).toEqual([expect.stringMatching(/^upstream_un/), DISCOVERY_PATH]);
    reply(DISCOVERY_PATH, NOT_FOUND);
    reply(JWKS_PATH, answer);
    expect(await ask(open())).toEqual([expect.stringMatching(/^upstream_un/), DISCOVERY_PATH, JWKS_PATH]);
  },
);

it('an outage of a later address is remembered beside the keys of the addresses before', async () => {
  reply(APP_DISCOVERY_PATH, { status: 503 });
  const found = await request(open(), 'wanted');
  expect(found).toMatchObject({ kids: ['host'], failure: { code: 'upstream_unavailable' }, isComplete: false });
});

it('a kept address is asked alone, whatever it answers', async () => {
  const source = open();
  expect(await ask(source)).toEqual(['host', DISCOVERY_PATH, JWKS_PATH]);
  expect(await ask(source, 'app')).toEqual(['host,app', ...ALL_PATHS]);
  source.keep(APP_JWKS_PATH);
  source.keep(JWKS_PATH);
  expect(await ask(source, 'wanted')).toEqual(['app', APP_JWKS_PATH]);
  reply(APP_JWKS_PATH, NOT_FOUND);
  expect(await ask(source)).toEqual(['upstream_invalid_response', APP_JWKS_PATH]);
  reply(APP_JWKS_PATH, { body: { keys: [] } });
  expect(await ask(source)).toEqual(['', APP_JWKS_PATH]);
});

it('the option jwksUri is the only requested address, and on the same host needs no other HTTP client', async () => {
  const http = new Http({ origin: issuer().url, timeout: 1000 });
  opened.push(http);
  const createHttp = jest.fn<(settings: object) => Http>();
  const options = resolveOptions({ ...issuer().clientOptions, jwksUri: `${issuer().url}${JWKS_PATH}` });
  const source = new KeySetSource(options, http, createHttp);
  reply(JWKS_PATH, NOT_FOUND);
  expect(await catchError(request(source))).toMatchObject({ code: 'upstream_invalid_response' });
  expect([paths(), createHttp.mock.calls, source.close()]).toEqual([[JWKS_PATH], [], undefined]);
});

it('the option jwksUri on another host has its own connections, which close() ends', async () => {
  const server = await serve(answering(200, {}, JSON.stringify({ keys: [wanted.jwk] })));
  const source = open({ jwksUri: `${server.url}/keys` });
  expect((await request(source)).kids).toEqual(['wanted']);
  source.close();
  await server.idle();
  expect([server.connections, issuer().count()]).toEqual([1, 0]);
});

it('a discovery document is refused if its jwks_uri is on another host, to which nothing is sent', async () => {
  const foreign = await serve();
  discover({ jwks_uri: `${issuer().url}@${foreign.url.slice('http://'.length)}/keys` });
  expect(await catchError(request(open()))).toMatchObject({ code: 'discovery_jwks_uri_refused' });
  expect([foreign.connections, paths()]).toEqual([0, [DISCOVERY_PATH]]);
});

const SECRET = 'canary-in-the-answer';
const INVALID = { code: 'upstream_invalid_response' };
const DOWN: Reply = { status: 503, body: { keys: [SECRET] }, headers: { 'retry-after': '17' } };
const DOCUMENT = "GenAuth's discovery document";
it.each<[string, path: string, Reply, expected: object]>([
  ['HTTP 503', DISCOVERY_PATH, DOWN, { retryAfter: 17, message: `${DOCUMENT} could not be loaded: HTTP 503.` }],
  ['HTML', JWKS_PATH, { body: `<html>${SECRET}` }, INVALID],
  ['an object as list', JWKS_PATH, { body: { keys: { 0: { kid: SECRET } } } }, INVALID],
])('an error because of %s contains no text of the answer', async (_title, path, answer, expected) => {
  [APP_JWKS_PATH, path].forEach((each) => reply(each, answer));
  const error = await catchError(request(open()));
  expect(error).toMatchObject({ name: 'UpstreamError', ...expected });
  expect(findLeaks(error, [SECRET])).toEqual([]);
});

it('waits at most 5 s for all requests together, even if the option timeout is longer', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'Date', 'queueMicrotask'] });
  const [first, second] = [new Gate(), new Gate()];
  issuer().reply(DISCOVERY_PATH, () => first.opened.then(() => NOT_FOUND));
  issuer().reply(JWKS_PATH, () => second.opened.then(() => NOT_FOUND));
  const failing = catchError(request(open({ timeout: 60_000 })));
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
    const result: unknown = await request(open()).catch((error: unknown) => error);
    const expected = result instanceof GenAuthError ? {} : { size: 1 };
    expect(result).toMatchObject(expected);
    expect(paths().filter((path) => !ALL_PATHS.includes(path))).toEqual([]);
  });
  await fc.assert(property, propertyRuns(50));
});
