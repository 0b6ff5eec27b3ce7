import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GenAuthEmulator, readUsersFile } from '../../../src/emulator/index.js';
import { getTokens, postSignIn, signInBody, verify } from '../support.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'genauth-users-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(content: unknown): Promise<string> {
  const path = join(folder, 'users.json');
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

test('everything that a file can hold is what a sign-in finds', async () => {
  const path = await write({
    tenants: ['t-1', 't-2'],
    roles: ['admin', 'editor'],
    extendedFields: ['school', 'age'],
    users: [
      {
        username: 'carol',
        password: 'c',
        roles: ['editor'],
        tenants: ['t-1'],
        extended_fields: { school: 'pku', age: 22 },
      },
      { email: 'locked@example.com', password: 'l', lockout: true },
      { email: 'second@example.com', password: 's', mfa: ['SMS'] },
      { email: 'asked@example.com', password: 'a', signInAnswer: { statusCode: 301, apiCode: 1642 } },
    ],
    adAccounts: [{ sAMAccountName: 'lisi', password: 'l', roles: ['admin'], mustChangePassword: true }],
  });
  await using emulator = await new GenAuthEmulator({ ...(await readUsersFile(path)) }).start();
  const { id_token } = await getTokens(emulator, {
    passwordPayload: { account: 'carol', password: 'c' },
    options: { scope: 'openid roles extended_fields tenant_id', tenantId: 't-1' },
  });
  expect((await verify(emulator, id_token)).payload).toMatchObject({
    roles: ['editor'],
    extended_fields: { school: 'pku', age: 22 },
    tenant_id: 't-1',
  });
  const codeOf = async (body: object) => (await postSignIn(emulator, signInBody(emulator, { ...body }))).answer.apiCode;
  const as = (account: string, password: string, options = {}) => ({ passwordPayload: { account, password }, options });
  expect([
    await codeOf(as('carol', 'c', { tenantId: 't-2' })),
    await codeOf(as('carol', 'c', { tenantId: 't-3' })),
    await codeOf(as('locked@example.com', 'l')),
    await codeOf(as('second@example.com', 's')),
    await codeOf(as('asked@example.com', 'a')),
    await codeOf({ connection: 'AD', adPayload: { sAMAccountName: 'lisi', password: 'l' } }),
    await codeOf(as('alice', 'passw0rd')),
  ]).toEqual([2120008, 2130010, 2005, 1636, 1642, 2058, 2333]);
});

test.each<[string, unknown, object]>([
  ['a list of users', [{ username: 'a', password: 'x' }], { users: [{ username: 'a', password: 'x' }] }],
  ['AD accounts alone', { adAccounts: [] }, { adAccounts: [] }],
  ['nothing', {}, {}],
  ['a byte order mark', '\uFEFF[]', { users: [] }],
])('%s is read', async (_name, content, expected) => {
  expect(await readUsersFile(await write(content))).toEqual(expected);
});

/** A mistake in a file → what names it; whatever is in the lists is named by the emulator that takes them. */
test.each<[string, unknown, RegExp]>([
  ['no JSON', '[{"password":"canary",}]', /users\.json is not valid JSON\. The error is at position 22\.$/],
  [
    'half JSON',
    '[{"password":"canary"',
    /users\.json is not valid JSON\. The error is at (position \d+|the end of the file)\.$/,
  ],
  ['nothing at all', '', /users\.json is not valid JSON\. The error is at the end of the file\.$/],
  [
    'a text',
    '"canary"',
    /users\.json must hold \{ "users": \[\.\.\.\], "adAccounts": \[\.\.\.\] \} or a list of users\.$/,
  ],
  ['null', 'null', /users\.json must hold/],
  [
    'another member',
    { user: [{ password: 'canary' }] },
    /users\.json: unknown property "user"\. Use one of: users, adAccounts, tenants, roles, extendedFields\.$/,
  ],
  ['a polluted file', '{"__proto__":[]}', /unknown property "__proto__"/],
  [
    'a second e-mail address',
    {
      users: [
        { username: 'a', password: 'x' },
        { username: 'b', password: 'x' },
        { email: 'b', password: 'canary' },
      ],
    },
    /^users\[2\]\.email: expected an e-mail address, got "b"\.$/,
  ],
  [
    'a password',
    { users: [{ username: 'a', password: ['canary'] }] },
    /^users\[0\]\.password: expected a string that is not empty, got a list\.$/,
  ],
  [
    'a role',
    { roles: ['a'], users: [{ username: 'a', password: 'canary', roles: ['a', 'b'] }] },
    /^users\[0\]\.roles\[1\]: "b" is not in the option roles \(a\)\. Correct it or add it there\.$/,
  ],
  [
    'a tenant',
    { tenants: [], adAccounts: [{ sAMAccountName: 'a', password: 'canary', tenants: ['t'] }] },
    /^adAccounts\[0\]\.tenants\[0\]: "t" is not in the option tenants \(none\)\. Correct it or add it there\.$/,
  ],
  ['a state', { users: [{ username: 'a', password: 'canary', mfa: 'SMS' }] }, /^users\[0\]\.mfa: expected/],
  [
    'an answer',
    { users: [{ username: 'a', password: 'canary', signInAnswer: { statusCode: 301, apiCode: 'x' } }] },
    /^users\[0\]\.signInAnswer\.apiCode: expected a whole number, or a string of digits, got "x"\.$/,
  ],
  ['users that are no list', { users: { alice: {} } }, /^users: expected a list, got an object\.$/],
])('%s that is wrong is named, and nothing that is secret', async (_name, content, message) => {
  const path = await write(content);
  const failure: unknown = await readUsersFile(path)
    .then((file) => new GenAuthEmulator(file))
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({
    name: 'EmulatorError',
    code: 'invalid_input',
    message: expect.stringMatching(message),
  });
  expect(String((failure as Error).stack)).not.toContain('canary');
});

test('a file that is not there is named, with its cause', async () => {
  const path = join(folder, 'nowhere.json');
  await expect(readUsersFile(path)).rejects.toMatchObject({
    code: 'invalid_input',
    message: `cannot read ${path} (ENOENT).`,
    cause: { code: 'ENOENT' },
  });
});
