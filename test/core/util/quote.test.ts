import { quote, toDetail } from '../../../src/core/util/quote.js';

/** Returns an array that is nested so deeply that a serializer would overflow. */
const nested = Array.from({ length: 100_000 }).reduce<unknown[]>((value) => [value], []);

it.each<[string, unknown, string]>([
  ['quotation marks and backslashes', 'a"b\\c', '"a\\"b\\\\c"'],
  ['controls', '\u007F\u009B\u202E', '"\\u{7f}\\u{9b}\\u{202e}"'],
  ['invisible characters', '\uFEFF\u{E0041}\u2028\u2029', '"\\u{feff}\\u{e0041}\\u{2028}\\u{2029}"'],
  ['64 characters', 'x'.repeat(64), `"${'x'.repeat(64)}"`],
  ['65 characters', 'x'.repeat(65), `"${'x'.repeat(64)}…"`],
  ['a surrogate pair at the limit', `${'x'.repeat(63)}😀`, `"${'x'.repeat(63)}\\ud83d…"`],
  ['a number', -0.5, '-0.5'],
  ['null', null, 'null'],
  ['a function', () => 'secret', 'a function'],
  ['a symbol', Symbol('secret'), 'a symbol'],
  ['an array', ['\u202E', 1, {}, ['b']], '["\\u{202e}", 1, an object, a list]'],
  ['an array of five items', ['a', 'b', 'c', 'd', 'e'], '["a", "b", "c", "d", …]'],
  ['an object', { a: 'secret' }, 'an object'],
  ['deep nesting', nested, '[a list]'],
])('formats %s', (_name, value, expected) => {
  expect(quote(value)).toBe(expected);
});

it('formats every character as visible text on one line', () => {
  const shown = Array.from({ length: 0x11_0000 / 32 }, (_, block) =>
    quote(String.fromCodePoint(...Array.from({ length: 32 }, (_each, i) => block * 32 + i))),
  );
  expect(shown.filter((text) => /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|…"$/u.test(text))).toEqual([]);
});

it.each<[string, unknown, unknown]>([
  ['a string of 513 characters', 'x'.repeat(513), 'x'.repeat(512)],
  ['an array of 17 items', Array.from({ length: 17 }, () => 1), Array.from({ length: 16 }, () => 1)],
  ['items that are objects or long', [{ a: 1 }, [1], 'x'.repeat(513)], [{}, {}, 'x'.repeat(512)]],
  ['an object', { a: 'secret' }, {}],
  ['null', null, null],
  ['a function', () => 'secret', undefined],
  ['a symbol', Symbol('secret'), undefined],
])('converts %s into a detail', (_name, value, expected) => {
  expect(toDetail(value)).toEqual(expected);
});
