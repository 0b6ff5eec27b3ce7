import { hashPassword, isPassword } from '../../../src/emulator/users/passwords.js';
import { type Catalogs, findMfa } from '../../../src/emulator/users/user-states.js';
import { type EmulatorUser, UserStore } from '../../../src/emulator/users/user-store.js';
import { invalidInput } from '../support.js';

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
afterEach(() => expect(unchanged.list()).toEqual(before));
const before = unchanged.list();

it.each([
  [
    'account',
    ['alice', 'ALICE@EXAMPLE.COM', '+8613800000001'],
    ['Alice', ' alice', '__proto__', 'username:alice', 'ZhangSan'],
  ],
  ['username', ['alice', '13900000001'], ['alice@example.com', '13900000000']],
  ['email', ['aLiCe@example.com'], ['alice']],
  ['phone', ['+8613800000001', '13900000000'], ['13900000001']],
] as const)('finds by %s %j, and not %j', (identifier, known, unknown) => {
  expect(known.filter((name) => unchanged.findUser(identifier, name))).toEqual(known);
  expect(unknown.filter((name) => unchanged.findUser(identifier, name))).toEqual([]);
});

it.each([{ email: 'ALICE@example.com' }, { password: '' }])('changes nothing with the wrong change %j', (wrong) => {
  const update = () => unchanged.updateUser('mail@example.com', { name: 'New', ...wrong });
  expect(update).toThrow(invalidInput(`changes.${Object.keys(wrong).join()}: `));
});

it.each<[string, () => unknown]>([
  ['account', () => unchanged.updateUser('unknown', {})],
  ['account', () => unchanged.removeUser(undefined)],
  ['sAMAccountName', () => unchanged.updateAdAccount('unknown', {})],
  ['sAMAccountName', () => unchanged.removeAdAccount(undefined)],
])('refuses an unknown %s', (name, run) => {
  expect(run).toThrow(invalidInput(`${name}: expected`));
});

it('changes only the given properties, and keeps the sub', async () => {
  const store = buildStore();
  const find = () => store.findUser('account', 'alice')!;
  const old = { ...find() };
  store.updateUser('+8613800000001', { name: 'Other', roles: ['a'], mfa: true, updated_at: 'x' });
  const claims = { ...old.claims, name: 'Other', roles: ['a'], updated_at: 'x' };
  expect(find()).toEqual({ ...old, claims, states: { mfa: true } });
  store.updateUser('alice', { password: 'new' });
  const now: unknown = expect.stringMatching(/^\d{4}-.*Z$/);
  expect(find()).toMatchObject({ sub: old.sub, claims: { ...claims, updated_at: now }, states: { mfa: true } });
  expect(await isPassword('new', find().password)).toBe(true);
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
  const claims = { username: 'ZhangSan', email: 'z@example.com' };
  expect(account).toMatchObject({ claims, states: { disabled: true } });
  expect(() => store.updateAdAccount('zhangsan', { username: 'x' })).toThrow(invalidInput('changes: unknown'));
  store.removeAdAccount('zhangSAN');
  expect([store.findAdAccount('zhangsan'), account?.removed]).toEqual([undefined, true]);
});

it('lists a copy of each user once, without passwords', () => {
  const store = new UserStore(ANY, false);
  const roles = ['reader'];
  const states = { mfa: true, tenants: ['t-1'], signInAnswer: { statusCode: 301, apiCode: 1642 } };
  const user: EmulatorUser = { ...ALICE, ...states, roles };
  const sub = store.addUser(user, 'user');
  const adSub = store.addAdAccount({ sAMAccountName: 'alice', name: '张三', password: 'p' }, 'adAccount');
  roles.push('admin');
  const { password: _, ...claims } = { ...ALICE, roles: ['reader'] };
  const shared = { gender: 'U', updated_at: expect.any(String) as unknown };
  expect(store.list()).toEqual({
    users: [{ sub, ...claims, ...shared, ...states, signInAnswer: { ...states.signInAnswer, message: '' } }],
    adAccounts: [{ sub: adSub, sAMAccountName: 'alice', name: '张三', ...shared }],
  });
  expect([sub, adSub]).toEqual([expect.stringMatching(/^[\da-f]{24}$/), expect.not.stringMatching(sub)]);
});

it('counts failures of all names of a user together, in any case of an e-mail address and of an AD account', () => {
  const keysOf = (connection: 'PASSWORD' | 'AD', ...names: string[]) =>
    new Set(names.map((name) => unchanged.keyOf(connection, name))).size;
  expect(keysOf('PASSWORD', 'alice', 'ALICE@example.com', '+8613800000001')).toBe(1);
  expect([keysOf('PASSWORD', 'unknown@b', 'UNKNOWN@b'), keysOf('AD', 'ZhangSan', 'zhangsan')]).toEqual([1, 1]);
  expect(keysOf('PASSWORD', 'unknown', 'Unknown')).toBe(2);
  expect(unchanged.keyOf('PASSWORD', 'zhangsan')).not.toBe(unchanged.keyOf('AD', 'zhangsan'));
});

it('the state mfa of a user replaces the option mfa', () => {
  const required = { kind: 'app', factors: ['SMS', 'OTP'] };
  expect([findMfa({}, false), findMfa({ mfa: false }, true)]).toEqual([undefined, undefined]);
  expect([findMfa({}, ['EMAIL']), findMfa({ mfa: true }, false)]).toEqual([
    { kind: 'app', factors: ['EMAIL'] },
    required,
  ]);
  expect(findMfa({ mfa: 'personal' }, true)).toEqual({ kind: 'personal', factors: ['OTP'] });
});

it('compares a password exactly with its salted hash, and never accepts an empty password', async () => {
  const stored = hashPassword('pässw0rd ');
  const passwords = ['pässw0rd ', 'pässw0rd', 'PÄSSW0RD ', 'pa\u0308ssw0rd ', 'pässw0rd \0'];
  const right = await Promise.all(passwords.map((password) => isPassword(password, stored)));
  expect(right).toEqual([true, false, false, false, false]);
  expect([await isPassword('', hashPassword('')), await isPassword('p', undefined)]).toEqual([false, false]);
  expect(stored.key).not.toEqual(hashPassword('pässw0rd ').key);
});
