import { readdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { GenAuthEmulator } from '../../../src/emulator/index.js';
import { inTurn, send, useEmulator } from '../support.js';

const FILES = readdirSync(join(import.meta.dirname, '../../../src/emulator/page'));
const TYPES: Record<string, string> = {
  html: 'text/html',
  css: 'text/css',
  mjs: 'text/javascript',
  svg: 'image/svg+xml',
};
const PATHS = ['/emulator', '/emulator/', ...FILES.map((name) => `/emulator/${name}`)];
const emulator = useEmulator();

it('serves the page at two addresses, and each of its files with its media type', async () => {
  const answers = await inTurn(PATHS, (path) => send(emulator().url + path));
  expect(answers.map(({ status }) => status)).toEqual(PATHS.map(() => 200));
  const types = answers.map(({ headers }) => headers['content-type']?.replace('; charset=utf-8', ''));
  expect(types).toEqual(['text/html', 'text/html', ...FILES.map((name) => TYPES[name.split('.')[1] ?? ''])]);
  expect(answers[0]?.text).toBe(answers[1]?.text);
  expect(answers[0]?.text).toContain('<h1>GenAuth emulator</h1>');
});

it('allows only own scripts and styles, no embedding, no form target, no cache and no referrer', async () => {
  const answers = await inTurn(PATHS, (path) => send(emulator().url + path));
  const headers = {
    'content-security-policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
      "base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
  expect(answers).toMatchObject(PATHS.map(() => ({ headers })));
});

it.each([
  ['another host name', { host: 'evil.example' }],
  ['another origin', { origin: 'https://evil.example' }],
  ['an origin without a name', { origin: 'null' }],
])('refuses %s', async (_, headers) => {
  const answers = await inTurn(PATHS, (path) => send(emulator().url + path, { headers }));
  expect(answers.map(({ status }) => status)).toEqual(PATHS.map(() => 403));
});

const external = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
if (external === undefined) process.stderr.write('SKIPPED test/emulator/control/page.test.ts: no network interface.\n');

(external === undefined ? it.skip : it)('refuses another machine, also with a loopback name as host', async () => {
  const remote = await new GenAuthEmulator({ host: '0.0.0.0', allowRemote: true }).start();
  const headers = { host: `127.0.0.1:${remote.port}` };
  const answers = await inTurn([...PATHS, '/emulator/v1/users'], (path) =>
    send(`http://${external}:${remote.port}${path}`, { headers }),
  );
  await remote.stop();
  expect(answers.map(({ status }) => status)).toEqual([...PATHS, ''].map(() => 403));
});

it('has no other file, also with an encoded path', async () => {
  const paths = [
    'page',
    'package.json',
    '..%2fcontrol%2fpage-files.js',
    '%2e%2e/errors.js',
    'index.html/',
    'constructor',
  ];
  const answers = await inTurn(paths, (path) => send(`${emulator().url}/emulator/${path}`));
  expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 404));
});
