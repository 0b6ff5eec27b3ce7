import { jest } from '@jest/globals';
import type { GenAuthError } from '../../../src/core/errors.js';
import { Http } from '../../../src/core/http/http.js';
import { resolveOptions } from '../../../src/core/options/resolve-options.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { KeySetSource } from '../../../src/core/tokens/key-set-source.js';
import { APP_ID, DISCOVERY_PATH, JWKS_PATH, type Reply, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { Gate, catchError, until } from '../../support/promise.js';
import { answering, useTcpServers } from '../../support/tcp-server.js';

const APP_JWKS_PATH = `/${APP_ID}/oidc/.well-known/jwks.json`;
const OWN_PATH = '/keys.json';
const NOT_FOUND: Reply = { status: 404 };

const issuer = useIssuer();
const serve = useTcpServers();
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function open(options: Partial<GenAuthOptions> = {}): KeySetSource {
  const resolved = resolveOptions({ ...issuer().clientOptions, timeout: 1000, ...options });
  const http = new Http({ origin: resolved.appHost, timeout: resolved.timeout });
  const source = new KeySetSource(resolved, http);
  closers.push(
    () => http.close(),
    () => source.close(),
  );
  return source;
}

const KEY_SET = { keys: ['key set'] };
const paths = (): string[] => issuer().requests.map(({ path }) => path);
const replyAll = (replies: Record<string, Reply>): void =>
  Object.entries(replies).forEach(([path, reply]) => issuer().reply(path, reply));
const discover = (changes: object): void =>
  issuer().reply(DISCOVERY_PATH, {
    body: { issuer: issuer().issuer, jwks_uri: `${issuer().url}${JWKS_PATH}`, ...changes },
  });
beforeEach(() =>
  replyAll({ [JWKS_PATH]: { body: KEY_SET }, [APP_JWKS_PATH]: { body: KEY_SET }, [OWN_PATH]: { body: KEY_SET } }),
);

describe('the address of the key set', () => {
  it.each<[string, Record<string, Reply>, string[]]>([
    ['comes from the discovery document', {}, [DISCOVERY_PATH, JWKS_PATH]],
    [
      'is the documented one without a discovery document',
      { [DISCOVERY_PATH]: NOT_FOUND },
      [DISCOVERY_PATH, JWKS_PATH],
    ],
    [
      'is the one with the application ID if the documented one returns 404',
      { [JWKS_PATH]: NOT_FOUND },
      [DISCOVERY_PATH, JWKS_PATH, APP_JWKS_PATH],
    ],
    [
      'is the one with the application ID if the other two return 404',
      { [DISCOVERY_PATH]: NOT_FOUND, [JWKS_PATH]: NOT_FOUND },
      [DISCOVERY_PATH, JWKS_PATH, APP_JWKS_PATH],
    ],
  ])('%s', async (_title, replies, expected) => {
    replyAll(replies);
    expect(await open().requestKeySet()).toEqual(KEY_SET);
    expect(issuer().requests).toMatchObject(expected.map((path) => ({ method: 'GET', path, body: '' })));
    expect(issuer().requests.map(({ headers }) => headers.authorization)).toEqual(expected.map(() => undefined));
  });

  it('can be any path and query of the host', async () => {
    const path = `${OWN_PATH}?tenant=1`;
    discover({ jwks_uri: `${issuer().url}${path}` });
    replyAll({ [path]: { body: KEY_SET } });
    expect([await open().requestKeySet(), paths()]).toEqual([KEY_SET, [DISCOVERY_PATH, path]]);
  });

  it('is not guessed if the path of the tenant returns 404', async () => {
    discover({ jwks_uri: `${issuer().url}${OWN_PATH}` });
    replyAll({ [OWN_PATH]: NOT_FOUND });
    expect(await catchError(open().requestKeySet())).toMatchObject({ code: 'upstream_invalid_response' });
    expect(paths()).toEqual([DISCOVERY_PATH, OWN_PATH]);
  });

  it('is remembered while it works, also after a failure of GenAuth', async () => {
    const source = open();
    await source.requestKeySet();
    replyAll({ [JWKS_PATH]: { status: 500 } });
    await catchError(source.requestKeySet());
    replyAll({ [JWKS_PATH]: { body: KEY_SET } });
    await source.requestKeySet();
    expect(paths()).toEqual([DISCOVERY_PATH, JWKS_PATH, JWKS_PATH, JWKS_PATH]);
  });

  it('with the application ID is remembered too', async () => {
    replyAll({ [JWKS_PATH]: NOT_FOUND });
    const source = open();
    await source.requestKeySet();
    await source.requestKeySet();
    expect(paths()).toEqual([DISCOVERY_PATH, JWKS_PATH, APP_JWKS_PATH, APP_JWKS_PATH]);
  });

  it('is read from the discovery document again after it stopped working', async () => {
    const source = open();
    await source.requestKeySet();
    replyAll({ [JWKS_PATH]: { status: 410 } });
    expect(await catchError(source.requestKeySet())).toMatchObject({ code: 'upstream_invalid_response' });
    discover({ jwks_uri: `${issuer().url}${OWN_PATH}` });
    expect(await source.requestKeySet()).toEqual(KEY_SET);
    expect(paths()).toEqual([DISCOVERY_PATH, JWKS_PATH, JWKS_PATH, DISCOVERY_PATH, OWN_PATH]);
  });

  it('is requested again after the discovery document could not be loaded', async () => {
    const source = open();
    replyAll({ [DISCOVERY_PATH]: { status: 500 } });
    await catchError(source.requestKeySet());
    discover({});
    expect(await source.requestKeySet()).toEqual(KEY_SET);
  });
});

describe('the option jwksUri', () => {
  it('is the only requested address', async () => {
    const source = open({ jwksUri: `${issuer().url}${OWN_PATH}` });
    expect([await source.requestKeySet(), paths()]).toEqual([KEY_SET, [OWN_PATH]]);
    replyAll({ [OWN_PATH]: NOT_FOUND });
    expect(await catchError(source.requestKeySet())).toMatchObject({ code: 'upstream_invalid_response' });
    expect(paths()).toEqual([OWN_PATH, OWN_PATH]);
  });

  it('on the same host uses the HTTP client of the application', () => {
    const createHttp = jest.fn<(settings: object) => Http>();
    const options = resolveOptions({ ...issuer().clientOptions, jwksUri: `${issuer().url}${OWN_PATH}` });
    const http = new Http({ origin: issuer().url, timeout: 1000 });
    const source = new KeySetSource(options, http, createHttp);
    expect([createHttp.mock.calls, source.close()]).toEqual([[], undefined]);
  });

  it('on another host has its own connections, which close() ends', async () => {
    const server = await serve(answering(200, {}, JSON.stringify(KEY_SET)));
    const source = open({ jwksUri: `${server.url}/keys` });
    expect(await source.requestKeySet()).toEqual(KEY_SET);
    source.close();
    await server.idle();
    expect([server.connections, issuer().count()]).toEqual([1, 0]);
  });
});

describe('a discovery document', () => {
  it.each<[string, (right: string) => unknown]>([
    ['another host', () => 'https://evil.invalid/oidc'],
    ['a slash at the end', (right) => `${right}/`],
    ['an array', (right) => [right]],
    ['no value', () => undefined],
    ['control characters', () => '\u001B[2Jhttps://evil.invalid\r\n'],
  ])('is refused if its issuer is %s', async (_title, change) => {
    discover({ issuer: change(issuer().issuer) });
    const error = (await catchError(open().requestKeySet())) as GenAuthError;
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'discovery_issuer_mismatch', statusCode: 500 });
    expect(error.details).toMatchObject({ expected: issuer().issuer });
    expect(error.message).not.toMatch(/\p{Cc}/u);
    expect(paths()).toEqual([DISCOVERY_PATH]);
  });

  it('must have the issuer of the option', async () => {
    discover({ issuer: 'https://custom.example/oidc' });
    expect(await open({ issuer: 'https://custom.example/oidc' }).requestKeySet()).toEqual(KEY_SET);
  });

  it.each<[string, (url: string, foreign: string) => unknown]>([
    ['another port', (_url, foreign) => `${foreign}/keys`],
    ['another host', (url) => url.replace('127.0.0.1', 'localhost')],
    ['another protocol', (url) => url.replace('http:', 'https:')],
    ['the right address as user name', (url, foreign) => `${url}@${foreign.slice('http://'.length)}/keys`],
    ['backslashes before another host', (url) => `${url}\\\\evil.invalid/keys`],
    ['a path that starts with two slashes', (url) => `${url}//evil.invalid/keys`],
    ['a path only', () => JWKS_PATH],
    ['a file', () => 'file:///etc/passwd'],
    ['an array', (url) => [`${url}${JWKS_PATH}`]],
    ['no value', () => undefined],
  ])('is refused if its jwks_uri is %s, and no request is sent to it', async (_title, change) => {
    const foreign = await serve();
    discover({ jwks_uri: change(issuer().url, foreign.url) });
    const error = await catchError(open().requestKeySet());
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'discovery_jwks_uri_refused', statusCode: 500 });
    expect([foreign.connections, paths()]).toEqual([0, [DISCOVERY_PATH]]);
  });
});

describe('a response', () => {
  const SECRET = 'canary-in-the-answer';
  it.each<[string, Reply, string]>([
    ['HTTP 500', { status: 500, body: SECRET }, 'upstream_unavailable'],
    ['HTTP 503 and a document', { status: 503, body: { keys: [SECRET] } }, 'upstream_unavailable'],
    ['HTTP 400', { status: 400, body: { error: SECRET } }, 'upstream_invalid_response'],
    ['HTTP 201 and a document', { status: 201, body: { keys: [SECRET] } }, 'upstream_invalid_response'],
    ['a redirect', { status: 302, headers: { location: `/${SECRET}` } }, 'upstream_invalid_response'],
    ['HTML', { body: `<html>${SECRET}` }, 'upstream_invalid_response'],
    ['an array', { body: [SECRET] }, 'upstream_invalid_response'],
    ['more than 256 KB', { body: { keys: [], x: SECRET.repeat(13_200) } }, 'upstream_invalid_response'],
  ])('with %s is refused', async (_title, reply, code) => {
    replyAll({ [JWKS_PATH]: reply });
    const error = await catchError(open().requestKeySet());
    expect(error).toMatchObject({ name: 'UpstreamError', code });
    expect(findLeaks(error, [SECRET])).toEqual([]);
  });

  it.each<[path: string, Reply, message: string]>([
    [DISCOVERY_PATH, { status: 500 }, "GenAuth's discovery document could not be loaded: HTTP 500."],
    [DISCOVERY_PATH, { body: [] }, "GenAuth's discovery document could not be loaded: HTTP 200 without a JSON object."],
    [JWKS_PATH, { status: 400 }, "GenAuth's key set could not be loaded: HTTP 400 without a JSON object."],
  ])('from %s is named in the message', async (path, reply, message) => {
    replyAll({ [path]: reply });
    expect(await catchError(open().requestKeySet())).toMatchObject({ message });
  });
});

it('passes Retry-After on', async () => {
  replyAll({ [JWKS_PATH]: { status: 503, headers: { 'retry-after': '17' } } });
  expect(await catchError(open().requestKeySet())).toMatchObject({ retryAfter: 17, statusCode: 503 });
});

it.each<[string, object, (url: string) => string]>([
  [
    'issuer',
    { issuer: 'x' },
    (url) =>
      `The discovery document of ${url} has the issuer "x", but this client expects "${url}/oidc": ` +
      'correct appHost, or set the option issuer to the claim iss of the tokens.',
  ],
  [
    'jwks_uri',
    { jwks_uri: 'x' },
    (url) =>
      `The discovery document of ${url} has the jwks_uri "x", which is not on that host: ` +
      'if this address is correct, set the option jwksUri to it.',
  ],
])('names a wrong %s in message and details', async (_name, changes, message) => {
  discover(changes);
  const error = (await catchError(open().requestKeySet())) as GenAuthError;
  const expected = 'issuer' in changes ? issuer().issuer : issuer().url;
  expect([error.message, error.details]).toEqual([message(issuer().url), { expected, actual: 'x', mistakes: [] }]);
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
