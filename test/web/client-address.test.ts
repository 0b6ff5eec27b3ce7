import { jest } from '@jest/globals';
import express from 'express';
import Fastify from 'fastify';
import { resolveClientIp } from '../../src/web/client-address.js';
import { listWarnings } from '../support/host-process.js';
import { ask, useWebServer } from '../support/web-server.js';

type Client = Parameters<typeof resolveClientIp>[0];
type Request = Parameters<typeof resolveClientIp>[1];

const warnings = listWarnings();
/** Headers that a client can write itself. */
const NAMES = ['x-forwarded-for', 'x-real-ip', 'x-client-ip', 'cf-connecting-ip', 'true-client-ip'];
const SPOOFED = Object.fromEntries(NAMES.map((name) => [name, '198.51.100.66']));
const SOCKET = { remoteAddress: '::ffff:10.0.0.1' };
const withOption = (clientIp?: unknown): Client => ({ options: { clientIp } }) as Client;

it.each<[string, unknown, object, string | undefined]>([
  ['of the option', () => '203.0.113.7', { ip: '192.0.2.1' }, '203.0.113.7'],
  ['of a promise of the option', async () => '[2001:DB8::7]:1', { ip: '192.0.2.1' }, '2001:db8::7'],
  ['of a header that the option reads', (req: Request) => req.headers['x-real-ip'], {}, '198.51.100.66'],
  ['of the framework, if the option is no address', () => 'unknown', { ip: '192.0.2.1' }, '192.0.2.1'],
  ['of the framework, if the option is a number', () => 3_405_803_783, { ip: '192.0.2.1' }, '192.0.2.1'],
  ['of the framework, not of the socket', undefined, { ip: '192.0.2.1', socket: SOCKET }, '192.0.2.1'],
  ['of the socket, if the framework has no address', undefined, { ip: '<b>', socket: SOCKET }, '10.0.0.1'],
  ['undefined for a closed socket', undefined, { socket: {} }, undefined],
])('returns the address %s', async (_title, clientIp, request, address) => {
  expect(await resolveClientIp(withOption(clientIp), { headers: SPOOFED, ...request })).toBe(address);
});

it('throws the error of the option clientIp', async () => {
  const error = new TypeError('of the application');
  const client = withOption(() => Promise.reject(error));
  await expect(resolveClientIp(client, { headers: {} })).rejects.toBe(error);
});

const serve = useWebServer();
it.each<[string, unknown, string, string]>([
  ['no trusted proxy', false, '203.0.113.7', '127.0.0.1'],
  ['one proxy', 1, '198.51.100.9, 203.0.113.7', '203.0.113.7'],
  ['one proxy that writes no address', 1, '203.0.113.7, unknown', '127.0.0.1'],
])('reads the address on Express behind %s', async (_title, trustProxy, forwardedFor, ip) => {
  const app = express().set('trust proxy', trustProxy);
  app.use(async (req, res) => void res.json({ ip: await resolveClientIp(withOption(), req) }));
  const { text } = await ask(await serve(app), { headers: { ...SPOOFED, 'x-forwarded-for': forwardedFor } });
  expect(JSON.parse(text)).toEqual({ ip });
});

const EXPRESS = { app: { get: (name: string) => name === 'trust proxy' } };
/** Calls the function of a new module instance, which has not warned yet, and returns its warnings. */
const listWarningsOf = async (...requests: object[]): Promise<string[]> => {
  warnings.length = 0;
  jest.resetModules();
  const fresh = await import('../../src/web/client-address.js');
  await Promise.all(requests.map((request) => fresh.resolveClientIp(withOption(), { headers: {}, ...request })));
  await new Promise((resolve) => setImmediate(resolve));
  return warnings;
};

it('the warning about trust in all proxies is emitted once a process', async () => {
  expect(await listWarningsOf({}, EXPRESS, EXPRESS)).toEqual([
    "GENAUTH_TRUST_PROXY: The setting 'trust proxy' of Express is true, so each client can choose the IP address " +
      'that GenAuth receives for the user, by writing it into X-Forwarded-For. Name your proxies, for example ' +
      "app.set('trust proxy', 'loopback').",
  ]);
});

it.each([
  [{ app: { get: () => 1 }, server: { initialConfig: { trustProxy: 'loopback' } } }],
  [{ app: { get: () => 'true' }, server: { initialConfig: null } }],
  [{ app: { get: (name: string) => name !== 'trust proxy' }, server: {} }],
  [{ app: { get: 'trust proxy' }, server: null }],
  [{ app: null, server: undefined }],
])('the warning about trust in all proxies is not emitted for %j', async (request) => {
  expect(await listWarningsOf(request)).toEqual([]);
});

/** Requests as the frameworks make them if they trust no proxy. */
const OFF = { Express: { app: { get: () => false } }, Fastify: { server: { initialConfig: {} } } } as const;
const FIXES = {
  Express: (proxies: string) => `app.set('trust proxy', '${proxies}')`,
  Fastify: (proxies: string) => `new FastifyAdapter({ trustProxy: '${proxies}' })`,
} as const;
const ignored = (framework: keyof typeof OFF, header: string, address: string, proxies = address): string =>
  `GENAUTH_TRUST_PROXY: A login request has the header ${header}, but ${framework} trusts no proxy, so GenAuth ` +
  `receives ${address} as the IP address of the user. If this is the address of your proxy, write ` +
  `${FIXES[framework](proxies)}.`;

it.each<[address: string, proxies: string | undefined]>([
  ...['10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.0.9', '169.254.1.1', '100.64.0.1', 'fd00::1'].map(
    (address): [string, string] => [address, address],
  ),
  ...['127.0.0.1', '127.9.9.9', '::1'].map((address): [string, string] => [address, 'loopback']),
  ...['172.32.0.1', '100.128.0.1', '198.51.100.66', '2001:db8::1'].map((address): [string, undefined] => [
    address,
    undefined,
  ]),
])('a header of a proxy with the untrusted address %s names the proxies %s in one warning', async (ip, proxies) => {
  for (const framework of ['Express', 'Fastify'] as const) {
    const request = { ...OFF[framework], ip };
    const warned = proxies === undefined ? [] : [ignored(framework, 'X-Forwarded-For', ip, proxies)];
    expect(await listWarningsOf(request, { ...request, headers: SPOOFED }, { ...request, headers: SPOOFED })).toEqual(
      warned,
    );
  }
});

const FORWARDED = { forwarded: 'for=198.51.100.66' };
it.each<[string, object, string[]]>([
  ['the header Forwarded', { ...OFF.Express, headers: FORWARDED }, [ignored('Express', 'Forwarded', '10.0.0.1')]],
  ['no header', OFF.Express, []],
  ['the header X-Real-IP', { ...OFF.Express, headers: { 'x-real-ip': '198.51.100.66' } }, []],
  ['a trusted proxy of Express', { app: { get: () => 1 }, headers: SPOOFED }, []],
  ['a trusted proxy of Fastify', { ...OFF.Fastify, ips: ['10.0.0.1'], headers: SPOOFED }, []],
  ['another framework', { headers: SPOOFED }, []],
])('a request with a private address and %s gives the right warning', async (_title, request, expected) => {
  expect(await listWarningsOf({ socket: SOCKET, ...request })).toEqual(expected);
});

it('the warning about an ignored proxy is not emitted if the option clientIp gives the address', async () => {
  warnings.length = 0;
  jest.resetModules();
  const { resolveClientIp: resolve } = await import('../../src/web/client-address.js');
  await resolve(
    withOption(() => '10.0.0.9'),
    { ...OFF.Express, headers: SPOOFED, socket: SOCKET },
  );
  await new Promise((done) => setImmediate(done));
  expect(warnings).toEqual([]);
});

it.each<[keyof typeof OFF, string | undefined, boolean]>([
  ['Express', undefined, true],
  ['Express', 'loopback', false],
  ['Fastify', undefined, true],
  ['Fastify', 'loopback', false],
])('a real request through a proxy to %s with trust in %s warns: %s', async (framework, trust, warns) => {
  warnings.length = 0;
  jest.resetModules();
  const { resolveClientIp: resolve } = await import('../../src/web/client-address.js');
  const read = async (req: object): Promise<object> => ({ ip: await resolve(withOption(), req as Request) });
  const fastify = Fastify(trust === undefined ? {} : { trustProxy: trust });
  fastify.get('/', read);
  await fastify.ready();
  const app = express().set('trust proxy', trust ?? false);
  app.use(async (req, res) => void res.json(await read(req)));
  const url = await serve(framework === 'Express' ? app : (req, res) => fastify.routing(req, res));
  const { text: answer } = await ask(url, { headers: { 'x-forwarded-for': '198.51.100.66' } });
  expect(JSON.parse(answer)).toEqual({ ip: warns ? '127.0.0.1' : '198.51.100.66' });
  expect(warnings).toEqual(warns ? [ignored(framework, 'X-Forwarded-For', '127.0.0.1', 'loopback')] : []);
});
