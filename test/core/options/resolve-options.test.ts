import fc from 'fast-check';
import { ConfigurationError } from '../../../src/core/errors.js';
import { defineGenAuthOptions, resolveOptions } from '../../../src/core/options/resolve-options.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { CertificateAuthority } from '../../support/certificate.js';
import { findLeaks } from '../../support/leak.js';
import { catchThrown } from '../../support/thrown.js';
import { propertyRuns } from '../../support/property.js';

const SECRET = 'canary-of-the-app-secret';
const REQUIRED = { appId: '65f0c1d2e3a4b5c6d7e8f901', appSecret: SECRET, appHost: 'https://example.genauth.ai' };
const { cert } = new CertificateAuthority();

/** Resolves the required options with these in addition. Values may have any type, as in JavaScript. */
const resolve = (options: object): unknown => resolveOptions({ ...REQUIRED, ...options } as GenAuthOptions);
const refuse = (options: object): unknown => catchThrown(() => resolve(options));
/** Sets an option by its name in the mistakes, for example `jwks.maxAge`. */
const withOption = (name: string, value: unknown): object =>
  name.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as object;

const DEFAULTS = {
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
};
const OPTIONAL = Object.keys(DEFAULTS).filter((name) => !Object.hasOwn(REQUIRED, name));

it('fills in the defaults, also for options that are undefined', () => {
  expect(resolve({})).toStrictEqual(DEFAULTS);
  expect(resolve(Object.fromEntries(OPTIONAL.map((name) => [name, undefined])))).toStrictEqual(DEFAULTS);
  expect(resolve({ jwks: { maxAge: undefined }, verifiedTokenCache: {} })).toStrictEqual(DEFAULTS);
});

const clientIp = (): string => '203.0.113.7';
it.each<[name: string, value: unknown, resolved?: unknown]>([
  ['issuer', 'https://a.example/oidc'],
  ['tokenEndpointAuthMethod', 'client_secret_basic'],
  ['idTokenSignedResponseAlg', 'RS256'],
  ['passwordEncryptType', 'sm2'],
  ['scope', 'openid email', ['openid', 'email']],
  ['fields.account', 'login'],
  ['language', 'en'],
  ['exposeReasons', true],
  ['name', 'staff'],
  ['signInOptions', { tenantId: 't' }],
  ['clientIp', clientIp],
  ['jwksUri', 'https://A.example/j', 'https://a.example/j'],
  ['audience', 'api', ['api']],
  ['ca', cert],
  ['proxy', 'http://proxy.example:3128'],
  ['userClaims', 'userinfo'],
  ['verifiedTokenCache', false],
])('accepts as %s the value %j', (name, value, resolved = value) => {
  expect(resolve(withOption(name, value))).toHaveProperty(name, resolved);
});

it.each([
  ['timeout', 'milliseconds', 1, 600_000],
  ['clockTolerance', 'seconds', 0, 300],
  ['jwks.maxAge', 'milliseconds', 1000, 86_400_000],
  ['jwks.cooldown', 'milliseconds', 100, 3_600_000],
  ['jwks.staleIfError', 'milliseconds', 0, 2_678_400_000],
  ['userInfoMaxAge', 'milliseconds', 0, 86_400_000],
  ['verifiedTokenCache.maxEntries', 'tokens', 1, 1_000_000],
])('accepts as %s a number of %s from %i to %i', (option, unit, min, max) => {
  expect(resolve(withOption(option, min))).toHaveProperty(option, min);
  expect(resolve(withOption(option, max))).toHaveProperty(option, max);
  const fix = `write a whole number of ${unit} from ${min} to ${max}`;
  const mistake = (value: number): object => ({ details: { mistakes: [{ option, problem: `is ${value}`, fix }] } });
  expect(refuse(withOption(option, min - 1))).toMatchObject(mistake(min - 1));
  expect(refuse(withOption(option, max + 1))).toMatchObject(mistake(max + 1));
});

it.each<[name: string, value: unknown]>([
  ...Object.keys(DEFAULTS).map((name): [string, unknown] => [name, null]),
  ...['none', 'rs256', 'RS384', 'HS512'].map((algorithm): [string, unknown] => ['idTokenSignedResponseAlg', algorithm]),
  ['fields.account', null],
  ['jwks.ttl', 1],
  ['verifiedTokenCache', true],
  ['verifiedTokenCache.maxEntries', null],
  ['bearerToken', 'id_token'],
  ['accessTokenSignedResponseAlg', 'RS256'],
  ['verifyTls', false],
  ['constructor', 1],
])('refuses as %s the value %j', (name, value) => {
  const thrown = refuse(withOption(name, value));
  expect(thrown).toBeInstanceOf(ConfigurationError);
  expect(thrown).toMatchObject({ code: 'invalid_options', details: { mistakes: [{ option: name }] } });
});

it.each([
  ['appId', ['app_id', 'APPID', 'client_id', 'clientID']],
  ['appSecret', ['app-secret', 'clientSecret', 'secret']],
  ['appHost', ['apphost', 'host', 'domain', 'baseURL']],
  ['scope', ['Scope', 'scopes']],
  ['jwksUri', ['jwks_uri', 'jwksUrl']],
  ['clockTolerance', ['clock_tolerance', 'clockToleranceSeconds']],
  ['idTokenSignedResponseAlg', ['id_token_signed_response_alg', 'algorithms', 'idTokenAlg']],
  ['passwordEncryptType', ['password_encrypt_type', 'passwordEncrypt']],
  ['fields: { account }', ['usernameField']],
  ['fields: { password }', ['passwordField', 'password_field']],
])('suggests %s for %j', (name, words) => {
  const fixes = words.map((word) => ({ option: word, problem: 'is not an option', fix: `write ${name}` }));
  expect(refuse(Object.fromEntries(words.map((word) => [word, 'x'])))).toMatchObject({ details: { mistakes: fixes } });
});

describe('the app secret', () => {
  const [HS256, NONE] = [{ idTokenSignedResponseAlg: 'HS256' }, { tokenEndpointAuthMethod: 'none' }];
  const appSecret = (): string => {
    throw new Error('called');
  };
  it.each<[string, object]>([
    ["may be absent with tokenEndpointAuthMethod 'none'", { ...NONE, appSecret: undefined }],
    ['may have 32 bytes with HS256', { ...HS256, appSecret: 'x'.repeat(32) }],
    ['may have 16 characters of 2 bytes with HS256', { ...HS256, appSecret: 'ü'.repeat(16) }],
    ['may be a function, which is not called', { ...HS256, appSecret }],
  ])('%s', (_name, options) => {
    expect(resolve(options)).toMatchObject(options);
  });

  const UNUSED = "is set, but tokenEndpointAuthMethod 'none' sends no secret";
  const ABSENT = "is HS256, whose key is appSecret, but with tokenEndpointAuthMethod 'none' there is no appSecret";
  const REMOVE = 'remove one of the two options';
  const USE_RS256 = "choose RS256 in the console, and write idTokenSignedResponseAlg: 'RS256'";
  it.each<[string, options: object, option: string, problem: string, fix: string]>([
    ["given with tokenEndpointAuthMethod 'none'", NONE, 'appSecret', UNUSED, REMOVE],
    ["a function with tokenEndpointAuthMethod 'none'", { ...NONE, appSecret }, 'appSecret', UNUSED, REMOVE],
    [
      'of 31 bytes with HS256',
      { ...HS256, appSecret: 'canary'.padEnd(31, 'x') },
      'appSecret',
      'has 31 bytes, but HS256 needs 32 or more',
      USE_RS256,
    ],
    ['absent with HS256', { ...NONE, ...HS256, appSecret: undefined }, 'idTokenSignedResponseAlg', ABSENT, USE_RS256],
  ])('is refused if it is %s', (_name, options, option, problem, fix) => {
    const thrown = refuse(options);
    expect((thrown as ConfigurationError).details.mistakes).toEqual([{ option, problem, fix }]);
    expect(findLeaks(thrown, ['canary'])).toEqual([]);
  });
});

it('reports every mistake in one error, unknown options first', () => {
  const thrown = catchThrown(() =>
    resolveOptions({ appHost: 'x', timeout: -1, scope: 5, jwks: { cooldown: 'x' }, nonsense: 1 } as never),
  ) as ConfigurationError;
  const { mistakes } = thrown.details;
  const names = ['nonsense', 'appId', 'appSecret', 'appHost', 'scope', 'timeout', 'jwks.cooldown'];
  expect(mistakes.map(({ option }) => option)).toEqual(names);
  const lines = mistakes.map(({ option, problem, fix }) => `  - ${option} ${problem}: ${fix}.`);
  expect(thrown.message).toBe(['passport-genauth: the options are wrong.', ...lines].join('\n'));
  expect(Object.isFrozen(mistakes)).toBe(true);
});

it.each<[unknown, string]>([
  [undefined, 'undefined'],
  [null, 'null'],
  ['https://a.example', '"https://a.example"'],
  [[REQUIRED], '[an object]'],
  [() => REQUIRED, 'a function'],
])('refuses %j instead of the options', (given, shown) => {
  const fix = 'Pass an object with appId, appSecret and appHost';
  expect(catchThrown(() => resolveOptions(given as GenAuthOptions))).toMatchObject({
    code: 'invalid_options',
    message: `passport-genauth: the options are ${shown}. ${fix}.`,
    details: { mistakes: [{ option: 'options', problem: `are ${shown}`, fix }] },
  });
});

it('ignores inherited options, and refuses an own __proto__', () => {
  const inherited = catchThrown(() => resolveOptions(Object.create(REQUIRED) as GenAuthOptions));
  const names = ['appId', 'appSecret', 'appHost'].map((option) => ({ option }));
  expect(inherited).toMatchObject({ details: { mistakes: names } });
  const own = Object.defineProperty({ ...REQUIRED }, '__proto__', { value: { issuer: 'x' }, enumerable: true });
  const thrown = catchThrown(() => resolveOptions(own));
  expect(thrown).toMatchObject({ details: { mistakes: [{ option: '__proto__' }] } });
});

it('returns a frozen copy and leaves the given options unfrozen', () => {
  const context = { of: ['x'] };
  const options = {
    scope: ['openid'],
    jwks: { maxAge: 5000 },
    signInOptions: { context },
    ca: [cert],
    audience: ['a'],
  };
  const resolved = resolve(options) as typeof options & { fields: object; verifiedTokenCache: object };
  const { scope, jwks, signInOptions, ca, audience, fields, verifiedTokenCache } = resolved;
  const parts = [scope, jwks, signInOptions, signInOptions.context.of, ca, audience, fields, verifiedTokenCache];
  expect([resolved, ...parts].filter((part) => !Object.isFrozen(part))).toEqual([]);
  options.scope.push('email');
  options.jwks.maxAge = 1000;
  context.of.push('y');
  options.ca.push('other');
  options.audience.push('b');
  const copied = { scope: ['openid'], jwks: { maxAge: 5000 }, signInOptions: { context: { of: ['x'] } } };
  expect(resolved).toMatchObject({ ...copied, ca: [cert], audience: ['a'] });
});

it('accepts any value of any option, or refuses it with an error that names the option and no secret', () => {
  const names = [...Object.keys(DEFAULTS), 'jwks.maxAge', 'verifiedTokenCache.maxEntries', 'fields.account', 'other'];
  const value = fc.oneof(fc.anything({ withBigInt: true, withDate: true, withMap: true }), fc.double(), fc.webUrl());
  const secret = fc.constantFrom<unknown>(
    ` ${SECRET}`,
    [SECRET],
    { SECRET },
    `socks5://u:${SECRET}@b`,
    Promise.resolve(SECRET),
  );
  const option = fc.oneof(
    fc.tuple(fc.constantFrom(...names), value),
    fc.tuple(fc.constantFrom('appSecret', 'clientSecret', 'proxy', 'ca'), secret),
  );
  fc.assert(
    fc.property(option, ([name, given]) => {
      const result = refuse(withOption(name, given));
      const mistakes = result instanceof ConfigurationError ? result.details.mistakes : [];
      expect(result instanceof Error).toBe(mistakes.length > 0);
      expect(mistakes.filter((mistake) => !mistake.option.startsWith(name.replace(/\..*/, '')))).toEqual([]);
      expect(findLeaks(mistakes, [SECRET])).toEqual([]);
    }),
    propertyRuns(500),
  );
});

it('defines options as a frozen copy without defaults, or refuses them', () => {
  const options = { ...REQUIRED, scope: ['openid', 'email'] as const, signInOptions: () => ({}) };
  const defined = defineGenAuthOptions(options);
  expect(defined).toEqual(options);
  expect([defined === options, Object.isFrozen(defined), Object.isFrozen(options)]).toEqual([false, true, false]);
  expect(() => defineGenAuthOptions({ ...REQUIRED, timeout: 0 })).toThrow(ConfigurationError);
});
