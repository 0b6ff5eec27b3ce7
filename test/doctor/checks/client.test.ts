import { checkClient } from '../../../src/doctor/checks/client.js';
import type { GenAuthEmulatorOptions } from '../../../src/emulator/index.js';
import { type Reply, useIssuer } from '../../support/issuer.js';
import { SECRET, expectFindings, useContexts, useEmulators } from '../support.js';

const emulate = useEmulators();
const issuer = useIssuer();
const createContext = useContexts();
const REFUSED = 'client_refused @ endpoint information';
const METHOD = 'client_method_wrong @ token-exchange authentication method';
const NO_GRANT = 'refresh_grant_off @ authorization mode';
const basic = { tokenEndpointAuthMethod: 'client_secret_basic' } as const;
const none = { tokenEndpointAuthMethod: 'none' } as const;

test.each<[title: string, tenant: GenAuthEmulatorOptions, changes: object, outline: string, part: string]>([
  ['accepts the right ID and secret', basic, basic, 'ok client', "application's ID and secret (client_secret_basic)."],
  ['accepts an ID alone', none, { ...none, appSecret: undefined }, 'ok client', "application's ID (none)."],
  ['reports a wrong secret', {}, { appSecret: 'wrong' }, REFUSED, 'set GENAUTH_APP_SECRET=<App secret>'],
  ['suggests basic', basic, {}, METHOD, 'Set GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD=client_secret_basic'],
  ['suggests post', {}, basic, METHOD, 'with client_secret_basic, but accepts it with client_secret_post.'],
])('%s, and makes no sign-in', async (_title, tenant, changes, outline, part) => {
  const emulator = await emulate(tenant);
  const { url: appHost, appId, appSecret } = emulator;
  expectFindings(await checkClient(createContext({ appId, appSecret, appHost, ...changes })), outline, part);
  expect(emulator.requests('signin')).toBe(0);
});

const [TOKEN, INTROSPECTION, REVOCATION] = ['/oidc/token', '/oidc/token/introspection', '/oidc/token/revocation'];
const fail = (status: number, error: string): Reply => ({ status, body: { error } });
const INVALID = fail(401, 'invalid_client');
const differs = (name: string): string => `client_method_differs @ ${name} authentication method`;
const offline = { scope: ['openid', 'offline_access'] };
const broken = {
  appSecret: (): never => {
    throw new Error(SECRET);
  },
};

test.each<[title: string, path: string, answer: Reply, options: object, outline: string, part: string]>([
  ['a refusal of the token as acceptance', TOKEN, fail(499, 'invalid_grant'), {}, 'ok client', ''],
  ['an answer without an error as acceptance', TOKEN, { status: 299, body: {} }, {}, 'ok client', ''],
  ['a refusal of refresh tokens', TOKEN, fail(400, 'unauthorized_client'), offline, NO_GRANT, ''],
  ['a refusal of refresh tokens without their scope', TOKEN, fail(400, 'unauthorized_client'), {}, 'ok client', ''],
  ['statusCode 401', TOKEN, { body: { statusCode: 401 } }, {}, REFUSED, ''],
  ['HTTP 300', TOKEN, { status: 300, body: {} }, {}, 'client_unclear', 'GenAuth answered HTTP 300.'],
  ['HTTP 500 with an error', TOKEN, fail(500, 'x'), {}, 'client_unclear', 'answered HTTP 500 and error "x".'],
  ['introspection', INTROSPECTION, INVALID, {}, differs('introspection'), `it at ${INTROSPECTION}.`],
  ['revocation', REVOCATION, INVALID, {}, differs('revocation'), 'Choose client_secret_post on'],
  ['an outage of introspection as acceptance', INTROSPECTION, { status: 503 }, {}, 'ok client', ''],
  ['a secret that cannot be loaded', TOKEN, {}, broken, 'client_unclear', 'appSecret'],
])('judges %s', async (_title, path, answer, options, outline, part) => {
  issuer().reply(TOKEN, fail(400, 'invalid_grant'));
  issuer().reply(path, answer);
  expectFindings(await checkClient(createContext({ appHost: issuer().url, ...options })), outline, part);
});

test('refreshes, introspects and revokes a token that does not exist', async () => {
  issuer().reply(TOKEN, fail(400, 'invalid_grant'));
  await checkClient(createContext({ appHost: issuer().url }));
  const NO_TOKEN = 'passport-genauth-doctor';
  const forms = issuer().requests.map(({ path, body }) => [path, Object.fromEntries(new URLSearchParams(body))]);
  expect(forms).toMatchObject([
    [TOKEN, { grant_type: 'refresh_token', refresh_token: NO_TOKEN }],
    [INTROSPECTION, { token: NO_TOKEN }],
    [REVOCATION, { token: NO_TOKEN }],
  ]);
});
