import { ConfigurationError, UpstreamError } from '../../../src/core/errors.js';
import type { HttpAnswer } from '../../../src/core/http/http.js';
import { parseSignInResponse } from '../../../src/core/sign-in/response.js';
import { findLeaks } from '../../support/leak.js';
import { catchThrown } from '../../support/thrown.js';

const answer = (body: unknown, status = 200, retryAfter?: number): HttpAnswer => ({ status, body, retryAfter });

describe('parseSignInResponse', () => {
  const CANARIES = ['canary-of-the-access-token', 'canary-of-the-id-token'] as const;
  const [access_token, id_token] = CANARIES;
  const TOKENS = { access_token, id_token, scope: 'openid', expires_in: 7200 };

  it.each<[string, number]>([
    ['200', 200],
    ['201, as mobile SDKs have seen', 201],
    ['500, where the body says otherwise', 500],
  ])('success is statusCode 200 in the body, under HTTP %s', (_name, status) => {
    const parsed = parseSignInResponse(answer({ statusCode: 200, requestId: 'r-1', data: TOKENS }, status));
    expect(parsed).toEqual({
      envelope: { statusCode: 200, apiCode: undefined, message: '', requestId: 'r-1', data: TOKENS },
      tokens: {
        idToken: id_token,
        accessToken: access_token,
        refreshToken: undefined,
        scope: 'openid',
        expiresIn: 7200,
      },
    });
  });

  /** GenAuth's statusCode and apiCode → kind. */
  it.each<[number, number | undefined, string]>([
    [403, 2333, 'invalid_credentials'],
    [403, 2006, 'invalid_credentials'],
    [404, 2004, 'invalid_credentials'],
    [403, 2027, 'invalid_credentials'],
    [403, 2000, 'captcha_required'],
    [403, 2001, 'captcha_required'],
    [301, 1635, 'mfa_required'],
    [301, 1636, 'mfa_required'],
    [301, 1639, 'password_change_required'],
    [301, 2058, 'password_change_required'],
    [301, 2061, 'password_change_required'],
    [301, 2071, 'password_change_required'],
    [301, 1640, 'identity_binding_required'],
    [301, 1641, 'identity_binding_required'],
    [301, 1666, 'identity_binding_required'],
    [301, 1108, 'profile_completion_required'],
    [301, 1642, 'profile_completion_required'],
    [301, 1645, 'profile_completion_required'],
    [403, 2005, 'account_locked'],
    [403, 2057, 'account_locked'],
    [301, 1643, 'account_locked'],
    [403, 1001, 'access_denied'],
    [403, 1576, 'access_denied'],
    [403, 1577, 'access_denied'],
    [403, 1578, 'access_denied'],
    [403, 2031, 'access_denied'],
    [403, 2042, 'access_denied'],
    [403, 2120008, 'access_denied'],
    [403, 2130010, 'access_denied'],
    [429, 1002, 'rate_limited'],
    [429, 2100, 'rate_limited'],
    [429, undefined, 'rate_limited'],
    [429, 424242, 'rate_limited'],
    [301, 1600, 'rejected'],
    [301, 1644, 'rejected'],
    [301, 1699, 'rejected'],
    [301, 2921, 'rejected'],
    [401, 2020, 'rejected'],
    [401, 2021, 'rejected'],
    [403, 424242, 'rejected'],
    [403, undefined, 'rejected'],
    [301, undefined, 'rejected'],
    [204, undefined, 'rejected'],
    [0, undefined, 'rejected'],
    // What the code says counts, not the class of the statusCode: no success, and no outage.
    [500, 2333, 'invalid_credentials'],
    [401, 2333, 'invalid_credentials'],
    [301, 2333, 'invalid_credentials'],
  ])('statusCode %i with apiCode %s is %s', (statusCode, apiCode, kind) => {
    const body = { statusCode, apiCode, message: 'GenAuth says', requestId: 'r-1', data: TOKENS };
    const parsed = parseSignInResponse(answer(body));
    expect(parsed).toMatchObject({ kind, statusCode, apiCode, message: 'GenAuth says', requestId: 'r-1' });
    expect(findLeaks(parsed, CANARIES)).toEqual([]);
  });

  it.each<[string, unknown, number | undefined]>([
    ['a number', 2, 2],
    ['none left', 0, 0],
    ['nothing', undefined, undefined],
    ['a text', '2', undefined],
  ])('remaining attempts: %s', (_name, remainCount, remainingAttempts) => {
    const parsed = parseSignInResponse(answer({ statusCode: 403, apiCode: 2333, data: { remainCount } }));
    expect(parsed).toHaveProperty('remainingAttempts', remainingAttempts);
  });

  it.each([
    ['token', 'token'],
    [5, undefined],
    [undefined, undefined],
  ])('mfaToken %j is %j', (mfaToken, expected) => {
    const parsed = parseSignInResponse(answer({ statusCode: 301, apiCode: 1636, data: { mfaToken } }));
    expect(parsed).toHaveProperty('mfaToken', expected);
  });

  it.each<[string, unknown, unknown[]]>([
    [
      'two',
      [
        { mfaPolicy: 'SMS', status: 1, sort: 2 },
        { mfaPolicy: 'new one', more: 1 },
      ],
      [
        ['SMS', 1, 2],
        ['new one', 0, 0],
      ],
    ],
    [
      'among other things',
      [null, 5, 'SMS', [], {}, { mfaPolicy: 7 }, { mfaPolicy: 'OTP', sort: '1' }],
      [['OTP', 0, 0]],
    ],
    ['none', [], []],
    ['null', null, []],
    ['an object', { 0: { mfaPolicy: 'SMS' } }, []],
    ['nothing', undefined, []],
  ])('factors: %s', (_name, applicationMfa, expected) => {
    const parsed = parseSignInResponse(answer({ statusCode: 301, apiCode: 1635, data: { applicationMfa } }));
    const factors = expected.map((factor) => {
      const [mfaPolicy, status, sort] = factor as unknown[];
      return { mfaPolicy, status, sort };
    });
    expect(parsed).toHaveProperty('applicationMfa', factors);
  });

  it.each([
    [1639, 'password_change_required'],
    [1640, 'identity_binding_required'],
    [1642, 'profile_completion_required'],
  ])('the token for the next call comes with %i', (apiCode, kind) => {
    const parse = (data: unknown): unknown => parseSignInResponse(answer({ statusCode: 301, apiCode, data }));
    expect(parse({ token: 'flow-1' })).toMatchObject({ kind, flowToken: 'flow-1' });
    for (const data of [{ token: '' }, { token: 5 }, {}, null])
      expect(parse(data)).toHaveProperty('flowToken', undefined);
  });

  it.each<[number, boolean]>([
    [299, false],
    [300, true],
    [301, true],
    [399, true],
    [400, false],
  ])('statusCode %i without a code that has a kind: a further step, %j', (statusCode, furtherStep) => {
    for (const apiCode of [undefined, 1699, 424_242]) {
      expect(parseSignInResponse(answer({ statusCode, apiCode }))).toMatchObject({ kind: 'rejected', furtherStep });
    }
  });

  it.each<[string, unknown]>([
    ['in the body', { statusCode: 429 }],
    ["of a gateway's page", undefined],
  ])('knows how long a rate limit %s lasts', (_name, body) => {
    expect(parseSignInResponse(answer(body, 429, 7))).toMatchObject({
      kind: 'rate_limited',
      statusCode: 429,
      retryAfter: 7,
    });
  });

  it.each([200, 400, 401, 403, 500])(
    'the error of RFC 6749 §5.2, invalid_client, under HTTP %i: our own configuration',
    (status) => {
      const body = { error: 'invalid_client', error_description: 'canary', access_token };
      const thrown = catchThrown(() => parseSignInResponse(answer(body, status)));
      expect(thrown).toBeInstanceOf(ConfigurationError);
      expect(thrown).toMatchObject({ code: 'client_authentication_failed', statusCode: 500 });
      expect(findLeaks(thrown, ['canary'])).toEqual([]);
    },
  );

  it.each([{ error: 'invalid_grant' }, { error: ['invalid_client'] }, { error: '' }, { errors: 'invalid_client' }])(
    '%j is none of GenAuth’s answers: an outage',
    (body) => {
      const thrown = catchThrown(() => parseSignInResponse(answer(body, 401)));
      expect(thrown).toMatchObject({ code: 'upstream_invalid_response', statusCode: 502 });
    },
  );

  it.each<[string, HttpAnswer, 502 | 503]>([
    ['success without tokens', answer({ statusCode: 200, data: {} }), 502],
    ['success without data', answer({ statusCode: 200 }), 502],
    ['success without id_token', answer({ statusCode: 200, data: { access_token } }), 502],
    ['success without access_token', answer({ statusCode: 200, data: { id_token } }), 502],
    ['success with an empty id_token', answer({ statusCode: 200, data: { ...TOKENS, id_token: '' } }), 502],
    ['tokens without envelope', answer(TOKENS), 502],
    ['tokens beside a statusCode that is a text', answer({ statusCode: '200', data: TOKENS }), 502],
    ['a page with HTTP 200', answer(undefined), 502],
    ['a page with HTTP 404', answer(undefined, 404), 502],
    ['a page with HTTP 401', answer(undefined, 401), 502],
    ['a page with HTTP 403', answer(undefined, 403), 502],
    ['a page with HTTP 500', answer(undefined, 500, 9), 503],
    ['a page with HTTP 599', answer('x', 599, 9), 503],
    ['statusCode 500', answer({ statusCode: 500 }, 200, 9), 503],
    ['statusCode 503 with a code that nobody knows', answer({ statusCode: 503, apiCode: 7 }, 200, 9), 503],
    ['statusCode 603 (a Pipeline function failed)', answer({ statusCode: 603 }, 200, 9), 503],
    ['statusCode 408 (the directory was too slow)', answer({ statusCode: 408 }, 200, 9), 503],
    ['statusCode 601 (a directory out of reach)', answer({ statusCode: 601 }, 200, 9), 503],
    ['apiCode 1000 (busy)', answer({ statusCode: 403, apiCode: 1000 }, 200, 9), 503],
  ])('%s is an outage, never a wrong password', (_name, response, statusCode) => {
    const thrown = catchThrown(() => parseSignInResponse(response));
    expect(thrown).toBeInstanceOf(UpstreamError);
    const [code, retryAfter] = statusCode === 502 ? ['upstream_invalid_response'] : ['upstream_unavailable', 9];
    expect(thrown).toMatchObject({ code, statusCode, retryAfter });
    expect(findLeaks(thrown, CANARIES)).toEqual([]);
  });

  it.each([
    [{ access_token }, undefined, 'no id_token', 'no request ID'],
    [{ id_token }, 'r-1', 'no access_token', 'request ID "r-1"'],
  ])('says which token is missing: %#', (data, requestId, missing, request) => {
    const thrown = catchThrown(() => parseSignInResponse(answer({ statusCode: 200, requestId, data })));
    expect(String(thrown)).toBe(
      `UpstreamError: GenAuth reported a successful sign-in but sent ${missing}: ask GenAuth's support (${request}).`,
    );
  });

  it.each([
    [
      'the secret is refused',
      401,
      undefined,
      'client_authentication_failed',
      'compare appSecret and tokenEndpointAuth',
    ],
    ['the application is unknown', 499, 2011, 'app_not_found', 'compare appId and appHost with the console'],
    ['the user pool is unknown', 404, 2224, 'app_not_found', 'compare appId and appHost'],
    ['the code is a text, as of old', 499, '2011', 'app_not_found', 'compare appId and appHost with the console'],
    ['the password is not readable', 499, 2016, 'password_decryption_failed', 'change passwordEncryptType'],
    ['the plan is exhausted', 402, 3_720_001, 'plan_exhausted', "the console's billing page"],
    ['the plan is exhausted, without a code', 402, undefined, 'plan_exhausted', "the console's billing page"],
    ['the directory is misconfigured', 422, 2_820_002, 'connection_misconfigured', "the console's LDAP and AD page"],
  ])('%s: our own configuration, told in one line', (_name, statusCode, apiCode, code, mend) => {
    // What is no ID is not repeated.
    for (const requestId of ['r-1', 'r-1\n', undefined]) {
      const body = { statusCode, apiCode, message: 'GenAuth\u202E', requestId, data: TOKENS };
      const thrown = catchThrown(() => parseSignInResponse(answer(body)));
      expect(thrown).toBeInstanceOf(ConfigurationError);
      expect(thrown).toMatchObject({ code });
      // What GenAuth's support asks for.
      const request = requestId === 'r-1' ? 'request ID "r-1"' : 'no request ID';
      const shownCode = apiCode === undefined ? 'no apiCode' : `apiCode ${apiCode}`;
      const said = `GenAuth answered statusCode ${statusCode}, ${shownCode}, message "GenAuth\\u{202e}", ${request}`;
      expect(String(thrown)).toMatch(/^ConfigurationError: [^\n]+\.$/);
      expect(String(thrown)).toContain(mend);
      expect(String(thrown).endsWith(` (${said}).`)).toBe(true);
      expect(findLeaks(thrown, CANARIES)).toEqual([]);
    }
  });
});
