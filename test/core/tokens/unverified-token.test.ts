import type { TokenVerificationError } from '../../../src/core/errors.js';
import {
  type SigningAlgorithm,
  checkHeader,
  decodeUnverifiedAccessToken,
  decomposeUnverifiedToken,
  isTime,
  parseJsonObject,
} from '../../../src/core/tokens/unverified-token.js';
import { findLeaks } from '../../support/leak.js';
import { catchThrown } from '../../support/thrown.js';
import { respell, swap } from '../../support/token-flaw.js';
import { encodeSegment } from '../../support/token.js';

// The flaws of single tokens are rows of TOKEN_FLAWS, which token-verifier.test.ts runs.
const HEADER = { alg: 'RS256', kid: 'key' };
const toToken = (payload: object | string, header: object | string = HEADER): string =>
  `${encodeSegment(header)}.${encodeSegment(payload)}.c2lnbmF0dXJl`;
const TOKEN = toToken({ sub: 'alice', exp: 7 });
/** A token of any length. All of its parts are canonical base64url. */
const ofLength = (length: number): string => `e30.${'A'.repeat(length - 9)}.c2ln`;
/** `accepted`, or the code of the error. */
const codeOf = (run: () => unknown): string => (catchThrown(run) as { code?: string } | undefined)?.code ?? 'accepted';

describe('decomposeUnverifiedToken', () => {
  it('returns the decoded parts and the signed bytes', () => {
    expect(decomposeUnverifiedToken(TOKEN, 'id_token')).toEqual({
      header: HEADER,
      payload: Buffer.from('{"sub":"alice","exp":7}'),
      signingInput: Buffer.from(TOKEN.slice(0, TOKEN.lastIndexOf('.'))),
      signature: Buffer.from('signature'),
    });
  });

  it('returns a header that inherits nothing from Object.prototype', () => {
    const { header } = decomposeUnverifiedToken(toToken({}, '{"__proto__":{"alg":"none"}}'), 'id_token');
    expect([Object.getPrototypeOf(header), header['alg'], header['toString']]).toEqual([null, undefined, undefined]);
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['an empty string', ''],
    ['a number', 7],
    ['an object with toString', { toString: () => TOKEN }],
  ])('treats %s as a missing token', (_title, value) => {
    expect(codeOf(() => decomposeUnverifiedToken(value, 'access_token'))).toBe('token_missing');
  });

  it.each<[string, string]>([
    ['the word Bearer before it', `Bearer ${TOKEN}`],
    ['a space before it', ` ${TOKEN}`],
    ['a line break after it', `${TOKEN}\n`],
    ['a line break in the signature', TOKEN.replace(/.$/, '\n$&')],
    ['a zero byte after it', `${TOKEN}\0`],
    ['a Cyrillic letter', TOKEN.replace('e', 'е')],
    ['the JSON serialization', JSON.stringify({ payload: TOKEN, signatures: [] })],
    ['another spelling of the header', swap(toToken({}, '{"a":12}'), 0, respell)],
    ['another spelling of the payload', swap(toToken('{"a":12}'), 1, respell)],
    ['a header with a byte order mark', toToken({}, '\uFEFF{}')],
    ['a header that is not UTF-8', toToken({}, Buffer.from('{"x":"\xFF"}', 'latin1'))],
    ['a header with text after it', toToken({}, '{}{}')],
  ])('refuses a token with %s', (_title, token) => {
    expect(codeOf(() => decomposeUnverifiedToken(token, 'access_token'))).toBe('token_malformed');
  });

  it.each([
    ['access_token', 8192],
    ['id_token', 65_536],
  ] as const)('accepts an %s of up to %i characters', (kind, limit) => {
    expect(ofLength(limit)).toHaveLength(limit);
    expect(codeOf(() => decomposeUnverifiedToken(ofLength(limit), kind))).toBe('accepted');
    expect(codeOf(() => decomposeUnverifiedToken(ofLength(limit + 1), kind))).toBe('token_too_large');
  });

  it.each([
    ['10 MB of letters', 'a'.repeat(10_000_000)],
    ['10 MB of dots', '.'.repeat(10_000_000)],
  ])('checks the length of %s before it looks for the parts', (_title, token) => {
    expect(codeOf(() => decomposeUnverifiedToken(token, 'id_token'))).toBe('token_too_large');
  });
});

describe('decodeUnverifiedAccessToken', () => {
  const long = (length: number): string => TOKEN.replace(/[^.]*$/, '').padEnd(length, 'A');
  const NOTHING = { sub: undefined, exp: undefined };

  it.each<[string, string, object]>([
    ['returns sub and exp', TOKEN, { sub: 'alice', exp: 7 }],
    ['returns a sub of any type', toToken({ sub: 7, exp: 7 }), { sub: 7, exp: 7 }],
    ['ignores an exp that is not a time', toToken({ sub: 'alice', exp: '7' }), { sub: 'alice', exp: undefined }],
    ['returns nothing for missing claims', toToken({}), NOTHING],
    ['returns nothing for a token that is not a JWT', 'opaque', NOTHING],
    ['returns nothing for a payload that is not an object', toToken('[]'), NOTHING],
    ['decodes a token of 65,536 characters', long(65_536), { sub: 'alice', exp: 7 }],
    ['returns nothing for a token of 65,537 characters', long(65_537), NOTHING],
  ])('%s', (_title, token, expected) => {
    expect(decodeUnverifiedAccessToken(token)).toEqual(expected);
  });
});

it('parseJsonObject returns an object that inherits nothing', () => {
  expect(Object.getPrototypeOf(parseJsonObject(Buffer.from('{"a":1}'), 'payload', 'id_token'))).toBeNull();
});

describe('checkHeader', () => {
  it.each<[string, object, string | undefined]>([
    ['a kid', { kid: 'key' }, 'key'],
    ['a kid of 256 characters', { kid: 'k'.repeat(256) }, 'k'.repeat(256)],
    ['a missing kid', {}, undefined],
  ])('returns %s', (_title, header, expected) => {
    expect(checkHeader({ alg: 'RS256', ...header }, 'id_token', 'RS256')).toBe(expected);
  });

  it.each([
    ['id_token', 'JWT', 'accepted'],
    ['id_token', 'application/jwt', 'accepted'],
    ['id_token', 'at+jwt', 'token_type_mismatch'],
    ['id_token', 'application/at+jwt', 'token_type_mismatch'],
    ['access_token', 'at+JWT', 'accepted'],
    ['access_token', 'application/at+jwt', 'accepted'],
  ] as const)('%s with typ %s: %s', (kind, typ, expected) => {
    expect(codeOf(() => checkHeader({ alg: 'RS256', typ }, kind, 'RS256'))).toBe(expected);
  });
});

it.each([
  [0, true],
  [0.5, true],
  [-1, false],
  [Infinity, false],
  [NaN, false],
  ['7', false],
])('isTime(%j) is %j', (value, expected) => {
  expect(isTime(value)).toBe(expected);
});

describe('throws an error with message and details:', () => {
  const HS256_FIX = " If the tenant must use HS256, set the option idTokenSignedResponseAlg: 'HS256'.";
  const CONSOLE =
    ' HS256 is the default of GenAuth. Choose RS256 in the console under application → protocol configuration → ' +
    'authorization → id_token signature algorithm.';
  const types = ['jwt', 'application/jwt', 'at+jwt', 'application/at+jwt'];
  const decompose = (token: string) => () => decomposeUnverifiedToken(token, 'access_token');
  const check = (header: object) => () => checkHeader({ alg: 'RS256', ...header }, 'access_token', 'RS256');
  const checkAlg = (alg: string, expected: SigningAlgorithm) => () => checkHeader({ alg }, 'id_token', expected);

  it.each<[message: string, details: object, run: () => unknown]>([
    ['The access_token is missing.', {}, decompose('')],
    [
      'The access_token has 8193 characters, but at most 8192 are accepted.',
      { expected: 8192, actual: 8193 },
      decompose('a'.repeat(8193)),
    ],
    ['The access_token is not a signed JWT: it has 4 parts, not 3.', {}, decompose(`${TOKEN}.x`)],
    ['The header of the access_token is not canonical base64url.', {}, decompose(`=${TOKEN}`)],
    ['The payload of the access_token is not canonical base64url.', {}, decompose(TOKEN.replace('.', '.='))],
    ['The signature of the access_token is not canonical base64url.', {}, decompose(`${TOKEN}=`)],
    ['The header of the access_token is not a JSON object.', {}, decompose(toToken({}, 'x'))],
    ['The header of the access_token has crit, b64 or zip, which are not supported.', {}, check({ crit: ['x'] })],
    [
      `The access_token has typ "x", but its typ must be one of ${types.join(', ')}.`,
      { claim: 'typ', expected: types, actual: 'x' },
      check({ typ: 'x' }),
    ],
    ['The access_token has an invalid kid: 7.', { claim: 'kid', actual: 7 }, check({ kid: 7 })],
    [
      'The access_token is signed with "HS256", but this service accepts only RS256.',
      { claim: 'alg', expected: 'RS256', actual: 'HS256' },
      check({ alg: 'HS256' }),
    ],
    [
      `The id_token is signed with "HS256", but this service accepts only RS256.${CONSOLE}${HS256_FIX}`,
      { token: 'id_token', claim: 'alg', expected: 'RS256', actual: 'HS256' },
      checkAlg('HS256', 'RS256'),
    ],
    [
      `The id_token is signed with "RS256", but this service accepts only HS256.${HS256_FIX.replaceAll('HS', 'RS')}`,
      { token: 'id_token', claim: 'alg', expected: 'HS256', actual: 'RS256' },
      checkAlg('RS256', 'HS256'),
    ],
    [
      'The id_token is signed with "ES256", but this service accepts only RS256.',
      { token: 'id_token', claim: 'alg', expected: 'RS256', actual: 'ES256' },
      checkAlg('ES256', 'RS256'),
    ],
  ])('%s', (message, details, run) => {
    const error = catchThrown(run) as TokenVerificationError;
    expect(error.name).toBe('TokenVerificationError');
    expect([error.message, error.details]).toEqual([message, { token: 'access_token', ...details }]);
    expect(findLeaks(error, TOKEN.split('.'))).toEqual([]);
  });
});
