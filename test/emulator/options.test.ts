import { EmulatorError, GenAuthEmulator } from '../../src/emulator/index.js';
import { invalidSecret, show } from '../../src/emulator/errors.js';
import { readObject } from '../../src/emulator/input/readers.js';
import { buildOrigin, resolveOptions } from '../../src/emulator/options.js';
import { catchThrown } from '../support/thrown.js';
import { invalidInput } from './support.js';

const DEFAULTS = resolveOptions({});
const NAMES = [...Object.keys(DEFAULTS), 'tenants', 'roles', 'extendedFields', 'captchaAfter', 'lockAfter'].filter(
  (name) => !['catalogs', 'loginLimits'].includes(name),
);
const REMOTE = { ad: () => undefined, allowRemote: true, appSecret: 'own secret' };
const HOSTS = ['0.0.0.0', '2001:db8::1', 'genauth', `${'x'.repeat(63)}.a`, `${'ab.'.repeat(84)}c`];

it('adds the defaults to undefined options', () => {
  expect(resolveOptions(Object.fromEntries(NAMES.map((name) => [name, undefined])))).toEqual(DEFAULTS);
  const local = { allowRemote: false, host: '127.0.0.1', port: 0, mfa: false, clockDrift: 0 };
  expect(DEFAULTS).toMatchObject({ ...local, refreshTokenLifetime: 2_592_000, introspectionScopeSeparator: ' ' });
  expect(NAMES).toHaveLength(31);
});

/** Builds an object with this property for each of its values. */
const each = (name: string, ...values: unknown[]) => values.map((value) => ({ [name]: value }));

it.each<object[]>([
  each('port', 0, 65_535),
  each('host', 'localhost', '::1', '127.255.0.1'),
  each('appId', 'a', `9${'-_aZ'.repeat(31)}abc`),
  each('postLogoutRedirectUris', ['https://a.example/?b', 'com.example.app://bye']),
  each('redirectUris', [], ['http://a.example/?b', 'com.example.app://back']),
  each('ssoLifetime', 0, 315_360_000),
  HOSTS.map((host) => ({ host, allowRemote: true })),
  [REMOTE],
])('accepts %j', (...given) => {
  expect(given.map((options) => resolveOptions(options))).toEqual(
    given.map((options) => ({ ...DEFAULTS, ...options })),
  );
});

const ALICE = { username: 'alice', email: 'alice@example.com', phone_number: '+8613800000001', password: 'p' };
const pool = new GenAuthEmulator({
  users: [ALICE],
  adAccounts: [{ sAMAccountName: 'ZhangSan', password: 'p' }],
  roles: ['admin', 'editor'],
  tenants: [],
  extendedFields: ['school'],
});

/** Kind of input → the function that reads the input. */
const RUN: Record<string, (given: object) => unknown> = {
  option: (given) => new GenAuthEmulator(given),
  user: (given) => pool.addUser({ username: 'u', password: 'p', ...given }),
  adAccount: (given) => pool.addAdAccount({ sAMAccountName: 'x', password: 'p', ...given }),
  fault: (given) => pool.fault({ endpoint: 'jwks', ...given }),
  answer: (given) => pool.answerSignIn({ statusCode: 301, ...given }),
};

it.each([
  ['option', '', `${NAMES.join(' ')} users adAccounts`],
  ['user', 'user.', 'password username email phone_number email_verified name address roles extended_fields'],
  ['user', 'user.', 'lockout disabled mustChangePassword mfa profileRequired bindingRequired tenants signInAnswer'],
  ['adAccount', 'adAccount.', 'sAMAccountName password email mfa'],
  ['fault', 'fault.', 'endpoint status delayMs drop dripMs oversize garbage times'],
  ['answer', 'answer.', 'statusCode apiCode message account times'],
])('refuses 0.5 as the value of each %s and names it after "%s": %s', (kind, prefix, names) => {
  const errors = names.split(' ').map((name) => catchThrown(() => RUN[kind]?.({ [name]: 0.5 })));
  expect(errors).toEqual(names.split(' ').map((name) => invalidInput(`${prefix}${name}: expected`)));
});

const MALFORMED = ['http://x', '-x', 'x-', 'x..y', 'x'.repeat(64), `a.${'x'.repeat(64)}`, `${'ab.'.repeat(84)}cd`];
const DEFAULT_SECRET = { ...REMOTE, appSecret: undefined };
const DROP = { drop: true, status: 500, body: 1, dripMs: 1, oversize: 1, garbage: 1 };

it.each<[string, string, object[]]>([
  ['option', 'port: ', each('port', -1, 65_536)],
  ['option', 'host: expected a loopback', each('host', '10.0.0.1', '127.evil.example', '::ffff:10.0.0.1')],
  ['option', 'host: expected an IP address', MALFORMED.map((host) => ({ host, allowRemote: true }))],
  ['option', 'appId: ', each('appId', '', '-a', 'a/b', 'a\n', 'a'.repeat(129))],
  ['option', 'postLogoutRedirectUris[0]: ', each('postLogoutRedirectUris', ['/'], ['a:b#x'], ['a: b'], ['a:\x7f'])],
  ['option', 'redirectUris[1]: ', each('redirectUris', ['a:b', '/'], ['a:b', 'a:b#x'])],
  ['option', 'ssoLifetime: ', each('ssoLifetime', -1, 315_360_001)],
  ['option', 'tenants[1]: ', each('tenants', ['t-1', 7], ['t-1', ''], ['t-1', 't-1'])],
  ['option', 'ad: with', [DEFAULT_SECRET, { ...REMOTE, tokenEndpointAuthMethod: 'none' }]],
  ['user', 'user.username: expected', each('username', '', 'u\u001b[2J', 'u\u202e', '\u2028')],
  ['user', 'user.email: expected', each('email', 'bob', 'b ob@example.com', 'a@b@c', 'a\u0000@b', null)],
  ['user', 'user.phone_number: ', each('phone_number', 'none', '12', '1'.repeat(21), ALICE.phone_number)],
  ['user', 'user.extended_fields: "a" is not in the option extendedFields (school).', [{ extended_fields: { a: 1 } }]],
  ['user', 'user.roles[1]: "x" is not in the option roles (admin, editor).', each('roles', ['admin', { code: 'x' }])],
  ['user', 'user: expected at least one of username, email and phone_number', each('username', undefined)],
  ['user', 'user.tenants[0]: "t-9" is not in the option tenants (none).', each('tenants', ['t-9'])],
  ['adAccount', 'adAccount.sAMAccountName: "ZHANGSAN" already', each('sAMAccountName', 'ZHANGSAN')],
  ['fault', 'fault: set at least one of', [{ delayMs: 0, drop: false }]],
  ['fault', 'fault.garbage: ', [{ garbage: 0 }, { garbage: 16_777_217 }, { garbage: 8, body: 'x' }]],
  ['fault', 'fault.drop: it cannot be combined with status, body, dripMs, oversize, garbage.', [DROP]],
  ['fault', 'fault.body: expected a value that JSON can hold, got ', each('body', () => 1, { a: 1n })],
  ['answer', 'answer.apiCode: ', each('apiCode', -1, 'MFA', '', '1'.repeat(17))],
])('refuses a wrong %s with "%s"', (kind, start, given) => {
  expect(given.map((value) => catchThrown(() => RUN[kind]?.(value)))).toEqual(given.map(() => invalidInput(start)));
});

it('builds the URL of a host', () => {
  const urls = ['localhost', '::1', '0.0.0.0', '::'].map((host) =>
    buildOrigin(resolveOptions({ host, allowRemote: true }), 3999),
  );
  expect(urls).toEqual(['localhost', '[::1]', '127.0.0.1', '[::1]'].map((name) => `http://${name}:3999`));
});

it('an error shows the value in one line, unless it is a secret', () => {
  const values = ['\u001b[2J\n', 'x'.repeat(65), null, [1], {}, () => 1];
  const texts = [String.raw`"\u001b[2J\n"`, `"${'x'.repeat(64)}…"`, 'null', 'a list', 'an object', 'a function'];
  expect(values.map(show)).toEqual(texts);
  const secrets = ['canary', ''].map((value) => invalidSecret('a', 'an x', value).message);
  expect(secrets).toEqual(['a: expected an x, got a string.', 'a: expected an x, got an empty string.']);
});

it.each<[unknown, string]>([
  [[], 'a: expected an object, got a list.'],
  [Promise.resolve({}), 'a: expected an object, got a promise. Write await before it.'],
  [JSON.parse('{"__proto__":1}'), 'a: unknown property "__proto__". Use one of: port, host.'],
])('an error about %j in place of an object names its path, or options', (value, message) => {
  const ofOptions = new EmulatorError('invalid_input', message.replace('a', 'options'));
  expect(() => readObject(value, '', ['port', 'host'])).toThrow(ofOptions);
  expect(() => readObject(value, 'a', ['port', 'host'])).toThrow(new EmulatorError('invalid_input', message));
});
