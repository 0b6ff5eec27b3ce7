import { checkConnection } from '../../../src/doctor/checks/connection.js';
import { checkDiscovery } from '../../../src/doctor/checks/discovery.js';
import { DISCOVERY_PATH, JWKS_PATH, type Reply, useIssuer } from '../../support/issuer.js';
import { SECRET, examine, expectFindings, useContexts } from '../support.js';

const issuer = useIssuer();
const createContext = useContexts();
const OK = ['ok discovery'];
const UNUSABLE = ['discovery_unusable @ endpoint information'];
const ISSUER = ['issuer_mismatch @ endpoint information'];
const FOREIGN = ['jwks_uri_foreign'];
const OFFERS = ['algorithm_not_offered @ id_token signature algorithm', 'scope_unknown @ OIDC scopes'];

/** The right discovery document with changes. */
const change =
  (changes: (url: string) => object): (() => Reply) =>
  () => ({ body: { issuer: issuer().issuer, jwks_uri: issuer().url + JWKS_PATH, ...changes(issuer().url) } });
const HS256 = { id_token_signing_alg_values_supported: ['HS256'], scopes_supported: ['openid', 'email'] };
const RS256 = { id_token_signing_alg_values_supported: ['RS256'], scopes_supported: ['openid', 'email', 'emial'] };

test.each<[title: string, answer: () => Reply, outline: string[], part: string]>([
  ['the right document', change(() => ({})), OK, 'The issuer is http://HOST/oidc, as the options expect.'],
  ['HTTP 500', () => ({ status: 500, body: SECRET }), UNUSABLE, '500'],
  ['HTTP 403 and an object', () => ({ status: 403, body: {} }), UNUSABLE, 'was answered with HTTP 403.'],
  ['an array', () => ({ body: [] }), UNUSABLE, 'was answered with HTTP 200 and no JSON object.'],
  ['a page', () => ({ body: `<html>${SECRET}` }), UNUSABLE, ''],
  ['a document that is too large', change(() => ({ x: 'x'.repeat(300_000) })), UNUSABLE, ''],
  ['a compressed document', () => ({ headers: { 'content-encoding': 'gzip' }, body: {} }), UNUSABLE, ''],
  [
    'HTTP 404',
    () => ({ status: 404 }),
    ['discovery_missing @ endpoint information'],
    'Set GENAUTH_APP_HOST=https://<app>.g',
  ],
  ['an issuer with a slash', change((url) => ({ issuer: `${url}/oidc/` })), ISSUER, 'ISSUER=http://HOST/oidc/'],
  ['an issuer of 511 characters', change(() => ({ issuer: 'x'.repeat(511) })), ISSUER, `ISSUER=${'x'.repeat(511)}`],
  ['an issuer of 512 characters', change(() => ({ issuer: 'x'.repeat(512) })), ISSUER, 'ISSUER=<issuer>'],
  ['an issuer that a shell would run', change((url) => ({ issuer: `${url};reboot` })), ISSUER, 'ISSUER=<issuer>'],
  ['an issuer that repeats the secret', change(() => ({ issuer: SECRET })), ISSUER, 'is "[hidden]", but'],
  [
    'a key set on another host',
    change(() => ({ jwks_uri: 'https://x/jwks' })),
    FOREIGN,
    'set GENAUTH_JWKS_URI=https://x/jwks',
  ],
  ['no key set', change(() => ({ jwks_uri: undefined })), FOREIGN, 'is at undefined, which'],
  ['another algorithm and other scopes', change(() => HS256), OFFERS, 'Set GENAUTH_SCOPE=openid email'],
  ['another algorithm', change(() => HS256), OFFERS, 'but the options expect RS256. Choose RS256 on'],
  ['the algorithm and the scopes of the options', change(() => RS256), OK, ''],
])('judges %s', async (_title, answer, outline, part) => {
  issuer().reply(DISCOVERY_PATH, answer());
  const context = createContext({ appHost: issuer().url, scope: ['openid', 'email', 'emial'] });
  expectFindings(await examine(context, checkConnection, checkDiscovery), outline, part);
});

test('accepts a key set on another host with the option jwksUri', async () => {
  issuer().reply(DISCOVERY_PATH, change(() => ({ jwks_uri: 'https://keys.invalid/jwks' }))());
  const context = createContext({ appHost: issuer().url, jwksUri: 'https://keys.invalid/other' });
  expectFindings(await examine(context, checkDiscovery), OK);
});
