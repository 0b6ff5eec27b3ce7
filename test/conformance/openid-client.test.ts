import { decodeJwt } from 'jose';
import * as openid from 'openid-client';
import { GenAuthEmulator } from '../../src/emulator/index.js';
import { getTokens, useEmulator } from '../emulator/support.js';

// A certified OpenID Connect client uses the emulator's OIDC endpoints, one row for each flow.

const SCOPE = 'openid profile email roles offline_access';

/** Configures the client by discovery. It allows http, and no other exception. */
async function connect(
  emulator: GenAuthEmulator,
  authentication: openid.ClientAuth = openid.ClientSecretPost(emulator.appSecret),
): Promise<openid.Configuration> {
  const options = { execute: [openid.allowInsecureRequests] };
  return openid.discovery(new URL(`${emulator.url}/oidc`), emulator.appId, {}, authentication, options);
}

/** Signs in through GenAuth's own API, because OpenID Connect has no flow for it. */
async function signIn(emulator: GenAuthEmulator) {
  const tokens = await getTokens(emulator, { options: { scope: SCOPE } });
  return { ...tokens, refresh_token: tokens.refresh_token ?? '' };
}

describe('openid-client', () => {
  const emulator = useEmulator();

  it('finds the issuer by discovery, and gets user info or the challenge', async () => {
    const config = await connect(emulator());
    const { issuer } = config.serverMetadata();
    expect([issuer, config.serverMetadata().supportsPKCE()]).toEqual([`${emulator().url}/oidc`, true]);
    const { access_token, id_token } = await signIn(emulator());
    const { sub = '' } = decodeJwt(id_token);
    const user = await openid.fetchUserInfo(config, access_token, sub);
    expect(user).toMatchObject({ sub, email: 'alice@example.com', roles: ['admin'] });
    const cause = [{ scheme: 'bearer', parameters: { error: 'invalid_token' } }];
    await expect(openid.fetchUserInfo(config, 'nonsense', sub)).rejects.toMatchObject({ status: 401, cause });
  });

  it('refreshes once for each refresh token, introspects and revokes', async () => {
    const config = await connect(emulator());
    const { refresh_token: first } = await signIn(emulator());
    const {
      access_token: token,
      scope,
      expires_in,
    } = await openid.refreshTokenGrant(config, first, { scope: 'openid' });
    expect([scope, Number(expires_in) > 1_209_600 - 60]).toEqual(['openid', true]);
    const refused = { name: 'ResponseBodyError', status: 400, error: 'invalid_grant' };
    await expect(openid.refreshTokenGrant(config, first)).rejects.toMatchObject(refused);
    expect(await openid.tokenIntrospection(config, token)).toMatchObject({ active: true, scope, token_type: 'Bearer' });
    await openid.tokenRevocation(config, token);
    expect(await openid.tokenIntrospection(config, token)).toEqual({ active: false });
    const granted = openid.clientCredentialsGrant(config);
    await expect(granted).rejects.toMatchObject({ error: 'unsupported_grant_type' });
  });
});

it('openid-client authenticates with a Basic header, which it encodes as a form (RFC 6749 §2.3.1)', async () => {
  // This secret has every character that this encoding changes.
  const appSecret = 's3cret:with+plus %41 ü&=';
  const app = { appId: 'my-app_1', appSecret, tokenEndpointAuthMethod: 'client_secret_basic' } as const;
  await using emulator = await new GenAuthEmulator(app).start();
  const config = await connect(emulator, openid.ClientSecretBasic(appSecret));
  expect(await openid.tokenIntrospection(config, 'x')).toEqual({ active: false });
  const wrong = await connect(emulator, openid.ClientSecretBasic('wrong'));
  const challenged = { status: 401, cause: [{ scheme: 'basic' }] };
  await expect(openid.tokenIntrospection(wrong, 'x')).rejects.toMatchObject(challenged);
});

it('openid-client checks the signature of the id_token of a refresh', async () => {
  const options = { jwksAddress: 'app', lifetimeField: 'expire_in', clockDrift: 20 } as const;
  await using emulator = await new GenAuthEmulator(options).start();
  const config = await connect(emulator);
  // Without this check the client trusts a TLS connection.
  openid.enableNonRepudiationChecks(config);
  const tokens = await openid.refreshTokenGrant(config, (await signIn(emulator)).refresh_token);
  emulator.flawIdToken('foreign_key');
  const refreshing = openid.refreshTokenGrant(config, tokens.refresh_token ?? '');
  await expect(refreshing).rejects.toMatchObject({ code: 'OAUTH_INVALID_RESPONSE' });
});
