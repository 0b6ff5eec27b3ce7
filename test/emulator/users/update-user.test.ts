import { decodeJwt } from 'jose';
import type { GenAuthEmulator } from '../../../src/emulator/index.js';
import { getTokens, postSignIn, signInBody, useEmulator } from '../support.js';

const emulator = useEmulator();

let count = 0;

/** A new user, who has an identifier of each kind. */
function addUser(own: GenAuthEmulator) {
  count += 1;
  const username = `user${count}`;
  const user = {
    username,
    email: `${username}@example.com`,
    phone_number: `+86138${count + 10_000_000}`,
    name: 'Name',
  };
  return { ...user, ...own.addUser({ ...user, password: 'p' }) };
}

async function codeOf(account: string, password = 'p'): Promise<number> {
  const body = signInBody(emulator(), { passwordPayload: { account, password } });
  return (await postSignIn(emulator(), body)).answer.statusCode;
}

async function claimsOf(account: string, password = 'p') {
  const options = { scope: 'openid profile username email phone roles' };
  const { id_token } = await getTokens(emulator(), { passwordPayload: { account, password }, options });
  return decodeJwt(id_token);
}

describe('updateUser', () => {
  test.each(['username', 'email', 'phone_number'] as const)('finds a user by %s', async (identifier) => {
    const user = addUser(emulator());
    emulator().updateUser(user[identifier], { roles: ['auditor'] });
    expect((await claimsOf(user.username))['roles']).toEqual(['auditor']);
  });

  test('leaves what is left out, and the sub', async () => {
    const user = addUser(emulator());
    const before = await claimsOf(user.username);
    emulator().updateUser(user.username, { name: 'Other' });
    const after = await claimsOf(user.username);
    const { iat, exp, updated_at } = after;
    expect(after).toEqual({ ...before, iat, exp, updated_at, name: 'Other' });
    expect(Date.parse(String(updated_at))).toBeGreaterThanOrEqual(Date.parse(String(before['updated_at'])));
  });

  test('takes updated_at if it is given', async () => {
    const { username } = addUser(emulator());
    emulator().updateUser(username, { updated_at: '2026-01-02T03:04:05.000Z' });
    expect((await claimsOf(username))['updated_at']).toBe('2026-01-02T03:04:05.000Z');
    emulator().updateUser(username, {});
    expect((await claimsOf(username))['updated_at']).not.toBe('2026-01-02T03:04:05.000Z');
  });

  test('changes the password', async () => {
    const { username } = addUser(emulator());
    emulator().updateUser(username, { password: 'new' });
    expect([await codeOf(username), await codeOf(username, 'new')]).toEqual([403, 200]);
  });

  test('changes identifiers: the new ones sign in, the old ones do not, and are free but for the first', async () => {
    const { username, email, phone_number, sub } = addUser(emulator());
    const changed = { username: `${username}b`, email: `b${email}`, phone_number: `${phone_number}9` };
    emulator().updateUser(email.toUpperCase(), changed);
    for (const old of [username, email, phone_number]) expect(await codeOf(old)).toBe(403);
    for (const name of Object.values(changed)) expect((await claimsOf(name)).sub).toBe(sub);
    const other = emulator().addUser({ username: `${username}c`, email, phone_number, password: 'p' });
    expect((await claimsOf(email)).sub).toBe(other.sub);
    // Whoever began with that name would have the same sub.
    expect(() => emulator().addUser({ username, password: 'p' })).toThrow(
      `user.username: "${username}" already belongs to another`,
    );
  });

  test('takes a user’s own identifiers again', async () => {
    const { username, email } = addUser(emulator());
    emulator().updateUser(username, { username, email: email.toUpperCase() });
    expect(await codeOf(email)).toBe(200);
  });

  test('keeps a copy', async () => {
    const { username } = addUser(emulator());
    const roles = ['reader'];
    emulator().updateUser(username, { roles });
    roles.push('admin');
    expect((await claimsOf(username))['roles']).toEqual(['reader']);
  });

  test.each<[string, unknown, string]>([
    ['no object', 7, 'changes: expected an object, got 7.'],
    ['a misspelt claim', { role: [] }, 'changes: unknown property "role". Use one of: password, username'],
    ['a sub', { sub: 'x' }, 'changes: unknown property "sub"'],
    [
      'a wrong type',
      { name: 'New', roles: 'admin' },
      'changes.roles: expected a list of role codes, or of objects with a code, got "admin".',
    ],
    ['an empty name', { username: '' }, 'changes.username: expected a string that is not empty'],
    ['null', { email: null }, 'changes.email: expected a string that is not empty, got null.'],
    [
      'an empty password',
      { name: 'New', password: '' },
      'changes.password: expected a string that is not empty, got an empty',
    ],
    [
      'a number as password',
      { password: 4711 },
      'changes.password: expected a string that is not empty, got a number.',
    ],
    [
      'another user’s name',
      { name: 'New', username: 'alice' },
      'changes.username: "alice" already belongs to another user. Use another value.',
    ],
    [
      'another’s e-mail address',
      { email: 'ALICE@example.com' },
      'changes.email: "ALICE@example.com" already belongs to another user',
    ],
    [
      'another’s address as name',
      { username: 'alice@example.com' },
      'changes.username: "alice@example.com" already belongs to another',
    ],
  ])('refuses %s, and changes nothing then', async (_name, changes, message) => {
    const { username } = addUser(emulator());
    const before = await claimsOf(username);
    expect(() => emulator().updateUser(username, changes as never)).toThrow(
      expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining(message) }),
    );
    const after = await claimsOf(username);
    expect(after).toEqual({ ...before, iat: after.iat, exp: after.exp });
  });
});

describe('removeUser', () => {
  test.each(['username', 'email', 'phone_number'] as const)('finds a user by %s, who is nobody then', async (by) => {
    const user = addUser(emulator());
    emulator().removeUser(user[by]);
    for (const name of [user.username, user.email, user.phone_number]) expect(await codeOf(name)).toBe(403);
    expect(await codeOf('alice', 'passw0rd')).toBe(200);
    // The same user, as far as names tell.
    expect(emulator().addUser({ username: user.username, password: 'p' })).toEqual({ sub: user.sub });
  });
});

describe.each(['updateUser', 'removeUser'] as const)('%s', (method) => {
  test.each([
    ['nobody', 'got "nobody"'],
    ['zhangsan', 'got "zhangsan"'],
    ['', 'got ""'],
    ['__proto__', 'got "__proto__"'],
    [undefined, 'got undefined'],
    [{}, 'got an object'],
  ])('refuses %p, whom there is not', (account, got) => {
    expect(() => emulator()[method](account as never, {})).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        message: expect.stringContaining(
          `account: expected the user name, e-mail address or phone number of a user, ${got}.`,
        ),
      }),
    );
  });
});
