import { inspect } from 'node:util';
import { GenAuthClient } from '../../src/core/client.js';
import type { GenAuthOptions } from '../../src/core/options/types.js';
import type { Credentials } from '../../src/core/sign-in/credentials.js';
import type { SignInOptions } from '../../src/core/sign-in/sign-in-options.js';
import { type EmulatorFault, GenAuthEmulator, ID_TOKEN_FLAWS, type IdTokenFlaw } from '../../src/emulator/index.js';
import { findLeaks } from '../support/leak.js';
import { catchError } from '../support/promise.js';

const SECRET = 'canary-app-secret-0123456789';
const PASSWORD = 'canary-Passw0rd-ünïcode';
const AD_PASSWORD = 'canary-AdPassw0rd';
const ALICE: Credentials = { account: 'alice', password: PASSWORD };
const ZHANGSAN: Credentials = { sAMAccountName: 'zhangsan', password: AD_PASSWORD };
const METHODS = ['client_secret_post', 'client_secret_basic', 'none'] as const;

const emulators = new Map<string, GenAuthEmulator>();
const clients: GenAuthClient[] = [];
beforeAll(async () => {
  for (const tokenEndpointAuthMethod of METHODS) {
    const emulator = new GenAuthEmulator({
      tokenEndpointAuthMethod,
      appSecret: SECRET,
      users: [
        { username: 'alice', email: 'alice@example.com', email_verified: true, name: 'Alice', password: PASSWORD },
      ],
      adAccounts: [{ sAMAccountName: 'zhangsan', name: '张三', password: AD_PASSWORD }],
      tokenLifetime: 7200,
    });
    emulators.set(tokenEndpointAuthMethod, await emulator.start());
  }
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  for (const emulator of emulators.values()) emulator.reset();
});
afterAll(async () => {
  for (const emulator of emulators.values()) await emulator.stop();
});

/** The emulator that takes a client authentication, `client_secret_post` unless told otherwise. */
function genauth(method: (typeof METHODS)[number] = 'client_secret_post'): GenAuthEmulator {
  const emulator = emulators.get(method);
  if (emulator === undefined) throw new Error('not started');
  return emulator;
}

function open(options: Partial<GenAuthOptions> = {}, emulator = genauth()): GenAuthClient {
  const client = new GenAuthClient<string>({ ...emulator.clientOptions, ...options });
  clients.push(client as GenAuthClient);
  return client as GenAuthClient;
}

const signIns = (emulator = genauth()): number => emulator.requests('signin');

describe.each(METHODS)('a sign-in, client authentication %s', (method) => {
  const clientOf = (options: Partial<GenAuthOptions> = {}): GenAuthClient => {
    const { appId, appHost } = genauth(method).clientOptions;
    const secret = method === 'none' ? undefined : SECRET;
    const required = { appId, appHost, tokenEndpointAuthMethod: method, ...(secret && { appSecret: secret }) };
    const client = new GenAuthClient<string>({ ...required, ...options });
    clients.push(client as GenAuthClient);
    return client as GenAuthClient;
  };

  it.each([
    ['PASSWORD', ALICE, { account: 'alice', name: 'Alice', username: 'alice' }],
    ['AD', ZHANGSAN, { account: 'zhangsan', name: '张三', username: 'zhangsan' }],
  ] as const)('%s: one request, and what comes back is verified', async (connection, credentials, person) => {
    const client = clientOf({ scope: ['openid', 'username', 'email', 'offline_access'] });
    const outcome = await client.signIn(credentials, { clientIp: '::ffff:203.0.113.7', context: { source: 'utm' } });
    if (outcome.kind !== 'success') throw new Error(inspect(outcome));
    const { user, tokens, claims, statusCode, requestId } = outcome;
    expect(user).toEqual({
      sub: claims.sub,
      username: person.username,
      email: connection === 'PASSWORD' ? 'alice@example.com' : null,
      email_verified: connection === 'PASSWORD',
    });
    expect([statusCode, claims.iss, claims.aud]).toEqual([200, client.options.issuer, client.options.appId]);
    expect(tokens.expiresAt.getTime()).toBe((claims.iat + 7200) * 1000);
    expect(tokens.scope).toEqual(client.options.scope);
    expect(tokens.refreshToken).toEqual(expect.any(String));
    expect(await client.verifyIdToken(tokens.idToken)).toEqual(claims);
    expect(await client.verifyAccessToken(tokens.accessToken)).toMatchObject({ sub: claims.sub });
    expect(genauth(method).signIns).toEqual([
      {
        connection,
        account: person.account,
        clientIp: '203.0.113.7',
        context: { source: 'utm' },
        options: { scope: 'openid username email offline_access', clientIp: '203.0.113.7', context: { source: 'utm' } },
        requestId,
        outcome: 'success',
      },
    ]);
    expect([signIns(genauth(method)), genauth(method).requests('jwks')]).toEqual([1, 1]);
    expect(findLeaks([client, outcome], [SECRET, PASSWORD, AD_PASSWORD])).toEqual([]);
  });

  it('a wrong password, an unknown account: invalid_credentials, one request each', async () => {
    const client = clientOf();
    const wrong = await client.signIn({ ...ALICE, password: `${PASSWORD} ` });
    const unknown = await client.signIn({ ...ALICE, account: '//127.0.0.1:9/' });
    expect([wrong.kind, unknown.kind]).toEqual(['invalid_credentials', 'invalid_credentials']);
    expect(signIns(genauth(method))).toBe(2);
    expect(findLeaks([wrong, unknown], [PASSWORD, SECRET])).toEqual([]);
  });

  it('another method than the application’s: the operator must act, not the person', async () => {
    for (const tokenEndpointAuthMethod of METHODS.filter((each) => each !== method)) {
      const appSecret = tokenEndpointAuthMethod === 'none' ? {} : { appSecret: SECRET };
      const { appId, appHost } = genauth(method).clientOptions;
      const client = new GenAuthClient({ appId, appHost, tokenEndpointAuthMethod, ...appSecret });
      const error = await catchError(client.signIn(ALICE)).finally(() => client.close());
      expect(error).toMatchObject({ code: 'client_authentication_failed', statusCode: 500 });
      expect(error.message).toContain('tokenEndpointAuthMethod');
      expect(findLeaks(error, [SECRET, PASSWORD])).toEqual([]);
    }
  });
});

describe('an application that GenAuth does not take', () => {
  it.each([
    ['a wrong secret', { appSecret: 'another-secret' }, 'client_authentication_failed'],
    ['an unknown application', { appId: 'another-app' }, 'app_not_found'],
  ])('%s: %j: %s', async (_, options, code) => {
    expect(await catchError(open(options).signIn(ALICE))).toMatchObject({ name: 'ConfigurationError', code });
    expect(signIns()).toBe(1);
  });
});

describe('an id_token with a flaw is never a success, and the sign-in is not repeated', () => {
  const CODES: Record<IdTokenFlaw, string> = {
    expired: 'token_expired',
    not_yet_valid: 'token_not_yet_valid',
    wrong_audience: 'token_audience_mismatch',
    wrong_issuer: 'token_issuer_mismatch',
    unsigned: 'token_malformed',
    hs256_public_key: 'token_algorithm_mismatch',
    unknown_kid: 'token_key_unknown',
    // With one key in the set it is clear which one was meant (OpenID Connect Core 1.0 §10.1).
    no_kid: 'success',
    foreign_key: 'token_signature_invalid',
    missing_sub: 'token_claim_invalid',
    other_subject: 'token_subject_mismatch',
    tampered: 'token_signature_invalid',
    bad_at_hash: 'token_hash_mismatch',
  };

  it.each(ID_TOKEN_FLAWS.map((flaw) => [flaw, CODES[flaw]] as const))('%s: %s', async (flaw, code) => {
    genauth().flawIdToken(flaw);
    const result: { kind?: string; code?: string; statusCode?: number; cause?: { code?: string } } = await open()
      .signIn(ALICE)
      .catch((error: Error) => error as object);
    expect(result.cause?.code ?? result.kind).toBe(code);
    // Whoever answers by `statusCode` must not blame the person: 502, not the 401 of a bad token on a guarded route.
    expect([result.code, result.statusCode]).toEqual(
      flaw === 'no_kid' ? [undefined, 200] : ['upstream_token_invalid', 502],
    );
    expect(signIns()).toBe(1);
    expect(findLeaks(result, [PASSWORD, SECRET])).toEqual([]);
  });
});

describe('faults, each met by exactly one sign-in request', () => {
  const BODY = { statusCode: 200, message: SECRET, data: {} };
  it.each<[string, Omit<EmulatorFault, 'endpoint'>, object]>([
    ['HTTP 500, HTML', { status: 500, body: `<html>${SECRET}` }, { code: 'upstream_unavailable', statusCode: 503 }],
    ['HTTP 503, nothing', { status: 503 }, { code: 'upstream_unavailable', statusCode: 503 }],
    ['HTTP 200, statusCode 500', { body: { statusCode: 500 } }, { code: 'upstream_unavailable' }],
    ['HTTP 200, statusCode 602', { body: { statusCode: 602 } }, { code: 'upstream_unavailable' }],
    ['HTTP 502 with a success in it', { status: 502, body: BODY }, { code: 'upstream_invalid_response' }],
    ['HTTP 200, HTML', { body: `<html>${SECRET}` }, { code: 'upstream_invalid_response', statusCode: 502 }],
    ['HTTP 200, a success without tokens', { body: BODY }, { code: 'upstream_invalid_response', statusCode: 502 }],
    ['HTTP 200, statusCode as a text', { body: { statusCode: '200' } }, { code: 'upstream_invalid_response' }],
    ['HTTP 404', { status: 404, body: SECRET }, { code: 'upstream_invalid_response' }],
    ['HTTP 302', { status: 302 }, { code: 'upstream_invalid_response' }],
    ['a dropped connection', { drop: true }, { code: 'upstream_unreachable', statusCode: 503 }],
    ['an answer that is late', { delayMs: 600_000 }, { code: 'upstream_timeout', statusCode: 503 }],
  ])('%s: %j', async (_, fault, expected) => {
    genauth().fault({ endpoint: 'signin', ...fault });
    const timeout = fault.delayMs === undefined ? 10_000 : 100;
    const error = await catchError(open({ timeout }).signIn(ALICE));
    expect(error).toMatchObject({ name: 'UpstreamError', ...expected });
    expect(findLeaks(error, [PASSWORD, SECRET])).toEqual([]);
    expect([signIns(), genauth().requests('jwks')]).toEqual([1, 0]);
  });

  it.each<[string, Omit<EmulatorFault, 'endpoint'>, string]>([
    ['HTTP 429, HTML', { status: 429, body: '<html>' }, 'rate_limited'],
    ['statusCode 429', { body: { statusCode: 429 } }, 'rate_limited'],
    ['an unknown apiCode', { body: { statusCode: 403, apiCode: 999_999 } }, 'rejected'],
    [
      'statusCode 200 is needed, not 201',
      { body: { statusCode: 201, data: { id_token: 'a', access_token: 'b' } } },
      'rejected',
    ],
  ])('%s: %j', async (_, fault, kind) => {
    genauth().fault({ endpoint: 'signin', ...fault });
    expect(await open().signIn(ALICE)).toMatchObject({ kind });
    expect(signIns()).toBe(1);
  });

  it.each<[EmulatorFault, string]>([
    [{ endpoint: 'jwks', status: 500 }, 'upstream_unavailable'],
    [{ endpoint: 'discovery', status: 500 }, 'upstream_unavailable'],
    [{ endpoint: 'jwks', body: '<html>' }, 'upstream_invalid_response'],
    [{ endpoint: 'jwks', drop: true }, 'upstream_unreachable'],
    [{ endpoint: 'discovery', delayMs: 600_000 }, 'upstream_timeout'],
  ])('the keys cannot be had: %j: %s', async (fault, code) => {
    genauth().fault(fault);
    expect(await catchError(open({ timeout: 250 }).signIn(ALICE))).toMatchObject({ name: 'UpstreamError', code });
    expect(signIns()).toBe(1);
  });
});

describe('what cannot be a sign-in is not sent', () => {
  it.each<[string, unknown]>([
    ['an empty password', { account: 'alice', password: '' }],
    ['a password of 1,025 characters', { account: 'alice', password: 'p'.repeat(1025) }],
    ['a password that is an object', { account: 'alice', password: { $ne: '1' } }],
    ['a password that is a list', { account: 'alice', password: [PASSWORD] }],
    ['no password', { account: 'alice' }],
    ['an empty account', { account: '', password: PASSWORD }],
    ['an account of 257 characters', { account: 'a'.repeat(257), password: PASSWORD }],
    ['no account', { password: PASSWORD }],
    ['an empty sAMAccountName', { sAMAccountName: '', password: PASSWORD }],
    ['a sAMAccountName that is a list', { sAMAccountName: ['zhangsan'], password: PASSWORD }],
  ])('%s: RequestError', async (_, credentials) => {
    const error = await catchError(open().signIn(credentials as Credentials));
    expect(error).toMatchObject({ name: 'RequestError', code: 'invalid_request', statusCode: 400 });
    expect(findLeaks(error, [PASSWORD])).toEqual([]);
    expect(signIns()).toBe(0);
  });

  it.each<[string, unknown]>([
    ['a clientIp that is none', { clientIp: '<script>' }],
    ['an option that is none', { client_id: 'another' }],
    ['a scope without openid', { scope: 'admin' }],
    ['an empty tenantId', { tenantId: '' }],
    ['customData that is a text', { customData: 'a=1' }],
  ])('%s: ConfigurationError', async (_, options) => {
    const error = await catchError(open().signIn(ALICE, options as SignInOptions));
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'invalid_sign_in_options' });
    expect(signIns()).toBe(0);
  });

  it('autoRegister with account: RequestError, since it was the person who chose the account', async () => {
    const error = await catchError(open().signIn(ALICE, { autoRegister: true }));
    expect(error).toMatchObject({ name: 'RequestError', code: 'invalid_request', statusCode: 400 });
    expect(signIns()).toBe(0);
  });

  it.each([null, 'openid', 5, [], true])('%j for the options: ConfigurationError', async (options) => {
    const error = await catchError(open().signIn(ALICE, options as unknown as SignInOptions));
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'invalid_sign_in_options' });
    expect(signIns()).toBe(0);
  });
});
