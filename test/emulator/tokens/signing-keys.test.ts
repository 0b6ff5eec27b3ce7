import { calculateJwkThumbprint, decodeProtectedHeader } from 'jose';
import { GenAuthEmulator } from '../../../src/emulator/index.js';
import { getJson, getJwks, getTokens, rawRequest, useEmulator, verify } from '../support.js';

const running: GenAuthEmulator[] = [];
async function start(): Promise<GenAuthEmulator> {
  const emulator = await new GenAuthEmulator().start();
  running.push(emulator);
  return emulator;
}
afterEach(async () => {
  await Promise.all(running.splice(0).map((emulator) => emulator.stop()));
});

describe('the key set', () => {
  const emulator = useEmulator({ appId: 'My-App_1' });
  const JWKS = '/oidc/.well-known/jwks.json';

  test('is one RSA-2048 key for RS256, and nothing private', async () => {
    const { keys } = await getJwks(emulator());
    expect(keys).toEqual([
      {
        kty: 'RSA',
        use: 'sig',
        alg: 'RS256',
        kid: expect.stringMatching(/^[\w-]{43}$/),
        e: 'AQAB',
        n: expect.stringMatching(/^[\w-]{342}$/),
      },
    ]);
    const [key] = keys;
    expect(key?.kid).toBe(await calculateJwkThumbprint(key ?? {}));
  });

  test('is at both of its addresses, and both count as one', async () => {
    const [plain, below] = [
      await rawRequest(emulator().url + JWKS),
      await rawRequest(`${emulator().url}/My-App_1${JWKS}`),
    ];
    expect([below.status, below.body]).toEqual([200, plain.body]);
    expect(plain.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(emulator().requests('jwks')).toBe(2);
  });

  test.each(['/other', '/my-app_1', '/My-App_1/x', '//My-App_1'])('is not below %s', async (prefix) => {
    const { status, body } = await rawRequest(`${emulator().url}${prefix}${JWKS}`);
    expect([status, JSON.parse(body)]).toMatchObject([404, { statusCode: 404 }]);
    expect(emulator().requests('jwks')).toBe(0);
  });
});

describe('discovery', () => {
  const emulator = useEmulator();

  test('says what production says', async () => {
    const document = (await getJson(`${emulator().url}/oidc/.well-known/openid-configuration`)) as object;
    const issuer = `${emulator().url}/oidc`;
    expect(document).toMatchObject({
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/me`,
      end_session_endpoint: `${issuer}/session/end`,
      introspection_endpoint: `${issuer}/token/introspection`,
      revocation_endpoint: `${issuer}/token/revocation`,
      scopes_supported:
        'openid offline_access username phone email address profile role roles unionid external_id extended_fields tenant_id userpool_id'.split(
          ' ',
        ),
      id_token_signing_alg_values_supported: ['HS256', 'RS256'],
      token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic', 'none'],
      code_challenge_methods_supported: ['plain', 'S256'],
      response_modes_supported: ['query', 'fragment', 'form_post', 'web_message'],
      claim_types_supported: ['normal'],
      claims_supported: expect.arrayContaining(['sub', 'iss', 'email', 'roles', 'tenant_id', 'zoneinfo']),
    });
    expect(document).toMatchObject({
      grant_types_supported: expect.arrayContaining(['refresh_token']),
      introspection_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic', 'none'],
      revocation_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic', 'none'],
    });
    expect(document).not.toHaveProperty('subject_types_supported');
    expect(emulator().requests('discovery')).toBe(1);
  });

  test('names endpoints that are there, but for the one that needs a browser', async () => {
    const document = await getJson(`${emulator().url}/oidc/.well-known/openid-configuration`);
    const endpoints = Object.entries(document as Record<string, string>).filter(([name]) => name.endsWith('_endpoint'));
    const missing = await Promise.all(
      endpoints.map(async ([name, url]) => {
        const statuses = [(await rawRequest(url)).status, (await rawRequest(url, { method: 'POST' })).status];
        return statuses.every((status) => status === 501) ? name : undefined;
      }),
    );
    expect(endpoints).toHaveLength(6);
    expect(missing.filter((name) => name !== undefined)).toEqual(['authorization_endpoint']);
  });
});

describe.each([
  ['host', 200, 404, ''],
  ['app', 404, 200, '/My-App_1'],
  ['both', 200, 200, ''],
] as const)('the key set with jwksAddress %s', (jwksAddress, atHost, belowApp, named) => {
  const emulator = useEmulator({ appId: 'My-App_1', jwksAddress });
  const JWKS = '/oidc/.well-known/jwks.json';

  test(`is answered ${atHost} at the host and ${belowApp} below the app, and discovery names one that is there`, async () => {
    const { url } = emulator();
    const answers = [await rawRequest(url + JWKS), await rawRequest(`${url}/My-App_1${JWKS}`)];
    expect(answers.map(({ status }) => status)).toEqual([atHost, belowApp]);
    const { jwks_uri: uri } = (await getJson(`${url}/oidc/.well-known/openid-configuration`)) as { jwks_uri: string };
    expect(uri).toBe(`${url}${named}${JWKS}`);
    expect(await getJson(uri)).toMatchObject({ keys: [{ kid: expect.any(String) }] });
    // What is not there is no endpoint, and no fault meets it.
    const found = answers.filter(({ status }) => status === 200).length;
    expect(emulator().requests('jwks')).toBe(found + 1);
  });
});

describe('rotation', () => {
  test('signs with a new key and leaves the old ones for the tokens that live', async () => {
    const emulator = await start();
    const old = await getTokens(emulator);
    const [first] = (await getJwks(emulator)).keys;
    const { kid: second } = await emulator.rotateKeys();
    const { kid: third } = await emulator.rotateKeys({ withdraw: false });
    expect((await getJwks(emulator)).keys.map(({ kid }) => kid)).toEqual([third, second, first?.kid]);

    const fresh = await getTokens(emulator);
    for (const token of [fresh.id_token, fresh.access_token]) expect(decodeProtectedHeader(token).kid).toBe(third);
    await verify(emulator, fresh.id_token);
    await verify(emulator, old.id_token);
  });

  test('withdraws the old keys if asked to', async () => {
    const emulator = await start();
    const old = await getTokens(emulator);
    await emulator.rotateKeys();
    const { kid } = await emulator.rotateKeys({ withdraw: true });
    expect((await getJwks(emulator)).keys.map((key) => key.kid)).toEqual([kid]);
    await expect(verify(emulator, old.id_token)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
    await verify(emulator, (await getTokens(emulator)).id_token);
  });

  test.each([
    [{ withdraw: 'yes' }, 'withdraw: expected true or false, got "yes".'],
    [{ withdrew: true }, 'unknown property "withdrew"'],
    [[], 'expected an object, got a list'],
  ])('refuses %p', async (options, message) => {
    const emulator = await start();
    await expect(emulator.rotateKeys(options as never)).rejects.toThrow(message);
    expect((await getJwks(emulator)).keys).toHaveLength(1);
  });
});
