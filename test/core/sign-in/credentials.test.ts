import { RequestError } from '../../../src/core/errors.js';
import { parseCredentials } from '../../../src/core/sign-in/credentials.js';
import { findLeaks } from '../../support/leak.js';
import { catchThrown } from '../../support/thrown.js';

const password = 'password-of-alice';

it.each([
  ['account', 'PASSWORD'],
  ['email', 'PASSWORD'],
  ['username', 'PASSWORD'],
  ['phone', 'PASSWORD'],
  ['sAMAccountName', 'AD'],
])('accepts %s for a login of the kind %s', (identifier, connection) => {
  const given = { [identifier]: 'alice', password, code: '1', connection: 'LDAP' };
  expect(parseCredentials(given)).toStrictEqual({ connection, identifier, name: 'alice', password });
});

it('ignores identifiers that are undefined', () => {
  const given = { account: undefined, email: 'alice@example.com', phone: undefined, password };
  expect(parseCredentials(given)).toMatchObject({ identifier: 'email', name: 'alice@example.com' });
});

it('ignores identifiers that are not among the accepted names', () => {
  const given = { account: 'alice', sAMAccountName: 'alice.ad', password };
  expect(parseCredentials(given, ['sAMAccountName'])).toMatchObject({ connection: 'AD', name: 'alice.ad' });
});

it.each([' ', ' x ', '\t\n', 'e\u0301', '\uD800', '\0', '__proto__'])('keeps the text %j unchanged', (text) => {
  expect(parseCredentials({ account: text, password: text })).toMatchObject({ name: text, password: text });
});

it('accepts 256 characters of an identifier and 1,024 of a password', () => {
  const given = { account: 'a'.repeat(256), password: 'p'.repeat(1024) };
  expect(parseCredentials(given)).toMatchObject({ name: given.account, password: given.password });
  expect(() => parseCredentials({ ...given, account: 'a'.repeat(257) })).toThrow(RequestError);
});

it.each<[string, unknown]>([
  ['an empty string', ''],
  ['null', null],
  ['a number', 5],
  ['an object', { $ne: 'canary' }],
  ['an array', ['canary']],
  ['a String object', new String('canary')],
  ['1,025 characters', 'canary'.padEnd(1025, 'x')],
])('refuses %s as an identifier and as a password, without showing it', (_name, value) => {
  const asName = catchThrown(() => parseCredentials({ sAMAccountName: value, password }));
  const asPassword = catchThrown(() => parseCredentials({ account: 'alice', password: value }));
  const unit = 'characters';
  expect(asName).toMatchObject({ code: 'invalid_request', details: { field: 'sAMAccountName', limit: 256, unit } });
  expect(asPassword).toMatchObject({ code: 'invalid_request', details: { field: 'password', limit: 1024, unit } });
  expect(findLeaks([asName, asPassword], ['canary', password])).toEqual([]);
});

it('refuses a password that is missing', () => {
  expect(catchThrown(() => parseCredentials({ account: 'alice' }))).toMatchObject({ details: { field: 'password' } });
});

const NO_IDENTIFIER = 'Send "account" or "email" or "username" or "phone" or "sAMAccountName" with the password.';
it.each<[string, unknown, string]>([
  ['no value', undefined, NO_IDENTIFIER],
  ['an array', ['alice', password], NO_IDENTIFIER],
  ['no identifier', { password }, NO_IDENTIFIER],
  ['an inherited identifier', Object.assign(Object.create({ account: 'alice' }), { password }), NO_IDENTIFIER],
  ['only undefined identifiers', { account: undefined, sAMAccountName: undefined, password }, NO_IDENTIFIER],
  ['two identifiers', { account: 'a', email: 'b', password }, 'Send only one of "account" and "email".'],
  ['an empty identifier beside another', { username: '', phone: '1' }, 'Send only one of "username" and "phone".'],
  ['null beside an identifier', { account: null, phone: '1' }, 'Send only one of "account" and "phone".'],
  ['both kinds of login', { email: 'e', sAMAccountName: 's' }, 'Send only one of "email" and "sAMAccountName".'],
  ['an empty password', { account: 'a', password: '' }, '"password" must be a string of 1 to 1024 characters.'],
])('refuses %s and says what to send', (_name, given, message) => {
  const thrown = catchThrown(() => parseCredentials(given));
  expect(String(thrown)).toBe(`RequestError: ${message}`);
  expect(findLeaks(thrown, [password])).toEqual([]);
});

it.each<[object, string, object]>([
  [{ password }, 'Send "login" or "email" with the password.', {}],
  [{ account: 'a', email: 'e' }, 'Send only one of "login" and "email".', {}],
  [{ account: '', password }, '"login" must be a string of 1 to 256 characters.', { field: 'login' }],
  [{ account: 'a' }, '"secret" must be a string of 1 to 1024 characters.', { field: 'secret' }],
])('names the fields of the request for %j', (given, message, details) => {
  const fields = { account: 'login', password: 'secret' };
  const thrown = catchThrown(() => parseCredentials(given, ['account', 'email'], fields));
  expect(thrown).toMatchObject({ message, details });
});
