import { toUser } from '../../core/scopes.js';
import { CLAIM_ALIASES } from '../../core/wire/facts.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import type { Context } from '../context.js';
import { type Observation, ok, warning } from '../report.js';

/**
 * Checks for each requested scope that GenAuth granted the scope and sent its claims. Returns an empty list if there
 * was no sign-in.
 */
export async function checkScopes({ signedIn, options }: Context): Promise<Observation[]> {
  if (signedIn === undefined) return [];
  const { claims, tokens } = signedIn;
  const refused = options.scope.filter((name) => !tokens.scope.includes(name));
  const granted = options.scope.filter((name) => !refused.includes(name));
  const listScopes = (state: ScopeState): string =>
    granted.filter((name) => judgeScope(claims, name) === state).join(', ');
  const missing = listScopes('missing');
  const empty = listScopes('empty');
  const found: Observation[] = [];
  if (refused.length > 0) {
    found.push(warning('scope_not_granted', `GenAuth did not grant these scopes: ${refused.join(', ')}.`, NO_CLAIMS));
  }
  if (missing !== '') {
    found.push(warning('scope_without_claims', `The id_token has no claim of these scopes: ${missing}.`, NO_CLAIMS));
  }
  if (empty !== '') {
    found.push(
      warning('scope_empty', `The claims of these scopes are empty: ${empty}.`, {
        impact: 'Logins work, but this user has no values for these claims. Other users may have values.',
        consolePage: CONSOLE_PAGES.users,
        fix: 'Run the doctor with an account that has values, or remove the scope from the option scope.',
      }),
    );
  }
  if (tokens.scope.includes('offline_access') && tokens.refreshToken === undefined) found.push(NO_REFRESH_TOKEN);
  if (found.length > 0) return found;
  return [ok('scopes', `GenAuth granted all scopes and sent their claims: ${options.scope.join(' ')}.`)];
}

const NO_CLAIMS = {
  impact: 'Logins work, but every user lacks the claims of these scopes.',
  consolePage: CONSOLE_PAGES.scopes,
  fix: 'Allow the scope for this application on the console page, or remove it from the option scope.',
};

const NO_REFRESH_TOKEN = warning(
  'refresh_token_missing',
  'GenAuth granted offline_access, but sent no refresh token.',
  {
    impact: 'Users can sign in, but a login cannot be renewed. It ends when its access token expires.',
    consolePage: CONSOLE_PAGES.grants,
    fix: 'Select refresh_token on the console page, or remove offline_access from the option scope.',
  },
);

/**
 * The state of the claims of one scope. `filled`: at least one claim has a value, or the scope has no claims. `empty`:
 * GenAuth sent claims, but all of them are empty. `missing`: GenAuth sent no claim of the scope.
 */
type ScopeState = 'filled' | 'empty' | 'missing';

function judgeScope(claims: Readonly<Record<string, unknown>>, scope: string): ScopeState {
  const names = Object.keys(toUser<object>({}, [scope])).filter((name) => name !== 'sub');
  const sent = names
    .map((name) => [name, CLAIM_ALIASES[name] ?? name].find((candidate) => Object.hasOwn(claims, candidate)))
    .filter((name) => name !== undefined);
  if (names.length > 0 && sent.length === 0) return 'missing';
  return names.length === 0 || sent.some((name) => !isEmpty(claims[name])) ? 'filled' : 'empty';
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isEmpty);
  return value === null || value === undefined || value === false || value === '';
}
