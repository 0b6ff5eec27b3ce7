import fc from 'fast-check';
import { ConfigurationError } from '../../../src/core/errors.js';
import { defineGenAuthOptions, resolveOptions } from '../../../src/core/options/resolve-options.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { CertificateAuthority } from '../../support/certificate.js';
import { findLeaks } from '../../support/leak.js';
import { propertyRuns } from '../../support/property.js';
import { catchThrown } from '../../support/thrown.js';

/** 32 bytes, as HS256 requires. */
const SECRET = 'canary-of-the-app-secret-32bytes';
const REQUIRED = { appId: '65f0c1d2e3a4b5c6d7e8f901', appSecret: SECRET, appHost: 'https://example.genauth.ai' };
const authority = new CertificateAuthority();
const { cert, key } = authority.issue();

/** Resolves the required options with these in addition. Values may have any type, as in JavaScript. */
const resolve = (options: object): unknown => resolveOptions({ ...REQUIRED, ...options } as GenAuthOptions);
/** Returns the error of wrong options, or the resolved options. */
const refuse = (options: object): unknown => catchThrown(() => resolve(options));
/** Sets an option by its name in the mistakes, for example `jwks.maxAge`. */
const withOption = (name: string, value: unknown): object =>
  name.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as object;

const toObject = <T>(names: string, toValue: (name: string) => T): Record<string, T> =>
  Object.fromEntries(names.split(' ').map((name) => [name, toValue(name)]));
const METHODS = { tokenEndpointAuthMethod: 'client_secret_post', idTokenSignedResponseAlg: 'RS256' };
const TIMES = { timeout: 10_000, clockTolerance: undefined, userInfoMaxAge: 300_000 };
const DEFAULTS = {
  ...REQUIRED,
  ...METHODS,
  ...TIMES,
  ...toObject(
    'language log signInOptions clientIp jwksUri ca cert key proxy refreshStore storeSecret loginThrottle',
    () => undefined,
  ),
  resolveUser: undefined,
  resolveUserMaxAge: 0,
  keepAlive: true,
  issuer: ['https://example.genauth.ai/oidc', `https://example.genauth.ai/${REQUIRED.appId}/oidc`],
  passwordEncryptType: 'none',
  scope: ['openid', 'profile'],
  fields: toObject('account email username phone sAMAccountName password captchaCode captchaToken', (name) => name),
  exposeReasons: false,
  name: 'genauth',
  audience: [REQUIRED.appId],
  jwks: { maxAge: 600_000, cooldown: 30_000, staleIfError: 86_400_000 },
  authorizationEndpoint: 'https://example.genauth.ai/oidc/auth',
  userClaims: 'token',
  verifiedTokenCache: { maxEntries: 10_000 },
  refreshGrace: 30_000,
};
const NAMES = Object.keys(DEFAULTS);
// An own property `resolveUser` must not be undefined.
const OPTIONAL = NAMES.filter((name) => !Object.hasOwn(REQUIRED, name) && name !== 'resolveUser');

it('fills in the defaults, also for options that are undefined', () => {
  expect(resolve(Object.fromEntries(OPTIONAL.map((name) => [name, undefined])))).toStrictEqual(DEFAULTS);
  expect(resolve({})).toStrictEqual(DEFAULTS);
});

it('resolves every option into a frozen copy, and leaves the given options unfrozen', () => {
  const methods = { tokenEndpointAuthMethod: 'client_secret_basic', idTokenSignedResponseAlg: 'HS256' };
  const texts = { language: 'en', name: 'staff', userClaims: 'userinfo', passwordEncryptType: 'sm2' };
  const given = {
    ...methods,
    ...texts,
    issuer: 'http://a.example:3000/oidc',
    scope: ['openid', 'email'],
    fields: { account: 'email', email: 'account', password: '__proto__' },
    exposeReasons: true,
    signInOptions: { context: { of: ['x'] } },
    clientIp: () => '203.0.113.7',
    log: () => {},
    jwksUri: 'https://A.example/j',
    authorizationEndpoint: 'https://example.genauth.ai/x/oidc/auth',
    audience: ['api'],
    ca: [authority.cert],
    cert: [cert],
    key,
    keepAlive: false,
    proxy: 'http://proxy.example:3128',
    jwks: { maxAge: 5000 },
    verifiedTokenCache: { maxEntries: 5 },
    refreshGrace: 0,
  };
  const fields = { ...DEFAULTS.fields, ...given.fields };
  const jwks = { ...DEFAULTS.jwks, maxAge: 5000 };
  const jwksUri = 'https://a.example/j';
  const resolved = resolve(given) as typeof given;
  expect(resolved).toStrictEqual({ ...DEFAULTS, ...given, fields, issuer: [given.issuer], jwksUri, jwks });
  const parts = [resolved, ...Object.values(resolved), resolved.signInOptions.context.of];
  expect(parts.filter((part) => !Object.isFrozen(part))).toEqual([given.log, given.clientIp]);
  expect(Object.values(given).filter((part) => typeof part === 'object' && Object.isFrozen(part))).toEqual([]);
  expect(resolve({ verifiedTokenCache: false })).toHaveProperty('verifiedTokenCache', false);
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

it('reports every mistake in one error, unknown options first', () => {
  const wrong = Object.fromEntries(NAMES.map((name) => [name, null]));
  const thrown = refuse({ ...wrong, idTokenSignedResponseAlg: 'none', verifyTls: false }) as ConfigurationError;
  const { mistakes } = thrown.details;
  const names = mistakes.map(({ option }) => option);
  expect([thrown.code, names[0]]).toEqual(['invalid_options', 'verifyTls']);
  expect(new Set(names)).toEqual(new Set(['verifyTls', ...NAMES]));
  const lines = mistakes.map(({ option, problem, fix }) => `  - ${option} ${problem}: ${fix}.`);
  expect(thrown.message).toBe(['passport-genauth: the options are wrong.', ...lines].join('\n'));
});

it.each([
  ['timeot', 'write timeout'],
  ['idTokenSignedResponseAlgo', 'write idTokenSignedResponseAlg'],
  ['tiemout', 'write timeout'],
  ['cat', expect.stringMatching(/^remove it, or write one of appId, /)],
  ['verify', expect.stringContaining('as the second argument of a strategy, new GenAuthPasswordStrategy(options, ver')],
  ['closeAtExpiry', 'write it in the options of GenAuthModule.forRoot, or remove it'],
  ['isGlobal', 'remove it, because GenAuthModule is always global'],
  ['callbackUrl', 'write it in the options of redirectHandler or GenAuthRedirectModule'],
])('names the fix for the unknown option %s', (option, fix) => {
  expect(refuse({ [option]: 1 })).toMatchObject({ details: { mistakes: [{ option, fix }] } });
});

it('suggests the name of an option for its names in other libraries', () => {
  const words = {
    appId: 'client_id',
    appSecret: 'clientSecret secret',
    appHost: 'host domain baseURL',
    scope: 'scopes',
    jwksUri: 'jwksUrl',
    clockTolerance: 'clockToleranceSeconds',
    idTokenSignedResponseAlg: 'algorithms idTokenAlg',
    passwordEncryptType: 'passwordEncrypt',
    'fields: { account }': 'usernameField',
    'fields: { password }': 'passwordField',
  };
  const rows = Object.entries(words).flatMap(([name, list]) => list.split(' ').map((word) => [word, name] as const));
  const mistakes = rows.map(([option, name]) => ({ option, problem: 'is not an option', fix: `write ${name}` }));
  expect(refuse(Object.fromEntries(rows))).toMatchObject({ details: { mistakes } });
});

const [HS256, NONE] = [{ idTokenSignedResponseAlg: 'HS256' }, { tokenEndpointAuthMethod: 'none' }];
const appSecret = (): string => {
  throw new Error('called');
};
it('the app secret may be absent without authentication, 32 bytes for HS256, or a function', () => {
  const rows = [
    { ...NONE, appSecret: undefined },
    { ...HS256, appSecret: 'ü'.repeat(16) },
    { ...HS256, appSecret },
    { ...NONE, ...HS256, appSecret },
  ];
  expect(rows.map(resolve)).toMatchObject(rows);
});

const UNUSED = "is set, but tokenEndpointAuthMethod 'none' sends no secret and RS256 needs none";
const COPY = 'copy it from the console, application → endpoint information';
const SHORT = 'has 31 bytes, but HS256 needs 32 or more';
const USE_RS256 = "choose RS256 in the console, and write idTokenSignedResponseAlg: 'RS256'";
it.each<[object, option: string, problem: string, fix: string]>([
  [{ ...NONE, appSecret }, 'appSecret', UNUSED, 'remove one of the two options'],
  [{ ...HS256, appSecret: SECRET.slice(1) }, 'appSecret', SHORT, USE_RS256],
  [{ ...NONE, ...HS256, appSecret: undefined }, 'appSecret', 'is missing', COPY],
  [{ ...NONE, ...HS256, appSecret: SECRET.slice(1) }, 'appSecret', SHORT, USE_RS256],
])('the app secret is refused with %j', (options, option, problem, fix) => {
  const thrown = refuse(options) as ConfigurationError;
  expect(thrown.details.mistakes).toEqual([{ option, problem, fix }]);
  expect(findLeaks(thrown, [SECRET.slice(1)])).toEqual([]);
});

it.each<[unknown, string, string]>([
  [[REQUIRED], 'are [an object]', 'Pass an object with appId, appSecret and appHost'],
  [undefined, 'are undefined', 'Pass an object with appId, appSecret and appHost'],
  [Promise.resolve(), 'are a promise', 'Await the promise, and pass an object with appId, appSecret and appHost'],
])('refuses %p instead of the options', (given, problem, fix) => {
  const details = { mistakes: [{ option: 'options', problem, fix }] };
  const error = { code: 'invalid_options', message: `passport-genauth: the options ${problem}. ${fix}.`, details };
  expect(catchThrown(() => resolveOptions(given as never))).toMatchObject(error);
});

it('ignores inherited options, and refuses an own __proto__', () => {
  const mistakes = Object.keys(REQUIRED).map((option) => ({ option }));
  const inherited = catchThrown(() => resolveOptions(Object.create(REQUIRED) as GenAuthOptions));
  expect(inherited).toMatchObject({ details: { mistakes } });
  const disabled = Object.assign(Object.create({ verifiedTokenCache: false }) as object, REQUIRED);
  expect(resolveOptions(disabled)).toHaveProperty('verifiedTokenCache', DEFAULTS.verifiedTokenCache);
  const own = refuse(JSON.parse('{"__proto__":{}}') as object);
  expect(own).toMatchObject({ details: { mistakes: [{ option: '__proto__' }] } });
});

it('accepts any value of any option, or refuses it with an error that names the option and no secret', () => {
  const names = fc.constantFrom(...NAMES, 'jwks.maxAge', 'verifiedTokenCache.maxEntries', 'fields.account', 'other');
  const values = fc.oneof(fc.anything({ withBigInt: true, withDate: true, withMap: true }), fc.webUrl());
  const property = fc.property(names, values, (name, value) => {
    const result = refuse(withOption(name, value));
    const mistakes = result instanceof ConfigurationError ? result.details.mistakes : [];
    expect(result instanceof Error).toBe(mistakes.length > 0);
    expect(mistakes.filter(({ option }) => !option.startsWith(name.replace(/\..*/, '')))).toEqual([]);
    expect(findLeaks(mistakes, [SECRET])).toEqual([]);
  });
  fc.assert(property, propertyRuns(500));
});

it('defines options as a frozen copy without defaults, or refuses them', () => {
  const options = { ...REQUIRED, scope: ['openid', 'email'] as const, signInOptions: () => ({}) };
  const defined = defineGenAuthOptions(options);
  expect([defined, Object.isFrozen(defined), Object.isFrozen(options)]).toEqual([options, true, false]);
  expect(() => defineGenAuthOptions({ ...REQUIRED, timeout: 0 })).toThrow(ConfigurationError);
});

it.each([
  ['https://example.genauth.ai/', undefined, 'https://example.genauth.ai/oidc/auth'],
  [
    `https://example.genauth.ai/${REQUIRED.appId}/`,
    undefined,
    `https://example.genauth.ai/${REQUIRED.appId}/oidc/auth`,
  ],
  ['https://example.genauth.ai', 'https://example.genauth.ai/a', 'https://example.genauth.ai/a'],
  ['https://example.genauth.ai', 'https://evil.example/oidc/auth', 'write an address on the host of appHost'],
  ['https://example.genauth.ai', 'https://user:canary@example.genauth.ai/', 'contains a user name or a password'],
])(
  'with appHost %s and authorizationEndpoint %s the hosted page is at %s',
  (appHost, authorizationEndpoint, expected) => {
    const result = refuse({ appHost, authorizationEndpoint });
    const { message = '' } = result as { message?: string };
    expect([(result as { authorizationEndpoint?: string }).authorizationEndpoint ?? message]).toEqual([
      expect.stringContaining(expected),
    ]);
    expect(message).not.toContain('canary');
  },
);
