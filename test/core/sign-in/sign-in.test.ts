import fc from 'fast-check';
import type { GenAuthClient } from '../../../src/core/client.js';
import { GenAuthError } from '../../../src/core/errors.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { type Credentials, parseCredentials } from '../../../src/core/sign-in/credentials.js';
import type { SignInOptions } from '../../../src/core/sign-in/sign-in-options.js';
import { lastSignIn, useClients } from '../../support/client.js';
import { APP_ID, JWKS_PATH, type Reply, SIGN_IN_PATH, SUBJECT, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { createRsaPasswordKey, createSm2PasswordKey } from '../../support/password-key.js';
import { propertyRuns } from '../../support/property.js';
import { useSignInEvents } from '../../support/events.js';
import { LONG_SECRET } from '../../support/signing-key.js';
import { catchThrown } from '../../support/thrown.js';
import { buildToken } from '../../support/token.js';
import { createVault } from '../../support/vault.js';

const SYSTEM_PATH = '/api/v3/system';
const PASSWORD = 'canary-Passw0rd-ünïcode';
const ALICE = { account: 'canary-account', password: PASSWORD };
const duration: unknown = expect.any(Number);

const createPairs = () => ({ rsa: createRsaPasswordKey(), sm2: createSm2PasswordKey() });
type Pairs = ReturnType<typeof createPairs>;
const [pairs, next] = [createPairs(), createPairs()];
const toSystem = (held: Pairs): Reply => ({ body: JSON.stringify(held, ['rsa', 'sm2', 'publicKey']) });

const issuer = useIssuer();
const open = useClients(issuer);
const events = useSignInEvents();
const signIns = (): number => issuer().count(SIGN_IN_PATH);
const fetches = (): number => issuer().count(SYSTEM_PATH);
beforeEach(() => {
  issuer().replySignIn();
  issuer().reply(SYSTEM_PATH, toSystem(pairs));
});

type Result = Partial<Record<'kind' | 'message', string> & Record<'answer' | 'user' | 'tokens', object>>;
/** Signs in. Returns the outcome or the error. */
const signIn = (client: GenAuthClient, options?: SignInOptions, credentials: Credentials = ALICE): Promise<Result> =>
  client.signIn(credentials, options).catch((error: Error) => error as Result);

it('returns the verified user of a success, and publishes one event without the user', async () => {
  const claims = issuer().idTokenClaims({ name: 'Alice', email: 'alice@example.com' });
  const [idToken, accessToken] = [issuer().sign(claims), 'canary-access-token'];
  issuer().replySignIn({ id_token: idToken, access_token: accessToken, scope: 'openid roles' });
  const credentials = { sAMAccountName: 'canary-account', password: PASSWORD };
  const ids = { statusCode: 200, apiCode: undefined, requestId: 'request-1' };
  const user = { sub: SUBJECT, email: 'alice@example.com', email_verified: false };
  const expiresAt = new Date(Number(claims['exp']) * 1000);
  const tokens = { idToken, accessToken, refreshToken: undefined, scope: ['openid', 'roles'], expiresAt };
  const startedAt = performance.now();
  const outcome = await signIn(open({ scope: 'openid email' }), {}, credentials);
  expect(outcome).toEqual({ kind: 'success', ...ids, message: '', user, claims, tokens });
  expect(lastSignIn(issuer())).toMatchObject({ adPayload: credentials });
  const text = 'GenAuth answered statusCode 200, no apiCode, message "", request ID "request-1"';
  expect(events).toEqual([{ appId: APP_ID, connection: 'AD', result: 'success', text, ...ids, duration }]);
  expect(events[0]?.duration).toBeGreaterThan(0);
  expect(events[0]?.duration).toBeLessThan(performance.now() - startedAt);
  expect(findLeaks(events, ['canary', issuer().clientOptions.appSecret])).toEqual([]);
});

const NO_IDS = { statusCode: undefined, apiCode: undefined, requestId: undefined };
const RSA = { passwordEncryptType: 'rsa' } as const;
const REFUSED = { body: { statusCode: 401 } };
const NOT_DECRYPTED = { body: { statusCode: 499, apiCode: 2016, requestId: 'r-1' } };
const FORGED = { body: { statusCode: 200, data: { id_token: 'a.b.c', access_token: 'canary-access-token' } } };
it.each<[string, string, times: number, Partial<GenAuthOptions>, Reply, path?: string]>([
  ['a reset', 'upstream_unreachable', 1, {}, { reset: true }],
  ['HTTP 503', 'upstream_unavailable', 1, RSA, { status: 503 }],
  ['a wrong id_token', 'upstream_token_invalid', 1, {}, FORGED],
  ['an unknown application', 'app_not_found', 1, RSA, { body: { statusCode: 499, apiCode: 2011 } }],
  ['a refused string as the secret', 'client_authentication_failed', 1, {}, REFUSED],
  ['two refused secrets', 'client_authentication_failed', 2, { appSecret: createVault('a', 'b').source }, REFUSED],
  ['a decryption failure without encryption', 'password_decryption_failed', 1, {}, NOT_DECRYPTED],
  ['two decryption failures', 'password_decryption_failed', 2, RSA, NOT_DECRYPTED],
  ['keys without the right one', 'upstream_invalid_response', 0, RSA, { body: { sm2: {} } }, SYSTEM_PATH],
])('throws one fault after %s: %s, sent %i times', async (_, code, times, options, reply, path = SIGN_IN_PATH) => {
  issuer().reply(path, reply);
  const error = await signIn(open(options));
  expect(error).toMatchObject({ code });
  const fault = { ...NO_IDS, ...error.answer, result: code, text: error.message };
  expect(events).toEqual([{ appId: APP_ID, connection: 'PASSWORD', ...fault, duration }]);
  expect(signIns()).toBe(times);
  expect(findLeaks([error, events], ['canary'])).toEqual([]);
});

it.each<[Credentials, SignInOptions, Partial<GenAuthOptions>, string]>([
  [ALICE, { autoRegister: true, clientIp: 'x' }, {}, 'invalid_sign_in_options'],
  [ALICE, {}, { signInOptions: { autoRegister: true } }, 'invalid_request'],
  [{ account: 'a', password: 'x'.repeat(118) }, RSA, {}, 'invalid_request'],
])('sends and publishes no sign-in of %j with the options %j', async (credentials, given, options, code) => {
  expect(await signIn(open(options), given, credentials)).toMatchObject({ code });
  expect([signIns(), events]).toEqual([0, []]);
});

it('fetches the key for passwords again after the decryption error of older tenants', async () => {
  const message = '密码解密失败';
  issuer().reply(SIGN_IN_PATH, { body: { statusCode: 499, code: 400, apiCode: 400, message, uniqueId: 'u-1' } });
  const error = await signIn(open(RSA));
  expect(error).toMatchObject({ code: 'password_decryption_failed', answer: { requestId: 'u-1' } });
  expect([fetches(), signIns()]).toEqual([2, 2]);
});

it('verifies HS256 by the secret without sending it, with the method none', async () => {
  const claims = issuer().idTokenClaims();
  const idToken = buildToken({ alg: 'HS256' }, claims, LONG_SECRET, 'HS256');
  issuer().reply(SIGN_IN_PATH, { body: { statusCode: 200, data: { id_token: idToken, access_token: 'opaque' } } });
  const hs256 = { idTokenSignedResponseAlg: 'HS256', appSecret: LONG_SECRET } as const;
  expect(await signIn(open({ tokenEndpointAuthMethod: 'none', ...hs256 }))).toMatchObject({ kind: 'success' });
  expect(findLeaks(issuer().requests, [LONG_SECRET])).toEqual([]);
});

it.each<[ahead: number, clockTolerance: number | undefined, result: object]>([
  [60, undefined, { kind: 'success' }],
  [62, undefined, { code: 'upstream_token_invalid', cause: { code: 'token_not_yet_valid' } }],
  [10, 5, { code: 'upstream_token_invalid', cause: { details: { claim: 'iat' } } }],
  [90, 100, { kind: 'success' }],
])("accepts GenAuth's clock %i s ahead with clockTolerance %s: %j", async (ahead, clockTolerance, result) => {
  const iat = Math.floor(Date.now() / 1000) + ahead;
  const id_token = issuer().sign(issuer().idTokenClaims({ iat, exp: iat + 3600 }));
  issuer().reply(SIGN_IN_PATH, { body: { statusCode: 200, data: { id_token, access_token: 'opaque' } } });
  expect(await signIn(open({ clockTolerance }))).toMatchObject(result);
});

it.each<[SignInOptions, Partial<GenAuthOptions>, string, string[]]>([
  [{ scope: 'openid  email' }, {}, 'openid email', ['sub', 'email', 'email_verified']],
  [{}, {}, 'openid username', ['sub', 'username']],
  [{}, { signInOptions: { scope: 'openid role' } }, 'openid role', ['sub', 'username']],
])('requests the scopes of %j, %j or the client', async (given, options, scope, members) => {
  const outcome = await signIn(open({ scope: 'openid username', ...options }), given);
  expect(lastSignIn(issuer()).options['scope']).toBe(scope);
  // GenAuth's answer has no scopes, so the requested ones count as granted.
  expect(outcome.tokens).toMatchObject({ scope: scope.split(' ') });
  expect(Object.keys(outcome.user ?? {})).toEqual(members);
});

it('lets the given options of a login route override the configured ones, and those override the request', async () => {
  const client = open({ scope: 'openid username', signInOptions: { captchaCode: 'c', captchaToken: 'c' } });
  const request = { tenantId: 'r', captchaCode: 'r', captchaToken: 'r' };
  const given = { tenantId: undefined, captchaToken: 'g', scope: ['openid', 'role'] };
  const outcome = await client.signInRoute(parseCredentials(ALICE), { request, given });
  const options = { tenantId: 'r', captchaCode: 'c', captchaToken: 'g', scope: 'openid role' };
  expect(lastSignIn(issuer()).options).toEqual(options);
  // The user has the claims of the configured and of the given scopes.
  expect(Object.keys((outcome as Result).user ?? {})).toEqual(['sub', 'username', 'role']);
});

it('reads no option from a polluted Object.prototype', async () => {
  const polluted = { tenantId: 'evil', clientIp: '192.0.2.66', context: { evil: 1 }, scope: 'openid email' };
  const client = open();
  const clean = await signIn(client);
  Object.assign(Object.prototype, polluted);
  const outcome = await signIn(client);
  Object.keys(polluted).forEach((name) => Reflect.deleteProperty(Object.prototype, name));
  const bodies = issuer().requests.map(({ body }) => body);
  expect([outcome.user, bodies.at(-1)]).toEqual([clean.user, bodies[0]]);
});

/** Makes GenAuth hold these keys, and answer with apiCode 2016 if it cannot decrypt the password with them. */
const holdKeys = (type: 'rsa' | 'sm2', held: Pairs): void => {
  const data = { id_token: issuer().sign(issuer().idTokenClaims()), access_token: 'opaque' };
  issuer().reply(SYSTEM_PATH, toSystem(held));
  issuer().reply(SIGN_IN_PATH, ({ body }) => {
    const { passwordPayload } = JSON.parse(body) as { passwordPayload: typeof ALICE };
    const read = catchThrown(() => held[type].decrypt(passwordPayload.password).toString());
    return read === PASSWORD ? { body: { statusCode: 200, data } } : NOT_DECRYPTED;
  });
};

it.each(['rsa', 'sm2'] as const)(
  'encryption of the password by %s fetches the keys once, and again for one repetition',
  async (type) => {
    holdKeys(type, pairs);
    const client = open({ passwordEncryptType: type });
    expect([await signIn(client), await signIn(client)]).toMatchObject([{ kind: 'success' }, { kind: 'success' }]);
    expect([fetches(), signIns()]).toEqual([1, 2]);
    holdKeys(type, next);
    expect(await signIn(client)).toMatchObject({ kind: 'success' });
    expect([fetches(), signIns(), events.length]).toEqual([2, 4, 3]);
    expect(findLeaks(issuer().requests, [PASSWORD])).toEqual([]);
  },
);

it.each<[GenAuthOptions['passwordEncryptType'], SignInOptions['passwordEncryptType'], string | undefined, number]>([
  [undefined, 'rsa', 'rsa', 1],
  ['rsa', 'sm2', 'sm2', 1],
  ['rsa', undefined, 'rsa', 1],
  ['rsa', 'none', undefined, 0],
])('the encryption %s of the client and %s of the call is %s', async (configuredType, given, expected, count) => {
  await signIn(open({ passwordEncryptType: configuredType }), { passwordEncryptType: given });
  expect([lastSignIn(issuer()).options['passwordEncryptType'], fetches()]).toEqual([expected, count]);
});

it('returns an outcome or throws a GenAuthError for any answer, and a success only for verified tokens', async () => {
  const { appSecret } = issuer().clientOptions;
  const claims = issuer().idTokenClaims();
  const [right, access] = [issuer().sign(claims), issuer().sign(issuer().accessTokenClaims())];
  const wrong = [{ exp: 1, iat: 0 }, { aud: 'another-app' }].map((flaw) => issuer().sign({ ...claims, ...flaw }));
  const foreign = issuer().sign(issuer().accessTokenClaims({ sub: 'another-user' }));
  const pick = (...values: unknown[]) =>
    fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...values) }, fc.jsonValue() as fc.Arbitrary<unknown>);
  const echo = pick(PASSWORD, `{"password":${JSON.stringify(PASSWORD)}}`, appSecret, 'invalid_client');
  const idToken = pick(right, right, right, right, ...wrong, access, `${right.slice(0, -8)}AAAAAAAA`);
  const tokens = fc.record({ id_token: idToken, access_token: pick('opaque', access, access, foreign) });
  const envelope = fc.record({
    statusCode: pick(200, 200, 200, 200, 201, 301, 401, 403, 500, '200'),
    data: fc.oneof({ weight: 9, arbitrary: tokens }, fc.jsonValue()),
    apiCode: pick(undefined, 1636, 2333, 2011, 2016, 1002, '2333'),
    message: echo,
    requestId: echo,
    error: echo,
  });
  const inherited = envelope.map((body): unknown => JSON.parse(`{"__proto__":${JSON.stringify(body)}}`));
  const isSuccess = (body: unknown): boolean => {
    const { statusCode, data } = (body ?? {}) as { statusCode?: unknown; data?: Record<string, unknown> | null };
    const isUsable = typeof data?.['access_token'] === 'string' && !['', foreign].includes(data['access_token']);
    return statusCode === 200 && data?.['id_token'] === right && isUsable;
  };
  const answers = fc.oneof(envelope, envelope, envelope, inherited, fc.jsonValue());
  const client = open();
  const property = fc.asyncProperty(answers, fc.constantFrom(200, 401, 429, 503), async (body, status) => {
    issuer().reply(SIGN_IN_PATH, { status, body: JSON.stringify(body) });
    const result = await signIn(client);
    expect(result instanceof GenAuthError || typeof result.kind === 'string').toBe(true);
    expect(result.kind === 'success').toBe(isSuccess(body));
    expect(findLeaks([result, events.at(-1)], [PASSWORD, appSecret])).toEqual([]);
  });
  await fc.assert(property, propertyRuns());
});

const never = (): Promise<never> => new Promise(() => undefined);
const slowly = (reply: Reply): Promise<Reply> => new Promise((resolve) => setTimeout(resolve, 600, reply));
const NO_KEYS = { code: 'upstream_timeout', statusCode: 503, details: { limit: 300 } };
it.each<[title: string, options: Partial<GenAuthOptions>, path: string | undefined, error: object]>([
  ['appSecret', { appSecret: never }, undefined, { code: 'callback_timeout', statusCode: 500 }],
  ['the key for passwords', { passwordEncryptType: 'rsa' }, SYSTEM_PATH, { code: 'upstream_timeout' }],
  ['the key set', {}, JWKS_PATH, NO_KEYS],
  ['the sign-in', {}, SIGN_IN_PATH, { code: 'upstream_timeout', details: { requestSent: true } }],
])('timeout bounds a login that waits for %s', async (_title, options, path, error) => {
  if (path !== undefined) issuer().reply(path, never);
  expect(await signIn(open({ timeout: 300, ...options }))).toMatchObject(error);
});

it('timeout bounds all exchanges of a login together', async () => {
  issuer().reply(SIGN_IN_PATH, () => slowly({ body: { statusCode: 499, apiCode: 2016 } }));
  const result = await signIn(open({ timeout: 1000, passwordEncryptType: 'rsa' }));
  expect([result, signIns()]).toMatchObject([{ code: 'upstream_timeout' }, 2]);
});
