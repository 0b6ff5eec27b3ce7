import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { GenAuthEmulator, readUsersFile } from '../../../src/emulator/index.js';
import { catchError } from '../../support/promise.js';

let path: string;

beforeAll(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'genauth-users-')), 'users.json');
});
afterAll(() => rm(join(path, '..'), { recursive: true }));

/** Builds an emulator from a file with this content. */
async function build(content: unknown): Promise<GenAuthEmulator> {
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return new GenAuthEmulator(await readUsersFile(path));
}

it('reads all properties of a file', async () => {
  const file = {
    tenants: ['t-1', 't-2'],
    roles: ['admin', 'editor'],
    extendedFields: ['school', 'age'],
    users: [
      { username: 'a', password: 'p', roles: ['editor'], tenants: ['t-1'], extended_fields: { age: 22 }, mfa: true },
    ],
    adAccounts: [{ sAMAccountName: 'b', password: 'p', roles: ['admin'], mustChangePassword: true }],
  };
  await build(file);
  expect(await readUsersFile(path)).toEqual(file);
});

it.each<[string, unknown, object]>([
  ['a list of users', [{ username: 'a', password: 'x' }], { users: [{ username: 'a', password: 'x' }] }],
  ['an empty object', {}, {}],
  ['a byte order mark', '\uFEFF[]', { users: [] }],
])('reads %s', async (_title, content, expected) => {
  await build(content);
  expect(await readUsersFile(path)).toEqual(expected);
});

const CANARY = { username: 'a', password: 'canary' };

it.each<[string, unknown, RegExp]>([
  [
    'text that is not JSON',
    '[{"password":"canary",}]',
    /users\.json is not valid JSON\. The error is at position 22\.$/,
  ],
  [
    'incomplete JSON',
    '[{"password":"canary"',
    /is not valid JSON\. The error is at (position \d+|the end of the file)\.$/,
  ],
  ['an empty file', '', /users\.json is not valid JSON\. The error is at the end of the file\.$/],
  [
    'a string',
    '"canary"',
    /users\.json must hold \{ "users": \[\.\.\.\], "adAccounts": \[\.\.\.\] \} or a list of users\.$/,
  ],
  ['null', 'null', /users\.json must hold/],
  ['an unknown property', { user: [CANARY] }, /users\.json: unknown property "user"\. Use one of: users, adAccounts,/],
  ['a polluted object', '{"__proto__":[]}', /users\.json: unknown property "__proto__"/],
  ['a wrong user', [CANARY, { email: 'b', password: 'canary' }], /^users\[1\]\.email: expected/],
  ['a wrong password', [{ username: 'a', password: ['canary'] }], /^users\[0\]\.password: expected .* got a list\.$/],
  [
    'an unknown role',
    { roles: ['a'], users: [{ ...CANARY, roles: ['a', 'b'] }] },
    /^users\[0\]\.roles\[1\]: "b" is not/,
  ],
  [
    'a wrong answer',
    [{ ...CANARY, signInAnswer: { statusCode: 301, apiCode: 'x' } }],
    /^users\[0\]\.signInAnswer\.apiCode/,
  ],
  ['an object of users', { users: { alice: {} } }, /^users: expected a list, got an object\.$/],
  [
    'a wrong AD account',
    { adAccounts: [{ sAMAccountName: '', password: 'canary' }] },
    /^adAccounts\[0\]\.sAMAccountName/,
  ],
])('names the place of %s without quoting a password', async (_title, content, message) => {
  const error = await catchError(build(content));
  expect(error).toMatchObject({
    name: 'EmulatorError',
    code: 'invalid_input',
    message: expect.stringMatching(message),
  });
  expect(String(error.stack)).not.toContain('canary');
});

it('names a file that does not exist, with the cause', async () => {
  await expect(readUsersFile(`${path}.x`)).rejects.toMatchObject({
    code: 'invalid_input',
    message: `cannot read ${path}.x (ENOENT).`,
    cause: { code: 'ENOENT' },
  });
});

it('accepts any JSON document, or throws an error that names the path of the mistake', async () => {
  const names = [
    'username',
    'email',
    'phone_number',
    'roles',
    'mfa',
    'tenants',
    'signInAnswer',
    'address',
    '__proto__',
  ];
  const member = fc.tuple(fc.constantFrom(...names, 'sAMAccountName', 'password'), fc.jsonValue());
  const user = fc.array(member).map((members) => Object.fromEntries([['password', 'canary-7'], ...members]) as object);
  const list = fc.oneof(fc.array(fc.oneof(user, fc.jsonValue()), { maxLength: 3 }), fc.jsonValue());
  const file = fc.record({ users: list, adAccounts: list, tenants: list, roles: list }, { requiredKeys: [] });
  await fc.assert(
    fc.asyncProperty(fc.oneof(file, list), async (content) => {
      const outcome = await build(content).then(() => 'accepted', String);
      expect(outcome).toMatch(
        /^(accepted|EmulatorError: (users|adAccounts|tenants|roles|\/.*users\.json)\b(?!.*canary-7).*)$/s,
      );
      expect(Object.keys(Object.prototype)).toEqual([]);
    }),
    { seed: 20261128, numRuns: Number(process.env['PROPERTY_RUNS'] ?? 200) },
  );
});
