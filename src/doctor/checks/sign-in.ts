import {
  ConfigurationError,
  type ConfigurationErrorCode,
  RequestError,
  TokenVerificationError,
  UpstreamError,
} from '../../core/errors.js';
import type { Credentials } from '../../core/sign-in/credentials.js';
import type { SignInOutcome, SignInRejection } from '../../core/sign-in/outcome.js';
import type { Examination } from '../context.js';
import { type Advice, type Observation, PAGES, error, ok, skipped, warning } from '../report.js';

type Connection = 'PASSWORD' | 'AD';

export const checkLogin = (x: Examination): Promise<Observation[]> => checkSignIn(x, 'PASSWORD', '--account NAME');
export const checkDirectory = (x: Examination): Promise<Observation[]> => checkSignIn(x, 'AD', '--ad-account NAME');

/** One real sign-in, by the library's own way and only if somebody asked for it: each is a login attempt. */
async function checkSignIn(x: Examination, connection: Connection, flag: string): Promise<Observation[]> {
  const credentials = x.settings.signIns.find((each) => 'sAMAccountName' in each === (connection === 'AD'));
  if (credentials === undefined)
    return [
      skipped(
        'not_asked',
        `Nobody signs in here without ${flag}; tokens, scopes and the client's address need a sign-in.`,
      ),
    ];
  const at = x.settings.now();
  let outcome: SignInOutcome;
  try {
    outcome = await x.client.signIn(credentials, { clientIp: x.settings.clientIp });
  } catch (fault) {
    return [explainFault(x, fault, connection)];
  }
  if (outcome.kind !== 'success') return [explainRejection(x, outcome, connection)];
  const { accessToken, idToken, refreshToken } = outcome.tokens;
  x.hide(accessToken, idToken, refreshToken);
  x.signedIn ??= { ...outcome, at };
  // What nobody uses need not live for two weeks. That it failed, nobody would want to know.
  const revocation =
    refreshToken === undefined ? x.client.revoke(accessToken, 'access_token') : x.client.revoke(refreshToken);
  await revocation.catch(() => undefined);
  return [ok('signed_in', `${describePerson(credentials)} signed in.`)];
}

function describePerson(credentials: Credentials): string {
  const { password: _, ...named } = credentials;
  return Object.values(named).join();
}

const LOGIN_WHY = 'Nobody signs in like this.';
const STEP_WHY =
  'Your application has to offer this step; see "outcomes" in docs/sign-in.md. No tokens came to be examined.';
/** Sign-ins that need one more step of the person: the tenant works. */
const STEPS: Partial<Record<SignInRejection['kind'], string>> = {
  captcha_required: 'GenAuth wants a captcha to be read first',
  mfa_required: 'GenAuth wants a second factor',
  password_change_required: 'GenAuth wants a new password first',
  identity_binding_required: 'GenAuth wants the account to be bound first',
  profile_completion_required: 'GenAuth wants the profile to be completed first',
};
const REFUSALS: Readonly<Record<string, readonly [code: string, seen: string, advice: Advice]>> = {
  invalid_credentials: [
    'login_wrong',
    'GenAuth knows no such account with this password',
    {
      why: LOGIN_WHY,
      page: PAGES.users,
      mend: 'Correct the account or the password; each try counts towards lock-out.',
    },
  ],
  account_locked: [
    'login_locked',
    'The account is locked',
    { why: LOGIN_WHY, page: PAGES.users, mend: 'Unlock the account, or wait.' },
  ],
  access_denied: [
    'login_denied',
    'The account may not sign in to this application',
    { why: LOGIN_WHY, page: PAGES.accessAuthorization, mend: 'Allow the account, or enable it.' },
  ],
  rate_limited: [
    'login_rate_limited',
    'GenAuth refuses more sign-ins for now',
    {
      why: 'It counts them by address: without the clients\u2019 own, all of them count as one.',
      page: PAGES.security,
      mend: 'Wait, and see the option clientIp.',
    },
  ],
};

function explainRejection(x: Examination, outcome: SignInRejection, connection: Connection): Observation {
  if (outcome.kind === 'mfa_required') x.hide(outcome.mfaToken);
  if ('flowToken' in outcome) x.hide(outcome.flowToken);
  const { kind, statusCode, apiCode, message } = outcome;
  const said = `(${statusCode}/${apiCode ?? '-'} ${x.quote(message)})`;
  const step = STEPS[kind] ?? (kind === 'rejected' && outcome.furtherStep ? 'GenAuth wants one more step' : undefined);
  if (step !== undefined) {
    return warning('login_needs_step', `${step} ${said}.`, {
      why: STEP_WHY,
      page: PAGES.security,
      mend: `case '${kind}': …`,
    });
  }
  const [code, seen, advice] = REFUSALS[kind] ?? [
    'login_refused',
    'GenAuth refuses the sign-in',
    {
      why: LOGIN_WHY,
      page: connection === 'AD' ? PAGES.directories : PAGES.loginControl,
      mend:
        connection === 'AD'
          ? 'Switch the AD connection on for this application.'
          : 'Switch login by password on for this application.',
    },
  ];
  return error(code, `${seen} ${said}.`, advice);
}

/** What the operator is to mend in the console, by the code of the library's error. Others are no matter of the sign-in. */
const FAULTS: Partial<Record<ConfigurationErrorCode, Advice>> = {
  client_authentication_failed: {
    why: 'No login gets as far as the password.',
    page: PAGES.tokenAuthMethod,
    mend: 'Correct the app secret, or the method.',
  },
  app_not_found: { why: LOGIN_WHY, page: PAGES.endpoints, mend: 'Correct appId and appHost.' },
  password_decryption_failed: { why: LOGIN_WHY, mend: 'Set passwordEncryptType to none, or to the other type.' },
  connection_misconfigured: {
    why: 'GenAuth cannot ask the directory: nobody of it signs in.',
    page: PAGES.directories,
    mend: 'Correct the link, the base DN and the account that GenAuth itself binds with.',
  },
  plan_exhausted: { why: LOGIN_WHY, page: PAGES.billing, mend: "Extend the tenant's plan." },
};

function explainFault(x: Examination, fault: unknown, connection: Connection): Observation {
  if (fault instanceof UpstreamError && fault.cause instanceof TokenVerificationError) {
    x.tokenFault = fault.cause;
    return ok('signed_in', 'GenAuth takes the password.');
  }
  if (fault instanceof RequestError) {
    return error('login_impossible', fault.message, {
      why: LOGIN_WHY,
      mend: 'Give an account and a password that there can be.',
    });
  }
  const advice = fault instanceof ConfigurationError ? FAULTS[fault.code] : undefined;
  if (fault instanceof ConfigurationError && advice !== undefined) {
    return error(`login_${fault.code}`, x.describe(fault), advice);
  }
  if (!(fault instanceof UpstreamError)) throw fault;
  return error('login_failed', x.describe(fault), {
    why: connection === 'AD' ? 'GenAuth, or the directory behind it, does not answer.' : LOGIN_WHY,
    ...(connection === 'AD' && { page: PAGES.directories }),
    mend: 'Try again; if it stays, ask GenAuth with the id of the request.',
  });
}
