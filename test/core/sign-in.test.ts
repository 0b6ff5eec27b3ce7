import { ConfigurationError, RequestError } from '../../src/core/errors.js';
import { type GenAuthOptions, resolveOptions } from '../../src/core/options.js';
import {
  type Credentials,
  type SignInOptions,
  buildSignInRequest,
  findSignInOptionsMistakes,
} from '../../src/core/sign-in.js';
import { findLeaks } from '../support/leak.js';
import { catchThrown } from '../support/thrown.js';

const SECRET = 'canary-of-the-app-secret';
const REQUIRED = { appId: 'app-1', appSecret: SECRET, appHost: 'https://example.genauth.ai' };
const ALICE = { account: 'alice', password: 'password-of-alice' };

function build(
  options: Partial<GenAuthOptions> = {},
  credentials: Credentials = ALICE,
  signInOptions: SignInOptions = {},
): ReturnType<typeof buildSignInRequest> {
  return buildSignInRequest(resolveOptions({ ...REQUIRED, ...options }), credentials, signInOptions);
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
    });
  });

  it('is this, for Active Directory and with everything else', () => {
    const context = { source: 'utm' };
    const customData = { school: 'pku' };
    const request = build(
      { scope: 'openid email' },
      { sAMAccountName: 'zhangsan', password: 'p' },
      { clientIp: '::ffff:203.0.113.7', context, tenantId: 't-1', customData },
    );
    expect(request.body).toStrictEqual({
      connection: 'AD',
      adPayload: { sAMAccountName: 'zhangsan', password: 'p' },
      options: { scope: 'openid email', clientIp: '203.0.113.7', context, tenantId: 't-1', customData },
      client_id: 'app-1',
      client_secret: SECRET,
    });
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
    const { appSecret: _, ...options } = REQUIRED;
    const resolved = resolveOptions({ ...options, tokenEndpointAuthMethod: 'none' });
    const request = buildSignInRequest(resolved, ALICE, {});
    expect(request.headers).toStrictEqual(HEADERS);
    expect(Object.keys(request.body as object)).toEqual(['connection', 'passwordPayload', 'options']);
  });

  it('takes nothing of the credentials but the two texts', () => {
    const credentials = { ...ALICE, email: 'a@example.com', options: { autoRegister: true }, connection: 'LDAP' };
    expect(build({}, credentials)).toStrictEqual(build());
  });

  /** NFC and NFD, a lone surrogate and an address stay what they are. */
  const TEXTS = ['x', ' ', ' x ', '\t\n', '\u00E9', 'e\u0301', '😀', '\uD800', '\0', '//127.0.0.1/', '__proto__'];
  const AD = { sAMAccountName: 'zhangsan', password: 'p' };
  const FIELDS = [
    ['account', ALICE, 256],
    ['password', ALICE, 1024],
    ['sAMAccountName', AD, 256],
    ['password', AD, 1024],
  ] as const;

  it.each(FIELDS)('%s of %j: from 1 to %i of any characters', (name, others, longest) => {
    for (const value of [...TEXTS, 'x'.repeat(longest)]) {
      const credentials = { ...others, [name]: value };
      const { adPayload, passwordPayload } = build({}, credentials).body as Record<string, object>;
      expect(adPayload ?? passwordPayload).toStrictEqual(credentials);
    }
  });

  it.each(FIELDS)(
    '%s of %j: neither empty, nor above %i, nor any other value, and not shown',
    (name, others, longest) => {
      const values = ['', undefined, null, 5, true, {}, ['canary'], new String('canary'), 'canary'.repeat(400)];
      for (const value of [...values, 'canary'.repeat(400).slice(0, longest + 1)]) {
        const thrown = catchThrown(() => build({}, { ...others, [name]: value } as Credentials));
        expect(thrown).toBeInstanceOf(RequestError);
        expect(String(thrown)).toBe(`RequestError: "${name}" must be a text of 1 to ${longest} characters.`);
        expect(findLeaks(thrown, ['canary'])).toEqual([]);
      }
    },
  );

  it('refuses sign-in options with a mistake, and says which', () => {
    for (const [options, expected] of [
      [{ tenantId: '' }, 'tenantId is "": write the tenant ID as a text.'],
      [{ clientIp: 'x', tenantId: '' }, 'clientIp is "x": write an IP address, "203.0.113.7". tenantId is "": write'],
    ] as const) {
      const thrown = catchThrown(() => build({}, ALICE, options));
      expect(thrown).toBeInstanceOf(ConfigurationError);
      expect(thrown).toMatchObject({ code: 'invalid_sign_in_options' });
      expect(String(thrown)).toContain(`The sign-in options are wrong: ${expected}`);
    }
  });
});

const CIRCULAR: Record<string, unknown> = {};
CIRCULAR['self'] = CIRCULAR;
const UNWRITABLE = {
  toJSON() {
    throw new Error('no');
  },
};

describe('findSignInOptionsMistakes', () => {
  it.each<[string, object]>([
    ['nothing', {}],
    ['all undefined', { clientIp: undefined, context: undefined, tenantId: undefined, customData: undefined }],
    ['IPv6 with zone and port', { clientIp: '[fe80::1%eth0]:443' }],
    ['an empty context', { context: {} }],
    ['an empty text as context', { context: '' }],
    ['empty custom data', { customData: {} }],
  ])('takes %s', (_name, options) => {
    expect(findSignInOptionsMistakes(options)).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['a clientIp that is a name', { clientIp: 'localhost' }, 'clientIp is "localhost": write an IP address'],
    ['a clientIp that is null', { clientIp: null }, 'clientIp is null: write an IP address'],
    ['a list of addresses', { clientIp: '203.0.113.7, 10.0.0.1' }, 'clientIp is "203.0.113.7, 10.0.0.1": write'],
    ['a context that is null', { context: null }, 'context is null: write an object'],
    ['a context that is a list', { context: ['a'] }, 'context is ["a"]: write an object'],
    ['a context that is a number', { context: 5 }, 'context is 5: write an object'],
    ['a context that is circular', { context: CIRCULAR }, 'context is an object: write an object that JSON can hold'],
    ['a context with a bigint', { context: { a: 1n } }, 'context is an object: write an object that JSON can hold'],
    ['custom data whose toJSON throws', { customData: UNWRITABLE }, 'customData is an object: write an object'],
    ['a context that is a function', { context: () => ({}) }, 'context is a function: write an object'],
    ['an empty tenantId', { tenantId: '' }, 'tenantId is "": write the tenant ID as a text'],
    ['a tenantId that is a number', { tenantId: 5 }, 'tenantId is 5: write the tenant ID as a text'],
    ['custom data that is a text', { customData: '{}' }, 'customData is "{}": write an object'],
    ['custom data that is a list', { customData: [] }, 'customData is []: write an object'],
    ["the wire's own words", { scope: 'openid' }, 'scope is not a sign-in option: there are clientIp, context, ten'],
    ['an inherited name', { constructor: 'x' }, 'constructor is not a sign-in option'],
    ['an own __proto__', JSON.parse('{"__proto__":{}}') as object, '__proto__ is not a sign-in option'],
  ])('does not take %s', (_name, options, expected) => {
    expect(findSignInOptionsMistakes(options)).toEqual([expect.stringContaining(expected)]);
  });
});
