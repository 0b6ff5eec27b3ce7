import { jest } from '@jest/globals';
import { RefreshingValue, type RefreshingValueSettings } from '../../../src/core/util/refreshing-value.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { Gate, catchError } from '../../support/promise.js';

failOnUnhandledRejections();
const MAX_AGE = 1000;
const STALE = 5000;
const PAUSE = 100;
const DOWN = new Error('down');
const REFUSED = new Error('refused');

let now = 0;
let loads = 0;
/** The result of the next load. */
let load: () => Promise<string>;
const succeed = (value: string) => async (): Promise<string> => {
  loads += 1;
  return value;
};
const fail = (error: Error) => async (): Promise<string> => {
  loads += 1;
  throw error;
};
const open = (settings: Partial<RefreshingValueSettings> = {}): RefreshingValue<string> =>
  new RefreshingValue({
    maxAge: MAX_AGE,
    staleIfError: STALE,
    pause: PAUSE,
    endsValue: (error) => error === REFUSED,
    now: () => now,
    ...settings,
  });
const get = (value: RefreshingValue<string>): Promise<string> => value.get(() => load());

beforeEach(() => {
  now = 1_760_000_000_000;
  loads = 0;
  load = succeed('first');
});

it('loads once, and again when the value is too old', async () => {
  const value = open();
  expect([await get(value), await get(value), loads]).toEqual(['first', 'first', 1]);
  load = succeed('second');
  now += MAX_AGE - 1;
  expect([await get(value), loads]).toEqual(['first', 1]);
  now += 1;
  expect([await get(value), loads]).toEqual(['second', 2]);
});

it('counts the age from the start of the load', async () => {
  const value = open();
  const gate = new Gate<string>();
  load = () => gate.opened;
  const waiting = get(value);
  now += MAX_AGE;
  gate.open('slow');
  expect(await waiting).toBe('slow');
  load = succeed('next');
  expect(await get(value)).toBe('next');
});

it('loads once for requests of one moment', async () => {
  const value = open();
  expect(await Promise.all(Array.from({ length: 50 }, () => get(value)))).toEqual(Array(50).fill('first'));
  expect(loads).toBe(1);
});

it('fails all requests of one failed load, and pauses after it', async () => {
  const value = open();
  load = fail(DOWN);
  const errors = await Promise.all([get(value), get(value)].map(catchError));
  expect([errors, loads]).toEqual([[DOWN, DOWN], 1]);
  now += PAUSE - 1;
  expect([await catchError(get(value)), loads]).toEqual([DOWN, 1]);
  now += 1;
  load = succeed('back');
  expect([await get(value), loads]).toEqual(['back', 2]);
});

it('serves the last value while loading fails, up to staleIfError', async () => {
  const value = open();
  await get(value);
  load = fail(DOWN);
  now += MAX_AGE;
  expect([await get(value), await get(value), loads]).toEqual(['first', 'first', 2]);
  now += STALE - 1;
  expect(await get(value)).toBe('first');
  now += PAUSE;
  expect(await catchError(get(value))).toBe(DOWN);
});

it('drops the last value when an error ends it', async () => {
  const value = open();
  await get(value);
  load = fail(REFUSED);
  now += MAX_AGE;
  expect(await catchError(get(value))).toBe(REFUSED);
  expect(await catchError(get(value))).toBe(REFUSED);
  expect(loads).toBe(2);
});

it('answers with the old value after 500 ms if loading hangs, and keeps the late result', async () => {
  const value = open();
  await get(value);
  now += MAX_AGE;
  const gate = new Gate<string>();
  load = () => gate.opened;
  jest.useFakeTimers({ doNotFake: ['nextTick', 'performance'] });
  const waiting = get(value);
  await jest.advanceTimersByTimeAsync(500);
  expect(await waiting).toBe('first');
  jest.useRealTimers();
  gate.open('late');
  await gate.opened;
  expect(await get(value)).toBe('late');
});

it('refresh loads although the value is fresh, and keeps it if loading fails', async () => {
  const value = open();
  await get(value);
  load = succeed('second');
  expect(await value.refresh(() => load())).toBe('second');
  load = fail(DOWN);
  expect(await catchError(value.refresh(() => load()))).toBe(DOWN);
  expect(await catchError(value.refresh(() => load()))).toBe(DOWN);
  expect([await get(value), loads]).toEqual(['second', 3]);
});

it('expire makes this very value too old, and no newer one', async () => {
  const value = open();
  value.set('given');
  expect([await get(value), loads]).toEqual(['given', 0]);
  value.expire('given');
  expect([await get(value), loads]).toEqual(['first', 1]);
  value.expire('given');
  expect([await get(value), loads]).toEqual(['first', 1]);
});

it('a value without an end stays, also when the clock is set back; another is too old then', async () => {
  for (const [maxAge, expected] of [
    [Infinity, 1],
    [MAX_AGE, 2],
  ] as const) {
    loads = 0;
    const value = open({ maxAge });
    await get(value);
    now -= 60_000;
    await get(value);
    expect(loads).toBe(expected);
  }
});

it('knows how long ago a load began', async () => {
  const value = open();
  expect(value.wasAttemptedWithin(PAUSE)).toBe(false);
  load = fail(DOWN);
  await catchError(get(value));
  expect([value.wasAttemptedWithin(1), value.wasAttemptedWithin(0)]).toEqual([true, false]);
  now += 10;
  expect([value.wasAttemptedWithin(10), value.wasAttemptedWithin(11)]).toEqual([false, true]);
});
