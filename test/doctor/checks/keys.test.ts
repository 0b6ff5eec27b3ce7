import { checkDiscovery } from '../../../src/doctor/checks/discovery.js';
import { checkKeys } from '../../../src/doctor/checks/keys.js';
import { APP_ID, DISCOVERY_PATH, type Issuer, JWKS_PATH, type Reply, useIssuer } from '../../support/issuer.js';
import { createRsaKey } from '../../support/rsa-key.js';
import { createAlgorithmKey } from '../../support/signing-key.js';
import { useTcpServers } from '../../support/tcp-server.js';
import { SECRET, expectFindings, useContexts } from '../support.js';

const issuer = useIssuer();
const serve = useTcpServers();
const createContext = useContexts();
const small = createRsaKey({ bits: 1024, kid: 'small' }).jwk;
const { jwk } = createRsaKey({ kid: 'good' });
const ecKey = createAlgorithmKey('ES256').jwk;

/** The right discovery document with changes. */
const change =
  (changes: object) =>
  (at: Issuer): Reply => ({ body: { issuer: at.issuer, jwks_uri: at.url + JWKS_PATH, ...changes } });
async function check(changes: object = {}) {
  const context = createContext({ appHost: issuer().url, scope: ['openid', 'email', 'emial'], ...changes });
  const discovery = await checkDiscovery(context);
  return { discovery, keys: await checkKeys(context) };
}

const OK = ['ok discovery'];
const UNUSABLE = ['discovery_unusable @ endpoint information'];
const MISSING = ['discovery_missing @ endpoint information'];
const ISSUER = ['issuer_mismatch @ endpoint information'];
const FOREIGN = ['jwks_uri_foreign'];
const OFFERS = ['algorithm_not_offered @ id_token signature algorithm', 'scope_unknown @ OIDC scopes'];
const OTHER_KEYS = 'https://keys.invalid/jwks';
const offer = (alg: string, ...scopes: string[]) =>
  change({ id_token_signing_alg_values_supported: [alg], scopes_supported: ['openid', ...scopes] });

type Row = [title: string, answer: (at: Issuer) => Reply, outline: string[], part: string, options?: object];
test.each<Row>([
  ['the right document', change({}), OK, 'The issuer is http://HOST/oidc, as the options expect.'],
  ['a page', () => ({ body: `<html>${SECRET}` }), MISSING, 'HTTP 200 without an issuer; /'],
  ['HTTP 403 and an object', () => ({ status: 403, body: {} }), MISSING, `(${DISCOVERY_PATH}: HTTP 403; /`],
  ['HTTP 503', () => ({ status: 503 }), UNUSABLE, 'with HTTP 503.'],
  ['HTTP 404', () => ({ status: 404 }), MISSING, 'Set GENAUTH_APP_HOST=https://<app>.g'],
  ['a document that is too large', () => ({ body: 'x'.repeat(300_000) }), MISSING, 'larger than 262144 bytes'],
  [
    'a key set on a host without https',
    change({ jwks_uri: 'http://keys.invalid/' }),
    FOREIGN,
    'JWKS_URI=https://<host>',
  ],
  ['an issuer that is no address', change({ issuer: 'x' }), ISSUER, 'ISSUER=<issuer>'],
  ['no key set', change({ jwks_uri: undefined }), OK, ''],
  ['HS256 only', offer('HS256', 'email', 'emial'), OFFERS.slice(0, 1), 'Choose RS256 on the console page.'],
  ['an issuer of 512 characters', change({ issuer: 'x'.repeat(512) }), ISSUER, 'ISSUER=<issuer>'],
  ['an issuer that a shell would run', change({ issuer: 'https://x;reboot' }), ISSUER, 'ISSUER=<issuer>'],
  ['an issuer on another host', change({ issuer: 'https://x.example/oidc' }), ISSUER, 'set GENAUTH_ISSUER=<issuer>'],
  ['an issuer on this host', (at) => change({ issuer: `${at.url}/x` })(at), ISSUER, 'set GENAUTH_ISSUER=http://HOST/x'],
  ['an issuer that repeats the secret', change({ issuer: SECRET }), ISSUER, 'is "[hidden]", but'],
  ['a key set on another host', change({ jwks_uri: OTHER_KEYS }), FOREIGN, 'JWKS_URI=https://<host>/<p'],
  ['a key set with the option jwksUri', change({ jwks_uri: OTHER_KEYS }), OK, '', { jwksUri: 'https://x.invalid/k' }],
  ['an address that is no URL', change({ jwks_uri: '/keys' }), FOREIGN, 'is at "/keys"'],
  ['another algorithm and other scopes', offer('HS256', 'email'), OFFERS, 'Set GENAUTH_SCOPE=openid email'],
])('judges a discovery document with %s', async (...[, answer, outline, part, options]) => {
  issuer().reply(DISCOVERY_PATH, answer(issuer()));
  expectFindings((await check(options)).discovery, outline, part);
});

const KEYS = `http://HOST${JWKS_PATH}`;
test.each<[title: string, path: string, answer: (at: Issuer) => Reply, part: string]>([
  ['another issuer', DISCOVERY_PATH, change({ issuer: 'x' }), `not be loaded. The key set is at ${KEYS}. Fix disc`],
  ['no key set', JWKS_PATH, () => ({ status: 404 }), 'not found at any other known address. Fix'],
])('reports a key set that cannot be loaded because of %s', async (_title, path, answer, part) => {
  issuer().reply(path, answer(issuer()));
  expectFindings((await check()).keys, 'jwks_unusable', part);
});

test('proposes a working address instead of a wrong option jwksUri', async () => {
  const { keys } = await check({ jwksUri: `${issuer().url}/x` });
  expectFindings(keys, 'jwks_unusable', `Set GENAUTH_JWKS_URI=${KEYS}`);
});

test('finds a discovery document and a key set below the application ID', async () => {
  const { url, key } = issuer();
  const below = `${url}/${APP_ID}`;
  for (const path of [DISCOVERY_PATH, JWKS_PATH]) issuer().reply(path, { body: { statusCode: 499 } });
  issuer().reply(`/${APP_ID}${DISCOVERY_PATH}`, { body: { issuer: `${below}/oidc`, jwks_uri: below + JWKS_PATH } });
  issuer().reply(`/${APP_ID}${JWKS_PATH}`, { body: { keys: [key.jwk] } });
  const { discovery, keys } = await check();
  expectFindings(discovery, OK, `The issuer is http://HOST/${APP_ID}/oidc, as the options expect.`);
  expectFindings(keys, 'ok keys', `The key set is at /${APP_ID}${JWKS_PATH}.`);
});

test('judges a shared host by the option issuer', async () => {
  const { discovery, keys } = await check({ issuer: 'https://pool.example/oidc' });
  expectFindings(discovery, MISSING, 'HTTP 200 with the issuer "http://HOST/oidc"; /');
  expectFindings(discovery, MISSING, 'Compare issuer with the claim iss');
  expectFindings(keys, 'ok keys');
});

const OTHERS = [jwk, { ...jwk, kid: 5, n: 5 }, { ...ecKey, alg: 'RS256', kid: 'ec' }, { ...small, alg: undefined }];
const REASONS = ['kid 5 (kid is not a string of 1 to 256 characters)', 'kid "ec" (kty is "EC")', 'kid "small"'];
const LISTED = `cannot verify RS256: ${REASONS.join('; ')}`;
const APP_KEYS = `/${APP_ID}${JWKS_PATH}`;
const PLACES = `Every key can verify RS256. The key set is at ${JWKS_PATH}.`;
const MANY = Array.from({ length: 21 }, (_, i) => ({ ...small, kid: `key-${i}` }));
test.each<[title: string, keys: readonly unknown[], outline: string, part: string]>([
  ['no key', [], 'keys_unusable', 'None of the 0 keys can verify RS256. '],
  ['21 unusable keys', MANY, 'keys_unusable', 'kid "key-19" (the modulus has 1024 bits). '],
  ['unusable keys beside a usable key', OTHERS, 'key_unusable', `3 of the 4 keys ${LISTED}`],
  ['a key that repeats the secret', [{ ...jwk, kty: SECRET }], 'keys_unusable', 'kid "good" (kty is "[hidden]")'],
  ['keys for other purposes', [jwk, { ...small, use: 'enc' }, ecKey, 7], 'ok keys', PLACES],
])('judges a key set with %s', async (_title, keys, outline, part) => {
  for (const path of [JWKS_PATH, APP_KEYS]) issuer().reply(path, { body: { keys } });
  expectFindings((await check()).keys, outline, part);
});

test('requests a key set from the host of the option jwksUri, and from no other host', async () => {
  const [stranger, keys] = [await serve(), await serve((socket) => socket.end())];
  issuer().reply(DISCOVERY_PATH, change({ jwks_uri: stranger.url })(issuer()));
  expectFindings((await check({ jwksUri: `${keys.url}/keys` })).keys, 'jwks_unusable', `The key set is at ${KEYS}. `);
  expect([keys.connections > 0, stranger.connections]).toEqual([true, 0]);
});
