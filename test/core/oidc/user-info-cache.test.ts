import { jest } from '@jest/globals';
import { TokenVerificationError, UpstreamError } from '../../../src/core/errors.js';
import { UserInfoCache, type UserInfoClaims } from '../../../src/core/oidc/user-info-cache.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { Gate, catchError } from '../../support/promise.js';

failOnUnhandledRejections();
const MAX_AGE = 300_000;
const PAUSE = 5000;
const DOWN = new UpstreamError('upstream_unavailable', 'down');
const REVOKED = new TokenVerificationError('token_revoked', 'revoked');

let now = 0;
/** Tokens that GenAuth was asked about. */
const asked: string[] = [];
/** What GenAuth says now. */
let answer: () => UserInfoClaims | Promise<UserInfoClaims>;
beforeEach(() => {
  now = 1_760_000_000_000;
  asked.length = 0;
  answer = () => ({ sub: 'alice', n: asked.length });
});
afterEach(() => void jest.useRealTimers());

const open = (settings: { maxAge?: number; maxEntries?: number } = {}): UserInfoCache =>
  new UserInfoCache({
    requestUserInfo: async (token) => {
      asked.push(token);
      return answer();
    },
    maxAge: MAX_AGE,
    staleIfError: 86_400_000,
    maxEntries: 100,
    now: () => now,
    ...settings,
  });
const fail = (error: Error) => (): never => {
  throw error;
};

it('claims count as fresh to the last millisecond of maxAge', async () => {
  const cache = open();
  expect(await cache.get('t')).toEqual({ sub: 'alice', n: 1 });
  now += MAX_AGE - 1;
  expect(await cache.get('t')).toEqual({ sub: 'alice', n: 1 });
  now += 1;
  expect(await cache.get('t')).toEqual({ sub: 'alice', n: 2 });
  expect(asked).toEqual(['t', 't']);
});

it('maxAge counts from the question, not from the answer', async () => {
  const gate = new Gate();
  answer = () => gate.opened.then(() => ({ sub: 'alice' }));
  const cache = open();
  const first = cache.get('t');
  now += MAX_AGE - 1;
  gate.open();
  await first;
  await cache.get('t');
  expect(asked).toHaveLength(1);
  now += 1;
  await cache.get('t');
  expect(asked).toHaveLength(2);
});

it('a maxAge of 0 asks each time, and yet once for all of one moment', async () => {
  const cache = open({ maxAge: 0 });
  await cache.get('t');
  await Promise.all(Array.from({ length: 50 }, () => cache.get('t')));
  expect(asked).toHaveLength(2);
});

it('a clock that was set back makes claims old, not young', async () => {
  const cache = open();
  await cache.get('t');
  now -= 1;
  expect(await cache.get('t')).toMatchObject({ n: 2 });
});

it('100 that ask at one time are one question for each token, and all get the same', async () => {
  const gate = new Gate();
  answer = () => gate.opened.then(() => ({ sub: 'alice' }));
  const cache = open();
  const all = Promise.all(Array.from({ length: 100 }, (_, i) => cache.get(`t${i % 2}`)));
  gate.open();
  expect(new Set(await all).size).toBe(2);
  expect(asked).toEqual(['t0', 't1']);
});

it('claims are frozen to any depth', async () => {
  answer = () => ({ sub: 'alice', roles: [{ code: 'user' }], address: { of: { city: 'x' } } });
  const claims = (await open().get('t')) as { roles: { code: string }[]; address: { of: { city: string } } };
  expect(() => claims.roles.push({ code: 'admin' })).toThrow(TypeError);
  expect(() => Object.assign(claims.roles[0] ?? {}, { code: 'admin' })).toThrow(TypeError);
  expect(() => Object.assign(claims.address.of, { city: 'y' })).toThrow(TypeError);
  expect(() => Object.assign(claims, { sub: 'admin' })).toThrow(TypeError);
});

it('null and missing claims stay what they are', async () => {
  answer = () => ({ sub: 'alice', email: null, name: undefined });
  const claims = await open().get('t');
  expect([claims['email'], 'email' in claims, 'phone_number' in claims]).toEqual([null, true, false]);
});

describe('GenAuth is down', () => {
  it('and never was asked before: the error, told to all, and for five seconds nobody asks again', async () => {
    answer = fail(DOWN);
    const cache = open();
    const errors = await Promise.all(Array.from({ length: 10 }, () => catchError(cache.get('t'))));
    expect(new Set(errors)).toEqual(new Set([DOWN]));
    now += PAUSE - 1;
    expect(await catchError(cache.get('t'))).toBe(DOWN);
    expect(asked).toHaveLength(1);
    // Of one token each: another is not to blame.
    expect(await catchError(cache.get('other'))).toBe(DOWN);
    expect(asked).toEqual(['t', 'other']);
    answer = () => ({ sub: 'alice' });
    now += 1;
    expect(await cache.get('t')).toEqual({ sub: 'alice' });
  });

  it('the last good claims serve, however old, and one request in five seconds asks', async () => {
    const cache = open();
    const good = await cache.get('t');
    answer = fail(DOWN);
    for (let minute = 0; minute < 60; minute += 1) {
      now += MAX_AGE;
      for (let i = 0; i < 20; i += 1) expect(await cache.get('t')).toBe(good);
    }
    expect(asked).toHaveLength(61);
    answer = () => ({ sub: 'alice', n: 'new' });
    now += PAUSE;
    expect(await cache.get('t')).toMatchObject({ n: 'new' });
    // A success ends the pause.
    now += MAX_AGE;
    await cache.get('t');
    expect(asked).toHaveLength(63);
  });

  it('a clock that was set back does not make the pause longer', async () => {
    answer = fail(DOWN);
    const cache = open();
    await catchError(cache.get('t'));
    now -= 86_400_000;
    answer = () => ({ sub: 'alice' });
    expect(await cache.get('t')).toEqual({ sub: 'alice' });
  });
});

describe('GenAuth is slow', () => {
  it('whoever has old claims gets them after 500 ms, and the new ones when they have come', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const cache = open();
    const old = await cache.get('t');
    const gate = new Gate();
    answer = () => gate.opened.then(() => ({ sub: 'alice', n: 'new' }));
    now += MAX_AGE;
    const settled: unknown[] = [];
    const waiting = [cache.get('t'), cache.get('t')].map((each) => each.then((claims) => settled.push(claims)));
    await jest.advanceTimersByTimeAsync(499);
    expect(settled).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    await Promise.all(waiting);
    expect(settled).toEqual([old, old]);
    gate.open();
    await jest.advanceTimersByTimeAsync(0);
    expect(await cache.get('t')).toEqual({ sub: 'alice', n: 'new' });
    expect([asked.length, jest.getTimerCount()]).toEqual([2, 0]);
  });

  it('an answer within the 500 ms is waited for', async () => {
    const cache = open();
    await cache.get('t');
    const gate = new Gate();
    answer = () => gate.opened.then(() => ({ sub: 'alice', n: 'new' }));
    now += MAX_AGE;
    const getting = cache.get('t');
    setImmediate(() => gate.open());
    expect(await getting).toMatchObject({ n: 'new' });
  });

  it('whoever has none waits for as long as it takes', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const gate = new Gate();
    answer = () => gate.opened.then(() => ({ sub: 'alice' }));
    let isSettled = false;
    const getting = open()
      .get('t')
      .finally(() => {
        isSettled = true;
      });
    await jest.advanceTimersByTimeAsync(60_000);
    expect(isSettled).toBe(false);
    gate.open();
    expect(await getting).toEqual({ sub: 'alice' });
  });
});

describe('GenAuth refuses the token', () => {
  it('whatever is known: token_revoked, and no old claims any more, not even when it is down later', async () => {
    const cache = open();
    await cache.get('t');
    answer = fail(REVOKED);
    now += MAX_AGE;
    expect(await catchError(cache.get('t'))).toBe(REVOKED);
    now += PAUSE - 1;
    expect(await catchError(cache.get('t'))).toBe(REVOKED);
    expect(asked).toHaveLength(2);
    answer = fail(DOWN);
    now += 1;
    expect(await catchError(cache.get('t'))).toBe(DOWN);
  });

  it('after a login had brought the claims along, too, once they are old', async () => {
    const cache = open();
    cache.prime('t', { sub: 'alice' });
    answer = fail(REVOKED);
    expect(await cache.get('t')).toEqual({ sub: 'alice' });
    now += MAX_AGE;
    expect(await catchError(cache.get('t'))).toBe(REVOKED);
  });

  it('slowly: who waited 500 ms has passed, the next one has not', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const cache = open();
    await cache.get('t');
    const gate = new Gate();
    answer = () => gate.opened.then(() => Promise.reject(REVOKED));
    now += MAX_AGE;
    const getting = cache.get('t');
    await jest.advanceTimersByTimeAsync(500);
    expect(await getting).toMatchObject({ sub: 'alice' });
    gate.open();
    await jest.advanceTimersByTimeAsync(0);
    expect(await catchError(cache.get('t'))).toBe(REVOKED);
  });
});

describe('prime', () => {
  it('brings claims along, fresh for maxAge, for that very token', async () => {
    const cache = open();
    cache.prime('t', { sub: 'alice', n: 'primed' });
    now += MAX_AGE - 1;
    expect(await cache.get('t')).toMatchObject({ n: 'primed' });
    expect(asked).toEqual([]);
    expect(await cache.get('T')).toMatchObject({ n: 1 });
    now += 1;
    expect(await cache.get('t')).toMatchObject({ n: 2 });
  });

  it('its claims are frozen to any depth, and what the caller adds later is not among them', async () => {
    const cache = open();
    const claims: Record<string, unknown> = { sub: 'alice', roles: [{ code: 'user' }] };
    cache.prime('t', claims);
    claims['admin'] = true;
    const got = (await cache.get('t')) as { roles: object[] };
    expect(got).toEqual({ sub: 'alice', roles: [{ code: 'user' }] });
    expect([Object.isFrozen(got), Object.isFrozen(got.roles), Object.isFrozen(got.roles[0])]).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('ends a pause; an answer that was on its way does not replace what is newer', async () => {
    const gate = new Gate();
    answer = () => gate.opened.then(() => ({ sub: 'alice', n: 'old' }));
    const cache = open();
    const getting = cache.get('t');
    cache.prime('t', { sub: 'alice', n: 'primed' });
    expect(await cache.get('t')).toMatchObject({ n: 'primed' });
    gate.open();
    await getting;
    expect(await cache.get('t')).toMatchObject({ n: 'primed' });
    answer = fail(DOWN);
    await catchError(cache.get('other'));
    cache.prime('other', { sub: 'bob' });
    expect(await cache.get('other')).toEqual({ sub: 'bob' });
  });
});

it('forget: GenAuth is asked again, and an answer on its way is not kept', async () => {
  const cache = open();
  const gate = new Gate();
  answer = () => gate.opened.then(() => ({ sub: 'alice' }));
  const getting = cache.get('t');
  cache.forget('t');
  gate.open();
  await getting;
  answer = fail(REVOKED);
  expect(await catchError(cache.get('t'))).toBe(REVOKED);
  expect(asked).toHaveLength(2);
});

it('bounded: what was not asked about for the longest time goes first', async () => {
  const cache = open({ maxEntries: 2 });
  for (const token of ['a', 'b', 'a', 'c']) await cache.get(token);
  expect(asked).toEqual(['a', 'b', 'c']);
  for (const token of ['a', 'c', 'b']) await cache.get(token);
  expect(asked).toEqual(['a', 'b', 'c', 'b']);
});

it('old claims serve a day beyond maxAge and no longer, be GenAuth down or only slow', async () => {
  const cache = open();
  await cache.get('t');
  now += MAX_AGE + 86_400_000 - 1;
  answer = fail(new UpstreamError('upstream_unavailable', 'down'));
  expect(await cache.get('t')).toEqual({ sub: 'alice', n: 1 });
  now += PAUSE;
  expect(await catchError(cache.get('t'))).toMatchObject({ code: 'upstream_unavailable' });
  now += PAUSE;
  const gate = new Gate();
  answer = () => gate.opened.then(() => ({ sub: 'alice', n: 'new' }));
  const asking = cache.get('t');
  gate.open();
  expect(await asking).toEqual({ sub: 'alice', n: 'new' });
});
