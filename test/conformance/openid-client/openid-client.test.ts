import * as openid from 'openid-client';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../../src/emulator/index.js';
import { getTokens, introspect, useEmulator } from '../../emulator/support.js';

const SCOPE = 'openid profile email roles offline_access';

/** The client for an app of the emulator's, by nothing but discovery. http is allowed to it, and nothing else is. */
async function connect(
  emulator: GenAuthEmulator,
  metadata: Partial<openid.ClientMetadata> = {},
  authentication: openid.ClientAuth = openid.ClientSecretPost(emulator.appSecret),
): Promise<openid.Configuration> {
  const issuer = new URL(`${emulator.url}/oidc`);
  return openid.discovery(issuer, emulator.appId, metadata, authentication, {
    execute: [openid.allowInsecureRequests],
  });
}

/** Sign-in by credentials is GenAuth's own, so the first tokens come of no OpenID flow. */
async function signIn(emulator: GenAuthEmulator) {
  const tokens = await getTokens(emulator, { options: { scope: SCOPE } });
  return { ...tokens, refresh_token: tokens.refresh_token ?? '' };
}

describe('with the app’s secret in the form', () => {
  const emulator = useEmulator({ postLogoutRedirectUris: ['https://app.example/bye'] });

  it('finds everything by discovery', async () => {
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
    expect(server.supportsPKCE()).toBe(true);
    expect(emulator().requests('discovery')).toBe(1);
  });

  it('refuses the discovery of another issuer', async () => {
    emulator().fault({ endpoint: 'discovery', body: { issuer: 'https://evil.example/oidc' }, times: 1 });
    await expect(connect(emulator())).rejects.toMatchObject({ code: 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED' });
  });

  it('gets user info, and checks whose', async () => {
    const config = await connect(emulator());
    const { access_token, id_token } = await signIn(emulator());
    const { sub } = JSON.parse(Buffer.from(id_token.split('.')[1] ?? '', 'base64url').toString()) as { sub: string };
    expect(await openid.fetchUserInfo(config, access_token, sub)).toMatchObject({
      sub,
      email: 'alice@example.com',
      roles: ['admin'],
    });
    await expect(openid.fetchUserInfo(config, access_token, 'somebody-else')).rejects.toMatchObject({
      code: 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
    });
  });

  it('reads the challenge of user info for a token that is none', async () => {
    const fetched = openid.fetchUserInfo(await connect(emulator()), 'nonsense', openid.skipSubjectCheck);
    await expect(fetched).rejects.toMatchObject({
      code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
      status: 401,
      cause: [{ scheme: 'bearer', parameters: { error: 'invalid_token' } }],
    });
  });

  it('refreshes, and takes the id_token', async () => {
    const config = await connect(emulator());
    const { refresh_token } = await signIn(emulator());
    const refreshed = await openid.refreshTokenGrant(config, refresh_token);
    expect(refreshed.claims()).toMatchObject({ iss: `${emulator().url}/oidc`, aud: emulator().appId });
    // It counts down from the answer's expires_in.
    expect(refreshed.expiresIn()).toBeGreaterThan(1_209_600 - 60);
    expect(refreshed).toMatchObject({ token_type: 'bearer', refresh_token: expect.any(String) });
    // Fewer scopes than were granted.
    const narrowed = await openid.refreshTokenGrant(config, refreshed.refresh_token ?? '', { scope: 'openid email' });
    expect(narrowed.scope).toBe('openid email');
  });

  it.each(['used up', 'revoked', 'nonsense'])('is told so of a refresh token that is %s', async (how) => {
    const config = await connect(emulator());
    const { refresh_token } = await signIn(emulator());
    if (how === 'used up') await openid.refreshTokenGrant(config, refresh_token);
    if (how === 'revoked') await openid.tokenRevocation(config, refresh_token);
    const token = how === 'nonsense' ? how : refresh_token;
    await expect(openid.refreshTokenGrant(config, token)).rejects.toMatchObject({
      name: 'ResponseBodyError',
      status: 400,
      error: 'invalid_grant',
    });
  });

  it('is told so of a grant that the emulator has not', async () => {
    await expect(openid.clientCredentialsGrant(await connect(emulator()))).rejects.toMatchObject({
      error: 'unsupported_grant_type',
    });
  });

  it.each(['access_token', 'refresh_token'] as const)('introspects and revokes the %s', async (kind) => {
    const config = await connect(emulator());
    const { [kind]: token } = await signIn(emulator());
    expect(await openid.tokenIntrospection(config, token, { token_type_hint: kind })).toMatchObject({
      active: true,
      client_id: emulator().appId,
      scope: SCOPE,
      token_type: 'Bearer',
    });
    await openid.tokenRevocation(config, token, { token_type_hint: kind });
    expect(await openid.tokenIntrospection(config, token)).toEqual({ active: false });
  });

  it('ends the session', async () => {
    const config = await connect(emulator());
    const { id_token } = await signIn(emulator());
    const url = openid.buildEndSessionUrl(config, {
      id_token_hint: id_token,
      post_logout_redirect_uri: 'https://app.example/bye',
      state: 's',
    });
    const { status, headers } = await fetch(url, { redirect: 'manual' });
    expect([status, headers.get('location')]).toEqual([302, 'https://app.example/bye?state=s']);
  });

  it('is told so of a wrong secret', async () => {
    const config = await connect(emulator(), {}, openid.ClientSecretPost('wrong'));
    await expect(openid.tokenIntrospection(config, 'x')).rejects.toMatchObject({
      status: 401,
      error: 'invalid_client',
    });
  });
});

describe('with Basic, which this client encodes as a form (RFC 6749 §2.3.1)', () => {
  // Every character that one of the two ways of writing would change.
  const emulator = useEmulator({
    appId: 'my-app_1',
    appSecret: 's3cret:with+plus %41 ü&=',
    tokenEndpointAuthMethod: 'client_secret_basic',
  });
  const basic = () => openid.ClientSecretBasic(emulator().appSecret);
  const getRefreshToken = async () => {
    // As GenAuth's SDK writes it.
    const pair = Buffer.from(`${emulator().appId}:${emulator().appSecret}`).toString('base64');
    const response = await fetch(`${emulator().url}/api/v3/signin`, {
      method: 'POST',
      headers: { authorization: `Basic ${pair}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        connection: 'PASSWORD',
        passwordPayload: { account: 'alice', password: 'passw0rd' },
        options: { scope: SCOPE },
      }),
    });
    return ((await response.json()) as { data: { refresh_token: string } }).data.refresh_token;
  };

  it('refreshes, introspects and revokes', async () => {
    const config = await connect(emulator(), {}, basic());
    const { access_token } = await openid.refreshTokenGrant(config, await getRefreshToken());
    expect(await openid.tokenIntrospection(config, access_token)).toMatchObject({ active: true });
    await openid.tokenRevocation(config, access_token);
    expect(await openid.tokenIntrospection(config, access_token)).toEqual({ active: false });
  });

  it('is told so of a wrong secret, with a challenge', async () => {
    const config = await connect(emulator(), {}, openid.ClientSecretBasic('wrong'));
    await expect(openid.refreshTokenGrant(config, await getRefreshToken())).rejects.toMatchObject({
      code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
      status: 401,
      cause: [{ scheme: 'basic' }],
    });
  });
});

describe('without a secret', () => {
  const emulator = useEmulator({ tokenEndpointAuthMethod: 'none' });

  it('refreshes', async () => {
    const config = await connect(emulator(), {}, openid.None());
    const { refresh_token } = await getTokens(emulator(), { options: { scope: SCOPE }, client_secret: undefined });
    expect((await openid.refreshTokenGrant(config, refresh_token ?? '')).claims()).toMatchObject({
      aud: emulator().appId,
    });
  });
});

describe('an id_token of a refresh', () => {
  const refresh = async (
    options: GenAuthEmulatorOptions,
    metadata: Partial<openid.ClientMetadata>,
    flaw?: 'foreign_key',
  ) => {
    await using emulator = await new GenAuthEmulator(options).start();
    const config = await connect(emulator, metadata);
    // Else this client trusts the connection, as it may over TLS; and it never checks an HMAC.
    if (metadata.id_token_signed_response_alg !== 'HS256') openid.enableNonRepudiationChecks(config);
    const { refresh_token } = await signIn(emulator);
    if (flaw) emulator.flawIdToken(flaw);
    const tokens = await openid.refreshTokenGrant(config, refresh_token);
    const { body } = await introspect(emulator, tokens.access_token);
    return { sub: tokens.claims()?.sub, introspected: body['sub'] };
  };
  const HS256 = { id_token_signed_response_alg: 'HS256' };

  it.each<[string, GenAuthEmulatorOptions, Partial<openid.ClientMetadata>]>([
    ['RS256, key set at the host', { jwksAddress: 'host' }, {}],
    ['RS256, key set below the app', { jwksAddress: 'app' }, {}],
    ['HS256', { idTokenSignedResponseAlg: 'HS256' }, HS256],
    ['with expires_in alone', { lifetimeField: 'expires_in' }, {}],
    ['with expire_in alone', { lifetimeField: 'expire_in' }, {}],
    ['with a clock that is 20 s ahead', { clockDrift: 20 }, {}],
  ])('%s: verifies', async (_name, options, metadata) => {
    const { sub, introspected } = await refresh(options, metadata);
    expect(sub).toMatch(/^[\da-f]{24}$/);
    expect(sub).toBe(introspected);
  });

  it.each<[string, GenAuthEmulatorOptions, Partial<openid.ClientMetadata>, 'foreign_key' | undefined, string]>([
    ['by a foreign key', {}, {}, 'foreign_key', 'OAUTH_INVALID_RESPONSE'],
    [
      'HS256 where RS256 is expected',
      { idTokenSignedResponseAlg: 'HS256' },
      {},
      undefined,
      'OAUTH_UNSUPPORTED_OPERATION',
    ],
    ['RS256 where HS256 is expected', {}, HS256, undefined, 'OAUTH_INVALID_RESPONSE'],
    [
      'of a clock that is an hour behind',
      { clockDrift: -3600, tokenLifetime: 60 },
      {},
      undefined,
      'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
    ],
  ])('%s: is refused', async (_name, options, metadata, flaw, code) => {
    await expect(refresh(options, metadata, flaw)).rejects.toMatchObject({ code });
  });
});
