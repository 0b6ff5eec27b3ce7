import { randomBytes } from 'node:crypto';
import { VerifiedTokens } from '../../../src/core/tokens/verified-tokens.js';

const randomTokens = (count: number): string[] =>
  Array.from({ length: count }, () => `eyJhbGciOiJSUzI1NiJ9.e30.${randomBytes(256).toString('base64url')}`);
const addAll = (cache: VerifiedTokens<string>, tokens: readonly string[]): void => {
  for (const token of tokens) cache.add(token, `value of ${token}`);
};
const countKnown = (cache: VerifiedTokens<string>, tokens: readonly string[]): number =>
  tokens.filter((each) => cache.get(each) === `value of ${each}`).length;

it('caches the tokens that were added a second time, up to its limit', () => {
  const cache = new VerifiedTokens<string>(1000);
  const tokens = randomTokens(3000);
  for (const part of [tokens.slice(0, 1000), tokens.slice(1000, 2000), tokens.slice(2000)]) {
    addAll(cache, part);
    // Two of the random tokens can have the same mark.
    expect(countKnown(cache, part)).toBeLessThan(5);
    addAll(cache, part);
    expect(countKnown(cache, part)).toBeGreaterThan(995);
  }
  expect(countKnown(cache, tokens.slice(0, 2000))).toBeLessThan(5);
});

it('notes the last tokens up to its limit, and at most twice as many', () => {
  const tokens = randomTokens(10_500);
  const countNoted = (noted: readonly string[]): number => {
    const cache = new VerifiedTokens<string>(1000);
    addAll(cache, tokens);
    addAll(cache, noted);
    return countKnown(cache, noted);
  };
  expect(countNoted(tokens.slice(-1000))).toBeGreaterThan(995);
  expect(countNoted(tokens.slice(7500, 8500))).toBeLessThan(5);
});

it('does not cache tokens that come again only after twice its limit', () => {
  const cache = new VerifiedTokens<string>(100);
  const tokens = randomTokens(200);
  for (let round = 0; round < 5; round += 1) addAll(cache, tokens);
  expect(countKnown(cache, tokens)).toBeLessThan(5);
});

it('keeps an entry that is used while tokens are added that are used only once', () => {
  const cache = new VerifiedTokens<string>(10);
  const [used = '', ...others] = randomTokens(1000);
  addAll(cache, [used, used]);
  for (const token of others) {
    addAll(cache, [token]);
    expect(cache.get(used)).toBe(`value of ${used}`);
  }
  cache.delete(used);
  expect(cache.get(used)).toBeUndefined();
});

it('does not find a token that differs anywhere, also if its last characters are the same', () => {
  const cache = new VerifiedTokens<string>(10);
  const [token = ''] = randomTokens(1);
  addAll(cache, [token, token]);
  const changes = Array.from(
    { length: token.length },
    (_, i) => token.slice(0, i) + (token[i] === 'A' ? 'B' : 'A') + token.slice(i + 1),
  );
  const others = ['', 'a', token.slice(-8), ` ${token}`, token.slice(1), `${token}=`, ...changes];
  expect(others.filter((other) => cache.get(other) !== undefined)).toEqual([]);
  // `Aa` and `BB` have the same mark.
  const [first, second] = [`${token}Aaxxxxxx`, `${token}BBxxxxxx`];
  addAll(cache, [first, first]);
  expect([cache.get(first), cache.get(second)]).toEqual([`value of ${first}`, undefined]);
  addAll(cache, [second]);
  expect([cache.get(first), cache.get(second)]).toEqual([undefined, `value of ${second}`]);
  cache.delete(first);
  expect(cache.get(second)).toBeUndefined();
});
