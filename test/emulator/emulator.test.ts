import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  DEFAULT_AD_ACCOUNTS,
  DEFAULT_USERS,
  EmulatorError,
  GenAuthEmulator,
  type GenAuthEmulatorOptions,
} from '../../src/emulator/index.js';
import { buildOrigin, isLoopback } from '../../src/emulator/options.js';
import { getJson, getTokens, postSignIn, rawRequest, signInBody, until, verify } from './support.js';

const running: GenAuthEmulator[] = [];
const sockets: Socket[] = [];

function build(options?: GenAuthEmulatorOptions): GenAuthEmulator {
  const emulator = new GenAuthEmulator(options);
  running.push(emulator);
  return emulator;
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(running.splice(0).map((emulator) => emulator.stop()));
});

function countResources(kind: string): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === kind).length;
}

/** A connection as a client holds it; it has said nothing yet. */
async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** The end of a connection, whether it was closed or reset. */
async function ended(socket: Socket): Promise<void> {
  socket.on('error', () => undefined).resume();
  if (!socket.closed) await once(socket, 'close');
}

describe('start', () => {
  test('answers with the emulator itself, and everything a client needs', async () => {
    const emulator = build();
    expect(await emulator.start()).toBe(emulator);
    expect(emulator.url).toBe(`http://127.0.0.1:${emulator.port}`);
    expect(emulator.port).toBeGreaterThan(0);
    expect(emulator.appId).toBe('genauth-emulator-app');
    expect(emulator.appSecret).toBe('genauth-emulator-secret-0123456789abcdef');
    expect(emulator.clientOptions).toEqual({
      appId: emulator.appId,
      appSecret: emulator.appSecret,
      appHost: emulator.url,
      tokenEndpointAuthMethod: 'client_secret_post',
    });
  });

  test('an app that has no secret to send gets none in its options', async () => {
    const emulator = await build({ tokenEndpointAuthMethod: 'none' }).start();
    expect(emulator.clientOptions).toEqual({
      appId: emulator.appId,
      appHost: emulator.url,
      tokenEndpointAuthMethod: 'none',
    });
  });

  test('the signature of id_tokens is in the options where it is not the default', async () => {
    const emulator = await build({ idTokenSignedResponseAlg: 'HS256' }).start();
    expect(emulator.clientOptions).toMatchObject({ idTokenSignedResponseAlg: 'HS256' });
    const usual = await build({ idTokenSignedResponseAlg: 'RS256' }).start();
    expect(usual.clientOptions).not.toHaveProperty('idTokenSignedResponseAlg');
  });

  test('twice, also at once, is one emulator', async () => {
    const emulator = build();
    await Promise.all([emulator.start(), emulator.start()]);
    const { url } = emulator;
    await emulator.start();
    expect(emulator.url).toBe(url);
  });

  test.each(['url', 'port', 'clientOptions'] as const)('%s before it is a clear error', (property) => {
    expect(() => build()[property]).toThrow(
      expect.objectContaining({ code: 'not_started', message: expect.stringContaining('await emulator.start()') }),
    );
  });

  test('rotating keys before it is a clear error', async () => {
    await expect(build().rotateKeys()).rejects.toMatchObject({ code: 'not_started' });
  });

  test('refuses production, whatever the options', async () => {
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    try {
      const emulator = build();
      await expect(emulator.start()).rejects.toMatchObject({ code: 'production_refused' });
      expect(() => emulator.url).toThrow(EmulatorError);
    } finally {
      process.env['NODE_ENV'] = before;
    }
  });

  test('a port in use is named, and the emulator can try again', async () => {
    const other = await build().start();
    const { port } = other;
    const emulator = build({ port });
    const failure = { code: 'address_in_use', message: expect.stringContaining(`Port ${port} `) as string };
    await expect(emulator.start()).rejects.toMatchObject(failure);
    await other.stop();
    await emulator.start();
    expect(emulator.port).toBe(port);
  });

  test('takes localhost, and it is the issuer then', async () => {
    const emulator = await build({ host: 'localhost' }).start();
    expect(emulator.url).toBe(`http://localhost:${emulator.port}`);
    expect(await getJson(`${emulator.url}/oidc/.well-known/openid-configuration`)).toMatchObject({
      issuer: `${emulator.url}/oidc`,
    });
  });

  test('an IPv6 address stands in brackets', () => {
    // Not by listening: not every machine has IPv6.
    expect(build({ host: '::1' })).toBeInstanceOf(GenAuthEmulator);
    expect(buildOrigin('::1', 3999)).toBe('http://[::1]:3999');
    expect(buildOrigin('127.0.0.1', 3999)).toBe('http://127.0.0.1:3999');
  });

  test('any address is called by the one that is this machine’s alone', () => {
    expect(buildOrigin('0.0.0.0', 3999)).toBe('http://127.0.0.1:3999');
    expect(buildOrigin('::', 3999)).toBe('http://[::1]:3999');
    expect(buildOrigin('constructor', 3999)).toBe('http://constructor:3999');
  });

  test('listens on the given loopback address alone', async () => {
    const emulator = await build({ host: '127.0.0.2' }).start();
    expect(emulator.url).toBe(`http://127.0.0.2:${emulator.port}`);
    await expect(openSocket(emulator.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('options', () => {
  test.each<[string, unknown, string]>([
    ['port', -1, 'port: expected a whole number from 0 to 65535, got -1.'],
    ['port', 65_536, 'got 65536'],
    ['port', 1.5, 'got 1.5'],
    ['port', NaN, 'got NaN'],
    ['port', '3999', 'got "3999"'],
    ['host', '0.0.0.0', 'host: expected a loopback address'],
    ['host', '::', 'got "::"'],
    ['host', '10.0.0.1', 'got "10.0.0.1"'],
    ['host', '127.evil.example', 'got "127.evil.example"'],
    ['host', '127.0.0.1.evil.example', 'host: expected a loopback address'],
    ['host', '::ffff:10.0.0.1', 'host: expected a loopback address'],
    ['host', 'localhost.evil.example', 'host: expected a loopback address'],
    ['host', '', 'got ""'],
    ['appId', '', 'appId: expected'],
    ['appId', 'a/b', 'got "a/b"'],
    ['appId', 'a:b', 'got "a:b"'],
    ['appId', '..', 'got ".."'],
    ['appId', 'a\n', String.raw`got "a\n"`],
    ['appId', 7, 'got 7'],
    ['appSecret', '', 'appSecret: expected a string that is not empty, got an empty string.'],
    ['appSecret', 12_345, 'appSecret: expected a string that is not empty, got a number.'],
    ['allowRemote', 'yes', 'allowRemote: expected true or false, got "yes".'],
    ['clockDrift', '60', 'clockDrift: expected a whole number from -315360000 to 315360000, got "60".'],
    ['clockDrift', 1.5, 'got 1.5'],
    ['clockDrift', -315_360_001, 'got -315360001'],
    ['jwksAddress', 'tenant', 'jwksAddress: expected one of both, host, app, got "tenant".'],
    ['mfa', 'SMS', 'mfa: expected true, false or a list of factors such as SMS, got "SMS".'],
    ['mfa', [], 'mfa: expected true, false or a list of factors'],
    ['mfa', 'personal', 'got "personal"'],
    ['tenants', 't-1', 'tenants: expected a list, got "t-1".'],
    ['tenants', ['t-1', 7], 'tenants[1]: expected a string that is not empty, got 7.'],
    ['tenants', ['t-1', 't-2', 't-1'], 'tenants[2]: "t-1" is a duplicate. Remove it.'],
    ['roles', [''], 'roles[0]: expected a string that is not empty, got "".'],
    ['extendedFields', { school: 'text' }, 'extendedFields: expected a list, got an object.'],
    ['tokenEndpointAuthMethod', 'private_key_jwt', 'one of client_secret_post, client_secret_basic, none'],
    ['tokenLifetime', 0, 'tokenLifetime: expected a whole number from 1'],
    ['tokenLifetime', Infinity, 'got Infinity'],
    ['refreshTokenLifetime', 0, 'refreshTokenLifetime: expected a whole number from 1 to 315360000, got 0.'],
    ['refreshTokenLifetime', '60', 'got "60"'],
    ['rotateRefreshTokens', 'no', 'rotateRefreshTokens: expected true or false, got "no".'],
    ['introspectionScopeSeparator', ';', "introspectionScopeSeparator: expected ' ' or ',', got \";\"."],
    ['introspectionScopeSeparator', '', 'got ""'],
    ['revocationAnswer', true, 'revocationAnswer: expected one of wrapped, true, empty, got true.'],
    [
      'postLogoutRedirectUris',
      'https://a.example',
      'postLogoutRedirectUris: expected a list, got "https://a.example".',
    ],
    ['postLogoutRedirectUris', ['https://a.example', '/home'], 'postLogoutRedirectUris[1]: expected an absolute URL'],
    ['postLogoutRedirectUris', ['https://a.example/#x'], 'without a fragment, got "https://a.example/#x".'],
    ['postLogoutRedirectUris', ['https://a.example/\r\nx: y'], 'postLogoutRedirectUris[0]: expected'],
    ['postLogoutRedirectUris', ['https://a.example/你'], 'of ASCII characters'],
    ['postLogoutRedirectUris', [7], 'got 7.'],
    ['lifetimeField', 'expires', 'one of expires_in, expire_in, both'],
    ['idTokenSignedResponseAlg', 'none', 'idTokenSignedResponseAlg: expected one of RS256, HS256, got "none".'],
    ['idTokenSignedResponseAlg', 'ES256', 'got "ES256"'],
    ['systemWrapped', 'yes', 'systemWrapped: expected true or false, got "yes".'],
    ['rsaKeyFormat', 'der', 'rsaKeyFormat: expected one of pem, base64, got "der".'],
    ['captchaAfter', -1, 'captchaAfter: expected a whole number from 0'],
    ['captchaAfter', Infinity, 'got Infinity'],
    ['lockAfter', 0, 'lockAfter: expected a whole number from 1'],
    ['lockAfter', '3', 'got "3"'],
    ['users', {}, 'users: expected a list, got an object.'],
    ['adAccounts', 'zhangsan', 'adAccounts: expected a list, got "zhangsan".'],
    ['prot', 3999, 'unknown property "prot". Use one of: port, host, '],
    ['distinguishUnknownUsers', true, 'unknown property "distinguishUnknownUsers"'],
  ])('%s %p is refused with a sentence', (option, value, sentence) => {
    expect(() => build({ [option]: value })).toThrow(
      expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining(sentence) }),
    );
  });

  test.each([null, 'x', []])('%p in place of the options is refused', (options) => {
    expect(() => new GenAuthEmulator(options as never)).toThrow('options: expected an object');
    // A file that is still being read would else be no option at all, and the default users would be there.
    expect(() => new GenAuthEmulator(Promise.resolve({}) as never)).toThrow(
      'options: expected an object, got a promise. Write await before it.',
    );
  });

  test.each<[string, object, string]>([
    [
      'a role',
      { roles: ['reader', 'edtior'] },
      'users[0].roles[1]: "edtior" is not in the option roles (editor, reader).',
    ],
    ['a role as an object', { roles: [{ code: 'x' }] }, 'users[0].roles[0]: "x" is not in the option roles'],
    ['a tenant', { tenants: ['t-1', 't-2'] }, 'users[0].tenants[1]: "t-2" is not in the option tenants (t-1).'],
    [
      'an extended field',
      { extended_fields: { scool: 'pku' } },
      'users[0].extended_fields: "scool" is not in the option extendedFields (school).',
    ],
  ])('%s that the user pool has not is refused with its place', (_name, members, message) => {
    const pool = { roles: ['editor', 'reader'], tenants: ['t-1'], extendedFields: ['school'] };
    const user = { username: 'u', password: 'p', ...members } as never;
    expect(() => build({ ...pool, users: [user] })).toThrow(
      expect.objectContaining({ code: 'invalid_input', message: expect.stringContaining(message) }),
    );
    expect(() =>
      build({ ...pool, users: [], adAccounts: [{ sAMAccountName: 'a', password: 'p', ...members }] }),
    ).toThrow(expect.objectContaining({ message: expect.stringContaining(message.replace('users', 'adAccounts')) }));
    // Where nobody said what there is, all is right.
    build({ users: [user] });
  });

  test('a user pool that has none of something says so', () => {
    const user = { username: 'u', password: 'p', roles: ['admin'] };
    expect(() => build({ roles: [], users: [user] })).toThrow('"admin" is not in the option roles (none).');
  });

  test.each<[string, string | undefined]>([
    ['0.0.0.0', undefined],
    ['::', undefined],
    ['192.0.2.1', undefined],
    ['2001:db8::1', undefined],
    ['emulator.example', undefined],
    ['genauth', undefined],
    ['127.0.0.1', undefined],
    ['', 'host: expected an IP address or a host name, got "".'],
    ['a b', 'got "a b"'],
    ['http://x', 'got "http://x"'],
    ['-x', 'got "-x"'],
    ['x/', 'got "x/"'],
    ['x:80', 'got "x:80"'],
    ['x'.repeat(64), 'host: expected an IP address'],
  ])('allowRemote takes the host %p: %p', (host, mistake) => {
    // Not by listening: nothing in these tests is open to other machines.
    const take = () => build({ host, allowRemote: true });
    if (mistake === undefined) expect(take()).toBeInstanceOf(GenAuthEmulator);
    else expect(take).toThrow(mistake);
    if (isLoopback(host)) build({ host, allowRemote: false });
    else expect(() => build({ host, allowRemote: false })).toThrow('host: expected a loopback address');
  });

  test('undefined is as good as left out', () => {
    expect(build({ appId: undefined, users: undefined, port: undefined }).appId).toBe('genauth-emulator-app');
  });

  test('a list of users replaces the default users and leaves the AD accounts', async () => {
    const emulator = await build({ users: [{ username: 'carol', password: 'c' }] }).start();
    const as = (account: string, password: string) => ({ passwordPayload: { account, password } });
    await getTokens(emulator, as('carol', 'c'));
    await getTokens(emulator, { connection: 'AD', adPayload: { sAMAccountName: 'zhangsan', password: 'AdPassw0rd' } });
    await expect(getTokens(emulator, as('alice', 'passw0rd'))).rejects.toThrow('2333');
  });

  test('the default lists are what a sign-in finds', () => {
    expect(DEFAULT_USERS.map((user) => [user.username, user.email, user.phone_number, user.roles])).toEqual([
      ['alice', 'alice@example.com', '+8613800000001', ['admin']],
      ['bob', 'bob@example.com', undefined, []],
    ]);
    expect(DEFAULT_AD_ACCOUNTS).toMatchObject([{ sAMAccountName: 'zhangsan', name: '张三' }]);
  });
});

describe('stop', () => {
  test('closes the port and every connection: silent, idle and busy ones', async () => {
    // Node lists a closed server until the next turn of the event loop.
    await until(() => countResources('TCPServerWrap') === 0);
    const timers = countResources('Timeout');
    const emulator = await build().start();
    const { port } = emulator;
    expect(countResources('TCPServerWrap')).toBe(1);

    const silent = await openSocket(port);
    const idle = await openSocket(port);
    idle.write('GET /oidc/.well-known/jwks.json HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
    await once(idle, 'data');
    emulator.fault({ endpoint: 'jwks', delayMs: 600_000 });
    const busy = await openSocket(port);
    busy.write('GET /oidc/.well-known/jwks.json HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
    await until(() => emulator.requests('jwks') === 2);

    const ends = [silent, idle, busy].map(ended);
    await emulator.stop();
    await Promise.all(ends);
    await until(() => countResources('Timeout') <= timers);
    await until(() => countResources('TCPServerWrap') === 0);
    await expect(openSocket(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(() => emulator.url).toThrow('await emulator.start()');
  });

  test('may come twice, at once, before a start and during one', async () => {
    const emulator = build();
    await emulator.stop();
    const starting = emulator.start();
    await Promise.all([emulator.stop(), emulator.stop()]);
    await starting;
    expect(() => emulator.url).toThrow(EmulatorError);
    await emulator.stop();
  });

  test('before and after starts that nobody awaited, is done in turn', async () => {
    const emulator = build();
    for (let round = 0; round < 3; round++) {
      await Promise.all([emulator.start(), emulator.stop(), emulator.start()]);
      await getTokens(emulator);
      const stopping = emulator.stop();
      expect(() => emulator.url).toThrow(EmulatorError);
      await stopping;
    }
  }, 30_000);

  test('after a start that failed has nothing to do', async () => {
    const first = await build().start();
    const second = build({ port: first.port });
    const failing = second.start();
    const stopping = second.stop();
    await expect(failing).rejects.toMatchObject({ code: 'address_in_use' });
    await stopping;
    await rawRequest(`${first.url}/oidc/.well-known/jwks.json`);
  });

  test('is what `await using` calls', async () => {
    const emulator = await build().start();
    const { port } = emulator;
    await emulator[Symbol.asyncDispose]();
    await expect(openSocket(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('can be followed by a start on the same port: the users are there, the keys are new', async () => {
    const emulator = await build().start();
    const { port } = emulator;
    const before = await getTokens(emulator);
    const again = build({ port });
    const stopping = emulator.stop();
    await stopping;
    await again.start();
    await expect(verify(again, before.id_token)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
    await again.stop();

    emulator.addUser({ username: 'carol', password: 'c' });
    const unawaited = emulator.stop();
    await emulator.start();
    await unawaited;
    const { id_token } = await getTokens(emulator, { passwordPayload: { account: 'carol', password: 'c' } });
    await verify(emulator, id_token);
  }, 30_000);
});

test('two emulators side by side know nothing of each other', async () => {
  const users = [{ username: 'alice', password: 'other' }];
  const [one, two] = await Promise.all([build().start(), build({ appId: 'app-two', users }).start()]);
  one.fault({ endpoint: 'discovery', status: 503 });
  one.flawIdToken('expired');
  const tokens = await getTokens(two, { passwordPayload: { account: 'alice', password: 'other' } });
  await verify(two, tokens.id_token);
  await expect(verify(one, tokens.id_token)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  expect((await postSignIn(two, signInBody(one), {})).answer.statusCode).toBe(499);
  expect(one.signIns).toEqual([]);
  expect(two.signIns.map(({ outcome }) => outcome)).toEqual(['success', 'app_not_found']);
  expect((await fetch(`${two.url}/oidc/.well-known/openid-configuration`)).status).toBe(200);
});
