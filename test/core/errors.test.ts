import { inspect } from 'node:util';
import {
  ConfigurationError,
  GenAuthError,
  RequestError,
  SignInRejectedError,
  TokenVerificationError,
  UpstreamError,
} from '../../src/core/errors.js';
import { quote } from '../../src/core/util/quote.js';

const CAUSE = new Error('the reason');

describe('the errors', () => {
  it.each<[string, GenAuthError, { name: string; code: string; statusCode: number }]>([
    [
      'ConfigurationError: our developer, 500',
      new ConfigurationError('invalid_options', 'text', { cause: CAUSE }),
      { name: 'ConfigurationError', code: 'invalid_options', statusCode: 500 },
    ],
    [
      'RequestError: the caller, 400',
      new RequestError('text', { field: 'password', limit: 1024, unit: 'characters' }),
      { name: 'RequestError', code: 'invalid_request', statusCode: 400 },
    ],
    [
      'TokenVerificationError: the bearer, 401',
      new TokenVerificationError('token_expired', 'text', { cause: CAUSE }),
      { name: 'TokenVerificationError', code: 'token_expired', statusCode: 401 },
    ],
    [
      'UpstreamError upstream_unreachable: the network, 503',
      new UpstreamError('upstream_unreachable', 'text', { cause: CAUSE }),
      { name: 'UpstreamError', code: 'upstream_unreachable', statusCode: 503 },
    ],
    [
      'UpstreamError upstream_timeout: the network, 503',
      new UpstreamError('upstream_timeout', 'text', { cause: CAUSE }),
      { name: 'UpstreamError', code: 'upstream_timeout', statusCode: 503 },
    ],
    [
      'UpstreamError upstream_unavailable: GenAuth, 503',
      new UpstreamError('upstream_unavailable', 'text', { cause: CAUSE }),
      { name: 'UpstreamError', code: 'upstream_unavailable', statusCode: 503 },
    ],
    [
      'UpstreamError upstream_invalid_response: GenAuth, 502',
      new UpstreamError('upstream_invalid_response', 'text', { cause: CAUSE }),
      { name: 'UpstreamError', code: 'upstream_invalid_response', statusCode: 502 },
    ],
    [
      'UpstreamError upstream_token_invalid: GenAuth, 502',
      new UpstreamError('upstream_token_invalid', 'text', { cause: CAUSE }),
      { name: 'UpstreamError', code: 'upstream_token_invalid', statusCode: 502 },
    ],
  ])('%s', (_name, error, expected) => {
    expect(error).toBeInstanceOf(GenAuthError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject(expected);
    expect(error.cause).toBe(error instanceof RequestError ? undefined : CAUSE);
    expect(String(error)).toBe(`${expected.name}: text`);
    expect(inspect(error)).toContain(`${expected.name}: text`);
    // For a log: neither the stack nor the cause.
    expect(JSON.parse(JSON.stringify(error))).toEqual({ ...expected, message: 'text' });
  });

  it('SignInRejectedError carries the outcome, and shows a log its kind alone', () => {
    const outcome = {
      kind: 'invalid_credentials',
      statusCode: 403,
      apiCode: 2333,
      requestId: 'r-1',
      message: 'Account not exists or password is incorrect.',
      remainingAttempts: 2,
    } as const;
    const error = new SignInRejectedError(outcome, 401, 'text');
    expect(error).toBeInstanceOf(GenAuthError);
    expect(error.outcome).toBe(outcome);
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'SignInRejectedError',
      code: 'invalid_credentials',
      // Ours, not GenAuth's 403.
      statusCode: 401,
      message: 'text',
    });
  });

  it('an UpstreamError knows when to come back, where somebody said so', () => {
    expect(new UpstreamError('upstream_unavailable', 'text', { retryAfter: 7 }).retryAfter).toBe(7);
    expect(new UpstreamError('upstream_unavailable', 'text', { retryAfter: 0 }).retryAfter).toBe(0);
    expect(new UpstreamError('upstream_unavailable', 'text').retryAfter).toBeUndefined();
  });

  it('without a cause there is none', () => {
    expect(Object.hasOwn(new ConfigurationError('invalid_options', 'text'), 'cause')).toBe(false);
  });
});

/** `[[[…]]]` */
function nest(depth: number): unknown {
  let value: unknown = [];
  for (let i = 0; i < depth; i += 1) value = [value];
  return value;
}

describe('quote', () => {
  it.each<[string, unknown, string]>([
    ['a text in quotes', 'alice', '"alice"'],
    ['the empty text', '', '""'],
    ['a quote escaped', 'a"b', '"a\\"b"'],
    ['a backslash escaped', 'a\\b', '"a\\\\b"'],
    ['CR and LF escaped', 'a\r\nSet-Cookie: x', '"a\\r\\nSet-Cookie: x"'],
    ['NUL escaped', 'a\0b', '"a\\u0000b"'],
    ['ESC escaped', '\u001B[31mred', '"\\u001b[31mred"'],
    ['DEL escaped', 'a\u007Fb', '"a\\u{7f}b"'],
    ['C1 control escaped', 'a\u009Bb', '"a\\u{9b}b"'],
    ['right-to-left override escaped', 'a\u202Eb', '"a\\u{202e}b"'],
    ['isolate escaped', 'a\u2066b', '"a\\u{2066}b"'],
    ['zero-width space escaped', 'a\u200Bb', '"a\\u{200b}b"'],
    ['byte order mark escaped', '\uFEFFa', '"\\u{feff}a"'],
    ['line separator escaped', 'a\u2028b', '"a\\u{2028}b"'],
    ['paragraph separator escaped', 'a\u2029b', '"a\\u{2029}b"'],
    ['an invisible tag beyond the BMP escaped', 'a\u{E0041}b', '"a\\u{e0041}b"'],
    ['a lone surrogate escaped', 'a\uD800b', '"a\\ud800b"'],
    ['other alphabets as they are', '张三 ñ 😀', '"张三 ñ 😀"'],
    ['64 characters whole', 'x'.repeat(64), `"${'x'.repeat(64)}"`],
    ['65 characters cut', 'x'.repeat(65), `"${'x'.repeat(64)}…"`],
    ['a pair of surrogates cut in two, still text', `${'x'.repeat(63)}😀`, `"${'x'.repeat(63)}\\ud83d…"`],
    ['a number', 5, '5'],
    ['a fraction', -0.5, '-0.5'],
    ['true', true, 'true'],
    ['null', null, 'null'],
    ['undefined by its name', undefined, 'undefined'],
    ['a function by its type', () => 'secret', 'a function'],
    ['a symbol by its type', Symbol('secret'), 'a symbol'],
    ['a list', ['a', 1, {}, ['b']], '["a", 1, an object, a list]'],
    ['a long list cut', ['a', 'b', 'c', 'd', 'e'], '["a", "b", "c", "d", …]'],
    ['a text in a list escaped', ['\u202E'], '["\\u{202e}"]'],
    ['an object, but not what is in it', { a: 'b' }, 'an object'],
    ['nesting that would overflow a serializer', nest(100_000), '[a list]'],
  ])('%s', (_name, value, expected) => {
    expect(quote(value)).toBe(expected);
  });

  it('is one line of visible characters, and short, for every character there is', () => {
    for (let first = 0; first < 0x11_0000; first += 64) {
      const value = String.fromCodePoint(...Array.from({ length: 64 }, (_, i) => first + i));
      const shown = quote(value);
      // Two units of UTF-16 for a character beyond the BMP, so those are cut after 32.
      expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      expect(shown.length).toBeLessThanOrEqual(64 * '\\u{10ffff}'.length + 3);
    }
  });
});
