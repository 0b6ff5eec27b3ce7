import { EmulatorError, GenAuthEmulator } from '../../src/emulator/index.js';
import { invalid, invalidSecret } from '../../src/emulator/errors.js';
import { readJson, readObject } from '../../src/emulator/input/readers.js';
import { buildOrigin, resolveOptions } from '../../src/emulator/options.js';
import { invalidInput, listRows } from './support.js';

const DEFAULTS = {
  allowRemote: false,
  port: 0,
  host: '127.0.0.1',
  appId: 'genauth-emulator-app',
  appSecret: 'genauth-emulator-secret-0123456789abcdef',
  tokenEndpointAuthMethod: 'client_secret_post',
  tokenLifetime: 1_209_600,
  refreshTokenLifetime: 2_592_000,
  rotateRefreshTokens: true,
  lifetimeField: 'both',
  idTokenSignedResponseAlg: 'RS256',
  systemWrapped: false,
  rsaKeyFormat: 'pem',
  introspectionScopeSeparator: ' ',
  revocationAnswer: 'wrapped',
  postLogoutRedirectUris: [],
  jwksAddress: 'both',
  clockDrift: 0,
  mfa: false,
  ad: undefined,
  catalogs: { tenants: undefined, roles: undefined, extendedFields: undefined },
  loginLimits: { captchaAfter: Infinity, lockAfter: Infinity },
};
const NAMES = [...Object.keys(DEFAULTS), 'tenants', 'roles', 'extendedFields', 'captchaAfter', 'lockAfter'].filter(
  (name) => !['catalogs', 'loginLimits'].includes(name),
);

it('adds the defaults to absent and undefined options', () => {
  expect(resolveOptions({})).toEqual(DEFAULTS);
  expect(resolveOptions(Object.fromEntries(NAMES.map((name) => [name, undefined])))).toEqual(DEFAULTS);
});

const ACCEPTED = {
  port: [0, 65_535],
  host: ['localhost', '::1', '127.255.0.1'],
  appId: ['a', `9${'-_aZ'.repeat(31)}abc`],
  clockDrift: [-315_360_000, 315_360_000],
  tokenLifetime: [1, 315_360_000],
  mfa: [['SMS'], true],
  introspectionScopeSeparator: [','],
  postLogoutRedirectUris: [['https://a.example/?b', 'com.example.app://bye']],
};

it.each(listRows(ACCEPTED))('accepts %s %j', (option, value) => {
  expect(resolveOptions({ [option]: value })).toEqual({ ...DEFAULTS, [option]: value });
});

it('reads the limits of failed sign-ins and the catalogs', () => {
  const pool = { tenants: ['t-1'], roles: [], extendedFields: ['school'] };
  expect(resolveOptions({ captchaAfter: 0, lockAfter: 1, ...pool })).toMatchObject({
    loginLimits: { captchaAfter: 0, lockAfter: 1 },
    catalogs: { tenants: new Set(['t-1']), roles: new Set(), extendedFields: new Set(['school']) },
  });
});

/** Path in the message → wrong values of the option. */
const REFUSED = {
  port: [-1, 65_536, 1.5, '3999'],
  host: ['', '10.0.0.1', '127.evil.example', '::ffff:10.0.0.1', 7],
  appId: ['', '-a', 'a/b', 'a\n', 'a'.repeat(129), 7],
  appSecret: ['', 12_345],
  allowRemote: ['yes'],
  clockDrift: [-315_360_001, 315_360_001],
  tokenLifetime: [0, 315_360_001],
  refreshTokenLifetime: [0],
  rotateRefreshTokens: ['no'],
  tokenEndpointAuthMethod: ['private_key_jwt'],
  lifetimeField: ['expires'],
  idTokenSignedResponseAlg: ['none'],
  systemWrapped: ['yes'],
  rsaKeyFormat: ['der'],
  jwksAddress: ['app_id'],
  introspectionScopeSeparator: [''],
  revocationAnswer: ['false'],
  postLogoutRedirectUris: ['https://a.example/'],
  'postLogoutRedirectUris[1]': [['https://a.example', '/home']],
  'postLogoutRedirectUris[0]': [['https://a.example/#x'], ['https://a.example/ x'], ['https://a.example/\x7f'], [7]],
  mfa: ['SMS', [], 'personal'],
  'mfa[1]': [['SMS', '']],
  tenants: ['t-1'],
  'tenants[1]': [['t-1', 7]],
  'tenants[2]': [['t-1', 't-2', 't-1']],
  'roles[0]': [['']],
  extendedFields: [{ school: 'text' }],
  captchaAfter: [-1, Infinity],
  lockAfter: [0],
  ad: [{ url: 'ldaps://dc.example' }],
  users: [{}],
  adAccounts: [{}],
};

it.each(listRows(REFUSED))('names %s in the refusal of %j', (path, value) => {
  expect(() => new GenAuthEmulator({ [path.replace(/\[.*/, '')]: value })).toThrow(invalidInput(`${path}: `));
});

it.each(['0.0.0.0', '2001:db8::1', 'genauth', `${'x'.repeat(63)}.a`, `${'ab.'.repeat(84)}c`])(
  'accepts the host %s only with allowRemote',
  (host) => {
    expect(resolveOptions({ host, allowRemote: true })).toMatchObject({ host });
    expect(() => resolveOptions({ host })).toThrow(invalidInput('host: expected a loopback address'));
  },
);

it.each(['', 'http://x', '-x', 'x-', 'x..y', 'x'.repeat(64), `a.${'x'.repeat(64)}`, `${'ab.'.repeat(84)}cd`])(
  'refuses the host %j',
  (host) => {
    expect(() => resolveOptions({ host, allowRemote: true })).toThrow(invalidInput('host: expected an IP address'));
  },
);

it('requires a secret for ad with allowRemote', () => {
  const ad = () => undefined;
  const remote = { ad, allowRemote: true };
  const unsafe = { ...remote, appSecret: 'own secret', tokenEndpointAuthMethod: 'none' } as const;
  expect(() => resolveOptions(remote)).toThrow(invalidInput('ad: '));
  expect(() => resolveOptions(unsafe)).toThrow(invalidInput('ad: '));
  expect(resolveOptions({ ...remote, appSecret: 'own secret' })).toMatchObject({ ad });
  expect(resolveOptions({ ad })).toMatchObject({ ad });
});

it.each([
  ['localhost', 'http://localhost:3999'],
  ['::1', 'http://[::1]:3999'],
  ['0.0.0.0', 'http://127.0.0.1:3999'],
  ['::', 'http://[::1]:3999'],
])('builds the URL of the host %s', (host, origin) => {
  expect(buildOrigin(host, 3999)).toBe(origin);
});

describe('a message', () => {
  it.each<[unknown, string]>([
    ['\u001b[2J\n', String.raw`"\u001b[2J\n"`],
    ['x'.repeat(64), `"${'x'.repeat(64)}"`],
    ['x'.repeat(65), `"${'x'.repeat(64)}…"`],
    [false, 'false'],
    [undefined, 'undefined'],
    [[1], 'a list'],
    [{}, 'an object'],
    [() => 1, 'a function'],
  ])('names the path, the expected value and %p', (value, shown) => {
    expect(invalid('a.b', 'an x', value).message).toBe(`a.b: expected an x, got ${shown}.`);
  });

  it.each([
    ['canary', 'a string'],
    ['', 'an empty string'],
  ])('about the secret %j never contains it', (value, shown) => {
    expect(invalidSecret('a', 'an x', value).message).toBe(`a: expected an x, got ${shown}.`);
  });

  it.each<[unknown, string, string]>([
    [[], '', 'options: expected an object, got a list.'],
    [Promise.resolve({}), '', 'options: expected an object, got a promise. Write await before it.'],
    [{ prot: 1 }, '', 'options: unknown property "prot". Use one of: port, host.'],
    [JSON.parse('{"__proto__":1}'), 'a', 'a: unknown property "__proto__". Use one of: port, host.'],
  ])('about %j in place of an object %j says what is wrong', (value, path, message) => {
    expect(() => readObject(value, path, ['port', 'host'])).toThrow(new EmulatorError('invalid_input', message));
  });

  it.each([[() => 1], [{ a: 1n }]])('about %o names a value that JSON can hold', (value) => {
    expect(() => readJson(value, 'a')).toThrow(invalidInput('a: expected a value that JSON can hold, got '));
  });
});
