import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import express from 'express';
import { resolveClientIp } from '../../src/web/client-address.js';
import { listWarnings } from '../support/host-process.js';
import { ask, useWebServer } from '../support/web-server.js';

type Client = Parameters<typeof resolveClientIp>[0];
type Request = Parameters<typeof resolveClientIp>[1];

const warnings = listWarnings();
/** Headers that a client can write itself. */
const SPOOFED = {
  'x-forwarded-for': '198.51.100.66',
  'x-real-ip': '198.51.100.66',
  'x-client-ip': '198.51.100.66',
  'cf-connecting-ip': '198.51.100.66',
  'true-client-ip': '198.51.100.66',
  forwarded: 'for=198.51.100.66',
};
const withOption = (clientIp?: unknown): Client => ({ options: { clientIp } }) as Client;

it.each<[string, object, string | undefined]>([
  ["the framework's before the socket's", { ip: '203.0.113.7', socket: { remoteAddress: '10.0.0.1' } }, '203.0.113.7'],
  ["the framework's without its port", { ip: '203.0.113.7:5555' }, '203.0.113.7'],
  ["the socket's if the framework's is no address", { ip: '<b>', socket: { remoteAddress: '10.0.0.1' } }, '10.0.0.1'],
  ["the socket's, IPv4 in IPv6", { socket: { remoteAddress: '::ffff:10.0.0.1' } }, '10.0.0.1'],
  ["the socket's, IPv6 without its zone", { socket: { remoteAddress: 'fe80::1%eth0' } }, 'fe80::1'],
  ['undefined without both', {}, undefined],
  ['undefined for a closed socket', { socket: {} }, undefined],
  ['undefined if both are no address', { ip: 'x', socket: { remoteAddress: 'y' } }, undefined],
])('returns %s', async (_title, request, address) => {
  expect(await resolveClientIp(withOption(), { headers: SPOOFED, ...request })).toBe(address);
});

it.each<[string, unknown, string]>([
  ['an address', () => '203.0.113.7', '203.0.113.7'],
  ['a promise of an address', async () => '203.0.113.7', '203.0.113.7'],
  ['a header of the request', (req: Request) => req.headers['x-real-ip'], '198.51.100.66'],
  ['an address with port', () => '[2001:DB8::7]:1', '2001:db8::7'],
  ['undefined, so the framework decides', () => undefined, '192.0.2.1'],
  ['null, so the framework decides', () => null, '192.0.2.1'],
  ['no address, so the framework decides', () => 'unknown', '192.0.2.1'],
  ['a list, so the framework decides', () => ['203.0.113.7'], '192.0.2.1'],
  ['a number, so the framework decides', () => 3_405_803_783, '192.0.2.1'],
])('uses the option clientIp: %s', async (_title, clientIp, address) => {
  const request = { headers: SPOOFED, ip: '192.0.2.1' };
  expect(await resolveClientIp(withOption(clientIp), request)).toBe(address);
});

it('throws the error of the option clientIp', async () => {
  const error = new TypeError('of the application');
  await expect(
    resolveClientIp(
      withOption(() => Promise.reject(error)),
      { headers: {} },
    ),
  ).rejects.toBe(error);
});

describe('on Express', () => {
  const serve = useWebServer();
  const start = (trustProxy: unknown, path?: string): Promise<string> => {
    const app = express().set('trust proxy', trustProxy);
    app.use(async (req, res) => void res.json({ ip: await resolveClientIp(withOption(), req) }));
    return serve(app, path);
  };
  const getAddress = async (url: string, forwardedFor: string | string[]): Promise<unknown> =>
    JSON.parse((await ask(url, { headers: { ...SPOOFED, 'x-forwarded-for': forwardedFor } })).text);

  it.each<[string, unknown, string | string[], string]>([
    ['no trusted proxy', false, '203.0.113.7', '127.0.0.1'],
    ['an untrusted network', '10.0.0.0/8', '203.0.113.7', '127.0.0.1'],
    ['one proxy', 1, '198.51.100.9, 203.0.113.7', '203.0.113.7'],
    ['one proxy and two header lines', 1, ['198.51.100.9', '203.0.113.7'], '203.0.113.7'],
    ['two proxies', 2, '198.51.100.9, 203.0.113.7, 10.0.0.1', '203.0.113.7'],
    ['trusted networks', ['loopback', '10.0.0.0/8'], '198.51.100.9, 203.0.113.7, 10.1.2.3', '203.0.113.7'],
    ['one proxy that writes IPv6 with port', 1, '[2001:db8::7]:443', '2001:db8::7'],
    ['one proxy that writes no address', 1, '203.0.113.7, unknown', '127.0.0.1'],
    ['one proxy that writes an empty header', 1, '', '127.0.0.1'],
    ['trust in all proxies', true, '198.51.100.9, 203.0.113.7', '198.51.100.9'],
  ])('reads the address behind %s', async (_title, trustProxy, forwardedFor, ip) => {
    expect(await getAddress(await start(trustProxy), forwardedFor)).toEqual({ ip });
  });

  it('reads an address on a Unix socket only from a trusted proxy', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'genauth-'));
    expect(await getAddress(await start(false, join(folder, 'a')), '203.0.113.7')).toEqual({});
    expect(await getAddress(await start(1, join(folder, 'b')), '203.0.113.7')).toEqual({ ip: '203.0.113.7' });
    rmSync(folder, { recursive: true });
  });
});

describe('the warning about trust in all proxies', () => {
  const EXPRESS = { app: { get: (name: string) => name === 'trust proxy' } };
  const FASTIFY = { server: { initialConfig: { trustProxy: true } } };
  /** Calls the function of a new module instance, which has not warned yet, and returns its warnings. */
  const listWarningsOf = async (...requests: object[]): Promise<string[]> => {
    warnings.length = 0;
    jest.resetModules();
    const fresh = await import('../../src/web/client-address.js');
    const calls = requests.map((request) =>
      fresh.resolveClientIp(withOption(), { headers: {}, ip: '::1', ...request }),
    );
    expect(await Promise.all(calls)).toEqual(calls.map(() => '::1'));
    await new Promise((resolve) => setImmediate(resolve));
    return warnings;
  };
  const text = (setting: string, fix: string): string =>
    `GENAUTH_TRUST_PROXY: The setting ${setting} is true, so each client can choose the IP address that GenAuth ` +
    `receives for the user, by writing it into X-Forwarded-For. Name your proxies instead, for example ${fix}.`;

  it.each([
    ['Express', EXPRESS, text("'trust proxy' of Express", `app.set('trust proxy', 'loopback')`)],
    ['Fastify', FASTIFY, text('trustProxy of Fastify', `new FastifyAdapter({ trustProxy: '127.0.0.1' })`)],
  ])('is emitted once a process on %s', async (_title, request, warning) => {
    expect(await listWarningsOf({}, request, request, EXPRESS, FASTIFY)).toEqual([warning]);
  });

  it.each([false, 0, 1, 'true', 'loopback', undefined])('is not emitted for the setting %j', async (value) => {
    const request = { app: { get: () => value }, server: { initialConfig: { trustProxy: value } } };
    expect(await listWarningsOf(request)).toEqual([]);
  });

  it.each([null, 'app', 5, {}, { get: 'trust proxy' }, { initialConfig: null }, { initialConfig: 'x' }])(
    'is not emitted if app and server are %j',
    async (other) => {
      expect(await listWarningsOf({ app: other, server: other })).toEqual([]);
    },
  );
});
