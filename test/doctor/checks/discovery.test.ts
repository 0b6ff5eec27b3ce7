import { checkDiscovery } from '../../../src/doctor/checks/discovery.js';
import { DISCOVERY_PATH, JWKS_PATH, type Reply, useIssuer } from '../../support/issuer.js';
import { SECRET, expectFindings, useContexts } from '../support.js';

const issuer = useIssuer();
const createContext = useContexts();
const OK = ['ok discovery'];
const UNUSABLE = ['discovery_unusable @ endpoint information'];
const MISSING = ['discovery_missing @ endpoint information'];
const ISSUER = ['issuer_mismatch @ endpoint information'];
const FOREIGN = ['jwks_uri_foreign'];
const OFFERS = ['algorithm_not_offered @ id_token signature algorithm', 'scope_unknown @ OIDC scopes'];
const OTHER_KEYS = 'https://keys.invalid/jwks';

/** The right discovery document with changes. */
const change = (changes: object) => (): Reply => ({
  body: { issuer: issuer().issuer, jwks_uri: issuer().url + JWKS_PATH, ...changes },
});
const offer = (alg: string, ...scopes: string[]) =>
  change({ id_token_signing_alg_values_supported: [alg], scopes_supported: ['openid', ...scopes] });

type Row = [title: string, answer: () => Reply, outline: string[], part: string, options?: object];
test.each<Row>([
  ['the right document', change({}), OK, 'The issuer is http://HOST/oidc, as the options expect.'],
  ['a page', () => ({ body: `<html>${SECRET}` }), UNUSABLE, ''],
  ['HTTP 403 and an object', () => ({ status: 403, body: {} }), UNUSABLE, 'was answered with HTTP 403.'],
  ['an array', () => ({ body: [] }), UNUSABLE, 'was answered with HTTP 200 and no JSON object.'],
  ['HTTP 404', () => ({ status: 404 }), MISSING, 'Set GENAUTH_APP_HOST=https://<app>.g'],
  ['an issuer of 511 characters', change({ issuer: 'x'.repeat(511) }), ISSUER, `ISSUER=${'x'.repeat(511)}`],
  ['an issuer of 512 characters', change({ issuer: 'x'.repeat(512) }), ISSUER, 'ISSUER=<issuer>'],
  ['an issuer that a shell would run', change({ issuer: 'https://x;reboot' }), ISSUER, 'ISSUER=<issuer>'],
  ['an issuer that repeats the secret', change({ issuer: SECRET }), ISSUER, 'is "[hidden]", but'],
  ['a key set on another host', change({ jwks_uri: OTHER_KEYS }), FOREIGN, `set GENAUTH_JWKS_URI=${OTHER_KEYS}`],
  ['a key set with the option jwksUri', change({ jwks_uri: OTHER_KEYS }), OK, '', { jwksUri: 'https://x.invalid/k' }],
  ['no key set', change({ jwks_uri: undefined }), FOREIGN, 'is at undefined, which'],
  ['an address that is no URL', change({ jwks_uri: '/keys' }), FOREIGN, 'is at "/keys"'],
  ['another algorithm and other scopes', offer('HS256', 'email'), OFFERS, 'Set GENAUTH_SCOPE=openid email'],
  ['the algorithm and the scopes of the options', offer('RS256', 'email', 'emial'), OK, ''],
])('judges %s', async (...[, answer, outline, part, options]) => {
  issuer().reply(DISCOVERY_PATH, answer());
  const context = createContext({ appHost: issuer().url, scope: ['openid', 'email', 'emial'], ...options });
  expectFindings(await checkDiscovery(context), outline, part);
});
