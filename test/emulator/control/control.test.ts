import { checkControlCaller } from '../../../src/emulator/control/caller.js';
import { control, getJwks, getSystem, getTokens, postSignIn, rawRequest, signInBody, useEmulator } from '../support.js';

const emulator = useEmulator();

const isGoodSignIn = async () => (await postSignIn(emulator(), signInBody(emulator()))).answer.statusCode === 200;

describe('over HTTP', () => {
  test('GET and DELETE /sign-ins', async () => {
    await getTokens(emulator());
    expect(await control(emulator(), 'GET', '/sign-ins')).toMatchObject({
      status: 200,
      answer: [{ account: 'alice' }],
    });
    expect(await control(emulator(), 'DELETE', '/sign-ins')).toEqual({ status: 200, answer: {} });
    expect(await control(emulator(), 'GET', '/sign-ins')).toEqual({ status: 200, answer: [] });
    expect(emulator().signIns).toEqual([]);
  });

  test('POST and DELETE /faults', async () => {
    const fault = { endpoint: 'signin', status: 200, body: { statusCode: 500, message: 'down' }, times: 2 };
    expect(await control(emulator(), 'POST', '/faults', fault)).toEqual({ status: 200, answer: {} });
    expect(await isGoodSignIn()).toBe(false);
    expect(await control(emulator(), 'DELETE', '/faults')).toEqual({ status: 200, answer: {} });
    expect(await isGoodSignIn()).toBe(true);
  });

  test('POST /keys/rotate, with a body and without', async () => {
    const before = (await getJwks(emulator())).keys.map(({ kid }) => kid);
    const { status, answer } = await control(emulator(), 'POST', '/keys/rotate');
    expect(status).toBe(200);
    const { kid } = answer as { kid: string };
    expect((await getJwks(emulator())).keys.map((key) => key.kid)).toEqual([kid, ...before]);
    const last = (await control(emulator(), 'POST', '/keys/rotate', { withdraw: true })).answer;
    expect((await getJwks(emulator())).keys).toMatchObject([last]);
  });

  test('POST /id-token-flaw', async () => {
    expect(await control(emulator(), 'POST', '/id-token-flaw', { flaw: 'unsigned' })).toEqual({
      status: 200,
      answer: {},
    });
    expect((await getTokens(emulator())).id_token).toMatch(/\.$/);
    expect((await getTokens(emulator())).id_token).not.toMatch(/\.$/);
    await control(emulator(), 'POST', '/id-token-flaw', { flaw: 'unsigned', times: 2 });
    for (let i = 0; i < 2; i++) expect((await getTokens(emulator())).id_token).toMatch(/\.$/);
  });

  test('POST /encryption-keys/rotate', async () => {
    const before = await getSystem(emulator());
    expect(await control(emulator(), 'POST', '/encryption-keys/rotate')).toEqual({ status: 200, answer: {} });
    const after = await getSystem(emulator());
    expect(after.rsa).not.toEqual(before.rsa);
    expect(after.sm2).not.toEqual(before.sm2);
  });

  test('POST and DELETE /sign-in-answers', async () => {
    const answer = { statusCode: 301, apiCode: 1636, times: 2 };
    expect(await control(emulator(), 'POST', '/sign-in-answers', answer)).toEqual({ status: 200, answer: {} });
    expect((await postSignIn(emulator(), signInBody(emulator()))).answer).toMatchObject({ apiCode: 1636 });
    expect(await control(emulator(), 'DELETE', '/sign-in-answers')).toEqual({ status: 200, answer: {} });
    expect(await isGoodSignIn()).toBe(true);
  });

  test('POST /login-protection and /unlock, with an account and without', async () => {
    const wrong = { passwordPayload: { account: 'alice', password: 'wrong' } };
    expect(await control(emulator(), 'POST', '/login-protection', { lockAfter: 1 })).toEqual({
      status: 200,
      answer: {},
    });
    for (const body of [{ account: 'alice' }, undefined]) {
      await postSignIn(emulator(), signInBody(emulator(), wrong));
      expect(await isGoodSignIn()).toBe(false);
      await control(emulator(), 'POST', '/unlock', { account: 'bob' });
      expect(await isGoodSignIn()).toBe(false);
      expect(await control(emulator(), 'POST', '/unlock', body)).toEqual({ status: 200, answer: {} });
      expect(await isGoodSignIn()).toBe(true);
    }
    expect(await control(emulator(), 'POST', '/login-protection', {})).toEqual({ status: 200, answer: {} });
    await postSignIn(emulator(), signInBody(emulator(), wrong));
    expect(await isGoodSignIn()).toBe(true);
  });

  test('POST /reset', async () => {
    emulator().fault({ endpoint: 'jwks', status: 500 });
    emulator().flawIdToken('unsigned', 3);
    expect((await fetch(`${emulator().url}/oidc/.well-known/jwks.json`)).status).toBe(500);
    await getTokens(emulator());
    expect(await control(emulator(), 'POST', '/reset')).toEqual({ status: 200, answer: {} });
    expect(emulator().signIns).toEqual([]);
    expect((await fetch(`${emulator().url}/oidc/.well-known/jwks.json`)).status).toBe(200);
    expect((await getTokens(emulator())).id_token).not.toMatch(/\.$/);
  });

  test.each<[string, unknown, string]>([
    ['/faults', { endpoint: 'nowhere', status: 500 }, 'fault.endpoint: expected one of signin, jwks'],
    ['/faults', [], 'fault: expected an object, got a list.'],
    ['/faults', undefined, 'fault: expected an object, got undefined.'],
    ['/id-token-flaw', { flaw: 'none' }, 'flaw: expected one of expired'],
    ['/id-token-flaw', { flaw: 'expired', time: 2 }, 'unknown property "time". Use one of: flaw, times.'],
    ['/keys/rotate', { withdraw: 1 }, 'withdraw: expected true or false, got 1.'],
    ['/sign-in-answers', { apiCode: 2000 }, 'answer.statusCode: expected a whole number from 200 to 699'],
    ['/sign-in-answers', undefined, 'answer: expected an object, got undefined.'],
    ['/login-protection', { lockAfter: 0 }, 'lockAfter: expected a whole number from 1'],
    ['/login-protection', undefined, 'loginProtection: expected an object, got undefined.'],
    ['/unlock', { account: 7 }, 'account: expected a string, got 7.'],
  ])('%s %j is 400 with a sentence', async (path, body, message) => {
    const { status, answer } = await control(emulator(), 'POST', path, body);
    expect([status, answer]).toMatchObject([400, { statusCode: 400, message: expect.stringContaining(message) }]);
  });

  test('a body that is no JSON is 400', async () => {
    const { status, body } = await rawRequest(`${emulator().url}/emulator/v1/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"endpoint":',
    });
    expect([status, JSON.parse(body)]).toMatchObject([400, { message: 'The body is not a JSON object.' }]);
  });

  test.each([
    ['GET', '/faults'],
    ['PUT', '/faults'],
    ['GET', '/keys/rotate'],
    ['DELETE', '/reset'],
    ['PUT', '/users'],
    ['DELETE', '/users'],
    ['GET', '/users/alice'],
    ['POST', '/users/alice'],
    ['GET', '/ad-accounts'],
    ['GET', '/clock-drift'],
    ['GET', '/encryption-keys/rotate'],
    ['GET', '/sign-in-answers'],
    ['GET', '/sign-ins/'],
    ['GET', ''],
  ])('%s %s is 404', async (method, path) => {
    expect((await control(emulator(), method, path)).status).toBe(404);
  });
});

describe('is closed to web pages', () => {
  const ENDPOINTS = [
    ['GET', '/sign-ins'],
    ['DELETE', '/sign-ins'],
    ['POST', '/faults'],
    ['DELETE', '/faults'],
    ['POST', '/keys/rotate'],
    ['POST', '/id-token-flaw'],
    ['POST', '/encryption-keys/rotate'],
    ['POST', '/sign-in-answers'],
    ['DELETE', '/sign-in-answers'],
    ['POST', '/login-protection'],
    ['POST', '/unlock'],
    ['GET', '/users'],
    ['POST', '/users'],
    ['PATCH', '/users/alice'],
    ['DELETE', '/users/alice'],
    ['PATCH', '/ad-accounts/zhangsan'],
    ['DELETE', '/ad-accounts/zhangsan'],
    ['POST', '/clock-drift'],
    ['POST', '/reset'],
  ] as const;

  const request = (method: string, path: string, headers: Record<string, string>, body?: string) =>
    rawRequest(`${emulator().url}/emulator/v1${path}`, { method, headers, ...(body !== undefined && { body }) });

  test.each(ENDPOINTS)('%s %s of another origin is refused', async (method, path) => {
    await getTokens(emulator());
    const { port } = emulator();
    const origins = [
      'https://evil.example',
      'null',
      '',
      `https://127.0.0.1:${port}`,
      `http://localhost:${port}`,
      'http://127.0.0.1',
      `http://127.0.0.1:${port}.evil.example`,
    ];
    for (const origin of origins) {
      const { status, body } = await request(method, path, { origin });
      expect([origin, status, JSON.parse(body)]).toMatchObject([origin, 403, { message: expect.any(String) }]);
    }
    expect(emulator().signIns).toHaveLength(1);
  });

  test.each(ENDPOINTS)('%s %s by a name that was made to point here is refused', async (method, path) => {
    const { port } = emulator();
    for (const host of [
      `evil.example:${port}`,
      `127.0.0.1.evil.example:${port}`,
      'localhost.evil.example',
      '0.0.0.0',
      '%',
    ]) {
      const { status } = await request(method, path, { host, origin: `http://${host}` });
      expect([host, status]).toEqual([host, 403]);
    }
  });

  test('its own origin may, by any loopback name', async () => {
    const { port } = emulator();
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, '127.0.0.1']) {
      const { status } = await request('GET', '/sign-ins', { host, origin: `http://${host}` });
      expect([host, status]).toEqual([host, 200]);
    }
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', ''])(
    'a body of type %p is 415 and does nothing',
    async (type) => {
      const body = '{"endpoint":"signin","status":500}';
      const headers: Record<string, string> = type === '' ? {} : { 'content-type': type };
      const { status } = await request('POST', '/faults', headers, body);
      expect(status).toBe(415);
      expect(await isGoodSignIn()).toBe(true);
    },
  );

  test.each<[string | undefined, number | undefined]>([
    ['127.0.0.1', undefined],
    ['127.0.0.2', undefined],
    ['::1', undefined],
    ['::ffff:127.0.0.1', undefined],
    ['192.0.2.1', 403],
    ['::ffff:192.0.2.1', 403],
    ['2001:db8::1', 403],
    ['fe80::1%eth0', 403],
    ['', 403],
    [undefined, 403],
  ])('and to other machines, whatever they call themselves: %p is answered %p', (address, status) => {
    const caller = { host: '127.0.0.1:3999', origin: 'http://127.0.0.1:3999', address };
    expect(checkControlCaller(caller, false)?.status).toBe(status);
  });

  test('and lets no other origin read an answer', async () => {
    const { headers } = await request('GET', '/sign-ins', {});
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});
