import fc from 'fast-check';
import { LruMap } from '../../../src/core/util/lru-map.js';

const PROPERTY = { seed: 20261128, numRuns: Number(process.env['PROPERTY_RUNS'] ?? 200) };

it('holds the entries of a list in the order of use', () => {
  const step = fc.tuple(fc.constantFrom('set', 'get', 'delete'), fc.integer({ min: 0, max: 7 }));
  const check = (limit: number, steps: [string, number][]): void => {
    const map = new LruMap<number, number>(limit);
    let used: number[] = [];
    steps.forEach(([action, key], value) => {
      const others = used.filter((each) => each !== key);
      const isUsed = action === 'set' || (action === 'get' && used.includes(key));
      const actions = {
        set: () => map.set(key, value),
        get: () => map.get(key),
        delete: () => map.delete(key),
      };
      actions[action as 'set']();
      used = [...others, ...(isUsed ? [key] : [])].slice(-limit);
    });
    const held = [0, 1, 2, 3, 4, 5, 6, 7].filter((key) => map.get(key) !== undefined);
    expect(held).toEqual(used.toSorted());
  };
  fc.assert(fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 60 }), check), PROPERTY);
});

it('returns the value that was set last, and undefined for a deleted or unknown key', () => {
  const map = new LruMap<string, object>(2);
  const [first, second] = [{}, {}];
  map.set('a', first);
  expect(map.get('a')).toBe(first);
  map.set('a', second);
  expect([map.get('a') === second, map.get('b')]).toEqual([true, undefined]);
  map.delete('a');
  expect(map.get('a')).toBeUndefined();
});

it.each(['__proto__', 'constructor'])('treats %s as any other key', (key) => {
  const map = new LruMap<string, number>(2);
  expect(map.get(key)).toBeUndefined();
  map.set(key, 1);
  expect([map.get(key), Object.hasOwn(Object.prototype, '1')]).toEqual([1, false]);
});

it('keeps the last 1,000 of 100,000 keys, and a key in use', () => {
  const map = new LruMap<number, number>(1000);
  for (let i = 0; i < 100_000; i += 1) {
    map.set(i, i);
    map.get(0);
  }
  const held = Array.from({ length: 100_000 }, (_, i) => i).filter((i) => map.get(i) !== undefined);
  expect([held.length, held[0], held[1]]).toEqual([1000, 0, 99_001]);
});
