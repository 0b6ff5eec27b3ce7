import fc from 'fast-check';
import type { GenAuthClient } from '../../../src/core/client.js';
import { GenAuthError } from '../../../src/core/errors.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { type Credentials, parseCredentials } from '../../../src/core/sign-in/credentials.js';
import type { SignInLayers } from '../../../src/core/sign-in/sign-in.js';
import type { SignInOptions } from '../../../src/core/sign-in/sign-in-options.js';
import { lastSignIn, useClients } from '../../support/client.js';
import {
  APP_ID,
  DISCOVERY_PATH,
  JWKS_PATH,
  type Reply,
  SIGN_IN_PATH,
  SUBJECT,
  useIssuer,
} from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { createRsaPasswordKey, createSm2PasswordKey } from '../../support/password-key.js';
import { useSignInEvents } from '../../support/sign-in-event.js';
import { propertyRuns } from '../../support/property.js';

const SYSTEM_PATH = '/api/v3/system';
const PASSWORD = 'canary-Passw0rd-ünïcode';
const ALICE = { account: 'canary-account', password: PASSWORD };
const NO_IDS = { statusCode: undefined, apiCode: undefined, requestId: undefined };

const issuer = useIssuer();
const open = useClients(issuer);
const events = useSignInEvents();
const signIns = (): number => issuer().count(SIGN_IN_PATH);
const refuse = (body: object): void => issuer().reply(SIGN_IN_PATH, { body });

interface Result {
  kind?: string;
  code?: string;
  message?: string;
  user?: object;
  tokens?: object;
}
/** Signs in. Returns the outcome or the error. */
const signIn = (client: GenAuthClient, options?: SignInOptions, credentials: Credentials = ALICE): Promise<Result> =>
  client.signIn(credentials, options).catch((error: Error) => error as Result);

describe('a success', () => {
  it.each([
    ['PASSWORD', ALICE],
    ['AD', { sAMAccountName: 'canary-account', password: PASSWORD }],
  ] as const)(
    'by %s has the verified user, and publishes one event without the user',
    async (connection, credentials) => {
      const claims = issuer().idTokenClaims({ name: 'Alice', email: 'alice@example.com' });
      const tokens = { id_token: issuer().sign(claims), access_token: issuer().sign(issuer().accessTokenClaims()) };
      issuer().replySignIn({ ...tokens, refresh_token: 'canary-refresh', scope: 'openid roles' });
      const ids = { statusCode: 200, apiCode: undefined, requestId: 'request-1' };
      expect(await signIn(open({ scope: 'openid email' }), {}, credentials)).toEqual({
        kind: 'success',
        ...ids,
        message: '',
        user: { sub: SUBJECT, email: 'alice@example.com', email_verified: false },
        claims,
        tokens: {
          idToken: tokens.id_token,
          accessToken: tokens.access_token,
          refreshToken: 'canary-refresh',
          scope: ['openid', 'roles'],
          expiresAt: new Date(Number(claims['exp']) * 1000),
        },
      });
      const text = 'GenAuth answered statusCode 200, no apiCode, message "", request ID "request-1"';
      expect(events).toEqual([
        { appId: APP_ID, connection, result: 'success', text, ...ids, duration: expect.any(Number) },
      ]);
      expect(findLeaks(events, ['canary', issuer().clientOptions.appSecret])).toEqual([]);
    },
  );

  it('stores the claims as the user info of the access token', async () => {
    const access_token = issuer().sign(issuer().accessTokenClaims());
    issuer().replySignIn({ access_token, id_token: issuer().sign(issuer().idTokenClaims({ name: 'Alice' })) });
    const client = open({ userClaims: 'userinfo' });
    await client.signIn(ALICE);
    const { user } = await client.authenticate(access_token, { authorize: async () => {} });
    expect(user).toMatchObject({ name: 'Alice' });
    expect(issuer().count('/oidc/me')).toBe(0);
  });
});

describe('the event of a sign-in that fails', () => {
  it('describes the answer of GenAuth on one line', async () => {
    const ids = { statusCode: 403, apiCode: 2333, requestId: 'request-1' };
    refuse({ ...ids, message: 'GenAuth says\u202E "no"\n', data: { token: 'canary' } });
    const startedAt = performance.now();
    expect(await signIn(open())).toMatchObject({ kind: 'invalid_credentials' });
    const [event, ...others] = events;
    const answered =
      'statusCode 403, apiCode 2333, message "GenAuth says\\u{202e} \\"no\\"\\n", request ID "request-1"';
    expect(event).toMatchObject({ result: 'invalid_credentials', text: `GenAuth answered ${answered}`, ...ids });
    expect(event?.duration).toBeGreaterThan(0);
    expect(event?.duration).toBeLessThan(performance.now() - startedAt);
    expect(others).toEqual([]);
    expect(findLeaks(events, ['canary'])).toEqual([]);
  });

  it.each<[code: string, cause: string, arrange: () => void, ids: object]>([
    ['app_not_found', 'an unknown application', () => refuse({ statusCode: 499, apiCode: 2011 }), { apiCode: 2011 }],
    ['upstream_unavailable', 'GenAuth down', () => refuse({ statusCode: 500, requestId: 'r-1' }), { requestId: 'r-1' }],
    ['upstream_unreachable', 'a reset', () => issuer().reply(SIGN_IN_PATH, { reset: true }), NO_IDS],
    ['upstream_timeout', 'no answer', () => issuer().reply(SIGN_IN_PATH, () => new Promise(() => {})), NO_IDS],
    ['upstream_token_invalid', 'a wrong id_token', () => issuer().replySignIn({ id_token: 'a.b.c' }), NO_IDS],
    ['discovery_issuer_mismatch', 'discovery', () => issuer().reply(DISCOVERY_PATH, { body: { issuer: 'x' } }), NO_IDS],
  ])('has the code %s and the message of the error (%s)', async (code, _cause, arrange, ids) => {
    issuer().replySignIn();
    arrange();
    const error = await signIn(open({ timeout: 300 }));
    expect(error).toMatchObject({ code });
    expect(events).toMatchObject([
      { appId: APP_ID, connection: 'PASSWORD', result: code, text: error.message, ...ids },
    ]);
    expect(signIns()).toBe(1);
    expect(findLeaks([error, events], ['canary'])).toEqual([]);
  });
});

it.each<[string, object, SignInOptions, Partial<GenAuthOptions>, string]>([
  ['with two identifiers', { account: 'a', email: 'b', password: 'p' }, {}, {}, 'invalid_request'],
  ['with wrong options', ALICE, { clientIp: 'x' }, {}, 'invalid_sign_in_options'],
  ['with null as the options', ALICE, null as unknown as SignInOptions, {}, 'invalid_sign_in_options'],
  ['with autoRegister and account', ALICE, { autoRegister: true }, {}, 'invalid_request'],
  ['with configured autoRegister and account', ALICE, {}, { signInOptions: { autoRegister: true } }, 'invalid_request'],
  ['with two mistakes', ALICE, { autoRegister: true, tenantId: '' }, {}, 'invalid_sign_in_options'],
])('sends nothing and publishes nothing %s', async (_name, credentials, given, options, code) => {
  expect(await signIn(open(options), given, credentials as Credentials)).toMatchObject({ code });
  expect([issuer().count(), events]).toEqual([0, []]);
});

describe('the options of a sign-in', () => {
  const [requested, configured] = [{ tenantId: 'requested' }, { tenantId: 'configured' }];
  it.each<[string | undefined, SignInLayers, GenAuthOptions['signInOptions']]>([
    ['requested', { request: requested, given: {} }, undefined],
    ['configured', { request: requested, given: { tenantId: undefined } }, configured],
    ['given', { request: requested, given: { tenantId: 'given' } }, configured],
    [undefined, { given: {} }, () => ({ tenantId: 'function' })],
  ])('are the %s ones for the layers %j and the configured options %j', async (tenantId, layers, signInOptions) => {
    issuer().replySignIn();
    await open({ signInOptions }).signInRoute(parseCredentials(ALICE), layers);
    expect(lastSignIn(issuer()).options['tenantId']).toBe(tenantId);
  });

  it.each<[string, SignInOptions, Partial<GenAuthOptions>, string, string[]]>([
    ['the call', { scope: 'openid email email' }, {}, 'openid email', ['sub', 'email', 'email_verified']],
    ['the client', {}, {}, 'openid username', ['sub', 'username']],
    [
      'the configured sign-in options',
      {},
      { signInOptions: { scope: 'openid role' } },
      'openid role',
      ['sub', 'username'],
    ],
  ])('request the scopes of %s', async (_name, given, options, scope, members) => {
    issuer().replySignIn();
    const outcome = await signIn(open({ scope: 'openid username', ...options }), given);
    expect(lastSignIn(issuer()).options['scope']).toBe(scope);
    // GenAuth's answer has no scopes, so the requested ones count as granted.
    expect(outcome.tokens).toMatchObject({ scope: scope.split(' ') });
    expect(Object.keys(outcome.user ?? {})).toEqual(members);
  });

  it('give the user of a login route the claims of the configured and of the given scopes', async () => {
    issuer().replySignIn();
    const client = open({ scope: 'openid username' });
    const outcome = await client.signInRoute(parseCredentials(ALICE), { given: { scope: ['openid', 'role'] } });
    expect(Object.keys((outcome as Result).user ?? {})).toEqual(['sub', 'username', 'role']);
  });

  it.each([
    ['tenantId', 'evil'],
    ['clientIp', '192.0.2.66'],
    ['context', { evil: 1 }],
    ['scope', 'openid email'],
  ])('are not read from a polluted Object.prototype.%s', async (name, value) => {
    issuer().replySignIn();
    const client = open();
    const clean = await signIn(client);
    Object.defineProperty(Object.prototype, name, { value, configurable: true });
    const polluted = await signIn(client).finally(() => Reflect.deleteProperty(Object.prototype, name));
    expect(polluted.user).toEqual(clean.user);
    const [first, second] = issuer().requests.filter(({ path }) => path === SIGN_IN_PATH);
    expect(second?.body).toBe(first?.body);
  });
});

it.each<[string, Reply]>([
  ['a refused secret that is a string', { body: { statusCode: 401 } }],
  ['a decryption failure without encryption', { body: { statusCode: 499, apiCode: 2016 } }],
  ['HTTP 503', { status: 503 }],
])('is sent once, with one event, after %s', async (_name, reply) => {
  issuer().reply(SIGN_IN_PATH, reply);
  await signIn(open());
  expect([signIns(), issuer().count(), events.length]).toEqual([1, 1, 1]);
});

it('is sent a second time, with one event, if GenAuth refused a secret and `appSecret` returns another', async () => {
  refuse({ statusCode: 401 });
  const secrets = ['old', 'new'];
  const client = open({ appSecret: () => secrets.shift() ?? '' });
  expect(await signIn(client)).toMatchObject({ code: 'client_authentication_failed' });
  expect([signIns(), events.length]).toEqual([2, 1]);
});

describe('encryption of the password', () => {
  const pairs = { rsa: createRsaPasswordKey(), sm2: createSm2PasswordKey() };
  const next = { rsa: createRsaPasswordKey(), sm2: createSm2PasswordKey() };
  type Pairs = { [Type in 'rsa' | 'sm2']: Pick<(typeof pairs)[Type], 'publicKey' | 'decrypt'> };
  const toSystem = ({ rsa, sm2 }: Pairs): object => ({
    rsa: { publicKey: rsa.publicKey },
    sm2: { publicKey: sm2.publicKey },
  });
  const DECRYPTION_FAILED: Reply = { body: { statusCode: 499, apiCode: 2016, message: 'Decrypt password failed' } };
  const fetches = (): number => issuer().count(SYSTEM_PATH);

  /** Returns whether a sign-in can be decrypted with these keys. */
  const canRead = (held: Pairs, body: string): boolean => {
    const { passwordPayload, options } = JSON.parse(body) as Record<string, Record<string, string>>;
    const { decrypt } = options?.['passwordEncryptType'] === 'rsa' ? held.rsa : held.sm2;
    try {
      return decrypt(passwordPayload?.['password'] ?? '').toString() === PASSWORD;
    } catch {
      return false;
    }
  };
  /** Makes GenAuth hold these keys, and answer with apiCode 2016 if it cannot decrypt the password with them. */
  const holdKeys = (held: Pairs): void => {
    const id_token = issuer().sign(issuer().idTokenClaims());
    const success = { body: { statusCode: 200, data: { id_token, access_token: 'opaque' } } };
    issuer().reply(SYSTEM_PATH, { body: toSystem(held) });
    issuer().reply(SIGN_IN_PATH, ({ body }) => (canRead(held, body) ? success : DECRYPTION_FAILED));
  };
  beforeEach(() => holdKeys(pairs));
  afterEach(() => {
    const received = issuer().requests.map(({ path, headers, body }) => path + JSON.stringify(headers) + body);
    const bytes = Buffer.from(PASSWORD);
    const forms = [PASSWORD, encodeURIComponent(PASSWORD), bytes.toString('hex'), bytes.toString('base64')];
    expect(forms.filter((form) => received.join('\n').includes(form))).toEqual([]);
  });

  describe.each(['rsa', 'sm2'] as const)('by %s', (passwordEncryptType) => {
    it('sends the ciphertext and the type, and fetches the keys once', async () => {
      const client = open({ passwordEncryptType });
      const outcomes = [await signIn(client), await signIn(client)];
      expect(outcomes).toMatchObject([{ kind: 'success' }, { kind: 'success' }]);
      expect([fetches(), signIns()]).toEqual([1, 2]);
      expect(lastSignIn(issuer())).toMatchObject({
        passwordPayload: { account: ALICE.account },
        options: { passwordEncryptType },
      });
      const system = issuer().requests.find(({ path }) => path === SYSTEM_PATH);
      expect(system?.headers).toMatchObject({ 'x-authing-app-id': APP_ID, 'x-genauth-app-id': APP_ID });
      expect(system?.headers).not.toHaveProperty('authorization');
    });

    it('fetches the keys again and repeats the sign-in once after a decryption failure', async () => {
      const client = open({ passwordEncryptType });
      await signIn(client);
      holdKeys(next);
      expect(await signIn(client)).toMatchObject({ kind: 'success' });
      expect([fetches(), signIns(), events.length]).toEqual([2, 3, 2]);
    });

    it('is a fault of the operator after two decryption failures', async () => {
      issuer().reply(SIGN_IN_PATH, DECRYPTION_FAILED);
      expect(await signIn(open({ passwordEncryptType }))).toMatchObject({ code: 'password_decryption_failed' });
      expect([fetches(), signIns(), events.length]).toEqual([2, 2, 1]);
    });
  });

  it('fetches the keys once and repeats each sign-in once if parallel sign-ins meet a new key', async () => {
    const client = open({ passwordEncryptType: 'rsa' });
    await signIn(client);
    holdKeys(next);
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => signIn(client)));
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['success']));
    expect([fetches(), signIns()]).toEqual([2, 21]);
  });

  it.each<[string, Reply]>([
    ['HTTP 503', { status: 503 }],
    ['another fault of the operator', { body: { statusCode: 499, apiCode: 2011 } }],
  ])('is sent once after %s', async (_name, reply) => {
    issuer().reply(SIGN_IN_PATH, reply);
    expect(await signIn(open({ passwordEncryptType: 'rsa' }))).toBeInstanceOf(GenAuthError);
    expect([fetches(), signIns()]).toEqual([1, 1]);
  });

  it('fails without a second sign-in if the new keys cannot be fetched', async () => {
    issuer().reply(SIGN_IN_PATH, () => {
      issuer().reply(SYSTEM_PATH, { status: 503 });
      return DECRYPTION_FAILED;
    });
    expect(await signIn(open({ passwordEncryptType: 'rsa' }))).toMatchObject({ code: 'upstream_unavailable' });
    expect([fetches(), signIns()]).toEqual([2, 1]);
  });

  it.each<[string, Reply]>([
    ['HTTP 403 with keys', { status: 403, body: toSystem(pairs) }],
    ['only the other key', { body: { sm2: { publicKey: pairs.sm2.publicKey } } }],
    ['a reset', { reset: true }],
  ])('sends no password if the keys are answered with %s', async (_name, reply) => {
    issuer().reply(SYSTEM_PATH, reply);
    const client = open({ passwordEncryptType: 'rsa' });
    expect(await signIn(client)).toMatchObject({ name: 'UpstreamError' });
    expect(signIns()).toBe(0);
    issuer().reply(SYSTEM_PATH, { body: toSystem(pairs) });
    expect(await signIn(client)).toMatchObject({ kind: 'success' });
  });

  it('sends nothing and publishes nothing if the password is too long for RSA', async () => {
    const credentials = { account: 'alice', password: 'x'.repeat(118) };
    expect(await signIn(open({ passwordEncryptType: 'rsa' }), {}, credentials)).toMatchObject({ statusCode: 400 });
    expect([signIns(), events]).toEqual([0, []]);
  });

  it.each<[GenAuthOptions['passwordEncryptType'], SignInOptions['passwordEncryptType'], string]>([
    [undefined, 'rsa', 'rsa'],
    ['rsa', 'sm2', 'sm2'],
    ['none', 'rsa', 'rsa'],
  ])('configured as %s and given as %s is %s', async (configured, given, expected) => {
    await signIn(open({ passwordEncryptType: configured }), { passwordEncryptType: given });
    expect(lastSignIn(issuer()).options['passwordEncryptType']).toBe(expected);
    expect(fetches()).toBe(1);
  });

  it('is prepared by `warmUp`, which fails without a usable key', async () => {
    const client = open({ passwordEncryptType: 'rsa' });
    await client.warmUp();
    await signIn(client);
    expect([fetches(), issuer().count(JWKS_PATH), signIns()]).toEqual([1, 1, 1]);
    issuer().reply(SYSTEM_PATH, { body: {} });
    await expect(open({ passwordEncryptType: 'rsa' }).warmUp()).rejects.toMatchObject({
      code: 'upstream_invalid_response',
    });
  });
});

it.each([
  [undefined, undefined],
  ['rsa', 'none'],
] as const)('sends the password unencrypted if configured as %s and given as %s', async (configured, given) => {
  issuer().replySignIn();
  const client = open({ passwordEncryptType: configured });
  await client.signIn(ALICE, { passwordEncryptType: given });
  expect(lastSignIn(issuer())).toMatchObject({ passwordPayload: ALICE });
  expect([issuer().count(SYSTEM_PATH), lastSignIn(issuer()).options]).toEqual([0, { scope: 'openid profile' }]);
});

it('returns an outcome or throws a GenAuthError for any answer, and a success only for verified tokens', async () => {
  const claims = issuer().idTokenClaims();
  const right = { id_token: issuer().sign(claims), access_token: issuer().sign(issuer().accessTokenClaims()) };
  const wrongIds = [{ exp: 1, iat: 0 }, { aud: 'another-app' }].map((flaw) => issuer().sign({ ...claims, ...flaw }));
  wrongIds.push(right.access_token, `${right.id_token.slice(0, -8)}AAAAAAAA`);
  const wrongAccess = issuer().sign(issuer().accessTokenClaims({ sub: 'another-user' }));
  const { appSecret } = issuer().clientOptions;
  const echoes = ['no', PASSWORD, `{"password":${JSON.stringify(PASSWORD)}}`, appSecret];
  const pick = <T>(...values: T[]) => fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...values) }, fc.jsonValue());
  const tokens = fc.record({
    id_token: pick(...Array.from({ length: 8 }, () => right.id_token), ...wrongIds),
    access_token: pick('opaque', right.access_token, right.access_token, wrongAccess),
  });
  const envelope = fc.record(
    {
      statusCode: pick<unknown>(200, 200, 200, 200, 201, 301, 401, 403, 500, '200'),
      data: fc.oneof({ weight: 9, arbitrary: tokens }, fc.jsonValue()),
      apiCode: pick<unknown>(1636, 2333, 2011, 2016, 1002, '2333'),
      message: pick(...echoes),
      requestId: pick(...echoes),
      error: pick('invalid_client', ...echoes),
    },
    { requiredKeys: ['statusCode', 'data'] },
  );
  const inherited = envelope.map((body) => JSON.parse(`{"__proto__":${JSON.stringify(body)}}`) as object);
  const answer = fc.oneof(envelope, envelope, envelope, inherited, fc.jsonValue());
  const status = fc.constantFrom(200, 201, 400, 401, 403, 429, 500, 503);
  const isSuccess = (json: string): boolean => {
    const { statusCode, data } = (JSON.parse(json) ?? {}) as { statusCode?: unknown; data?: typeof right };
    const { id_token, access_token } = data ?? {};
    const isWrong = typeof access_token !== 'string' || ['', wrongAccess].includes(access_token);
    return statusCode === 200 && id_token === right.id_token && !isWrong;
  };
  const client = open();
  const names = Object.getOwnPropertyNames(Object.prototype);
  await fc.assert(
    fc.asyncProperty(answer, status, async (body, httpStatus) => {
      const json = JSON.stringify(body);
      issuer().reply(SIGN_IN_PATH, { status: httpStatus, body: json });
      const result = await signIn(client);
      expect(result instanceof GenAuthError || typeof result.kind === 'string').toBe(true);
      expect(result.kind === 'success').toBe(isSuccess(json));
      expect(findLeaks([result, events.at(-1)], [PASSWORD, appSecret])).toEqual([]);
    }),
    propertyRuns(),
  );
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(names);
});
