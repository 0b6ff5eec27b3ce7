import { ConfigurationError, RequestError } from '../../../src/core/errors.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { buildClientProof } from '../../../src/core/oidc/client-authentication.js';
import { resolveOptions } from '../../../src/core/options/resolve-options.js';
import { type Credentials, parseCredentials } from '../../../src/core/sign-in/credentials.js';
import {
  type SignInOptions,
  checkAutoRegister,
  checkSignInOptions,
} from '../../../src/core/sign-in/sign-in-options.js';
import { type SignInRequestParts, buildSignInRequest } from '../../../src/core/sign-in/request.js';
import { findLeaks } from '../../support/leak.js';
import { catchThrown } from '../../support/thrown.js';

const SECRET = 'canary-of-the-app-secret';
const REQUIRED = { appId: 'app-1', appSecret: SECRET, appHost: 'https://example.genauth.ai' };
const ALICE = { account: 'alice', password: 'password-of-alice' };
const AD = { sAMAccountName: 'zhangsan', password: 'p-of-zhangsan' };

function build(
  options: Partial<GenAuthOptions> = {},
  credentials: Credentials = ALICE,
  signInOptions: SignInOptions = {},
  { secret = SECRET, ...parts }: Partial<SignInRequestParts> & { secret?: string } = {},
): ReturnType<typeof buildSignInRequest> {
  const parsed = parseCredentials(credentials);
  checkSignInOptions(signInOptions);
  checkAutoRegister(signInOptions, parsed);
  const resolved = resolveOptions({ ...REQUIRED, ...options });
  return buildSignInRequest({
    appId: resolved.appId,
    credentials: parsed,
    options: { ...signInOptions, scope: signInOptions.scope ?? resolved.scope },
    password: parsed.password,
    passwordEncryptType: 'none',
    proof: buildClientProof(resolved, secret, 'json'),
    ...parts,
  });
}

describe('buildSignInRequest', () => {
  const HEADERS = {
    'x-authing-app-id': 'app-1',
    'x-genauth-app-id': 'app-1',
    'x-authing-request-from': 'sdk',
  };

  it('is this, for an account and nothing else', () => {
    expect(build()).toStrictEqual({
      method: 'POST',
      path: '/api/v3/signin',
      headers: HEADERS,
      body: {
        connection: 'PASSWORD',
        passwordPayload: ALICE,
        options: { scope: 'openid profile' },
        client_id: 'app-1',
        client_secret: SECRET,
      },
      maxBytes: 1_048_576,
      secrets: [ALICE.password, ALICE.password, SECRET],
    });
  });

  it('is this, for Active Directory and with everything else', () => {
    const context = { source: 'utm' };
    const customData = { school: 'pku' };
    const request = build(
      { scope: 'openid email' },
      { sAMAccountName: 'zhangsan', password: 'p' },
      {
        // Listed in another order than they are sent in, which is the wire's own.
        passwordEncryptType: 'none',
        captchaToken: 'captcha-1',
        captchaCode: 'aB3d',
        autoRegister: false,
        customData,
        tenantId: 't-1',
        context,
        clientIp: '::ffff:203.0.113.7',
        scope: ['openid', 'phone', 'openid'],
      },
    );
    expect(request.body).toStrictEqual({
      connection: 'AD',
      adPayload: { sAMAccountName: 'zhangsan', password: 'p' },
      options: {
        scope: 'openid phone',
        clientIp: '203.0.113.7',
        context,
        tenantId: 't-1',
        customData,
        autoRegister: false,
        captchaCode: 'aB3d',
        captchaToken: 'captcha-1',
      },
      client_id: 'app-1',
      client_secret: SECRET,
    });
    const names = 'scope clientIp context tenantId customData autoRegister captchaCode captchaToken';
    expect(Object.keys((request.body as { options: object }).options).join(' ')).toBe(names);
  });

  it.each(['rsa', 'sm2'] as const)('sends the password as it is handed over, and says %s', (passwordEncryptType) => {
    for (const credentials of [ALICE, AD]) {
      const { body } = build({}, credentials, {}, { password: 'ciphertext', passwordEncryptType });
      const { adPayload, passwordPayload, options } = body as Record<string, object>;
      expect(adPayload ?? passwordPayload).toStrictEqual({ ...credentials, password: 'ciphertext' });
      expect(options).toStrictEqual({ scope: 'openid profile', passwordEncryptType });
      expect(findLeaks(body, [credentials.password])).toEqual([]);
    }
  });

  it('takes the secret that it is handed over: a function’s never gets into the configuration', () => {
    const request = build({ appSecret: () => 'never asked here' }, ALICE, {}, { secret: 'canary-of-the-vault' });
    expect(request.body).toHaveProperty('client_secret', 'canary-of-the-vault');
  });

  it('passes a context that is a text on as it is', () => {
    expect(build({}, ALICE, { context: '{"a":1}' }).body).toHaveProperty('options.context', '{"a":1}');
  });

  it('proves the application by Basic (RFC 7617), and then not in the body', () => {
    const request = build({ tokenEndpointAuthMethod: 'client_secret_basic' });
    const authorization = `Basic ${Buffer.from(`app-1:${SECRET}`).toString('base64')}`;
    expect(request.headers).toStrictEqual({ ...HEADERS, authorization });
    expect(Object.keys(request.body as object)).toEqual(['connection', 'passwordPayload', 'options']);
  });

  it("proves nothing with 'none'", () => {
    const request = build({ appSecret: undefined, tokenEndpointAuthMethod: 'none' }, ALICE);
    expect(request.headers).toStrictEqual(HEADERS);
    expect(Object.keys(request.body as object)).toEqual(['connection', 'passwordPayload', 'options']);
  });

  it('takes nothing of the credentials but the two texts', () => {
    const credentials = { ...ALICE, code: '1', options: { autoRegister: true }, connection: 'LDAP', client_id: 'x' };
    expect(build({}, credentials)).toStrictEqual(build());
  });

  const NO_IDENTIFIER = 'Send "account" or "email" or "username" or "phone" or "sAMAccountName" with the password.';
  it.each<[string, object, string]>([
    ['none', {}, NO_IDENTIFIER],
    ['none that is own', Object.create({ account: 'alice' }) as object, NO_IDENTIFIER],
    ['all undefined', { account: undefined, email: undefined, sAMAccountName: undefined }, NO_IDENTIFIER],
    ['account and email', { account: 'a', email: 'a@example.com' }, 'Send only one of "account" and "email".'],
    ['phone and username, one empty', { username: '', phone: '1' }, 'Send only one of "username" and "phone".'],
    ['email and sAMAccountName', { email: 'e', sAMAccountName: 's' }, 'Send only one of "email" and "sAMAccountName".'],
    ['account null beside phone', { account: null, phone: '1' }, 'Send only one of "account" and "phone".'],
  ])('identifiers: %s: refused, without the values', (_name, identifiers, expected) => {
    const credentials = Object.assign(identifiers, { password: 'canary' }) as Credentials;
    const thrown = catchThrown(() => build({}, credentials));
    expect(thrown).toBeInstanceOf(RequestError);
    expect(String(thrown)).toBe(`RequestError: ${expected}`);
    expect(findLeaks(thrown, ['canary', 'example.com'])).toEqual([]);
  });

  it('an identifier beside others that are undefined is the one', () => {
    const credentials = { account: undefined, email: 'a@example.com', phone: undefined, password: 'p' };
    expect(build({}, credentials as unknown as Credentials).body).toHaveProperty('passwordPayload', {
      email: 'a@example.com',
      password: 'p',
    });
  });

  it.each([true, false])('autoRegister %j goes with an email, a username, a phone and AD', (autoRegister) => {
    for (const name of ['email', 'username', 'phone', 'sAMAccountName']) {
      const request = build({}, { [name]: 'x', password: 'p' } as unknown as Credentials, { autoRegister });
      expect(request.body).toHaveProperty('options.autoRegister', autoRegister);
    }
  });

  it('autoRegister does not go with account (GenAuth: SignInOptionsDto); false does', () => {
    const thrown = catchThrown(() => build({}, ALICE, { autoRegister: true }));
    expect(thrown).toMatchObject({ name: 'RequestError', code: 'invalid_request', statusCode: 400 });
    expect(String(thrown)).toBe(
      'RequestError: "account" cannot be registered: send "email", "username" or "phone" instead.',
    );
    // The developer's mistake comes before the person's.
    const both = catchThrown(() => build({}, ALICE, { autoRegister: true, tenantId: '' }));
    expect(both).toMatchObject({ name: 'ConfigurationError', code: 'invalid_sign_in_options' });
    expect(build({}, ALICE, { autoRegister: false }).body).toHaveProperty('options.autoRegister', false);
  });

  /** NFC and NFD, a lone surrogate and an address stay what they are. */
  const TEXTS = ['x', ' ', ' x ', '\t\n', '\u00E9', 'e\u0301', '😀', '\uD800', '\0', '//127.0.0.1/', '__proto__'];
  const FIELDS = [
    ['email', { email: 'a@example.com', password: 'p' }, 256],
    ['username', { username: 'alice', password: 'p' }, 256],
    ['phone', { phone: '+8613800000001', password: 'p' }, 256],
    ['account', ALICE, 256],
    ['password', ALICE, 1024],
    ['sAMAccountName', AD, 256],
    ['password', AD, 1024],
  ] as const;

  it.each(FIELDS)('%s of %j: from 1 to %i of any characters', (name, others, longest) => {
    for (const value of [...TEXTS, 'x'.repeat(longest)]) {
      const credentials = { ...others, [name]: value } as Credentials;
      const { adPayload, passwordPayload } = build({}, credentials).body as Record<string, object>;
      expect(adPayload ?? passwordPayload).toStrictEqual(credentials);
    }
  });

  it.each(FIELDS)(
    '%s of %j: neither empty, nor above %i, nor any other value, and not shown',
    (name, others, longest) => {
      // An identifier that is undefined is none at all, which is another error.
      const values = [
        '',
        ...(name === 'password' ? [undefined] : []),
        null,
        5,
        true,
        {},
        ['canary'],
        new String('canary'),
        'canary'.repeat(400),
      ];
      for (const value of [...values, 'canary'.repeat(400).slice(0, longest + 1)]) {
        const thrown = catchThrown(() => build({}, { ...others, [name]: value } as Credentials));
        expect(thrown).toBeInstanceOf(RequestError);
        expect(String(thrown)).toBe(`RequestError: "${name}" must be a string of 1 to ${longest} characters.`);
        expect(findLeaks(thrown, ['canary'])).toEqual([]);
      }
    },
  );

  it('refuses sign-in options with a mistake, and says which', () => {
    for (const [options, expected] of [
      [{ tenantId: '' }, 'tenantId is "": write the tenant ID as a string of 1 to 4096 characters.'],
      [{ clientIp: 'x', tenantId: '' }, 'clientIp is "x": write an IP address, "203.0.113.7". tenantId is "": write'],
    ] as const) {
      const thrown = catchThrown(() => build({}, ALICE, options));
      expect(thrown).toBeInstanceOf(ConfigurationError);
      expect(thrown).toMatchObject({ code: 'invalid_sign_in_options' });
      expect(String(thrown)).toContain(`The sign-in options are wrong: ${expected}`);
    }
  });
});
