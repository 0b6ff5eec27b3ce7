import { jest } from '@jest/globals';
import { getRefreshable, getTokens, postSignIn, rawRequest, refresh, signInBody, useEmulator } from '../support.js';

const emulator = useEmulator();

const ask = async (method: string, path: string) => {
  const { status, headers, body } = await rawRequest(`${emulator().url}${path}`, { method });
  return { status, headers, body: JSON.parse(body) as Record<string, unknown> };
};

test.each([
  ['GET', '/api/v3/signin'],
  ['PUT', '/api/v3/signin'],
  ['POST', '/api/v3/signin/'],
  ['POST', '/API/v3/signin', 404],
  ['POST', '/api/v3/signin-by-mobile'],
  ['POST', '/api/v3/system'],
  ['GET', '/api/v3/captcha-code'],
  ['GET', '/api'],
  ['GET', '/oidc/auth'],
  ['GET', '/oidc/token'],
  ['POST', '/oidc/token/'],
  ['PUT', '/oidc/me'],
  ['POST', '/oidc/.well-known/jwks.json'],
  ['POST', '/oidc/session/end'],
  ['GET', '/apis', 404],
  ['GET', '/oidc2/me', 404],
  ['GET', '/', 404],
  ['GET', '/emulator', 404],
  ['GET', '/favicon.ico', 404],
])('%s %s is not served, and says so', async (method, path, expected = 501) => {
  const { status, headers, body } = await ask(method, path);
  expect([status, body['statusCode']]).toEqual([expected, expected]);
  expect(body['requestId']).toMatch(/^[\da-f-]{36}$/);
  expect(body['message']).toBe(
    expected === 501 ? `The emulator does not implement ${method} ${path}.` : 'The emulator does not serve this path.',
  );
  expect(headers).not.toHaveProperty('x-powered-by');
});

test('a refusal names the path without the query, which may hold a token', async () => {
  expect((await ask('GET', '/oidc/auth?id_token_hint=secret')).body['message']).toBe(
    'The emulator does not implement GET /oidc/auth.',
  );
});

test('a path that cannot be decoded is no crash', async () => {
  expect((await ask('GET', '/%E0%A4%A/oidc/.well-known/jwks.json')).status).toBeLessThan(500);
  await getTokens(emulator());
});

test('a failure of the emulator itself is 500 in words that hold nothing of the request', async () => {
  const sign = jest.spyOn(crypto.subtle, 'sign').mockRejectedValueOnce(new Error('canary passw0rd'));
  const { status, answer } = await postSignIn(emulator(), signInBody(emulator()));
  sign.mockRestore();
  expect([status, answer.statusCode, answer.message]).toEqual([500, 500, 'The emulator failed.']);
  await getTokens(emulator());
});

test('at an OAuth endpoint it is so too, in the shape of these', async () => {
  const { refresh_token } = await getRefreshable(emulator());
  const sign = jest.spyOn(crypto.subtle, 'sign').mockRejectedValueOnce(new Error(`canary ${refresh_token}`));
  const { status, text } = await refresh(emulator(), refresh_token);
  sign.mockRestore();
  expect([status, text]).toEqual([500, '{"error":"server_error","error_description":"The emulator failed."}']);
});
