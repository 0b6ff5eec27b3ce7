import { GenAuthError, type TokenVerificationError } from '../../core/errors.js';
import { SIGNING_ALGORITHMS } from '../../core/tokens/unverified-token.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import type { Context } from '../context.js';
import { type Advice, type Observation, error, ok } from '../report.js';
import { SET_CLOCK, judgeDrift } from './clock.js';

/**
 * Checks the tokens of the doctor's sign-in: algorithm, issuer, audience, times and signature. Returns an empty list if
 * there was no sign-in.
 */
export async function checkTokens(context: Context): Promise<Observation[]> {
  const { tokenFault, signedIn } = context;
  if (tokenFault !== undefined) return [explainRefusal(context, tokenFault)];
  if (signedIn === undefined) return [];
  const { idTokenSignedResponseAlg, clockTolerance } = context.options;
  const drift = judgeDrift(Math.round(signedIn.claims.iat - signedIn.at / 1000), clockTolerance, "the id_token's iat");
  return [
    ok(
      'id_token',
      `The id_token is valid: algorithm (${idTokenSignedResponseAlg}), issuer, audience and times are right.`,
    ),
    await checkAccessToken(context, signedIn.tokens.accessToken),
    ...(drift.level === 'ok' ? [] : [drift]),
  ];
}

async function checkAccessToken(context: Context, accessToken: string): Promise<Observation> {
  try {
    await context.client.verifyAccessToken(accessToken);
    return ok('access_token', 'The access token is valid: guarded routes accept it.');
  } catch (fault) {
    if (!(fault instanceof GenAuthError)) throw fault;
    return error('access_token_refused', context.describe(fault), {
      impact: 'Logins work, but every guarded route answers HTTP 401.',
      fix: "If the message names another audience, set the option audience: ['<audience of the token>']",
      docs: fault.details.docs,
    });
  }
}

const EVERY_LOGIN_FAILS = 'The password is right, but every login fails with HTTP 502.';

/** Explains why the id_token of a sign-in was refused. The explanation uses the code and the details of the error. */
function explainRefusal(context: Context, { code, details }: TokenVerificationError): Observation {
  const { claim, docs, expected, actual, seconds } = details;
  const value = context.quote(actual);
  const refuse = (finding: string, message: string, advice: Omit<Advice, 'impact'>): Observation =>
    error(finding, message, { impact: EVERY_LOGIN_FAILS, ...advice, docs });
  const askGenAuth = { fix: "Ask GenAuth's support and quote this message." };
  const setClock = { fix: SET_CLOCK };
  switch (code) {
    case 'token_algorithm_mismatch': {
      const other = SIGNING_ALGORITHMS.find(
        (algorithm) => algorithm === actual && context.accepts('idTokenSignedResponseAlg', algorithm),
      );
      const choose = `Choose ${context.options.idTokenSignedResponseAlg} on the console page`;
      return refuse(
        'id_token_algorithm',
        `The id_token is signed with ${value}, but the options expect ${context.quote(expected)}.`,
        {
          consolePage: CONSOLE_PAGES.idTokenAlgorithm,
          fix:
            other === undefined
              ? `${choose}.`
              : `${choose}, or set ${context.setting('idTokenSignedResponseAlg', other)}`,
        },
      );
    }
    case 'token_issuer_mismatch':
      return refuse(
        'id_token_issuer',
        `The issuer of the id_token is ${value}, but the options expect ${context.quote(expected)}.`,
        {
          consolePage: CONSOLE_PAGES.endpoints,
          fix: `Set ${context.proposal('issuer', actual, '<issuer>')}`,
        },
      );
    case 'token_audience_mismatch':
      return refuse(
        'id_token_audience',
        `The id_token is for ${value} (${claim}), but this application is ${context.quote(context.options.appId)}.`,
        { consolePage: CONSOLE_PAGES.endpoints, fix: `Set ${context.setting('appId', '<App ID>')}` },
      );
    case 'token_not_yet_valid':
      return refuse(
        'id_token_clock',
        `By the clock of this machine, the id_token is not valid yet. It becomes valid in ${seconds} s.`,
        setClock,
      );
    case 'token_expired':
      return refuse('id_token_clock', `By the clock of this machine, the id_token expired ${seconds} s ago.`, setClock);
    case 'token_signature_invalid':
      return refuse(
        'id_token_signature',
        'The signature of the id_token is wrong.',
        context.options.idTokenSignedResponseAlg === 'HS256'
          ? { consolePage: CONSOLE_PAGES.endpoints, fix: `Set ${context.setting('appSecret', '<App secret>')}` }
          : { fix: "Ask GenAuth's support why the key in the key set is not the key that signs." },
      );
    case 'token_key_unknown':
      return refuse(
        'id_token_key',
        actual === undefined
          ? 'The id_token does not name its key (kid), and the key set does not have exactly one key.'
          : `The id_token is signed with key ${value}, which the key set does not have.`,
        { fix: "Ask GenAuth's support why the key set does not have the key that signs." },
      );
    case 'token_claim_invalid':
      return refuse('id_token_refused', `The id_token has an invalid ${claim}: ${value}.`, askGenAuth);
    case 'token_hash_mismatch':
      return refuse('id_token_refused', 'The id_token belongs to another access token (at_hash).', askGenAuth);
    case 'token_subject_mismatch':
      return refuse(
        'id_token_refused',
        'The id_token and the access token belong to different users (sub).',
        askGenAuth,
      );
    default:
      return refuse('id_token_refused', `The id_token cannot be used (${code}).`, askGenAuth);
  }
}
