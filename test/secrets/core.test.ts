import { inspect } from 'node:util';
import { GenAuthClient } from '../../src/core/client.js';
import { GenAuthError } from '../../src/core/errors.js';
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
import { DISCOVERY_PATH, JWKS_PATH, SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { NETWORK_FAULTS } from '../support/network-fault.js';
import { createRsaPasswordKey } from '../support/password-key.js';
import { catchError } from '../support/promise.js';
import { useTcpServers } from '../support/tcp-server.js';
import { FAULTS, REJECTIONS, REPEATED, useOutput } from './support.js';

failOnUnhandledRejections();
const output = useOutput();
const issuer = useIssuer();
const serve = useTcpServers();
const openClient = useClients(issuer);
const open: typeof openClient = (options) => openClient({ appSecret: APP_SECRET, ...options });

const ALICE = { account: 'alice', password: PASSWORD };
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
  afterEach(() => expect(output.events.filter(({ name }) => name === 'genauth:sign-in')).toHaveLength(1));

  it.each(REJECTIONS)('when the outcome is %s', async (kind, statusCode, apiCode) => {
    const tokens = echoSignIn(issuer(), statusCode, apiCode, REPEATED);
    const outcome = await open().signIn(ALICE);
    expect(outcome.kind).toBe(kind);
    // The token of the next step has one place in an outcome.
    await expectNoSecret({ ...outcome, mfaToken: '', flowToken: '' }, tokens);
    expect(findCanaries(issuer().requests)).toEqual(['password', 'appSecret']);
  });

  it.each(FAULTS)('when it fails with %s', async (code, statusCode) => {
    const tokens = echoSignIn(issuer(), statusCode, undefined, REPEATED);
    await expectSilentFailure(open(BASIC).signIn({ sAMAccountName: 'zhangsan', password: PASSWORD }), code, tokens);
    expect(findCanaries(issuer().requests)).toEqual(['password', 'appSecret']);
  });

  it('when it succeeds', async () => {
    const tokens = makeTokens(issuer());
    answerSignIn(issuer(), tokens, { password: PASSWORD, client_secret: APP_SECRET });
    const client = open();
    const found = findCanaries(await client.signIn(ALICE), { ...SECRETS, ...tokens });
    expect(found).toEqual(['password', 'refreshToken', 'idToken', 'accessToken']);
    // The test put the password among the claims. An event and the printed client have neither claims nor tokens.
    await expectNoSecret(inspect(client, { depth: Infinity, showHidden: true }), tokens);
  });

  it.each(NETWORK_FAULTS)('when $title', async ({ arrange, code }) => {
    const { proxy, ...options } = await arrange(serve);
    const client = open({ ...options, proxy: proxy?.replace('//', `//${PROXY_USER}`) });
    await expectSilentFailure(client.signIn(ALICE), code);
    await expectNoSecret(client);
  });

  it('when GenAuth cannot decrypt the password, which is in no request', async () => {
    issuer().reply(SYSTEM_PATH, { body: { rsa: { publicKey: createRsaPasswordKey().publicKey } } });
    const tokens = echoSignIn(issuer(), 499, 2016, REPEATED);
    const signingIn = open({ passwordEncryptType: 'rsa' }).signIn(ALICE);
    await expectSilentFailure(signingIn, 'password_decryption_failed', tokens);
    expect(findCanaries(issuer().requests)).toEqual(['appSecret']);
  });
});

it.each<[string, string, (client: GenAuthClient, tokens: Tokens) => Promise<unknown>]>([
  ['the key for passwords', SYSTEM_PATH, (client) => client.signIn(ALICE)],
  ['the sign-in', SIGN_IN_PATH, (client) => client.signIn(ALICE)],
  ['discovery', DISCOVERY_PATH, (client) => (issuer().reply(JWKS_PATH, {}), client.signIn(ALICE))],
  ['the key set', JWKS_PATH, (client) => client.warmUp()],
  ['the captcha', '/api/v3/get-captcha-code', (client) => client.getCaptcha()],
  ['a refresh', '/oidc/token', (client) => client.refresh(REFRESH_TOKEN)],
  ['an introspection', '/oidc/token/introspection', (client, tokens) => client.introspect(tokens.accessToken)],
  ['a revocation', '/oidc/token/revocation', (client, tokens) => client.revoke(tokens.accessToken)],
  ['user info', '/oidc/me', (client, tokens) => client.userInfo(tokens.accessToken)],
])('a server that repeats requests at the stage of %s reveals no secret', async (_stage, path, call) => {
  const tokens = makeTokens(issuer());
  answerSignIn(issuer(), tokens);
  issuer().reply(SYSTEM_PATH, { body: { rsa: { publicKey: createRsaPasswordKey().publicKey } } });
  issuer().reply(path, ({ body, headers: { authorization } }) => {
    const texts = [body, decodeURIComponent(body.replaceAll('%', '%25')), authorization, EVERYTHING];
    return { status: 403, body: `<html>${texts.join(' ')}` };
  });
  const client = open({ ...BASIC, passwordEncryptType: 'rsa' });
  await expectSilentFailure(call(client, tokens), 'upstream_invalid_response', tokens);
});

it.each([
  ['a refused refresh token', 400, 'invalid_grant', 'refresh_token_refused'],
  ['a refused application', 401, 'invalid_client', 'client_authentication_failed'],
  ['an unknown error', 400, `${PASSWORD} ${REFRESH_TOKEN}`, 'upstream_invalid_response'],
])('an OAuth error that repeats the request reveals no secret: %s', async (_name, status, error, code) => {
  issuer().reply('/oidc/token', ({ body, headers }) => {
    const text = `${body} ${headers.authorization} ${REFRESH_TOKEN}`;
    return { status, body: { ...SECRETS, error, error_description: text, message: text, requestId: REFRESH_TOKEN } };
  });
  await expectSilentFailure(open(BASIC).refresh(REFRESH_TOKEN), code);
});

it.each<[flaw: string, code: string, claims: object, header: object]>([
  ['an expired token', 'token_expired', { iat: 8, exp: 9 }, {}],
  ['a token with an unknown key', 'token_key_unknown', {}, { kid: 'unknown' }],
])('the errors of a client do not contain %s', async (_flaw, code, claims, header) => {
  const tokens = makeTokens(issuer(), claims, header);
  answerSignIn(issuer(), tokens);
  await expectSilentFailure(open().signIn(ALICE), 'upstream_token_invalid', tokens);
  await expectSilentFailure(open().verifyIdToken(tokens.idToken), code, tokens);
  await expectSilentFailure(open().verifyAccessToken(tokens.accessToken), code, tokens);
});

it.each([
  { appSecret: ` ${APP_SECRET}\n`, jwks: [{ APP_SECRET }], proxy: `${PROXY_USER}proxy.example:3128` },
  { clientSecret: APP_SECRET, proxy: `http://user:${PROXY_PASSWORD}%@proxy.example`, scope: [{ PASSWORD }] },
  { signInOptions: { password: PASSWORD, client_secret: APP_SECRET }, appHost: `https://${PROXY_USER}a.example` },
])('an error for wrong options does not contain a secret: %#', async (options) => {
  const given = { ...issuer().clientOptions, appSecret: APP_SECRET, ...options } as unknown as GenAuthOptions;
  await expectSilentFailure((async () => new GenAuthClient(given))(), 'invalid_options');
});

it('an error for malformed credentials or a malformed key for passwords does not contain them', async () => {
  const credentials = { account: 'alice', email: PASSWORD, passwd: PASSWORD } as unknown as Credentials;
  await expectSilentFailure(open().signIn(credentials), 'invalid_request');
  issuer().reply(SYSTEM_PATH, { body: { ...SECRETS, rsa: { publicKey: EVERYTHING, password: PASSWORD } } });
  await expectSilentFailure(open({ passwordEncryptType: 'rsa' }).signIn(ALICE), 'upstream_invalid_response');
  expect(issuer().requests).toMatchObject([{ path: SYSTEM_PATH }]);
});

it('the emulator records no password', async () => {
  const users = [{ username: 'alice', password: PASSWORD }];
  await using emulator = await new GenAuthEmulator({ appSecret: APP_SECRET, users }).start();
  const client = open(emulator.clientOptions);
  expect(await client.signIn(ALICE)).toMatchObject({ kind: 'success' });
  expect(await client.signIn({ ...ALICE, password: `${PASSWORD}!` })).toMatchObject({ kind: 'invalid_credentials' });
  expect(emulator.signIns).toHaveLength(2);
  await expectNoSecret([emulator.signIns, inspect(emulator, { depth: Infinity, showHidden: true })]);
});

it.each<[string, unknown]>([
  ['the cause of a cause', new Error('x', { cause: new Error('y', { cause: { config: { data: PASSWORD } } }) })],
  ['a hidden property', Object.defineProperty(new Error('x'), 'request', { value: { body: PASSWORD } })],
  ['bytes', { body: Buffer.from(`{"password":${JSON.stringify(PASSWORD)}}`) }],
  ['JSON in JSON', JSON.stringify({ body: JSON.stringify({ PASSWORD }) })],
  ['HTML', `<pre>${PASSWORD.replace('&', '&amp;').replace('"', '&quot;').replace('<', '&lt;')}</pre>`],
  ['base64url inside a longer text', `.${Buffer.from(`ab${PASSWORD}b`).toString('base64url')}.`],
])('the search finds the password in %s', (_place, value) => {
  expect(findCanaries(value)).toEqual(['password']);
});

it('the search finds a token that is cut, and everything that was printed', async () => {
  const { idToken } = makeTokens(issuer());
  expect(findCanaries(new Error(`${idToken.slice(0, -30)}…`), { idToken })).toEqual(['idToken']);
  console.error('log: %s', APP_SECRET);
  process.stdout.write(REFRESH_TOKEN);
  process.emitWarning(PASSWORD);
  expect(findCanaries(await output.read())).toEqual(['password', 'appSecret', 'refreshToken']);
});
