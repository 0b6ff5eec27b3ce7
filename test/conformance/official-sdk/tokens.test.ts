import type { AuthenticationClient } from 'authing-node-sdk';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../../src/emulator/index.js';
import { useEmulator } from '../../emulator/support.js';
import { CallCount } from './sdk.js';

const count = new CallCount();

/** What the SDK gets of a sign-in, a refresh and an introspection: it types none of them well. */
interface Tokens {
  access_token: string;
  id_token: string;
  refresh_token: string;
}

async function signIn(sdk: AuthenticationClient): Promise<Tokens> {
  const options = { scope: 'openid profile email roles offline_access' };
  const { data } = await sdk.signInByAccountPassword({ account: 'alice', password: 'passw0rd', options });
  return data as unknown as Tokens;
}

const refresh = (sdk: AuthenticationClient, token: string) =>
  sdk.getNewAccessTokenByRefreshToken(token) as unknown as Promise<Tokens>;

const INVALID_GRANT = { response: { status: 400, data: { error: 'invalid_grant' } } };

describe.each<[string, GenAuthEmulatorOptions]>([
  ['client_secret_post', {}],
  ['client_secret_basic', { tokenEndpointAuthMethod: 'client_secret_basic' }],
  ['none', { tokenEndpointAuthMethod: 'none' }],
])('an app with %s', (_name, app) => {
  const emulator = useEmulator(app);

  it('refreshes, once for each refresh token, and the new tokens verify', async () => {
    const sdk = count.connect(emulator());
    const first = await signIn(sdk);
    const second = await refresh(sdk, first.refresh_token);
    const [before, after] = [await sdk.parseIDToken(first.id_token), await sdk.parseIDToken(second.id_token)];
    expect(after).toMatchObject({ sub: before.sub, aud: before.aud, iss: before.iss, email: 'alice@example.com' });
    expect(await sdk.parseAccessToken(second.access_token)).toMatchObject({ sub: before.sub });
    await expect(refresh(sdk, first.refresh_token)).rejects.toMatchObject(INVALID_GRANT);
    await refresh(sdk, second.refresh_token);
  });

  it('introspects both kinds, and nothing else', async () => {
    const sdk = count.connect(emulator());
    const { access_token, id_token, refresh_token } = await signIn(sdk);
    const { sub } = await sdk.parseAccessToken(access_token);
    for (const token of [access_token, refresh_token]) {
      expect(await sdk.introspectToken(token)).toEqual({
        active: true,
        sub,
        client_id: emulator().appId,
        iss: `${emulator().url}/oidc`,
        scope: expect.stringMatching(/^openid profile email roles offline_access$/),
        token_type: 'Bearer',
        jti: expect.any(String),
        iat: expect.any(Number),
        exp: expect.any(Number),
      });
    }
    for (const token of [id_token, 'nonsense']) expect(await sdk.introspectToken(token)).toEqual({ active: false });
  });

  it('revokes', async () => {
    const sdk = count.connect(emulator());
    const { access_token, refresh_token } = await signIn(sdk);
    expect(await sdk.revokeToken(access_token)).toBe(true);
    expect(await sdk.introspectToken(access_token)).toEqual({ active: false });
    expect(await sdk.introspectToken(refresh_token)).toMatchObject({ active: true });
    expect(await sdk.revokeToken(refresh_token)).toBe(true);
    await expect(refresh(sdk, refresh_token)).rejects.toMatchObject(INVALID_GRANT);
    expect(await sdk.revokeToken('nonsense')).toBe(true);
  });
});

it.each(['wrapped', 'true', 'empty'] as const)('takes a revocation that is answered %s', async (revocationAnswer) => {
  await using emulator = await new GenAuthEmulator({ revocationAnswer }).start();
  const sdk = count.connect(emulator);
  const { access_token } = await signIn(sdk);
  expect(await sdk.revokeToken(access_token)).toBe(true);
  expect(await sdk.introspectToken(access_token)).toEqual({ active: false });
});

describe('user info', () => {
  const emulator = useEmulator();

  it.each([
    undefined,
    { method: 'GET', tokenPlace: 'query' },
    { method: 'GET', tokenPlace: 'header' },
    { method: 'POST', tokenPlace: 'query' },
    { method: 'POST', tokenPlace: 'header' },
    { method: 'POST', tokenPlace: 'body' },
  ] as const)('by %j', async (place) => {
    const sdk = count.connect(emulator());
    const { access_token, id_token } = await signIn(sdk);
    const user = (await sdk.getUserInfoByAccessToken(access_token, place && { ...place })) as unknown;
    const { aud: _, iss: _1, iat: _2, exp: _3, ...claims } = await sdk.parseIDToken(id_token);
    expect(user).toEqual(claims);
    expect(user).toMatchObject({ email: 'alice@example.com', roles: ['admin'], name: 'Alice Example' });
  });

  it('of a token that is over is HTTP 401', async () => {
    const sdk = count.connect(emulator());
    const { access_token } = await signIn(sdk);
    await sdk.revokeToken(access_token);
    await expect(sdk.getUserInfoByAccessToken(access_token)).rejects.toMatchObject({ response: { status: 401 } });
  });
});

describe('keys', () => {
  it('rotated ones verify old and new tokens; withdrawn ones don’t', async () => {
    await using emulator = await new GenAuthEmulator().start();
    const sdk = count.connect(emulator);
    const old = await signIn(sdk);
    await emulator.rotateKeys();
    await sdk.parseIDToken(old.id_token);
    await sdk.parseIDToken((await signIn(sdk)).id_token);
    await emulator.rotateKeys({ withdraw: true });
    // It falls back to the first key of the set.
    await expect(sdk.parseIDToken(old.id_token)).rejects.toMatchObject({
      code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    });
  });

  it.each([
    ['host', 200],
    ['both', 200],
    ['app', 404],
  ] as const)('at the address %s: this version of the SDK is answered %s', async (jwksAddress, status) => {
    await using emulator = await new GenAuthEmulator({ jwksAddress }).start();
    const sdk = count.connect(emulator);
    const parsed = sdk.parseIDToken((await signIn(sdk)).id_token);
    if (status === 200) expect(await parsed).toMatchObject({ aud: emulator.appId });
    else await expect(parsed).rejects.toMatchObject({ response: { status } });
  });
});

describe('logout', () => {
  const target = 'https://app.example/bye?a=1';
  const emulator = useEmulator({ postLogoutRedirectUris: [target] });

  it('by buildLogoutUrl leads back, with its state', async () => {
    const sdk = count.connect(emulator());
    const { id_token: idToken } = await signIn(sdk);
    const url = sdk.buildLogoutUrl({ idToken, redirectUri: target, state: 's t' });
    const { status, headers } = await fetch(url, { redirect: 'manual' });
    expect([status, headers.get('location')]).toEqual([302, `${target}&state=s%20t`]);
  });
});

describe('the clock', () => {
  const emulator = useEmulator({ clockDrift: 3600, tokenLifetime: 60 });

  it('that is ahead shows in both tokens and in the introspection', async () => {
    const sdk = count.connect(emulator());
    const { access_token, id_token } = await signIn(sdk);
    const ahead = Date.now() / 1000 + 3600;
    for (const token of [await sdk.parseIDToken(id_token), await sdk.introspectToken(access_token)] as {
      iat: number;
      exp: number;
    }[]) {
      expect(Math.abs(token.iat - ahead)).toBeLessThan(5);
      expect(token.exp - token.iat).toBe(60);
    }
  });
});

// Last: it counts what the others did.
it('was 106 calls of the SDK', () => {
  expect(count.methods).toEqual([
    'buildLogoutUrl',
    'getNewAccessTokenByRefreshToken',
    'getUserInfoByAccessToken',
    'introspectToken',
    'parseAccessToken',
    'parseIDToken',
    'revokeToken',
    'signInByAccountPassword',
  ]);
  expect(count.total).toBe(106);
});
