import { calculateJwkThumbprint } from 'jose';
import { PATHS } from '../../../src/core/wire/facts.js';
import { GenAuthEmulator } from '../../../src/emulator/index.js';
import { getJwks, inTurn, send, useEmulator } from '../support.js';

const emulator = useEmulator({ appId: 'My-App_1' });

it('publishes the document of GenAuth, with exactly its members', async () => {
  const issuer = `${emulator().url}/oidc`;
  const { body } = await send(emulator().url + PATHS.discovery);
  const scopes = 'openid offline_access username phone email address profile role roles unionid external_id';
  expect(body).toMatchObject({
    issuer,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/me`,
    end_session_endpoint: `${issuer}/session/end`,
    introspection_endpoint: `${issuer}/token/introspection`,
    revocation_endpoint: `${issuer}/token/revocation`,
    scopes_supported: `${scopes} extended_fields tenant_id userpool_id`.split(' '),
    claims_supported: expect.arrayContaining(['sub', 'email', 'roles', 'zoneinfo', 'sid', 'auth_time', 'iss']),
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials', 'password'],
    id_token_signing_alg_values_supported: ['HS256', 'RS256'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic', 'none'],
  });
  const algorithms = (use: string) => [
    `${use}_encryption_alg_values_supported`,
    `${use}_encryption_enc_values_supported`,
  ];
  const others =
    'authorization_endpoint claim_types_supported claims_supported code_challenge_methods_supported ' +
    'end_session_endpoint grant_types_supported id_token_signing_alg_values_supported introspection_endpoint ' +
    'introspection_endpoint_auth_methods_supported issuer jwks_uri response_modes_supported response_types_supported ' +
    'revocation_endpoint revocation_endpoint_auth_methods_supported scopes_supported token_endpoint ' +
    'token_endpoint_auth_methods_supported userinfo_endpoint userinfo_signing_alg_values_supported';
  const members = [...algorithms('id_token'), ...algorithms('userinfo'), ...others.split(' ')];
  expect(Object.keys(body).toSorted()).toEqual(members.toSorted());
});

it('publishes a key without its private members, whose kid is its thumbprint', async () => {
  const jwks = await getJwks(emulator());
  const kid = await calculateJwkThumbprint(jwks.keys[0] ?? {});
  const n: unknown = expect.stringMatching(/^[\w-]{342}$/);
  expect(jwks).toEqual({ keys: [{ kty: 'RSA', use: 'sig', alg: 'RS256', kid, e: 'AQAB', n }] });
});

it.each([
  ['host', 200, 404, ''],
  ['app', 404, 200, '/My-App_1'],
  ['both', 200, 200, ''],
] as const)('with jwksAddress %s answers %i on the host and %i below the app id', async (jwksAddress, ...expected) => {
  await using own = await new GenAuthEmulator({ appId: 'My-App_1', jwksAddress }).start();
  const [atHost, belowApp, prefix] = expected;
  const statuses = await inTurn(['', '/My-App_1', '/my-app_1'], async (each) => send(own.url + each + PATHS.jwks));
  expect(statuses.map(({ status }) => status)).toEqual([atHost, belowApp, 404]);
  expect(own.requests('jwks')).toBe(expected.filter((each) => each === 200).length);
  expect((await send(own.url + PATHS.discovery)).body['jwks_uri']).toBe(own.url + prefix + PATHS.jwks);
});
