import fc from 'fast-check';
import { TokenVerificationError } from '../../src/index.js';
import { parseBearerToken } from '../../src/web/bearer-token.js';
import { findLeaks } from '../support/leak.js';
import { catchThrown } from '../support/thrown.js';
import { propertyRuns } from '../support/property.js';

const parse = (authorization: unknown): string | undefined =>
  parseBearerToken({ headers: { authorization } as Record<string, string> });

it.each<[string, string, string]>([
  ['the usual spelling', 'Bearer abcabc.def.ghi', 'abcabc.def.ghi'],
  ['the scheme in small letters', 'bearer abcabc', 'abcabc'],
  ['the scheme in mixed letters', 'bEaReR abcabc', 'abcabc'],
  ['several spaces', 'Bearer    abcabc', 'abcabc'],
  ['every character of b64token', 'Bearer AZaz09-._~+/==', 'AZaz09-._~+/=='],
  ['a token of one character', 'Bearer a', 'a'],
  ['a token that is the word bearer', 'Bearer bearer', 'bearer'],
  ['16,384 characters', `Bearer ${'a'.repeat(16_377)}`, 'a'.repeat(16_377)],
])('reads a header with %s', (_title, header, token) => {
  expect(parse(header)).toBe(token);
});

it.each<[string, unknown]>([
  ['no header', undefined],
  ['an empty header', ''],
  ['another scheme', 'Basic YWxpY2U6cGFzc3cwcmQ='],
  ['a longer scheme', 'BearerX abcabc'],
  ['no space after the scheme', 'Bearerabc'],
  ['a token without a scheme', 'abcabc.def.ghi'],
  ['a space before the scheme', ' Bearer abcabc'],
  ['a tab after the scheme', 'Bearer\tabc'],
  ['a no-break space after the scheme', 'Bearer\u00A0abc'],
  ['a colon after the scheme', 'Bearer: abcabc'],
  ['full-width letters', 'Ｂｅａｒｅｒ abcabc'],
  ['a quoted scheme', '"Bearer" abcabc'],
  ['16,384 characters of another scheme', 'x'.repeat(16_384)],
])('finds no token in %s', (_title, header) => {
  expect(parse(header)).toBeUndefined();
});

it.each<[string, unknown]>([
  ['the scheme only', 'Bearer'],
  ['the scheme and a space', 'Bearer '],
  ['the scheme and 1,000 spaces', `Bearer${' '.repeat(1000)}`],
  ['two tokens', 'Bearer abcabc def'],
  ['two tokens with a comma', 'Bearer abcabc,def'],
  ['two headers joined by a proxy', 'Bearer a.b.c, Bearer xx.yy.zz'],
  ['a space after the token', 'Bearer abcabc '],
  ['a tab before the token', 'Bearer \tabc'],
  ['a no-break space in the token', 'Bearer a\u00A0b'],
  ['a quoted token', 'Bearer "abcabc"'],
  ['a parameter', 'Bearer token="abcabc"'],
  ['padding in the middle', 'Bearer a=b'],
  ['padding only', 'Bearer =='],
  ['a line break', 'Bearer abcabc\n'],
  ['a line break and a header', 'Bearer abcabc\r\nx-evil: 1'],
  ['a NUL character', 'Bearer abcabc\0'],
  ['a percent sign', 'Bearer a%2eb'],
  ['letters outside ASCII', 'Bearer tökén'],
  ['a semicolon', 'Bearer abcabc;'],
  ['a list of headers', ['Bearer abcabc']],
  ['a number', 5],
])('refuses %s', (_title, header) => {
  const error = catchThrown(() => parse(header));
  expect(error).toBeInstanceOf(TokenVerificationError);
  expect(error).toMatchObject({ code: 'token_malformed', details: { token: 'access_token' } });
  expect(findLeaks(error, ['abcabc', 'xx.yy.zz'])).toEqual([]);
});

it('says how the header must be written', () => {
  expect(() => parse('Bearer ')).toThrow(
    'The Authorization header must hold "Bearer", a space, one token, and nothing else.',
  );
});

it.each([`Bearer ${'a'.repeat(16_378)}`, 'x'.repeat(16_385)])('refuses a header of 16,385 characters', (header) => {
  const error = catchThrown(() => parse(header));
  const details = { token: 'access_token', expected: 16_384, actual: 16_385 };
  const message =
    'The Authorization header has 16385 characters, but at most 16384 are allowed: send one access token.';
  expect(error).toMatchObject({ code: 'token_too_large', details, message });
  expect(findLeaks(error, ['aaaaaaaa'])).toEqual([]);
});

describe('two Authorization headers', () => {
  const headers = { authorization: 'Bearer abcabc' };
  const lines = ['Authorization', 'Bearer abcabc', 'X-Other', 'x', 'AUTHORIZATION', 'Basic x'];

  it.each<[string, object]>([
    ["Node's request", { rawHeaders: lines }],
    ["Fastify's request", { raw: { rawHeaders: lines } }],
  ])('are refused in %s', (_title, request) => {
    expect(catchThrown(() => parseBearerToken({ headers, ...request }))).toMatchObject({
      code: 'token_malformed',
      message: 'The request has more than one Authorization header: send exactly one.',
      details: { token: 'access_token' },
    });
  });

  it('are not seen in a header whose value is the word authorization', () => {
    const rawHeaders = ['X-Other', 'authorization', 'Authorization', 'Bearer abcabc', 'X-Last', 'authorization'];
    const request = { headers, rawHeaders };
    expect(parseBearerToken(request)).toBe('abcabc');
  });
});

it('ignores the address, the body, cookies and other headers', () => {
  const request = {
    headers: { cookie: 'access_token=abcabc', 'x-access-token': 'abcabc', 'proxy-authorization': 'Bearer abcabc' },
    body: { access_token: 'abcabc' },
    query: { access_token: 'abcabc' },
    url: '/?access_token=abcabc',
  };
  expect(parseBearerToken(request)).toBeUndefined();
});

it('returns the token of any header that RFC 6750 allows, and no other', () => {
  const pieces = fc.constantFrom('Bearer', 'bearer', ' ', '\t', 'a', '=', '.', ',', '"', '\u00A0', '\n', 'é', '%');
  const repeated = fc.tuple(pieces, fc.integer({ min: 1, max: 20_000 })).map(([piece, times]) => piece.repeat(times));
  const headers = fc.oneof(
    fc.array(fc.oneof(pieces, repeated), { maxLength: 5 }).map((list) => list.join('')),
    fc.string(),
    fc.anything(),
  );
  // RFC 6750 §2.1.
  const isToken = /^bearer +([\w\-.~+/]+=*)$/i;
  const judge = (header: unknown): unknown => {
    const result = catchThrown(() => parse(header));
    return result instanceof TokenVerificationError ? undefined : result;
  };
  fc.assert(
    fc.property(headers, (header) => {
      const text = typeof header === 'string' && header.length <= 16_384 && !header.endsWith('\n') ? header : '';
      expect(judge(header)).toBe(isToken.exec(text)?.[1]);
    }),
    propertyRuns(300),
  );
});

it.each(['Bearer a', 'Bearer a=', 'Bearer ', ' ', 'Bearer ='])('reads 16,000 characters after %j in 10 ms', (start) => {
  const header = `${start.padEnd(16_000, start.at(-1))}!`;
  const times = [1, 2, 3, 4, 5].map(() => {
    const begin = performance.now();
    catchThrown(() => parse(header));
    return performance.now() - begin;
  });
  expect(Math.min(...times)).toBeLessThan(10);
});
