import { HEADERS, PATHS, buildAppJwksPath, buildIssuer } from '../../../src/core/wire/facts.js';

it('has the paths and headers that GenAuth documents', () => {
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
});

it('builds the issuer without the application ID', () => {
  expect(buildIssuer('https://example.genauth.ai')).toBe('https://example.genauth.ai/oidc');
});

it.each([['../a?b#c', '/..%2Fa%3Fb%23c/oidc/.well-known/jwks.json']])(
  'escapes the application ID %j in the path of its key set',
  (appId, path) => {
    expect(buildAppJwksPath(appId)).toBe(path);
  },
);
