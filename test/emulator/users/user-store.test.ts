import { hashPassword, isPassword } from '../../../src/emulator/users/passwords.js';
import { type Catalogs, findMfa } from '../../../src/emulator/users/user-states.js';
import { type EmulatorUser, UserStore } from '../../../src/emulator/users/user-store.js';
import { invalidInput, listRows } from '../support.js';

const ANY = { roles: undefined, tenants: undefined, extendedFields: undefined };
const ALICE = { username: 'alice', email: 'Alice@Example.com', phone_number: '+8613800000001', password: 'passw0rd' };

const POOL = {
  roles: new Set(['admin', 'editor']),
  tenants: new Set<string>(),
  extendedFields: new Set(['school']),
};

/** Returns a store with alice, with one user of each single identifier, and with an AD account. */
function buildStore(catalogs: Catalogs = ANY): UserStore {
  const store = new UserStore(catalogs, false);
  const users = [ALICE, { email: 'mail@example.com' }, { phone_number: '13900000000' }, { username: '13900000001' }];
  users.forEach((user) => store.addUser({ password: 'p', ...user }, 'user'));
  store.addAdAccount({ sAMAccountName: 'ZhangSan', password: 'p' }, 'adAccount');
  return store;
}

/** A store that no test changes, because each password hash takes milliseconds. */
const unchanged = buildStore(POOL);

describe('findUser', () => {
  it.each(
    listRows({
      account: ['alice', 'ALICE@EXAMPLE.COM', '+8613800000001', '13900000001'],
      username: ['alice', '13900000001'],
      email: ['aLiCe@example.com'],
      phone: ['+8613800000001', '13900000000'],
    }),
  )('finds by %s %j', (identifier, name) => {
    expect(unchanged.findUser(identifier as 'account', name as string)).toBeDefined();
  });

  it.each(
    listRows({
      account: ['Alice', ' alice', '', '__proto__', 'username:alice', 'ZhangSan'],
      username: ['alice@example.com', '13900000000'],
      email: ['alice'],
      phone: ['13900000001'],
    }),
  )('does not find by %s %j', (identifier, name) => {
    expect(unchanged.findUser(identifier as 'account', name as string)).toBeUndefined();
  });

  it('finds AD accounts in any case, and no user as an AD account', () => {
    expect(unchanged.findAdAccount('ZHANGSAN')).toMatchObject({ claims: { username: 'ZhangSan' } });
    expect([unchanged.findAdAccount('zhang*'), unchanged.findAdAccount('alice')]).toEqual([undefined, undefined]);
  });
});

/** Property → wrong values. */
const WRONG_VALUES = {
  password: [undefined, '', 4711, ['canary']],
  username: ['', 'u\u001b[2J', 'u\u202e', '\u2028'],
  email: ['bob', 'b ob@example.com', 'a@b@c', 'a\u0000@b', ['b@c'], null, 'ALICE@example.com'],
  phone_number: ['none', '12', '1'.repeat(21), 138, '+8613800000001'],
  email_verified: ['yes'],
  name: [null, ''],
  address: ['Beijing'],
  roles: ['admin', [1], [''], [{ name: 'admin' }]],
  extended_fields: [[], null],
  lockout: ['yes'],
  disabled: [1],
  mustChangePassword: ['now'],
  mfa: ['SMS', []],
  tenants: ['t-1'],
  signInAnswer: [7],
};
/** Place and reason of the mistake → properties that replace properties of a right user. */
const MISTAKES = {
  ': expected at least one of username, email and phone_number': [{ username: undefined }],
  ': unknown property "': [{ phone: '138' }, { sub: 'x' }, { tenant_id: 'x' }, { role: [] }],
  '.roles[1]: "x" is not in the option roles (admin, editor).': [
    { roles: ['admin', 'x'] },
    { roles: ['admin', { code: 'x' }] },
  ],
  '.extended_fields: "scool" is not in the option extendedFields (school).': [{ extended_fields: { scool: 1 } }],
  '.mfa[1]: ': [{ mfa: ['SMS', ''] }],
  '.tenants[0]: "t-9" is not in the option tenants (none).': [{ tenants: ['t-9'] }],
  '.signInAnswer: unknown property "account"': [{ signInAnswer: { statusCode: 301, account: 'x' } }],
  '.signInAnswer: unknown property "times"': [{ signInAnswer: { statusCode: 301, times: 2 } }],
  '.signInAnswer.statusCode: ': [{ signInAnswer: { statusCode: 99 } }],
  '.username: "alice@example.com" already belongs to another user. Use another value.': [
    { username: 'alice@example.com' },
  ],
  '.username: "+8613800000001" already belongs': [{ username: '+8613800000001' }],
};
const wrongUsers = listRows(WRONG_VALUES).map(([name, value]): [string, unknown] => [`.${name}: `, { [name]: value }]);

describe('adding and changing', () => {
  it.each([...wrongUsers, ...listRows(MISTAKES)])('refuses with "user%s" %j and changes nothing', (place, given) => {
    const user = { username: 'u', password: 'p', ...(given as object) };
    const before = unchanged.list();
    expect(() => unchanged.addUser(user, 'users[1]')).toThrow(invalidInput(`users[1]${place}`));
    expect(unchanged.list()).toEqual(before);
  });

  it.each([
    ['.email: "ALICE@example.com" already', { email: 'ALICE@example.com' }],
    ['.roles: ', { roles: 'admin' }],
    ['.mfa: ', { mfa: 'SMS' }],
    ['.password: ', { password: '' }],
    [': unknown property', { sub: 'x' }],
  ])('refuses with "changes%s" a change and changes nothing', (place, changes) => {
    const before = unchanged.list();
    const update = () => unchanged.updateUser('mail@example.com', { name: 'New', ...changes });
    expect(update).toThrow(invalidInput(`changes${place}`));
    expect(unchanged.list()).toEqual(before);
  });

  it.each<[string, unknown]>([
    ['.sAMAccountName: expected', { password: 'p' }],
    ['.sAMAccountName: expected', { sAMAccountName: 'a\nb', password: 'p' }],
    ['.sAMAccountName: "ZHANGSAN" already', { sAMAccountName: 'ZHANGSAN', password: 'p' }],
    [': unknown property "username"', { sAMAccountName: 'x', username: 'y', password: 'p' }],
    ['.password: expected', { sAMAccountName: 'x', password: '' }],
    ['.email: expected', { sAMAccountName: 'x', email: 'x', password: 'p' }],
    ['.tenants[0]: "t-1" is not', { sAMAccountName: 'x', tenants: ['t-1'], password: 'p' }],
  ])('refuses an AD account: "%s" for %j', (place, account) => {
    expect(() => unchanged.addAdAccount(account, 'adAccounts[1]')).toThrow(invalidInput(`adAccounts[1]${place}`));
  });

  it.each<[string, string, (store: UserStore, name: never) => void]>([
    ['updateUser', 'account: expected', (store, name) => store.updateUser(name, {})],
    ['removeUser', 'account: expected', (store, name) => store.removeUser(name)],
    ['updateAdAccount', 'sAMAccountName: expected', (store, name) => store.updateAdAccount(name, {})],
    ['removeAdAccount', 'sAMAccountName: expected', (store, name) => store.removeAdAccount(name)],
  ])('%s refuses an unknown account', (_method, message, run) => {
    expect(() => run(unchanged, 'unknown' as never)).toThrow(invalidInput(message));
    expect(() => run(unchanged, undefined as never)).toThrow(invalidInput(message));
  });

  it('changes only the given properties, and keeps the sub', () => {
    const store = buildStore();
    const before = { ...store.findUser('account', 'alice') };
    store.updateUser('+8613800000001', { name: 'Other', roles: ['a'], mfa: true, updated_at: 'x' });
    const claims = { ...before.claims, name: 'Other', roles: ['a'], updated_at: 'x' };
    expect(store.findUser('account', 'alice')).toEqual({ ...before, claims, states: { mfa: true } });
    store.updateUser('alice', {});
    expect(store.findUser('account', 'alice')).toMatchObject({
      claims: { ...claims, updated_at: expect.stringMatching(/^\d{4}-.*Z$/) },
      states: { mfa: true },
    });
  });

  it('changes the password only if one is given', async () => {
    const store = buildStore();
    store.updateUser('alice', { name: 'x' });
    expect(await isPassword('passw0rd', store.findUser('account', 'alice')?.password)).toBe(true);
    store.updateUser('alice', { password: 'new' });
    expect(await isPassword('new', store.findUser('account', 'alice')?.password)).toBe(true);
  });

  it('replaces identifiers and frees the old ones, except the one that gave the sub', () => {
    const store = buildStore();
    const sub = store.findUser('account', 'alice')?.sub;
    store.updateUser('ALICE@example.com', { username: 'alicia', email: 'alicia@example.com' });
    expect(store.findUser('account', 'alicia@example.com')?.sub).toBe(sub);
    expect([store.findUser('account', 'alice'), store.findUser('email', ALICE.email)]).toEqual([undefined, undefined]);
    store.addUser({ email: ALICE.email, password: 'p' }, 'user');
    const taken = invalidInput('user.username: "alice" already belongs to another user.');
    expect(() => store.addUser({ username: 'alice', password: 'p' }, 'user')).toThrow(taken);
    store.updateUser('alicia', { username: 'alicia', email: 'ALICIA@example.com' });
  });

  it('removes a user under all identifiers, and gives the same sub to a new user of the same name', () => {
    const store = buildStore();
    const alice = store.findUser('account', 'alice');
    store.removeUser('+8613800000001');
    expect([store.findUser('account', 'alice'), alice?.removed]).toEqual([undefined, true]);
    expect(store.addUser(ALICE, 'user')).toBe(alice?.sub);
  });

  it('changes and removes an AD account in any case', () => {
    const store = buildStore();
    const account = store.findAdAccount('zhangsan');
    store.updateAdAccount('ZHANGSAN', { email: 'z@example.com', disabled: true });
    expect(account).toMatchObject({
      claims: { username: 'ZhangSan', email: 'z@example.com' },
      states: { disabled: true },
    });
    expect(() => store.updateAdAccount('zhangsan', { username: 'x' })).toThrow(
      invalidInput('changes: unknown property'),
    );
    store.removeAdAccount('zhangSAN');
    expect([store.findAdAccount('zhangsan'), account?.removed]).toEqual([undefined, true]);
  });

  it('copies the given values', () => {
    const store = buildStore();
    const user: EmulatorUser = { username: 'u', password: 'p', roles: ['reader'] };
    store.addUser(user, 'user');
    user.roles?.push('admin');
    expect(store.findUser('account', 'u')?.claims['roles']).toEqual(['reader']);
  });
});

it('lists each user once, without passwords', () => {
  const store = new UserStore(ANY, false);
  const states = { mfa: true, tenants: ['t-1'], signInAnswer: { statusCode: 301, apiCode: 1642 } };
  const sub = store.addUser({ ...ALICE, ...states }, 'user');
  const adSub = store.addAdAccount({ sAMAccountName: 'alice', name: '张三', password: 'p' }, 'adAccount');
  const { password: _, ...claims } = ALICE;
  const shared = { gender: 'U', updated_at: expect.any(String) as unknown };
  expect(store.list()).toEqual({
    users: [{ sub, ...claims, ...shared, ...states, signInAnswer: { ...states.signInAnswer, message: '' } }],
    adAccounts: [{ sub: adSub, sAMAccountName: 'alice', name: '张三', ...shared }],
  });
  expect([sub, adSub]).toEqual([expect.stringMatching(/^[\da-f]{24}$/), expect.not.stringMatching(sub)]);
});

it.each([
  ['PASSWORD', 'alice', 'PASSWORD', '+8613800000001', true],
  ['PASSWORD', 'unknown@example.com', 'PASSWORD', 'UNKNOWN@example.com', true],
  ['AD', 'ZhangSan', 'AD', 'zhangsan', true],
  ['PASSWORD', 'unknown', 'PASSWORD', 'Unknown', false],
  ['PASSWORD', 'zhangsan', 'AD', 'zhangsan', false],
] as const)('counts %s %s together with %s %s: %s', (connection, name, otherConnection, otherName, isSame) => {
  expect(unchanged.keyOf(connection, name) === unchanged.keyOf(otherConnection, otherName)).toBe(isSame);
});

it.each([
  [{}, false, undefined],
  [{}, true, { kind: 'app', factors: ['SMS', 'OTP'] }],
  [{}, ['EMAIL'], { kind: 'app', factors: ['EMAIL'] }],
  [{ mfa: false }, true, undefined],
  [{ mfa: true }, false, { kind: 'app', factors: ['SMS', 'OTP'] }],
  [{ mfa: 'personal' as const }, true, { kind: 'personal', factors: ['OTP'] }],
])('requires for the state %j and the option mfa %j the second factor %j', (states, option, expected) => {
  expect(findMfa(states, option)).toEqual(expected);
});

describe('a password', () => {
  it.each([
    ['pässw0rd ', true],
    ['pässw0rd', false],
    ['PÄSSW0RD ', false],
    ['pa\u0308ssw0rd ', false],
    ['pässw0rd \0', false],
  ])('is compared exactly: %j', async (password, isRight) => {
    expect(await isPassword(password, hashPassword('pässw0rd '))).toBe(isRight);
  });

  it('is wrong if it is empty, or if there is no stored password', async () => {
    expect(await isPassword('', hashPassword(''))).toBe(false);
    expect(await isPassword('passw0rd', undefined)).toBe(false);
  });

  it('is hashed with a salt', () => {
    expect(hashPassword('p').key).not.toEqual(hashPassword('p').key);
  });
});
