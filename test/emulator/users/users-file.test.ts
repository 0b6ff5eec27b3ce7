import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GenAuthEmulator, readUsersFile } from '../../../src/emulator/index.js';
import { catchError } from '../../support/promise.js';
import { invalidInput } from '../support.js';

let path: string;

beforeAll(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'genauth-users-')), 'users.json');
});
afterAll(() => rm(join(path, '..'), { recursive: true }));

/** Reads a file with this content, and builds an emulator from it. */
async function read(content: unknown): Promise<object> {
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  const options = await readUsersFile(path);
  void new GenAuthEmulator(options);
  return options;
}

const FILE = {
  tenants: ['t-1'],
  roles: ['admin'],
  extendedFields: ['age'],
  users: [{ username: 'a', password: 'p', roles: ['admin'], tenants: ['t-1'], extended_fields: { age: 22 } }],
  adAccounts: [{ sAMAccountName: 'b', password: 'p', mustChangePassword: true }],
};

it.each<[string, unknown, object]>([
  ['all properties of a file', FILE, FILE],
  ['a list of users', FILE.users, { users: FILE.users }],
  ['a byte order mark', '\uFEFF[]', { users: [] }],
])('reads %s', async (_title, content, expected) => {
  expect(await read(content)).toEqual(expected);
});

const CANARY = { username: 'a', password: 'canary' };
const WRONG_TYPE = 'FILE must hold { "users": [...], "adAccounts": [...] } or a list of users.';

/** Start of the message → content of the file. `FILE` stands for its path. */
it.each<[string, unknown]>([
  ['FILE is not valid JSON. The error is at position 22.', '[{"password":"canary",}]'],
  ['FILE is not valid JSON. The error is at the end of the file.', ''],
  [WRONG_TYPE, '"canary"'],
  ['FILE: unknown property "user". Use one of: users, adAccounts, tenants, roles, extended', { user: [CANARY] }],
  ['users[1].email: expected', [CANARY, { email: 'b', password: 'canary' }]],
  ['users[0].roles[1]: "b" is not', { roles: ['a'], users: [{ ...CANARY, roles: ['a', 'b'] }] }],
  ['users: expected a list, got an object.', { users: { alice: {} } }],
])('says "%s" about %j without quoting a password', async (start, content) => {
  const error = await catchError(read(content));
  expect(error).toEqual(invalidInput(start.replace('FILE', path)));
  expect(String(error.stack)).not.toContain('canary');
});

it('names a file that does not exist, with the cause', async () => {
  const message = `cannot read ${path}.x (ENOENT).`;
  const error = { code: 'invalid_input', message, cause: { code: 'ENOENT' } };
  await expect(readUsersFile(`${path}.x`)).rejects.toMatchObject(error);
});
