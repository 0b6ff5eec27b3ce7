import { LruMap } from '../../src/core/lru-map.js';

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
  ['one more: the oldest goes', 3, 'abcd', 'bcd'],
  ['two more', 3, 'abcde', 'cde'],
  ['the oldest was read: the next one goes', 3, 'abcAd', 'acd'],
  ['the oldest was set again: the next one goes', 3, 'abcad', 'acd'],
  ['reading what is not there changes nothing', 3, 'abcXd', 'bcd'],
  ['setting the same again and again takes no room', 2, 'abbbbb', 'ab'],
  ['what was deleted makes room', 3, 'abc-bd', 'acd'],
  ['deleting what is not there changes nothing', 3, 'abc-xd', 'bcd'],
  ['a limit of one', 1, 'abAb', 'b'],
])('%s (limit %i, %s): %s', (_, limit, steps, expected) => {
  const make = (): LruMap<string, number> => {
    const map = new LruMap<string, number>(limit);
    for (const [step] of steps.matchAll(/-?./g)) {
      if (step.startsWith('-')) map.delete(step.slice(1));
      else if (step === step.toUpperCase()) map.get(step.toLowerCase());
      else map.set(step, 1);
      expect(map.size).toBeLessThanOrEqual(limit);
    }
    return map;
  };
  expect(held(make, 'abcdex')).toBe(expected);
  expect(make().size).toBe(expected.length);
});

it('gives back the very value that was set last', () => {
  const map = new LruMap<object, object>(2);
  const [key, first, second] = [{}, {}, {}];
  expect(map.get(key)).toBeUndefined();
  map.set(key, first);
  expect(map.get(key)).toBe(first);
  map.set(key, second);
  expect([map.get(key) === second, map.get({}), map.size]).toEqual([true, undefined, 1]);
  map.delete(key);
  expect([map.get(key), map.size]).toEqual([undefined, 0]);
});

it('keys named like members of Object.prototype are keys', () => {
  const map = new LruMap<string, number>(10);
  expect(map.get('__proto__')).toBeUndefined();
  expect(map.get('constructor')).toBeUndefined();
  map.set('__proto__', 1);
  expect([map.get('__proto__'), ({} as Record<string, unknown>)['1']]).toEqual([1, undefined]);
});

it('100,000 keys through a map of 1,000: it never holds more, and the last 1,000 are there', () => {
  const map = new LruMap<number, number>(1000);
  for (let i = 0; i < 100_000; i += 1) map.set(i, i);
  expect(map.size).toBe(1000);
  expect([map.get(98_999), map.get(99_000), map.get(99_999)]).toEqual([undefined, 99_000, 99_999]);
});
