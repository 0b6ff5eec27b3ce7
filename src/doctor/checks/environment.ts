import { type Environment, VARIABLE_NAMES } from '../environment.js';
import { type Observation, ok, warning } from '../report.js';

/**
 * Finds variables under wrong names, and variables that override the file.
 *
 * @param env - The environment. It overrides the file.
 * @param file - Variables of the file that `--env` names.
 */
export function checkEnvironment(env: Environment, file: Environment = {}): Observation[] {
  const all = { ...file, ...env };
  const unknown = Object.keys(all).filter(
    (name) => /^(GEN_?AUTH|AUTHING)_/.test(name) && !VARIABLE_NAMES.includes(name),
  );
  const overruled = VARIABLE_NAMES.filter(
    (name) => file[name] !== undefined && env[name] !== undefined && env[name] !== file[name],
  );
  const found = [
    ...unknown.map((name) =>
      warning('environment_unknown', `${name} is set, but passport-genauth has no such variable.`, {
        impact: 'A setting under a wrong name has no effect.',
        fix: `Write ${guessName(name) ?? `one of ${VARIABLE_NAMES.join(', ')}`}, or remove the variable.`,
      }),
    ),
    ...overruled.map((name) =>
      warning('environment_overrules_file', `${name} has one value in the file and another in the environment.`, {
        impact: 'The environment overrides the file, as with `node --env-file`.',
        fix: `unset ${name}`,
      }),
    ),
    ...(all['TRUST_PROXY'] === 'true' ? [TRUST_PROXY_TRUE] : []),
  ];
  const count = VARIABLE_NAMES.filter((name) => all[name] !== undefined).length;
  if (found.length > 0) return found;
  return [ok('environment', `${count} ${count === 1 ? 'variable' : 'variables'} of passport-genauth set.`)];
}

const TRUST_PROXY_TRUE = warning('trust_proxy_true', 'TRUST_PROXY is true.', {
  impact:
    'Every client can choose the IP address that GenAuth receives, by the header X-Forwarded-For. ' +
    'Lock-out and IP rules use this address.',
  fix: 'TRUST_PROXY=1 (the number of proxies before your application, or their addresses)',
});

/** The variable that a similar name stands for, such as `GEN_AUTH_APP_ID`, `AUTHING_APP_ID` and `GENAUTH_APPID`. */
function guessName(name: string): string | undefined {
  const plain = (text: string): string => text.replace(/^AUTHING/, 'GENAUTH').replaceAll('_', '');
  return VARIABLE_NAMES.find((candidate) => plain(candidate) === plain(name));
}
