import { checkEnvironment } from '../../../src/doctor/checks/environment.js';
import { SECRET, expectFindings } from '../support.js';

const UNKNOWN = ['environment_unknown'];
const OVERRULED = ['environment_overrules_file'];
const BOTH = ['environment_unknown', 'trust_proxy_true'];
const OK = ['ok environment'];

type Variables = Record<string, string>;
test.each<[title: string, env: Variables, file: Variables, outline: string[], part: string]>([
  ['warns about a missing underscore', { GENAUTH_APPID: SECRET }, {}, UNKNOWN, 'Rename it to GENAUTH_APP_ID, or'],
  ['warns about an underscore too many', {}, { GEN_AUTH_SCOPE: SECRET }, UNKNOWN, 'Rename it to GENAUTH_SCOPE, or'],
  ['warns about the former name', { AUTHING_APP_HOST: 'x' }, {}, UNKNOWN, 'Rename it to GENAUTH_APP_HOST, or'],
  ['lists all names if none is similar', { GENAUTH_TIMEOUT: 'x' }, {}, UNKNOWN, 'one of GENAUTH_APP_ID, GENAUTH'],
  ['warns about another value', { GENAUTH_APP_ID: 'x' }, { GENAUTH_APP_ID: 'y' }, OVERRULED, 'unset GENAUTH_APP_ID'],
  ['reports each mistake', { GENAUTH_APPID: 'x' }, { TRUST_PROXY: 'true' }, BOTH, 'TRUST_PROXY=1'],
  ['accepts the same value twice', { GENAUTH_SCOPE: 'x' }, { GENAUTH_SCOPE: 'x' }, OK, '1 variable of passport'],
  ['ignores other variables', { TRUST_PROXY: '1', HTTPS_PROXY: 'x', GEN: 'x' }, {}, OK, '0 variables of pass'],
])('%s', (_title, env, file, outline, part) => {
  expectFindings(checkEnvironment(env, file), outline, part);
});
