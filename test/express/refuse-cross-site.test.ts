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
