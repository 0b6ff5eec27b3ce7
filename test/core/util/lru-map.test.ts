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
  ['more than the limit, and not twice as many', 3, 'abcde', 'abcde'],
  ['twice as many', 2, 'abcd', 'abcd'],
  ['one more than that: the older half goes', 2, 'abcde', 'cde'],
  ['of the older half, what was read stays', 2, 'abcAde', 'acde'],
  ['of the older half, what was set again stays', 2, 'abcade', 'acde'],
  ['reading what is not there changes nothing', 2, 'abcXd', 'abcd'],
  ['setting the same again and again takes no room', 2, 'abbbbb', 'ab'],
  ['what was deleted is gone, from the younger half', 2, 'abc-cd', 'abd'],
  ['what was deleted is gone, from the older half', 2, 'abc-bd', 'acd'],
  ['what was deleted is gone, from both', 2, 'abcA-ad', 'bcd'],
  ['deleting what is not there changes nothing', 3, 'abc-xd', 'abcd'],
  ['a limit of one', 1, 'abAc', 'ac'],
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

it('100,000 keys through a map of 1,000: the last 1,000 are there, and nothing beyond the last 2,000', () => {
  const map = new LruMap<number, number>(1000);
  for (let i = 0; i < 100_000; i += 1) map.set(i, i);
  const held = Array.from({ length: 100_000 }, (_, i) => i).filter((i) => map.get(i) !== undefined);
  expect(held.length).toBeGreaterThanOrEqual(1000);
  expect(Math.min(...held)).toBeGreaterThanOrEqual(98_000);
});

it('what is in use stays, whatever else comes', () => {
  const map = new LruMap<number, number>(100);
  map.set(-1, -1);
  for (let i = 0; i < 10_000; i += 1) {
    map.set(i, i);
    expect(map.get(-1)).toBe(-1);
  }
});
