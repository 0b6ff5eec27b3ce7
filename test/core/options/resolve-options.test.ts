import { ConfigurationError } from '../../../src/core/errors.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { defineGenAuthOptions, resolveOptions } from '../../../src/core/options/resolve-options.js';
import { CertificateAuthority } from '../../support/certificate.js';
import { findLeaks } from '../../support/leak.js';
import { catchThrown } from '../../support/thrown.js';

const REQUIRED: Readonly<Record<'appId' | 'appSecret' | 'appHost', string>> = Object.freeze({
  appId: '65f0c1d2e3a4b5c6d7e8f901',
  appSecret: 'canary-of-the-app-secret',
  appHost: 'https://example.genauth.ai',
});

/** What is wrong, one line for each mistake; fails where nothing is. Values may be of any type, as from JavaScript. */
function findMistakes(options: unknown): string[] {
  const error = catchThrown(() => resolveOptions(options as GenAuthOptions));
  expect(error).toBeInstanceOf(ConfigurationError);
  expect(error).toMatchObject({ code: 'invalid_options', statusCode: 500 });
  const { message } = error as Error;
  const [head, ...mistakes] = message.split('\n  - ');
  expect(head).toMatch(/^passport-genauth: the options are /);
  return mistakes.length === 0 ? [message] : mistakes;
}

const { cert } = new CertificateAuthority();

describe('resolveOptions fills in', () => {
  it('every default', () => {
    expect(resolveOptions({ ...REQUIRED })).toStrictEqual({
      ...REQUIRED,
      issuer: 'https://example.genauth.ai/oidc',
      tokenEndpointAuthMethod: 'client_secret_post',
      idTokenSignedResponseAlg: 'RS256',
      passwordEncryptType: 'none',
      scope: ['openid', 'profile'],
      fields: {
        account: 'account',
        email: 'email',
        username: 'username',
        phone: 'phone',
        sAMAccountName: 'sAMAccountName',
        password: 'password',
        captchaCode: 'captchaCode',
        captchaToken: 'captchaToken',
      },
      language: undefined,
      exposeReasons: false,
      name: 'genauth',
      signInOptions: undefined,
      clientIp: undefined,
      timeout: 10_000,
      clockTolerance: 5,
      jwksUri: undefined,
      audience: [REQUIRED.appId],
      ca: undefined,
      proxy: undefined,
      jwks: { maxAge: 600_000, cooldown: 30_000, staleIfError: 86_400_000 },
      userClaims: 'token',
      userInfoMaxAge: 300_000,
      verifiedTokenCache: { maxEntries: 10_000 },
    });
  });

  it('every default for an option that is there and undefined', () => {
    const names = Object.keys(resolveOptions({ ...REQUIRED })).filter((name) => !Object.hasOwn(REQUIRED, name));
    const options = { ...REQUIRED, ...Object.fromEntries(names.map((name) => [name, undefined])) };
    expect(resolveOptions(options)).toStrictEqual(resolveOptions({ ...REQUIRED }));
    expect(resolveOptions({ ...REQUIRED, jwks: { maxAge: undefined } as never }).jwks.maxAge).toBe(600_000);
  });

  it('frozen', () => {
    const options = { ...REQUIRED, signInOptions: { tenantId: 't' }, ca: [cert], audience: 'a' };
    const resolved = resolveOptions(options);
    for (const part of [
      resolved,
      resolved.scope,
      resolved.audience,
      resolved.jwks,
      resolved.verifiedTokenCache,
      resolved.fields,
      resolved.signInOptions,
      resolved.ca,
    ]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    expect(Object.isFrozen(options)).toBe(false);
    expect(Object.isFrozen(options.signInOptions)).toBe(false);
    expect(Object.isFrozen(options.ca)).toBe(false);
  });

  it('once: what the caller changes later changes nothing', () => {
    const options = {
      ...REQUIRED,
      scope: ['openid'],
      jwks: { maxAge: 5000 },
      signInOptions: { tenantId: 't', context: { of: ['x'] } },
      ca: [cert],
    };
    const resolved = resolveOptions(options);
    options.appId = 'other';
    options.scope.push('email');
    options.jwks.maxAge = 1000;
    options.signInOptions.tenantId = 'other';
    options.signInOptions.context.of.push('other');
    options.ca.push('other');
    expect(resolved).toMatchObject({ ...REQUIRED, scope: ['openid'], ca: [cert] });
    expect(resolved.signInOptions).toEqual({ tenantId: 't', context: { of: ['x'] } });
    expect(Object.isFrozen((resolved.signInOptions as typeof options.signInOptions).context.of)).toBe(true);
    expect(resolved.jwks.maxAge).toBe(5000);
  });
});

describe('resolveOptions takes', () => {
  const clientIp = (): string => '203.0.113.7';
  it.each<[string, Partial<GenAuthOptions>, object]>([
    ['a host with a slash at its end: without it', { appHost: 'https://a.example/' }, { appHost: 'https://a.example' }],
    ['a host in capitals: small', { appHost: 'https://A.Example' }, { issuer: 'https://a.example/oidc' }],
    ['the port of https: left out', { appHost: 'https://a.example:443' }, { appHost: 'https://a.example' }],
    ['another port', { appHost: 'https://a.example:8443' }, { issuer: 'https://a.example:8443/oidc' }],
    ['plain http on localhost', { appHost: 'http://localhost:3999' }, { appHost: 'http://localhost:3999' }],
    ['plain http on 127.0.0.1', { appHost: 'http://127.0.0.1:3999' }, { appHost: 'http://127.0.0.1:3999' }],
    ['plain http on 127.8.9.10', { appHost: 'http://127.8.9.10' }, { appHost: 'http://127.8.9.10' }],
    ['plain http on ::1', { appHost: 'http://[::1]:3999' }, { appHost: 'http://[::1]:3999' }],
    ['an issuer to the letter', { issuer: 'https://A.example/x/oidc/' }, { issuer: 'https://A.example/x/oidc/' }],
    ['scopes in one text', { scope: 'openid  email openid' }, { scope: ['openid', 'email'] }],
    ['scopes in a list', { scope: ['email', 'openid', 'email'] }, { scope: ['email', 'openid'] }],
    ["an API's own scope", { scope: ['openid', 'a:b', '!#[]~'] }, { scope: ['openid', 'a:b', '!#[]~'] }],
    ['one audience', { audience: 'api' }, { audience: ['api'] }],
    ['two audiences', { audience: ['api', 'app'] }, { audience: ['api', 'app'] }],
    ['a certificate', { ca: cert }, { ca: cert }],
    ['certificates', { ca: [cert, cert] }, { ca: [cert, cert] }],
    ['a proxy', { proxy: 'http://u:p@proxy.example:3128' }, { proxy: 'http://u:p@proxy.example:3128' }],
    ['a proxy with https', { proxy: 'https://proxy.example' }, { proxy: 'https://proxy.example' }],
    ['a key set elsewhere', { jwksUri: 'https://a.example/j' }, { jwksUri: new URL('https://a.example/j') }],
    ['a function for the address', { clientIp }, { clientIp }],
    ['Basic', { tokenEndpointAuthMethod: 'client_secret_basic' }, { tokenEndpointAuthMethod: 'client_secret_basic' }],
    ['the user from user info', { userClaims: 'userinfo' }, { userClaims: 'userinfo' }],
    ['no cache of tokens', { verifiedTokenCache: false }, { verifiedTokenCache: false }],
    ['a cache without a size', { verifiedTokenCache: {} }, { verifiedTokenCache: { maxEntries: 10_000 } }],
    ['fixed sign-in options', { signInOptions: { tenantId: 't' } }, { signInOptions: { tenantId: 't' } }],
  ])('%s', (_name, options, expected) => {
    expect(resolveOptions({ ...REQUIRED, ...options })).toMatchObject(expected);
  });

  it("no secret with tokenEndpointAuthMethod 'none'", () => {
    const { appSecret: _, ...options } = REQUIRED;
    expect(resolveOptions({ ...options, tokenEndpointAuthMethod: 'none' }).appSecret).toBeUndefined();
  });

  const NUMBERS = [
    ['timeout', 1, 600_000],
    ['clockTolerance', 0, 300],
    ['jwks.maxAge', 1000, 86_400_000],
    ['jwks.cooldown', 100, 3_600_000],
    ['jwks.staleIfError', 0, 2_678_400_000],
    ['userInfoMaxAge', 0, 86_400_000],
    ['verifiedTokenCache.maxEntries', 1, 1_000_000],
  ] as const;
  const withNumber = (name: string, value: unknown): object => {
    const [outer = '', inner] = name.split('.');
    return { ...REQUIRED, [outer]: inner === undefined ? value : { [inner]: value } };
  };

  it.each(NUMBERS)('%s from %i to %i, and both of them', (name, least, most) => {
    for (const value of [least, least + 1, most]) {
      expect(resolveOptions(withNumber(name, value) as GenAuthOptions)).toHaveProperty(name, value);
    }
  });

  const NOT_NUMBERS = [
    NaN,
    Infinity,
    -Infinity,
    1e300,
    1000.5,
    '1000',
    '',
    null,
    true,
    [1000],
    { valueOf: () => 1000 },
  ];
  it.each(NUMBERS)('%s neither below %i nor above %i nor any other value', (name, least, most) => {
    for (const value of [least - 1, most + 1, -1, ...NOT_NUMBERS]) {
      const mistakes = findMistakes(withNumber(name, value));
      expect(mistakes).toHaveLength(1);
      expect(mistakes[0]).toMatch(
        new RegExp(`^${name} is .+: write a whole number of \\w+ from ${least} to ${most}\\.$`),
      );
    }
  });
});

describe('resolveOptions refuses', () => {
  it.each<[string, object, string]>([
    ['no appId', { appId: undefined }, 'appId is missing: copy it from the console'],
    ['an empty appId', { appId: '' }, 'appId is missing'],
    ['an appId that is a number', { appId: 5 }, 'appId is of type number'],
    ['the appId of the sample', { appId: 'AUTHING_APP_ID' }, 'appId is still the placeholder AUTHING_APP_ID'],
    ['the appId of the other sample', { appId: 'GEN_AUTH_APP_ID' }, 'appId is still the placeholder GEN_AUTH_APP_ID'],
    ['an appId with a line break after it', { appId: 'a\n' }, 'appId is "a\\n" with white space around it'],
    ['no appSecret', { appSecret: undefined }, 'appSecret is missing'],
    ['an empty appSecret', { appSecret: '' }, 'appSecret is missing'],
    ['the appSecret of the sample', { appSecret: 'GENAUTH_APP_SECRET' }, 'appSecret is still the placeholder'],
    ['an appSecret with a space before it', { appSecret: ' s' }, 'appSecret has white space around it'],
    ['no appHost', { appHost: undefined }, "appHost is missing: copy the application's address"],
    ['an empty appHost', { appHost: '' }, 'appHost is missing'],
    ['the appHost of the sample', { appHost: 'AUTHING_APP_HOST' }, 'appHost is still the placeholder AUTHING_APP_HOST'],
    ['a host without scheme', { appHost: 'a.example' }, 'appHost is "a.example": write a full address'],
    ['a host after //', { appHost: '//a.example' }, 'write a full address, "https://a.example"'],
    ['https:// alone', { appHost: 'https://' }, 'write a full address, "https://example.genauth.ai"'],
    ['a host with a space', { appHost: 'https://a b' }, 'write a full address, "https://example.genauth.ai"'],
    ['another scheme', { appHost: 'ftp://a.example' }, 'write a full address, "https://a.example"'],
    ['a scheme in capitals', { appHost: 'HTTPS://a.example' }, 'write a full address, "https://a.example"'],
    ['javascript:', { appHost: 'javascript:alert(1)' }, 'appHost is "javascript:alert(1)": write a full address'],
    ['a password in appHost', { appHost: 'ftp://user:canary@a.example' }, 'appHost contains a user name or a password'],
    ['a password without a scheme', { appHost: 'user:canary@a.example' }, 'appHost contains a user name or a password'],
    ['a host without scheme', { appHost: 'a.genauth.ai' }, 'write a full address, "https://a.genauth.ai"'],
    ['a local host without scheme', { appHost: 'localhost:3999' }, 'write a full address, "https://localhost:3999"'],
    [
      'an option called constructor',
      { constructor: 1 },
      'constructor is not an option: remove it, or write one of appId',
    ],
    ['signInOptions that are null', { signInOptions: null }, 'signInOptions is null: write an object'],
    ['signInOptions that are a list', { signInOptions: [] }, 'signInOptions is []: write an object'],
    ['signInOptions that are a text', { signInOptions: 'tenant' }, 'signInOptions is "tenant": write an object'],
    ['an appId that a header cannot carry', { appId: '应用' }, 'appId is "应用": copy the app ID'],
    ['an appId with a line break', { appId: 'a\nb' }, 'appId is "a\\nb": copy the app ID'],
    ['an appId with a colon', { appId: 'a:b' }, 'appId is "a:b": copy the app ID'],
    ['a jwksUri that begins with two slashes', { jwksUri: 'https://a.example//keys' }, 'begins with two slashes'],
    ['a proxy password with a bare percent sign', { proxy: 'http://u:100%@127.0.0.1:1' }, 'proxy is not the address'],
    ['a URL object', { appHost: new URL('https://a.example') }, 'appHost is an object: write a full'],
    ['plain http elsewhere', { appHost: 'http://a.example' }, 'write https://, because http:// sends passwords'],
    ['plain http on a name like 127.', { appHost: 'http://127.0.0.1.a.example' }, 'write https'],
    ['plain http on localhost.a.example', { appHost: 'http://localhost.a.example' }, 'write https'],
    ['plain http on 0.0.0.0', { appHost: 'http://0.0.0.0' }, 'write https'],
    ['a user in the host', { appHost: 'https://u@a.example' }, 'appHost contains a user name or a password'],
    ['a password in the host', { appHost: 'https://:p@a.example' }, 'appHost contains a user name or a password'],
    ['a path', { appHost: 'https://a.example/oidc' }, 'write it without the path, "https://a.example"'],
    ['a query', { appHost: 'https://a.example/?x=1' }, 'has a query or a fragment: remove'],
    ['an empty query', { appHost: 'https://a.example/?' }, 'has a query or a fragment: remove'],
    ['a fragment', { appHost: 'https://a.example/#x' }, 'has a query or a fragment: remove'],
    ['an issuer over plain http', { issuer: 'http://a.example/oidc' }, 'oidc": write https'],
    ['an issuer that is no address', { issuer: 'genauth' }, 'issuer is "genauth": write a full address'],
    ['an empty issuer', { issuer: '' }, 'issuer is "": write a full address, "https://example.genauth.ai"'],
    [
      'an issuer with a query',
      { issuer: 'https://a.example/oidc?x' },
      'issuer has a query or a fragment: remove everything from the ? or # on.',
    ],
    ['an issuer that is a RegExp', { issuer: /./ }, 'issuer is an object: write a full address'],
    ['a jwksUri over plain http', { jwksUri: 'http://a.example/j' }, 'jwksUri is "http://a.example/j": write https'],
    ['a jwksUri with a user', { jwksUri: 'https://u:p@a.example/j' }, 'jwksUri contains a user name or a password'],
    ['a jwksUri of data', { jwksUri: 'data:,{"keys":[]}' }, 'jwksUri is'],
    ['a jwksUri of a file', { jwksUri: 'file:///etc/passwd' }, 'jwksUri is'],
    ['another authentication', { tokenEndpointAuthMethod: 'tls' }, 'write one of client_secret_post, client'],
    ['a secret nobody sends', { tokenEndpointAuthMethod: 'none' }, 'appSecret is set, but'],
    ['scopes without openid', { scope: ['a', 'b'] }, `scope is "a b" without 'openid': add`],
    ['no scope at all', { scope: [] }, `scope is "" without 'openid'`],
    ['an empty text as scope', { scope: '' }, `scope is "" without 'openid'`],
    ['scopes between commas', { scope: 'openid,email' }, `scope is "openid,email" without 'openid'`],
    ['a scope with a quote', { scope: ['openid', 'a"b'] }, 'scope contains "a\\"b", which is not a valid scope'],
    ['a scope with a backslash', { scope: ['openid', 'a\\b'] }, 'scope contains "a\\\\b", which is not a valid scope'],
    [
      'a scope with a space in a list',
      { scope: ['openid', 'a b'] },
      'scope contains "a b", which is not a valid scope',
    ],
    ['a scope with a line break', { scope: 'openid a\nb' }, 'scope contains "a\\nb", which is not a valid scope'],
    ['a scope in another alphabet', { scope: ['openid', 'профиль'] }, 'which is not a valid scope'],
    ['a scope that is a number', { scope: ['openid', 5] }, 'scope is ["openid", 5]: write'],
    ['scopes in a Set', { scope: new Set(['openid']) }, 'scope is an object: write'],
    ['a wrong sign-in option', { signInOptions: { tenantId: '' } }, 'signInOptions.tenantId is "": write the'],
    ['unknown sign-in options', { signInOptions: { tenant: 't' } }, 'signInOptions.tenant is not a sign-in option'],
    ['a clientIp that is a text', { clientIp: '203.0.113.7' }, 'clientIp is "203.0.113.7": write a function'],
    ['an audience that is empty', { audience: '' }, 'audience is "": write a string, or a list of strings'],
    ['an audience that is an empty list', { audience: [] }, 'audience is []: write'],
    ['an audience with an empty text', { audience: ['a', ''] }, 'audience is ["a", ""]: write'],
    ['an audience that is a RegExp', { audience: /./ }, 'audience is an object: write'],
    ['a certificate that is a path', { ca: 'ca.pem' }, 'ca is not a PEM certificate'],
    ['a certificate in bytes', { ca: Buffer.from(cert) }, 'ca is not a PEM certificate'],
    ['no certificates', { ca: [] }, 'ca is not a PEM certificate'],
    ['a certificate and a path', { ca: [cert, 'ca.pem'] }, 'ca is not a PEM certificate'],
    ['a proxy without scheme', { proxy: 'proxy.example:3128' }, 'proxy is not the address of an HTTP proxy'],
    ['a proxy that is a name', { proxy: 'proxy' }, 'proxy is not the address of an HTTP proxy'],
    ['a SOCKS proxy', { proxy: 'socks5://proxy.example' }, 'proxy is not the address of an HTTP proxy'],
    ['a proxy that is true', { proxy: true }, 'proxy is not the address of an HTTP proxy'],
    ['a timeout that is no number', { timeout: NaN }, 'timeout is NaN: write a whole number of milliseconds'],
    ['jwks that is a number', { jwks: 600_000 }, 'jwks is 600000: write an object'],
    ['jwks that is a list', { jwks: [] }, 'jwks is []: write an object'],
    [
      'an unknown member of jwks',
      { jwks: { ttl: 1 } },
      'jwks.ttl is not an option: remove it, or write one of maxAge, cooldown, stale',
    ],
    ['a member of jwks, misspelt', { jwks: { max_age: 1 } }, 'jwks.max_age is not an option: write jwks.maxAge.'],
    ['a cache that is true', { verifiedTokenCache: true }, 'verifiedTokenCache is true: write an object, verifiedTok'],
    ['a cache that is a number', { verifiedTokenCache: 100 }, 'verifiedTokenCache is 100: write an object'],
    ['a cache that is null', { verifiedTokenCache: null }, 'verifiedTokenCache is null: write an object'],
    ['an unknown member of it', { verifiedTokenCache: { max: 1 } }, 'verifiedTokenCache.max is not an option'],
    ['id_tokens on guarded routes', { bearerToken: 'id_token' }, 'bearerToken is not an option'],
    [
      'an algorithm for access tokens',
      { accessTokenSignedResponseAlg: 'RS256' },
      'accessTokenSignedResponseAlg is not an',
    ],
    ['another source of claims', { userClaims: 'both' }, 'userClaims is "both": write one of token, userinfo'],
    [
      'an option that nobody knows',
      { verifyTls: false },
      'verifyTls is not an option: remove it, or write one of appId, appS',
    ],
    [
      'an own __proto__',
      JSON.parse('{"__proto__":{"issuer":"x"}}') as object,
      '__proto__ is not an option: remove it, or write one of',
    ],
  ])('%s', (_name, options, expected) => {
    const mistakes = findMistakes(Object.defineProperties({ ...REQUIRED }, Object.getOwnPropertyDescriptors(options)));
    expect(mistakes).toEqual([expect.stringContaining(expected)]);
  });

  // `null` is a value that somebody wrote, and never the default.
  it.each([...Object.keys(resolveOptions({ ...REQUIRED })), 'fields.account', 'verifiedTokenCache.maxEntries'])(
    '%s that is null, and nothing else',
    (name) => {
      const [outer = '', inner] = name.split('.');
      const options = { ...REQUIRED, [outer]: inner === undefined ? null : { [inner]: null } };
      expect(findMistakes(options)).toEqual([expect.stringMatching(new RegExp(`^${name.replace('.', '\\.')} is `))]);
    },
  );

  it.each([
    ['idTokenSignedResponseAlg', ['id_token_signed_response_alg', 'algorithms', 'idTokenAlg']],
    ['passwordEncryptType', ['password_encrypt_type', 'passwordEncrypt']],
    ['fields: { account }', ['usernameField']],
    ['fields: { password }', ['passwordField', 'password_field']],
    ['appId', ['appid', 'app_id', 'APPID', 'clientId', 'client_id', 'clientID']],
    ['appSecret', ['app-secret', 'clientSecret', 'client_secret', 'secret']],
    ['appHost', ['apphost', 'host', 'domain', 'baseURL', 'base_url']],
    ['scope', ['Scope', 'scopes']],
    ['jwksUri', ['jwks_uri', 'jwksUrl']],
    ['clockTolerance', ['clock_tolerance', 'clockToleranceSeconds']],
  ])('other words for %s, and says that one', (name, words) => {
    for (const word of words) {
      expect(findMistakes({ ...REQUIRED, [word]: 'x' })).toEqual([`${word} is not an option: write ${name}.`]);
    }
  });

  it.each([undefined, null, 'https://example.genauth.ai', 5, [], [REQUIRED], () => REQUIRED])(
    'options that are no object: %j',
    (options) => {
      expect(findMistakes(options)).toEqual([
        expect.stringContaining('Pass an object with appId, appSecret and appHost.'),
      ]);
    },
  );

  it('required options that are only inherited', () => {
    expect(findMistakes(Object.create(REQUIRED))).toHaveLength(3);
  });

  it('everything at once, in the order of the options', () => {
    const mistakes = findMistakes({ appHost: 'x', timeout: -1, scope: 5, jwks: { cooldown: 'x' }, nonsense: 1 });
    const names = ['nonsense', 'appId', 'appSecret', 'appHost', 'scope', 'timeout', 'jwks.cooldown'];
    expect(mistakes.map((mistake) => mistake.split(' ', 1)[0])).toEqual(names);
  });

  it.each<[string, object]>([
    ['with white space', { appSecret: ' canary-secret\n' }],
    ['that is a list', { appSecret: ['canary-secret'] }],
    ['beside another mistake', { appSecret: 'canary-secret', appHost: 'x', timeout: NaN }],
    ['in the address of a proxy', { proxy: 'socks5://user:canary-secret@proxy.example' }],
    ['in the address of a host', { appHost: 'https://user:canary-secret@a.example' }],
    ['in the address of the key set', { jwksUri: 'https://user:canary-secret@a.example/?q' }],
  ])('without showing a secret %s', (_name, options) => {
    const error = catchThrown(() => resolveOptions({ ...REQUIRED, ...options }));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(findLeaks(error, ['canary-secret', REQUIRED.appSecret])).toEqual([]);
  });
});

describe('defineGenAuthOptions', () => {
  it('gives back the same options, copied and frozen', () => {
    const options = { ...REQUIRED, scope: ['openid', 'email'] as const, signInOptions: () => ({}) };
    const defined = defineGenAuthOptions(options);
    expect(defined).toEqual(options);
    expect(defined).not.toBe(options);
    expect(Object.isFrozen(defined)).toBe(true);
    expect(Object.isFrozen(options)).toBe(false);
  });

  it('refuses what resolveOptions refuses', () => {
    expect(() => defineGenAuthOptions({ ...REQUIRED, timeout: 0 })).toThrow(ConfigurationError);
  });
});
