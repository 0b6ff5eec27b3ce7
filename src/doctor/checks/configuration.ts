import { ConfigurationError, type OptionMistake, describeMistake } from '../../core/errors.js';
import { VARIABLES, type VariableOption } from '../../core/options/environment.js';
import { resolveOptions } from '../../core/options/resolve-options.js';
import { suggestScope } from '../../core/scopes.js';
import { suggestUrl } from '../../core/util/url.js';
import type { GenAuthOptions, ResolvedOptions } from '../../core/options/types.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import { type Source, VARIABLE_OPTIONS, toSetting } from '../environment.js';
import { type Observation, error, ok } from '../report.js';

/** The corrected value of an option, as far as it can be read from the wrong value. */
const CORRECTIONS: Readonly<Partial<Record<VariableOption, (given: unknown) => string | undefined>>> = {
  appHost: suggestUrl,
  issuer: suggestUrl,
  jwksUri: suggestUrl,
  scope: (given) => suggestScope(given)?.join(' '),
};

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
  let given: GenAuthOptions = {} as GenAuthOptions;
  try {
    given = read();
    const options = resolveOptions(given);
    return { given, options, found: [ok('configuration', describe(options))] };
  } catch (fault) {
    if (!(fault instanceof ConfigurationError)) throw fault;
    return { found: fault.details.mistakes.map((mistake) => toObservation(mistake, source, given)) };
  }
}

function toObservation(mistake: OptionMistake, source: Source, given: GenAuthOptions): Observation {
  const option = VARIABLE_OPTIONS.find((each) => each === mistake.option);
  const [example, consolePage] = option === undefined ? [] : (EXAMPLES[option] ?? []);
  const wrong = option === undefined ? undefined : given[option];
  const corrected = option === undefined ? undefined : CORRECTIONS[option]?.(wrong);
  const value = corrected === undefined || corrected === wrong ? example : corrected;
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
