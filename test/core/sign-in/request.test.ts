import { type SignInRequestParts, buildSignInRequest } from '../../../src/core/sign-in/request.js';

const parts: SignInRequestParts = {
  appId: 'app-1',
  credentials: { connection: 'PASSWORD', identifier: 'account', name: 'alice', password: 'passw0rd' },
  options: { scope: 'openid profile' },
  password: 'passw0rd',
  passwordEncryptType: 'none',
  proof: { headers: {}, members: { client_id: 'app-1', client_secret: 'secret-1' }, secret: 'secret-1' },
};
const headers = { 'x-authing-app-id': 'app-1', 'x-genauth-app-id': 'app-1', 'x-authing-request-from': 'sdk' };

it('builds the request of a password login', () => {
  expect(buildSignInRequest(parts)).toStrictEqual({
    method: 'POST',
    path: '/api/v3/signin',
    headers,
    body: {
      connection: 'PASSWORD',
      passwordPayload: { account: 'alice', password: 'passw0rd' },
      options: { scope: 'openid profile' },
      client_id: 'app-1',
      client_secret: 'secret-1',
    },
    maxBytes: 1_048_576,
    secrets: ['passw0rd', 'passw0rd', 'secret-1'],
  });
});

it('builds the request of an Active Directory login with every option, in a fixed order', () => {
  const given = {
    captchaToken: 'captcha-1',
    captchaCode: 'aB3d',
    autoRegister: false,
    customData: { school: 'pku' },
    tenantId: 't-1',
    context: { source: 'utm' },
  };
  const { body } = buildSignInRequest({
    ...parts,
    credentials: { connection: 'AD', identifier: 'sAMAccountName', name: 'zhangsan', password: 'p' },
    options: { ...given, clientIp: '::ffff:203.0.113.7', scope: ['openid', 'phone', 'openid'] },
  });
  const options = { ...given, scope: 'openid phone', clientIp: '203.0.113.7' };
  const adPayload = { sAMAccountName: 'zhangsan', password: 'passw0rd' };
  expect(body).toStrictEqual({ connection: 'AD', adPayload, options, client_id: 'app-1', client_secret: 'secret-1' });
  const names = 'scope clientIp context tenantId customData autoRegister captchaCode captchaToken';
  expect(Object.keys((body as { options: object }).options).join(' ')).toBe(names);
});

it.each(['rsa', 'sm2'] as const)('sends the ciphertext and the type of an %s encryption', (passwordEncryptType) => {
  const { body, secrets } = buildSignInRequest({ ...parts, password: 'ciphertext', passwordEncryptType });
  expect(body).toMatchObject({
    passwordPayload: { account: 'alice', password: 'ciphertext' },
    options: { scope: 'openid profile', passwordEncryptType },
  });
  expect(secrets).toEqual(['passw0rd', 'ciphertext', 'secret-1']);
});

it.each(['{"source":"utm"}', 'utm', ''])('sends the context %j unchanged, because GenAuth accepts text', (context) => {
  const request = buildSignInRequest({ ...parts, options: { scope: 'openid', context } });
  expect(request.body).toHaveProperty('options', { scope: 'openid', context });
});

it('puts the proof of the application into the headers if it has headers only', () => {
  const proof = { headers: { authorization: 'Basic YTpi' }, members: {}, secret: 'b' };
  const request = buildSignInRequest({ ...parts, proof });
  expect(request.headers).toStrictEqual({ ...headers, authorization: 'Basic YTpi' });
  expect(Object.keys(request.body ?? {})).toEqual(['connection', 'passwordPayload', 'options']);
});
