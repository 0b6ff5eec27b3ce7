import { parseCredentials } from '../../../src/core/sign-in/credentials.js';
import { findLeaks } from '../../support/leak.js';
import { catchThrown } from '../../support/thrown.js';

const password = 'password-of-alice';

it.each(['account', 'email', 'username', 'phone', 'sAMAccountName'])('accepts %s, and ignores others', (identifier) => {
  const given = { account: undefined, email: undefined, [identifier]: 'alice', password, connection: 'LDAP' };
  const connection = { sAMAccountName: 'AD' }[identifier] ?? 'PASSWORD';
  expect(parseCredentials(given)).toStrictEqual({ connection, identifier, name: 'alice', password });
});

it('ignores identifiers that are not among the accepted names', () => {
  const given = { account: 'alice', sAMAccountName: 'alice.ad', password };
  expect(parseCredentials(given, ['sAMAccountName'])).toMatchObject({ connection: 'AD', name: 'alice.ad' });
});

it.each([
  [' e\u0301\uD800', '\t\n\0__proto__'],
  ['a'.repeat(256), 'p'.repeat(1024)],
])('keeps %j and %j unchanged', (account, secret) => {
  expect(parseCredentials({ account, password: secret })).toMatchObject({ name: account, password: secret });
});

it.each<[string, unknown, unknown]>([
  ['an empty string', '', ''],
  ['an array', ['canary'], ['canary']],
  ['a String object', new String('canary'), new String('canary')],
  ['one character too much', 'canary'.padEnd(257, 'x'), 'canary'.padEnd(1025, 'x')],
])('refuses %s as an identifier and as a password, without showing it', (_name, name, secret) => {
  const asName = catchThrown(() => parseCredentials({ sAMAccountName: name, password }));
  const asPassword = catchThrown(() => parseCredentials({ account: 'alice', password: secret }));
  const unit = 'characters';
  expect(asName).toMatchObject({ code: 'invalid_request', details: { field: 'sAMAccountName', limit: 256, unit } });
  expect(asPassword).toMatchObject({ code: 'invalid_request', details: { field: 'password', limit: 1024, unit } });
  expect(findLeaks([asName, asPassword], ['canary', password])).toEqual([]);
});

const MISSING = 'Send "login" or "email" or "sAMAccountName" with the password.';
const NO_PASSWORD = '"secret" must be a string of 1 to 1024 characters.';
it.each<[string, unknown, string]>([
  ['no value', undefined, 'The credentials are undefined: send an object with "login" and the password.'],
  ['a string', password, 'The credentials are of type string: send an object with "login" and the password.'],
  ['an array', [password], 'The credentials are of type array: send an object with "login" and the password.'],
  ['a misspelt identifier', { acount: 'a', password }, `${MISSING} Write "account" in place of "acount".`],
  [
    'a misspelt password',
    { account: 'a', pasword: password },
    `${NO_PASSWORD} Write "password" in place of "pasword".`,
  ],
  ['an inherited identifier', Object.assign(Object.create({ account: 'a' }), { password }), MISSING],
  ['two identifiers', { account: 'a', email: 'b', password }, 'Send only one of "login" and "email".'],
  ['null beside an identifier', { email: null, account: 'a', password }, 'Send only one of "login" and "email".'],
  ['an empty identifier', { account: '', password }, '"login" must be a string of 1 to 256 characters.'],
  ['an inherited password', Object.assign(Object.create({ password }), { account: 'a' }), NO_PASSWORD],
])('refuses %s, and names the fields to send', (_name, given, message) => {
  const fields = { account: 'login', password: 'secret' };
  const thrown = catchThrown(() => parseCredentials(given, ['account', 'email', 'sAMAccountName'], fields));
  expect(thrown).toMatchObject({ name: 'RequestError', message });
  expect(findLeaks(thrown, [password])).toEqual([]);
});
