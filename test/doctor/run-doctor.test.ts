import { type GenAuthEmulator, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import { type Issuer, DISCOVERY_PATH, JWKS_PATH, useIssuer } from '../support/issuer.js';
import { createRsaKey } from '../support/rsa-key.js';
import { createAlgorithmKey } from '../support/signing-key.js';
import { createRsaPasswordKey, createSm2PasswordKey } from '../support/password-key.js';
import { EVERYBODY, PASSWORDS, SECRET, environmentOf, useEmulators, visit } from './support.js';

const emulate = useEmulators();

test('a tenant that is in order: exit code 0, every check is ok', async () => {
  const emulator = await emulate();
  const { code, problems, report } = await visit(
    { ...environmentOf(emulator), GENAUTH_SCOPE: 'openid profile email phone offline_access' },
    [...EVERYBODY, '--client-ip', '203.0.113.7'],
    PASSWORDS,
  );
  expect([code, problems, report.level]).toEqual([0, [], 'ok']);
  expect(report.findings.map(({ check, code: found }) => `${check}: ${found}`)).toEqual([
    'runtime: runtime',
    'environment: environment',
    'configuration: configuration',
    'connection: connection',
    'clock: clock',
    'discovery: discovery',
    'keys: keys',
    'client: client',
    'encryption: encryption_not_used',
    'login: signed_in',
    'directory: signed_in',
    'tokens: id_token',
    'tokens: access_token',
    'scopes: scopes',
    'address: client_ip',
  ]);
  expect(emulator.signIns).toHaveLength(2);
  expect(report).toMatchObject({ appHost: emulator.url, appId: emulator.appId, node: process.versions.node });
});

test('without an account nobody signs in, and nothing counts towards lock-out', async () => {
  const emulator = await emulate({ lockAfter: 1 });
  const { code, report } = await visit({ ...environmentOf(emulator), GENAUTH_APP_SECRET: 'wrong' });
  expect(code).toBe(2);
  expect(
    (await visit(environmentOf(emulator))).report.findings.filter(({ level }) => level === 'skipped'),
  ).toHaveLength(2);
  expect([emulator.signIns, emulator.requests('signin'), report.level]).toEqual([[], 0, 'error']);
});

test('the tokens of the sign-ins are revoked, refresh tokens before all', async () => {
  const emulator = await emulate();
  await visit({ ...environmentOf(emulator), GENAUTH_SCOPE: 'openid offline_access' }, EVERYBODY, PASSWORDS);
  // One of the checks itself, and one for each sign-in.
  expect(emulator.requests('revocation')).toBe(3);
});

describe('the application itself', () => {
  test.each<[string, GenAuthEmulatorOptions, Record<string, string>, string[], string]>([
    [
      'a wrong secret',
      {},
      { GENAUTH_APP_SECRET: 'wrong' },
      ['client: error client_refused'],
      'Compare the App ID with the console. If it is right, set GENAUTH_APP_SECRET=<App secret>',
    ],
    [
      'another app',
      {},
      { GENAUTH_APP_ID: 'another-app' },
      ['client: error client_refused'],
      'Compare the App ID with the console. If it is right, set GENAUTH_APP_SECRET=<App secret>',
    ],
    [
      'post, where the console says basic',
      { tokenEndpointAuthMethod: 'client_secret_basic' },
      {},
      ['client: error client_method_wrong'],
      'Set GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD=client_secret_basic',
    ],
    [
      'basic, where the console says post',
      {},
      { GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD: 'client_secret_basic' },
      ['client: error client_method_wrong'],
      'Set GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD=client_secret_post',
    ],
    [
      'post, where the console says none',
      { tokenEndpointAuthMethod: 'none' },
      {},
      ['client: error client_method_wrong'],
      'Set GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD=none',
    ],
  ])('%s', async (_name, options, changes, expected, fix) => {
    const emulator = await emulate(options);
    const { code, problems, report } = await visit({ ...environmentOf(emulator), ...changes }, EVERYBODY, PASSWORDS);
    expect([code, problems]).toEqual([2, expected]);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ check: 'client', fix, consolePage: expect.any(String) as string }),
    );
    // A sign-in would be refused too, and is not tried.
    expect(emulator.requests('signin')).toBe(0);
  });

  test.each<[string, (emulator: GenAuthEmulator) => void, number, string[]]>([
    [
      'introspection refuses the method',
      (emulator) => emulator.fault({ endpoint: 'introspection', status: 401, body: { error: 'invalid_client' } }),
      1,
      ['client: warning client_method_differs'],
    ],
    [
      'revocation refuses the method',
      (emulator) => emulator.fault({ endpoint: 'revocation', status: 401, body: { error: 'invalid_client' } }),
      1,
      ['client: warning client_method_differs'],
    ],
    [
      'the token endpoint is down',
      (emulator) => emulator.fault({ endpoint: 'token', status: 503, body: SECRET }),
      1,
      ['client: warning client_unclear'],
    ],
    [
      'the token endpoint refuses another grant: it knows the app',
      (emulator) => emulator.fault({ endpoint: 'token', status: 400, body: { error: 'unsupported_grant_type' } }),
      0,
      [],
    ],
    [
      'the app may not use refresh tokens',
      (emulator) => emulator.fault({ endpoint: 'token', status: 400, body: { error: 'unauthorized_client' } }),
      1,
      ['client: warning refresh_grant_off'],
    ],
  ])('%s', async (_name, arrange, exit, expected) => {
    const emulator = await emulate();
    arrange(emulator);
    const env = { ...environmentOf(emulator), GENAUTH_SCOPE: 'openid offline_access' };
    const { code, problems } = await visit(env, EVERYBODY, PASSWORDS);
    expect([code, problems]).toEqual([exit, expected]);
  });

  test('without offline_access nobody misses refresh tokens', async () => {
    const emulator = await emulate();
    emulator.fault({ endpoint: 'token', status: 400, body: { error: 'unauthorized_client' } });
    expect((await visit(environmentOf(emulator))).problems).toEqual([]);
  });
});

describe("GenAuth's keys for passwords", () => {
  test.each<[string, 'none' | 'rsa' | 'sm2', object | string | undefined, string[]]>([
    ['rsa is there', 'rsa', undefined, []],
    ['sm2 is there', 'sm2', undefined, []],
    ['neither is there, and none is wanted', 'none', {}, []],
    [
      'rsa is missing',
      'rsa',
      { sm2: { publicKey: createSm2PasswordKey().publicKey } },
      ['encryption: error password_key_unusable'],
    ],
    ['sm2 is missing', 'sm2', {}, ['encryption: error password_key_unusable']],
    [
      'sm2 is no point',
      'sm2',
      { sm2: { publicKey: '04'.padEnd(130, '0') } },
      ['encryption: error password_key_unusable'],
    ],
    ['the page is HTML', 'rsa', `<html>${SECRET}`, ['encryption: error password_key_unusable']],
  ])('%s', async (_name, type, body, expected) => {
    const emulator = await emulate();
    if (body !== undefined) emulator.fault({ endpoint: 'system', body });
    const env = { ...environmentOf(emulator), GENAUTH_PASSWORD_ENCRYPT_TYPE: type };
    const { problems, report } = await visit(env, EVERYBODY, PASSWORDS);
    expect(problems).toEqual(expected);
    // A password is not sent in the clear in its place.
    expect(emulator.signIns).toHaveLength(expected.length === 0 ? 2 : 0);
    if (type === 'rsa' && expected.length === 0) {
      expect(report.findings).toContainEqual(
        expect.objectContaining({ code: 'encryption', message: expect.stringContaining('117 bytes') as string }),
      );
    }
  });
});

test.each(['rsa', 'sm2'])(
  'GenAuth shows an %s key for passwords that is not the one it decrypts with',
  async (type) => {
    const emulator = await emulate();
    const body = {
      // Of another size than the emulator's, whose padding could by chance look right else.
      rsa: { publicKey: createRsaPasswordKey(2048).publicKey },
      sm2: { publicKey: createSm2PasswordKey().publicKey },
    };
    emulator.fault({ endpoint: 'system', body, times: 9 });
    const env = { ...environmentOf(emulator), GENAUTH_PASSWORD_ENCRYPT_TYPE: type };
    const { code, problems } = await visit(env, EVERYBODY, PASSWORDS);
    expect([code, problems]).toEqual([
      2,
      ['login: error login_password_decryption_failed', 'directory: error login_password_decryption_failed'],
    ]);
    // Twice each, since GenAuth may have changed its keys meanwhile; no password was compared.
    expect(emulator.signIns.map(({ outcome }) => outcome)).toEqual(Array(4).fill('decryption_failed'));
  },
);

describe('discovery and keys', () => {
  const issuer = useIssuer();
  const key = (changes: object): object => ({ ...createRsaKey().jwk, ...changes });

  type Row = [
    name: string,
    arrange: (issuer: Issuer) => Record<string, string> | void,
    expected: string[],
    fix?: RegExp,
  ];
  test.each<Row>([
    ['all is well', () => {}, []],
    [
      'discovery answers 500',
      (at) => at.reply(DISCOVERY_PATH, { status: 500, body: SECRET }),
      ['discovery: error discovery_unusable', 'keys: error jwks_unusable'],
    ],
    [
      'discovery is a page',
      (at) => at.reply(DISCOVERY_PATH, { body: `<html>${SECRET}` }),
      ['discovery: error discovery_unusable', 'keys: error jwks_unusable'],
    ],
    [
      'discovery is too large',
      (at) =>
        at.reply(DISCOVERY_PATH, { body: { issuer: at.issuer, jwks_uri: at.url + JWKS_PATH, x: 'x'.repeat(300_000) } }),
      ['discovery: error discovery_unusable', 'keys: error jwks_unusable'],
    ],
    [
      'discovery is compressed',
      (at) => {
        const body = { issuer: at.issuer, jwks_uri: at.url + JWKS_PATH };
        at.reply(DISCOVERY_PATH, { headers: { 'content-encoding': 'gzip' }, body });
      },
      ['discovery: error discovery_unusable', 'keys: error jwks_unusable'],
    ],
    [
      'an issuer longer than a quotation',
      (at) => at.reply(DISCOVERY_PATH, { body: { issuer: `${at.issuer}/${'long/'.repeat(40)}` } }),
      ['discovery: error issuer_mismatch', 'keys: error jwks_unusable'],
      /^If appHost is right, set GENAUTH_ISSUER=http:\/\/127\.0\.0\.1:\d+\/oidc\/(long\/){40}$/,
    ],
    [
      'an issuer that a shell would run',
      (at) => at.reply(DISCOVERY_PATH, { body: { issuer: `${at.issuer};reboot` } }),
      ['discovery: error issuer_mismatch', 'keys: error jwks_unusable'],
      /^If appHost is right, set GENAUTH_ISSUER=<issuer>$/,
    ],
    [
      'there is no discovery',
      (at) => at.reply(DISCOVERY_PATH, { status: 404 }),
      ['discovery: warning discovery_missing'],
    ],
    [
      'another issuer',
      (at) => at.reply(DISCOVERY_PATH, { body: { issuer: `${at.issuer}/`, jwks_uri: at.url + JWKS_PATH } }),
      ['discovery: error issuer_mismatch', 'keys: error jwks_unusable'],
      /^If appHost is right, set GENAUTH_ISSUER=http:\/\/127\.0\.0\.1:\d+\/oidc\/$/,
    ],
    [
      'an issuer that echoes the secret',
      (at) => at.reply(DISCOVERY_PATH, { body: { issuer: SECRET, jwks_uri: at.url + JWKS_PATH } }),
      ['discovery: error issuer_mismatch', 'keys: error jwks_unusable'],
      /hidden/,
    ],
    [
      'keys on another host',
      (at) => at.reply(DISCOVERY_PATH, { body: { issuer: at.issuer, jwks_uri: 'https://keys.invalid/jwks' } }),
      ['discovery: error jwks_uri_foreign', 'keys: error jwks_unusable'],
      /^If this address is right, set GENAUTH_JWKS_URI=https:\/\/keys\.invalid\/jwks$/,
    ],
    [
      'the keys are not where discovery says, but where they are documented',
      (at) => at.reply(DISCOVERY_PATH, { body: { issuer: at.issuer, jwks_uri: `${at.url}/gone` } }),
      ['keys: error jwks_unusable'],
      /^Set GENAUTH_JWKS_URI=http:\/\/127\.0\.0\.1:\d+\/oidc\/\.well-known\/jwks\.json$/,
    ],
    [
      'the keys are nowhere',
      (at) => at.reply(JWKS_PATH, { status: 404 }),
      ['keys: error jwks_unusable'],
      /^Fix discovery/,
    ],
    [
      'GENAUTH_JWKS_URI is wrong, discovery is right',
      (at) => ({ GENAUTH_JWKS_URI: `${at.url}/wrong` }),
      ['keys: error jwks_unusable'],
      /^Set GENAUTH_JWKS_URI=http:\/\/127\.0\.0\.1:\d+\/oidc\/\.well-known\/jwks\.json$/,
    ],
    [
      'the only key has 1024 bits',
      (at) => at.reply(JWKS_PATH, { body: { keys: [{ ...createRsaKey({ bits: 1024 }).jwk }] } }),
      ['keys: error keys_unusable'],
    ],
    [
      'one of two keys has no kid',
      (at) => at.reply(JWKS_PATH, { body: { keys: [key({}), key({ kid: undefined })] } }),
      ['keys: warning key_unusable'],
    ],
    [
      'keys of other kinds beside',
      (at) => at.reply(JWKS_PATH, { body: { keys: [key({}), key({ use: 'enc' }), createAlgorithmKey('ES256').jwk] } }),
      [],
    ],
    ['no keys at all', (at) => at.reply(JWKS_PATH, { body: { keys: [] } }), ['keys: error keys_unusable']],
    ['HS256 for id_tokens', () => ({ GENAUTH_ID_TOKEN_ALG: 'HS256' }), []],
    [
      'an algorithm that GenAuth does not offer, and a scope',
      (at) => {
        const body = { issuer: at.issuer, jwks_uri: at.url + JWKS_PATH };
        const offers = { id_token_signing_alg_values_supported: ['HS256'], scopes_supported: ['openid', 'email'] };
        at.reply(DISCOVERY_PATH, { body: { ...body, ...offers } });
        return { GENAUTH_SCOPE: 'openid emial' };
      },
      ['discovery: warning algorithm_not_offered', 'discovery: warning scope_unknown'],
    ],
  ])('%s', async (...[, arrange, expected, fix]: Row) => {
    const { url, clientOptions } = issuer();
    // Of this server's other endpoints nothing is asked here.
    issuer().reply('/oidc/token', { status: 400, body: { error: 'invalid_grant' } });
    const changes = arrange(issuer()) ?? {};
    const env = { GENAUTH_APP_HOST: url, GENAUTH_APP_ID: clientOptions.appId, GENAUTH_APP_SECRET: SECRET, ...changes };
    const { problems, report } = await visit(env);
    expect(problems).toEqual(expected);
    if (fix !== undefined) {
      expect(report.findings).toContainEqual(expect.objectContaining({ fix: expect.stringMatching(fix) as string }));
    }
  });

  const PLACE = String.raw`http://127\.0\.0\.1:\d+/oidc/\.well-known/jwks\.json`;
  test.each<[string, (at: Issuer) => Record<string, string> | void, string]>([
    [
      'discovery is of another issuer',
      (at) => at.reply(DISCOVERY_PATH, { body: { issuer: `${at.issuer}/`, jwks_uri: at.url + JWKS_PATH } }),
      `^The key set could not be loaded\\. The key set is at ${PLACE}\\.$`,
    ],
    ['the address is wrong', (at) => ({ GENAUTH_JWKS_URI: `${at.url}/wrong` }), `\\. The key set is at ${PLACE}\\.$`],
    [
      'there is none',
      (at) => at.reply(JWKS_PATH, { status: 404 }),
      `\\. It was not found at any other known address\\.$`,
    ],
  ])('where the keys are is told, if %s', async (_, arrange, message) => {
    const { url, clientOptions } = issuer();
    issuer().reply('/oidc/token', { status: 400, body: { error: 'invalid_grant' } });
    const changes = arrange(issuer()) ?? {};
    const env = { GENAUTH_APP_HOST: url, GENAUTH_APP_ID: clientOptions.appId, GENAUTH_APP_SECRET: SECRET, ...changes };
    const { findings } = (await visit(env)).report;
    expect(findings.find(({ code }) => code === 'jwks_unusable')?.message).toMatch(new RegExp(message));
  });

  test('the key set with the app id is found where it is the only one', async () => {
    const emulator = await emulate({ jwksAddress: 'app' });
    const { problems, report } = await visit(environmentOf(emulator));
    expect(problems).toEqual([]);
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        code: 'keys',
        message: expect.stringContaining(`at /${emulator.appId}/oidc`) as string,
      }),
    );
  });
});
