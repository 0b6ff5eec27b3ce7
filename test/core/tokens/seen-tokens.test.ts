import { randomBytes } from 'node:crypto';
import { SeenTokens } from '../../../src/core/tokens/seen-tokens.js';

const randomTokens = (count: number): string[] =>
  Array.from({ length: count }, () => `eyJhbGciOiJSUzI1NiJ9.e30.${randomBytes(256).toString('base64url')}`);
const countSeen = (seen: SeenTokens, tokens: readonly string[]): number =>
  tokens.filter((each) => seen.has(each)).length;

it('knows the last tokens up to its limit, and at most twice as many', () => {
  const seen = new SeenTokens(1000);
  const tokens = randomTokens(10_000);
  for (const token of tokens) seen.add(token);
  expect(countSeen(seen, tokens.slice(-1000))).toBe(1000);
  expect(countSeen(seen, tokens.slice(0, 8000))).toBeLessThan(5);
});

it('keeps a token that is used, and does not know tokens that were not added', () => {
  const seen = new SeenTokens(10);
  const [used = '', ...others] = randomTokens(1000);
  expect([seen.has(used), seen.has(''), seen.has('a')]).toEqual([false, false, false]);
  seen.add(used);
  for (const token of others) {
    seen.add(token);
    expect(seen.has(used)).toBe(true);
  }
});
