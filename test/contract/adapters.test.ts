import { STATUS_CODES } from 'node:http';
import type { Adapter, Answer, Authorization, Route } from '../support/adapters.js';
import { startAdapters, toExpected } from '../support/adapters.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { JWKS_PATH, type Reply, SIGN_IN_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { USER_INFO_PATH, bearer } from '../support/marked-routes.js';
import { rejection } from '../support/rejection.js';

failOnUnhandledRejections();
const issuer = useIssuer();
let adapters: readonly Adapter[];
let close: () => unknown;
beforeAll(async () => {
  ({ adapters, close } = await startAdapters(issuer().clientOptions));
});
afterAll(() => close());

/** Sends a request to each of these adapters, and expects one and the same response. */
async function expectSame<A extends Adapter>(
  asked: readonly A[],
  expected: Answer,
  ask: (adapter: A) => Promise<Answer>,
): Promise<void> {
  const seen = await Promise.all(asked.map(async (adapter) => [adapter.name, await ask(adapter)]));
  expect(seen).toEqual(asked.map(({ name, kind }) => [name, toExpected(kind, expected)]));
}
function expectGuarded(expected: Answer, authorization: Authorization, route: Route = 'me'): Promise<void> {
  const asked = adapters.filter(({ routes = [route] }) => routes.includes(route));
  return expectSame(asked, expected, ({ guard }) => guard(authorization, route));
}
function expectLogin(expected: Answer, kind: 'password' | 'ad', body: object): Promise<void> {
  const asked = adapters.filter((adapter): adapter is Required<Adapter> => adapter.login !== undefined);
  return expectSame(asked, expected, ({ login }) => login(kind, body));
}

const NO_STORE = { 'cache-control': 'no-store' };
const refused = (status: number, code: string, headers: object = {}, more: object = {}): Answer => ({
  status,
  headers: { ...NO_STORE, ...headers },
  body: { statusCode: status, error: STATUS_CODES[status], message: expect.any(String), code, ...more },
});
const challenge = (more = ''): object => ({ 'www-authenticate': `Bearer realm="genauth"${more}` });
const MISSING = refused(401, 'token_missing', challenge());
const DESCRIPTION = 'The access token is malformed, expired, or not valid for this service';
const INVALID = refused(401, 'invalid_token', challenge(`, error="invalid_token", error_description="${DESCRIPTION}"`));
const SCOPES = challenge(', error="insufficient_scope", scope="email orders:read"');
const NO_SCOPE = refused(403, 'insufficient_scope', SCOPES);
const NO_ROLE = refused(403, 'insufficient_role');
const UNAVAILABLE = refused(503, 'upstream_unavailable', { 'retry-after': '5' });
const OTHER_TENANT = refused(403, 'tenant_mismatch');
const passes = (claims: object = {}): Answer => ({
  status: 200,
  headers: {},
  body: { user: { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: null, ...claims } },
});

const token = (claims: object = {}) => bearer(issuer(), claims);
const having = (claims: object) => () => token(claims);

it.each<[title: string, make: () => Authorization, expected: Answer, route?: Route]>([
  ['accepts a valid token', token, passes()],
  ['refuses a request without a token', () => undefined, MISSING],
  ['refuses text that is not a token', () => 'Bearer a.b.c', INVALID],
  ['refuses two tokens in one header', () => `${token()}, ${token()}`, INVALID],
  ['refuses two Authorization headers', () => [token(), token()], INVALID],
  ['refuses an expired token', having({ iat: 1000, exp: 2000 }), INVALID],
  ['refuses a changed signature', () => `${token().slice(0, -6)}AAAAAA`, INVALID],
  ['refuses an id_token', () => `Bearer ${issuer().sign(issuer().idTokenClaims())}`, INVALID],
  ['serves an anonymous request', () => undefined, { status: 200, headers: {}, body: { user: null } }, 'optional'],
  ['refuses an invalid token of an optional route', () => 'Bearer a.b.c', INVALID, 'optional'],
  ['refuses a missing scope', having({ scope: 'openid email' }), NO_SCOPE, 'scopes'],
  ['accepts one of two scopes', having({ scope: 'email' }), passes({ scope: ['email'] }), 'anyScope'],
  ['accepts one of two roles', having({ roles: ['auditor'] }), passes(), 'roles'],
  ['refuses one role of two that are required', having({ roles: ['admin'] }), NO_ROLE, 'allRoles'],
  ['refuses another tenant', having({ tenant_id: 'tenant-2' }), OTHER_TENANT, 'tenant'],
  ['accepts the tenant', having({ tenant_id: 'tenant-1' }), passes({ tenant_id: 'tenant-1' }), 'tenant'],
])('%s', async (...[, make, expected, route]) => {
  await expectGuarded(expected, make(), route);
});

it.each<[title: string, userInfo: Reply, expected: Answer]>([
  ['reads roles from user info', { body: { sub: SUBJECT, roles: ['admin'] } }, passes()],
  ['answers 503 if user info fails', { status: 503 }, UNAVAILABLE],
  ['refuses a token that user info refuses', { status: 401 }, INVALID],
])('%s', async (title, userInfo, expected) => {
  issuer().reply(USER_INFO_PATH, userInfo);
  await expectGuarded(expected, token({ jti: title }), 'roles');
});

it('keeps the users of parallel requests apart', async () => {
  const subjects = Array.from({ length: 10 }, (_, i) => `user-${i}`);
  const requests = adapters.flatMap(({ guard }) => subjects.map((sub) => guard(token({ sub }), 'me')));
  const answers = await Promise.all(requests);
  expect(answers).toMatchObject(adapters.flatMap(() => subjects.map((sub) => ({ body: { user: { sub } } }))));
});

const MFA = { mfaToken: 'mfa-1', applicationMfa: [{ mfaPolicy: 'SMS', status: 1, sort: 0 }] };
const ID = { requestId: 'request-1' };
const { applicationMfa } = MFA;
const MFA_REQUIRED = refused(403, 'mfa_required', {}, { applicationMfa, ...ID });
const ALICE = { account: 'alice', password: 'p' };
const AD = { sAMAccountName: 'alice', password: 'p' };

it.each<[title: string, kind: 'password' | 'ad', body: object, reply: Reply, expected: Answer]>([
  ['refuses a wrong password', 'password', ALICE, rejection(403, 2333), refused(401, 'invalid_credentials', {}, ID)],
  ['refuses a missing password', 'password', { account: 'alice' }, {}, refused(400, 'invalid_request')],
  ['asks for a second factor', 'password', ALICE, rejection(301, 1636, MFA), MFA_REQUIRED],
  ['reports an outage', 'password', ALICE, { reset: true }, UNAVAILABLE],
  ['reports an unknown response', 'ad', AD, { body: '<p>' }, refused(502, 'upstream_invalid_response')],
  ['reports a refused application', 'password', ALICE, rejection(401), refused(500, 'configuration_error')],
])('%s', async (_title, kind, body, reply, expected) => {
  issuer().reply(SIGN_IN_PATH, reply);
  await expectLogin(expected, kind, body);
});

it.each([['password', ALICE] as const, ['ad', AD] as const])('signs in by %s', async (kind, body) => {
  issuer().replySignIn();
  const user = expect.objectContaining({ sub: SUBJECT }) as object;
  await expectLogin({ status: 200, headers: NO_STORE, body: { user } }, kind, body);
});

// This test starts other applications, so it is the last.
it('answers 503 if the keys are missing, and still 401 to text that is not a token', async () => {
  issuer().reply(JWKS_PATH, { status: 503, headers: { 'retry-after': '9' } });
  await close();
  ({ adapters, close } = await startAdapters(issuer().clientOptions));
  await expectGuarded(refused(503, 'upstream_unavailable', { 'retry-after': '9' }), token());
  await expectGuarded(INVALID, 'Bearer a.b.c');
});
