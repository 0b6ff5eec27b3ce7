import { GenAuthClient } from '../../src/core/client.js';
import { ConfigurationError, GenAuthError } from '../../src/core/errors.js';
import type { GenAuthOptions } from '../../src/core/options/types.js';
import { defineGenAuthOptions } from '../../src/core/options/resolve-options.js';
import type { Credentials } from '../../src/core/sign-in/credentials.js';
import type { SignInOptions } from '../../src/core/sign-in/sign-in-options.js';
import {
  APP_SECRET,
  BROKEN,
  EVERYTHING,
  FORGERIES,
  MISTAKEN_OPTIONS,
  PASSWORD,
  PROXY_USER,
  REFRESH_TOKEN,
  SECRETS,
  type Tokens,
  accessClaims,
  answerSignIn,
  echoSignIn,
  findCanaries,
  idClaims,
  makeTokens,
  useEar,
} from '../support/canary.js';
import { CertificateAuthority } from '../support/certificate.js';
import { useClients } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { DISCOVERY_PATH, JWKS_PATH, type Reply, SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { NETWORK_FAULTS } from '../support/network-fault.js';
import { createRsaPasswordKey, createSm2PasswordKey } from '../support/password-key.js';
import { catchError } from '../support/promise.js';
import { ANSWER_ROWS } from '../support/sign-in-answer.js';
import { type Conversation, useTcpServers } from '../support/tcp-server.js';
import { catchThrown } from '../support/thrown.js';

failOnUnhandledRejections();
const ear = useEar();
const issuer = useIssuer();
const serve = useTcpServers();
const openClient = useClients(issuer);
const open: typeof openClient = (options) => openClient({ appSecret: APP_SECRET, ...options });

const ALICE = { account: 'alice', password: PASSWORD };
const ZHANGSAN = { sAMAccountName: 'zhangsan', password: PASSWORD };
const BASIC = { tokenEndpointAuthMethod: 'client_secret_basic' } as const;
const SYSTEM_PATH = '/api/v3/system';

/** No secret is in what came of a call, nor in anything that could be heard of it. */
async function expectNothingToldBy(result: unknown, tokens: Partial<Tokens> = {}): Promise<void> {
  expect(findCanaries([result, await ear.listen()], { ...SECRETS, ...tokens })).toEqual([]);
}

/** The same of calls that must fail with one code. */
async function expectSilentFailure(
  calls: Promise<unknown>[],
  code: string,
  tokens: Partial<Tokens> = {},
): Promise<void> {
  const errors = await Promise.all(calls.map(catchError));
  for (const error of errors) expect(error).toMatchObject({ code });
  await expectNothingToldBy(errors, tokens);
}

describe.each<[string, Credentials, Partial<GenAuthOptions>]>([
  ['by password, client_secret_post', ALICE, {}],
  ['by Active Directory, client_secret_basic', ZHANGSAN, BASIC],
])('a login %s', (_way, credentials, options) => {
  it.each(ANSWER_ROWS.map((row) => [row.title, row] as const))('GenAuth answers %s', async (_title, row) => {
    const tokens = echoSignIn(issuer(), row.statusCode, row.apiCode);
    const signingIn = open(options).signIn(credentials);
    const result: object = await signingIn.catch((error: Error) => error);
    expect(result).toMatchObject(row.code === undefined ? { kind: row.kind } : { code: row.code });
    // Both were there to be told.
    expect(findCanaries(issuer().requests)).toEqual(['password', 'appSecret']);
    expect(ear.events).toHaveLength(1);
    // An outcome has the token of the next step in one place, and an error has none.
    const outcome = { ...result, mfaToken: '', flowToken: '' };
    await expectNothingToldBy(result instanceof Error ? result : outcome, tokens);
  });

  it.each(ANSWER_ROWS.map((row) => [row.title, row] as const))(
    'GenAuth answers %s, and repeats secrets in its own words',
    async (_title, { statusCode, apiCode }) => {
      const said = { message: `no: ${PASSWORD} and ${APP_SECRET}`, requestId: PASSWORD, error: APP_SECRET };
      const tokens = echoSignIn(issuer(), statusCode, apiCode, said);
      const result: object = await open(options)
        .signIn(credentials)
        .catch((error: Error) => error);
      const outcome = { ...result, mfaToken: '', flowToken: '' };
      await expectNothingToldBy(result instanceof Error ? result : outcome, tokens);
    },
  );

  it.each(NETWORK_FAULTS.map((fault) => [fault.title, fault] as const))('%s', async (_title, { arrange, code }) => {
    const { proxy, ...arranged } = await arrange(serve);
    const client = open({ ...options, ...arranged, proxy: proxy?.replace('//', `//${PROXY_USER}`) });
    await expectSilentFailure([client.signIn(credentials)], code);
    expect(ear.events).toHaveLength(1);
  });
});

describe('tokens that do not verify', () => {
  it.each(FORGERIES)('the id_token of a login is %s', async (_flaw, forge, code) => {
    const tokens = { ...makeTokens(issuer()), idToken: forge(issuer(), idClaims(issuer())) };
    answerSignIn(issuer(), tokens);
    const error = await catchError(open().signIn(ALICE));
    expect(error).toMatchObject({ code: 'upstream_token_invalid', cause: { code } });
    expect(ear.events).toHaveLength(1);
    await expectNothingToldBy(error, tokens);
  });

  it.each<[string, (tokens: Tokens) => object, string]>([
    ['an access token for an id_token', (tokens) => ({ id_token: tokens.accessToken }), 'upstream_token_invalid'],
    ['another person’s access token', () => ({ access_token: signAccess({ sub: 'bob' }) }), 'upstream_token_invalid'],
    ['another token’s at_hash', () => ({ id_token: signId({ at_hash: 'x' }) }), 'upstream_token_invalid'],
    ['a password for an id_token', () => ({ id_token: PASSWORD }), 'upstream_token_invalid'],
    ['an endless id_token', () => ({ id_token: signId({ x: 'x'.repeat(70_000) }) }), 'upstream_token_invalid'],
    ['no id_token', () => ({ id_token: undefined }), 'upstream_invalid_response'],
    ['an object for an id_token', (tokens) => ({ id_token: tokens }), 'upstream_invalid_response'],
    ['no access token', () => ({ access_token: null }), 'upstream_invalid_response'],
  ])('a login brings %s', async (_name, change, code) => {
    const tokens = makeTokens(issuer());
    answerSignIn(issuer(), tokens, change(tokens));
    await expectSilentFailure([open().signIn(ALICE)], code, tokens);
  });
  const signId = (claims: object): string => issuer().sign({ ...idClaims(issuer()), ...claims });
  const signAccess = (claims: object): string => issuer().sign({ ...accessClaims(issuer()), ...claims });

  it.each(FORGERIES)('a token that somebody shows is %s', async (_flaw, forge, code) => {
    const client = open();
    const accessToken = forge(issuer(), accessClaims(issuer()));
    const idToken = forge(issuer(), idClaims(issuer()));
    const calls = [client.verifyAccessToken(accessToken), client.verifyIdToken(idToken), client.userInfo(accessToken)];
    await expectSilentFailure(calls, code, { accessToken, idToken });
  });

  it.each(Object.entries(SECRETS))('the token that somebody shows is another secret: %s', async (_name, secret) => {
    await expectSilentFailure([open().verifyAccessToken(secret), open().verifyIdToken(secret)], 'token_malformed');
  });
});

describe.each(['rsa', 'sm2'] as const)('passwords are encrypted by %s', (type) => {
  const key = type === 'rsa' ? createRsaPasswordKey() : createSm2PasswordKey();
  const publish = (publicKey: unknown): Reply => ({ body: { ...SECRETS, [type]: { publicKey, password: PASSWORD } } });
  const shortKey = type === 'rsa' ? createRsaPasswordKey(512).publicKey : key.publicKey.slice(0, -2);

  it.each([
    ...BROKEN,
    ['no key', publish(undefined), 'upstream_invalid_response'],
    ['a key that is none', publish(EVERYTHING), 'upstream_invalid_response'],
    ['zeros', publish('0'.repeat(128)), 'upstream_invalid_response'],
    ['a short key', publish(shortKey), 'upstream_invalid_response'],
  ] as const)('the key comes as %s', async (_name, reply, code) => {
    issuer().reply(SYSTEM_PATH, reply);
    const client = open({ passwordEncryptType: type });
    await expectSilentFailure([client.signIn(ALICE), client.warmUp()], code);
    expect(issuer().count(SIGN_IN_PATH)).toBe(0);
  });

  it('GenAuth cannot decrypt it, twice', async () => {
    issuer().reply(SYSTEM_PATH, publish(key.publicKey));
    const tokens = echoSignIn(issuer(), 499, 2016);
    await expectSilentFailure(
      [open({ passwordEncryptType: type }).signIn(ALICE)],
      'password_decryption_failed',
      tokens,
    );
    expect(issuer().count(SIGN_IN_PATH)).toBe(2);
    // Of the two secrets only one was sent as it is.
    expect(findCanaries(issuer().requests)).toEqual(['appSecret']);
  });
});

it('a password that is too long for the key', async () => {
  issuer().reply(SYSTEM_PATH, { body: { rsa: { publicKey: createRsaPasswordKey().publicKey } } });
  const client = open({ passwordEncryptType: 'rsa' });
  await expectSilentFailure([client.signIn({ ...ALICE, password: PASSWORD.repeat(9) })], 'invalid_request');
});

describe('other addresses of GenAuth', () => {
  const EMPTY_CAPTCHA = { body: { statusCode: 200, data: SECRETS } };
  it.each([...BROKEN, ['without a token', EMPTY_CAPTCHA, 'upstream_invalid_response'] as const])(
    'the captcha is %s',
    async (_name, reply, code) => {
      issuer().reply('/api/v3/get-captcha-code', reply);
      await expectSilentFailure([open().getCaptcha()], code);
    },
  );

  const FOREIGN = { body: { ...SECRETS, issuer: 'https://issuer.invalid' } };
  it.each([
    ...BROKEN.map(([name, reply, code]) => [`the key set is ${name}`, JWKS_PATH, reply, code] as const),
    ...BROKEN.map(([name, reply, code]) => [`discovery is ${name}`, DISCOVERY_PATH, reply, code] as const),
    ['the key set has no key', JWKS_PATH, { body: { keys: [SECRETS] } }, 'upstream_invalid_response'],
    ['discovery is of another issuer', DISCOVERY_PATH, FOREIGN, 'discovery_issuer_mismatch'],
  ] as const)('%s, when a login has brought its tokens', async (_name, path, reply, code) => {
    const tokens = makeTokens(issuer());
    answerSignIn(issuer(), tokens);
    issuer().reply(path, reply);
    const client = open();
    await expectSilentFailure([client.signIn(ALICE), client.warmUp()], code, tokens);
    // Whoever shows a token can only come back later.
    const shown = code === 'upstream_invalid_response' ? 'upstream_unavailable' : code;
    await expectSilentFailure([client.verifyAccessToken(tokens.accessToken)], shown, tokens);
  });

  type Call = (client: GenAuthClient, accessToken: string) => Promise<unknown>;
  const refresh: Call = (client) => client.refresh(REFRESH_TOKEN);
  const calls: readonly (readonly [name: string, path: string, call: Call])[] = [
    ['refresh', '/oidc/token', refresh],
    ['introspection', '/oidc/token/introspection', (client, token) => client.introspect(token)],
    ['revocation', '/oidc/token/revocation', (client, token) => client.revoke(token)],
    ['user info', '/oidc/me', (client, token) => client.userInfo(token)],
  ];
  const REFUSED: Reply = { status: 401, body: { ...SECRETS, error: 'invalid_client' } };
  it.each([
    ...calls.flatMap(([name, path, call]) =>
      // Of a revocation only the HTTP status counts.
      BROKEN.slice(0, name === 'revocation' ? 5 : undefined).map(
        ([broken, reply, code]) => [`${name} is ${broken}`, path, reply, code, call] as const,
      ),
    ),
    ...calls.slice(0, 3).map(([name, path, call]) => {
      return [`${name} refuses the app`, path, REFUSED, 'client_authentication_failed', call] as const;
    }),
    ['a refresh token is refused', '/oidc/token', invalidGrant(), 'refresh_token_refused', refresh],
    ['user info is of nobody', '/oidc/me', { body: SECRETS }, 'upstream_invalid_response', calls[3]![2]],
  ] as const)('%s', async (_name, path, reply, code, call) => {
    const tokens = makeTokens(issuer());
    issuer().reply(path, reply);
    const ways = [open(), open(BASIC)].map((client) => call(client, tokens.accessToken));
    await expectSilentFailure(ways, code, tokens);
    expect(findCanaries(issuer().requests, { ...SECRETS, ...tokens })).not.toEqual([]);
  });

  it.each(calls)('%s: a server that repeats what it was sent, in its own words', async (_name, path, call) => {
    const tokens = makeTokens(issuer());
    for (const status of [200, 400, 403, 500]) {
      for (const options of [{}, BASIC]) {
        issuer().reply(path, ({ body, headers }) => {
          const said = `${body} ${headers.authorization} ${APP_SECRET} ${new URLSearchParams(body).get('refresh_token')}`;
          return { status, body: { statusCode: status, error: said, message: said, requestId: said } };
        });
        const result = await call(open(options), tokens.accessToken).catch((error: Error) => error);
        await expectNothingToldBy(result instanceof Error ? result : {}, tokens);
      }
    }
  });

  it.each(FORGERIES)('a refresh brings tokens that are %s', async (_flaw, forge) => {
    const accessToken = forge(issuer(), accessClaims(issuer()));
    const idToken = forge(issuer(), idClaims(issuer()));
    for (const id_token of [idToken, undefined]) {
      const body = { access_token: accessToken, id_token, refresh_token: REFRESH_TOKEN };
      issuer().reply('/oidc/token', { body });
      await expectSilentFailure([refresh(open(), '')], 'upstream_token_invalid', { accessToken, idToken });
    }
  });
});

function invalidGrant(): Reply {
  return { status: 400, body: { ...SECRETS, error: 'invalid_grant', error_description: EVERYTHING } };
}

describe('the app’s secret', () => {
  const renew = (): (() => string) => {
    const secrets = [`${APP_SECRET}, of yesterday`];
    return () => secrets.pop() ?? APP_SECRET;
  };
  it.each<[string, Partial<GenAuthOptions>]>([
    ['in the body', {}],
    ['in the header', BASIC],
    ['of a function', { appSecret: () => APP_SECRET }],
    ['of a function, and replaced', { appSecret: renew(), ...BASIC }],
  ])('refused, %s', async (_name, options) => {
    const tokens = echoSignIn(issuer(), 401);
    await expectSilentFailure([open(options).signIn(ALICE)], 'client_authentication_failed', tokens);
  });

  it.each<[string, unknown]>([
    ['bytes', Buffer.from(APP_SECRET)],
    ['an object', { value: APP_SECRET }],
    ['a text object', Object(APP_SECRET)],
    ['a list', [APP_SECRET]],
    ['a function', () => APP_SECRET],
    ['a symbol', Symbol(APP_SECRET)],
  ])('a function gives %s', async (_name, value) => {
    await expectSilentFailure([open({ appSecret: () => value as string }).signIn(ALICE)], 'app_secret_unavailable');
  });

  it('a function throws an error that tells it: the developer’s own is the cause, and nothing else tells it', async () => {
    const own = Object.assign(new Error(`vault: ${APP_SECRET}`), { config: { token: APP_SECRET } });
    const error = (await catchError(open({ appSecret: () => Promise.reject(own) }).signIn(ALICE))) as GenAuthError;
    expect(error).toMatchObject({ code: 'app_secret_unavailable' });
    expect(error.cause).toBe(own);
    await expectNothingToldBy([error.message, error.toJSON(), JSON.stringify(error), String(error), error.stack]);
  });
});

describe('options with a mistake', () => {
  it.each(MISTAKEN_OPTIONS)('%s', async (_name, options) => {
    const given = { ...issuer().clientOptions, appSecret: APP_SECRET, ...options } as GenAuthOptions;
    const errors = [catchThrown(() => new GenAuthClient(given)), catchThrown(() => defineGenAuthOptions(given))];
    for (const error of errors) expect(error).toBeInstanceOf(ConfigurationError);
    await expectNothingToldBy(errors);
  });
});

describe('a proxy with a password', () => {
  const repeat =
    (before: string): Conversation =>
    (socket, received) =>
      void socket.end(before + received);
  it.each<[string, Conversation]>([
    ['refuses it, and repeats it', repeat('HTTP/1.1 407 ')],
    ['repeats the request', repeat('')],
    ['repeats it in a header', repeat('HTTP/1.1 200 OK\r\nx-')],
    ['repeats it in place of a tunnel', repeat('HTTP/1.1 200 OK\r\n\r\n')],
    ['opens a tunnel to nobody', (socket) => void socket.write('HTTP/1.1 200 OK\r\n\r\n')],
    ['resets', (socket) => void socket.resetAndDestroy()],
    ['is silent', () => {}],
  ])('%s', async (_name, converse) => {
    const proxy = `http://${PROXY_USER}127.0.0.1:${(await serve(converse)).port}`;
    const client = open({ appHost: 'https://tenant.example', proxy, timeout: 80 });
    const errors = [await catchError(client.signIn(ALICE)), await catchError(client.warmUp())];
    for (const error of errors) expect(error).toMatchObject({ name: 'UpstreamError', statusCode: 503 });
    await expectNothingToldBy([errors, client]);
  });

  it.each(['http', 'https'])('is not there, or not to be trusted: %s', async (protocol) => {
    const server = await serve(undefined, new CertificateAuthority().issue());
    if (protocol === 'http') await server.close();
    const proxy = `${protocol}://${PROXY_USER}127.0.0.1:${server.port}`;
    await expectSilentFailure([open({ appHost: 'https://a.example', proxy }).signIn(ALICE)], 'upstream_unreachable');
  });
});

describe('credentials of a wrong shape', () => {
  it.each<[string, unknown, object?]>([
    ['a text', PASSWORD],
    ['a list', ['alice', PASSWORD]],
    ['the password alone', { password: PASSWORD }],
    ['the password under other names', { account: 'alice', passwd: PASSWORD, Password: PASSWORD }],
    ['a password that is an object', { account: 'alice', password: { value: PASSWORD } }],
    ['a password that is a list', { account: 'alice', password: [PASSWORD] }],
    ['a password that is bytes', { account: 'alice', password: Buffer.from(PASSWORD) }],
    ['a password that is too long', { account: 'alice', password: PASSWORD.repeat(99) }],
    ['the password as account, and an empty one', { account: PASSWORD, password: '' }],
    ['the password as account, and too long', { account: PASSWORD.repeat(20), password: 'x' }],
    ['the password as a second name', { account: 'alice', email: PASSWORD, password: 'x' }],
    ['an account that is an object', { account: { password: PASSWORD }, password: PASSWORD }],
    ['the password inherited', Object.create(ALICE)],
    ['the password among the options', ALICE, { password: PASSWORD, account: 'alice' }],
    ['the password in other options', ALICE, { captchaCode: { PASSWORD }, customData: () => PASSWORD }],
  ])('%s', async (_name, credentials, options = {}) => {
    const error = await catchError(open().signIn(credentials as Credentials, options as SignInOptions));
    expect(error).toBeInstanceOf(GenAuthError);
    expect(issuer().count()).toBe(0);
    await expectNothingToldBy(error);
  });
});
