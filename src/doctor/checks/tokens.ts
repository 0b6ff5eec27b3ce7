import { GenAuthError, TokenVerificationError, type TokenVerificationErrorCode } from '../../core/errors.js';
import { toUser } from '../../core/scopes.js';
import { CLAIM_ALIASES } from '../../core/wire/facts.js';
import { judgeDrift } from './connection.js';
import type { Examination } from '../context.js';
import { type Advice, type Observation, PAGES, error, ok, warning } from '../report.js';

const ID_TOKEN_WHY = 'The password is right, and every login ends with 502.';
const CLOCK: Advice = { why: ID_TOKEN_WHY, mend: 'timedatectl set-ntp true' };

/** What to do about an id_token that was refused, and the finding's code, by the code of the refusal. */
function adviseOn(x: Examination, { code, message }: TokenVerificationError): readonly [code: string, advice: Advice] {
  const found: Partial<Record<TokenVerificationErrorCode, readonly [string, Advice]>> = {
    token_algorithm_mismatch: [
      'id_token_algorithm',
      {
        why: ID_TOKEN_WHY,
        page: PAGES.idTokenAlgorithm,
        mend: `Choose ${x.options.idTokenSignedResponseAlg} on that page, or ${x.line('idTokenSignedResponseAlg', findAlgorithm(message) ?? '<algorithm>')}`,
      },
    ],
    token_issuer_mismatch: [
      'id_token_issuer',
      {
        why: ID_TOKEN_WHY,
        page: PAGES.endpoints,
        mend: x.line('issuer', /from issuer "([^"]*)"/.exec(message)?.[1] ?? '<issuer>'),
      },
    ],
    token_audience_mismatch: [
      'id_token_audience',
      { why: ID_TOKEN_WHY, page: PAGES.endpoints, mend: x.line('appId', '<App ID>') },
    ],
    token_not_yet_valid: ['id_token_clock', CLOCK],
    token_expired: ['id_token_clock', CLOCK],
    token_signature_invalid: [
      'id_token_signature',
      x.options.idTokenSignedResponseAlg === 'HS256'
        ? { why: ID_TOKEN_WHY, page: PAGES.endpoints, mend: x.line('appSecret', '<App secret>') }
        : { why: ID_TOKEN_WHY, mend: 'Ask GenAuth: the key set is not of the key that signs.' },
    ],
    token_key_unknown: [
      'id_token_key',
      { why: ID_TOKEN_WHY, mend: 'Ask GenAuth: the key set lacks the key that signs.' },
    ],
  };
  return found[code] ?? ['id_token_refused', { why: ID_TOKEN_WHY, mend: 'Ask GenAuth with the id of the request.' }];
}

/** The one that a message says a token is signed with, where it is one. */
function findAlgorithm(message: string): string | undefined {
  return /signed with "([A-Z]{2}\d{3})"/.exec(message)?.[1];
}

/** The tokens of the real sign-in against the settings: algorithm, issuer, audience, times. Nothing where nobody signed in. */
export async function checkTokens(x: Examination): Promise<Observation[]> {
  const { tokenFault, signedIn } = x;
  if (tokenFault !== undefined) {
    const [code, advice] = adviseOn(x, tokenFault);
    // The first sentence says what was seen; what follows is advice.
    const told = x.describe(tokenFault);
    return [error(code, /^.*?\.(?= |$)/.exec(told)?.[0] ?? told, advice)];
  }
  if (signedIn === undefined) return [];
  const { idTokenSignedResponseAlg, clockTolerance } = x.options;
  const drift = judgeDrift(Math.round(signedIn.claims.iat - signedIn.at / 1000), clockTolerance, "the id_token's iat");
  return [
    ok('id_token', `The id_token verifies: ${idTokenSignedResponseAlg}, issuer, audience and times are right.`),
    await checkAccessToken(x, signedIn.tokens.accessToken),
    ...(drift.level === 'ok' ? [] : [drift]),
  ];
}

async function checkAccessToken(x: Examination, accessToken: string): Promise<Observation> {
  try {
    await x.client.verifyAccessToken(accessToken);
    return ok('access_token', 'The access token verifies: guarded routes take it.');
  } catch (fault) {
    if (!(fault instanceof GenAuthError)) throw fault;
    return error('access_token_refused', x.describe(fault), {
      why: 'Logins work, and every guarded route answers 401.',
      mend: 'audience: […] in the options, if it is for another audience',
    });
  }
}

/** Scopes that were asked for: granted, and with claims? Nothing where nobody signed in. */
export async function checkScopes(x: Examination): Promise<Observation[]> {
  const { signedIn, options } = x;
  if (signedIn === undefined) return [];
  const { claims, tokens } = signedIn;
  const refused = options.scope.filter((name) => !tokens.scope.includes(name));
  const states = options.scope
    .filter((name) => !refused.includes(name))
    .map((name) => ({ name, state: judgeScope(claims, name) }));
  const having = (state: string): string =>
    states
      .filter((each) => each.state === state)
      .map(({ name }) => name)
      .join(', ');
  const found = [
    ...(refused.length === 0
      ? []
      : [scopeFinding('scope_not_granted', `GenAuth did not grant ${refused.join(', ')}.`)]),
    ...(having('missing') === ''
      ? []
      : [scopeFinding('scope_without_claims', `The id_token has no claim of ${having('missing')}.`)]),
    ...(having('empty') === '' ? [] : [EMPTY(having('empty'))]),
    ...(tokens.scope.includes('offline_access') && tokens.refreshToken === undefined ? [NO_REFRESH_TOKEN] : []),
  ];
  return found.length > 0
    ? found
    : [ok('scopes', `${options.scope.join(' ')}: all granted, and each brings its claims.`)];
}

function scopeFinding(code: string, seen: string): Observation {
  return warning(code, seen, {
    why: 'The user\u2019s claims of these scopes are null, for everybody.',
    page: PAGES.scopes,
    mend: 'Allow the scope for this application, or take it out of the option scope.',
  });
}

const EMPTY = (names: string): Observation =>
  warning('scope_empty', `The claims of ${names} are there, and empty.`, {
    why: 'This account has none of them: others may. The user has null there.',
    page: PAGES.users,
    mend: 'Try an account that has them, or take the scope out of the option scope.',
  });

const NO_REFRESH_TOKEN = warning(
  'refresh_token_missing',
  'offline_access was granted, and there is no refresh token.',
  {
    why: 'A login ends with its access token; it cannot be renewed.',
    page: PAGES.grants,
    mend: 'Tick refresh_token on that page, or take offline_access out of the option scope.',
  },
);

function judgeScope(claims: Readonly<Record<string, unknown>>, scope: string): 'there' | 'empty' | 'missing' {
  const names = Object.keys(toUser<object>({}, [scope])).filter((name) => name !== 'sub');
  const sent = names
    .map((name) => [name, CLAIM_ALIASES[name] ?? name].find((each) => Object.hasOwn(claims, each)))
    .filter((name) => name !== undefined);
  if (names.length > 0 && sent.length === 0) return 'missing';
  return names.length === 0 || sent.some((name) => !isEmpty(claims[name])) ? 'there' : 'empty';
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isEmpty);
  return value === null || value === undefined || value === false || value === '';
}
