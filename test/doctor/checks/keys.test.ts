import { checkDiscovery } from '../../../src/doctor/checks/discovery.js';
import { checkKeys } from '../../../src/doctor/checks/keys.js';
import { APP_ID, DISCOVERY_PATH, type Issuer, JWKS_PATH, useIssuer } from '../../support/issuer.js';
import { createRsaKey } from '../../support/rsa-key.js';
import { createAlgorithmKey } from '../../support/signing-key.js';
import { useTcpServers } from '../../support/tcp-server.js';
import { expectFindings, useContexts } from '../support.js';

const issuer = useIssuer();
const serve = useTcpServers();
const createContext = useContexts();
const small = createRsaKey({ bits: 1024, kid: 'small' }).jwk;
const { jwk } = createRsaKey({ kid: 'good' });
const ecKey = createAlgorithmKey('ES256').jwk;

async function check(changes: object | void) {
  const context = createContext({ appHost: issuer().url, ...changes });
  await checkDiscovery(context);
  return checkKeys(context);
}
const KEYS = `http://HOST${JWKS_PATH}`;
const discover = (at: Issuer, changes: object): void =>
  at.reply(DISCOVERY_PATH, { body: { issuer: at.issuer, jwks_uri: at.url + JWKS_PATH, ...changes } });

test.each<[title: string, arrange: (at: Issuer) => object | void, part: string]>([
  ['another issuer', (at) => discover(at, { issuer: 'x' }), `could not be loaded. The key set is at ${KEYS}. Fix disc`],
  ['a wrong address', (at) => discover(at, { jwks_uri: `${at.url}/x` }), `at ${KEYS}. Set GENAUTH_JWKS_URI=${KEYS}`],
  ['a wrong option jwksUri', (at) => ({ jwksUri: `${at.url}/wrong` }), ` Set GENAUTH_JWKS_URI=${KEYS}`],
  ['a missing key set', (at) => at.reply(JWKS_PATH, { status: 404 }), 'not found at any other known address. Fix'],
  ['a list of keys', (at) => at.reply(JWKS_PATH, { body: [] }), 'not found at any other known address. Fix'],
])('reports a key set that cannot be loaded because of %s', async (_title, arrange, part) => {
  expectFindings(await check(arrange(issuer())), 'jwks_unusable', part);
});

const MANY = Array.from({ length: 21 }, (_, i) => ({ ...small, kid: `key-${i}` }));
test.each<[title: string, keys: readonly unknown[], outline: string, part: string]>([
  ['no key', [], 'keys_unusable', 'None of the 0 keys can verify RS256. '],
  ['a small key', [small], 'keys_unusable', ': kid "small" (kty "RSA", 1024 bits, exponent 65537). '],
  ['21 unusable keys', MANY, 'keys_unusable', 'kid "key-19" (kty "RSA", 1024 bits, exponent 65537). '],
  [
    'unusable keys beside a usable key',
    [jwk, { ...jwk, kid: 5, n: 5 }, { ...ecKey, alg: 'RS256', kid: 'ec' }, { ...small, alg: undefined, kid: '' }],
    'key_unusable',
    '3 of the 4 keys cannot verify RS256: kid 5 (kty "RSA", not a valid key); kid "ec" (kty "EC", prime256v1); kid ""',
  ],
  ['keys for other purposes', [jwk, { ...small, use: 'enc' }, ecKey, 7], 'ok keys', 'Every key can verify RS256. '],
])('judges a key set with %s', async (_title, keys, outline, part) => {
  issuer().reply(JWKS_PATH, { body: { keys } });
  expectFindings(await check(), outline, part);
});

test('names each address of the key set', async () => {
  const path = `/${APP_ID}${JWKS_PATH}`;
  issuer().reply(path, { body: { keys: [jwk] } });
  expectFindings(await check(), 'ok keys', `The key set is at ${JWKS_PATH} and ${path}.`);
});

test('requests a key set from the host of the option jwksUri, and from no other host', async () => {
  const [stranger, keys] = [await serve(), await serve((socket) => socket.end())];
  discover(issuer(), { jwks_uri: stranger.url });
  expectFindings(await check({ jwksUri: `${keys.url}/keys` }), 'jwks_unusable', `The key set is at ${KEYS}. `);
  expect([keys.connections > 0, stranger.connections]).toEqual([true, 0]);
});
