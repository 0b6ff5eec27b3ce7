import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { GenAuthEmulator, readUsersFile } from '../../../src/emulator/index.js';
import { catchError } from '../../support/promise.js';
import { propertyRuns } from '../../support/property.js';
import { invalidInput } from '../support.js';

let path: string;
beforeAll(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'genauth-users-')), 'users.json');
});
afterAll(() => rm(join(path, '..'), { recursive: true }));

/** Reads a file with this content, and builds an emulator from it. */
async function read(content: string): Promise<object> {
  await writeFile(path, content);
  const options = await readUsersFile(path);
  void new GenAuthEmulator(options);
  return options;
}

const USERS = [{ username: 'a', password: 'p', roles: ['admin'], tenants: ['t-1'], extended_fields: { age: 22 } }];
const FILE = { tenants: ['t-1'], roles: ['admin'], extendedFields: ['age'], users: USERS, adAccounts: [] };

it.each<[string, string, object]>([
  ['all properties of a file', JSON.stringify(FILE), FILE],
  ['a list of users, after a byte order mark', `\uFEFF${JSON.stringify(USERS)}`, { users: USERS }],
])('reads %s', async (_title, content, expected) => {
  expect(await read(content)).toEqual(expected);
});

/** Start of the message → content of the file. `FILE` stands for its path. */
it.each<[string, string]>([
  ['FILE is not valid JSON. The error is at position 22.', '[{"password":"canary",}]'],
  ['FILE is not valid JSON. The error is at the end of the file.', ''],
  ['FILE must hold { "users": [...], "adAccounts": [...] } or a list of users.', '"canary"'],
  ['FILE: unknown property "user". Use one of: users, adAccounts, tenants, roles, extended', '{"user":"canary"}'],
  ['users[0].email: expected', '[{"email":"b","password":"canary"}]'],
])('says "%s" about %j without quoting a password', async (start, content) => {
  const error = await catchError(read(content));
  expect(error).toEqual(invalidInput(start.replace('FILE', path)));
  expect(String(error.stack)).not.toContain('canary');
});

it('reads a file with any values, or refuses it with an error that quotes no password', async () => {
  const user = fc.record({ username: fc.anything(), password: fc.constant('canary'), roles: fc.anything() });
  const content = fc.oneof(
    fc.jsonValue(),
    fc.array(user),
    fc.record({ users: fc.array(user), tenants: fc.anything() }),
  );
  const property = fc.asyncProperty(content, async (value) => {
    const error = await read(JSON.stringify(value)).then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
    expect(['EmulatorError', undefined]).toContain(error?.name);
    expect(String(error?.stack)).not.toContain('canary');
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
  await fc.assert(property, propertyRuns());
});
