import { deepFreeze, isRecord, ownProperties } from '../../../src/core/util/record.js';

it.each<[string, unknown, boolean]>([
  ['an object', {}, true],
  ['a list', [], false],
  ['null', null, false],
  ['a string', 'a', false],
])('isRecord accepts only objects that are not lists: %s', (_name, value, expected) => {
  expect(isRecord(value)).toBe(expected);
});

it('ownProperties copies the own members into an object without a prototype', () => {
  const copy = ownProperties(Object.assign(Object.create({ inherited: 1 }) as object, { own: 2 }));
  expect([Object.getPrototypeOf(copy), Object.keys(copy), 'inherited' in copy]).toEqual([null, ['own'], false]);
});

it('deepFreeze freezes 100,000 nested lists and objects, and accepts null', () => {
  const inner = { roles: [{}], nothing: null };
  let nested: unknown = inner;
  for (let depth = 0; depth < 100_000; depth += 1) nested = [nested];
  deepFreeze(nested);
  expect([inner, inner.roles, inner.roles[0]].map((part) => Object.isFrozen(part))).toEqual([true, true, true]);
  expect(deepFreeze(null)).toBeNull();
});
