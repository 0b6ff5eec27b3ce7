import { once } from 'node:events';
import { createServer } from 'node:http';
import express from 'express';
import { createAgent } from '../../src/testing/agent.js';
import { openApp } from '../../src/testing/open-app.js';
import { PRODUCTION, createTestedApp, makeAppModule, useClosing, useTestKit } from './support.js';

const kit = useTestKit();
const close = useClosing();

/** Answers with the parts of the request. */
const echo = express().use(express.json(), express.text());
echo.all('/echo', ({ method, url, headers, body }, res) => {
  const { authorization, 'x-own': own } = headers;
  res.set('x-method', method).json({ method, url, authorization, own, body: body ?? null });
});
echo.get('/text', (_req, res) => void res.send('{"not": "parsed"}'));
echo.get('/empty-json', (_req, res) => void res.type('json').end());
echo.get('/problem', (_req, res) => void res.type('application/problem+json').send('{"title":"no"}'));
echo.get('/moved', (_req, res) => res.redirect('/echo'));
echo.get('/reset', (req) => req.socket.destroy());
const agent = createAgent(echo, undefined);

test('sends each method with the token', async () => {
  const methods = ['get', 'post', 'put', 'patch', 'delete', 'options'] as const;
  const asked = methods.map(async (method) => (await createAgent(echo, 'a-token')[method]('/echo?a=1')).body);
  const received = { url: '/echo?a=1', authorization: 'Bearer a-token', body: null };
  expect(await Promise.all(asked)).toEqual(methods.map((name) => ({ ...received, method: name.toUpperCase() })));
});

test('sends head, and no token if there is none', async () => {
  const { headers, body } = await agent.head('/echo');
  expect([headers['x-method'], body]).toEqual(['HEAD', '']);
  expect((await agent.get('/echo')).body).not.toHaveProperty('authorization');
});

const PLAIN = { 'content-type': 'text/plain' };
test.each([
  ['JSON', { body: { a: 1 } }, { body: { a: 1 } }],
  ['a string', { body: 'text', headers: PLAIN }, { body: 'text' }],
  ['bytes', { body: Buffer.from('bytes'), headers: PLAIN }, { body: 'bytes' }],
  ['own headers', { headers: { 'x-own': 'me', authorization: 'Basic x' } }, { own: 'me', authorization: 'Basic x' }],
])('sends %s', async (_title, message, received) => {
  expect((await createAgent(echo, 'token').post('/echo', message)).body).toMatchObject(received);
});

test('returns the answer of the application, parsed only if it is JSON, and rejects without an answer', async () => {
  const answers = await Promise.all(['/text', '/empty-json', '/problem', '/moved'].map((path) => agent.get(path)));
  const redirect: unknown = expect.stringContaining('/echo');
  expect(answers.map(({ body }) => body)).toEqual(['{"not": "parsed"}', '', { title: 'no' }, redirect]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 302]);
  await expect(agent.get('/reset')).rejects.toThrow('socket hang up');
});

test('accepts a server that listens or not, and leaves it as it was', async () => {
  const server = createServer(echo);
  expect((await createAgent(server, undefined).get('/echo')).status).toBe(200);
  expect(server.listening).toBe(false);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const open = await openApp(server);
  expect(open.routes()).toEqual([]);
  await open.close();
  expect(server.listening).toBe(true);
  server.close();
});

test('initializes an application of Nest once, and refuses an object that is no application', async () => {
  const app = close(await createTestedApp('Express', kit(), makeAppModule(PRODUCTION)));
  const nest = createAgent(app, undefined);
  const answers = await Promise.all([nest.get('/health'), nest.get('/health')]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  const message: unknown = expect.stringContaining('app: expected a Nest, Express or Fastify application, or an HTTP');
  const refused = createAgent({ listen: () => {} }, undefined).get('/');
  await expect(refused).rejects.toMatchObject({ code: 'invalid_input', message });
});
