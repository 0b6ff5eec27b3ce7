import { hashPassword, isPassword } from '../../../src/emulator/users/passwords.js';

test('a password is the one that was stored, to the last byte', async () => {
  const stored = hashPassword('pässw0rd ');
  expect(await isPassword('pässw0rd ', stored)).toBe(true);
  for (const other of ['pässw0rd', 'passw0rd ', 'PÄSSW0RD ', 'pa\u0308ssw0rd ', 'pässw0rd \0']) {
    expect(await isPassword(other, stored)).toBe(false);
  }
});

test('an empty password is wrong even where it was stored', async () => {
  expect(await isPassword('', hashPassword(''))).toBe(false);
});

test('an unknown user has no password', async () => {
  expect(await isPassword('', undefined)).toBe(false);
  expect(await isPassword('passw0rd', undefined)).toBe(false);
});

test('the same password is stored differently each time', () => {
  expect(hashPassword('p').key).not.toEqual(hashPassword('p').key);
});
