import { jest } from '@jest/globals';
import type { Jwks } from '../../../src/core/tokens/jwks.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { JWKS_PATH, type Reply, useIssuer } from '../../support/issuer.js';
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
  return [await codeOf(jwks.getKey(kid, fromGenAuth)), sets.fetches()];
};
const fail = (): void => issuer().reply(JWKS_PATH, { status: 500 });
/** Holds the responses of the key set until the gate is open. */
const hold = (reply: Reply): Gate => {
  const gate = new Gate();
  issuer().reply(JWKS_PATH, () => gate.opened.then(() => reply));
  return gate;
};

it('the lookup of a key uses the first of two keys with the same kid', async () => {
  sets.publish({ ...next.jwk, kid: known() }, issuer().key.jwk);
  expect((await sets.open().getKey(known(), false)).export({ format: 'jwk' }).n).toBe(next.jwk.n);
});

it.each([
  ['x', 'The token is signed with key "x", which the key set does not have: get a new token, or check appHost.'],
  [undefined, 'The token has no kid (key ID), and the key set has 2 RS256 keys instead of 1.'],
])('the lookup of a key throws an error with message and details for kid %j with two keys', async (kid, message) => {
  const jwks = sets.open();
  expect(await ask(jwks, 0, undefined)).toEqual(['accepted', 1]);
  sets.publish(issuer().key.jwk, next.jwk);
  sets.now += MAX_AGE;
  const details = { claim: 'kid', expected: [known(), 'next'], actual: kid };
  const error = { code: 'token_key_unknown', message, details };
  expect(await catchError(jwks.getKey(kid, false))).toMatchObject(error);
});

const UNUSABLE =
  "in GenAuth's key set can verify RS256 tokens: ask GenAuth's support for a new signing key. " +
  'If jwksUri is set, check it first.';
it.each<[unknown, string]>([
  [undefined, "GenAuth's key set has no array 'keys': check appHost and jwksUri."],
  [{ keys: { 0: {} } }, "GenAuth's key set has no array 'keys': check appHost and jwksUri."],
  [{ keys: [{ kty: 'oct' }, null] }, `None of the 2 keys ${UNUSABLE}`],
])('the lookup of a key refuses the document %j', async (document, message) => {
  const jwks = sets.open({ requestKeySet: async () => document });
  const error = { name: 'UpstreamError', code: 'upstream_invalid_response', message };
  expect(await catchError(jwks.getKey('x', false))).toMatchObject(error);
});

it('the cool-down starts with the last attempt, even if the attempt failed', async () => {
  const jwks = await openWarm();
  fail();
  expect(await ask(jwks, COOLDOWN, 'next')).toEqual(['upstream_unavailable', 2]);
  sets.publish(next.jwk);
  expect(await ask(jwks, COOLDOWN - 1, 'next')).toEqual(['upstream_unavailable', 2]);
  expect(await ask(jwks, 1, 'next')).toEqual(['accepted', 3]);
  // The fetch also removes a withdrawn key.
  expect(await ask(jwks, 0, known())).toEqual(['token_key_unknown', 3]);
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
  expect(jwks.getFreshKey(known())).toBeDefined();
  sets.now += 1;
  expect(jwks.getFreshKey(known())).toBeUndefined();
  expect(await ask(jwks, 0, known())).toEqual(['token_key_unknown', 2]);
});

it('maxAge is over after the clock was set back', async () => {
  const jwks = await openWarm();
  sets.publish(next.jwk);
  expect(await ask(jwks, -1, known())).toEqual(['token_key_unknown', 2]);
});

it.each([
  [0, 0.75],
  [1, 1.25],
])('the pause doubles from 2 s to the cool-down, for random number %d times %d', async (random, factor) => {
  const randomly = jest.spyOn(Math, 'random').mockReturnValue(random);
  fail();
  const jwks = sets.open();
  // A token from GenAuth keeps to the pause too.
  const results = [await ask(jwks, 0, known(), true)];
  for (const pause of [2000, 4000, 8000, 16_000, COOLDOWN, COOLDOWN])
    results.push(await ask(jwks, pause * factor - 1, known(), true), await ask(jwks, 1, known(), true));
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
  const asked = ['next', 'x', 'next'].map((kid) => codeOf(jwks.getKey(kid, false)));
  await until(() => sets.fetches() === 2);
  asked.push(codeOf(jwks.getKey('next', true)));
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
  const unknown = sets.open({ requestKeySet: () => Promise.reject(new Error('x')) });
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
