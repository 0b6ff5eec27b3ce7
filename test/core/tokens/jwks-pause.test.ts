import { MAX_AGE, ask, useKeySets } from '../../support/key-set.js';
import { JWKS_PATH, useIssuer } from '../../support/issuer.js';
import { catchError } from '../../support/promise.js';
import { createRsaKey } from '../../support/rsa-key.js';

const issuer = useIssuer();
const sets = useKeySets(issuer);
const YEAR = 365 * 86_400_000;

it('the Retry-After of GenAuth is kept to', async () => {
  issuer().reply(JWKS_PATH, { status: 503, headers: { 'retry-after': '120' } });
  const jwks = sets.open();
  for (let second = 0; second < 119; second += 1) {
    await ask(jwks, 'k');
    sets.now += 1000;
  }
  expect(sets.fetches()).toBe(1);
  sets.now += 2000;
  await ask(jwks, 'k');
  expect(sets.fetches()).toBe(2);
});

it('a Retry-After of an hour is cut to maxAge', async () => {
  issuer().reply(JWKS_PATH, { status: 503, headers: { 'retry-after': '3600' } });
  const jwks = sets.open();
  await ask(jwks, 'k');
  sets.now += MAX_AGE + 1;
  await ask(jwks, 'k');
  expect(sets.fetches()).toBe(2);
});

it('warmUp keeps to the pause, and says why', async () => {
  issuer().reply(JWKS_PATH, { status: 500 });
  const jwks = sets.open();
  for (let i = 0; i < 100; i += 1) {
    expect(await catchError(jwks.warmUp())).toMatchObject({ code: 'upstream_unavailable' });
  }
  expect(sets.fetches()).toBe(1);
});

it('a clock that was set back does not keep an old key set for ever', async () => {
  const jwks = sets.open();
  sets.now += YEAR;
  await jwks.warmUp();
  sets.now -= YEAR;
  sets.publish(createRsaKey().jwk);
  expect(await ask(jwks, issuer().key.kid)).toBe('token_key_unknown');
});

it('a clock that was set back does not stop fetches for ever', async () => {
  issuer().reply(JWKS_PATH, { status: 500 });
  const jwks = sets.open();
  sets.now += YEAR;
  await ask(jwks, 'k');
  sets.now -= YEAR;
  issuer().reset();
  expect(await ask(jwks, issuer().key.kid)).toBe('found');
});
