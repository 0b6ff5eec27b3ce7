import { calculateJwkThumbprint } from 'jose';
import { PATHS } from '../../../src/core/wire/facts.js';
import { GenAuthEmulator } from '../../../src/emulator/index.js';
import { getJwks, inTurn, send, useEmulator } from '../support.js';

const emulator = useEmulator({ appId: 'My-App_1' });

it('publishes the document of GenAuth', async () => {
  const issuer = `${emulator().url}/oidc`;
  const { body } = await send(emulator().url + PATHS.discovery);
  expect(body).toMatchObject({
    issuer,
    token_endpoint: `${issuer}/token`,
    end_session_endpoint: `${issuer}/session/end`,
    introspection_endpoint: `${issuer}/token/introspection`,
    scopes_supported: expect.arrayContaining(['openid', 'offline_access', 'userpool_id']),
    claims_supported: expect.arrayContaining(['sub', 'email', 'roles', 'zoneinfo', 'sid', 'auth_time', 'iss']),
    id_token_signing_alg_values_supported: ['HS256', 'RS256'],
  });
  expect([Object.keys(body).length, body['subject_types_supported']]).toEqual([24, undefined]);
});

it('publishes a key without its private members, whose kid is its thumbprint', async () => {
  const jwks = await getJwks(emulator());
  const kid = await calculateJwkThumbprint(jwks.keys[0] ?? {});
  const n: unknown = expect.stringMatching(/^[\w-]{342}$/);
  expect(jwks).toEqual({ keys: [{ kty: 'RSA', use: 'sig', alg: 'RS256', kid, e: 'AQAB', n }] });
});

it.each([
  ['host', [200, 404, 404], ''],
  ['app', [404, 200, 404], '/My-App_1'],
  ['both', [200, 200, 404], ''],
] as const)('with jwksAddress %s answers %j on the host, below the app id and in another case', async (...row) => {
  const [jwksAddress, expected, prefix] = row;
  await using own = await new GenAuthEmulator({ appId: 'My-App_1', jwksAddress }).start();
  const answers = await inTurn(['', '/My-App_1', '/my-app_1'], async (each) => send(own.url + each + PATHS.jwks));
  expect(answers.map(({ status }) => status)).toEqual(expected);
  expect((await send(own.url + PATHS.discovery)).body['jwks_uri']).toBe(own.url + prefix + PATHS.jwks);
});
