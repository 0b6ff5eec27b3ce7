import { JWKS_PATH, useIssuer } from '../../support/issuer.js';
import { COOLDOWN, MAX_AGE, STALE_IF_ERROR, ask, useKeySets } from '../../support/key-set.js';
import { Gate, catchError, until } from '../../support/promise.js';
import { createRsaKey } from '../../support/rsa-key.js';
import { createAlgorithmKey } from '../../support/signing-key.js';

const issuer = useIssuer();
const sets = useKeySets(issuer);
const NONE = { count: 0, fetchedAt: undefined, isStale: false, lastError: undefined };

it('before anything was fetched: nothing', () => {
  expect(sets.open().status()).toEqual(NONE);
  expect(sets.fetches()).toBe(0);
});

it('counts the keys that can be used', async () => {
  const jwks = sets.open();
  const rsa = createRsaKey();
  sets.publish(issuer().key.jwk, rsa.jwk, createAlgorithmKey('ES256').jwk, { kty: 'oct', kid: 'x', k: 'AA' }, rsa.jwk);
  await jwks.warmUp();
  expect(jwks.status()).toMatchObject({ count: 2 });
});

it('fetchedAt is when the set was asked for', async () => {
  const gate = new Gate();
  const body = { keys: [issuer().key.jwk] };
  issuer().reply(JWKS_PATH, () => gate.opened.then(() => ({ body })));
  const jwks = sets.open();
  const warming = jwks.warmUp();
  await until(() => sets.fetches() === 1);
  const startedAt = new Date(sets.now);
  sets.now += 4000;
  expect(jwks.status()).toEqual(NONE);
  gate.open();
  await warming;
  expect(jwks.status()).toEqual({ ...NONE, count: 1, fetchedAt: startedAt });
});

it('stale from maxAge on, and of no use any more after staleIfError, to the millisecond', async () => {
  const jwks = sets.open();
  await jwks.warmUp();
  const fetchedAt = new Date(sets.now);
  for (const [advance, count, isStale] of [
    [MAX_AGE - 1, 1, false],
    [1, 1, true],
    [STALE_IF_ERROR - 1, 1, true],
    [1, 0, false],
  ] as const) {
    sets.now += advance;
    expect(jwks.status()).toEqual({ count, fetchedAt, isStale, lastError: undefined });
  }
  expect(sets.fetches()).toBe(1);
});

it('lastError is the last fetch’s, and gone with the next success', async () => {
  const jwks = sets.open();
  issuer().reply(JWKS_PATH, { status: 500 });
  await catchError(jwks.warmUp());
  expect(jwks.status()).toEqual({ ...NONE, lastError: 'upstream_unavailable' });
  sets.now += COOLDOWN * 2;
  issuer().reply(JWKS_PATH, { body: { keys: [] } });
  await catchError(jwks.warmUp());
  expect(jwks.status()).toMatchObject({ lastError: 'upstream_invalid_response' });
  sets.now += COOLDOWN * 2;
  issuer().reset();
  expect(await ask(jwks, issuer().key.kid)).toBe('found');
  expect(jwks.status()).toMatchObject({ count: 1, lastError: undefined });
});

it('an error that is not ours has no code to show', async () => {
  const jwks = sets.open({ requestKeySet: () => Promise.reject(new Error('canary')) });
  await catchError(jwks.warmUp());
  expect(jwks.status()).toEqual(NONE);
});

it('a clock that was set back: stale, since nobody knows how old the keys are', async () => {
  const jwks = sets.open();
  await jwks.warmUp();
  sets.now -= 1;
  expect(jwks.status()).toMatchObject({ count: 1, isStale: true });
});
