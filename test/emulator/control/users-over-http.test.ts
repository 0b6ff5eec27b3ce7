import { control, getTokens, postSignIn, rawRequest, signInBody, useEmulator, verify } from '../support.js';

const emulator = useEmulator({ users: [{ username: 'alice', email: 'alice@example.com', password: 'passw0rd' }] });

async function codeOf(account: string, password: string, connection = 'PASSWORD') {
  const payload = connection === 'AD' ? { adPayload: { sAMAccountName: account, password } } : {};
  const body = signInBody(emulator(), { connection, passwordPayload: { account, password }, ...payload });
  return (await postSignIn(emulator(), body)).answer.statusCode;
}

describe('POST /users', () => {
  test('adds a user, roles, fields, tenants and states', async () => {
    const user = {
      username: 'carol',
      email: 'carol@example.com',
      password: 'c',
      roles: ['auditor', { code: 'admin', name: 'Administrators' }],
      extended_fields: { school: 'pku' },
      tenants: ['t-1'],
    };
    const { status, answer } = await control(emulator(), 'POST', '/users', user);
    expect([status, answer]).toEqual([200, { sub: expect.stringMatching(/^[\da-f]{24}$/) }]);
    const { id_token } = await getTokens(emulator(), {
      passwordPayload: { account: 'carol@example.com', password: 'c' },
      options: { scope: 'openid roles extended_fields tenant_id', tenantId: 't-1' },
    });
    const { payload } = await verify(emulator(), id_token);
    const { roles, extended_fields } = user;
    expect(payload).toMatchObject({ ...(answer as object), roles, extended_fields, tenant_id: 't-1' });
  });

  test('adds an AD account by its sAMAccountName', async () => {
    const { status } = await control(emulator(), 'POST', '/users', { sAMAccountName: 'LiSi', password: 'l' });
    expect([status, await codeOf('lisi', 'l', 'AD'), await codeOf('lisi', 'l')]).toEqual([200, 200, 403]);
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'user: expected an object, got undefined.'],
    ['a list', [{ username: 'x', password: 'x' }], 'user: expected an object, got a list.'],
    ['no password', { username: 'x' }, 'user.password: expected a string that is not empty, got undefined.'],
    [
      'a mistake',
      { username: 'x', password: 'canary', email: 'x' },
      'user.email: expected an e-mail address, got "x".',
    ],
    [
      'a taken name',
      { username: 'alice', password: 'canary' },
      'user.username: "alice" already belongs to another user. Use another value.',
    ],
    [
      'a role',
      { username: 'x', password: 'canary', roles: [{ name: 'admin' }] },
      'user.roles: expected a list of role codes',
    ],
    ['an AD account', { sAMAccountName: '', password: 'canary' }, 'adAccount.sAMAccountName: expected'],
    [
      'a taken AD name',
      { sAMAccountName: 'ZHANGSAN', password: 'canary' },
      'adAccount.sAMAccountName: "ZHANGSAN" already belongs',
    ],
  ])('%s is 400 with its place, and no password', async (_name, body, message) => {
    const { status, answer } = await control(emulator(), 'POST', '/users', body);
    expect([status, answer]).toEqual([400, { statusCode: 400, message: expect.stringContaining(message) }]);
    expect(JSON.stringify(answer)).not.toContain('canary');
    expect(await codeOf('x', 'canary')).toBe(403);
  });
});

describe('PATCH and DELETE /users/:account', () => {
  test.each(['dora', 'dora%40example.com', '%2B8613800000042', 'DORA@example.com'])(
    'find a user by %s',
    async (name) => {
      const user = { username: 'dora', email: 'dora@example.com', phone_number: '+8613800000042', password: 'd' };
      emulator().addUser(user);
      expect(await control(emulator(), 'PATCH', `/users/${name}`, { password: 'new', nickname: 'D' })).toEqual({
        status: 200,
        answer: {},
      });
      expect([await codeOf('dora', 'd'), await codeOf('dora', 'new')]).toEqual([403, 200]);
      expect(await control(emulator(), 'DELETE', `/users/${name}`)).toEqual({ status: 200, answer: {} });
      expect(await codeOf('dora', 'new')).toBe(403);
    },
  );

  test('a name with a slash, a question mark and a percent sign is one', async () => {
    const username = 'a/b?c%d';
    emulator().addUser({ username, password: 'p' });
    const path = `/users/${encodeURIComponent(username)}`;
    expect((await control(emulator(), 'PATCH', path, { password: 'q' })).status).toBe(200);
    expect(await codeOf(username, 'q')).toBe(200);
    expect((await control(emulator(), 'DELETE', path)).status).toBe(200);
  });

  test.each<[string, string, unknown, string]>([
    [
      'PATCH',
      '/users/nobody',
      {},
      'account: expected the user name, e-mail address or phone number of a user, got "nobody".',
    ],
    ['DELETE', '/users/nobody', undefined, 'got "nobody".'],
    ['PATCH', '/users/zhangsan', {}, 'got "zhangsan".'],
    ['PATCH', '/users/alice', undefined, 'changes: expected an object, got undefined.'],
    ['PATCH', '/users/alice', { email: 'x' }, 'changes.email: expected an e-mail address, got "x".'],
    ['PATCH', '/users/alice', { sub: 'x' }, 'changes: unknown property "sub"'],
    ['PATCH', '/ad-accounts/alice', {}, 'sAMAccountName: expected the name of an AD account, got "alice".'],
    ['DELETE', '/ad-accounts/__proto__', undefined, 'got "__proto__".'],
    ['PATCH', '/ad-accounts/zhangsan', { username: 'x' }, 'changes: unknown property "username"'],
    ['PATCH', '/ad-accounts/zhangsan', { sAMAccountName: 'x' }, 'changes: unknown property "sAMAccountName"'],
    ['PATCH', '/ad-accounts/zhangsan', { password: '' }, 'changes.password: expected a string that is not empty'],
  ])('%s %s %j is 400 and changes nothing', async (method, path, body, message) => {
    const { status, answer } = await control(emulator(), method, path, body);
    expect([status, answer]).toEqual([400, { statusCode: 400, message: expect.stringContaining(message) }]);
    expect([await codeOf('alice', 'passw0rd'), await codeOf('zhangsan', 'AdPassw0rd', 'AD')]).toEqual([200, 200]);
  });

  test('a name that cannot be decoded is 400', async () => {
    const { status } = await rawRequest(`${emulator().url}/emulator/v1/users/%E0%A4%A`, { method: 'DELETE' });
    expect(status).toBe(400);
  });
});

describe('PATCH and DELETE /ad-accounts/:account', () => {
  test('change and remove one, in whichever case', async () => {
    emulator().addAdAccount({ sAMAccountName: 'WangWu', password: 'w' });
    const signIn = () =>
      getTokens(emulator(), {
        connection: 'AD',
        adPayload: { sAMAccountName: 'wangwu', password: 'w' },
        options: { scope: 'openid email username' },
      });
    const before = (await verify(emulator(), (await signIn()).id_token)).payload;
    await control(emulator(), 'PATCH', '/ad-accounts/WANGWU', { email: 'w@example.com' });
    const { payload } = await verify(emulator(), (await signIn()).id_token);
    expect(payload).toMatchObject({ sub: before.sub, email: 'w@example.com', username: 'WangWu' });
    await control(emulator(), 'PATCH', '/ad-accounts/wangwu', { disabled: true });
    expect(await codeOf('wangwu', 'w', 'AD')).toBe(403);
    expect((await control(emulator(), 'DELETE', '/ad-accounts/WANGWU')).status).toBe(200);
    emulator().addAdAccount({ sAMAccountName: 'wangwu', password: 'w' });
    expect(await codeOf('wangwu', 'w', 'AD')).toBe(200);
  });
});

test('GET /users shows everybody once, as they were given, and no password', async () => {
  emulator().addUser({
    username: 'erin',
    email: 'erin@example.com',
    phone_number: '+8613800000043',
    password: 'canary',
    mfa: true,
    tenants: ['t-1'],
    signInAnswer: { statusCode: 301, apiCode: 1642 },
  });
  const { status, answer } = await control(emulator(), 'GET', '/users');
  expect(status).toBe(200);
  const { users, adAccounts } = answer as { users: { username: string }[]; adAccounts: object[] };
  expect(users.filter(({ username }) => username === 'erin')).toEqual([
    {
      sub: expect.stringMatching(/^[\da-f]{24}$/),
      username: 'erin',
      email: 'erin@example.com',
      phone_number: '+8613800000043',
      gender: 'U',
      updated_at: expect.any(String),
      mfa: true,
      tenants: ['t-1'],
      signInAnswer: { statusCode: 301, apiCode: 1642, message: '' },
    },
  ]);
  expect(adAccounts).toContainEqual(expect.objectContaining({ sAMAccountName: 'zhangsan', name: '张三' }));
  expect(JSON.stringify(answer)).not.toMatch(/canary|password|salt|username":"zhangsan/);
});
