import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { checkConfiguration } from '../../../src/doctor/checks/configuration.js';
import { readOptions } from '../../../src/doctor/environment.js';
import { PROXY_USER } from '../../support/canary.js';
import { SECRET, expectFindings } from '../support.js';

const RIGHT = { GENAUTH_APP_ID: 'app', GENAUTH_APP_SECRET: SECRET, GENAUTH_APP_HOST: 'https://tenant.example' };
const CODE = 'configuration_invalid';
const ENDPOINTS = `${CODE} @ endpoint information`;

test.each([
  ['GENAUTH_APP_ID', '', '<App ID>', ENDPOINTS],
  ['GENAUTH_APP_SECRET', `${SECRET}\n`, '<App secret>', ENDPOINTS],
  ['GENAUTH_APP_HOST', `https://${PROXY_USER}x`, 'https://<app>.genauth.ai', ENDPOINTS],
  ['GENAUTH_SCOPE', 'profile email', 'openid profile', CODE],
  ['GENAUTH_PASSWORD_ENCRYPT_TYPE', 'RSA', 'none', CODE],
  ['GENAUTH_ID_TOKEN_ALG', 'none', 'RS256', `${CODE} @ id_token signature algorithm`],
  ['GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD', 'x', 'client_secret_post', `${CODE} @ token-exchange authentication method`],
  ['GENAUTH_ISSUER', 'tenant', 'https://<app>.genauth.ai/oidc', ENDPOINTS],
  ['GENAUTH_JWKS_URI', 'keys', 'https://<app>.genauth.ai/oidc/.well-known/jwks.json', CODE],
  ['GENAUTH_PROXY', `socks://${PROXY_USER}x`, 'http://proxy.example.com:3128', CODE],
])('reports an invalid %s with a line to copy', (variable, value, example, outline) => {
  const { options, found } = checkConfiguration(readOptions({ ...RIGHT, [variable]: value }), 'environment');
  expectFindings(found, outline, ` Set ${variable}=${example}`);
  expect(options).toBeUndefined();
});

const OPTIONS = { appId: 'app', appSecret: SECRET, appHost: 'https://tenant.example' };
test.each<[title: string, given: object, outline: string[], part: string]>([
  ['shows a line of code', { ...OPTIONS, appHost: 'x' }, [ENDPOINTS], "Set the option appHost: 'https:"],
  ['reports each mistake', { ...OPTIONS, clientId: 'app', timeout: 'x' }, [CODE, CODE], 'write appId. Write appId.'],
  ['accepts valid options', OPTIONS, ['ok configuration'], 'Alg RS256, passwordEncryptType none, scope openid profile'],
])('%s for options from code', (_title, given, outline, part) => {
  expectFindings(checkConfiguration(given as GenAuthOptions, 'code').found, outline, part);
});
