import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { LruMap } from '../../../src/core/util/lru-map.js';
import { propertyRuns } from '../../support/property.js';

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
  fc.assert(fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 60 }), check), propertyRuns());
});

/** Returns the size of the heap after a garbage collection, in bytes. */
function readHeap(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

it('uses of one key keep no memory', () => {
  const map = new LruMap<string, object>(10_000);
  for (let i = 0; i < 5000; i += 1) map.set(String(i), {});
  const useOften = (): number => {
    for (let i = 0; i < 100_000; i += 1) map.set(String(i % 2), map.get('2') ?? {});
    return readHeap();
  };
  useOften();
  const before = readHeap();
  expect(useOften() - before).toBeLessThan(1_000_000);
});
