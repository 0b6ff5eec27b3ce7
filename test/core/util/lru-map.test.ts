import fc from 'fast-check';
import { LruMap } from '../../../src/core/util/lru-map.js';
import { propertyRuns } from '../../support/property.js';

const PROPERTY = propertyRuns();
const KEYS = ['a', 'b', 'c', 'd', 'e', '__proto__', 'constructor'];

it('holds the newest values of a list in the order of use, up to its limit', () => {
  const step = fc.tuple(fc.constantFrom('set', 'get', 'delete'), fc.constantFrom(...KEYS));
  const check = (limit: number, steps: ['set' | 'get' | 'delete', string][]): void => {
    const map = new LruMap<string, number>(limit);
    let used: [key: string, value: number][] = [];
    steps.forEach(([action, key], value) => {
      map[action](key, value);
      const entry = { set: [[key, value] as [string, number]], get: used.filter(([each]) => each === key), delete: [] };
      used = [...used.filter(([each]) => each !== key), ...entry[action]].slice(-limit);
    });
    expect(KEYS.map((key) => map.get(key))).toEqual(KEYS.map((key) => new Map(used).get(key)));
  };
  fc.assert(fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 60 }), check), PROPERTY);
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
