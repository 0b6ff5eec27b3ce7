import { toUser } from '../../core/scopes.js';
import { CLAIM_ALIASES } from '../../core/wire/facts.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import type { Context } from '../context.js';
import { type Observation, ok, warning } from '../report.js';

/** Checks that each requested scope was granted and brought claims. Without a sign-in there is nothing to check. */
export async function checkScopes({ signedIn, options }: Context): Promise<Observation[]> {
  if (signedIn === undefined) return [];
  const { claims, tokens } = signedIn;
  const refused = options.scope.filter((name) => !tokens.scope.includes(name));
  const granted = options.scope.filter((name) => !refused.includes(name));
  const listThose = (state: ScopeState): string =>
    granted.filter((name) => judgeScope(claims, name) === state).join(', ');
  const missing = listThose('missing');
  const empty = listThose('empty');
  const found: Observation[] = [];
  if (refused.length > 0) {
    found.push(warning('scope_not_granted', `GenAuth did not grant ${refused.join(', ')}.`, NO_CLAIMS));
  }
  if (missing !== '') {
    found.push(warning('scope_without_claims', `The id_token has no claim of ${missing}.`, NO_CLAIMS));
  }
  if (empty !== '') {
    found.push(
      warning('scope_empty', `The claims of ${empty} are empty.`, {
        impact: 'This account has no values for them, and its user has null there. Other accounts may have values.',
        consolePage: CONSOLE_PAGES.users,
        fix: 'Try an account that has values, or remove the scope from the option scope.',
      }),
    );
  }
  if (tokens.scope.includes('offline_access') && tokens.refreshToken === undefined) found.push(NO_REFRESH_TOKEN);
  if (found.length > 0) return found;
  return [ok('scopes', `${options.scope.join(' ')}: all are granted, and each brings its claims.`)];
}

const NO_CLAIMS = {
  impact: 'The claims of these scopes are null for every user.',
  consolePage: CONSOLE_PAGES.scopes,
  fix: 'Allow the scope for this application, or remove it from the option scope.',
};

const NO_REFRESH_TOKEN = warning(
  'refresh_token_missing',
  'GenAuth granted offline_access, but sent no refresh token.',
  {
    impact: 'A login ends when its access token expires. It cannot be renewed.',
    consolePage: CONSOLE_PAGES.grants,
    fix: 'Tick refresh_token on that page, or remove offline_access from the option scope.',
  },
);

/** Of the claims of a scope: one has a value, all are empty, or none was sent. */
type ScopeState = 'filled' | 'empty' | 'missing';

function judgeScope(claims: Readonly<Record<string, unknown>>, scope: string): ScopeState {
  const names = Object.keys(toUser<object>({}, [scope])).filter((name) => name !== 'sub');
  const sent = names
    .map((name) => [name, CLAIM_ALIASES[name] ?? name].find((each) => Object.hasOwn(claims, each)))
    .filter((name) => name !== undefined);
  if (names.length > 0 && sent.length === 0) return 'missing';
  return names.length === 0 || sent.some((name) => !isEmpty(claims[name])) ? 'filled' : 'empty';
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isEmpty);
  return value === null || value === undefined || value === false || value === '';
}
