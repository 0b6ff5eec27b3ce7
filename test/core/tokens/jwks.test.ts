import type { KeyObject } from 'node:crypto';
import { jest } from '@jest/globals';
import type { Jwks } from '../../../src/core/tokens/jwks.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { APP_ID, DISCOVERY_PATH, JWKS_PATH, type Reply, useIssuer } from '../../support/issuer.js';
import { COOLDOWN, MAX_AGE, STALE_IF_ERROR, codeOf, useKeySets } from '../../support/key-set.js';
import { Gate, catchError, until } from '../../support/promise.js';
import { createRsaKey } from '../../support/rsa-key.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const sets = useKeySets(issuer);
const next = createRsaKey({ kid: 'next' });
const known = (): string => issuer().key.kid;
const openWarm = async (): Promise<Jwks> => {
  const jwks = sets.open();
  await jwks.warmUp();
  return jwks;
};
/** Asks for a key after some time. Returns `accepted` or the code of the error, and the number of fetches so far. */
const ask = async (jwks: Jwks, time: number, kid: string | undefined, fromGenAuth = false): Promise<unknown[]> => {
  sets.now += time;
  return [await codeOf(jwks.getKeys(kid, fromGenAuth)), sets.fetches()];
};
const fail = (): void => issuer().reply(JWKS_PATH, { status: 500 });
/** Holds the responses of the key set until the gate is open. */
const hold = (reply: Reply): Gate => {
  const gate = new Gate();
  issuer().reply(JWKS_PATH, () => gate.opened.then(() => reply));
  return gate;
};

const moduli = async (jwks: Jwks, kid: string | undefined): Promise<unknown[]> =>
  (await jwks.getKeys(kid, false)).map((key) => key.export({ format: 'jwk' }).n);
const third = createRsaKey({ kid: 'third' });
const none = { kid: undefined };

it.each<[title: string, keys: () => object[], kid: () => string | undefined, found: () => object[]]>([
  ['two keys with one kid', () => [next.jwk, { ...third.jwk, kid: 'next' }], () => 'next', () => [next.jwk, third.jwk]],
  ['equal keys with one kid', () => [next.jwk, next.jwk], () => 'next', () => [next.jwk]],
  ['one key without kid', () => [{ ...next.jwk, ...none }], () => undefined, () => [next.jwk]],
  [
    'one key without kid beside others',
    () => [third.jwk, { ...next.jwk, kid: null }],
    () => undefined,
    () => [next.jwk],
  ],
])('the lookup of a key returns all keys that can fit: %s', async (_, keys, kid, found) => {
  sets.publish(...keys());
  expect(await moduli(sets.open(), kid())).toEqual(found().map((jwk) => (jwk as { n: string }).n));
});

it('the lookup of a key returns at most four keys with one kid, and names the others', async () => {
  // The numbers of these keys differ only in their last bit.
  const keys = Array.from({ length: 6 }, (_, i) => {
    const bytes = Buffer.from(next.jwk.n, 'base64url');
    bytes[bytes.length - 2] = i;
    return { ...next.jwk, n: bytes.toString('base64url') };
  });
  sets.publish(...keys);
  const jwks = sets.open();
  expect(await moduli(jwks, 'next')).toHaveLength(4);
  const problem = { kid: 'next', problem: '4 keys before it have the same kid' };
  const error = { details: { unusableKeys: [problem, problem] } };
  expect(await catchError(jwks.getKeys('x', false))).toMatchObject(error);
});

it.each<[title: string, keys: () => object[], kid: string | undefined]>([
  ['a kid and one key without', () => [{ ...next.jwk, ...none }], 'next'],
  ['no kid and two keys without', () => [next.jwk, third.jwk].map((jwk) => ({ ...jwk, ...none })), undefined],
])('the lookup of a key finds none for a token with %s', async (_, keys, kid) => {
  sets.publish(...keys());
  expect(await ask(sets.open(), 0, kid)).toEqual(['token_key_unknown', 1]);
});

it.each([
  [
    'x',
    'The token is signed with key "x", which the key set does not have: get a new token, or check appHost and jwksUri.',
  ],
  [
    undefined,
    'The token has no kid (key ID), and the key set has 2 RS256 keys. ' +
      'Exactly one key, or exactly one key without a kid, could verify it.',
  ],
])('the lookup of a key throws an error with message and details for kid %j with two keys', async (kid, message) => {
  const jwks = sets.open();
  expect(await ask(jwks, 0, undefined)).toEqual(['accepted', 1]);
  sets.publish(issuer().key.jwk, next.jwk);
  sets.now += MAX_AGE;
  const details = { claim: 'kid', expected: [known(), 'next'], actual: kid };
  const error = { code: 'token_key_unknown', message, details };
  expect(await catchError(jwks.getKeys(kid, false))).toMatchObject(error);
});

const UNUSABLE = "ask GenAuth's support for a new signing key. If jwksUri is set, check it first.";
it.each<[unknown, string]>([
  [{}, "GenAuth's key set has no array 'keys': check appHost and jwksUri."],
  [{ keys: { 0: {} } }, "GenAuth's key set has no array 'keys': check appHost and jwksUri."],
  [{ keys: [] }, `None of the 0 keys in GenAuth's key set can verify RS256 tokens: ${UNUSABLE}`],
  [
    { keys: [{ kty: 'oct', kid: 'a' }, null] },
    "None of the 2 keys in GenAuth's key set can verify RS256 tokens " +
      `(kid "a": kty is "oct"; kid undefined: is not an object): ${UNUSABLE}`,
  ],
])('the lookup of a key refuses the document %j', async (document, message) => {
  issuer().reply(JWKS_PATH, { body: document });
  const jwks = sets.open();
  const error = { name: 'UpstreamError', code: 'upstream_invalid_response', message };
  expect(await catchError(jwks.getKeys('x', false))).toMatchObject(error);
});

it('an empty key set withdraws all keys at once, and is not an outage', async () => {
  const jwks = await openWarm();
  sets.publish();
  expect(await ask(jwks, MAX_AGE, known())).toEqual(['upstream_invalid_response', 2]);
  expect(jwks.status()).toMatchObject({ count: 0, lastError: 'upstream_invalid_response' });
  expect(await ask(jwks, 0, known())).toEqual(['upstream_invalid_response', 2]);
  issuer().reset();
  expect(await ask(jwks, COOLDOWN, known())).toEqual(['accepted', 1]);
});

it('a key set that is empty for a moment is asked for again after the pause, not the cool-down', async () => {
  const jwks = await openWarm();
  const tried = await jwks.getKeys(known(), false);
  sets.publish();
  expect(await ask(jwks, COOLDOWN, 'x')).toEqual(['upstream_invalid_response', 2]);
  expect(await codeOf(jwks.getOtherKeys(known(), tried, false))).toBe('upstream_invalid_response');
  issuer().reset();
  expect(await ask(jwks, 2500, known())).toEqual(['accepted', 1]);
});

it('asks for a key that is not published yet after 2, 4, 8 and 16 s, and then once per cool-down', async () => {
  const jwks = await openWarm();
  const fetches: unknown[] = [await ask(jwks, COOLDOWN, 'next')];
  for (const pause of [2000, 4000, 8000, 16_000, COOLDOWN, COOLDOWN])
    fetches.push(await ask(jwks, pause - 1, 'next'), await ask(jwks, 1, 'next'));
  const counts = [2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8];
  expect(fetches).toEqual(counts.map((count) => ['token_key_unknown', count]));
  // After a quiet time the pauses start at 2 s again.
  expect(await ask(jwks, 2 * COOLDOWN, 'next')).toEqual(['token_key_unknown', 9]);
  sets.publish(next.jwk);
  expect(await ask(jwks, 2000, 'next')).toEqual(['accepted', 10]);
  expect(await ask(jwks, COOLDOWN - 1, 'x')).toEqual(['token_key_unknown', 10]);
});

it('getOtherKeys fetches once per cool-down, and returns a key that was replaced under its kid', async () => {
  const jwks = await openWarm();
  const tried = [...(await jwks.getKeys(known(), false))];
  sets.publish({ ...next.jwk, kid: known() });
  const others = async (time: number, fromGenAuth = false): Promise<unknown[]> => {
    sets.now += time;
    return [(await jwks.getOtherKeys(known(), tried, fromGenAuth)).length, sets.fetches()];
  };
  expect(await others(COOLDOWN - 1)).toEqual([0, 1]);
  expect(await others(0, true)).toEqual([1, 2]);
  expect(await others(0)).toEqual([1, 2]);
  sets.publish(issuer().key.jwk);
  expect(await ask(jwks, MAX_AGE, known())).toEqual(['accepted', 3]);
  tried.push(...(await jwks.getKeys(known(), false)));
  expect(await others(COOLDOWN - 1)).toEqual([0, 3]);
  expect(await others(1)).toEqual([0, 4]);
  fail();
  expect(await others(COOLDOWN)).toEqual([0, 5]);
});

it('a login waits at most 5 s after a Retry-After, others wait longer, and all answers count down', async () => {
  const failWith = (seconds: string): void =>
    issuer().reply(JWKS_PATH, { status: 503, headers: { 'retry-after': seconds } });
  failWith('120');
  const randomly = jest.spyOn(Math, 'random').mockReturnValue(0.5);
  const jwks = sets.open();
  const seconds = async (time: number, fromGenAuth = false): Promise<unknown[]> => {
    sets.now += time;
    const error = (await catchError(jwks.getKeys('x', fromGenAuth))) as { retryAfter?: number };
    return [error.retryAfter, sets.fetches()];
  };
  expect([await seconds(0), await seconds(1500), await seconds(1500, true)]).toEqual([
    [120, 1],
    [119, 1],
    [2, 1],
  ]);
  failWith('1');
  expect([await seconds(2000, true), await seconds(1), await seconds(114_998), await seconds(1)]).toEqual([
    [4, 2],
    [115, 2],
    [1, 2],
    [8, 3],
  ]);
  randomly.mockRestore();
});

it('the first answer names the pause that is kept, not a longer Retry-After', async () => {
  issuer().reply(JWKS_PATH, { status: 503, headers: { 'retry-after': '3600' } });
  const error = { retryAfter: MAX_AGE / 1000 };
  expect(await catchError(sets.open().getKeys('x', false))).toMatchObject(error);
  expect(await catchError(sets.open().warmUp())).toMatchObject(error);
});

it('after a failed fetch only the pause counts, also for an unknown key', async () => {
  const randomly = jest.spyOn(Math, 'random').mockReturnValue(0.5);
  const jwks = await openWarm();
  fail();
  expect(await ask(jwks, COOLDOWN, 'next')).toEqual(['upstream_unavailable', 2]);
  sets.publish(next.jwk);
  expect(await ask(jwks, 1999, 'next')).toEqual(['upstream_unavailable', 2]);
  expect(await ask(jwks, 1, 'next')).toEqual(['accepted', 3]);
  // The fetch also removes a withdrawn key.
  expect(await ask(jwks, 0, known())).toEqual(['token_key_unknown', 3]);
  randomly.mockRestore();
});

it('a miss counts once per fetch, also if another request has started the fetch', async () => {
  const jwks = await openWarm();
  sets.now += COOLDOWN;
  const gate = hold({ body: { keys: [issuer().key.jwk] } });
  const replaced = jwks.getOtherKeys(known(), await jwks.getKeys(known(), false), false);
  await until(() => sets.fetches() === 2);
  const asked = ['x', 'y', 'z'].map((kid) => codeOf(jwks.getKeys(kid, false)));
  gate.open();
  expect(await Promise.all([replaced, ...asked])).toEqual([[], ...Array<string>(3).fill('token_key_unknown')]);
  expect([await ask(jwks, 1999, 'x'), await ask(jwks, 1, 'x')]).toEqual([
    ['token_key_unknown', 2],
    ['token_key_unknown', 3],
  ]);
});

it('fetches for other reasons do not end the quiet time after which the waiting times start again', async () => {
  const jwks = await openWarm();
  await ask(jwks, COOLDOWN, 'x');
  await ask(jwks, 2000, 'x');
  const tried = await jwks.getKeys(known(), false);
  sets.now += COOLDOWN;
  await jwks.getOtherKeys(known(), tried, false);
  sets.now += COOLDOWN;
  await jwks.getOtherKeys(known(), tried, false);
  expect(await ask(jwks, 4000, 'x')).toEqual(['token_key_unknown', 6]);
  expect(await ask(jwks, 2000, 'x')).toEqual(['token_key_unknown', 7]);
});

it('a login that waited for a fetch of another request fetches again if its key is missing', async () => {
  const jwks = await openWarm();
  sets.now += COOLDOWN;
  const gate = hold({ body: { keys: [issuer().key.jwk] } });
  const other = codeOf(jwks.getKeys('x', false));
  await until(() => sets.fetches() === 2);
  const login = codeOf(jwks.getKeys('next', true));
  sets.publish(next.jwk);
  gate.open();
  expect([await other, await login, sets.fetches()]).toEqual(['token_key_unknown', 'accepted', 3]);
});

it('the cool-down ends at once for a token that came from GenAuth, and after its time for other tokens', async () => {
  const jwks = await openWarm();
  sets.publish(issuer().key.jwk, next.jwk);
  expect(await ask(jwks, COOLDOWN - 1, 'next')).toEqual(['token_key_unknown', 1]);
  expect(await ask(jwks, 0, 'next', true)).toEqual(['accepted', 2]);
  expect(await ask(jwks, 0, known(), true)).toEqual(['accepted', 2]);
  expect(await ask(jwks, COOLDOWN, 'x')).toEqual(['token_key_unknown', 3]);
});

it('maxAge ends the use of a withdrawn key, even during a longer cool-down', async () => {
  const jwks = sets.open({ cooldown: MAX_AGE * 2 });
  await jwks.warmUp();
  sets.publish(next.jwk);
  expect(await ask(jwks, MAX_AGE - 1, known())).toEqual(['accepted', 1]);
  expect(jwks.getFreshKeys(known())).toBeDefined();
  sets.now += 1;
  expect(jwks.getFreshKeys(known())).toBeUndefined();
  expect(await ask(jwks, 0, known())).toEqual(['token_key_unknown', 2]);
});

it('maxAge is over after the clock was set back', async () => {
  const jwks = await openWarm();
  sets.publish(next.jwk);
  expect(await ask(jwks, -1, known())).toEqual(['token_key_unknown', 2]);
});

it('staleIfError begins when the clock was set back, and no pause outlasts the change', async () => {
  const jwks = await openWarm();
  fail();
  expect(await ask(jwks, -STALE_IF_ERROR, known())).toEqual(['accepted', 2]);
  expect(await ask(jwks, STALE_IF_ERROR, known())).toEqual(['upstream_unavailable', 3]);
  issuer().reply(JWKS_PATH, { status: 503, headers: { 'retry-after': '120' } });
  const paused = sets.open();
  expect(await ask(paused, 0, known())).toEqual(['upstream_unavailable', 4]);
  expect(await ask(paused, -1, known())).toEqual(['upstream_unavailable', 5]);
  expect(await ask(paused, 119_999, known())).toEqual(['upstream_unavailable', 5]);
  expect(await ask(paused, 1, known())).toEqual(['upstream_unavailable', 6]);
});

const APP_JWKS_PATH = `/${APP_ID}${JWKS_PATH}`;
/** A client without the option jwksUri. The host has another application's key, the address below has the right one. */
const openSearching = (): Jwks => {
  sets.publish(third.jwk);
  issuer().reply(DISCOVERY_PATH, { status: 404 });
  issuer().reply(APP_JWKS_PATH, { body: { keys: [next.jwk] } });
  return sets.open({}, {});
};
const asked = (): [number, number] => [sets.fetches(), issuer().count(APP_JWKS_PATH)];

it('a key set of another application delays no token, also after a forged token', async () => {
  const jwks = openSearching();
  await jwks.warmUp();
  expect([await codeOf(jwks.getKeys('next', false)), ...asked()]).toEqual(['accepted', 2, 1]);
  const attacked = openSearching();
  expect([await codeOf(attacked.getKeys('forged', false)), ...asked()]).toEqual(['token_key_unknown', 3, 2]);
  expect([await codeOf(attacked.getKeys('next', false)), ...asked()]).toEqual(['accepted', 3, 2]);
  expect([await codeOf(attacked.getKeys('forged', false)), ...asked()]).toEqual(['token_key_unknown', 3, 2]);
});

it('the address of the key that verified a token is kept, and the keys of other addresses are dropped', async () => {
  const jwks = openSearching();
  const [key] = await jwks.getKeys('next', false);
  jwks.confirm(third.publicKey);
  expect(jwks.status().count).toBe(2);
  jwks.confirm(key as KeyObject);
  expect([jwks.status().count, await codeOf(jwks.getKeys('third', false)), ...asked()]).toEqual([
    1,
    'token_key_unknown',
    1,
    1,
  ]);
  issuer().reply(APP_JWKS_PATH, { body: '<html>' });
  expect([...(await ask(jwks, MAX_AGE, 'next')), ...asked()]).toEqual(['accepted', 1, 1, 2]);
  issuer().reply(APP_JWKS_PATH, { body: { keys: [] } });
  expect([...(await ask(jwks, COOLDOWN, 'next')), ...asked()]).toEqual(['upstream_invalid_response', 1, 1, 3]);
});

it('HTTP 404 at the kept address ends the use of the last keys, and is answered as an outage', async () => {
  const jwks = await openWarm();
  issuer().reply(JWKS_PATH, { status: 404 });
  expect(await ask(jwks, MAX_AGE - 1, known())).toEqual(['accepted', 1]);
  expect(await ask(jwks, 1, known())).toEqual(['upstream_invalid_response', 2]);
  issuer().reset();
  expect(await ask(jwks, COOLDOWN, known())).toEqual(['accepted', 1]);
});

it('a fetch in progress does not bring back the keys of other addresses after a token was verified', async () => {
  const jwks = openSearching();
  await jwks.warmUp();
  const gate = new Gate();
  issuer().reply(APP_JWKS_PATH, () => gate.opened.then(() => ({ body: { keys: [next.jwk] } })));
  const forged = codeOf(jwks.getKeys('forged', false));
  await until(() => asked()[1] === 1);
  const [key] = await jwks.getKeys('third', false);
  jwks.confirm(key as KeyObject);
  gate.open();
  expect([await forged, jwks.status().count]).toEqual(['token_key_unknown', 1]);
});

it.each<[title: string, prepare: (jwks: Jwks) => unknown]>([
  ['warmUp', (jwks) => jwks.warmUp()],
  ['a forged token with a known key ID', (jwks) => codeOf(jwks.getKeys('third', false))],
  ['a forged token with an unknown key ID', (jwks) => codeOf(jwks.getKeys('forged', false))],
])('a token that waits for the fetch of %s gets its own key', async (_title, prepare) => {
  const jwks = openSearching();
  const [first, second] = [prepare(jwks), codeOf(jwks.getKeys('next', false))];
  await first;
  expect(await second).toBe('accepted');
});

it('a known stale key is found at a later address during the fetch of a forged token', async () => {
  const jwks = openSearching();
  await codeOf(jwks.getKeys('forged', false));
  sets.now += MAX_AGE;
  const both = ['third', 'next'].map((kid) => codeOf(jwks.getKeys(kid, false)));
  expect(await Promise.all(both)).toEqual(['accepted', 'accepted']);
});

it('the rules for tokens without a key ID, and for four keys, apply to each address', async () => {
  const jwks = openSearching();
  await codeOf(jwks.getKeys('forged', false));
  expect(await moduli(jwks, undefined)).toEqual([third.jwk.n, next.jwk.n]);
});

it('contradicting options at a later address affect only tokens whose key was not found', async () => {
  const jwks = openSearching();
  issuer().reply(`/${APP_ID}${DISCOVERY_PATH}`, { body: { issuer: 'http://127.0.0.1/x' } });
  expect(await codeOf(jwks.getKeys('forged', false))).toBe('discovery_issuer_mismatch');
  expect(await codeOf(jwks.getKeys('third', false))).toBe('accepted');
  expect(await codeOf(jwks.getKeys('next', false))).toBe('discovery_issuer_mismatch');
});

it('a wrong signature is not decided while an address with another key of this kid does not answer', async () => {
  const jwks = openSearching();
  issuer().reply(APP_JWKS_PATH, { status: 503, headers: { 'retry-after': '60' } });
  const tried = await jwks.getKeys('third', false);
  expect(await codeOf(jwks.getOtherKeys('third', tried, false))).toBe('upstream_unavailable');
  expect(await codeOf(jwks.getOtherKeys('third', tried, true))).toBe('upstream_unavailable');
  issuer().reply(APP_JWKS_PATH, { body: { keys: [{ ...next.jwk, kid: 'third' }] } });
  sets.now += 60_000;
  expect(await jwks.getOtherKeys('third', tried, false)).toHaveLength(1);
});

it('Retry-After of a later address is kept and counted down, and its last keys stay usable', async () => {
  const jwks = openSearching();
  await codeOf(jwks.getKeys('forged', false));
  sets.now += MAX_AGE;
  issuer().reply(APP_JWKS_PATH, { status: 429, headers: { 'retry-after': '120' } });
  expect(await ask(jwks, 0, 'next')).toEqual(['accepted', 2]);
  const waits: unknown[] = [];
  for (const time of [0, 60_000, 59_999]) {
    sets.now += time;
    waits.push(((await catchError(jwks.getKeys('forged', false))) as { retryAfter?: number }).retryAfter, asked()[1]);
  }
  expect(waits).toEqual([120, 2, 60, 2, 1, 2]);
  expect(await ask(jwks, 0, 'next')).toEqual(['accepted', 2]);
});

it('forged tokens of all kinds cause few requests while no token was verified', async () => {
  const jwks = openSearching();
  for (let time = 0; time < 120_000; time += 1000) {
    const tried = await jwks.getKeys('third', false);
    await Promise.all([
      codeOf(jwks.getKeys(undefined, false)),
      codeOf(jwks.getKeys('forged', false)),
      codeOf(jwks.getOtherKeys('third', tried, false)),
    ]);
    sets.now += 1000;
  }
  // 2, 4, 8, 16 and 30 seconds after each other, and once per cool-down.
  expect(asked()[1]).toBeLessThanOrEqual(8);
});

it('an outage of an address that may have the key is not an unknown key', async () => {
  const jwks = openSearching();
  issuer().reply(APP_JWKS_PATH, { status: 503 });
  const codes = [await codeOf(jwks.getKeys('next', false)), await codeOf(jwks.getKeys('next', false))];
  expect([...codes, ...asked()]).toEqual(['upstream_unavailable', 'upstream_unavailable', 1, 1]);
  expect(await codeOf(jwks.getKeys('third', false))).toBe('accepted');
});

it.each([
  [0, 0.75],
  [1, 1.25],
])('the pause doubles from 2 s to the cool-down, for random number %d times %d', async (random, factor) => {
  const randomly = jest.spyOn(Math, 'random').mockReturnValue(random);
  fail();
  const jwks = sets.open();
  const results = [await ask(jwks, 0, known())];
  for (const pause of [2000, 4000, 8000, 16_000, COOLDOWN, COOLDOWN])
    results.push(await ask(jwks, pause * factor - 1, known()), await ask(jwks, 1, known()));
  const fetches = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7];
  expect(results).toEqual(fetches.map((count) => ['upstream_unavailable', count]));
  issuer().reset();
  expect(await ask(jwks, COOLDOWN * factor, known())).toEqual(['accepted', 1]);
  fail();
  // After a success the pause starts at 2 s again.
  expect(await ask(jwks, MAX_AGE + STALE_IF_ERROR, known())).toEqual(['upstream_unavailable', 2]);
  expect(await ask(jwks, 2000 * factor, known())).toEqual(['upstream_unavailable', 3]);
  randomly.mockRestore();
});

it('while GenAuth is down a known key is used until staleIfError ends', async () => {
  const jwks = await openWarm();
  fail();
  expect(await ask(jwks, MAX_AGE, known())).toEqual(['accepted', 2]);
  expect(await ask(jwks, 0, known())).toEqual(['accepted', 2]);
  expect(await ask(jwks, 0, 'unknown')).toEqual(['upstream_unavailable', 2]);
  expect(await ask(jwks, STALE_IF_ERROR - 1, known())).toEqual(['accepted', 3]);
  expect(await ask(jwks, 1, known())).toEqual(['upstream_unavailable', 3]);
});

it('while GenAuth is down a stale key is used while the response takes longer than 500 ms', async () => {
  const jwks = await openWarm();
  const gate = hold({ body: { keys: [next.jwk] } });
  expect(await ask(jwks, MAX_AGE, known())).toEqual(['accepted', 2]);
  gate.open();
  await jwks.warmUp();
  expect(await ask(jwks, 0, known())).toEqual(['token_key_unknown', 2]);
});

it.each([
  ['120', 120_000],
  ['3600', MAX_AGE],
])('Retry-After: %s extends the pause after a request to %i ms', async (seconds, pause) => {
  issuer().reply(JWKS_PATH, () => {
    sets.now += 5000;
    return { status: 503, headers: { 'retry-after': seconds } };
  });
  const jwks = sets.open();
  expect(await ask(jwks, 0, known())).toEqual(['upstream_unavailable', 1]);
  expect(await ask(jwks, pause - 1, known())).toEqual(['upstream_unavailable', 1]);
  expect(await ask(jwks, 1, known())).toEqual(['upstream_unavailable', 2]);
});

it('parallel requests wait for one fetch, and maxAge is counted from the request', async () => {
  const jwks = await openWarm();
  sets.now += COOLDOWN;
  const gate = hold({ body: { keys: [next.jwk] } });
  const asked = ['next', 'x', 'next'].map((kid) => codeOf(jwks.getKeys(kid, false)));
  await until(() => sets.fetches() === 2);
  asked.push(codeOf(jwks.getKeys('next', true)));
  sets.now += MAX_AGE;
  asked.push(codeOf(jwks.warmUp()));
  gate.open();
  expect(await Promise.all(asked)).toEqual(['accepted', 'token_key_unknown', 'accepted', 'accepted', 'accepted']);
  expect(await ask(jwks, 0, 'next')).toEqual(['accepted', 3]);
});

it('warmUp fetches the key set once in maxAge, keeps to the pause after a failure, and throws its error', async () => {
  const jwks = await openWarm();
  fail();
  sets.now += MAX_AGE - 1;
  await jwks.warmUp();
  sets.now += 1;
  const first = await catchError(jwks.warmUp());
  expect([await catchError(jwks.warmUp()), sets.fetches()]).toEqual([first, 2]);
});

const NONE = { count: 0, fetchedAt: undefined, isStale: false, lastError: undefined };

it('status counts usable keys, and has the code of the last error until the next success', async () => {
  const jwks = sets.open();
  expect([jwks.status(), sets.fetches()]).toEqual([NONE, 0]);
  fail();
  await ask(jwks, 0, known());
  expect(jwks.status()).toEqual({ ...NONE, lastError: 'upstream_unavailable' });
  sets.publish(issuer().key.jwk, next.jwk, { kty: 'oct', kid: 'x', k: 'AA' }, next.jwk);
  await ask(jwks, COOLDOWN, known());
  expect(jwks.status()).toEqual({ ...NONE, count: 2, fetchedAt: new Date(sets.now) });
  const unknown = sets.open({
    source: { requestKeySets: () => Promise.reject(new Error('x')), keep: () => undefined },
  });
  await catchError(unknown.warmUp());
  expect(unknown.status()).toEqual(NONE);
});

it('status has stale keys from maxAge until the end of staleIfError, and after the clock was set back', async () => {
  const jwks = await openWarm();
  const start = sets.now;
  const states = [MAX_AGE - 1, MAX_AGE, MAX_AGE + STALE_IF_ERROR - 1, MAX_AGE + STALE_IF_ERROR, -1].map((time) => {
    sets.now = start + time;
    return [jwks.status().count, jwks.status().isStale];
  });
  expect(states).toEqual([
    [1, false],
    [1, true],
    [1, true],
    [0, false],
    [1, true],
  ]);
});
