import type { Environment } from '../../core/options/environment.js';
import { CALLBACK_VARIABLE, VARIABLE_NAMES } from '../environment.js';
import { type Observation, ok, warning } from '../report.js';

/** Variables that are no options of a client. The first one chooses the emulator in the sample application. */
const OTHER_VARIABLES = ['GENAUTH_EMULATOR', CALLBACK_VARIABLE];
const ALL_NAMES = [...VARIABLE_NAMES, ...OTHER_VARIABLES];

/**
 * Finds environment variables with wrong names, environment variables that override the file, `TRUST_PROXY=true`, and
 * `NODE_TLS_REJECT_UNAUTHORIZED=0`.
 *
 * @param env - The environment variables. They override the variables of the file.
 * @param file - The variables of the file that the flag `--env` names.
 */
export function checkEnvironment(env: Environment, file: Environment = {}): Observation[] {
  const all = { ...file, ...env };
  const unknown = Object.keys(all).filter((name) => /^(GEN_?AUTH|AUTHING)_/.test(name) && !ALL_NAMES.includes(name));
  const overruled = VARIABLE_NAMES.filter(
    (name) => file[name] !== undefined && env[name] !== undefined && env[name] !== file[name],
  );
  const found = [
    ...unknown.map((name) =>
      warning('environment_unknown', `${name} is set, but passport-genauth has no such variable.`, {
        impact: 'A variable with a wrong name has no effect. Its option is missing or has the default value.',
        fix: `Rename it to ${guessName(name) ?? `one of ${VARIABLE_NAMES.join(', ')}`}, or remove it.`,
      }),
    ),
    ...overruled.map((name) =>
      warning('environment_overrules_file', `${name} has one value in the file and another in the environment.`, {
        impact: 'The application uses the value of the environment, as with `node --env-file`.',
        fix: `To use the value of the file, remove the variable from the environment: unset ${name}`,
      }),
    ),
    ...(all['TRUST_PROXY'] === 'true' ? [TRUST_PROXY_TRUE] : []),
    ...(all['NODE_TLS_REJECT_UNAUTHORIZED'] === '0' ? [TLS_NOT_CHECKED] : []),
  ];
  const count = VARIABLE_NAMES.filter((name) => all[name] !== undefined).length;
  if (found.length > 0) return found;
  return [
    ok(
      'environment',
      `${count} ${count === 1 ? 'variable of passport-genauth is' : 'variables of passport-genauth are'} set.`,
    ),
  ];
}

const TRUST_PROXY_TRUE = warning('trust_proxy_true', 'TRUST_PROXY is true.', {
  impact:
    'With the header X-Forwarded-For every client can choose the IP address that GenAuth receives. ' +
    'GenAuth uses this address for lock-out and IP rules.',
  fix: 'Set the number of proxies before your application, or their addresses: TRUST_PROXY=1',
});

const TLS_NOT_CHECKED = warning('tls_checks_off', 'NODE_TLS_REJECT_UNAUTHORIZED is 0.', {
  impact:
    'The application accepts each certificate, so an attacker can read its other connections. ' +
    'passport-genauth still checks the certificate of GenAuth.',
  fix: 'Trust a private authority with NODE_EXTRA_CA_CERTS, and unset NODE_TLS_REJECT_UNAUTHORIZED',
});

/**
 * Finds the right name of an environment variable for a similar name. For `GEN_AUTH_APP_ID`, `AUTHING_APP_ID` and
 * `GENAUTH_APPID` the right name is `GENAUTH_APP_ID`.
 */
function guessName(name: string): string | undefined {
  const plain = (text: string): string => text.replace(/^AUTHING/, 'GENAUTH').replaceAll('_', '');
  return ALL_NAMES.find((candidate) => plain(candidate) === plain(name));
}
