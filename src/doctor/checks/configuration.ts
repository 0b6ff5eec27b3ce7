import { ConfigurationError, type OptionMistake, describeMistake } from '../../core/errors.js';
import { VARIABLES, type VariableOption } from '../../core/options/environment.js';
import { resolveOptions } from '../../core/options/resolve-options.js';
import type { GenAuthOptions, ResolvedOptions } from '../../core/options/types.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import { type Source, VARIABLE_OPTIONS, toSetting } from '../environment.js';
import { type Observation, error, ok } from '../report.js';

/**
 * A valid example value of each option, and the console page that shows the user's own value. The mistake in a PEM
 * text (`ca`) has its own fix.
 */
const EXAMPLES: Readonly<Partial<Record<VariableOption, readonly [value: string, consolePage?: string]>>> = {
  appId: ['<App ID>', CONSOLE_PAGES.endpoints],
  appSecret: ['<App secret>', CONSOLE_PAGES.endpoints],
  appHost: ['https://<app>.genauth.ai', CONSOLE_PAGES.endpoints],
  scope: ['openid profile'],
  passwordEncryptType: ['none'],
  idTokenSignedResponseAlg: ['RS256', CONSOLE_PAGES.idTokenAlgorithm],
  tokenEndpointAuthMethod: ['client_secret_post', CONSOLE_PAGES.tokenAuthMethod],
  issuer: ['https://<app>.genauth.ai/oidc', CONSOLE_PAGES.endpoints],
  jwksUri: ['https://<app>.genauth.ai/oidc/.well-known/jwks.json'],
  proxy: ['http://proxy.example.com:3128'],
};

/**
 * Checks the options with the same code that an application uses at its start. Each mistake becomes one finding.
 *
 * @param read - Returns the options, for example from environment variables.
 * @param source - Where `read` reads the options.
 */
export function checkConfiguration(
  read: () => GenAuthOptions,
  source: Source,
): { given?: GenAuthOptions; options?: ResolvedOptions; found: Observation[] } {
  try {
    const given = read();
    const options = resolveOptions(given);
    return { given, options, found: [ok('configuration', describe(options))] };
  } catch (fault) {
    if (!(fault instanceof ConfigurationError)) throw fault;
    return { found: fault.details.mistakes.map((mistake) => toObservation(mistake, source)) };
  }
}

function toObservation(mistake: OptionMistake, source: Source): Observation {
  const option = VARIABLE_OPTIONS.find((each) => each === mistake.option);
  const [value, consolePage] = option === undefined ? [] : (EXAMPLES[option] ?? []);
  return error('configuration_invalid', describeMistake(mistake), {
    impact: 'The application does not start with these options.',
    ...(consolePage !== undefined && { consolePage }),
    fix:
      option === 'ca' && source === 'environment'
        ? `Correct the file that ${VARIABLES.ca} names, for example by copying the whole file again.`
        : option === undefined || value === undefined
          ? toSentence(mistake.fix)
          : `Set ${toSetting(source, option, value)}`,
  });
}

function toSentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function describe(options: ResolvedOptions): string {
  const { tokenEndpointAuthMethod, idTokenSignedResponseAlg, passwordEncryptType, scope } = options;
  return (
    `The options are valid: tokenEndpointAuthMethod ${tokenEndpointAuthMethod}, ` +
    `idTokenSignedResponseAlg ${idTokenSignedResponseAlg}, passwordEncryptType ${passwordEncryptType}, ` +
    `scope ${scope.join(' ')}.`
  );
}
