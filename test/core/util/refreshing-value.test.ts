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
beforeEach(() => {
  now = 1_760_000_000_000;
  loads = 0;
  load = async () => 'first';
});

const counted = (): Promise<string> => {
  loads += 1;
  return load();
};
const get = (value: RefreshingValue<string>): Promise<string> => value.get(counted);
const refresh = (value: RefreshingValue<string>): Promise<string> => value.refresh(counted);
const endsValue = (error: unknown): boolean => error === REFUSED;
const times = { maxAge: MAX_AGE, staleIfError: STALE, pause: PAUSE, now: () => now };
const open = (settings: Partial<RefreshingValueSettings> = {}): RefreshingValue<string> =>
  new RefreshingValue({ ...times, endsValue, ...settings });
/** A value that has become too old, and whose next load fails. */
const openOld = (error: Error): RefreshingValue<string> => {
  const value = open();
  value.set('first', now);
  load = () => Promise.reject(error);
  now += MAX_AGE;
  return value;
};

it('get loads once for parallel calls, and again after maxAge, counted from the start of the load', async () => {
  const value = open();
  load = async () => {
    now += 10;
    return 'first';
  };
  expect(await Promise.all([get(value), get(value)])).toEqual(['first', 'first']);
  load = async () => 'second';
  now += MAX_AGE - 11;
  expect([await get(value), loads]).toEqual(['first', 1]);
  now += 1;
  expect([await get(value), loads]).toEqual(['second', 2]);
});

it('get loads again after the clock was set back, unless maxAge is Infinity', async () => {
  const values = [open(), open({ maxAge: Infinity })];
  await Promise.all(values.map(get));
  now -= 60_000;
  await Promise.all(values.map(get));
  expect(loads).toBe(3);
});

it('get throws the error of a failed load to all parallel calls, and pauses from the end of the load', async () => {
  const value = open();
  load = async () => {
    now += 5000;
    throw DOWN;
  };
  expect(await Promise.all([get(value), get(value)].map(catchError))).toEqual([DOWN, DOWN]);
  load = async () => 'back';
  now += PAUSE - 1;
  expect([await catchError(get(value)), loads]).toEqual([DOWN, 1]);
  now += 1;
  expect([await get(value), loads]).toEqual(['back', 2]);
});

it('get serves the last value while loading fails, with one load per pause, up to staleIfError', async () => {
  const value = openOld(DOWN);
  expect([await get(value), await get(value), loads]).toEqual(['first', 'first', 1]);
  now += STALE - 1;
  expect([await get(value), loads]).toEqual(['first', 2]);
  now += 1;
  expect([await catchError(get(value)), loads]).toEqual([DOWN, 2]);
  now += PAUSE;
  load = async () => 'back';
  expect(await get(value)).toBe('back');
});

it('get drops the last value if the error ends it', async () => {
  const value = openOld(REFUSED);
  expect(await catchError(get(value))).toBe(REFUSED);
  expect([await catchError(get(value)), loads]).toEqual([REFUSED, 1]);
});

it('get serves an old value if the load takes longer than 500 ms, and then the late result', async () => {
  const value = openOld(DOWN);
  const gate = new Gate<string>();
  load = () => gate.opened;
  expect(await get(value)).toBe('first');
  gate.open('late');
  await refresh(value);
  expect([await get(value), loads]).toEqual(['late', 1]);
});

it('refresh joins a load in progress although there was a failure shortly before', async () => {
  const value = open({ pause: 0 });
  load = () => Promise.reject(DOWN);
  await catchError(get(value));
  load = async () => 'second';
  expect([await Promise.all([get(value), refresh(value)]), loads]).toEqual([['second', 'second'], 2]);
});

it('refresh loads a fresh value, keeps it if loading fails, and does not load during the pause', async () => {
  const value = open();
  expect([await refresh(value), loads]).toEqual(['first', 1]);
  load = () => Promise.reject(DOWN);
  expect(await catchError(refresh(value))).toBe(DOWN);
  expect([await catchError(refresh(value)), await get(value), loads]).toEqual([DOWN, 'first', 2]);
  now += PAUSE;
  load = async () => 'second';
  expect(await refresh(value)).toBe('second');
});

it('set stores a value for maxAge, and expire ends this value and no other', async () => {
  const value = open();
  value.set('given', now);
  value.expire('other');
  now += MAX_AGE - 1;
  expect([await get(value), loads]).toEqual(['given', 0]);
  value.expire('given');
  expect(await get(value)).toBe('first');
});

it('wasAttemptedWithin counts from the start of the last load, once it has ended', async () => {
  const value = open();
  expect(value.wasAttemptedWithin(PAUSE)).toBe(false);
  load = () => Promise.reject(DOWN);
  const failing = catchError(get(value));
  expect(value.wasAttemptedWithin(PAUSE)).toBe(false);
  await failing;
  now += 10;
  expect([value.wasAttemptedWithin(10), value.wasAttemptedWithin(11)]).toEqual([false, true]);
});
