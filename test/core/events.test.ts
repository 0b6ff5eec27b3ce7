import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type SignInEvent, publishSignIn } from '../../src/core/events.js';
import type { SignInOptions } from '../../src/core/sign-in/sign-in-options.js';
import { useClients } from '../support/client.js';
import { APP_ID, JWKS_PATH, SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { NETWORK_FAULTS } from '../support/network-fault.js';
import { catchError } from '../support/promise.js';
import { ANSWER_ROWS } from '../support/sign-in-answer.js';
import { useSignInEvents } from '../support/sign-in-event.js';
import { useTcpServers } from '../support/tcp-server.js';

const ALICE = { account: 'canary-account', password: 'canary-password' };
const NOTHING = { statusCode: undefined, apiCode: undefined, requestId: undefined };
const issuer = useIssuer();
const serve = useTcpServers();
const open = useClients(issuer);
const events = useSignInEvents();

/** All of an event but its duration, which must be a time that fits. */
function onlyEvent(longest = 10_000): Omit<SignInEvent, 'duration'> {
  expect(events).toHaveLength(1);
  const { duration, ...event } = events[0] ?? ({} as SignInEvent);
  expect(duration).toBeGreaterThan(0);
  expect(duration).toBeLessThan(longest);
  return event;
}

it.each([
  ['PASSWORD', ALICE],
  ['AD', { sAMAccountName: 'canary-account', password: 'canary-password' }],
] as const)('a success by %s: one event, without the person', async (connection, credentials) => {
  issuer().replySignIn({ refresh_token: 'canary-refresh' });
  const started = performance.now();
  await open().signIn(credentials);
  expect(onlyEvent(performance.now() - started + 1)).toEqual({
    appId: APP_ID,
    connection,
    result: 'success',
    text: 'GenAuth answered statusCode 200, no apiCode, message "", request ID "request-1"',
    statusCode: 200,
    apiCode: undefined,
    requestId: 'request-1',
  });
  expect(findLeaks(events, ['canary', issuer().clientOptions.appSecret, issuer().key.kid])).toEqual([]);
});

it.each(ANSWER_ROWS.map((row) => [row.title, row] as const))('%s: one event', async (_title, row) => {
  const { statusCode, apiCode, kind, code } = row;
  const said = { message: 'GenAuth says\u202E "no"\n', requestId: 'request-1' };
  issuer().reply(SIGN_IN_PATH, {
    body: { statusCode, apiCode, ...said, data: { token: 'canary', mfaToken: 'canary' } },
  });
  const thrown = await open()
    .signIn(ALICE)
    .then(
      () => undefined,
      (error: Error) => error,
    );
  const shownCode = apiCode === undefined ? 'no apiCode' : `apiCode ${apiCode}`;
  const answered =
    `GenAuth answered statusCode ${statusCode}, ${shownCode}, ` +
    'message "GenAuth says\\u{202e} \\"no\\"\\n", request ID "request-1"';
  expect(onlyEvent()).toEqual({
    appId: APP_ID,
    connection: 'PASSWORD',
    ...(code === undefined
      ? { result: kind, text: answered, statusCode, apiCode, requestId: 'request-1' }
      : { result: code, text: thrown?.message, statusCode, apiCode, requestId: 'request-1' }),
  });
  expect(events[0]?.text).toContain(statusCode === 200 ? 'request ID "request-1"' : answered);
  // One line for a log, whatever GenAuth says.
  expect(events[0]?.text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(findLeaks(events, ['canary'])).toEqual([]);
});

it.each(NETWORK_FAULTS.map((fault) => [fault.title, fault] as const))(
  '%s: one event',
  async (title, { arrange, code }) => {
    const error = await catchError(open(await arrange(serve)).signIn(ALICE));
    expect(error).toMatchObject({ code });
    // The body of a fault is read as far as it is GenAuth's envelope: of these servers' only the number.
    const answered = title.startsWith('a success') ? 200 : title.startsWith('a fault') ? 500 : undefined;
    const expected = { appId: APP_ID, connection: 'PASSWORD', result: code, text: error.message };
    expect(onlyEvent()).toEqual({ ...expected, ...NOTHING, statusCode: answered });
    expect(findLeaks(events, ['canary'])).toEqual([]);
  },
);

it.each<[string, string, () => void]>([
  ['a token that does not verify', 'upstream_token_invalid', () => issuer().replySignIn({ id_token: 'a.b.c' })],
  [
    'an expired id_token',
    'upstream_token_invalid',
    () => issuer().replySignIn({ id_token: issuer().sign(issuer().idTokenClaims({ exp: 1, iat: 0 })) }),
  ],
  ['keys that cannot be had', 'upstream_unavailable', () => issuer().reply(JWKS_PATH, { status: 500 })],
  [
    'discovery of another issuer',
    'discovery_issuer_mismatch',
    () => issuer().reply('/oidc/.well-known/openid-configuration', { body: { issuer: 'https://other.example' } }),
  ],
])('%s: one event', async (_name, code, arrange) => {
  issuer().replySignIn();
  arrange();
  const error = await catchError(open().signIn(ALICE));
  expect(error).toMatchObject({ code });
  expect(onlyEvent()).toMatchObject({ result: code, text: error.message, ...NOTHING });
});

it('a sign-in that was sent twice, for keys or a secret that were replaced, is one event', async () => {
  issuer().reply(SIGN_IN_PATH, { body: { statusCode: 401 } });
  const secrets = ['old', 'new'];
  const client = open({ appSecret: () => secrets.shift() ?? '' });
  await catchError(client.signIn(ALICE));
  expect(issuer().count(SIGN_IN_PATH)).toBe(2);
  expect(onlyEvent()).toMatchObject({ result: 'client_authentication_failed' });
});

it.each<[string, object, SignInOptions]>([
  ['no password', { account: 'a' }, {}],
  ['an empty password', { account: 'a', password: '' }, {}],
  ['two identifiers', { account: 'a', email: 'b', password: 'p' }, {}],
  ['no credentials', {}, {}],
  ['wrong options', ALICE, { clientIp: 'x' }],
  ['autoRegister with account', ALICE, { autoRegister: true }],
])('%s: nothing is sent, and so no event', async (_name, credentials, options) => {
  await catchError(open().signIn(credentials as typeof ALICE, options));
  expect([issuer().count(), events]).toEqual([0, []]);
});

it('a password that is too long for RSA: nothing is sent, and so no event', async () => {
  const publicKey = issuer().key.publicKey.export({ type: 'spki', format: 'pem' });
  issuer().reply('/api/v3/system', { body: { rsa: { publicKey } } });
  const error = await catchError(open({ passwordEncryptType: 'rsa' }).signIn({ ...ALICE, password: 'x'.repeat(246) }));
  expect([error.code, issuer().count(SIGN_IN_PATH), events]).toEqual(['invalid_request', 0, []]);
});

it('100 at one time are 100 events, and other channels hear none', async () => {
  issuer().reply(SIGN_IN_PATH, { body: { statusCode: 403, apiCode: 2333 } });
  const others: unknown[] = [];
  const take = (event: unknown): void => void others.push(event);
  subscribe('genauth', take);
  const client = open();
  await Promise.all(Array.from({ length: 100 }, () => client.signIn(ALICE)));
  unsubscribe('genauth', take);
  expect([events.length, others]).toEqual([100, []]);
});

it('tokens that are verified, captchas and keys that are fetched are no sign-in', async () => {
  const client = open();
  await client.warmUp();
  await client.verifyAccessToken(issuer().sign(issuer().accessTokenClaims()));
  await catchError(client.verifyIdToken('a.b.c'));
  await catchError(client.getCaptcha());
  expect(events).toEqual([]);
});

describe('publishSignIn', () => {
  const event: SignInEvent = { ...NOTHING, appId: 'a', connection: 'AD', result: 'success', text: '', duration: 1 };

  it('hands the very event to every subscriber, and makes it once', () => {
    let made = 0;
    const more: unknown[] = [];
    const take = (each: unknown): void => void more.push(each);
    subscribe('genauth:sign-in', take);
    publishSignIn(() => {
      made += 1;
      return event;
    });
    unsubscribe('genauth:sign-in', take);
    expect([events, more, made]).toEqual([[event], [event], 1]);
    expect(events[0]).toBe(more[0]);
  });
});
