import { EmulatorError, GenAuthEmulator } from '../../src/emulator/index.js';
import { invalid, invalidSecret, show } from '../../src/emulator/errors.js';
import { readJson, readObject } from '../../src/emulator/input/readers.js';
import { buildOrigin, resolveOptions } from '../../src/emulator/options.js';
import { expectRefusals, invalidInput } from './support.js';

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

it.each(Object.entries<unknown[]>(ACCEPTED))('accepts %s %j', (option, values) => {
  const resolved = values.map((value) => resolveOptions({ [option]: value }));
  expect(resolved).toEqual(values.map((value) => ({ ...DEFAULTS, [option]: value })));
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

it.each(Object.entries<unknown[]>(REFUSED))('names %s in the refusal of %j', (path, values) => {
  const option = path.replace(/\[.*/, '');
  expectRefusals(`${path}: `, values, (value) => new GenAuthEmulator({ [option]: value }));
});

it('accepts a host that is not loopback only with allowRemote', () => {
  const hosts = ['0.0.0.0', '2001:db8::1', 'genauth', `${'x'.repeat(63)}.a`, `${'ab.'.repeat(84)}c`];
  expect(hosts.map((host) => resolveOptions({ host, allowRemote: true }).host)).toEqual(hosts);
  expectRefusals('host: expected a loopback address', hosts, (host) => resolveOptions({ host }));
});

it('refuses a host that is not a host name, also with allowRemote', () => {
  const hosts = ['', 'http://x', '-x', 'x-', 'x..y', 'x'.repeat(64), `a.${'x'.repeat(64)}`, `${'ab.'.repeat(84)}cd`];
  expectRefusals('host: expected an IP address', hosts, (host) => resolveOptions({ host, allowRemote: true }));
});

it('requires a secret for ad with allowRemote', () => {
  const ad = () => undefined;
  const remote = { ad, allowRemote: true };
  const unsafe = { ...remote, appSecret: 'own secret', tokenEndpointAuthMethod: 'none' } as const;
  expect(() => resolveOptions(remote)).toThrow(invalidInput('ad: '));
  expect(() => resolveOptions(unsafe)).toThrow(invalidInput('ad: '));
  expect(resolveOptions({ ...remote, appSecret: 'own secret' })).toMatchObject({ ad });
  expect(resolveOptions({ ad })).toMatchObject({ ad });
});

it('builds the URL of a host', () => {
  const urls = ['localhost', '::1', '0.0.0.0', '::'].map((host) => buildOrigin(host, 3999));
  expect(urls).toEqual(['localhost', '[::1]', '127.0.0.1', '[::1]'].map((name) => `http://${name}:3999`));
});

describe('a message', () => {
  it('shows the value, unless it is a secret', () => {
    const values = ['\u001b[2J\n', 'x'.repeat(64), 'x'.repeat(65), 7, false, null, undefined, [1], {}, () => 1];
    const cut = `"${'x'.repeat(64)}…"`;
    const texts = [String.raw`"\u001b[2J\n"`, `"${'x'.repeat(64)}"`, cut, '7', 'false', 'null', 'undefined'];
    expect(values.map(show)).toEqual([...texts, 'a list', 'an object', 'a function']);
    expect(invalid('a.b', 'an x', 7)).toMatchObject({ message: 'a.b: expected an x, got 7.', code: 'invalid_input' });
    const secrets = ['canary', ''].map((value) => invalidSecret('a', 'an x', value).message);
    expect(secrets).toEqual(['a: expected an x, got a string.', 'a: expected an x, got an empty string.']);
  });

  it.each<[unknown, string]>([
    [[], 'options: expected an object, got a list.'],
    [Promise.resolve({}), 'options: expected an object, got a promise. Write await before it.'],
    [JSON.parse('{"__proto__":1}'), 'options: unknown property "__proto__". Use one of: port, host.'],
  ])('about %j in place of an object says what is wrong', (value, message) => {
    const ofPath = message.replace('options', 'a');
    expect(() => readObject(value, '', ['port', 'host'])).toThrow(new EmulatorError('invalid_input', message));
    expect(() => readObject(value, 'a', ['port', 'host'])).toThrow(new EmulatorError('invalid_input', ofPath));
  });

  it('about a function or a bigint names a value that JSON can hold', () => {
    const start = 'a: expected a value that JSON can hold, got ';
    expectRefusals(start, [() => 1, { a: 1n }], (value) => readJson(value, 'a'));
  });
});
