import { VARIABLES, type VariableOption } from '../core/options/environment.js';

/** The options that have an environment variable. */
export const VARIABLE_OPTIONS = Object.keys(VARIABLES) as readonly VariableOption[];
/** The names of the environment variables. */
export const VARIABLE_NAMES: readonly string[] = Object.values(VARIABLES);

/** The environment variable with the callback URL of the sign-in on GenAuth's hosted page. */
export const CALLBACK_VARIABLE = 'GENAUTH_CALLBACK_URL';

/**
 * The place from which the options come: environment variables or code. The text `fix` shows an environment variable or
 * a line of code for this place.
 */
export type Source = 'environment' | 'code';

/**
 * Formats the setting of an option for a text `fix` that begins with "Set". The result ends with the line that the
 * operator copies: `GENAUTH_APP_ID=my-app`, or `the option appId: 'my-app'` if the options come from code.
 */
export function toSetting(source: Source, option: VariableOption, value: string): string {
  if (source === 'environment') return `${VARIABLES[option]}=${value}`;
  return option === 'ca' ? `the option ca: readFileSync('${value}', 'utf8')` : `the option ${option}: '${value}'`;
}
