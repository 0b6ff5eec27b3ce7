import {
  buildSignInBody,
  parseCaptcha,
  parseEnvelope,
  parseIntrospection,
  parseOidcError,
  parseRejectionData,
  parseSystemKeys,
  parseTokens,
} from '../../../src/core/wire/parse.js';

type Body = Readonly<Record<string, unknown>>;
const envelope = (body: Body): unknown => parseEnvelope({ statusCode: 403, ...body });

/** GenAuth's documents, front end and SDKs disagree on these forms. Each form of a row must be read alike. */
it.each<[contradiction: string, parse: (body: Body) => unknown, expected: object, ...forms: Body[]]>([
  ['the lifetime is expires_in or expire_in', parseTokens, { expiresIn: 60 }, { expires_in: 60 }, { expire_in: 60 }],
  ['scopes are in scope, and token is a misprint', parseTokens, { scope: 'a' }, { scope: 'a', token: 'b' }],
  ['token_type is xxx', parseTokens, { accessToken: 'a' }, { access_token: 'a', token_type: 'xxx' }],
  [
    'the keys for passwords are in an envelope or not',
    parseSystemKeys,
    { rsa: 'k' },
    { rsa: { publicKey: 'k' } },
    { statusCode: 200, data: { rsa: { publicKey: 'k' } } },
  ],
  [
    'apiCode is a number or a string, and is also called code',
    envelope,
    { apiCode: 2333 },
    { apiCode: '2333' },
    { apiCode: null, code: 2333 },
    { apiCode: 2333, code: 1636 },
  ],
  [
    'an introspection has spaces or commas between scopes',
    parseIntrospection,
    { scope: ['a', 'b'] },
    { active: true, scope: 'a b' },
    { active: true, scope: ' a, b ' },
  ],
  [
    'an introspection has exp as a number or a string',
    parseIntrospection,
    { exp: 1_760_000_000 },
    { active: true, exp: 1_760_000_000 },
    { active: true, exp: '1760000000' },
  ],
])('reads every form if %s', (_contradiction, parse, expected, ...forms) => {
  expect(forms.map((form) => parse(form))).toEqual(forms.map(() => expect.objectContaining(expected)));
});

describe('parseEnvelope', () => {
  const EMPTY = { statusCode: 403, apiCode: undefined, message: '', requestId: undefined, data: {} };

  it('reads every property', () => {
    const answer = { statusCode: 603, apiCode: 2333, message: 'no', requestId: 'r-1', data: { remainCount: 2 } };
    expect(parseEnvelope({ ...answer, flowHandle: 'x' })).toStrictEqual(answer);
  });

  it.each<[string, Body]>([
    ['no other property', {}],
    ...['', '-2333', '2333.0', 2333.5, true].map((apiCode): [string, Body] => [
      `the apiCode ${JSON.stringify(apiCode)}`,
      { apiCode },
    ]),
    ['a message that is an object', { message: { zh: 'x' } }],
    ['a requestId of 129 characters', { requestId: 'r'.repeat(129) }],
    ['a requestId with a space', { requestId: 'r 1' }],
    ['data that is null', { data: null }],
    ['data that is an array', { data: [{ remainCount: 2 }] }],
  ])('returns defaults for %s', (_name, body) => {
    expect(envelope(body)).toStrictEqual(EMPTY);
  });

  it.each(['r'.repeat(128), 'aZ_0.9:1-2'])('accepts the requestId %s', (requestId) => {
    expect(envelope({ requestId })).toMatchObject({ requestId });
  });

  it.each<[unknown]>([[null], ['<html>'], [{ statusCode: '200' }]])('returns undefined for %j', (body) => {
    expect(parseEnvelope(body)).toBeUndefined();
  });
});

describe('parseTokens', () => {
  const NONE = { accessToken: undefined, idToken: undefined, refreshToken: undefined, scope: undefined };

  it('reads every property', () => {
    const data = { access_token: 'a', id_token: 'i', refresh_token: 'r', scope: 'openid', expires_in: 7200 };
    const tokens = { accessToken: 'a', idToken: 'i', refreshToken: 'r', scope: 'openid', expiresIn: 7200 };
    expect(parseTokens(data)).toStrictEqual(tokens);
  });

  it.each<[string, Body, number | undefined]>([
    ['empty strings', { access_token: '', id_token: '', refresh_token: '', scope: '' }, undefined],
    ['other types', { access_token: 1, id_token: ['i'], refresh_token: {}, scope: null }, undefined],
    ['a lifetime that is a string', { expires_in: '7200' }, undefined],
    ['an infinite lifetime', { expires_in: Infinity }, undefined],
    ['the lifetime 0', { expires_in: 0, expire_in: 3600 }, 0],
    ['expires_in that is null', { expires_in: null, expire_in: 3600 }, 3600],
  ])('reads no token from %s', (_name, data, expiresIn) => {
    expect(parseTokens(data)).toStrictEqual({ ...NONE, expiresIn });
  });
});

describe('parseRejectionData', () => {
  const NONE = { remainingAttempts: undefined, mfaToken: undefined, applicationMfa: [], flowToken: undefined };

  it('reads every property', () => {
    const applicationMfa = [{ mfaPolicy: 'SMS', status: 1, sort: 2, more: 3 }, { mfaPolicy: 'new' }];
    expect(parseRejectionData({ remainCount: 0, mfaToken: 'm', applicationMfa, token: 'f' })).toStrictEqual({
      remainingAttempts: 0,
      mfaToken: 'm',
      applicationMfa: [
        { mfaPolicy: 'SMS', status: 1, sort: 2 },
        { mfaPolicy: 'new', status: 0, sort: 0 },
      ],
      flowToken: 'f',
    });
  });

  it.each<[string, Body]>([
    ['other types', { remainCount: '2', mfaToken: 5, token: {}, applicationMfa: null }],
    ['factors without a policy', { applicationMfa: [null, 5, 'SMS', [], {}, { mfaPolicy: 7 }] }],
  ])('returns defaults for %s', (_name, data) => {
    expect(parseRejectionData(data)).toStrictEqual(NONE);
  });
});

describe('parseSystemKeys', () => {
  const [RSA, SM2] = [{ publicKey: 'rsa-key' }, { publicKey: 'sm2-key' }];

  it.each<[string, unknown, object]>([
    ['both keys', { rsa: RSA, sm2: SM2, version: {} }, { rsa: 'rsa-key', sm2: 'sm2-key' }],
    ['keys outside and inside an envelope', { rsa: RSA, data: { rsa: SM2, sm2: SM2 } }, { rsa: 'rsa-key' }],
    ['an RSA entry that is null outside an envelope', { rsa: null, data: { rsa: RSA } }, { rsa: 'rsa-key' }],
    ['a key that is a number', { rsa: { publicKey: 5 }, sm2: SM2 }, { sm2: 'sm2-key' }],
    ['undefined', undefined, {}],
  ])('reads %s', (_name, body, expected) => {
    expect(parseSystemKeys(body)).toStrictEqual(expected);
  });
});

describe('parseCaptcha', () => {
  const data = { captchaCodeSvg: '<svg/>', captchaToken: 'token' };

  it('reads picture and token', () => {
    expect(parseCaptcha({ statusCode: 200, data: { ...data, more: 1 } })).toEqual({ svg: '<svg/>', token: 'token' });
  });

  it.each<[unknown]>([
    ['<svg/>'],
    [{ statusCode: 200, data: { ...data, captchaToken: 5 } }],
    [{ statusCode: 200, data: { ...data, captchaCodeSvg: ['<svg/>'] } }],
  ])('returns undefined for %j', (body) => {
    expect(parseCaptcha(body)).toBeUndefined();
  });
});

it.each<[unknown, string | undefined]>([
  [{ error: 'invalid_client' }, 'invalid_client'],
  [{ error: '' }, undefined],
  [null, undefined],
])('reads the OAuth error of %j as %j', (body, expected) => {
  expect(parseOidcError(body)).toBe(expected);
});

describe('parseIntrospection', () => {
  const NONE = { sub: undefined, clientId: undefined, scope: [], exp: undefined };

  it('reads every property', () => {
    const body = { active: true, sub: 'u-1', client_id: 'app', scope: 'openid', exp: 9, iat: 1 };
    const expected = { active: true, sub: 'u-1', clientId: 'app', scope: ['openid'], exp: 9 };
    expect(parseIntrospection(body)).toStrictEqual(expected);
  });

  it.each<[Body, number | undefined]>([
    [{ sub: '', client_id: 5, scope: ['openid'], exp: 'soon' }, undefined],
    [{ exp: '1'.repeat(12) }, 111_111_111_111],
    [{ exp: '1'.repeat(13) }, undefined],
  ])('returns defaults for %j', (body, exp) => {
    expect(parseIntrospection({ active: false, ...body })).toStrictEqual({ active: false, ...NONE, exp });
  });

  it.each<[unknown]>([[{ active: 'true' }], [null]])('returns undefined without a boolean active: %j', (body) => {
    expect(parseIntrospection(body)).toBeUndefined();
  });
});

it.each([
  ['account', 'PASSWORD', 'passwordPayload'],
  ['sAMAccountName', 'AD', 'adPayload'],
] as const)('builds a body with %s for the connection %s', (identifier, connection, payload) => {
  const body = buildSignInBody({ connection, identifier, name: 'alice', password: 'p', options: {} });
  expect(body).toStrictEqual({ connection, [payload]: { [identifier]: 'alice', password: 'p' }, options: {} });
});
