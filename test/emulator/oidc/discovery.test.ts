import { calculateJwkThumbprint, decodeProtectedHeader } from 'jose';
import { GenAuthEmulator } from '../../../src/emulator/index.js';
import { getJson, getJwks, getTokens, JWKS, rawRequest, useEmulator, verify } from '../support.js';

const DISCOVERY = '/oidc/.well-known/openid-configuration';
const emulator = useEmulator({ appId: 'My-App_1' });

it('names the endpoints, of which only the authorization endpoint is not implemented', async () => {
  const document = (await getJson(emulator().url + DISCOVERY)) as Record<string, string>;
  const issuer = `${emulator().url}/oidc`;
  const endpoints = Object.entries(document).filter(([name]) => name.endsWith('_endpoint'));
  expect(Object.fromEntries([['issuer', document['issuer']], ...endpoints])).toEqual({
    issuer,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/me`,
    end_session_endpoint: `${issuer}/session/end`,
    introspection_endpoint: `${issuer}/token/introspection`,
    revocation_endpoint: `${issuer}/token/revocation`,
  });
  const statuses = endpoints.map(async ([, url]) => {
    const answers = [await rawRequest(url), await rawRequest(url, { method: 'POST' })];
    return answers.every(({ status }) => status === 501);
  });
  expect(await Promise.all(statuses)).toEqual(endpoints.map(([name]) => name === 'authorization_endpoint'));
});

it('names all scopes, claims and grants of GenAuth', async () => {
  const scopes =
    'openid offline_access username phone email address profile role roles unionid external_id extended_fields ' +
    'tenant_id userpool_id';
  expect(await getJson(emulator().url + DISCOVERY)).toMatchObject({
    scopes_supported: scopes.split(' '),
    claims_supported: expect.arrayContaining(['sub', 'iss', 'email', 'roles', 'tenant_id', 'zoneinfo']),
    grant_types_supported: expect.arrayContaining(['refresh_token']),
  });
});

it('publishes a key whose kid is its thumbprint', async () => {
  const [key] = (await getJwks(emulator())).keys;
  expect(key?.kid).toBe(await calculateJwkThumbprint(key ?? {}));
});

it.each([
  ['host', 200, 404, ''],
  ['app', 404, 200, '/My-App_1'],
  ['both', 200, 200, ''],
] as const)('with jwksAddress %s answers %i on the host and %i below the app id', async (jwksAddress, ...expected) => {
  await using own = await new GenAuthEmulator({ appId: 'My-App_1', jwksAddress }).start();
  const [atHost, belowApp, prefix] = expected;
  const answers = [await rawRequest(own.url + JWKS), await rawRequest(`${own.url}/My-App_1${JWKS}`)];
  expect(answers.map(({ status }) => status)).toEqual([atHost, belowApp]);
  expect(own.requests('jwks')).toBe(expected.filter((each) => each === 200).length);
  expect(await getJson(own.url + DISCOVERY)).toMatchObject({ jwks_uri: own.url + prefix + JWKS });
});

it.each(['/other', '/my-app_1', '/My-App_1/x', '//My-App_1'])('has no key set below %s', async (prefix) => {
  expect((await rawRequest(emulator().url + prefix + JWKS)).status).toBe(404);
});

it('signs with a new key after a rotation, and publishes the old keys until they are withdrawn', async () => {
  const listKids = async () => (await getJwks(emulator())).keys.map(({ kid }) => kid);
  const [first] = await listKids();
  const old = await getTokens(emulator());
  const { kid: second } = await emulator().rotateKeys();
  const { id_token, access_token } = await getTokens(emulator());
  expect(await listKids()).toEqual([second, first]);
  expect([decodeProtectedHeader(id_token).kid, decodeProtectedHeader(access_token).kid]).toEqual([second, second]);
  await verify(emulator(), old.id_token);
  const { kid: third } = await emulator().rotateKeys({ withdraw: true });
  expect(await listKids()).toEqual([third]);
  await expect(verify(emulator(), old.id_token)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
});
