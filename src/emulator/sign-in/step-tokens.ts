import { randomBytes } from 'node:crypto';
import { SignJWT } from 'jose';
import type { EmulatorClock } from '../state/clock.js';
import type { Mfa } from '../users/user-states.js';
import type { Account } from '../users/user-store.js';

const LIFETIME_SECONDS = 360;

/** The ID of the emulator's user pool. */
const USER_POOL_ID = '65f0c1d2e3a4b5c6d7e8f900';

/**
 * The random key that signs the tokens for the next step. The emulator never verifies these tokens, because it
 * implements the next steps only on the hosted page, which does not use them.
 */
const KEY = randomBytes(32);

/** Builds the member `data` of a response that requires a second factor (MfaTriggerData). */
export async function buildMfaData(account: Account, { kind, factors }: Mfa, clock: EmulatorClock): Promise<object> {
  const { claims } = account;
  const text = (name: string) => (typeof claims[name] === 'string' ? claims[name] : null);
  const phone = text('phone_number');
  const country = phone?.startsWith('+86') ? '+86' : null;
  return {
    mfaToken: await buildStepToken(account, 'mfa', clock),
    nickname: text('nickname'),
    email: text('email'),
    phone,
    phoneCountryCode: country,
    mfaPhone: phone,
    mfaPhoneCountryCode: country,
    mfaEmail: text('email'),
    username: text('username'),
    avatar: text('picture'),
    faceMfaEnabled: factors.includes('FACE'),
    totpMfaEnabled: factors.includes('OTP'),
    passkeyEnabled: factors.includes('PASSKEY'),
    // Lists only the factors that the application requires, not the factors that the user has set up.
    applicationMfa: kind === 'app' ? factors.map((mfaPolicy, sort) => ({ mfaPolicy, status: 1, sort })) : [],
  };
}

/**
 * Builds the token that a client sends to GenAuth in the next step of the sign-in. The emulator does not accept these
 * tokens. Its hosted page implements the next steps without them.
 */
export async function buildStepToken(account: Account, stage: string, clock: EmulatorClock): Promise<string> {
  const iat = clock.nowInSeconds();
  const arn = `arn:cn:authing:${USER_POOL_ID}:user:${account.sub}`;
  return new SignJWT({
    data: { userPoolId: USER_POOL_ID, userId: account.sub, arn, stage },
    iat,
    exp: iat + LIFETIME_SECONDS,
  })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .sign(KEY);
}
