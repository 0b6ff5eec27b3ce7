import { randomBytes } from 'node:crypto';
import type { Jwks } from '../../../src/core/tokens/jwks.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { JWKS_PATH, type Reply, useIssuer } from '../../support/issuer.js';
import { COOLDOWN, MAX_AGE, STALE_IF_ERROR, ask, useKeySets } from '../../support/key-set.js';
import { Gate, catchError, until } from '../../support/promise.js';
import { createRsaKey } from '../../support/rsa-key.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const sets = useKeySets(issuer);
const next = createRsaKey({ kid: 'next' });
const known = (): string => issuer().key.kid;

describe('a set that is none', () => {
  it.each<[string, unknown]>([
    ['no keys', {}],
    ['keys null', { keys: null }],
    ['keys an object', { keys: { 0: {} } }],
    ['an empty list', { keys: [] }],
    ['nothing usable', { keys: [{ kty: 'oct', k: 'AA', kid: 'a' }, null] }],
  ])('%s: upstream_invalid_response, the last good set serves, and the attempt counts', async (_, body) => {
    const jwks = sets.open();
    await jwks.warmUp();
    issuer().reply(JWKS_PATH, { body });
    sets.now += MAX_AGE;
    expect(await ask(jwks, known())).toBe('found');
    expect(await ask(jwks, 'unknown')).toBe('upstream_invalid_response');
    expect(await ask(jwks, known())).toBe('found');
    expect(sets.fetches()).toBe(2);
    expect(await catchError(sets.open().warmUp())).toMatchObject({
      code: 'upstream_invalid_response',
      statusCode: 502,
    });
  });
});

describe('unknown key IDs', () => {
  const flood = async (jwks: Jwks): Promise<Set<string | undefined>> => {
    const seen = new Set<string | undefined>();
    for (let i = 0; i < 1000; i++) seen.add(await ask(jwks, randomBytes(16).toString('hex')));
    return seen;
  };

  it('1,000 of them are 1 fetch, and a known one then passes with 0', async () => {
    const jwks = sets.open();
    expect(await flood(jwks)).toEqual(new Set(['token_key_unknown']));
    expect(sets.fetches()).toBe(1);
    expect(await ask(jwks, known())).toBe('found');
    sets.now += COOLDOWN - 1;
    await flood(jwks);
    expect(sets.fetches()).toBe(1);
    sets.now += 1;
    await flood(jwks);
    expect([sets.fetches(), await ask(jwks, known())]).toEqual([2, 'found']);
  });

  it.each<[string, Reply, string]>([
    ['an error', { status: 500 }, 'upstream_unavailable'],
    ['an empty set', { body: { keys: [] } }, 'upstream_invalid_response'],
    ['HTML', { body: '<html>' }, 'upstream_invalid_response'],
  ])('the cool-down counts from the last attempt, also if it came to %s', async (_, reply, code) => {
    const jwks = sets.open();
    await jwks.warmUp();
    issuer().reply(JWKS_PATH, reply);
    sets.now += COOLDOWN;
    expect(await flood(jwks)).toEqual(new Set([code]));
    sets.now += COOLDOWN - 1;
    expect(await flood(jwks)).toEqual(new Set([code]));
    expect([sets.fetches(), await ask(jwks, known())]).toEqual([2, 'found']);
    sets.now += 1;
    sets.publish(issuer().key.jwk, next.jwk);
    expect(await ask(jwks, 'next')).toBe('found');
    expect(sets.fetches()).toBe(3);
  });

  it('after a rotation the new key passes once the cool-down is over, and the flood before it delays it no further', async () => {
    const jwks = sets.open();
    await jwks.warmUp();
    sets.publish(issuer().key.jwk, next.jwk);
    sets.now += COOLDOWN - 1;
    expect(await ask(jwks, 'next')).toBe('token_key_unknown');
    sets.now += 1;
    expect(await ask(jwks, 'next')).toBe('found');
    expect(sets.fetches()).toBe(2);
  });

  it('in a token that came straight from GenAuth are asked for at once', async () => {
    const jwks = sets.open();
    await jwks.warmUp();
    sets.publish(issuer().key.jwk, next.jwk);
    expect(await ask(jwks, 'next')).toBe('token_key_unknown');
    expect(await ask(jwks, 'next', true)).toBe('found');
    expect(await ask(jwks, known(), true)).toBe('found');
    expect(sets.fetches()).toBe(2);
  });
});

describe('GenAuth is down', () => {
  const DOWN: Reply = { status: 500 };
  const UNAVAILABLE = { name: 'UpstreamError', code: 'upstream_unavailable', statusCode: 503 };

  it('200 requests for a key are 1 fetch and 200 times 503, never 401', async () => {
    issuer().reply(JWKS_PATH, DOWN);
    const jwks = sets.open();
    for (let i = 0; i < 200; i++) {
      expect(await catchError(jwks.getKey(i % 2 === 0 ? known() : `kid-${i}`, i % 4 === 0))).toMatchObject(UNAVAILABLE);
    }
    expect(sets.fetches()).toBe(1);
  });

  it.each([false, true])(
    'the pause doubles from 2 s up to the cool-down, within a quarter (from GenAuth: %j)',
    async (fromGenAuth) => {
      issuer().reply(JWKS_PATH, DOWN);
      const jwks = sets.open();
      await ask(jwks, known(), fromGenAuth);
      for (const [failures, pause] of [2000, 4000, 8000, 16_000, COOLDOWN, COOLDOWN].entries()) {
        sets.now += pause * 0.75 - 1;
        expect(await ask(jwks, known(), fromGenAuth)).toBe('upstream_unavailable');
        expect(sets.fetches()).toBe(failures + 1);
        sets.now += pause * 0.5 + 1;
        expect(await ask(jwks, known(), fromGenAuth)).toBe('upstream_unavailable');
        expect(sets.fetches()).toBe(failures + 2);
      }
      issuer().reset();
      sets.now += COOLDOWN * 1.25;
      expect(await ask(jwks, known())).toBe('found');
      // The next failure begins with the short pause again.
      issuer().reply(JWKS_PATH, DOWN);
      sets.now += MAX_AGE;
      await ask(jwks, known());
      sets.now += 2500;
      await ask(jwks, known());
      expect(sets.fetches()).toBe(3);
    },
  );

  it('not all processes come back in one moment', async () => {
    issuer().reply(JWKS_PATH, DOWN);
    const processes = Array.from({ length: 64 }, () => sets.open());
    for (const jwks of processes) await ask(jwks, known());
    sets.now += 2000;
    for (const jwks of processes) await ask(jwks, known());
    // Each comes back in the first or in the second half, as a coin falls.
    expect(sets.fetches() - 64).toBeGreaterThan(8);
    expect(sets.fetches() - 64).toBeLessThan(56);
  });

  it('a known key serves to the last millisecond of staleIfError, without waiting for the pause, and then no more', async () => {
    const jwks = sets.open();
    await jwks.warmUp();
    issuer().reply(JWKS_PATH, DOWN);
    sets.now += MAX_AGE - 1;
    expect([await ask(jwks, known()), sets.fetches()]).toEqual(['found', 1]);
    sets.now += 1;
    for (let i = 0; i < 100; i++) expect(await ask(jwks, known())).toBe('found');
    expect(sets.fetches()).toBe(2);
    expect(await catchError(jwks.getKey('unknown', false))).toMatchObject(UNAVAILABLE);
    sets.now += STALE_IF_ERROR - 1;
    expect(await ask(jwks, known())).toBe('found');
    sets.now += 1;
    expect(await catchError(jwks.getKey(known(), false))).toMatchObject(UNAVAILABLE);
  });

  it('with staleIfError 0 the key is gone with maxAge', async () => {
    const jwks = sets.open({ staleIfError: 0 });
    await jwks.warmUp();
    issuer().reply(JWKS_PATH, DOWN);
    sets.now += MAX_AGE;
    expect(await catchError(jwks.getKey(known(), false))).toMatchObject(UNAVAILABLE);
  });

  it('comes back: the first request after the pause brings the new set, and unknown is unknown again', async () => {
    issuer().reply(JWKS_PATH, DOWN);
    const jwks = sets.open();
    await ask(jwks, 'unknown');
    issuer().reset();
    sets.now += 2500;
    expect(await catchError(jwks.getKey('unknown', false))).toMatchObject({
      code: 'token_key_unknown',
      statusCode: 401,
    });
    expect(await ask(jwks, 'unknown')).toBe('token_key_unknown');
    expect([await ask(jwks, known()), sets.fetches()]).toEqual(['found', 1]);
  });

  it('a success, by whom ever, ends the pause', async () => {
    issuer().reply(JWKS_PATH, DOWN);
    const jwks = sets.open();
    await ask(jwks, known());
    issuer().reset();
    sets.now += COOLDOWN * 2;
    await jwks.warmUp();
    sets.publish(next.jwk);
    expect(await ask(jwks, 'next', true)).toBe('found');
  });
});

describe('maxAge', () => {
  it('a withdrawn key is gone with it, and not before', async () => {
    const jwks = sets.open();
    await jwks.warmUp();
    sets.publish(next.jwk);
    sets.now += MAX_AGE - 1;
    expect([await ask(jwks, known()), sets.fetches()]).toEqual(['found', 1]);
    sets.now += 1;
    expect([await ask(jwks, known()), sets.fetches()]).toEqual(['token_key_unknown', 2]);
    expect(await ask(jwks, 'next')).toBe('found');
  });

  it('a whole set replaces the other: an unknown key ID that causes a fetch takes the withdrawn key out at once', async () => {
    const jwks = sets.open();
    await jwks.warmUp();
    sets.publish(next.jwk);
    expect(await ask(jwks, 'next', true)).toBe('found');
    expect(await ask(jwks, known())).toBe('token_key_unknown');
  });

  it('counts from the request, not from the answer', async () => {
    const gate = new Gate();
    const answer = { body: { keys: [issuer().key.jwk] } };
    issuer().reply(JWKS_PATH, () => gate.opened.then(() => answer));
    const jwks = sets.open();
    const warming = jwks.warmUp();
    await until(() => sets.fetches() === 1);
    sets.now += 5000;
    gate.open();
    await warming;
    sets.now += MAX_AGE - 5001;
    expect([await ask(jwks, known()), sets.fetches()]).toEqual(['found', 1]);
    sets.now += 1;
    expect([await ask(jwks, known()), sets.fetches()]).toEqual(['found', 2]);
  });
});

describe('many at a time', () => {
  /** Holds every fetch until the gate opens, and counts how many are under way at most. */
  function hold(reply: () => Reply): { gate: Gate; most: () => number } {
    const gate = new Gate();
    let [running, most] = [0, 0];
    issuer().reply(JWKS_PATH, async () => {
      most = Math.max(most, ++running);
      const answer = reply();
      await gate.opened;
      running--;
      return answer;
    });
    return { gate, most: () => most };
  }

  it('1,000 that find nothing cached are 1 fetch', async () => {
    const { gate, most } = hold(() => ({ body: { keys: [issuer().key.jwk] } }));
    const jwks = sets.open();
    const kids = Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? known() : `kid-${i}`));
    const asked = Promise.all([...kids.map((kid, i) => ask(jwks, kid, i % 3 === 0)), jwks.warmUp()]);
    await until(() => sets.fetches() === 1);
    gate.open();
    const results = (await asked).slice(0, 1000);
    expect(results).toEqual(kids.map((kid) => (kid === known() ? 'found' : 'token_key_unknown')));
    expect([sets.fetches(), most()]).toEqual([1, 1]);
  });

  it('who asks for a new key while it is being fetched waits for it', async () => {
    const jwks = sets.open();
    await jwks.warmUp();
    sets.now += COOLDOWN;
    const { gate } = hold(() => ({ body: { keys: [next.jwk] } }));
    const asked = Promise.all(Array.from({ length: 100 }, () => ask(jwks, 'next')));
    await until(() => sets.fetches() === 2);
    gate.open();
    expect(new Set(await asked)).toEqual(new Set(['found']));
    expect(sets.fetches()).toBe(2);
  });

  it('1,000 are told of 1 failure, and nothing is left unhandled', async () => {
    const { gate } = hold(() => ({ status: 500 }));
    const jwks = sets.open();
    const asked = Promise.all(Array.from({ length: 1000 }, () => ask(jwks, known())));
    await until(() => sets.fetches() === 1);
    gate.open();
    expect(new Set(await asked)).toEqual(new Set(['upstream_unavailable']));
    expect(sets.fetches()).toBe(1);
  });

  it('an older answer never replaces a newer one: while one is awaited, no other is asked for', async () => {
    const { gate, most } = hold(() => ({ body: { keys: [issuer().key.jwk] } }));
    const jwks = sets.open();
    const first = ask(jwks, 'next', true);
    await until(() => sets.fetches() === 1);
    sets.now += MAX_AGE * 2;
    const second = [ask(jwks, known()), ask(jwks, 'next', true), jwks.warmUp()];
    sets.publish(next.jwk);
    gate.open();
    await Promise.all([first, ...second]);
    expect(most()).toBe(1);
    expect(await ask(jwks, 'next', true)).toBe('found');
    expect([await ask(jwks, known()), sets.fetches()]).toEqual(['token_key_unknown', 2]);
  });
});

describe('warmUp', () => {
  it('fetches once, and again when the set is too old', async () => {
    const jwks = sets.open();
    await jwks.warmUp();
    await jwks.warmUp();
    sets.now += MAX_AGE - 1;
    await jwks.warmUp();
    expect(sets.fetches()).toBe(1);
    sets.now += 1;
    await jwks.warmUp();
    expect([sets.fetches(), await ask(jwks, known()), sets.fetches()]).toEqual([2, 'found', 2]);
  });

  it('that fails leaves the next request to try, after the pause', async () => {
    issuer().reply(JWKS_PATH, { status: 503 });
    const jwks = sets.open();
    expect(await catchError(jwks.warmUp())).toMatchObject({ code: 'upstream_unavailable' });
    issuer().reset();
    expect(await ask(jwks, known())).toBe('upstream_unavailable');
    sets.now += 2500;
    expect(await ask(jwks, known())).toBe('found');
  });
});
