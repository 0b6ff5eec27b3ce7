import express from 'express';
import { refuseCrossSite } from '../../src/index.js';
import { ask, useWebServer } from '../support/web-server.js';

const serve = useWebServer();

it('answers a request of another site with 403 and calls the next handler for others', async () => {
  let calls = 0;
  const app = express().post('/login', refuseCrossSite(), (_req, res) => void res.json({ calls: ++calls }));
  const url = await serve(app);
  const headers = { 'sec-fetch-site': 'cross-site', 'accept-language': 'zh' };
  const refused = await ask(url, { path: '/login', json: {}, headers });
  const body = { statusCode: 403, error: 'Forbidden', code: 'cross_site_request', message: '您没有权限访问此资源。' };
  expect([refused.status, JSON.parse(refused.text), calls]).toEqual([403, body, 0]);
  expect((await ask(url, { path: '/login', json: {} })).status).toBe(200);
  expect(calls).toBe(1);
});

it('refuses to be a handler itself', async () => {
  const app = express().use(refuseCrossSite as never);
  app.use(((error, _req, res, _next) => void res.status(500).end(String(error))) as express.ErrorRequestHandler);
  const { status, text } = await ask(await serve(app), { path: '/login', json: {} });
  expect([status, text]).toEqual([500, expect.stringContaining('call it, write refuseCrossSite().')]);
});
