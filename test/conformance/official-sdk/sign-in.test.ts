import type { AuthenticationClient, Models } from 'authing-node-sdk';
import type { GenAuthEmulatorOptions } from '../../../src/emulator/index.js';
import { encryptBySm2, encryptRsa } from '../../emulator/encryption/ciphertexts.js';
import { getCaptcha, useEmulator } from '../../emulator/support.js';
import { CallCount } from './sdk.js';

const count = new CallCount();
const SCOPE = 'openid profile username email phone roles external_id extended_fields tenant_id offline_access';
const options: Models.SignInOptionsDto = { scope: SCOPE, clientIp: '203.0.113.7', context: { source: 'utm' } };
const password = 'passw0rd';
const EXTERNAL = { external_id: 'e-7', extended_fields: { school: 'pku' } };
const USERS = [
  {
    username: 'alice',
    email: 'alice@example.com',
    phone_number: '+8613800000001',
    name: 'Alice',
    roles: ['admin'],
    password,
    ...EXTERNAL,
  },
];

type SignIn = (sdk: AuthenticationClient, with_: { password: string }) => Promise<Models.LoginTokenRespDto>;

/** Every way of the SDK to sign in that a backend without a browser has → what the journal says of it. */
const WAYS: [string, SignIn, connection: string, account: string, password: string][] = [
  [
    'account, a user name',
    (sdk, it) => sdk.signInByAccountPassword({ account: 'alice', ...it, options }),
    'PASSWORD',
    'alice',
    password,
  ],
  [
    'account, an e-mail address',
    (sdk, it) => sdk.signInByAccountPassword({ account: 'Alice@Example.com', ...it, options }),
    'PASSWORD',
    'Alice@Example.com',
    password,
  ],
  [
    'account, a phone number',
    (sdk, it) => sdk.signInByAccountPassword({ account: '+8613800000001', ...it, options }),
    'PASSWORD',
    '+8613800000001',
    password,
  ],
  [
    'e-mail',
    (sdk, it) => sdk.signInByEmailPassword({ email: 'alice@example.com', ...it, options }),
    'PASSWORD',
    'alice@example.com',
    password,
  ],
  [
    'user name',
    (sdk, it) => sdk.signInByUsernamePassword({ username: 'alice', ...it, options }),
    'PASSWORD',
    'alice',
    password,
  ],
  [
    'phone',
    (sdk, it) => sdk.signInByPhonePassword({ phone: '+8613800000001', ...it, options }),
    'PASSWORD',
    '+8613800000001',
    password,
  ],
  ['AD', (sdk, it) => sdk.signInByAD({ sAMAccountName: 'zhangsan', ...it, options }), 'AD', 'zhangsan', 'AdPassw0rd'],
];

/** How an app can be configured where that decides what the SDK sends or how it verifies. */
const APPS: [string, GenAuthEmulatorOptions][] = [
  ['client_secret_post, RS256', { tokenEndpointAuthMethod: 'client_secret_post' }],
  ['client_secret_post, HS256', { idTokenSignedResponseAlg: 'HS256' }],
  ['client_secret_basic, RS256', { tokenEndpointAuthMethod: 'client_secret_basic' }],
  ['client_secret_basic, HS256', { tokenEndpointAuthMethod: 'client_secret_basic', idTokenSignedResponseAlg: 'HS256' }],
  ['none, RS256', { tokenEndpointAuthMethod: 'none' }],
];

describe.each(APPS)('an app with %s', (_name, app) => {
  const emulator = useEmulator({ ...app, users: USERS });

  it.each(WAYS)('signs in by %s, and both tokens verify', async (_way, signIn, connection, account, right) => {
    const sdk = count.connect(emulator());
    const { statusCode, data } = await signIn(sdk, { password: right });
    expect(statusCode).toBe(200);
    expect(data).toMatchObject({ token_type: 'Bearer', expire_in: 1_209_600, refresh_token: expect.any(String) });
    expect(data.scope?.split(' ').sort()).toEqual(SCOPE.split(' ').sort());

    const idToken = await sdk.parseIDToken(data.id_token ?? '');
    const accessToken = await sdk.parseAccessToken(data.access_token ?? '');
    const { appId: aud, url } = emulator();
    expect(idToken).toMatchObject({ aud, iss: `${url}/oidc`, sub: accessToken.sub, email: expect.any(String) });
    expect(accessToken).toMatchObject({ aud, iss: `${url}/oidc`, sub: expect.stringMatching(/^[\da-f]{24}$/) });
    if (connection === 'PASSWORD') expect(idToken).toMatchObject({ username: 'alice', roles: ['admin'], ...EXTERNAL });
    expect(emulator().signIns).toMatchObject([
      { connection, account, clientIp: '203.0.113.7', context: { source: 'utm' }, outcome: 'success' },
    ]);
  });

  it.each(WAYS)('resolves with GenAuth’s refusal of a wrong password by %s', async (_way, signIn) => {
    const { statusCode, apiCode, data } = await signIn(count.connect(emulator()), { password: 'wrong' });
    expect([statusCode, apiCode, data]).toEqual([403, 2333, undefined]);
  });
});

describe('an answer that is no success reaches the SDK’s caller as it is', () => {
  const emulator = useEmulator({ tenants: ['t-1', 't-2'] });
  const add = (states: object) => void emulator().addUser({ username: 'dave', password, ...states });
  afterEach(() => {
    try {
      emulator().removeUser('dave');
    } catch {
      // Not every row adds him.
    }
  });

  it.each<[string, object, Models.SignInOptionsDto, [statusCode: number, apiCode: number | undefined]]>([
    ['locked', { lockout: true }, {}, [403, 2005]],
    ['disabled', { disabled: true }, {}, [403, 2120008]],
    ['a second factor of the app', { mfa: true }, {}, [301, 1636]],
    ['a second factor of one’s own', { mfa: 'personal' }, {}, [301, 1635]],
    ['a first password to set', { mustChangePassword: 'first_login' }, {}, [301, 1639]],
    ['an old password', { mustChangePassword: true }, {}, [301, 2058]],
    ['another’s tenant', { tenants: ['t-1'] }, { tenantId: 't-2' }, [403, 2120008]],
    ['an unknown tenant', {}, { tenantId: 't-3' }, [403, 2130010]],
    ['one’s own tenant', { tenants: ['t-1'] }, { tenantId: 't-1' }, [200, undefined]],
    ['a code of the file', { signInAnswer: { statusCode: 301, apiCode: 1642 } }, {}, [301, 1642]],
    ['no openid', {}, { scope: 'profile' }, [400, undefined]],
  ])('%s', async (_name, states, extra, expected) => {
    add(states);
    const sdk = count.connect(emulator());
    const { statusCode, apiCode } = await sdk.signInByAccountPassword({ account: 'dave', password, options: extra });
    expect([statusCode, apiCode]).toEqual(expected);
  });

  it('a connection that the emulator has not is HTTP 501, which the SDK throws', async () => {
    const signIn = count.connect(emulator()).signInByLDAP({ sAMAccountName: 'zhangsan', password });
    await expect(signIn).rejects.toMatchObject({ response: { status: 501, data: { statusCode: 501 } } });
  });
});

describe('encrypted passwords', () => {
  const emulator = useEmulator();

  it('by the keys of getSystemInfo', async () => {
    const sdk = count.connect(emulator());
    const system = await sdk.getSystemInfo();
    expect(system).toMatchObject({
      rsa: { publicKey: expect.stringMatching(/^-----BEGIN PUBLIC KEY-----\n/) },
      sm2: { publicKey: expect.stringMatching(/^04[\da-f]{128}$/) },
      version: { server: expect.any(String), console: expect.any(String), login: expect.any(String) },
      publicIps: [expect.any(String)],
    });
    for (const [type, ciphertext] of [
      ['rsa', await encryptRsa(emulator(), password)],
      ['sm2', await encryptBySm2(emulator(), password)],
    ] as const) {
      const { statusCode } = await sdk.signInByAccountPassword({
        account: 'alice',
        password: ciphertext,
        options: { passwordEncryptType: type as Models.SignInOptionsDto.passwordEncryptType },
      });
      expect([type, statusCode]).toEqual([type, 200]);
    }
  });
});

describe('a captcha', () => {
  const emulator = useEmulator({ captchaAfter: 0 });

  it('of geneCatchaCodeAndToken signs in', async () => {
    const sdk = count.connect(emulator());
    expect(await sdk.signInByAccountPassword({ account: 'alice', password })).toMatchObject({
      statusCode: 403,
      apiCode: 2000,
    });
    const { data } = await sdk.geneCatchaCodeAndToken();
    expect(data).toEqual({
      captchaCodeSvg: expect.stringMatching(/^<svg /),
      captchaToken: expect.any(String),
    });
    const captcha = await getCaptcha(emulator());
    const { statusCode } = await sdk.signInByAccountPassword({ account: 'alice', password, options: captcha });
    expect(statusCode).toBe(200);
  });
});

// Last: it counts what the others did.
it('was 158 calls of the SDK', () => {
  expect(count.methods).toEqual([
    'geneCatchaCodeAndToken',
    'getSystemInfo',
    'parseAccessToken',
    'parseIDToken',
    'signInByAD',
    'signInByAccountPassword',
    'signInByEmailPassword',
    'signInByLDAP',
    'signInByPhonePassword',
    'signInByUsernamePassword',
  ]);
  expect(count.total).toBe(158);
});
