import { hashPassword, isPassword } from '../../../src/emulator/users/passwords.js';
import { UserStore } from '../../../src/emulator/users/user-store.js';
import { invalidInput } from '../support.js';

const CATALOGS = { roles: undefined, tenants: undefined, extendedFields: undefined };
const ALICE = { username: 'alice', email: 'Alice@Example.com', phone_number: '+8613800000001', password: 'passw0rd' };

/** Returns a store with alice, with one user of each single identifier, and with an AD account. */
function buildStore(): UserStore {
  const store = new UserStore(CATALOGS, false);
  const users = [ALICE, { email: 'mail@example.com' }, { phone_number: '13900000000' }, { username: '13900000001' }];
  users.forEach((user) => store.addUser({ password: 'p', ...user }, 'user'));
  store.addAdAccount({ sAMAccountName: 'ZhangSan', password: 'p' }, 'adAccount');
  return store;
}

it.each([
  ['account', ['alice', 'ALICE@EXAMPLE.COM', '+8613800000001'], ['Alice', ' alice', '__proto__', 'username:alice']],
  ['username', ['alice', '13900000001'], ['alice@example.com', '13900000000']],
  ['email', ['aLiCe@example.com'], ['alice']],
  ['phone', ['+8613800000001', '13900000000'], ['13900000001']],
] as const)('finds by %s %j, and not %j', (identifier, known, unknown) => {
  const store = buildStore();
  const names = [...known, ...unknown];
  expect(names.filter((name) => store.findUser(identifier, name))).toEqual(known);
});

it.each<[string, (store: UserStore) => unknown]>([
  ['changes.email: ', (store) => store.updateUser('mail@example.com', { name: 'New', email: 'ALICE@example.com' })],
  ['account: expected', (store) => store.updateUser('unknown', {})],
  ['account: expected', (store) => store.removeUser(undefined)],
  ['sAMAccountName: expected', (store) => store.updateAdAccount('unknown', {})],
  ['sAMAccountName: expected', (store) => store.removeAdAccount(undefined)],
  ['changes: unknown property "username"', (store) => store.updateAdAccount('zhangsan', { username: 'x' })],
])('a change that is refused with "%s" changes nothing', (start, change) => {
  const store = buildStore();
  const before = store.list();
  expect(() => change(store)).toThrow(invalidInput(start));
  expect(store.list()).toEqual(before);
});

it('changes only the given properties, and keeps the sub', async () => {
  const store = buildStore();
  const find = () => store.findUser('account', 'alice')!;
  const old = { ...find() };
  store.updateUser('+8613800000001', { name: 'Other', mfa: true, updated_at: 'x' });
  expect(find()).toEqual({ ...old, claims: { ...old.claims, name: 'Other', updated_at: 'x' }, states: { mfa: true } });
  store.updateUser('alice', { password: 'new' });
  expect(find()).toMatchObject({ sub: old.sub, claims: { name: 'Other', updated_at: expect.stringMatching(/Z$/) } });
  expect(await isPassword('new', find().password)).toBe(true);
});

it('lists the users in the order in which they were added, also after changes', () => {
  const store = buildStore();
  const names = () => (store.list().users as Record<string, string>[]).map(({ sub }) => sub);
  const before = names();
  store.updateUser('alice', { username: 'alicia' });
  expect(names()).toEqual(before);
  store.removeUser('mail@example.com');
  expect(names()).toEqual(before.filter((_, i) => i !== 1));
});

it('replaces identifiers and frees the old ones, except for the first, which gave the sub', () => {
  const store = buildStore();
  const sub = store.findUser('account', 'alice')?.sub;
  store.updateUser('ALICE@example.com', { username: 'alicia', email: 'alicia@example.com' });
  expect(store.findUser('account', 'alicia@example.com')?.sub).toBe(sub);
  expect([store.findUser('account', 'alice'), store.findUser('email', ALICE.email)]).toEqual([undefined, undefined]);
  store.addUser({ email: ALICE.email, password: 'p' }, 'user');
  const taken = invalidInput('user.username: "alice" already belongs to another user.');
  expect(() => store.addUser({ username: 'alice', password: 'p' }, 'user')).toThrow(taken);
});

it('removes a user under all identifiers, and an AD account in any case, and gives the same sub to a new user', () => {
  const store = buildStore();
  const [alice, ad] = [store.findUser('account', 'alice'), store.findAdAccount('zhangsan')];
  store.removeUser('+8613800000001');
  store.removeAdAccount('zhangSAN');
  expect([store.findUser('account', 'alice'), alice?.removed]).toEqual([undefined, true]);
  expect([store.findAdAccount('zhangsan'), ad?.removed]).toEqual([undefined, true]);
  expect(store.addUser(ALICE, 'user')).toBe(alice?.sub);
});

it('lists a copy of each user once, without passwords', () => {
  const store = new UserStore(CATALOGS, false);
  const roles = ['reader'];
  const states = { mfa: true, tenants: ['t-1'], signInAnswer: { statusCode: 301, apiCode: 1642, message: '' } };
  const { password, ...claims } = ALICE;
  const sub = store.addUser({ ...claims, roles, ...states, password }, 'user');
  const ad = { sAMAccountName: 'alice', name: '张三' };
  const adSub = store.addAdAccount({ ...ad, password }, 'adAccount');
  roles.push('admin');
  const shared = { gender: 'U', updated_at: expect.any(String) as unknown };
  const users = [{ sub, ...claims, ...states, roles: ['reader'], ...shared }];
  expect(store.list()).toEqual({ users, adAccounts: [{ sub: adSub, ...ad, ...shared }] });
  expect([sub, adSub]).toEqual([expect.stringMatching(/^[\da-f]{24}$/), expect.not.stringMatching(sub)]);
});

it.each<[number, 'PASSWORD' | 'AD', string[]]>([
  [1, 'PASSWORD', ['alice', 'ALICE@example.com', '+8613800000001']],
  [1, 'PASSWORD', ['unknown@b', 'UNKNOWN@b']],
  [2, 'PASSWORD', ['unknown', 'Unknown']],
  [1, 'AD', ['ZhangSan', 'zhangsan']],
])('has %i counts of failures for %s %j', (count, connection, names) => {
  const store = buildStore();
  expect(new Set(names.map((name) => store.keyOf(connection, name))).size).toBe(count);
});

it('compares a password exactly with its salted hash, and never accepts an empty password', async () => {
  const stored = hashPassword('pässw0rd ');
  const passwords = ['pässw0rd ', 'pässw0rd', 'PÄSSW0RD ', 'pa\u0308ssw0rd ', 'pässw0rd \0'];
  const right = await Promise.all(passwords.map((password) => isPassword(password, stored)));
  expect(right).toEqual([true, false, false, false, false]);
  expect([await isPassword('', hashPassword('')), await isPassword('p', undefined)]).toEqual([false, false]);
  expect(stored.key).not.toEqual(hashPassword('pässw0rd ').key);
});
