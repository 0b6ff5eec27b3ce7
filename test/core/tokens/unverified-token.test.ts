import type { TokenVerificationError } from '../../../src/core/errors.js';
import {
  type SigningAlgorithm,
  checkHeader,
  decodeUnverifiedAccessToken,
  decomposeUnverifiedToken,
  isTime,
  parseHeader,
} from '../../../src/core/tokens/unverified-token.js';
import { findLeaks } from '../../support/leak.js';
import { catchThrown } from '../../support/thrown.js';
import { encodeSegment } from '../../support/token.js';

// The flaws of single tokens are rows of TOKEN_FLAWS, which token-verifier.test.ts runs.
const HEADER = { alg: 'RS256', kid: 'key' };
const toToken = (payload: object, header: object | string = HEADER): string =>
  `${encodeSegment(header)}.${encodeSegment(payload)}.c2lnbmF0dXJl`;
const TOKEN = toToken({ sub: 'alice', exp: 7 });
/** A token of any length. All of its parts are canonical base64url. */
const toLength = (length: number): string => TOKEN.replace(/[^.]*$/, '').padEnd(length, 'A');
const codeOf = (run: () => unknown): unknown => (catchThrown(run) as { code?: string } | undefined)?.code;

it.each([
  ['access_token', 8192],
  ['id_token', 65_536],
] as const)('splits an %s of up to %i characters, and no longer one', (kind, limit) => {
  expect(decomposeUnverifiedToken(toLength(limit), kind)).toMatchObject({ header: encodeSegment(HEADER) });
  expect(codeOf(() => decomposeUnverifiedToken('.'.repeat(limit + 1), kind))).toBe('token_too_large');
});

it('decodeUnverifiedAccessToken returns sub and exp of a JWT of at most 65,536 characters', () => {
  const tokens = [toLength(65_536), toToken({ sub: 7, exp: '7' }), toLength(65_537), 'opaque'];
  const claims = [{ sub: 'alice', exp: 7 }, { sub: 7, exp: undefined }, {}, {}];
  expect(tokens.map(decodeUnverifiedAccessToken)).toEqual(claims);
});

it('a header inherits nothing', () => {
  const header = parseHeader(encodeSegment('{"__proto__":{"alg":"none"}}'), 'id_token');
  expect([Object.getPrototypeOf(header), header['alg']]).toEqual([null, undefined]);
});

it('accepts exactly the parts that are canonical base64url', () => {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.+/ \né'.split('');
  const [header, payload] = TOKEN.split('.');
  const starts = ['', 'A', '-', 'AA', '_z', 'AAA', 'AAAA', 'AAAAA', 'AAAA-A'];
  const texts = starts.flatMap((start) => letters.flatMap((a) => ['', ...letters].map((b) => `${start}${a}${b}`)));
  const isAccepted = (signature: string): boolean =>
    codeOf(() => decomposeUnverifiedToken(`${header}.${payload}.${signature}`, 'access_token')) === undefined;
  const isCanonical = (text: string): boolean => Buffer.from(text, 'base64url').toString('base64url') === text;
  expect(texts.filter((text) => isAccepted(text) !== isCanonical(text))).toEqual([]);
  expect(isAccepted('')).toBe(false);
});

it('checkHeader accepts the types of an id_token', () => {
  const types = ['JWT', 'application/jwt', 'at+jwt'];
  const codes = types.map((typ) => codeOf(() => checkHeader({ alg: 'RS256', typ }, 'id_token', 'RS256')));
  expect(codes).toEqual([undefined, undefined, 'token_type_mismatch']);
});

it('isTime accepts finite numbers that are not negative', () => {
  expect([0, -1, Infinity, '7'].map(isTime)).toEqual([true, false, false, false]);
});

const TYPES = ['jwt', 'application/jwt', 'at+jwt', 'application/at+jwt'];
const decompose = (token: string) => () =>
  parseHeader(decomposeUnverifiedToken(token, 'access_token').header, 'access_token');
const check = (header: object) => () => checkHeader({ alg: 'RS256', ...header }, 'access_token', 'RS256');
const checkAlg = (alg: string, expected: SigningAlgorithm) => () => checkHeader({ alg }, 'id_token', expected);
const ALG = { token: 'id_token', claim: 'alg' };
const ROWS: [run: () => unknown, details?: object][] = [
  [decompose('')],
  [decompose(`Bearer ${TOKEN}`)],
  [decompose('a'.repeat(8193)), { expected: 8192, actual: 8193 }],
  [decompose(`${TOKEN}.x`)],
  [decompose(`=${TOKEN}`)],
  [decompose(TOKEN.replace('.', '.='))],
  [decompose(`${TOKEN}=`)],
  [decompose(toToken({}, 'x'))],
  [check({ crit: ['x'] })],
  [check({ typ: 'x' }), { claim: 'typ', expected: TYPES, actual: 'x' }],
  [check({ kid: 7 }), { claim: 'kid', actual: 7 }],
  [check({ alg: 'HS256' }), { claim: 'alg', expected: 'RS256', actual: 'HS256' }],
  [checkAlg('HS256', 'RS256'), { ...ALG, expected: 'RS256', actual: 'HS256' }],
  [checkAlg('RS256', 'HS256'), { ...ALG, expected: 'HS256', actual: 'RS256' }],
  [checkAlg('ES256', 'RS256'), { ...ALG, expected: 'RS256', actual: 'ES256' }],
];
const toFix = (alg: string): string =>
  ` If the tenant must use ${alg}, set the option idTokenSignedResponseAlg: '${alg}'.`;
const CONSOLE =
  ' HS256 is the default of GenAuth. Choose RS256 in the console under application → protocol configuration → ' +
  'authorization → id_token signature algorithm.';
const MESSAGES = [
  'The access_token is missing.',
  'The access_token begins with the word Bearer: pass only the text after it.',
  'The access_token has 8193 characters, but at most 8192 are accepted.',
  'The access_token is not a signed JWT: it has 4 parts, not 3.',
  'The header of the access_token is not canonical base64url.',
  'The payload of the access_token is not canonical base64url.',
  'The signature of the access_token is not canonical base64url.',
  'The header of the access_token is not a JSON object.',
  'The header of the access_token has crit, b64 or zip, which are not supported.',
  `The access_token has typ "x", but its typ must be one of ${TYPES.join(', ')}.`,
  'The access_token has an invalid kid: 7.',
  'The access_token is signed with "HS256", but this service accepts only RS256.',
  `The id_token is signed with "HS256", but this service accepts only RS256.${CONSOLE}${toFix('HS256')}`,
  `The id_token is signed with "RS256", but this service accepts only HS256.${toFix('RS256')}`,
  'The id_token is signed with "ES256", but this service accepts only RS256.',
];

it('an error has a message and details, and no part of the token', () => {
  const errors = ROWS.map(([run]) => catchThrown(run) as TokenVerificationError);
  expect(errors.map(({ message }) => message)).toEqual(MESSAGES);
  const docs: unknown = expect.stringMatching(/^passport-genauth\/docs\/errors\.md#token_\w+$/);
  const details = ROWS.map(([, members]) => ({ token: 'access_token', ...members, docs }));
  expect(errors.map((error) => error.details)).toEqual(details);
  expect(findLeaks(errors, TOKEN.split('.'))).toEqual([]);
});
