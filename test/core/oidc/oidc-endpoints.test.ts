import { jest } from '@jest/globals';
import { Http } from '../../../src/core/http/http.js';
import { AppSecret, type AppSecretSource } from '../../../src/core/oidc/app-secret.js';
import { ClientAuthentication } from '../../../src/core/oidc/client-authentication.js';
import { OidcEndpoints } from '../../../src/core/oidc/oidc-endpoints.js';
import { APP_ID, type Reply, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { Gate, catchError } from '../../support/promise.js';
import { useTcpServers } from '../../support/tcp-server.js';
import { createVault } from '../../support/vault.js';

const SECRET = 'canary+secret/with=signs&more %';
const TOKEN = 'canary/token+with=signs&more %';
const INVALID = 'upstream_invalid_response';
const issuer = useIssuer();
const serve = useTcpServers();
const opened: Http[] = [];
afterEach(() => {
  jest.useRealTimers();
  for (const http of opened.splice(0)) http.close();
});

function open(source: AppSecretSource = SECRET, origin = issuer().url, timeout = 10_000): OidcEndpoints {
  const http = new Http({ origin, timeout });
  opened.push(http);
  const identity = { appId: APP_ID, tokenEndpointAuthMethod: 'client_secret_post' } as const;
  return new OidcEndpoints({ http, authentication: new ClientAuthentication(identity, new AppSecret(source)) });
}

type Name = 'refresh' | 'introspection' | 'revocation' | 'userInfo';
const CALLS: Record<Name, [path: string, call: (each: OidcEndpoints) => Promise<unknown>]> = {
  refresh: ['/oidc/token', (each) => each.requestRefresh(TOKEN)],
  introspection: ['/oidc/token/introspection', (each) => each.requestIntrospection(TOKEN, 'access_token')],
  revocation: ['/oidc/token/revocation', (each) => each.requestRevocation(TOKEN, 'refresh_token')],
  userInfo: ['/oidc/me', (each) => each.requestUserInfo(TOKEN)],
};

/** Calls an endpoint that replies this way. */
const run = (name: Name, reply: Reply, source?: AppSecretSource): Promise<unknown> => {
  issuer().reply(CALLS[name][0], reply);
  return CALLS[name][1](open(source));
};

it.each<[Name, object, unknown]>([
  ['refresh', { grant_type: 'refresh_token', refresh_token: TOKEN }, { access_token: 'a' }],
  ['introspection', { token: TOKEN, token_type_hint: 'access_token' }, '{"active":true}'.padEnd(1024 * 1024)],
  ['revocation', { token: TOKEN, token_type_hint: 'refresh_token' }, { statusCode: 299 }],
])('requests send the form of %s with the proof of the application', async (name, form, body) => {
  await run(name, { body });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const sent = new URLSearchParams({ ...form, client_id: APP_ID, client_secret: SECRET }).toString();
  expect(issuer().requests).toMatchObject([{ method: 'POST', path: CALLS[name][0], headers, body: sent }]);
});

it('requests send the access token alone for user info', async () => {
  expect(await run('userInfo', { body: { sub: 'alice', email: null } })).toEqual({ sub: 'alice', email: null });
  const headers = { authorization: `Bearer ${TOKEN}` };
  expect(issuer().requests).toMatchObject([{ method: 'GET', path: '/oidc/me', headers, body: '' }]);
  expect(findLeaks(issuer().requests, [SECRET])).toEqual([]);
});

it.each<[Name, number]>([
  ['introspection', 5000],
  ['userInfo', 5000],
  ['refresh', 60_000],
])('requests for %s with the option timeout 60,000 wait %i ms', async (name, limit) => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date'] });
  const arrived = new Gate();
  const silent = await serve(() => arrived.open());
  const failing = catchError(CALLS[name][1](open(SECRET, silent.url, 60_000)));
  await arrived.opened;
  await jest.advanceTimersByTimeAsync(60_000);
  expect(await failing).toMatchObject({ code: 'upstream_timeout', details: { limit } });
});

it.each<[Reply]>([
  [{ body: { error: 'invalid_client' } }],
  [{ status: 400, body: { error: 'invalid_client' } }],
  [{ status: 499, body: { message: 'the method is not none' } }],
  [{ body: { statusCode: 499 } }],
  [{ status: 401, body: { statusCode: 403 } }],
  [{ body: { statusCode: 401, message: 'client authentication failed' } }],
])('throws a ConfigurationError if the new secret of the application is refused too by %j', async (reply) => {
  const error = await catchError(run('introspection', reply, createVault('old', SECRET).source));
  const message = expect.stringContaining('at /oidc/token/introspection: ');
  expect(error).toMatchObject({ name: 'ConfigurationError', code: 'client_authentication_failed', message });
  expect([findLeaks(error, [SECRET, TOKEN]), issuer().count()]).toEqual([[], 2]);
});

const DOWN = { code: 'upstream_unavailable' };
it.each<[string, Reply, object]>([
  ['HTTP 503 with Retry-After', { status: 503, headers: { 'retry-after': '7' } }, { ...DOWN, retryAfter: 7 }],
  ['statusCode 500', { body: { statusCode: 500 } }, DOWN],
  ['statusCode 300', { body: { statusCode: 300, active: true } }, { code: INVALID }],
  ['HTTP 300', { status: 300, body: { active: true } }, { code: INVALID }],
  ['HTTP 401 with another error', { status: 401, body: { error: 'invalid_token' } }, { code: INVALID }],
  ['an error with HTTP 200', { body: { error: 'server_error', active: true } }, { code: INVALID }],
  ['no active', { body: {} }, { code: INVALID }],
  ['more than 1 MiB', { body: 'x'.repeat(1024 * 1024 + 1) }, { code: INVALID, details: { limit: 1024 * 1024 } }],
])('an unusable response is an UpstreamError after one request: %s', async (_, reply, expected) => {
  const error = await catchError(run('introspection', reply));
  expect(error).toMatchObject({ name: 'UpstreamError', ...expected });
  expect([findLeaks(error, [SECRET, TOKEN]), issuer().count()]).toEqual([[], 1]);
});

it.each<[Name, string, string]>([
  ['refresh', 'POST /oidc/token', TOKEN],
  ['introspection', 'POST /oidc/token/introspection', SECRET],
  ['revocation', 'POST /oidc/token/revocation', TOKEN],
  ['userInfo', 'GET /oidc/me', TOKEN],
])('an unusable response for %s is an UpstreamError that names %s, and no secret', async (name, request, secret) => {
  const error = await catchError(run(name, { status: 403, body: { error: `access denied ${secret}` } }));
  const redacted = '"(redacted: it repeats a secret)"';
  const message = `GenAuth's response to ${request} cannot be used: HTTP 403, error ${redacted}.`;
  expect(error).toMatchObject({ code: INVALID, message, details: { request, httpStatus: 403 } });
  const down = await catchError(run(name, { body: { statusCode: 500 } }));
  expect(down.message).toBe(`GenAuth is not available: it answered ${request} with status 500.`);
});

it('requestRefresh returns no token of a body that is no object', async () => {
  expect(await run('refresh', { body: '"access_token"' })).toMatchObject({ accessToken: undefined });
});

it.each([
  [401, 'invalid_grant', { name: 'TokenVerificationError', code: 'refresh_token_refused', statusCode: 401 }],
  [400, 'unauthorized_client', { name: 'ConfigurationError', code: 'grant_not_allowed', statusCode: 500 }],
  [400, 'unsupported_grant_type', { name: 'ConfigurationError', code: 'grant_not_allowed', statusCode: 500 }],
])('requestRefresh is refused after HTTP %i with %s, without a repetition', async (status, error, expected) => {
  const body = { error, error_description: TOKEN };
  const thrown = await catchError(run('refresh', { status, body }, createVault('old', 'new').source));
  expect(thrown).toMatchObject(expected);
  expect([findLeaks(thrown, [TOKEN]), issuer().count()]).toEqual([[], 1]);
});

it('requestUserInfo returns undefined after insufficient_scope, and refuses a body that is no object', async () => {
  expect(await run('userInfo', { status: 403, body: { error: 'insufficient_scope' } })).toBeUndefined();
  expect(await catchError(run('userInfo', { body: '[{"sub":"alice"}]' }))).toMatchObject({ code: INVALID });
});

it.each<[Reply]>([
  [{ body: { statusCode: 401 } }],
  [{ status: 401, body: { statusCode: 403, error: 'insufficient_scope' } }],
  [{ status: 400, body: { error: 'invalid_token' } }],
])('requestUserInfo reports a revoked token after %j', async (reply) => {
  const error = await catchError(run('userInfo', reply));
  expect(error).toMatchObject({ code: 'token_revoked', statusCode: 401, details: { token: 'access_token' } });
  expect(findLeaks(error, [TOKEN])).toEqual([]);
});

it('shows neither the authorization code nor its secret, even if GenAuth sends them back', async () => {
  const grant = { code: `${TOKEN}-code`, codeVerifier: `${TOKEN}-verifier`, redirectUri: 'https://app.example.com/cb' };
  const texts = `${grant.code} ${grant.codeVerifier} ${SECRET}`;
  issuer().reply('/oidc/token', { status: 400, body: { statusCode: 400, message: texts, error_description: texts } });
  const error = await catchError(open().requestCodeExchange(grant));
  expect(error).toMatchObject({ code: 'upstream_invalid_response' });
  expect(findLeaks(error, [SECRET, TOKEN, grant.code, grant.codeVerifier])).toEqual([]);
});
