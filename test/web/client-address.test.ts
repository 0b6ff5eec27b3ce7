import { jest } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GenAuthOptions, GenAuthPasswordStrategy } from '../../src/index.js';
import { resolveClientIp } from '../../src/web/client-address.js';
import { useEmulator } from '../emulator/support.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections, listWarnings } from '../support/host-process.js';
import { createLoginApp } from '../support/login-app.js';
import { ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const warnings = listWarnings();
const emulator = useEmulator();
const serve = useWebServer();

/** Whatever a client can write about where it is. */
const SPOOFS = {
  'x-real-ip': '198.51.100.66',
  'x-client-ip': '198.51.100.66',
  'cf-connecting-ip': '198.51.100.66',
  'true-client-ip': '198.51.100.66',
  forwarded: 'for=198.51.100.66',
  'x-forwarded': '198.51.100.66',
};

describe.each(EXPRESS_VERSIONS)("the person's address on %s", (_version, express) => {
  const tell = async (
    trustProxy: unknown,
    forwardedFor?: string | string[],
    options: Partial<GenAuthOptions> = {},
    path?: string,
  ): Promise<unknown> => {
    const strategies = [new GenAuthPasswordStrategy({ ...emulator().clientOptions, ...options } as GenAuthOptions)];
    const prepare = (app: ReturnType<typeof express>): void => {
      if (trustProxy !== undefined) app.set('trust proxy', trustProxy);
    };
    const address = await serve(createLoginApp(express, { strategies, prepare }), path);
    const headers = { ...SPOOFS, ...(forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }) };
    const json = { account: 'alice', password: 'passw0rd' };
    expect((await ask(address, { path: '/login', json, headers })).status).toBe(200);
    const [record] = emulator().signIns;
    // Left out where it is not known, never null or empty.
    expect(Object.hasOwn(record?.options ?? {}, 'clientIp')).toBe(record?.clientIp !== null);
    return record?.clientIp;
  };

  const custom = (addr: string): boolean => addr === '127.0.0.1' || addr.startsWith('10.');
  it.each<[string, unknown, string | string[] | undefined, string]>([
    ['nobody is trusted unless told: no header', undefined, undefined, '127.0.0.1'],
    ['nobody is trusted unless told: one address', undefined, '203.0.113.7', '127.0.0.1'],
    ['nobody is trusted unless told: two addresses', undefined, '203.0.113.7, 10.0.0.1', '127.0.0.1'],
    ['nobody is trusted unless told: two lines', undefined, ['203.0.113.7', '10.0.0.1'], '127.0.0.1'],
    ['false: one address', false, '203.0.113.7', '127.0.0.1'],
    ['0 proxies: one address', 0, '203.0.113.7', '127.0.0.1'],
    ['another network: one address', '10.0.0.0/8', '203.0.113.7', '127.0.0.1'],
    ['1 proxy: no header', 1, undefined, '127.0.0.1'],
    ['1 proxy: what it wrote', 1, '203.0.113.7', '203.0.113.7'],
    ['1 proxy: what it wrote, not what the client wrote before it', 1, '198.51.100.9, 203.0.113.7', '203.0.113.7'],
    ['1 proxy: two lines', 1, ['198.51.100.9', '203.0.113.7'], '203.0.113.7'],
    ['2 proxies: what the outer wrote', 2, '203.0.113.7, 10.0.0.1', '203.0.113.7'],
    ['2 proxies: not what the client wrote', 2, '198.51.100.9, 203.0.113.7, 10.0.0.1', '203.0.113.7'],
    ['2 proxies, and one of them was left out', 2, '203.0.113.7', '203.0.113.7'],
    ['loopback: what it wrote', 'loopback', '198.51.100.9, 203.0.113.7', '203.0.113.7'],
    ['loopback: a chain through loopback', 'loopback', '203.0.113.7, 127.0.0.2', '203.0.113.7'],
    ['networks', ['loopback', '10.0.0.0/8'], '198.51.100.9, 203.0.113.7, 10.1.2.3', '203.0.113.7'],
    ['a function', custom, '198.51.100.9, 203.0.113.7, 10.1.2.3', '203.0.113.7'],
    ['true: what the client wrote', true, '198.51.100.9, 203.0.113.7', '198.51.100.9'],
    ['IPv6', 1, '2001:DB8::7', '2001:db8::7'],
    ['IPv6 in brackets with port', 1, '[2001:db8::7]:443', '2001:db8::7'],
    ['IPv6 with zone', 1, 'fe80::1%eth0', 'fe80::1'],
    ['IPv4 in IPv6', 1, '::ffff:203.0.113.7', '203.0.113.7'],
    ['IPv4 with port', 1, '203.0.113.7:5555', '203.0.113.7'],
    ['garbage: the socket', 1, 'unknown', '127.0.0.1'],
    ['a script: the socket', 1, '<script>alert(1)</script>', '127.0.0.1'],
    ['an empty header: the socket', 1, '', '127.0.0.1'],
    ['an obfuscated name: the socket', 1, '_hidden', '127.0.0.1'],
    ['a number too large: the socket', 1, '203.0.113.256', '127.0.0.1'],
    ['garbage after an address: the socket', 1, '203.0.113.7, x', '127.0.0.1'],
    ['true and garbage: the socket', true, 'x, 203.0.113.7', '127.0.0.1'],
  ])('trust proxy %s', async (_name, trustProxy, forwardedFor, expected) => {
    expect(await tell(trustProxy, forwardedFor)).toBe(expected);
  });

  it.each<[string, (req: { headers: Record<string, unknown> }) => unknown, string]>([
    ['an address', () => '203.0.113.7', '203.0.113.7'],
    ['a header, on the word of the developer', (req) => req.headers['x-real-ip'], '198.51.100.66'],
    ['an address with port', () => '[2001:db8::7]:1', '2001:db8::7'],
    ['nothing: the framework', () => undefined, '192.0.2.1'],
    ['null: the framework', () => null, '192.0.2.1'],
    ['an empty text: the framework', () => '', '192.0.2.1'],
    ['garbage: the framework', () => 'unknown', '192.0.2.1'],
    ['a list: the framework', () => ['203.0.113.7'], '192.0.2.1'],
    ['a number: the framework', () => 3_405_803_783, '192.0.2.1'],
  ])('the option clientIp gives %s', async (_name, clientIp, expected) => {
    expect(await tell(1, '192.0.2.1', { clientIp: clientIp as () => string })).toBe(expected);
  });

  it('the option clientIp throws: Express gets the error, and GenAuth is not called', async () => {
    const clientIp = (): never => {
      throw new TypeError('a bug of the application');
    };
    const strategies = [new GenAuthPasswordStrategy({ ...emulator().clientOptions, clientIp })];
    const url = await serve(createLoginApp(express, { strategies }));
    const answer = await ask(url, { path: '/login', json: { account: 'alice', password: 'passw0rd' } });
    expect([answer.status, answer.text]).toEqual([
      500,
      '{"thrown":{"name":"ConfigurationError","code":"invalid_sign_in_options"}}',
    ]);
    expect(emulator().requests('signin')).toBe(0);
  });

  it('a Unix socket has no address, and then none is told', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'genauth-'));
    try {
      expect(await tell(undefined, '203.0.113.7', {}, join(folder, 'a'))).toBeNull();
      emulator().clearSignIns();
      // A proxy that is trusted for being the first tells it there as well.
      expect(await tell(1, '203.0.113.7', {}, join(folder, 'b'))).toBe('203.0.113.7');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('resolveClientIp', () => {
  const client = { options: {} } as Parameters<typeof resolveClientIp>[0];
  const headers = { 'x-forwarded-for': '198.51.100.9', 'x-real-ip': '198.51.100.9' };

  it.each<[string, object, string | undefined]>([
    [
      "the framework's before the socket's",
      { ip: '203.0.113.7', socket: { remoteAddress: '10.0.0.1' } },
      '203.0.113.7',
    ],
    ["the socket's for garbage", { ip: '<script>', socket: { remoteAddress: '10.0.0.1' } }, '10.0.0.1'],
    ["the socket's, IPv4 in IPv6", { socket: { remoteAddress: '::ffff:10.0.0.1' } }, '10.0.0.1'],
    ["the socket's, IPv6 with zone", { socket: { remoteAddress: 'fe80::1%eth0' } }, 'fe80::1'],
    ['none without either', {}, undefined],
    ['none of a socket that is closed', { socket: {} }, undefined],
    ['none of garbage alone', { ip: 'x', socket: { remoteAddress: 'y' } }, undefined],
  ])('%s', async (_name, request, expected) => {
    expect(await resolveClientIp(client, { headers, ...request })).toBe(expected);
  });
});

it('warns of trust proxy true once in a process, however many apps and logins there are', async () => {
  for (const [, express] of [...EXPRESS_VERSIONS, ...EXPRESS_VERSIONS]) {
    const strategies = [new GenAuthPasswordStrategy(emulator().clientOptions)];
    const url = await serve(createLoginApp(express, { strategies, prepare: (app) => app.enable('trust proxy') }));
    await ask(url, { path: '/login', json: { account: 'alice', password: 'passw0rd' } });
  }
  expect(warnings).toHaveLength(1);
});

describe('the warning of trust in everybody', () => {
  /** The module as a new process has it: it warns once. */
  const load = async (): Promise<typeof resolveClientIp> => {
    jest.resetModules();
    return (await import('../../src/web/client-address.js')).resolveClientIp;
  };
  const client = { options: {} } as Parameters<typeof resolveClientIp>[0];
  const REQUEST = { headers: {}, ip: '203.0.113.7' };
  const nextTick = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve));

  it.each<[string, object, RegExp]>([
    ['Express', { app: { get: (name: string) => name === 'trust proxy' } }, /app\.set\('trust proxy', 'loopback'\)\.$/],
    [
      'Fastify',
      { server: { initialConfig: { trustProxy: true } } },
      /new FastifyAdapter\(\{ trustProxy: '127\.0\.0\.1' \}\)\.$/,
    ],
  ])('names the line to write on %s, once', async (_name, framework, expected) => {
    warnings.length = 0;
    const fresh = await load();
    for (let i = 0; i < 3; i += 1) expect(await fresh(client, { ...REQUEST, ...framework })).toBe('203.0.113.7');
    await nextTick();
    expect(warnings).toEqual([expect.stringMatching(expected)]);
    expect(warnings[0]).toMatch(
      /^GENAUTH_TRUST_PROXY: The setting .* is true, so each client can choose the IP address/,
    );
  });

  it('is not for settings that name proxies, nor for an app that is something else', async () => {
    warnings.length = 0;
    const fresh = await load();
    for (const value of [false, 0, 1, 'true', 'loopback', undefined, () => true]) {
      const request = { ...REQUEST, app: { get: () => value }, server: { initialConfig: { trustProxy: value } } };
      expect(await fresh(client, request)).toBe('203.0.113.7');
    }
    for (const app of [null, 'app', 5, {}, { get: 'trust proxy' }, { initialConfig: null }, { initialConfig: 'x' }]) {
      const request = { ...REQUEST, app, server: app };
      expect(await fresh(client, request)).toBe('203.0.113.7');
    }
    await nextTick();
    expect(warnings).toEqual([]);
  });
});
