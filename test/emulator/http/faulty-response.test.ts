import { createHook } from 'node:async_hooks';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { jest } from '@jest/globals';
import { type EmulatorFault, GenAuthEmulator } from '../../../src/emulator/index.js';
import { getJson, getTokens, postSignIn, rawRequest, signInBody, until, useEmulator } from '../support.js';

const emulator = useEmulator();
const JWKS = '/oidc/.well-known/jwks.json';
const SYSTEM = '/api/v3/system';

/** An answer whose pieces are handed over one by one, as they come in. */
async function open(path: string, { url } = emulator()) {
  const outgoing = request(`${url}${path}`, { agent: false });
  outgoing.on('error', () => undefined);
  outgoing.end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  incoming.on('error', () => undefined);
  return { outgoing, incoming };
}

/** The emulator's waits for a next byte, told from all other timers by their length. */
const LONG = 600_000;
const waits = new Set<number>();
const hook = createHook({
  init: (id, _type, _trigger, resource: { _idleTimeout?: number }) =>
    void (resource._idleTimeout === LONG && waits.add(id)),
  destroy: (id) => void waits.delete(id),
});
beforeAll(() => hook.enable());
afterAll(() => hook.disable());

describe('a drip', () => {
  test('is the true answer, a byte at a time, with its length told first', async () => {
    const whole = await rawRequest(emulator().url + JWKS);
    emulator().fault({ endpoint: 'jwks', dripMs: 0, times: 1 });
    const { incoming } = await open(JWKS);
    expect(incoming.headers).toMatchObject({
      'content-length': String(whole.body.length),
      'content-type': 'application/json; charset=utf-8',
    });
    const sizes: number[] = [];
    let body = '';
    for await (const chunk of incoming) {
      sizes.push((chunk as Buffer).length);
      body += String(chunk);
    }
    expect([incoming.statusCode, body]).toEqual([200, whole.body]);
    // The network may join a few; most come alone.
    expect(sizes.filter((size) => size === 1).length).toBeGreaterThan(whole.body.length / 2);
  });

  test('waits between two bytes', async () => {
    emulator().fault({ endpoint: 'jwks', body: '123456', dripMs: 20, times: 1 });
    const start = performance.now();
    expect((await rawRequest(emulator().url + JWKS)).body).toBe('123456');
    expect(performance.now() - start).toBeGreaterThan(5 * 18);
  });

  test('can be of a status and a body of its own, after a delay', async () => {
    emulator().fault({ endpoint: 'jwks', status: 503, body: { message: 'busy' }, dripMs: 0, delayMs: 60, times: 1 });
    const start = performance.now();
    expect(await rawRequest(emulator().url + JWKS)).toMatchObject({ status: 503, body: '{"message":"busy"}' });
    expect(performance.now() - start).toBeGreaterThan(55);
  });

  test.each([
    ['an empty answer', { endpoint: 'jwks', status: 500, dripMs: 1 }, JWKS, 500, ''],
    ['a page', { endpoint: 'endsession', dripMs: 0 }, '/oidc/session/end', 200, /^<!doctype html>/],
    ['a refusal', { endpoint: 'userinfo', dripMs: 0 }, '/oidc/me', 401, /invalid_token/],
  ] as [string, EmulatorFault, string, number, string | RegExp][])(
    'of %s',
    async (_name, fault, path, status, body) => {
      emulator().fault({ ...fault, times: 1 });
      const answer = await rawRequest(emulator().url + path);
      expect(answer.status).toBe(status);
      expect(answer.body).toEqual(typeof body === 'string' ? body : expect.stringMatching(body));
      if (status === 401) expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
    },
  );

  test('at the sign-in signs in', async () => {
    emulator().fault({ endpoint: 'signin', dripMs: 0, times: 1 });
    await getTokens(emulator());
    expect(emulator().signIns).toMatchObject([{ outcome: 'success' }]);
  });

  test('ends when the caller leaves, and with it its timer', async () => {
    emulator().fault({ endpoint: 'jwks', dripMs: LONG, times: 1 });
    const { outgoing, incoming } = await open(JWKS);
    await once(incoming, 'data');
    await until(() => waits.size === 1);
    outgoing.destroy();
    await until(() => waits.size === 0);
  });
});

describe('an oversize answer', () => {
  test.each([1000, 65_536, 5_000_001])('of %d bytes is the true one, with spaces behind', async (oversize) => {
    const { body } = await rawRequest(emulator().url + JWKS);
    emulator().fault({ endpoint: 'jwks', oversize, times: 1 });
    const answer = await rawRequest(emulator().url + JWKS);
    expect([answer.status, answer.headers['content-length']]).toEqual([200, String(oversize)]);
    expect(answer.body).toHaveLength(oversize);
    expect(answer.body.trimEnd()).toBe(body);
    expect(JSON.parse(answer.body)).toEqual(await getJson(emulator().url + JWKS));
  });

  test('of less than there is anyway is what there is', async () => {
    const { body } = await rawRequest(emulator().url + JWKS);
    emulator().fault({ endpoint: 'jwks', oversize: 10, times: 1 });
    expect((await rawRequest(emulator().url + JWKS)).body).toBe(body);
  });

  test('of a gibibyte is not made at once, and not sent to a caller who left', async () => {
    const before = process.memoryUsage.rss();
    emulator().fault({ endpoint: 'jwks', oversize: 1_073_741_824, times: 1 });
    const { outgoing, incoming } = await open(JWKS);
    expect(incoming.headers['content-length']).toBe('1073741824');
    let received = 0;
    for await (const chunk of incoming) {
      received += (chunk as Buffer).length;
      if (received > 20_000_000) break;
    }
    outgoing.destroy();
    expect(process.memoryUsage.rss() - before).toBeLessThan(200_000_000);
    await getTokens(emulator());
  });

  test('can have a status and a body of its own', async () => {
    emulator().fault({ endpoint: 'system', status: 502, body: 'x', oversize: 4, times: 1 });
    expect(await rawRequest(emulator().url + SYSTEM)).toMatchObject({ status: 502, body: 'x   ' });
  });

  test('can drip', async () => {
    emulator().fault({ endpoint: 'system', body: 'x', oversize: 4, dripMs: 0, times: 1 });
    expect(await rawRequest(emulator().url + SYSTEM)).toMatchObject({ status: 200, body: 'x   ' });
  });
});

describe('garbage', () => {
  test('is as many random bytes, others each time, called JSON', async () => {
    emulator().fault({ endpoint: 'jwks', garbage: 64, times: 2 });
    const bodies = [];
    for (let i = 0; i < 2; i++) {
      const response = await fetch(emulator().url + JWKS);
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
      bodies.push(Buffer.from(await response.arrayBuffer()));
    }
    expect(bodies.map((body) => body.length)).toEqual([64, 64]);
    expect(bodies[0]).not.toEqual(bodies[1]);
    expect((await rawRequest(emulator().url + JWKS)).status).toBe(200);
  });

  test('with a status, too large and dripping', async () => {
    emulator().fault({ endpoint: 'jwks', status: 500, garbage: 8, oversize: 16, dripMs: 0, times: 1 });
    const response = await fetch(emulator().url + JWKS);
    const body = Buffer.from(await response.arrayBuffer());
    expect([response.status, body.length, body.subarray(8).toString()]).toEqual([500, 16, '        ']);
  });

  test('at the sign-in signs nobody in, and is a fault in the journal', async () => {
    const sign = jest.spyOn(crypto.subtle, 'sign');
    emulator().fault({ endpoint: 'signin', garbage: 3, times: 1 });
    await expect(postSignIn(emulator(), signInBody(emulator()))).rejects.toMatchObject({ name: 'SyntaxError' });
    expect(sign).not.toHaveBeenCalled();
    sign.mockRestore();
    expect(emulator().signIns).toMatchObject([{ account: 'alice', outcome: 'fault' }]);
  });
});

test('stopping ends drips and large answers', async () => {
  const own = await new GenAuthEmulator().start();
  own.fault({ endpoint: 'jwks', dripMs: LONG, times: 1 });
  own.fault({ endpoint: 'jwks', oversize: 1_073_741_824, times: 1 });
  const both = [await open(JWKS, own), await open(JWKS, own)];
  await until(() => waits.size === 1);
  // Not `once`: a connection that breaks is an error too.
  const ends = both.map(({ incoming }) => new Promise((resolve) => incoming.resume().once('close', resolve)));
  await own.stop();
  await Promise.all(ends);
  await until(() => waits.size === 0);
});

test.each<[string, object, string]>([
  ['a drip of no number', { dripMs: '1' }, 'fault.dripMs: expected a whole number from 0 to 2147483647, got "1".'],
  ['a negative drip', { dripMs: -1 }, 'got -1'],
  ['an oversize of nothing', { oversize: 0 }, 'fault.oversize: expected a whole number from 1 to 1073741824, got 0.'],
  ['an oversize above a gibibyte', { oversize: 1_073_741_825 }, 'got 1073741825'],
  ['no garbage', { garbage: 0 }, 'fault.garbage: expected a whole number from 1 to 16777216, got 0.'],
  ['garbage with a body', { garbage: 8, body: 'x' }, 'fault.garbage: it cannot be combined with body.'],
  ['a drop that drips', { drop: true, dripMs: 1 }, 'fault.drop: it cannot be combined with dripMs.'],
  [
    'a drop with much',
    { drop: true, status: 500, oversize: 9, garbage: 9 },
    'it cannot be combined with status, oversize, garbage.',
  ],
])('%s is refused', async (_name, fault, message) => {
  expect(() => emulator().fault({ endpoint: 'jwks', ...fault } as never)).toThrow(
    expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining(message) }) as never,
  );
  expect((await rawRequest(emulator().url + JWKS)).status).toBe(200);
});
