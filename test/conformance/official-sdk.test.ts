import { AuthenticationClient, type Models } from 'authing-node-sdk';
import type { GenAuthEmulator, GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import { useEmulator } from '../emulator/support.js';

// The SDK of GenAuth itself signs in at the emulator, one row for each of its methods.

const SCOPE = 'openid profile username email phone roles external_id extended_fields tenant_id offline_access';
const password = 'passw0rd';
const ALICE = { username: 'alice', email: 'alice@example.com', phone_number: '+8613800000001', password };

function connect(emulator: GenAuthEmulator): AuthenticationClient {
  const { appId, appHost, appSecret = '', tokenEndpointAuthMethod: method } = emulator.clientOptions;
  const methods = { tokenEndPointAuthMethod: method, introspectionEndPointAuthMethod: method };
  return new AuthenticationClient({ appId, appHost, appSecret, ...methods, revocationEndPointAuthMethod: method });
}

type Tokens = Record<'access_token' | 'id_token' | 'refresh_token', string>;

async function signIn(sdk: AuthenticationClient): Promise<Tokens> {
  const { data } = await sdk.signInByAccountPassword({ account: 'alice', password, options: { scope: SCOPE } });
  return data as unknown as Tokens;
}

/** The SDK's own type of this answer is wrong. */
const refresh = (sdk: AuthenticationClient, token: string) =>
  sdk.getNewAccessTokenByRefreshToken(token) as unknown as Promise<Tokens>;

describe('each sign-in method of the SDK', () => {
  const emulator = useEmulator({ users: [ALICE] });
  type Given = { password: string; options: Models.SignInOptionsDto };
  type SignIn = (sdk: AuthenticationClient, given: Given) => Promise<Models.LoginTokenRespDto>;
  const sent = { clientIp: '203.0.113.7', context: { source: 'utm' } };
  const options = { scope: SCOPE, ...sent };
  const { email, username, phone_number: phone } = ALICE;

  it.each<[string, SignIn, connection: string, password: string]>([
    ['AccountPassword', (sdk, own) => sdk.signInByAccountPassword({ account: email, ...own }), 'PASSWORD', password],
    ['EmailPassword', (sdk, own) => sdk.signInByEmailPassword({ email, ...own }), 'PASSWORD', password],
    ['UsernamePassword', (sdk, own) => sdk.signInByUsernamePassword({ username, ...own }), 'PASSWORD', password],
    ['PhonePassword', (sdk, own) => sdk.signInByPhonePassword({ phone, ...own }), 'PASSWORD', password],
    ['AD', (sdk, own) => sdk.signInByAD({ sAMAccountName: 'zhangsan', ...own }), 'AD', 'AdPassw0rd'],
  ])('signInBy%s returns tokens that the SDK verifies, or a refusal', async (_method, call, connection, right) => {
    const sdk = connect(emulator());
    const { statusCode, data } = await call(sdk, { password: right, options });
    expect(data).toMatchObject({ token_type: 'Bearer', expire_in: 1_209_600, refresh_token: expect.any(String) });
    expect([statusCode, data.scope?.split(' ').sort()]).toEqual([200, SCOPE.split(' ').sort()]);
    const own = { aud: emulator().appId, iss: `${emulator().url}/oidc`, sub: expect.stringMatching(/^[\da-f]{24}$/) };
    const { sub, ...accessToken } = await sdk.parseAccessToken(data.access_token ?? '');
    expect({ sub, ...accessToken }).toMatchObject(own);
    expect(await sdk.parseIDToken(data.id_token ?? '')).toMatchObject({ ...own, sub, email: expect.any(String) });
    const refused = await call(sdk, { password: 'wrong', options });
    expect([refused.statusCode, refused.apiCode, refused.data]).toEqual([403, 2333, undefined]);
    expect(emulator().signIns).toMatchObject([{ connection, ...sent, outcome: 'success' }, { connection }]);
  });
});

describe.each<GenAuthEmulatorOptions>([
  { revocationAnswer: 'wrapped', jwksAddress: 'host' },
  { revocationAnswer: 'true', jwksAddress: 'both', clockDrift: 3600, tokenLifetime: 60 },
  { revocationAnswer: 'empty', tokenEndpointAuthMethod: 'client_secret_basic', idTokenSignedResponseAlg: 'HS256' },
  { tokenEndpointAuthMethod: 'none' },
])('with %j', (app) => {
  const emulator = useEmulator(app);

  it('the SDK refreshes once for each refresh token, introspects and revokes', async () => {
    const sdk = connect(emulator());
    const { refresh_token: used, id_token } = await signIn(sdk);
    const { access_token, refresh_token, ...fresh } = await refresh(sdk, used);
    const { sub, aud, iss } = await sdk.parseIDToken(id_token);
    expect(await sdk.parseIDToken(fresh.id_token)).toMatchObject({ sub, aud, iss, email: 'alice@example.com' });
    expect(await sdk.parseAccessToken(access_token)).toMatchObject({ sub });
    const refused = { response: { status: 400, data: { error: 'invalid_grant' } } };
    await expect(refresh(sdk, used)).rejects.toMatchObject(refused);
    const active = { active: true, client_id: emulator().appId, iss: `${emulator().url}/oidc`, token_type: 'Bearer' };
    expect(await sdk.introspectToken(access_token)).toMatchObject({ ...active, exp: expect.any(Number) });
    expect(await sdk.introspectToken(id_token)).toEqual({ active: false });
    expect(await sdk.revokeToken(access_token)).toBe(true);
    expect(await sdk.introspectToken(access_token)).toEqual({ active: false });
    await expect(sdk.getUserInfoByAccessToken(access_token)).rejects.toMatchObject({ response: { status: 401 } });
    expect(await sdk.introspectToken(refresh_token)).toMatchObject({ ...active, jti: expect.any(String) });
    expect(await sdk.revokeToken(refresh_token)).toBe(true);
    await expect(refresh(sdk, refresh_token)).rejects.toMatchObject(refused);
  });
});

describe('the other methods of the SDK', () => {
  const emulator = useEmulator();

  it.each([
    { method: 'GET', tokenPlace: 'query' },
    { method: 'GET', tokenPlace: 'header' },
    { method: 'POST', tokenPlace: 'body' },
  ] as const)('getUserInfoByAccessToken returns the claims of the id_token, asked by %j', async (place) => {
    const sdk = connect(emulator());
    const { access_token, id_token } = await signIn(sdk);
    const { aud: _, iss: _1, iat: _2, exp: _3, ...claims } = await sdk.parseIDToken(id_token);
    expect(await sdk.getUserInfoByAccessToken(access_token, { ...place })).toEqual(claims);
  });

  it('getSystemInfo returns the keys for passwords', async () => {
    const rsa = { publicKey: expect.stringMatching(/^-----BEGIN PUBLIC KEY-----\n/) };
    const sm2 = { publicKey: expect.stringMatching(/^04[\da-f]{128}$/) };
    expect(await connect(emulator()).getSystemInfo()).toMatchObject({ rsa, sm2 });
  });

  it('geneCatchaCodeAndToken returns a captcha, which a sign-in requires', async () => {
    emulator().protectLogins({ captchaAfter: 0 });
    const sdk = connect(emulator());
    const alice = { account: 'alice', password };
    expect(await sdk.signInByAccountPassword(alice)).toMatchObject({ statusCode: 403, apiCode: 2000 });
    const { data } = await sdk.geneCatchaCodeAndToken();
    expect(data).toEqual({ captchaCodeSvg: expect.stringMatching(/^<svg /), captchaToken: expect.any(String) });
  });
});
