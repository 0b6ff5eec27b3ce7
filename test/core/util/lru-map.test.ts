import { LruMap } from '../../../src/core/util/lru-map.js';

/** What of `names` is in the map; looking does not count as use, since each look is at a copy. */
const held = (make: () => LruMap<string, number>, names: string): string =>
  names
    .split('')
    .filter((name) => make().get(name) !== undefined)
    .join('');

it.each<[string, number, string, string]>([
  // A letter sets, a capital gets, '-' and a letter deletes.
  ['fewer than the limit', 3, 'ab', 'ab'],
  ['exactly the limit', 3, 'abc', 'abc'],
  ['more than the limit: the oldest goes', 3, 'abcde', 'cde'],
  ['what was read stays', 2, 'abAc', 'ac'],
  ['what was set again stays', 2, 'abac', 'ac'],
  ['reading what is not there changes nothing', 2, 'abXc', 'bc'],
  ['setting the same again and again takes no room', 2, 'abbbbb', 'ab'],
  ['what was deleted is gone, and makes room', 2, 'ab-ac', 'bc'],
  ['what was deleted may come again', 2, 'ab-aca', 'ac'],
  ['deleting what is not there changes nothing', 3, 'abc-x', 'abc'],
  ['a limit of one', 1, 'abAc', 'c'],
])('%s (limit %i, %s): %s', (_, limit, steps, expected) => {
  const make = (): LruMap<string, number> => {
    const map = new LruMap<string, number>(limit);
    for (const [step] of steps.matchAll(/-?./g)) {
      if (step.startsWith('-')) map.delete(step.slice(1));
      else if (step === step.toUpperCase()) map.get(step.toLowerCase());
      else map.set(step, 1);
    }
    return map;
  };
  expect(held(make, 'abcdex')).toBe(expected);
});

it('gives back the very value that was set last, whichever half the former one is in', () => {
  const map = new LruMap<string, object>(1);
  const [first, second] = [{}, {}];
  expect(map.get('a')).toBeUndefined();
  map.set('a', first);
  expect(map.get('a')).toBe(first);
  map.set('b', {});
  map.set('a', second);
  expect([map.get('a') === second, map.get('c')]).toEqual([true, undefined]);
  map.delete('a');
  expect(map.get('a')).toBeUndefined();
});

it('keys named like members of Object.prototype are keys', () => {
  const map = new LruMap<string, number>(10);
  expect(map.get('__proto__')).toBeUndefined();
  expect(map.get('constructor')).toBeUndefined();
  map.set('__proto__', 1);
  expect([map.get('__proto__'), ({} as Record<string, unknown>)['1']]).toEqual([1, undefined]);
});

it('100,000 keys through a map of 1,000: the last 1,000 are there, and no other', () => {
  const map = new LruMap<number, number>(1000);
  for (let i = 0; i < 100_000; i += 1) map.set(i, i);
  const held = Array.from({ length: 100_000 }, (_, i) => i).filter((i) => map.get(i) !== undefined);
  expect([held.length, Math.min(...held)]).toEqual([1000, 99_000]);
});

it('holds the same entries as a list in the order of use, whatever is set, read and deleted', () => {
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let round = 0; round < 500; round += 1) {
    const limit = 1 + random(5);
    const map = new LruMap<number, number>(limit);
    let used: number[] = [];
    for (let step = 0; step < 50; step += 1) {
      const [key, action] = [random(8), random(3)];
      const isHeld = used.includes(key);
      if (action === 0) map.set(key, key);
      else if (action === 1) map.delete(key);
      else expect(map.get(key)).toBe(isHeld ? key : undefined);
      const isUsed = action === 0 || (action === 2 && isHeld);
      used = [...used.filter((each) => each !== key || (action === 2 && !isHeld)), ...(isUsed ? [key] : [])].slice(
        -limit,
      );
    }
    expect(Array.from({ length: 8 }, (_, key) => key).filter((key) => map.get(key) !== undefined)).toEqual(
      [...used].sort((left, right) => left - right),
    );
  }
});

it('what is in use stays, whatever else comes', () => {
  const map = new LruMap<number, number>(100);
  map.set(-1, -1);
  for (let i = 0; i < 10_000; i += 1) {
    map.set(i, i);
    expect(map.get(-1)).toBe(-1);
  }
});
