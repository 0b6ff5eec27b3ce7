import {
  ConfigurationError,
  type ConfigurationErrorCode,
  RequestError,
  TokenVerificationError,
  UpstreamError,
} from '../../core/errors.js';
import type { Credentials } from '../../core/sign-in/credentials.js';
import type { SignInOutcome, SignInRejection } from '../../core/sign-in/outcome.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import type { Context } from '../context.js';
import { type Advice, type Observation, error, ok, skipped, warning } from '../report.js';

type Connection = 'PASSWORD' | 'AD';

export const checkLogin = (context: Context): Promise<Observation[]> =>
  checkSignIn(context, 'PASSWORD', '--account NAME');
export const checkDirectory = (context: Context): Promise<Observation[]> =>
  checkSignIn(context, 'AD', '--ad-account NAME');

/** Signs in once with the library's client, if the caller gave credentials: each sign-in is a login attempt. */
async function checkSignIn(context: Context, connection: Connection, flag: string): Promise<Observation[]> {
  const { signIns, clientIp, now } = context.settings;
  const credentials = signIns.find((each) => 'sAMAccountName' in each === (connection === 'AD'));
  if (credentials === undefined) {
    const message = `Without ${flag} no sign-in is made. Tokens, scopes and the client's address need one.`;
    return [skipped('not_asked', message)];
  }
  // Loads the keys that the check `keys` has received, so that a key which GenAuth has rotated since is requested anew.
  // If they cannot be loaded, the sign-in fails with the same error.
  await context.client.warmUp().catch(() => undefined);
  const at = now();
  let outcome: SignInOutcome;
  try {
    outcome = await context.client.signIn(credentials, { clientIp });
  } catch (fault) {
    return [explainFault(context, fault, connection)];
  }
  if (outcome.kind !== 'success') return [explainRejection(context, outcome, connection)];
  const { accessToken, idToken, refreshToken } = outcome.tokens;
  context.hide(accessToken, idToken, refreshToken);
  context.signedIn ??= { ...outcome, at };
  // The tokens are not needed after the run, and a refresh token would be valid for weeks. A failure is ignored.
  const revocation =
    refreshToken === undefined
      ? context.client.revoke(accessToken, 'access_token')
      : context.client.revoke(refreshToken);
  await revocation.catch(() => undefined);
  return [ok('signed_in', `${describeAccount(credentials)} signed in.`)];
}

function describeAccount(credentials: Credentials): string {
  const { password: _, ...named } = credentials;
  return Object.values(named).join();
}

const LOGIN_FAILS = 'The user cannot sign in.';
const STEP_MISSING =
  'Your application must offer this step; see "outcomes" in docs/sign-in.md. There are no tokens to check.';
/** Sign-ins that require one more step of the user. The tenant works. */
const STEPS: Partial<Record<SignInRejection['kind'], string>> = {
  captcha_required: 'GenAuth requires a captcha',
  mfa_required: 'GenAuth requires a second factor',
  password_change_required: 'GenAuth requires a new password',
  identity_binding_required: 'GenAuth requires the account to be bound',
  profile_completion_required: 'GenAuth requires the profile to be completed',
};
const REFUSALS: Readonly<Record<string, readonly [code: string, message: string, advice: Advice]>> = {
  invalid_credentials: [
    'login_wrong',
    'GenAuth has no such account with this password',
    {
      impact: LOGIN_FAILS,
      consolePage: CONSOLE_PAGES.users,
      fix: 'Correct the account or the password. Each try counts towards lock-out.',
    },
  ],
  account_locked: [
    'login_locked',
    'The account is locked',
    { impact: LOGIN_FAILS, consolePage: CONSOLE_PAGES.users, fix: 'Unlock the account, or wait.' },
  ],
  access_denied: [
    'login_denied',
    'The account may not sign in to this application',
    {
      impact: LOGIN_FAILS,
      consolePage: CONSOLE_PAGES.accessAuthorization,
      fix: 'Allow the account, or enable it.',
    },
  ],
  rate_limited: [
    'login_rate_limited',
    'GenAuth refuses further sign-ins for now',
    {
      impact:
        'GenAuth counts sign-ins by address. If the clients\u2019 addresses are not sent, all clients count as one.',
      consolePage: CONSOLE_PAGES.security,
      fix: 'Wait, and see the option clientIp.',
    },
  ],
};

function explainRejection(context: Context, outcome: SignInRejection, connection: Connection): Observation {
  if (outcome.kind === 'mfa_required') context.hide(outcome.mfaToken);
  if ('flowToken' in outcome) context.hide(outcome.flowToken);
  const { kind, statusCode, apiCode, message: text } = outcome;
  const answer = `(${statusCode}/${apiCode ?? '-'} ${context.quote(text)})`;
  const step =
    STEPS[kind] ?? (kind === 'rejected' && outcome.furtherStep ? 'GenAuth requires one more step' : undefined);
  if (step !== undefined) {
    return warning('login_needs_step', `${step} ${answer}.`, {
      impact: STEP_MISSING,
      consolePage: CONSOLE_PAGES.security,
      fix: `if (outcome.kind === '${kind}') …`,
    });
  }
  const [code, message, advice] = REFUSALS[kind] ?? [
    'login_refused',
    'GenAuth refuses the sign-in',
    {
      impact: LOGIN_FAILS,
      consolePage: connection === 'AD' ? CONSOLE_PAGES.directories : CONSOLE_PAGES.loginControl,
      fix:
        connection === 'AD'
          ? 'Enable the AD connection for this application.'
          : 'Enable login by password for this application.',
    },
  ];
  return error(code, `${message} ${answer}.`, advice);
}

/** Errors of the library that the operator fixes in the console. Other errors have nothing to do with the sign-in. */
const FAULTS: Partial<Record<ConfigurationErrorCode, Advice>> = {
  client_authentication_failed: {
    impact: 'GenAuth refuses every login before it checks the password.',
    consolePage: CONSOLE_PAGES.tokenAuthMethod,
    fix: 'Correct the app secret, or the method.',
  },
  app_not_found: { impact: LOGIN_FAILS, consolePage: CONSOLE_PAGES.endpoints, fix: 'Correct appId and appHost.' },
  password_decryption_failed: {
    impact: LOGIN_FAILS,
    fix: 'Set passwordEncryptType to none, or to the other type.',
  },
  connection_misconfigured: {
    impact: 'GenAuth cannot ask the directory, so none of its users can sign in.',
    consolePage: CONSOLE_PAGES.directories,
    fix: 'Correct the link, the base DN and the account that GenAuth itself binds with.',
  },
  plan_exhausted: { impact: LOGIN_FAILS, consolePage: CONSOLE_PAGES.billing, fix: "Extend the tenant's plan." },
};

function explainFault(context: Context, fault: unknown, connection: Connection): Observation {
  if (fault instanceof UpstreamError && fault.cause instanceof TokenVerificationError) {
    context.tokenFault = fault.cause;
    return ok('signed_in', 'GenAuth accepts the password.');
  }
  if (fault instanceof RequestError) {
    return error('login_impossible', fault.message, {
      impact: LOGIN_FAILS,
      fix: 'Use a non-empty account and password within the length limits.',
    });
  }
  const advice = fault instanceof ConfigurationError ? FAULTS[fault.code] : undefined;
  if (fault instanceof ConfigurationError && advice !== undefined) {
    return error(`login_${fault.code}`, context.describe(fault), advice);
  }
  if (!(fault instanceof UpstreamError)) throw fault;
  return error('login_failed', context.describe(fault), {
    impact: connection === 'AD' ? 'GenAuth, or the directory behind it, does not answer.' : LOGIN_FAILS,
    ...(connection === 'AD' && { consolePage: CONSOLE_PAGES.directories }),
    fix: 'Try again. If it fails again, ask GenAuth and give the ID of the request.',
  });
}
