import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { GenAuthEmulator, readUsersFile } from '../../../src/emulator/index.js';
import { catchError } from '../../support/promise.js';
import { invalidInput } from '../support.js';
import { propertyRuns } from '../../support/property.js';

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

const BROKEN = ' is not valid JSON. The error is at ';
const WRONG_TYPE = ' must hold { "users": [...], "adAccounts": [...] } or a list of users.';
const withUser = (member: object) => [{ ...CANARY, ...member }];

/** Start of the message → content of the file. `FILE` stands for its path. */
it.each<[string, unknown]>([
  [`FILE${BROKEN}position 22.`, '[{"password":"canary",}]'],
  [`FILE${BROKEN}`, '[{"password":"canary"'],
  [`FILE${BROKEN}the end of the file.`, ''],
  [`FILE${WRONG_TYPE}`, '"canary"'],
  [`FILE${WRONG_TYPE}`, 'null'],
  ['FILE: unknown property "user". Use one of: users, adAccounts, tenants, roles, extended', { user: [CANARY] }],
  ['FILE: unknown property "__proto__"', '{"__proto__":[]}'],
  ['users[1].email: expected', [CANARY, { email: 'b', password: 'canary' }]],
  ['users[0].password: expected a string that is not empty, got a list.', withUser({ password: ['canary'] })],
  ['users[0].roles[1]: "b" is not', { roles: ['a'], users: withUser({ roles: ['a', 'b'] }) }],
  ['users[0].signInAnswer.apiCode: ', withUser({ signInAnswer: { statusCode: 301, apiCode: 'x' } })],
  ['users: expected a list, got an object.', { users: { alice: {} } }],
  ['adAccounts[0].sAMAccountName: ', { adAccounts: [{ sAMAccountName: '', password: 'canary' }] }],
])('says "%s" about %j without quoting a password', async (start, content) => {
  const error = await catchError(build(content));
  expect(error).toEqual(invalidInput(start.replace('FILE', path)));
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
  const names = 'username email phone_number roles mfa tenants signInAnswer address __proto__ password'.split(' ');
  const member = fc.tuple(fc.constantFrom(...names, 'sAMAccountName'), fc.jsonValue());
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
    propertyRuns(),
  );
});
