import { inspect } from 'node:util';
import { GenAuthClient } from '../../src/core/client.js';
import { GenAuthError } from '../../src/core/errors.js';
import { defineGenAuthOptions } from '../../src/core/options/resolve-options.js';
import type { GenAuthOptions } from '../../src/core/options/types.js';
import type { Credentials } from '../../src/core/sign-in/credentials.js';
import { GenAuthEmulator } from '../../src/emulator/index.js';
import {
  APP_SECRET,
  EVERYTHING,
  PASSWORD,
  PROXY_PASSWORD,
  PROXY_USER,
  REFRESH_TOKEN,
  SECRETS,
  type Tokens,
  answerSignIn,
  echoSignIn,
  findCanaries,
  makeTokens,
} from '../support/canary.js';
import { useClients } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { DISCOVERY_PATH, JWKS_PATH, type ReceivedRequest, SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { NETWORK_FAULTS } from '../support/network-fault.js';
import { createRsaPasswordKey } from '../support/password-key.js';
import { catchError } from '../support/promise.js';
import { useTcpServers } from '../support/tcp-server.js';
import { FAULTS, FLAWS, REJECTIONS, REPEATED, forgeTokens, useOutput } from './support.js';

failOnUnhandledRejections();
const output = useOutput();
const issuer = useIssuer();
const serve = useTcpServers();
const openClient = useClients(issuer);
const open: typeof openClient = (options) => openClient({ appSecret: APP_SECRET, ...options });

const ALICE = { account: 'alice', password: PASSWORD };
const ZHANGSAN = { sAMAccountName: 'zhangsan', password: PASSWORD };
const BASIC = { tokenEndpointAuthMethod: 'client_secret_basic' } as const;
const SYSTEM_PATH = '/api/v3/system';

/** No secret is in a result, in an event, a warning, or anything that was printed. */
async function expectNoSecret(result: unknown, tokens: Partial<Tokens> = {}): Promise<void> {
  expect(findCanaries([result, await output.read()], { ...SECRETS, ...tokens })).toEqual([]);
}

/** A call fails with this code and reveals no secret. */
async function expectSilentFailure(call: Promise<unknown>, code: string, tokens?: Partial<Tokens>): Promise<void> {
  const error = await catchError(call);
  expect(error).toBeInstanceOf(GenAuthError);
  expect(error).toMatchObject({ code });
  await expectNoSecret(error, tokens);
}

describe('a sign-in keeps secrets out of outcomes, errors, events and output', () => {
  it.each(REJECTIONS)('when the outcome is %s', async (kind, statusCode, apiCode) => {
    const tokens = echoSignIn(issuer(), statusCode, apiCode, REPEATED);
    const outcome = await open().signIn(ALICE);
    expect(outcome.kind).toBe(kind);
    // The token of the next step has one place in an outcome.
    await expectNoSecret({ ...outcome, mfaToken: '', flowToken: '' }, tokens);
    expect([findCanaries(issuer().requests), output.events.length]).toEqual([['password', 'appSecret'], 1]);
  });

  it.each([
    ['JSON', JSON.stringify(PASSWORD)],
    ['a URL', `?p=${encodeURIComponent(PASSWORD)}`],
  ])('when GenAuth repeats the password as %s', async (_form, message) => {
    const tokens = echoSignIn(issuer(), 403, 2333, { message });
    await expectNoSecret(await open().signIn(ALICE), tokens);
  });

  it.each(FAULTS)('when it fails with %s', async (code, statusCode, apiCode) => {
    const tokens = echoSignIn(issuer(), statusCode, apiCode, REPEATED);
    await expectSilentFailure(open(BASIC).signIn(ZHANGSAN), code, tokens);
    expect([findCanaries(issuer().requests), output.events.length]).toEqual([['password', 'appSecret'], 1]);
  });

  it('when it succeeds', async () => {
    const tokens = makeTokens(issuer());
    answerSignIn(issuer(), tokens, { password: PASSWORD, client_secret: APP_SECRET });
    const client = open();
    const outcome = await client.signIn(ALICE);
    expect(findCanaries(outcome, { ...SECRETS, ...tokens })).toEqual([
      'password',
      'refreshToken',
      'idToken',
      'accessToken',
    ]);
    // The test put the password among the claims. An event and the printed client have neither claims nor tokens.
    await expectNoSecret(inspect(client, { depth: Infinity, showHidden: true }), tokens);
  });

  it.each(NETWORK_FAULTS.map((fault) => [fault.title, fault] as const))(
    'when %s',
    async (_title, { arrange, code }) => {
      const { proxy, ...options } = await arrange(serve);
      await expectSilentFailure(
        open({ ...options, proxy: proxy?.replace('//', `//${PROXY_USER}`) }).signIn(ALICE),
        code,
      );
    },
  );

  it.each([
    ['the request after HTTP 407', 'HTTP/1.1 407 '],
    ['the request in a header', 'HTTP/1.1 200 OK\r\nx-'],
    ['the request after a tunnel was opened', 'HTTP/1.1 200 OK\r\n\r\n'],
  ])('when a proxy with a password returns %s', async (_answer, head) => {
    const { port } = await serve((socket, received) => void socket.end(head + received));
    const client = open({ appHost: 'https://tenant.example', proxy: `http://${PROXY_USER}127.0.0.1:${port}` });
    await expectSilentFailure(client.signIn(ALICE), 'upstream_unreachable');
    await expectNoSecret(client);
  });
});

type Stage = [name: string, path: string, call: (client: GenAuthClient, tokens: Tokens) => Promise<unknown>];
const STAGES: Stage[] = [
  ['the key for passwords', SYSTEM_PATH, (client) => client.signIn(ALICE)],
  ['the sign-in', SIGN_IN_PATH, (client) => client.signIn(ALICE)],
  ['discovery', DISCOVERY_PATH, (client) => client.signIn(ALICE)],
  ['the key set', JWKS_PATH, (client) => client.warmUp()],
  ['the captcha', '/api/v3/get-captcha-code', (client) => client.getCaptcha()],
  ['a refresh', '/oidc/token', (client) => client.refresh(REFRESH_TOKEN)],
  ['an introspection', '/oidc/token/introspection', (client, tokens) => client.introspect(tokens.accessToken)],
  ['a revocation', '/oidc/token/revocation', (client, tokens) => client.revoke(tokens.accessToken)],
  ['user info', '/oidc/me', (client, tokens) => client.userInfo(tokens.accessToken)],
];

describe.each(STAGES)('a server that repeats requests at the stage of %s', (_stage, path, call) => {
  const repeat = ({ body, headers }: ReceivedRequest): string =>
    [body, decodeURIComponent(body.replaceAll('%', '%25')), headers.authorization, EVERYTHING].join(' ');

  it.each([
    [500, 'upstream_unavailable', {}],
    [403, 'upstream_invalid_response', BASIC],
  ] as const)('reveals no secret with HTTP %i', async (status, code, options) => {
    const tokens = makeTokens(issuer());
    answerSignIn(issuer(), tokens);
    issuer().reply(SYSTEM_PATH, { body: { rsa: { publicKey: createRsaPasswordKey().publicKey } } });
    issuer().reply(path, (request) => ({ status, body: `<html>${repeat(request)}` }));
    await expectSilentFailure(call(open({ ...options, passwordEncryptType: 'rsa' }), tokens), code, tokens);
  });
});

describe('an OAuth error in which a server repeats the request reveals no secret', () => {
  it.each([
    ['a refused refresh token', 400, 'invalid_grant', 'refresh_token_refused'],
    ['a refused application', 401, 'invalid_client', 'client_authentication_failed'],
    ['an unknown error', 400, `${PASSWORD} ${REFRESH_TOKEN}`, 'upstream_invalid_response'],
  ])('for %s', async (_name, status, error, code) => {
    issuer().reply('/oidc/token', ({ body, headers }) => {
      const text = `${body} ${headers.authorization} ${REFRESH_TOKEN}`;
      return { status, body: { ...SECRETS, error, error_description: text, message: text, requestId: REFRESH_TOKEN } };
    });
    await expectSilentFailure(open(BASIC).refresh(REFRESH_TOKEN), code);
  });
});

describe('a refused token is in no error', () => {
  it.each(FLAWS)('neither of a sign-in nor of a verification: %s', async (_flaw, claims, header, code) => {
    const tokens = forgeTokens(issuer(), claims, header);
    answerSignIn(issuer(), tokens);
    await expectSilentFailure(open().signIn(ALICE), 'upstream_token_invalid', tokens);
    await expectSilentFailure(open().verifyIdToken(tokens.idToken), code, tokens);
    await expectSilentFailure(open().verifyAccessToken(tokens.accessToken), code, tokens);
  });

  it.each(Object.entries(SECRETS))('when it is another secret: %s', async (_name, secret) => {
    await expectSilentFailure(open().verifyAccessToken(secret), 'token_malformed');
  });

  it.each([
    ['a password as id_token', { id_token: PASSWORD }, 'upstream_token_invalid'],
    ['an object as id_token', { id_token: SECRETS }, 'upstream_invalid_response'],
    ['no access token', { access_token: null }, 'upstream_invalid_response'],
  ])('when a sign-in brings %s', async (_name, data, code) => {
    const tokens = makeTokens(issuer());
    answerSignIn(issuer(), tokens, data);
    await expectSilentFailure(open().signIn(ALICE), code, tokens);
  });
});

describe('an encrypted password', () => {
  it.each([
    ['no key at all', { rsa: { publicKey: EVERYTHING, password: PASSWORD } }],
    ['a key that is too short', { rsa: { publicKey: createRsaPasswordKey(512).publicKey } }],
  ])('is not sent by %s, and the error has no secret', async (_name, body) => {
    issuer().reply(SYSTEM_PATH, { body: { ...SECRETS, ...body } });
    await expectSilentFailure(open({ passwordEncryptType: 'rsa' }).signIn(ALICE), 'upstream_invalid_response');
    expect(issuer().count(SIGN_IN_PATH)).toBe(0);
  });

  it('is in no request and in no error when GenAuth cannot decrypt it', async () => {
    issuer().reply(SYSTEM_PATH, { body: { rsa: { publicKey: createRsaPasswordKey().publicKey } } });
    const tokens = echoSignIn(issuer(), 499, 2016, REPEATED);
    const client = open({ passwordEncryptType: 'rsa' });
    await expectSilentFailure(client.signIn(ALICE), 'password_decryption_failed', tokens);
    expect(findCanaries(issuer().requests)).toEqual(['appSecret']);
  });
});

describe('a function appSecret reveals no secret', () => {
  it.each<[string, unknown]>([
    ['bytes', Buffer.from(APP_SECRET)],
    ['an object', { value: APP_SECRET }],
    ['a list', [APP_SECRET]],
  ])('when it returns %s', async (_name, value) => {
    await expectSilentFailure(open({ appSecret: () => value as string }).signIn(ALICE), 'app_secret_unavailable');
  });

  it('except in its own error, which is the cause', async () => {
    const own = Object.assign(new Error(`vault: ${APP_SECRET}`), { config: { token: APP_SECRET } });
    const error = await catchError(open({ appSecret: () => Promise.reject(own) }).signIn(ALICE));
    expect(error).toMatchObject({ code: 'app_secret_unavailable', cause: own });
    await expectNoSecret([error.message, JSON.stringify(error), String(error), error.stack]);
  });
});

describe('a mistake in the options is reported without a secret', () => {
  it.each<[string, Record<string, unknown>]>([
    ['white space around the secret', { appSecret: ` ${APP_SECRET}\n` }],
    ['a secret in an object', { appSecret: { value: APP_SECRET } }],
    ['a secret that is too short for HS256', { idTokenSignedResponseAlg: 'HS256' }],
    ['names of another library', { clientSecret: APP_SECRET, http: { auth: { password: PROXY_PASSWORD } } }],
    ['a proxy without a scheme', { proxy: `${PROXY_USER}proxy.example:3128` }],
    ['a proxy password that is not encoded', { proxy: `http://user:${PROXY_PASSWORD}%@proxy.example` }],
    ['a proxy in the form of axios', { proxy: { host: 'proxy.example', auth: { password: PROXY_PASSWORD } } }],
    ['a password in a URL', { appHost: `https://${PROXY_USER}a.example`, jwksUri: `https://${PROXY_USER}a.example/#` }],
    ['credentials among the sign-in options', { signInOptions: { password: PASSWORD, client_secret: APP_SECRET } }],
    ['objects in place of values', { jwks: [{ APP_SECRET }], timeout: { PASSWORD }, scope: [{ PASSWORD }] }],
  ])('%s', async (_name, options) => {
    const given = { ...issuer().clientOptions, appSecret: APP_SECRET, ...options } as GenAuthOptions;
    await expectSilentFailure((async () => new GenAuthClient(given))(), 'invalid_options');
    await expectSilentFailure((async () => defineGenAuthOptions(given))(), 'invalid_options');
  });
});

describe('malformed credentials are refused without a request and without the password', () => {
  it.each<[string, unknown]>([
    ['a text', PASSWORD],
    ['a password under another name', { account: 'alice', passwd: PASSWORD, Password: PASSWORD }],
    ['a password in an object', { account: 'alice', password: { value: PASSWORD } }],
    ['a password that is too long', { account: 'alice', password: PASSWORD.repeat(99) }],
    ['the password as a second identifier', { account: 'alice', email: PASSWORD, password: 'x' }],
    ['an inherited password', Object.create(ALICE)],
  ])('%s', async (_name, credentials) => {
    await expectSilentFailure(open().signIn(credentials as Credentials), 'invalid_request');
    expect(issuer().count()).toBe(0);
  });
});

it.each(['none', 'rsa', 'sm2'] as const)(
  'the emulator records a sign-in with encryption %s without the password',
  async (passwordEncryptType) => {
    const users = [{ username: 'alice', password: PASSWORD }];
    await using emulator = await new GenAuthEmulator({ appSecret: APP_SECRET, users }).start();
    const client = open({ ...emulator.clientOptions, passwordEncryptType });
    expect(await client.signIn(ALICE)).toMatchObject({ kind: 'success' });
    expect(await client.signIn({ ...ALICE, password: `${PASSWORD}!` })).toMatchObject({ kind: 'invalid_credentials' });
    expect(emulator.signIns).toHaveLength(2);
    await expectNoSecret([emulator.signIns, inspect(emulator, { depth: Infinity, showHidden: true })]);
  },
);

it.each<[string, unknown]>([
  ['a message of an error', new Error(`wrong: ${PASSWORD}`)],
  ['the cause of a cause', new Error('x', { cause: new Error('y', { cause: { config: { data: PASSWORD } } }) })],
  ['a hidden property', Object.defineProperty(new Error('x'), 'request', { value: { body: PASSWORD } })],
  ['a map of sets', new Map([['a', new Set([PASSWORD])]])],
  ['bytes', { body: Buffer.from(`{"password":${JSON.stringify(PASSWORD)}}`) }],
  ['a key', { [PASSWORD]: 1 }],
  ['JSON in JSON', JSON.stringify({ body: JSON.stringify({ PASSWORD }) })],
  ['a URL', `https://a.example/?p=${encodeURIComponent(PASSWORD)}`],
  ['a form', new URLSearchParams({ PASSWORD }).toString()],
  ['HTML', `<pre>${PASSWORD.replace('&', '&amp;').replace('"', '&quot;').replace('<', '&lt;')}</pre>`],
  ['hexadecimal digits', Buffer.from(PASSWORD).toString('hex')],
  ['a Basic header', Buffer.from(`alice:${PASSWORD}`).toString('base64')],
  ['base64url inside a longer text', `.${Buffer.from(`ab${PASSWORD}b`).toString('base64url')}.`],
])('the search finds the password in %s', (_place, value) => {
  expect(findCanaries(value)).toEqual(['password']);
});

it('the search finds a token that is cut, and everything that was printed', async () => {
  const { idToken } = makeTokens(issuer());
  expect(findCanaries(new Error(`${idToken.slice(0, -30)}…`), { idToken })).toEqual(['idToken']);
  console.error('log: %s', EVERYTHING);
  expect(findCanaries(await output.read())).toEqual(Object.keys(SECRETS));
});
