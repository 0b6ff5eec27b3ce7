import * as openid from 'openid-client';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import { getTokens, introspect, useEmulator } from '../emulator/support.js';

// A certified OpenID Connect client uses the emulator's OIDC endpoints, one row for each flow.

const SCOPE = 'openid profile email roles offline_access';
const HS256 = { id_token_signed_response_alg: 'HS256' };

/** Configures the client by discovery. It allows http, and no other exception. */
async function connect(
  emulator: GenAuthEmulator,
  metadata: Partial<openid.ClientMetadata> = {},
  authentication: openid.ClientAuth = openid.ClientSecretPost(emulator.appSecret),
): Promise<openid.Configuration> {
  const options = { execute: [openid.allowInsecureRequests] };
  return openid.discovery(new URL(`${emulator.url}/oidc`), emulator.appId, metadata, authentication, options);
}

/** Signs in through GenAuth's own API, because OpenID Connect has no flow for it. */
async function signIn(emulator: GenAuthEmulator, members: object = {}) {
  const tokens = await getTokens(emulator, { options: { scope: SCOPE }, ...members });
  return { ...tokens, refresh_token: tokens.refresh_token ?? '' };
}

describe('openid-client', () => {
  const emulator = useEmulator({ postLogoutRedirectUris: ['https://app.example/bye'] });

  it('finds every endpoint by discovery', async () => {
    const server = (await connect(emulator())).serverMetadata();
    const issuer = `${emulator().url}/oidc`;
    expect(server).toMatchObject({
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/me`,
      introspection_endpoint: `${issuer}/token/introspection`,
      revocation_endpoint: `${issuer}/token/revocation`,
      end_session_endpoint: `${issuer}/session/end`,
    });
    expect([server.supportsPKCE(), emulator().requests('discovery')]).toEqual([true, 1]);
  });

  it('gets user info and compares its subject', async () => {
    const config = await connect(emulator());
    const { access_token, id_token } = await signIn(emulator());
    const { sub } = JSON.parse(Buffer.from(id_token.split('.')[1] ?? '', 'base64url').toString()) as { sub: string };
    const user = await openid.fetchUserInfo(config, access_token, sub);
    expect(user).toMatchObject({ sub, email: 'alice@example.com', roles: ['admin'] });
  });

  it('reads the challenge of user info for an invalid token', async () => {
    const fetched = openid.fetchUserInfo(await connect(emulator()), 'nonsense', openid.skipSubjectCheck);
    await expect(fetched).rejects.toMatchObject({
      code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
      status: 401,
      cause: [{ scheme: 'bearer', parameters: { error: 'invalid_token' } }],
    });
  });

  it('refreshes, also for fewer scopes', async () => {
    const config = await connect(emulator());
    const refreshed = await openid.refreshTokenGrant(config, (await signIn(emulator())).refresh_token);
    expect(refreshed.claims()).toMatchObject({ iss: `${emulator().url}/oidc`, aud: emulator().appId });
    expect(refreshed.expiresIn()).toBeGreaterThan(1_209_600 - 60);
    expect(refreshed).toMatchObject({ token_type: 'bearer', refresh_token: expect.any(String) });
    const narrowed = await openid.refreshTokenGrant(config, refreshed.refresh_token ?? '', { scope: 'openid email' });
    expect(narrowed.scope).toBe('openid email');
  });

  it.each<[string, (config: openid.Configuration, token: string) => Promise<unknown>]>([
    ['was used', openid.refreshTokenGrant],
    ['was revoked', openid.tokenRevocation],
  ])('gets invalid_grant for a refresh token that %s', async (_name, use) => {
    const config = await connect(emulator());
    const { refresh_token } = await signIn(emulator());
    await use(config, refresh_token);
    const refused = openid.refreshTokenGrant(config, refresh_token);
    await expect(refused).rejects.toMatchObject({ name: 'ResponseBodyError', status: 400, error: 'invalid_grant' });
  });

  it('gets unsupported_grant_type for client credentials', async () => {
    const granted = openid.clientCredentialsGrant(await connect(emulator()));
    await expect(granted).rejects.toMatchObject({ error: 'unsupported_grant_type' });
  });

  it.each(['access_token', 'refresh_token'] as const)('introspects and revokes the %s', async (kind) => {
    const config = await connect(emulator());
    const { [kind]: token } = await signIn(emulator());
    const introspected = await openid.tokenIntrospection(config, token, { token_type_hint: kind });
    const expected = { active: true, client_id: emulator().appId, scope: SCOPE, token_type: 'Bearer' };
    expect(introspected).toMatchObject(expected);
    await openid.tokenRevocation(config, token, { token_type_hint: kind });
    expect(await openid.tokenIntrospection(config, token)).toEqual({ active: false });
  });

  it('ends the session and is sent back', async () => {
    const url = openid.buildEndSessionUrl(await connect(emulator()), {
      id_token_hint: (await signIn(emulator())).id_token,
      post_logout_redirect_uri: 'https://app.example/bye',
      state: 's',
    });
    const { status, headers } = await fetch(url, { redirect: 'manual' });
    expect([status, headers.get('location')]).toEqual([302, 'https://app.example/bye?state=s']);
  });

  it('gets invalid_client for a wrong secret', async () => {
    const config = await connect(emulator(), {}, openid.ClientSecretPost('wrong'));
    const introspected = openid.tokenIntrospection(config, 'x');
    await expect(introspected).rejects.toMatchObject({ status: 401, error: 'invalid_client' });
  });
});

describe('openid-client with a Basic header, which it encodes as a form (RFC 6749 §2.3.1)', () => {
  // This secret has every character that the two ways of encoding write differently.
  const appSecret = 's3cret:with+plus %41 ü&=';
  const emulator = useEmulator({ appId: 'my-app_1', appSecret, tokenEndpointAuthMethod: 'client_secret_basic' });

  it('refreshes, introspects and revokes', async () => {
    const config = await connect(emulator(), {}, openid.ClientSecretBasic(appSecret));
    // GenAuth's SDK does not encode the two parts.
    const authorization = `Basic ${Buffer.from(`${emulator().appId}:${appSecret}`).toString('base64')}`;
    const response = await fetch(`${emulator().url}/api/v3/signin`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({
        connection: 'PASSWORD',
        passwordPayload: { account: 'alice', password: 'passw0rd' },
        options: { scope: SCOPE },
      }),
    });
    const { data } = (await response.json()) as { data: { refresh_token: string } };
    const { access_token } = await openid.refreshTokenGrant(config, data.refresh_token);
    expect(await openid.tokenIntrospection(config, access_token)).toMatchObject({ active: true });
    await openid.tokenRevocation(config, access_token);
    expect(await openid.tokenIntrospection(config, access_token)).toEqual({ active: false });
  });

  it('reads the challenge for a wrong secret', async () => {
    const config = await connect(emulator(), {}, openid.ClientSecretBasic('wrong'));
    await expect(openid.refreshTokenGrant(config, 'x')).rejects.toMatchObject({
      code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
      status: 401,
      cause: [{ scheme: 'basic' }],
    });
  });
});

describe('openid-client without a secret', () => {
  const emulator = useEmulator({ tokenEndpointAuthMethod: 'none' });

  it('refreshes', async () => {
    const config = await connect(emulator(), {}, openid.None());
    const { refresh_token } = await signIn(emulator(), { client_secret: undefined });
    const refreshed = await openid.refreshTokenGrant(config, refresh_token);
    expect(refreshed.claims()).toMatchObject({ aud: emulator().appId });
  });
});

describe('openid-client checks the id_token of a refresh', () => {
  // Without this check the client trusts a TLS connection. It cannot check an HMAC.
  const checkSignature = openid.enableNonRepudiationChecks;
  const trustConnection = (): void => {};

  it.each<[string, GenAuthEmulatorOptions, Partial<openid.ClientMetadata>, typeof checkSignature]>([
    ['RS256 with the key set at the host', { jwksAddress: 'host' }, {}, checkSignature],
    ['RS256 with the key set below the app ID', { jwksAddress: 'app' }, {}, checkSignature],
    ['HS256', { idTokenSignedResponseAlg: 'HS256' }, HS256, trustConnection],
    ['expires_in alone', { lifetimeField: 'expires_in' }, {}, checkSignature],
    ['expire_in alone', { lifetimeField: 'expire_in' }, {}, checkSignature],
    ['a clock that is 20 s ahead', { clockDrift: 20 }, {}, checkSignature],
  ])('and accepts %s', async (_name, options, metadata, check) => {
    await using emulator = await new GenAuthEmulator(options).start();
    const config = await connect(emulator, metadata);
    check(config);
    const tokens = await openid.refreshTokenGrant(config, (await signIn(emulator)).refresh_token);
    const { body } = await introspect(emulator, tokens.access_token);
    expect(tokens.claims()?.sub).toMatch(/^[\da-f]{24}$/);
    expect(tokens.claims()?.sub).toBe(body['sub']);
  });

  it('and refuses a foreign key', async () => {
    await using emulator = await new GenAuthEmulator().start();
    const config = await connect(emulator);
    checkSignature(config);
    const { refresh_token } = await signIn(emulator);
    emulator.flawIdToken('foreign_key');
    const refreshed = openid.refreshTokenGrant(config, refresh_token);
    await expect(refreshed).rejects.toMatchObject({ code: 'OAUTH_INVALID_RESPONSE' });
  });
});
