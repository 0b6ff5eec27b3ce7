import fc from 'fast-check';
import { TokenVerificationError } from '../../src/index.js';
import type { GenAuthRequest } from '../../src/core/options/types.js';
import { parseBearerToken } from '../../src/web/bearer-token.js';
import { findLeaks } from '../support/leak.js';
import { propertyRuns } from '../support/property.js';
import { catchThrown } from '../support/thrown.js';

const parse = (authorization: unknown): string | undefined =>
  parseBearerToken({ headers: { authorization } as Record<string, string> });

it.each<[string, string, string]>([
  ['the usual spelling', 'Bearer abcabc.def.ghi', 'abcabc.def.ghi'],
  ['the scheme in another case', 'bEaReR abcabc', 'abcabc'],
  ['several spaces', 'Bearer    abcabc', 'abcabc'],
  ['every character of b64token', 'Bearer AZaz09-._~+/==', 'AZaz09-._~+/=='],
  ['16,384 characters', `Bearer ${'a'.repeat(16_377)}`, 'a'.repeat(16_377)],
])('reads a header with %s', (_title, header, token) => {
  expect(parse(header)).toBe(token);
});

it.each<[string, unknown]>([
  ['no header', undefined],
  ['an empty header', ''],
  ['another scheme', 'DPoP abcabc'],
  ['a JWT of another scheme', 'DPoP eyJabcabc.def.ghi'],
  ['no scheme and no JWT', 'abcabc.def.ghi'],
  ['no space after the scheme', 'Bearerabc'],
  ['a space before the scheme', ' Bearer abcabc'],
  ['a tab after the scheme', 'Bearer\tabc'],
  ['16,384 characters of another scheme', 'x'.repeat(16_384)],
])('finds no token in %s', (_title, header) => {
  expect(parse(header)).toBeUndefined();
});

it.each<[string, unknown]>([
  ['the scheme only', 'Bearer'],
  ['the scheme and a space', 'Bearer '],
  ['two tokens', 'Bearer abcabc def'],
  ['two headers joined by a proxy', 'Bearer a.b.c, Bearer xx.yy.zz'],
  ['two JWTs joined by a proxy', 'Bearer eyJabcabc.b.c, Bearer xx.yy.zz'],
  ['a JWT and a word', 'Bearer eyJabcabc.b.c extra'],
  ['a tab before the token', 'Bearer \tabc'],
  ['a parameter', 'Bearer token=abcabc'],
  ['padding in the middle', 'Bearer a=b'],
  ['padding only', 'Bearer =='],
  ['a line break and a header', 'Bearer abcabc\r\nx-evil: 1'],
  ['a line break at the end', 'Bearer abcabc\n'],
  ['letters outside ASCII', 'Bearer tökén'],
])('refuses %s', (_title, header) => {
  const error = catchThrown(() => parse(header));
  const message = 'The Authorization header must hold "Bearer", a space, one token, and nothing else.';
  expect(error).toMatchObject({ code: 'token_malformed', details: { token: 'access_token' }, message });
  expect(findLeaks(error, ['abcabc', 'xx.yy.zz'])).toEqual([]);
});

it.each(['', 'Token ', 'JWT ', 'Bearer:', 'Bearer: ', 'Bearer=', 'Bearer\t', '"Bearer '])(
  'refuses a JWT after %j in place of the scheme Bearer, with the fix',
  (start) => {
    const error = catchThrown(() => parse(`${start}eyJabcabc.def.ghi`));
    const message =
      'The Authorization header has a token without the word Bearer and a space before it: ' +
      'send "Authorization: Bearer <token>".';
    expect(error).toMatchObject({ code: 'token_malformed', details: { token: 'access_token' }, message });
    expect(findLeaks(error, ['eyJabcabc'])).toEqual([]);
  },
);

it.each([`Bearer ${'a'.repeat(16_378)}`, 'x'.repeat(16_385)])('refuses a header of 16,385 characters', (header) => {
  const error = catchThrown(() => parse(header));
  const details = { token: 'access_token', expected: 16_384, actual: 16_385 };
  const message =
    'The Authorization header has 16385 characters, but at most 16384 are allowed: ' +
    'send one access token of at most 8192 characters.';
  expect(error).toMatchObject({ code: 'token_too_large', details, message });
  expect(findLeaks(error, ['aaaaaaaa'])).toEqual([]);
});

const FIRST = ['Authorization', 'Bearer abcabc'];
const HEADERS = { authorization: 'Bearer abcabc' };
it.each<[string, object]>([
  ['that are a list', { headers: { authorization: ['Bearer abcabc'] } }],
  ['of a request of Node.js', { headers: HEADERS, rawHeaders: [...FIRST, 'X-Other', 'x', 'AUTHORIZATION', 'Basic x'] }],
  ['of a request of Fastify', { headers: HEADERS, raw: { rawHeaders: [...FIRST, ...FIRST] } }],
  ['of which the second is empty', { headers: HEADERS, rawHeaders: [...FIRST, 'authorization', ''] }],
  ['with another scheme', { headers: { authorization: 'Basic x' }, rawHeaders: [...FIRST, ...FIRST] }],
])('refuses two Authorization headers %s', (_title, request) => {
  expect(catchThrown(() => parseBearerToken(request as GenAuthRequest))).toMatchObject({
    code: 'token_malformed',
    message: 'The request has more than one Authorization header: send exactly one.',
    details: { token: 'access_token' },
  });
});

it('sees no second Authorization header in a value, the address, the body, cookies or other headers', () => {
  const rawHeaders = ['X-Other', 'authorization', ...FIRST, 'X-Last', 'authorization'];
  expect(parseBearerToken({ headers: HEADERS, rawHeaders } as GenAuthRequest)).toBe('abcabc');
  const request = {
    headers: { cookie: 'access_token=abcabc', 'x-access-token': 'abcabc', 'proxy-authorization': 'Bearer abcabc' },
    body: { access_token: 'abcabc' },
    query: { access_token: 'abcabc' },
    url: '/?access_token=abcabc',
  };
  expect(parseBearerToken(request)).toBeUndefined();
});

it('returns the token of any header that RFC 6750 allows, and no other but the start of a JWT', () => {
  const words = ['Bearer', 'bearer', 'Bearer eyJ', ' ', '\t', 'a', '=', '.', ',', '"', '\u00A0', '\n', 'é', '%'];
  const pieces = fc.constantFrom(...words);
  const headers = fc.oneof(
    fc.array(pieces, { maxLength: 5 }).map((list) => list.join('')),
    fc.string(),
  );
  // RFC 6750 §2.1.
  const isToken = /^bearer +([\w\-.~+/]+=*|eyJ[^ ]*)$/i;
  const judge = (header: unknown): unknown => {
    const result = catchThrown(() => parse(header));
    return result instanceof TokenVerificationError ? undefined : result;
  };
  const property = fc.property(headers, (header) => expect(judge(header)).toBe(isToken.exec(header)?.[1]));
  fc.assert(property, propertyRuns(300));
});

it.each(['Bearer a', 'Bearer a=', 'Bearer ', 'eyJ', 'Token eyJ.'])(
  'reads 16,000 characters after %j in 10 ms',
  (start) => {
    const header = `${start.padEnd(16_000, start.at(-1))}!`;
    const times = [1, 2, 3, 4, 5].map(() => {
      const begin = performance.now();
      catchThrown(() => parse(header));
      return performance.now() - begin;
    });
    expect(Math.min(...times)).toBeLessThan(10);
  },
);
