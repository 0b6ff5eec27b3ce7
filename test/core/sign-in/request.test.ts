import { Deadline } from '../../../src/core/util/deadline.js';
import { type SignInRequestParts, buildSignInRequest } from '../../../src/core/sign-in/request.js';

const parts: SignInRequestParts = {
  appId: 'app-1',
  credentials: { connection: 'PASSWORD', identifier: 'account', name: 'alice', password: 'passw0rd' },
  options: { scope: ['openid', 'profile'] },
  passwordEncryptType: 'none',
  deadline: new Deadline(1000),
};

/** Returns the value as GenAuth receives it. `JSON.stringify` leaves out members that are `undefined`. */
const toWire = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

it('builds the request of a password login, with the proof of the application in the headers', () => {
  const passwordPayload = { account: 'alice', password: 'passw0rd' };
  const proof = { headers: { authorization: 'Basic YTpi' }, members: {}, secret: 'secret-1' };
  const { deadline, ...request } = buildSignInRequest(parts, 'passw0rd', proof);
  expect(deadline).toBe(parts.deadline);
  expect({ ...request, body: toWire(request.body) }).toStrictEqual({
    method: 'POST',
    path: '/api/v3/signin',
    headers: {
      'x-authing-app-id': 'app-1',
      'x-genauth-app-id': 'app-1',
      'x-authing-request-from': 'sdk',
      authorization: 'Basic YTpi',
    },
    body: { connection: 'PASSWORD', passwordPayload, options: { scope: 'openid profile' } },
    maxBytes: 1_048_576,
    secrets: ['passw0rd', 'passw0rd', 'secret-1'],
  });
});

it('builds the request of an Active Directory login with every option, a ciphertext and a proof in the body', () => {
  const captcha = { captchaToken: 'captcha-1', captchaCode: 'aB3d' };
  const given = { ...captcha, autoRegister: false, customData: { school: 'pku' }, tenantId: 't-1', context: '' };
  const members = { client_id: 'app-1', client_secret: 'secret-1' };
  const adParts: SignInRequestParts = {
    ...parts,
    credentials: { connection: 'AD', identifier: 'sAMAccountName', name: 'zhangsan', password: 'p' },
    options: { ...given, clientIp: '::ffff:203.0.113.7', scope: ['openid', 'phone'] },
    passwordEncryptType: 'sm2',
  };
  const { body, secrets } = buildSignInRequest(adParts, 'ciphertext', { headers: {}, members, secret: 'secret-1' });
  const options = { ...given, scope: 'openid phone', clientIp: '203.0.113.7', passwordEncryptType: 'sm2' };
  const adPayload = { sAMAccountName: 'zhangsan', password: 'ciphertext' };
  expect(toWire(body)).toStrictEqual({ connection: 'AD', adPayload, options, ...members });
  expect(secrets).toEqual(['p', 'ciphertext', 'secret-1']);
});
