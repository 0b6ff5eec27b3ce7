import fc from 'fast-check';
import { ConfigurationError } from '../../../src/core/errors.js';
import { resolveOptions } from '../../../src/core/options/resolve-options.js';
import { parseDiscoveryDocument, toKeySetPath } from '../../../src/core/tokens/discovery.js';
import { propertyRuns } from '../../support/property.js';
import { catchThrown } from '../../support/thrown.js';

const HOST = 'https://tenant.example';
const EXPECTED = [`${HOST}/oidc`, `${HOST}/app/oidc`];
const TENANT = { appHost: HOST, issuer: EXPECTED };
const parse = (body: unknown, status = 200, issuer: readonly string[] = EXPECTED): unknown =>
  parseDiscoveryDocument({ status, body, retryAfter: undefined }, { appHost: HOST, issuer });

it.each(EXPECTED)('a discovery document may have the issuer %s and no other member', (issuer) => {
  expect(parse({ issuer })).toEqual({ issuer });
});

it.each<[string, unknown, status?: number]>([
  ['HTTP 404', { issuer: EXPECTED[0] }, 404],
  ['HTTP 201', { issuer: EXPECTED[0] }, 201],
  ['no JSON', undefined],
  ['a list', [{ issuer: EXPECTED[0] }]],
  ['an envelope', { statusCode: 499, apiCode: 2000 }],
  ['an issuer that is no string', { issuer: [EXPECTED[0]] }],
])('an answer with %s is no discovery document', (_title, body, status = 200) => {
  expect(parse(body, status)).toBeUndefined();
});

it('the document of a shared host is left aside if the option issuer is on a different host', () => {
  expect(parse({ issuer: `${HOST}/oidc` }, 200, ['https://pool.example/oidc'])).toBeUndefined();
});

it.each([
  [['https://tenant.example/other'], 'https://tenant.example/oidc'],
  [['http://tenant.example/oidc'], 'https://tenant.example/oidc'],
  [EXPECTED, 'https://pool.example/oidc'],
  [EXPECTED, `${HOST}/oidc/`],
])('a document is refused if the options expect %j and it has %s', (expected, issuer) => {
  const error = catchThrown(() => parse({ issuer }, 200, expected));
  const shown = expected.length === 1 ? expected[0] : expected;
  expect(error).toMatchObject({
    code: 'discovery_issuer_mismatch',
    statusCode: 500,
    details: { expected: shown, actual: issuer },
    message:
      `The discovery document of ${HOST} has the issuer "${issuer}", but this client expects ` +
      `${JSON.stringify(shown).replace(',', ', ')}: ` +
      'correct appHost, or set the option issuer to the claim iss of the tokens.',
  });
});

it.each([
  [HOST, `${HOST}/keys.json?tenant=1`, '/keys.json?tenant=1'],
  [HOST, 'https://TENANT.example:443/a', '/a'],
  [HOST, 'http://tenant.example/a', '/a'],
  [HOST, 'http://tenant.example:8080/a', '/a'],
  ['http://127.0.0.1:3999', 'http://127.0.0.1:3999/a', '/a'],
])('the key set of %s at %s is requested from the same host', (appHost, address, path) => {
  expect(toKeySetPath({ jwks_uri: address }, { appHost, issuer: [appHost] })).toBe(path);
});

it.each<[title: string, address: unknown, issuer: string]>([
  ['no jwks_uri', undefined, `${HOST}/oidc`],
  ['jwks_uri null', null, `${HOST}/oidc`],
  ['the key set of a tenant that shares this host', 'https://pool.example/jwks', 'https://pool.example/oidc'],
])('a discovery document with %s names no key set on this host', (_title, address, issuer) => {
  expect(toKeySetPath({ jwks_uri: address }, { appHost: HOST, issuer: [issuer] })).toBeUndefined();
});

const SET_IT = 'if this address is correct, set the option jwksUri to it.';
const ASK = 'ask the operator of this GenAuth server to correct it, or set the option jwksUri to the https address';
it.each<[string, unknown, string]>([
  ['another https host', 'https://keys.example/jwks', SET_IT],
  ['another port', `${HOST}:8443/jwks`, SET_IT],
  ['another http host', 'http://keys.example/jwks', ASK],
  ['a host with a user name', `${HOST}@keys.example/jwks`, ASK],
  ['another host with a query', 'https://keys.example/jwks?tenant=1', ASK],
  ['a path', '/jwks', ASK],
  ['a path with two slashes', `${HOST}//keys.example/jwks`, ASK],
  ['a list', [`${HOST}/jwks`], ASK],
])('a jwks_uri with %s is refused, with a fix that the options accept', (_title, address, fix) => {
  const error = catchThrown(() => toKeySetPath({ jwks_uri: address }, TENANT));
  expect(error).toMatchObject({ code: 'discovery_jwks_uri_refused', details: { expected: HOST, actual: address } });
  expect(error).toHaveProperty('message', expect.stringContaining(`which is not on that host: ${fix}`));
});

it('http behind http is not the same host if the port differs', () => {
  const options = { appHost: 'http://127.0.0.1:2', issuer: ['http://127.0.0.1:2/oidc'] };
  const refuse = (): unknown => toKeySetPath({ jwks_uri: 'http://127.0.0.1:1/a' }, options);
  expect(catchThrown(refuse)).toMatchObject({ code: 'discovery_jwks_uri_refused' });
});

it('every address that the error offers as the option jwksUri is accepted by the options', () => {
  const given = { appId: 'app', appSecret: 'secret', appHost: HOST };
  const addresses = fc.oneof(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.string());
  const property = fc.property(addresses, fc.constantFrom('', 'http:', 'user@'), (url, change) => {
    const address = url.replace(change === 'http:' ? 'https:' : '//', change === 'http:' ? change : `//${change}`);
    const error = catchThrown(() => toKeySetPath({ jwks_uri: address }, TENANT)) as ConfigurationError;
    const offered = error.message.endsWith(SET_IT) ? [address] : [];
    const refused = offered.filter(
      (jwksUri) => catchThrown(() => resolveOptions({ ...given, jwksUri })) instanceof Error,
    );
    expect([error.code, refused]).toEqual(['discovery_jwks_uri_refused', []]);
  });
  fc.assert(property, propertyRuns(200));
});
