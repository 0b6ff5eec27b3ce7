import { GenAuthEmulator } from '../../../src/emulator/index.js';
import { getTokens, useEmulator, verify } from '../support.js';

const base = { username: 'u', password: 'p' };

/** A mistake in a user → what the message names. */
const MISTAKES: [string, unknown, string][] = [
  ['no object', 'bob', 'users[1]: expected an object, got "bob".'],
  ['null', null, 'users[1]: expected an object, got null.'],
  ['nobody', { password: 'p' }, 'users[1]: expected at least one of username, email and phone_number'],
  ['no password', { username: 'u' }, 'users[1].password: expected a string that is not empty, got undefined.'],
  [
    'an empty password',
    { ...base, password: '' },
    'users[1].password: expected a string that is not empty, got an empty string.',
  ],
  [
    'a number as password',
    { ...base, password: 4711 },
    'users[1].password: expected a string that is not empty, got a number.',
  ],
  ['an empty user name', { ...base, username: '' }, 'users[1].username: expected'],
  ['a user name that moves the cursor', { ...base, username: '\u001b[2Ju' }, String.raw`got "\u001b[2Ju"`],
  ['a user name with a bidi mark', { ...base, username: 'u\u202e' }, 'users[1].username: expected a name'],
  ['no e-mail address', { ...base, email: 'bob' }, 'users[1].email: expected an e-mail address, got "bob".'],
  ['an e-mail address with a space', { ...base, email: 'b ob@example.com' }, 'users[1].email: expected'],
  ['two at signs', { ...base, email: 'a@b@c' }, 'users[1].email: expected'],
  ['a list as e-mail', { ...base, email: ['bob@example.com'] }, 'users[1].email: expected a string'],
  ['a word as phone', { ...base, phone_number: 'none' }, 'users[1].phone_number: expected digits'],
  ['a number as phone', { ...base, phone_number: 138 }, 'users[1].phone_number: expected a string'],
  ['a word as flag', { ...base, email_verified: 'yes' }, 'users[1].email_verified: expected true or false, got "yes".'],
  [
    'roles as a word',
    { ...base, roles: 'admin' },
    'users[1].roles: expected a list of role codes, or of objects with a code, got "admin".',
  ],
  [
    'roles as numbers',
    { ...base, roles: [1] },
    'users[1].roles: expected a list of role codes, or of objects with a code, got a list.',
  ],
  ['fields as a list', { ...base, extended_fields: [] }, 'users[1].extended_fields: expected an object, got a list.'],
  ['a name that is null', { ...base, name: null }, 'users[1].name: expected a string that is not empty, got null.'],
  ['an unknown claim', { ...base, phone: '138' }, 'users[1]: unknown property "phone". Use one of: password, username'],
  ['a claim of the token', { ...base, sub: 'x' }, 'users[1]: unknown property "sub"'],
  ['a tenant', { ...base, tenant_id: 'x' }, 'users[1]: unknown property "tenant_id"'],
  ['a polluted user', JSON.parse('{"username":"u","password":"p","__proto__":{}}'), 'unknown property "__proto__"'],
  ['a long value', { ...base, email: 'x'.repeat(500) }, `got "${'x'.repeat(64)}…".`],
  [
    'a taken user name',
    { ...base, username: 'first' },
    'users[1].username: "first" already belongs to another user. Use another value.',
  ],
  [
    'a taken e-mail address',
    { ...base, email: 'FIRST@example.com' },
    'users[1].email: "FIRST@example.com" already belongs to another',
  ],
  [
    'a taken phone number',
    { ...base, phone_number: '+8613800000009' },
    'users[1].phone_number: "+8613800000009" already belongs',
  ],
  ['a user name that is an e-mail address', { ...base, username: 'First@Example.com' }, 'users[1].username: "First@Ex'],
  [
    'a user name that is a phone number',
    { ...base, username: '+8613800000009' },
    'users[1].username: "+8613800000009"',
  ],
];

test.each(MISTAKES)('%s is refused with its place', (_name, user, message) => {
  const first = { username: 'first', email: 'first@example.com', phone_number: '+8613800000009', password: 'p' };
  expect(() => new GenAuthEmulator({ users: [first, user as never] })).toThrow(
    expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining(message) }),
  );
});

test.each<[string, unknown, string]>([
  [
    'no name',
    { password: 'p' },
    'adAccounts[1].sAMAccountName: expected a name without control characters, got undefined.',
  ],
  ['an empty name', { sAMAccountName: '', password: 'p' }, 'adAccounts[1].sAMAccountName: expected'],
  ['a name with a line break', { sAMAccountName: 'a\nb', password: 'p' }, String.raw`got "a\nb"`],
  ['a user name', { sAMAccountName: 'x', username: 'y', password: 'p' }, 'adAccounts[1]: unknown property "username"'],
  ['an empty password', { sAMAccountName: 'x', password: '' }, 'adAccounts[1].password: expected'],
  [
    'a taken name',
    { sAMAccountName: 'FIRST', password: 'p' },
    'adAccounts[1].sAMAccountName: "FIRST" already belongs to another',
  ],
  ['a wrong claim', { sAMAccountName: 'x', email: 'x', password: 'p' }, 'adAccounts[1].email: expected an e-mail'],
])('an AD account with %s is refused with its place', (_name, account, message) => {
  expect(
    () => new GenAuthEmulator({ adAccounts: [{ sAMAccountName: 'first', password: 'p' }, account as never] }),
  ).toThrow(expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining(message) }));
});

test('no message holds a password', () => {
  for (const user of [
    { password: 'canary' },
    { username: 'u', password: ['canary'] },
    { username: 'u', password: { canary: 'canary' } },
  ]) {
    expect(() => new GenAuthEmulator({ users: [user as never] })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('canary') }),
    );
  }
});

describe('addUser and addAdAccount', () => {
  const emulator = useEmulator();

  test('answer with the sub of the tokens', async () => {
    const user = emulator().addUser({ username: 'carol', password: 'c', roles: ['auditor'] });
    const tokens = await getTokens(emulator(), {
      passwordPayload: { account: 'carol', password: 'c' },
      options: { scope: 'openid roles' },
    });
    expect((await verify(emulator(), tokens.id_token)).payload).toMatchObject({ ...user, roles: ['auditor'] });

    const account = emulator().addAdAccount({ sAMAccountName: 'LiSi', password: 'l' });
    const { id_token } = await getTokens(emulator(), {
      connection: 'AD',
      adPayload: { sAMAccountName: 'lisi', password: 'l' },
    });
    expect((await verify(emulator(), id_token)).payload).toMatchObject(account);
  });

  test('name the mistake, and add nobody then', async () => {
    expect(() => emulator().addUser({ username: 'dave', password: '' })).toThrow('user.password: expected');
    expect(() => emulator().addUser({ username: 'erin', email: 'alice@example.com', password: 'x' })).toThrow(
      'user.email: "alice@example.com" already belongs to another user. Use another value.',
    );
    expect(() => emulator().addAdAccount({ sAMAccountName: 'zhangsan', password: 'x' })).toThrow(
      'adAccount.sAMAccountName',
    );
    emulator().addUser({ username: 'dave', password: 'x' });
    emulator().addUser({ username: 'erin', password: 'x' });
  });

  test('keep a copy: what the caller changes later changes nothing', async () => {
    const user = { username: 'frank', password: 'f', roles: ['reader'] };
    emulator().addUser(user);
    user.roles.push('admin');
    const tokens = await getTokens(emulator(), {
      passwordPayload: { account: 'frank', password: 'f' },
      options: { scope: 'openid roles' },
    });
    expect((await verify(emulator(), tokens.id_token)).payload['roles']).toEqual(['reader']);
  });
});
