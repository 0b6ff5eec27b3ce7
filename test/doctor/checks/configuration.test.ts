import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { checkConfiguration } from '../../../src/doctor/checks/configuration.js';
import { readOptions } from '../../../src/doctor/environment.js';
import { PROXY_USER } from '../../support/canary.js';
import { SECRET, expectFindings } from '../support.js';

const RIGHT = { GENAUTH_APP_ID: 'app', GENAUTH_APP_SECRET: SECRET, GENAUTH_APP_HOST: 'https://tenant.example' };
const CODE = 'configuration_invalid';

test.each([
  ['GENAUTH_APP_ID', '', '<App ID>', ' @ endpoint information'],
  ['GENAUTH_APP_SECRET', `${SECRET}\n`, '<App secret>', ' @ endpoint information'],
  ['GENAUTH_APP_HOST', `https://${PROXY_USER}x`, 'https://<app>.genauth.ai', ' @ endpoint information'],
  ['GENAUTH_SCOPE', 'profile email', 'openid profile', ''],
  ['GENAUTH_PASSWORD_ENCRYPT_TYPE', 'RSA', 'none', ''],
  ['GENAUTH_ID_TOKEN_ALG', 'none', 'RS256', ' @ id_token signature algorithm'],
  ['GENAUTH_TOKEN_ENDPOINT_AUTH_METHOD', 'basic', 'client_secret_post', ' @ token-exchange authentication method'],
  ['GENAUTH_ISSUER', 'tenant', 'https://<app>.genauth.ai/oidc', ' @ endpoint information'],
  ['GENAUTH_JWKS_URI', 'keys', 'https://<app>.genauth.ai/oidc/.well-known/jwks.json', ''],
  ['GENAUTH_PROXY', `socks://${PROXY_USER}x`, 'http://proxy.example.com:3128', ''],
])('reports an invalid %s with a line to copy', (variable, value, example, page) => {
  const { options, found } = checkConfiguration(readOptions({ ...RIGHT, [variable]: value }), 'environment');
  expectFindings(found, [CODE + page], ` Set ${variable}=${example}`);
  expect(options).toBeUndefined();
});

const OPTIONS = { appId: 'app', appSecret: SECRET, appHost: 'https://tenant.example' };
test.each<[title: string, given: unknown, outline: string[], part: string]>([
  [
    'shows a line of code',
    { ...OPTIONS, appHost: 'x' },
    [`${CODE} @ endpoint information`],
    "Set the option appHost: 'https:",
  ],
  ['reports an unknown option', { ...OPTIONS, clientId: 'app' }, [CODE], 'write appId. Write appId.'],
  ['reports an option without a variable', { ...OPTIONS, jwks: { maxAge: 1 } }, [CODE], '. Write a whole'],
  ['reports each mistake', { ...OPTIONS, clientId: 'app', timeout: 'x' }, [CODE, CODE], 'timeout'],
  ['reports options that are not an object', 'nothing', [CODE], ''],
  ['accepts valid options', OPTIONS, ['ok configuration'], 'Alg RS256, passwordEncryptType none, scope openid'],
])('%s for options from code', (_title, given, outline, part) => {
  expectFindings(checkConfiguration(given as GenAuthOptions, 'code').found, outline, part);
});

test('returns the options with their defaults', () => {
  const { options } = checkConfiguration(readOptions({ ...RIGHT, OTHER: 'x' }), 'environment');
  expect(options).toMatchObject({ appId: 'app', appHost: 'https://tenant.example', scope: ['openid', 'profile'] });
});
