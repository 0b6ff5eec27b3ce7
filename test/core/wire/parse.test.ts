import {
  HEADERS,
  PASSWORD_ENCRYPT_TYPES,
  PATHS,
  TOKEN_ENDPOINT_AUTH_METHODS,
  buildAppJwksPath,
  buildIssuer,
} from '../../../src/core/wire/facts.js';
import { parseCaptcha, parseEnvelope, parseSystemKeys, parseTokens } from '../../../src/core/wire/parse.js';

describe('what GenAuth documents', () => {
  it('has these paths, headers and authentication methods', () => {
    expect(PATHS).toEqual({
      signIn: '/api/v3/signin',
      system: '/api/v3/system',
      captcha: '/api/v3/get-captcha-code',
      discovery: '/oidc/.well-known/openid-configuration',
      jwks: '/oidc/.well-known/jwks.json',
      token: '/oidc/token',
      introspection: '/oidc/token/introspection',
      revocation: '/oidc/token/revocation',
      userInfo: '/oidc/me',
      endSession: '/oidc/session/end',
    });
    expect(HEADERS).toEqual({
      appId: 'x-authing-app-id',
      appIdOfGenAuth: 'x-genauth-app-id',
      requestFrom: 'x-authing-request-from',
    });
    expect(TOKEN_ENDPOINT_AUTH_METHODS).toEqual(['client_secret_post', 'client_secret_basic', 'none']);
    expect(PASSWORD_ENCRYPT_TYPES).toEqual(['none', 'rsa', 'sm2']);
  });

  it('has the issuer below the host, without the application', () => {
    expect(buildIssuer('https://example.genauth.ai')).toBe('https://example.genauth.ai/oidc');
  });

  it.each([
    ['65f0c1d2e3a4b5c6d7e8f901', '/65f0c1d2e3a4b5c6d7e8f901/oidc/.well-known/jwks.json'],
    ['../../evil', '/..%2F..%2Fevil/oidc/.well-known/jwks.json'],
    ['a?b#c', '/a%3Fb%23c/oidc/.well-known/jwks.json'],
    ['//evil.example', '/%2F%2Fevil.example/oidc/.well-known/jwks.json'],
  ])('the key set of application %j is at %s', (appId, path) => {
    expect(buildAppJwksPath(appId)).toBe(path);
  });
});

describe('parseEnvelope', () => {
  const EMPTY = { statusCode: 403, apiCode: undefined, message: '', requestId: undefined, data: {} };

  it.each<[string, unknown, object]>([
    ['a statusCode alone', { statusCode: 403 }, EMPTY],
    [
      'everything',
      { statusCode: 403, apiCode: 2333, message: 'no', requestId: 'r-1', data: { remainCount: 2 } },
      { statusCode: 403, apiCode: 2333, message: 'no', requestId: 'r-1', data: { remainCount: 2 } },
    ],
    ...['', ' ', [], false, true, [2333], '0x91D', 2.5].map((apiCode): [string, unknown, object] => [
      `apiCode ${JSON.stringify(apiCode)} is no code`,
      { statusCode: 403, apiCode },
      EMPTY,
    ]),
    ['apiCode as a text', { statusCode: 403, apiCode: '2333' }, { ...EMPTY, apiCode: 2333 }],
    ['apiCode under the name code', { statusCode: 301, code: 1636 }, { ...EMPTY, statusCode: 301, apiCode: 1636 }],
    ['code as a text', { statusCode: 403, code: '2006' }, { ...EMPTY, apiCode: 2006 }],
    ['apiCode and code: apiCode', { statusCode: 403, apiCode: 2333, code: 1636 }, { ...EMPTY, apiCode: 2333 }],
    ['apiCode null, and code', { statusCode: 403, apiCode: null, code: 1636 }, { ...EMPTY, apiCode: 1636 }],
    ['both null', { statusCode: 403, apiCode: null, code: null }, EMPTY],
    ['apiCode that is a word', { statusCode: 403, apiCode: 'LOCKED' }, EMPTY],
    ['apiCode that is an object', { statusCode: 403, apiCode: { code: 2333 } }, EMPTY],
    ['apiCode with a fraction', { statusCode: 403, apiCode: 2333.5 }, EMPTY],
    ['apiCode beyond all numbers', { statusCode: 403, apiCode: Infinity }, EMPTY],
    ['message that is an object', { statusCode: 403, message: { zh: 'x' } }, EMPTY],
    ['message null', { statusCode: 403, message: null }, EMPTY],
    ['requestId that is a number', { statusCode: 403, requestId: 7 }, EMPTY],
    ['data null', { statusCode: 403, data: null }, EMPTY],
    ['data that is a list', { statusCode: 403, data: [{ remainCount: 2 }] }, EMPTY],
    ['data that is a text', { statusCode: 403, data: 'token' }, EMPTY],
    ['members that nobody knows', { statusCode: 403, flowHandle: 'x', uniqueId: 'y' }, EMPTY],
    ['a statusCode beyond HTTP', { statusCode: 603 }, { ...EMPTY, statusCode: 603 }],
  ])('reads %s', (_name, body, expected) => {
    expect(parseEnvelope(body)).toEqual(expected);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text (a gateway page)', '<html>502 Bad Gateway</html>'],
    ['a number', 200],
    ['true', true],
    ['a list', [{ statusCode: 200 }]],
    ['an empty object', {}],
    ['statusCode as a text', { statusCode: '200' }],
    ['statusCode null', { statusCode: null }],
    ['statusCode true', { statusCode: true }],
    ['statusCode in a list', { statusCode: [200] }],
    ['an OAuth error', { error: 'invalid_client', error_description: 'x' }],
  ])('does not take %s for an answer', (_name, body) => {
    expect(parseEnvelope(body)).toBeUndefined();
  });
});

describe('parseTokens', () => {
  const NONE = {
    accessToken: undefined,
    idToken: undefined,
    refreshToken: undefined,
    scope: undefined,
    expiresIn: undefined,
  };

  it.each<[string, Record<string, unknown>, object]>([
    ['nothing', {}, NONE],
    [
      'everything',
      {
        access_token: 'a',
        id_token: 'i',
        refresh_token: 'r',
        scope: 'openid',
        token_type: 'Bearer',
        expires_in: 7200,
      },
      { accessToken: 'a', idToken: 'i', refreshToken: 'r', scope: 'openid', expiresIn: 7200 },
    ],
    ["the schema's expire_in", { expire_in: 3600 }, { ...NONE, expiresIn: 3600 }],
    ['expires_in before expire_in', { expires_in: 7200, expire_in: 3600 }, { ...NONE, expiresIn: 7200 }],
    ['expires_in null, and expire_in', { expires_in: null, expire_in: 3600 }, { ...NONE, expiresIn: 3600 }],
    ['expires_in 0', { expires_in: 0 }, { ...NONE, expiresIn: 0 }],
    ['expires_in as a text', { expires_in: '7200' }, NONE],
    ['expires_in beyond all numbers', { expires_in: Infinity }, NONE],
    ['empty texts', { access_token: '', id_token: '', refresh_token: '', scope: '' }, NONE],
    ['tokens that are no texts', { access_token: 1, id_token: ['i'], refresh_token: {}, scope: null }, NONE],
    ["the page's misprint token for scope", { token: 'openid profile' }, NONE],
    ['names in the other spelling', { accessToken: 'a', idToken: 'i' }, NONE],
  ])('reads %s', (_name, data, expected) => {
    expect(parseTokens(data)).toEqual(expected);
  });
});

describe('parseSystemKeys', () => {
  const RSA = { publicKey: 'rsa-key' };
  const SM2 = { publicKey: 'sm2-key' };

  it.each<[string, unknown, object]>([
    ['without an envelope', { rsa: RSA, sm2: SM2, version: {} }, { rsa: 'rsa-key', sm2: 'sm2-key' }],
    ['in an envelope', { statusCode: 200, data: { rsa: RSA, sm2: SM2 } }, { rsa: 'rsa-key', sm2: 'sm2-key' }],
    ['in an envelope without statusCode', { data: { sm2: SM2 } }, { sm2: 'sm2-key' }],
    ['both: what stands outside', { rsa: RSA, data: { rsa: SM2, sm2: SM2 } }, { rsa: 'rsa-key' }],
    ['RSA alone', { rsa: RSA }, { rsa: 'rsa-key' }],
    ['SM2 alone', { sm2: SM2 }, { sm2: 'sm2-key' }],
    ['RSA null and SM2', { rsa: null, sm2: SM2 }, { sm2: 'sm2-key' }],
    ['RSA null outside, keys inside', { rsa: null, data: { rsa: RSA } }, { rsa: 'rsa-key' }],
    ['a key that is no text', { rsa: { publicKey: 5 }, sm2: SM2 }, { sm2: 'sm2-key' }],
    ['a key that is a list', { rsa: { publicKey: ['rsa-key'] } }, {}],
    ['no publicKey', { rsa: {}, sm2: { key: 'x' } }, {}],
    ['keys as texts', { rsa: 'rsa-key', sm2: 'sm2-key' }, {}],
    ['an empty object', {}, {}],
    ['an error', { statusCode: 500, message: 'no' }, {}],
    ['data null', { statusCode: 200, data: null }, {}],
    ['a list', [{ rsa: RSA }], {}],
    ['a text', 'rsa', {}],
    ['nothing', undefined, {}],
    ['null', null, {}],
  ])('reads %s', (_name, body, expected) => {
    expect(parseSystemKeys(JSON.parse(JSON.stringify(body) ?? 'null'))).toEqual(expected);
  });
});

describe('parseCaptcha', () => {
  const DATA = { captchaCodeSvg: '<svg/>', captchaToken: 'token' };

  it('reads picture and token', () => {
    const captcha = { svg: '<svg/>', token: 'token' };
    expect(parseCaptcha({ statusCode: 200, message: 'x', data: { ...DATA, more: 1 } })).toEqual(captcha);
  });

  it.each<[string, unknown]>([
    ['no envelope', DATA],
    ['no data', { statusCode: 200 }],
    ['no picture', { statusCode: 200, data: { captchaToken: 'token' } }],
    ['no token', { statusCode: 200, data: { captchaCodeSvg: '<svg/>' } }],
    ['a token that is a number', { statusCode: 200, data: { ...DATA, captchaToken: 5 } }],
    ['a picture that is a list', { statusCode: 200, data: { ...DATA, captchaCodeSvg: ['<svg/>'] } }],
    ['a text', '<svg/>'],
    ['nothing', undefined],
  ])('%s: none', (_name, body) => {
    expect(parseCaptcha(body)).toBeUndefined();
  });
});
