import { type Issuer, type ReceivedRequest, SIGN_IN_PATH } from './issuer.js';
import { findLeaks } from './leak.js';

// Each secret is short enough to survive a cut at 64 characters, and has characters that JSON, HTML and URLs escape.
// In base64 they have neither `+` nor `/`, so that base64url is the same text.
export const PASSWORD = 'c4nary"Pä55<wörd&';
export const APP_SECRET = 'c4nary-app"sé<cret&';
export const PROXY_PASSWORD = 'c4nary-pr@xy:"pä55&';
/** User and password of a proxy, as a URL contains them. */
export const PROXY_USER = `user:${encodeURIComponent(PROXY_PASSWORD)}@`;
export const REFRESH_TOKEN = 'c4naryRefreshToken0123';
const MFA_TOKEN = 'c4naryMfaToken0123';
const FLOW_TOKEN = 'c4naryFlowToken0123';

/** Secrets by name. */
type Secrets = Readonly<Record<string, string>>;
/** All secrets except the access token and the id_token, which {@link makeTokens} makes for each test. */
export const SECRETS = {
  password: PASSWORD,
  appSecret: APP_SECRET,
  proxyPassword: PROXY_PASSWORD,
  refreshToken: REFRESH_TOKEN,
  mfaToken: MFA_TOKEN,
  flowToken: FLOW_TOKEN,
} as const satisfies Secrets;
/** All of them in one text, as a careless server could write them on a page. */
export const EVERYTHING = JSON.stringify(SECRETS);

/** A token is found by both ends of its payload or signature, also if it is cut. */
function listParts(secret: string): string[] {
  const [, payload, signature] = secret.split('.');
  return payload === undefined ? [secret] : [payload.slice(0, 20), (signature || payload).slice(-20)];
}

/** The names of the secrets that a value contains, at any depth and in any form. */
export function findCanaries(value: unknown, secrets: Secrets = SECRETS): string[] {
  const found = findLeaks(value, Object.values(secrets).flatMap(listParts));
  return Object.keys(secrets).filter((name) => listParts(secrets[name] ?? '').some((part) => found.includes(part)));
}

export type Tokens = Record<'idToken' | 'accessToken', string>;
type Claims = Record<string, unknown> & { iat: number; exp: number };
export const idClaims = (issuer: Issuer): Claims => issuer.idTokenClaims({ password: PASSWORD }) as Claims;
export const accessClaims = (issuer: Issuer): Claims => issuer.accessTokenClaims({ password: PASSWORD }) as Claims;

/** Two tokens with a password among their claims. They are valid unless `claims` or `header` change that. */
export function makeTokens(issuer: Issuer, claims: object = {}, header: object = {}): Tokens {
  const sign = (own: Claims): string => issuer.sign({ ...own, ...claims }, header);
  return { idToken: sign(idClaims(issuer)), accessToken: sign(accessClaims(issuer)) };
}

/** Answers the next sign-ins with these tokens. The members of `data` replace or extend those of the answer. */
export function answerSignIn(issuer: Issuer, { idToken, accessToken }: Tokens, data: object = {}): void {
  issuer.replySignIn({ id_token: idToken, access_token: accessToken, refresh_token: REFRESH_TOKEN, ...data });
}

/**
 * Answers the next sign-ins with every secret and the whole request, in every header and member but `message` and
 * `requestId`. The client shows those two to the operator. `members` replaces members of the answer.
 */
export function echoSignIn(issuer: Issuer, statusCode: number, apiCode?: number, members: object = {}): Tokens {
  const tokens = makeTokens(issuer);
  issuer.reply(SIGN_IN_PATH, ({ body: text, headers }: ReceivedRequest) => {
    const sent = JSON.parse(text) as object;
    const everything = { ...sent, ...SECRETS, sent, headers, text };
    const data = {
      ...everything,
      mfaToken: MFA_TOKEN,
      token: FLOW_TOKEN,
      remainCount: 2,
      applicationMfa: [{ ...everything, mfaPolicy: 'SMS', status: 1, sort: 0 }],
      access_token: tokens.accessToken,
      refresh_token: REFRESH_TOKEN,
      // A `statusCode` of 200 with both tokens would be a success.
      ...(statusCode === 200 ? {} : { id_token: tokens.idToken }),
    };
    const answer = { statusCode, apiCode, message: 'GenAuth says no', requestId: 'request-1', ...members, data };
    return {
      headers: {
        'set-cookie': `password=${encodeURIComponent(PASSWORD)}`,
        'www-authenticate': `Basic ${Buffer.from(`app:${APP_SECRET}`).toString('base64')}`,
        'retry-after': encodeURIComponent(PASSWORD),
        'x-echo': Buffer.from(text).toString('base64'),
      },
      body: { ...everything, ...answer },
    };
  });
  return tokens;
}
