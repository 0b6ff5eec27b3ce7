import { jest } from '@jest/globals';
import { KeySetSource } from '../../../src/core/tokens/key-set-source.js';
import { Http } from '../../../src/core/http/http.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { resolveOptions } from '../../../src/core/options/resolve-options.js';
import { APP_ID, DISCOVERY_PATH, Issuer, JWKS_PATH, type Reply, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { Gate, catchError, until } from '../../support/promise.js';
import { useTcpServers } from '../../support/tcp-server.js';

const APP_JWKS_PATH = `/${APP_ID}/oidc/.well-known/jwks.json`;
const OWN_PATH = '/keys/of/the/tenant.json';
const NOT_FOUND: Reply = { status: 404 };

const issuer = useIssuer();
const serve = useTcpServers();
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function open(options: Partial<GenAuthOptions> = {}): KeySetSource {
  const resolved = resolveOptions({ ...issuer().clientOptions, ...options });
  const http = new Http({ origin: resolved.appHost, timeout: 1000 });
  const source = new KeySetSource(resolved, http);
  closers.push(
    () => http.close(),
    () => source.close(),
  );
  return source;
}

const keySet = (): unknown => ({ keys: [issuer().key.jwk] });
const paths = (): string[] => issuer().requests.map(({ method, path }) => `${method} ${path}`);
const discover = (document: object): void => issuer().reply(DISCOVERY_PATH, { body: document });

describe('where the key set is', () => {
  /** What is answered where, and which addresses are asked one after the other. */
  it.each<[string, Record<string, Reply>, string[]]>([
    ['where discovery says: the documented address', {}, [DISCOVERY_PATH, JWKS_PATH]],
    ['no discovery: the documented address', { [DISCOVERY_PATH]: NOT_FOUND }, [DISCOVERY_PATH, JWKS_PATH]],
    [
      'no discovery, nothing at the documented address: the one with the app’s id',
      { [DISCOVERY_PATH]: NOT_FOUND, [JWKS_PATH]: NOT_FOUND },
      [DISCOVERY_PATH, JWKS_PATH, APP_JWKS_PATH],
    ],
    [
      'discovery says the documented address, where nothing is: the one with the app’s id',
      { [JWKS_PATH]: NOT_FOUND },
      [DISCOVERY_PATH, JWKS_PATH, APP_JWKS_PATH],
    ],
  ])('%s', async (_, replies, asked) => {
    issuer().reply(APP_JWKS_PATH, { body: keySet() });
    for (const [path, reply] of Object.entries(replies)) issuer().reply(path, reply);
    expect(await open().requestKeySet()).toEqual(keySet());
    expect(paths()).toEqual(asked.map((path) => `GET ${path}`));
    expect(issuer().requests.map(({ headers, body }) => [headers['authorization'], body])).toEqual(
      asked.map(() => [undefined, '']),
    );
  });

  it('where discovery says: an address of the tenant’s own', async () => {
    discover({ issuer: issuer().issuer, jwks_uri: `${issuer().url}${OWN_PATH}` });
    issuer().reply(OWN_PATH, { body: keySet() });
    expect(await open().requestKeySet()).toEqual(keySet());
    expect(paths()).toEqual([`GET ${DISCOVERY_PATH}`, `GET ${OWN_PATH}`]);
  });

  it('nothing at the tenant’s own address: an error, and no guessing', async () => {
    discover({ issuer: issuer().issuer, jwks_uri: `${issuer().url}${OWN_PATH}` });
    expect(await catchError(open().requestKeySet())).toMatchObject({ code: 'upstream_invalid_response' });
    expect(paths()).toEqual([`GET ${DISCOVERY_PATH}`, `GET ${OWN_PATH}`]);
  });

  it('nothing anywhere: an error', async () => {
    for (const path of [DISCOVERY_PATH, JWKS_PATH]) issuer().reply(path, NOT_FOUND);
    const error = await catchError(open().requestKeySet());
    expect(error).toMatchObject({ code: 'upstream_invalid_response', statusCode: 502 });
    expect(paths()).toHaveLength(3);
  });
});

describe('the option jwksUri', () => {
  it('on the same host: asked alone, over the same connection', async () => {
    issuer().reply(OWN_PATH, { body: keySet() });
    const source = open({ jwksUri: `${issuer().url}${OWN_PATH}` });
    expect(await source.requestKeySet()).toEqual(keySet());
    expect(await source.requestKeySet()).toEqual(keySet());
    expect(paths()).toEqual([`GET ${OWN_PATH}`, `GET ${OWN_PATH}`]);
  });

  it('on the same host: over the connection that is there', async () => {
    const server = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{"keys":[]}');
    });
    const resolved = resolveOptions({ ...issuer().clientOptions, appHost: server.url, jwksUri: `${server.url}/keys` });
    const http = new Http({ origin: server.url, timeout: 1000 });
    await http.request({ method: 'GET', path: '/', maxBytes: 99 });
    await new KeySetSource(resolved, http).requestKeySet();
    http.close();
    expect(server.connections).toBe(1);
  });

  it('on another host: asked alone, there', async () => {
    const other = await Issuer.start();
    try {
      const source = open({ jwksUri: `${other.url}${JWKS_PATH}` });
      expect(await source.requestKeySet()).toEqual({ keys: [other.key.jwk] });
      expect([other.count(), issuer().count()]).toEqual([1, 0]);
    } finally {
      await other.close();
    }
  });

  it('on another host: close() ends the connection there', async () => {
    const other = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{"keys":[]}');
    });
    const source = open({ jwksUri: `${other.url}/keys` });
    await source.requestKeySet();
    source.close();
    await other.idle();
    expect(other.connections).toBe(1);
  });

  it('where nothing is: an error, and neither discovery nor another address is asked', async () => {
    const source = open({ jwksUri: `${issuer().url}${JWKS_PATH}` });
    issuer().reply(JWKS_PATH, NOT_FOUND);
    expect(await catchError(source.requestKeySet())).toMatchObject({ code: 'upstream_invalid_response' });
    expect(paths()).toEqual([`GET ${JWKS_PATH}`]);
  });
});

describe('a discovery document that lies', () => {
  it.each<[string, (right: string) => unknown]>([
    ['another host', () => 'https://evil.invalid/oidc'],
    ['a slash at the end', (right) => `${right}/`],
    ['in capitals', (right) => right.toUpperCase()],
    ['the host alone', (right) => right.replace('/oidc', '')],
    ['a list', (right) => [right]],
    ['an object', (right) => ({ toString: right })],
    ['null', () => null],
    ['none', () => undefined],
    ['an escape sequence', () => '\u001B[2Jhttps://evil.invalid\r\n'],
  ])('issuer: %s', async (_, lie) => {
    discover({ issuer: lie(issuer().issuer), jwks_uri: `${issuer().url}${JWKS_PATH}` });
    const error = await catchError(open().requestKeySet());
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'discovery_issuer_mismatch', statusCode: 500 });
    expect(error.message).toContain(issuer().issuer);
    expect(error.message).not.toMatch(/\p{Cc}/u);
    expect(paths()).toEqual([`GET ${DISCOVERY_PATH}`]);
  });

  it('the issuer is compared with the option, where that is set', async () => {
    discover({ issuer: 'https://custom.example/oidc', jwks_uri: `${issuer().url}${JWKS_PATH}` });
    expect(await open({ issuer: 'https://custom.example/oidc' }).requestKeySet()).toEqual(keySet());
    expect(await catchError(open().requestKeySet())).toMatchObject({ code: 'discovery_issuer_mismatch' });
  });

  it.each<[string, (url: string, foreign: string) => unknown]>([
    ['another port', (_, foreign) => `${foreign}/keys`],
    ['another host', (url) => url.replace('127.0.0.1', 'localhost')],
    ['another protocol', (url) => url.replace('http:', 'https:')],
    ['our address as the user of another', (url, foreign) => `${url}@${foreign.slice('http://'.length)}/keys`],
    ['another host behind a backslash', (url) => `${url}\\\\evil.invalid/keys`],
    ['an empty path first', (url) => `${url}//evil.invalid/keys`],
    ['no host', () => JWKS_PATH],
    ['a file', () => 'file:///etc/passwd'],
    ['data', () => 'data:application/json,{"keys":[]}'],
    ['a number', () => 7],
    ['a list', (url) => [`${url}${JWKS_PATH}`]],
    ['none', () => undefined],
  ])('jwks_uri: %s: refused, and no connection is made to it', async (_, lie) => {
    const foreign = await serve();
    discover({ issuer: issuer().issuer, jwks_uri: lie(issuer().url, foreign.url) });
    const error = await catchError(open().requestKeySet());
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'discovery_jwks_uri_refused' });
    expect(foreign.connections).toBe(0);
    expect(paths()).toEqual([`GET ${DISCOVERY_PATH}`]);
  });
});

describe('answers that cannot be used', () => {
  const SECRET = 'canary-in-the-answer';
  it.each<[string, Reply, string, number]>([
    ['HTTP 500', { status: 500, body: SECRET }, 'upstream_unavailable', 503],
    ['HTTP 503 with a whole document', { status: 503, body: { keys: [SECRET] } }, 'upstream_unavailable', 503],
    ['HTTP 429', { status: 429, body: SECRET }, 'upstream_unavailable', 503],
    ['HTTP 400', { status: 400, body: { error: SECRET } }, 'upstream_invalid_response', 502],
    ['HTTP 201 with a whole document', { status: 201, body: { keys: [SECRET] } }, 'upstream_invalid_response', 502],
    ['a redirect', { status: 302, headers: { location: `/${SECRET}` } }, 'upstream_invalid_response', 502],
    ['HTML', { body: `<html>${SECRET}` }, 'upstream_invalid_response', 502],
    ['nothing', { body: '' }, 'upstream_invalid_response', 502],
    ['a list', { body: [SECRET] }, 'upstream_invalid_response', 502],
    ['null', { body: 'null' }, 'upstream_invalid_response', 502],
    ['a text', { body: `"${SECRET}"` }, 'upstream_invalid_response', 502],
    ['257 KB', { body: { keys: [], more: SECRET.repeat(13_200) } }, 'upstream_invalid_response', 502],
    ['a reset', { reset: true }, 'upstream_unreachable', 503],
  ])('%s, of discovery and of the key set', async (_, reply, code, statusCode) => {
    for (const path of [DISCOVERY_PATH, JWKS_PATH]) {
      issuer().reset();
      issuer().reply(path, reply);
      const error = await catchError(open().requestKeySet());
      expect(error).toMatchObject({ name: 'UpstreamError', code, statusCode });
      expect(findLeaks(error, [SECRET])).toEqual([]);
      // Only a connection that was reset is tried again.
      expect(issuer().count(path)).toBeLessThanOrEqual(reply.reset === true ? 2 : 1);
    }
  });

  it('the error tells when to come back, where GenAuth said so', async () => {
    issuer().reply(JWKS_PATH, { status: 503, headers: { 'retry-after': '17' } });
    expect(await catchError(open().requestKeySet())).toMatchObject({ retryAfter: 17 });
  });
});

it('a host that says nothing is waited for 5 s, however long the option timeout is', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'Date', 'queueMicrotask'] });
  const gate = new Gate();
  issuer().reply(DISCOVERY_PATH, () => gate.opened.then(() => ({})));
  const resolved = resolveOptions({ ...issuer().clientOptions, timeout: 60_000 });
  const http = new Http({ origin: resolved.appHost, timeout: resolved.timeout });
  const failing = catchError(new KeySetSource(resolved, http).requestKeySet());
  await until(() => issuer().count() === 1);
  await jest.advanceTimersByTimeAsync(5000);
  expect(await failing).toMatchObject({ code: 'upstream_timeout', message: expect.stringContaining('5000 ms') });
  expect(issuer().count()).toBe(1);
  jest.useRealTimers();
  gate.open();
  http.close();
});

describe('what is remembered', () => {
  it('an address that works: discovery is asked once', async () => {
    const source = open();
    for (let i = 0; i < 3; i++) await source.requestKeySet();
    expect([issuer().count(DISCOVERY_PATH), issuer().count(JWKS_PATH)]).toEqual([1, 3]);
  });

  it('the fall-back that works is asked first from then on', async () => {
    issuer().reply(JWKS_PATH, NOT_FOUND);
    issuer().reply(APP_JWKS_PATH, { body: keySet() });
    const source = open();
    for (let i = 0; i < 3; i++) await source.requestKeySet();
    expect(paths()).toEqual(
      [DISCOVERY_PATH, JWKS_PATH, ...Array<string>(3).fill(APP_JWKS_PATH)].map((path) => `GET ${path}`),
    );
  });

  it('an address that stopped working is forgotten: discovery is asked again, and may say another', async () => {
    const source = open();
    await source.requestKeySet();
    issuer().reply(JWKS_PATH, { status: 410 });
    expect(await catchError(source.requestKeySet())).toMatchObject({ code: 'upstream_invalid_response' });
    discover({ issuer: issuer().issuer, jwks_uri: `${issuer().url}${OWN_PATH}` });
    issuer().reply(OWN_PATH, { body: keySet() });
    expect(await source.requestKeySet()).toEqual(keySet());
    expect([issuer().count(DISCOVERY_PATH), issuer().count(OWN_PATH)]).toEqual([2, 1]);
  });

  it('a query in jwks_uri is asked for with it', async () => {
    discover({ issuer: issuer().issuer, jwks_uri: `${issuer().url}${OWN_PATH}?tenant=1` });
    issuer().reply(`${OWN_PATH}?tenant=1`, { body: keySet() });
    expect(await open().requestKeySet()).toEqual(keySet());
  });

  it('a reset of a fresh connection is not repeated', async () => {
    issuer().reply(DISCOVERY_PATH, { reset: true });
    expect(await catchError(open().requestKeySet())).toMatchObject({ code: 'upstream_unreachable' });
    expect(issuer().count(DISCOVERY_PATH)).toBe(1);
  });

  it('a failed discovery is not: the next attempt asks it again', async () => {
    const source = open();
    issuer().reply(DISCOVERY_PATH, { status: 500 });
    await catchError(source.requestKeySet());
    issuer().reset();
    expect(await source.requestKeySet()).toEqual(keySet());
    expect(issuer().count(DISCOVERY_PATH)).toBe(1);
  });
});

describe('a connection that the other side closed while it was kept', () => {
  it('is not an outage: the read is made once more', async () => {
    let resets = 0;
    const reset = (): Reply => (resets++ === 0 ? { reset: true } : { body: keySet() });
    const source = open();
    await source.requestKeySet();
    issuer().reply(JWKS_PATH, reset);
    expect(await source.requestKeySet()).toEqual(keySet());
    expect([resets, issuer().count(JWKS_PATH)]).toEqual([2, 3]);
  });

  it('once, and never again', async () => {
    const source = open();
    await source.requestKeySet();
    issuer().reply(JWKS_PATH, { reset: true });
    expect(await catchError(source.requestKeySet())).toMatchObject({ code: 'upstream_unreachable' });
    expect(issuer().count(JWKS_PATH)).toBe(3);
  });
});
