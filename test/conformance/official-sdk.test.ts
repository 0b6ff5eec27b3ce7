import { AuthenticationClient, type Models } from 'authing-node-sdk';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import { encryptBySm2, encryptRsa } from '../emulator/encryption/ciphertexts.js';
import { getCaptcha, useEmulator } from '../emulator/support.js';

// The SDK of GenAuth itself signs in at the emulator, one row for each of its methods.

const SCOPE = 'openid profile username email phone roles external_id extended_fields tenant_id offline_access';
const password = 'passw0rd';
const EXTERNAL = { external_id: 'e-7', extended_fields: { school: 'pku' } };
const ALICE = {
  username: 'alice',
  email: 'alice@example.com',
  phone_number: '+8613800000001',
  name: 'Alice',
  roles: ['admin'],
  password,
  ...EXTERNAL,
};

function connect(emulator: GenAuthEmulator): AuthenticationClient {
  const { appId, appHost, appSecret, tokenEndpointAuthMethod: method } = emulator.clientOptions;
  return new AuthenticationClient({
    appId,
    appHost,
    appSecret: appSecret ?? '',
    tokenEndPointAuthMethod: method,
    introspectionEndPointAuthMethod: method,
    revocationEndPointAuthMethod: method,
  });
}

interface Tokens {
  access_token: string;
  id_token: string;
  refresh_token: string;
}

async function signIn(sdk: AuthenticationClient): Promise<Tokens> {
  const { data } = await sdk.signInByAccountPassword({ account: 'alice', password, options: { scope: SCOPE } });
  return data as unknown as Tokens;
}

/** The SDK's own type of this answer is wrong. */
const refresh = (sdk: AuthenticationClient, token: string) =>
  sdk.getNewAccessTokenByRefreshToken(token) as unknown as Promise<Tokens>;

const INVALID_GRANT = { response: { status: 400, data: { error: 'invalid_grant' } } };

describe('each sign-in method of the SDK', () => {
  const emulator = useEmulator({ users: [ALICE] });
  type Given = { password: string; options: Models.SignInOptionsDto };
  type SignIn = (sdk: AuthenticationClient, given: Given) => Promise<Models.LoginTokenRespDto>;
  const options = { scope: SCOPE, clientIp: '203.0.113.7', context: { source: 'utm' } };
  const { email, username, phone_number: phone } = ALICE;

  describe.each<[string, SignIn, connection: string, password: string]>([
    [
      'AccountPassword',
      (sdk, given) => sdk.signInByAccountPassword({ account: email, ...given }),
      'PASSWORD',
      password,
    ],
    ['EmailPassword', (sdk, given) => sdk.signInByEmailPassword({ email, ...given }), 'PASSWORD', password],
    ['UsernamePassword', (sdk, given) => sdk.signInByUsernamePassword({ username, ...given }), 'PASSWORD', password],
    ['PhonePassword', (sdk, given) => sdk.signInByPhonePassword({ phone, ...given }), 'PASSWORD', password],
    ['AD', (sdk, given) => sdk.signInByAD({ sAMAccountName: 'zhangsan', ...given }), 'AD', 'AdPassw0rd'],
  ])('signInBy%s', (_method, call, connection, right) => {
    it('returns tokens that the SDK verifies', async () => {
      const sdk = connect(emulator());
      const { statusCode, data } = await call(sdk, { password: right, options });
      expect(statusCode).toBe(200);
      expect(data).toMatchObject({ token_type: 'Bearer', expire_in: 1_209_600, refresh_token: expect.any(String) });
      expect(data.scope?.split(' ').sort()).toEqual(SCOPE.split(' ').sort());
      const { appId: aud, url } = emulator();
      const accessToken = await sdk.parseAccessToken(data.access_token ?? '');
      expect(accessToken).toMatchObject({ aud, iss: `${url}/oidc`, sub: expect.stringMatching(/^[\da-f]{24}$/) });
      const idToken = await sdk.parseIDToken(data.id_token ?? '');
      expect(idToken).toMatchObject({ aud, iss: `${url}/oidc`, sub: accessToken.sub, email: expect.any(String) });
      const sent = { connection, clientIp: '203.0.113.7', context: { source: 'utm' }, outcome: 'success' };
      expect(emulator().signIns).toMatchObject([sent]);
    });

    it('returns GenAuth’s refusal of a wrong password', async () => {
      const { statusCode, apiCode, data } = await call(connect(emulator()), { password: 'wrong', options });
      expect([statusCode, apiCode, data]).toEqual([403, 2333, undefined]);
    });
  });

  it('signInByAccountPassword returns all claims of the scopes in the id_token', async () => {
    const sdk = connect(emulator());
    const idToken = await sdk.parseIDToken((await signIn(sdk)).id_token);
    expect(idToken).toMatchObject({ username: 'alice', roles: ['admin'], ...EXTERNAL });
  });

  it('signInByLDAP throws, because the emulator answers HTTP 501', async () => {
    const call = connect(emulator()).signInByLDAP({ sAMAccountName: 'zhangsan', password });
    await expect(call).rejects.toMatchObject({ response: { status: 501, data: { statusCode: 501 } } });
  });
});

describe('the SDK returns an answer that is no success', () => {
  it.each<[string, object, Models.SignInOptionsDto, [statusCode: number, apiCode: number | undefined]]>([
    ['a locked user', { lockout: true }, {}, [403, 2005]],
    ['a second factor', { mfa: true }, {}, [301, 1636]],
    ['an unknown tenant', {}, { tenantId: 't-3' }, [403, 2130010]],
    ['a scope without openid', {}, { scope: 'profile' }, [400, undefined]],
  ])('for %s', async (_name, states, options, expected) => {
    const users = [{ username: 'dave', password, ...states }];
    await using emulator = await new GenAuthEmulator({ users, tenants: ['t-1'] }).start();
    const answer = await connect(emulator).signInByAccountPassword({ account: 'dave', password, options });
    expect([answer.statusCode, answer.apiCode]).toEqual(expected);
  });
});

describe.each<[string, GenAuthEmulatorOptions]>([
  ['client_secret_post and RS256', {}],
  [
    'client_secret_basic and HS256',
    { tokenEndpointAuthMethod: 'client_secret_basic', idTokenSignedResponseAlg: 'HS256' },
  ],
  ['none', { tokenEndpointAuthMethod: 'none' }],
])('with %s', (_name, app) => {
  const emulator = useEmulator(app);

  it('getNewAccessTokenByRefreshToken refreshes once for each refresh token', async () => {
    const sdk = connect(emulator());
    const first = await signIn(sdk);
    const second = await refresh(sdk, first.refresh_token);
    const [before, after] = [await sdk.parseIDToken(first.id_token), await sdk.parseIDToken(second.id_token)];
    expect(after).toMatchObject({ sub: before.sub, aud: before.aud, iss: before.iss, email: 'alice@example.com' });
    expect(await sdk.parseAccessToken(second.access_token)).toMatchObject({ sub: before.sub });
    await expect(refresh(sdk, first.refresh_token)).rejects.toMatchObject(INVALID_GRANT);
    expect(await refresh(sdk, second.refresh_token)).toMatchObject({ access_token: expect.any(String) });
  });

  it('introspectToken finds both kinds of tokens active, and no id_token', async () => {
    const sdk = connect(emulator());
    const { access_token, id_token, refresh_token } = await signIn(sdk);
    const active = { active: true, client_id: emulator().appId, iss: `${emulator().url}/oidc`, token_type: 'Bearer' };
    expect(await sdk.introspectToken(access_token)).toMatchObject({ ...active, exp: expect.any(Number) });
    expect(await sdk.introspectToken(refresh_token)).toMatchObject({ ...active, jti: expect.any(String) });
    expect(await sdk.introspectToken(id_token)).toEqual({ active: false });
  });

  it('revokeToken ends each kind of token', async () => {
    const sdk = connect(emulator());
    const { access_token, refresh_token } = await signIn(sdk);
    expect(await sdk.revokeToken(access_token)).toBe(true);
    expect(await sdk.introspectToken(access_token)).toEqual({ active: false });
    expect(await sdk.introspectToken(refresh_token)).toMatchObject({ active: true });
    expect(await sdk.revokeToken(refresh_token)).toBe(true);
    await expect(refresh(sdk, refresh_token)).rejects.toMatchObject(INVALID_GRANT);
  });
});

describe('the other methods of the SDK', () => {
  const target = 'https://app.example/bye?a=1';
  const emulator = useEmulator({ postLogoutRedirectUris: [target] });

  it.each([
    { method: 'GET', tokenPlace: 'query' },
    { method: 'GET', tokenPlace: 'header' },
    { method: 'POST', tokenPlace: 'query' },
    { method: 'POST', tokenPlace: 'header' },
    { method: 'POST', tokenPlace: 'body' },
  ] as const)('getUserInfoByAccessToken returns the claims of the id_token, asked by %j', async (place) => {
    const sdk = connect(emulator());
    const { access_token, id_token } = await signIn(sdk);
    const user = (await sdk.getUserInfoByAccessToken(access_token, { ...place })) as unknown;
    const { aud: _, iss: _1, iat: _2, exp: _3, ...claims } = await sdk.parseIDToken(id_token);
    expect(user).toEqual(claims);
    expect(user).toMatchObject({ email: 'alice@example.com', roles: ['admin'], name: 'Alice Example' });
  });

  it('getUserInfoByAccessToken throws for a revoked token', async () => {
    const sdk = connect(emulator());
    const { access_token } = await signIn(sdk);
    await sdk.revokeToken(access_token);
    await expect(sdk.getUserInfoByAccessToken(access_token)).rejects.toMatchObject({ response: { status: 401 } });
  });

  it('parseIDToken verifies after a rotation, and not with a withdrawn key', async () => {
    const sdk = connect(emulator());
    const old = await signIn(sdk);
    await emulator().rotateKeys();
    const { id_token } = await signIn(sdk);
    expect(await sdk.parseIDToken(old.id_token)).toMatchObject({ aud: emulator().appId });
    expect(await sdk.parseIDToken(id_token)).toMatchObject({ aud: emulator().appId });
    await emulator().rotateKeys({ withdraw: true });
    await expect(sdk.parseIDToken(old.id_token)).rejects.toMatchObject({
      code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    });
  });

  it('buildLogoutUrl leads back with its state', async () => {
    const sdk = connect(emulator());
    const { id_token: idToken } = await signIn(sdk);
    const url = sdk.buildLogoutUrl({ idToken, redirectUri: target, state: 's t' });
    const { status, headers } = await fetch(url, { redirect: 'manual' });
    expect([status, headers.get('location')]).toEqual([302, `${target}&state=s%20t`]);
  });

  it.each([
    ['rsa', encryptRsa],
    ['sm2', encryptBySm2],
  ] as const)('getSystemInfo returns the key for passwords of type %s', async (type, encrypt) => {
    const sdk = connect(emulator());
    expect(await sdk.getSystemInfo()).toMatchObject({
      rsa: { publicKey: expect.stringMatching(/^-----BEGIN PUBLIC KEY-----\n/) },
      sm2: { publicKey: expect.stringMatching(/^04[\da-f]{128}$/) },
      version: { server: expect.any(String), console: expect.any(String), login: expect.any(String) },
      publicIps: [expect.any(String)],
    });
    const { statusCode } = await sdk.signInByAccountPassword({
      account: 'alice',
      password: await encrypt(emulator(), password),
      options: { passwordEncryptType: type as Models.SignInOptionsDto.passwordEncryptType },
    });
    expect(statusCode).toBe(200);
  });

  it('geneCatchaCodeAndToken returns a captcha for a sign-in', async () => {
    emulator().protectLogins({ captchaAfter: 0 });
    const sdk = connect(emulator());
    const refused = await sdk.signInByAccountPassword({ account: 'alice', password });
    expect([refused.statusCode, refused.apiCode]).toEqual([403, 2000]);
    const { data } = await sdk.geneCatchaCodeAndToken();
    expect(data).toEqual({ captchaCodeSvg: expect.stringMatching(/^<svg /), captchaToken: expect.any(String) });
    const options = await getCaptcha(emulator());
    const { statusCode } = await sdk.signInByAccountPassword({ account: 'alice', password, options });
    expect(statusCode).toBe(200);
  });
});

describe.each([
  ['wrapped', 'host'],
  ['true', 'both'],
  ['empty', 'host'],
] as const)('with a revocation answer "%s" and the key set at "%s"', (revocationAnswer, jwksAddress) => {
  const emulator = useEmulator({ revocationAnswer, jwksAddress, clockDrift: 3600, tokenLifetime: 60 });

  it('the SDK revokes, and verifies tokens of a clock that is ahead', async () => {
    const sdk = connect(emulator());
    const { access_token, id_token } = await signIn(sdk);
    const { iat, exp } = (await sdk.parseIDToken(id_token)) as unknown as { iat: number; exp: number };
    expect([Math.round((iat - Date.now() / 1000) / 60), exp - iat]).toEqual([60, 60]);
    expect(await sdk.introspectToken(access_token)).toMatchObject({ iat, exp });
    expect(await sdk.revokeToken(access_token)).toBe(true);
    expect(await sdk.introspectToken(access_token)).toEqual({ active: false });
  });
});

it('the SDK does not find a key set below the app ID', async () => {
  await using emulator = await new GenAuthEmulator({ jwksAddress: 'app' }).start();
  const sdk = connect(emulator);
  const { id_token } = await signIn(sdk);
  await expect(sdk.parseIDToken(id_token)).rejects.toMatchObject({ response: { status: 404 } });
});
