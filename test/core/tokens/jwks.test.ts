import fc from 'fast-check';
import { GenAuthError } from '../../../src/core/errors.js';
import type { Jwks } from '../../../src/core/tokens/jwks.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { JWKS_PATH, type Reply, useIssuer } from '../../support/issuer.js';
import { COOLDOWN, MAX_AGE, STALE_IF_ERROR, ask, useKeySets } from '../../support/key-set.js';
import { Gate, catchError, until } from '../../support/promise.js';
import { createRsaKey } from '../../support/rsa-key.js';
import { propertyRuns } from '../../support/property.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const sets = useKeySets(issuer);
const next = createRsaKey({ kid: 'next' });
const known = (): string => issuer().key.kid;
const reply = (answer: Reply): void => issuer().reply(JWKS_PATH, answer);
const openWarm = async (): Promise<Jwks> => {
  const jwks = sets.open();
  await jwks.warmUp();
  return jwks;
};
/** Asks for a key after some time. Returns `found` or the code of the error, and the number of fetches so far. */
const askAfter = async (jwks: Jwks, time: number, kid: string | undefined, fromGenAuth = false): Promise<unknown[]> => {
  sets.now += time;
  return [await ask(jwks, kid, fromGenAuth), sets.fetches()];
};
/** Asks for 1,000 unknown keys one after the other. Returns the different results. */
const flood = async (jwks: Jwks): Promise<(string | undefined)[]> => {
  const results = new Set<string | undefined>();
  for (let i = 0; i < 1000; i += 1) results.add(await ask(jwks, `kid-${i}`, false));
  return [...results];
};
/** Holds the responses of the key set until the gate is open, and counts the requests that wait at once. */
const hold = (answer: Reply): { gate: Gate; most: () => number } => {
  const gate = new Gate();
  let [waiting, most] = [0, 0];
  issuer().reply(JWKS_PATH, async () => {
    most = Math.max(most, ++waiting);
    await gate.opened;
    waiting -= 1;
    return answer;
  });
  return { gate, most: () => most };
};
const keySet = (): Reply => ({ body: { keys: [issuer().key.jwk] } });
const DOWN: Reply = { status: 500 };

describe('the lookup of a key', () => {
  it('uses the first of two keys with the same kid', async () => {
    sets.publish({ ...next.jwk, kid: known() }, issuer().key.jwk);
    expect((await sets.open().getKey(known(), false)).export({ format: 'jwk' }).n).toBe(next.jwk.n);
  });

  it('accepts a missing kid only if the key set has exactly one key', async () => {
    const jwks = sets.open();
    expect(await ask(jwks, undefined)).toBe('found');
    sets.publish(issuer().key.jwk, next.jwk);
    expect(await askAfter(jwks, MAX_AGE, undefined)).toEqual(['token_key_unknown', 2]);
  });

  it.each<[string | undefined, string, object]>([
    [
      'x',
      'The token is signed with key "x", which the key set does not have: get a new token, or check appHost.',
      { actual: 'x' },
    ],
    [undefined, 'The token has no kid (key ID), and the key set has 2 RS256 keys instead of 1.', {}],
  ])('throws an error with message and details for kid %j', async (kid, message, details) => {
    sets.publish(issuer().key.jwk, next.jwk);
    const error = await catchError(sets.open().getKey(kid, false));
    expect(error).toMatchObject({ message, details: { claim: 'kid', expected: [known(), 'next'], ...details } });
    expect(error).toMatchObject({ code: 'token_key_unknown', statusCode: 401 });
  });

  it.each<[string, unknown, string]>([
    ['without keys', {}, "GenAuth's key set has no array 'keys': check appHost and jwksUri."],
    [
      'with keys as an object',
      { keys: { 0: {} } },
      "GenAuth's key set has no array 'keys': check appHost and jwksUri.",
    ],
    [
      'with an empty array',
      { keys: [] },
      "None of the 0 keys in GenAuth's key set can verify RS256 tokens: check appHost and jwksUri.",
    ],
    [
      'without usable keys',
      { keys: [{ kty: 'oct' }, null] },
      "None of the 2 keys in GenAuth's key set can verify RS256 tokens: check appHost and jwksUri.",
    ],
  ])('refuses a document %s, and still uses the previous key set', async (_title, body, message) => {
    const jwks = await openWarm();
    reply({ body });
    expect(await askAfter(jwks, MAX_AGE, known())).toEqual(['found', 2]);
    expect(await catchError(jwks.getKey('unknown', false))).toMatchObject({
      code: 'upstream_invalid_response',
      message,
    });
    expect(sets.fetches()).toBe(2);
  });

  it('accepts documents of any shape, and throws only GenAuthErrors', async () => {
    const key = fc.oneof(fc.constantFrom(issuer().key.jwk, next.jwk, { ...next.jwk, use: 'enc' }), fc.anything());
    const document = fc.oneof(
      fc.record({ keys: fc.array(key, { maxLength: 4 }) }),
      fc.record({ keys: fc.anything() }),
      fc.anything(),
    );
    const property = fc.asyncProperty(document, fc.constantFrom(known(), 'next', undefined), async (value, kid) => {
      const jwks = sets.open({ requestKeySet: async () => value });
      const result = await jwks.getKey(kid, false).catch((error: unknown) => error);
      expect(result).toEqual(expect.any(Object));
      const isKey = (result as { type?: string }).type === 'public';
      expect(isKey || result instanceof GenAuthError).toBe(true);
      const usable = ((value as { keys?: unknown[] })?.keys ?? []) as unknown[];
      const isPublished =
        Array.isArray(usable) && usable.some((each) => each === issuer().key.jwk || each === next.jwk);
      expect(jwks.status().count > 0).toBe(isPublished);
    });
    await fc.assert(property, propertyRuns(300));
  });
});

describe('the cool-down', () => {
  it('allows one fetch for unknown keys, and known keys are still found', async () => {
    const jwks = sets.open();
    expect([await flood(jwks), sets.fetches()]).toEqual([['token_key_unknown'], 1]);
    sets.now += COOLDOWN - 1;
    expect([await flood(jwks), sets.fetches()]).toEqual([['token_key_unknown'], 1]);
    sets.now += 1;
    expect([await flood(jwks), sets.fetches()]).toEqual([['token_key_unknown'], 2]);
    expect(await ask(jwks, known())).toBe('found');
  });

  it.each<[string, Reply, string]>([
    ['HTTP 500', DOWN, 'upstream_unavailable'],
    ['an empty key set', { body: { keys: [] } }, 'upstream_invalid_response'],
  ])('starts with the last attempt, even if its response was %s', async (_title, answer, code) => {
    const jwks = await openWarm();
    reply(answer);
    sets.now += COOLDOWN;
    expect([await flood(jwks), sets.fetches()]).toEqual([[code], 2]);
    sets.now += COOLDOWN - 1;
    expect([await flood(jwks), sets.fetches()]).toEqual([[code], 2]);
    sets.publish(issuer().key.jwk, next.jwk);
    expect(await askAfter(jwks, 1, 'next')).toEqual(['found', 3]);
  });

  it('ends at once for a token that came from GenAuth', async () => {
    const jwks = await openWarm();
    sets.publish(issuer().key.jwk, next.jwk);
    expect(await askAfter(jwks, 0, 'next')).toEqual(['token_key_unknown', 1]);
    expect(await askAfter(jwks, 0, 'next', true)).toEqual(['found', 2]);
    expect(await askAfter(jwks, 0, known(), true)).toEqual(['found', 2]);
  });

  it('does not keep a withdrawn key after a fetch for an unknown key', async () => {
    const jwks = await openWarm();
    sets.publish(next.jwk);
    expect(await askAfter(jwks, COOLDOWN, 'next')).toEqual(['found', 2]);
    expect(await askAfter(jwks, 0, known())).toEqual(['token_key_unknown', 2]);
  });
});

describe('maxAge', () => {
  it('ends the use of a withdrawn key', async () => {
    const jwks = await openWarm();
    sets.publish(next.jwk);
    expect(await askAfter(jwks, MAX_AGE - 1, known())).toEqual(['found', 1]);
    expect(jwks.getFreshKey(known())).toBeDefined();
    sets.now += 1;
    expect(jwks.getFreshKey(known())).toBeUndefined();
    expect(await askAfter(jwks, 0, known())).toEqual(['token_key_unknown', 2]);
  });

  it('is counted from the request, not from the response', async () => {
    const { gate } = hold(keySet());
    const jwks = sets.open();
    const warming = jwks.warmUp();
    await until(() => sets.fetches() === 1);
    sets.now += 5000;
    gate.open();
    await warming;
    expect(await askAfter(jwks, MAX_AGE - 5001, known())).toEqual(['found', 1]);
    expect(await askAfter(jwks, 1, known())).toEqual(['found', 2]);
  });

  it('causes a fetch even during a longer cool-down', async () => {
    const jwks = sets.open({ cooldown: MAX_AGE * 2 });
    await jwks.warmUp();
    expect(await askAfter(jwks, MAX_AGE, known())).toEqual(['found', 2]);
  });

  it('does not keep keys forever after the clock was set back', async () => {
    sets.now += 1;
    const jwks = await openWarm();
    sets.publish(next.jwk);
    expect(await askAfter(jwks, -1, known())).toEqual(['token_key_unknown', 2]);
  });
});

describe('while GenAuth is down', () => {
  it.each([false, true])(
    'the pause doubles from 2 s to the cool-down, ± 25 % (token from GenAuth: %j)',
    async (fromGenAuth) => {
      reply(DOWN);
      const jwks = sets.open();
      expect(await catchError(jwks.getKey(known(), fromGenAuth))).toMatchObject({
        name: 'UpstreamError',
        statusCode: 503,
      });
      const fetches: number[] = [];
      for (const pause of [2000, 4000, 8000, 16_000, COOLDOWN, COOLDOWN]) {
        await askAfter(jwks, pause * 0.75 - 1, known(), fromGenAuth);
        fetches.push(sets.fetches());
        await askAfter(jwks, pause * 0.5 + 1, known(), fromGenAuth);
      }
      expect([...fetches, sets.fetches()]).toEqual([1, 2, 3, 4, 5, 6, 7]);
      issuer().reset();
      expect(await askAfter(jwks, COOLDOWN * 1.25, known())).toEqual(['found', 1]);
      reply(DOWN);
      // After a success the pause starts at 2 s again.
      expect(await askAfter(jwks, MAX_AGE, known())).toEqual(['found', 2]);
      expect(await askAfter(jwks, 2500, known())).toEqual(['found', 3]);
    },
  );

  it('the pause is counted from the end of the failed request', async () => {
    const { gate } = hold(DOWN);
    const jwks = sets.open();
    const failing = ask(jwks, known());
    await until(() => sets.fetches() === 1);
    sets.now += 5000;
    gate.open();
    await failing;
    expect(await askAfter(jwks, 1499, known())).toEqual(['upstream_unavailable', 1]);
  });

  it('the pause has a random part, so that processes do not return at the same moment', async () => {
    reply(DOWN);
    const processes = Array.from({ length: 64 }, () => sets.open());
    await Promise.all(processes.map((jwks) => ask(jwks, known())));
    sets.now += 2000;
    await Promise.all(processes.map((jwks) => ask(jwks, known())));
    expect(Math.abs(sets.fetches() - 96)).toBeLessThan(24);
  });

  it('a known key is used until staleIfError ends', async () => {
    const jwks = await openWarm();
    reply(DOWN);
    expect(await askAfter(jwks, MAX_AGE, known())).toEqual(['found', 2]);
    expect(await askAfter(jwks, 0, known())).toEqual(['found', 2]);
    expect(await askAfter(jwks, 0, 'unknown')).toEqual(['upstream_unavailable', 2]);
    expect(await askAfter(jwks, STALE_IF_ERROR - 1, known())).toEqual(['found', 3]);
    expect(await askAfter(jwks, 1, known())).toEqual(['upstream_unavailable', 3]);
  });

  it('a stale key is used while the response takes longer than 500 ms', async () => {
    const jwks = await openWarm();
    const { gate } = hold({ body: { keys: [next.jwk] } });
    expect(await askAfter(jwks, MAX_AGE, known())).toEqual(['found', 2]);
    gate.open();
    await jwks.warmUp();
    expect(await askAfter(jwks, 0, known())).toEqual(['token_key_unknown', 2]);
  });

  it.each([
    ['120', 120_000],
    ['3600', MAX_AGE],
  ])('Retry-After: %s extends the pause to %i ms', async (seconds, pause) => {
    reply({ status: 503, headers: { 'retry-after': seconds } });
    const jwks = sets.open();
    await ask(jwks, known());
    expect(await askAfter(jwks, pause - 1, known())).toEqual(['upstream_unavailable', 1]);
    expect(await askAfter(jwks, 1, known())).toEqual(['upstream_unavailable', 2]);
  });

  it('the pause does not last forever after the clock was set back', async () => {
    reply(DOWN);
    const jwks = sets.open();
    await ask(jwks, known());
    issuer().reset();
    expect(await askAfter(jwks, -1, known())).toEqual(['found', 1]);
  });
});

describe('parallel requests', () => {
  it('share one fetch if no key is cached', async () => {
    const { gate } = hold(keySet());
    const jwks = sets.open();
    const asked = Promise.all(Array.from({ length: 1000 }, (_, i) => ask(jwks, [known(), 'x'][i % 2], i % 3 === 0)));
    const warming = jwks.warmUp();
    await until(() => sets.fetches() === 1);
    gate.open();
    await warming;
    expect([(await asked).slice(0, 2), new Set(await asked).size, sets.fetches()]).toEqual([
      ['found', 'token_key_unknown'],
      2,
      1,
    ]);
  });

  it('share one failure', async () => {
    const { gate } = hold(DOWN);
    const jwks = sets.open();
    const asked = Promise.all(Array.from({ length: 1000 }, () => ask(jwks, known())));
    await until(() => sets.fetches() === 1);
    gate.open();
    expect([new Set(await asked), sets.fetches()]).toEqual([new Set(['upstream_unavailable']), 1]);
  });

  it('for a new key wait for the pending fetch', async () => {
    const jwks = await openWarm();
    sets.now += COOLDOWN;
    const { gate, most } = hold({ body: { keys: [next.jwk] } });
    const first = ask(jwks, 'next');
    await until(() => sets.fetches() === 2);
    sets.now += MAX_AGE;
    const others = [ask(jwks, 'next'), ask(jwks, 'next', true), jwks.warmUp()];
    gate.open();
    expect([await first, ...(await Promise.all(others))]).toEqual(['found', 'found', 'found', undefined]);
    expect([sets.fetches(), most()]).toEqual([2, 1]);
  });
});

describe('warmUp', () => {
  it('fetches the key set once in maxAge', async () => {
    const jwks = await openWarm();
    sets.now += MAX_AGE - 1;
    await jwks.warmUp();
    expect(sets.fetches()).toBe(1);
    sets.now += 1;
    await jwks.warmUp();
    expect(sets.fetches()).toBe(2);
  });

  it('keeps to the pause after a failure, and throws its error', async () => {
    reply(DOWN);
    const jwks = sets.open();
    const first = await catchError(jwks.warmUp());
    expect([await catchError(jwks.warmUp()), sets.fetches()]).toEqual([first, 1]);
    issuer().reset();
    expect(await askAfter(jwks, 2500, known())).toEqual(['found', 1]);
  });
});

describe('status', () => {
  const NONE = { count: 0, fetchedAt: undefined, isStale: false, lastError: undefined };

  it('is empty before the first fetch', () => {
    expect([sets.open().status(), sets.fetches()]).toEqual([NONE, 0]);
  });

  it('counts usable keys, and has the time of the request', async () => {
    sets.publish(issuer().key.jwk, next.jwk, { kty: 'oct', kid: 'x', k: 'AA' }, next.jwk);
    expect((await openWarm()).status()).toEqual({ ...NONE, count: 2, fetchedAt: new Date(sets.now) });
  });

  it.each([
    ['fresh before maxAge', MAX_AGE - 1, 1, false],
    ['stale from maxAge on', MAX_AGE, 1, true],
    ['stale until staleIfError ends', MAX_AGE + STALE_IF_ERROR - 1, 1, true],
    ['without keys after that', MAX_AGE + STALE_IF_ERROR, 0, false],
    ['stale if the clock was set back', -1, 1, true],
  ])('is %s', async (_title, advance, count, isStale) => {
    const jwks = await openWarm();
    sets.now += advance;
    expect(jwks.status()).toMatchObject({ count, isStale });
  });

  it('has the code of the last error until the next success', async () => {
    reply(DOWN);
    const jwks = sets.open();
    await ask(jwks, known());
    expect(jwks.status()).toEqual({ ...NONE, lastError: 'upstream_unavailable' });
    issuer().reset();
    await askAfter(jwks, COOLDOWN, known());
    expect(jwks.status()).toMatchObject({ count: 1, lastError: undefined });
  });

  it('has no code for an error of another class', async () => {
    const jwks = sets.open({ requestKeySet: () => Promise.reject(new Error('x')) });
    await catchError(jwks.warmUp());
    expect(jwks.status()).toEqual(NONE);
  });
});
