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

/** The forms of a secret that {@link findLeaks} does not know itself: JSON as Latin-1, and HTML. */
function listForms(secret: string): string[] {
  const [, payload, signature] = secret.split('.');
  // Both ends of a JWT's payload or signature identify it, even if the token is cut.
  if (payload !== undefined) return [payload.slice(0, 20), (signature || payload).slice(-20)];
  const json = JSON.stringify(secret).slice(1, -1);
  const html = [secret, json].map((text) =>
    text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;'),
  );
  return [secret, json, Buffer.from(json).toString('latin1'), ...html];
}

/** The limit of a search. An error of axios holds sockets, and to search them would use up the memory. */
const MAX_OBJECTS = 1000;

/** The texts in a value, at any depth. Throws if the value is too large for {@link findLeaks}. */
function listTexts(value: unknown, seen = new Set<unknown>()): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) return [];
  if (seen.add(value).size > MAX_OBJECTS) throw new Error('The value is too large for a search, or holds a socket.');
  return Reflect.ownKeys(value).flatMap((key) => listTexts((value as Record<PropertyKey, unknown>)[key], seen));
}

/** The names of the secrets that a value contains, at any depth and in any form. */
export function findCanaries(value: unknown, secrets: Secrets = SECRETS): string[] {
  const forms = Object.entries(secrets).map(([name, secret]) => [name, listForms(secret)] as const);
  const all = forms.flatMap(([, texts]) => texts);
  // The search for hidden texts is slow, so it is only for values without a visible secret.
  const visible = findLeaks(listTexts(value).join('\n'), all);
  const found = visible.length > 0 ? visible : findLeaks(value, all);
  return forms.filter(([, texts]) => texts.some((text) => found.includes(text))).map(([name]) => name);
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
