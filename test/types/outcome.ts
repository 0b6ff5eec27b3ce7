/** Compile-time only: a sign-in's outcome is told apart by `kind`, and nobody can forget one. */
import type { GenAuthClient, GenAuthUser, SignInOutcome, SignInRejection, TokenSet } from '../../src/index.js';
import type { Equal, Expect } from '../support/type-equality.js';

export function nameEach(outcome: SignInOutcome): string {
  switch (outcome.kind) {
    case 'success':
      return outcome.user.sub;
    case 'invalid_credentials':
      return String(outcome.remainingAttempts);
    case 'mfa_required':
      return outcome.mfaToken ?? '';
    case 'rate_limited':
      return String(outcome.retryAfter);
    case 'captcha_required':
    case 'password_change_required':
    case 'identity_binding_required':
    case 'profile_completion_required':
    case 'account_locked':
    case 'access_denied':
    case 'rejected':
      return outcome.message;
  }
}

// @ts-expect-error forgets account_locked
export function forgetOne(outcome: SignInOutcome): string {
  switch (outcome.kind) {
    case 'success':
    case 'invalid_credentials':
    case 'captcha_required':
    case 'mfa_required':
    case 'password_change_required':
    case 'identity_binding_required':
    case 'profile_completion_required':
    case 'access_denied':
    case 'rate_limited':
    case 'rejected':
      return outcome.message;
  }
}

export function forgetOneAndAssert(outcome: SignInRejection): string {
  if (outcome.kind !== 'mfa_required' && outcome.kind !== 'rejected') return '';
  if (outcome.kind === 'mfa_required') return '';
  // @ts-expect-error forgets rejected
  const never: never = outcome;
  return never;
}

export type Kinds = [
  Expect<
    Equal<
      SignInOutcome['kind'],
      | 'success'
      | 'invalid_credentials'
      | 'captcha_required'
      | 'mfa_required'
      | 'password_change_required'
      | 'identity_binding_required'
      | 'profile_completion_required'
      | 'account_locked'
      | 'access_denied'
      | 'rate_limited'
      | 'rejected'
    >
  >,
  Expect<Equal<SignInRejection['kind'], Exclude<SignInOutcome['kind'], 'success'>>>,
  // What every outcome has, for the operator's log.
  Expect<Equal<SignInOutcome['statusCode'], number>>,
  Expect<Equal<SignInOutcome['apiCode'], number | undefined>>,
  Expect<Equal<SignInOutcome['requestId'], string | undefined>>,
  Expect<Equal<SignInOutcome['message'], string>>,
];

export async function signIn(client: GenAuthClient<'openid' | 'email'>): Promise<TokenSet | undefined> {
  const outcome = await client.signIn({ account: 'alice', password: 'p' }, { tenantId: 't' });
  // @ts-expect-error there are no tokens before somebody has looked at kind
  const early: TokenSet = outcome.tokens;
  // @ts-expect-error and no user
  const user: unknown = outcome.user;
  void [early, user];
  // @ts-expect-error a kind that does not exist
  if (outcome.kind === 'ok') return undefined;
  if (outcome.kind === 'mfa_required') {
    // @ts-expect-error that is for a wrong password
    return outcome.remainingAttempts;
  }
  if (outcome.kind !== 'success') return undefined;
  type User = Expect<Equal<typeof outcome.user, GenAuthUser<'openid' | 'email'>>>;
  const same: User = true;
  return same && outcome.tokens;
}

export async function misuse(client: GenAuthClient): Promise<void> {
  await client.signIn({ sAMAccountName: 'zhangsan', password: 'p' });
  // @ts-expect-error no password
  await client.signIn({ account: 'alice' });
  // @ts-expect-error not a name for the account
  await client.signIn({ user: 'alice', password: 'p' });
  // @ts-expect-error a password that may be missing
  await client.signIn({ account: 'alice', password: undefined as string | undefined });
  // @ts-expect-error a token is no text that may be missing
  await client.signIn({ account: 'alice', password: 'p' }, { captchaToken: 5 });
  // @ts-expect-error the options are frozen
  client.options.timeout = 1;
  // @ts-expect-error the secret is not shown
  void client.options.appSecret;
}
