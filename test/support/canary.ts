import { once } from 'node:events';
import { connect } from 'node:net';
import { jest } from '@jest/globals';
import type { TokenVerificationErrorCode } from '../../src/core/errors.js';
import type { SignInEvent } from '../../src/core/events.js';
import { hostProcess } from './host-process.js';
import { type Issuer, type ReceivedRequest, type Reply, SIGN_IN_PATH } from './issuer.js';
import { findLeaks } from './leak.js';
import { createRsaKey } from './rsa-key.js';
import { useSignInEvents } from './sign-in-event.js';
import { type SigningKey, buildToken, encodeSegment } from './token.js';

/**
 * Short enough to survive a cut at 64 characters, and with characters that JSON, HTML and addresses write in another way. In base64
 * they have neither `+` nor `/`, so that base64url is the same.
 */
export const PASSWORD = 'c4nary"Pä55<wörd&';
export const APP_SECRET = 'c4nary-app"sé<cret&';
export const PROXY_PASSWORD = 'c4nary-pr@xy:"pä55&';
/** As it stands in an address. */
export const PROXY_USER = `user:${encodeURIComponent(PROXY_PASSWORD)}@`;
export const REFRESH_TOKEN = 'c4naryRefreshToken0123';
const MFA_TOKEN = 'c4naryMfaToken0123';
const FLOW_TOKEN = 'c4naryFlowToken0123';

/** What nobody may find, by name. */
export type Secrets = Readonly<Record<string, string>>;
/** Without the two tokens of an answer, which every test makes anew: see {@link makeTokens}. */
export const SECRETS = {
  password: PASSWORD,
  appSecret: APP_SECRET,
  proxyPassword: PROXY_PASSWORD,
  refreshToken: REFRESH_TOKEN,
  mfaToken: MFA_TOKEN,
  flowToken: FLOW_TOKEN,
} as const satisfies Secrets;
/** All of them as a careless server could write them on a page. */
export const EVERYTHING = JSON.stringify(SECRETS);

/** Of a JWT what no other has, and a cut leaves: where its payload begins and where it ends. Else what {@link findLeaks} leaves out. */
function listForms(secret: string): string[] {
  const [, payload, signature] = secret.split('.');
  if (payload !== undefined) return [payload.slice(0, 20), (signature || payload).slice(-20)];
  const json = JSON.stringify(secret).slice(1, -1);
  // Express's own error page.
  const html = [secret, json].map((text) =>
    text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;'),
  );
  // The test's own TCP servers read bytes, and repeat them so.
  return [secret, json, Buffer.from(json).toString('latin1'), ...html];
}

/** More than any error, answer or log here holds. */
const MAX_OBJECTS = 1000;

/** The texts that can be reached through the first so many objects. */
function* listTexts(value: unknown, seen: Set<unknown>): Generator<string> {
  if (typeof value === 'string') yield value;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  if (seen.size > MAX_OBJECTS || seen.has(value)) return;
  seen.add(value);
  for (const key of Reflect.ownKeys(value)) yield* listTexts((value as Record<PropertyKey, unknown>)[key], seen);
}

/** The names of the secrets that can be found in a value, however deep and in whatever form. */
export function findCanaries(value: unknown, secrets: Secrets = SECRETS): string[] {
  const names = new Map<string, string>();
  for (const [name, secret] of Object.entries(secrets)) for (const form of listForms(secret)) names.set(form, name);
  const seen = new Set<unknown>();
  const near = findLeaks([...listTexts(value, seen)].join('\n'), [...names.keys()]);
  // An error of axios holds its sockets: to search it to its bottom would take all memory.
  if (near.length === 0 && seen.size > MAX_OBJECTS) throw new Error('The value holds too much to be searched.');
  const found = near.length > 0 ? near : findLeaks(value, [...names.keys()]);
  return [...new Set(found.map((form) => names.get(form) ?? ''))];
}

/** What can be heard of a test, beside what its calls give back. */
export interface Ear {
  /** Of `genauth:sign-in`. */
  readonly events: readonly SignInEvent[];
  readonly warnings: readonly unknown[];
  /** Everything, once what is still under way has been written. */
  listen(): Promise<readonly unknown[]>;
}

const CONSOLE_METHODS = ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'table'] as const;

/** Listens to events, `console`, warnings and both of the process's streams, for each test anew. */
export function useEar(): Ear {
  const events = useSignInEvents();
  const warnings: unknown[] = [];
  const lines: unknown[] = [];
  const hear = (warning: unknown): number => warnings.push(warning);
  const restore: (() => void)[] = [];
  beforeEach(() => {
    warnings.length = lines.length = 0;
    hostProcess.on('warning', hear);
    for (const method of CONSOLE_METHODS) {
      jest.spyOn(console, method).mockImplementation((...parts: unknown[]) => void lines.push(parts));
    }
    for (const stream of [hostProcess.stdout, hostProcess.stderr]) {
      const write = stream.write.bind(stream);
      stream.write = ((...parts: Parameters<typeof write>) => {
        lines.push(parts[0]);
        // Not on the screen too: there are hundreds.
        return String(parts[0]).includes('GenAuthWarning') || write(...parts);
      }) as typeof write;
      restore.push(() => void (stream.write = write));
    }
  });
  afterEach(() => {
    hostProcess.off('warning', hear);
    jest.restoreAllMocks();
    for (const undo of restore.splice(0)) undo();
  });
  return {
    events,
    warnings,
    listen: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return [events, warnings, lines];
    },
  };
}

/** The two tokens of an answer, right ones with a password among the claims. */
export type Tokens = Record<'idToken' | 'accessToken', string>;
export type Claims = Record<string, unknown> & { iat: number; exp: number };
export const idClaims = (issuer: Issuer): Claims => issuer.idTokenClaims({ password: PASSWORD }) as Claims;
export const accessClaims = (issuer: Issuer): Claims => issuer.accessTokenClaims({ password: PASSWORD }) as Claims;
export function makeTokens(issuer: Issuer): Tokens {
  return { idToken: issuer.sign(idClaims(issuer)), accessToken: issuer.sign(accessClaims(issuer)) };
}

/** A sign-in succeeds with these, and with other `data` over them. */
export function answerSignIn(issuer: Issuer, { idToken, accessToken }: Tokens, data: object = {}): void {
  issuer.replySignIn({ id_token: idToken, access_token: accessToken, refresh_token: REFRESH_TOKEN, ...data });
}

/**
 * A sign-in is answered by a server that puts what it was sent, and more, all over its answer; but for `message` and `requestId`,
 * which are for the operator's eyes.
 */
export function echoSignIn(issuer: Issuer, statusCode: number, apiCode?: number, said: object = {}): Tokens {
  const tokens = makeTokens(issuer);
  issuer.reply(SIGN_IN_PATH, ({ body: text, headers }: ReceivedRequest): Reply => {
    const sent = JSON.parse(text) as object;
    const everything = { ...sent, ...SECRETS, sent, headers, text };
    const step = { mfaToken: MFA_TOKEN, token: FLOW_TOKEN, remainCount: 2 };
    const data = {
      ...everything,
      ...step,
      applicationMfa: [{ ...everything, mfaPolicy: 'SMS', status: 1, sort: 0 }],
      access_token: tokens.accessToken,
      refresh_token: REFRESH_TOKEN,
      // With both tokens a statusCode of 200 would be a success.
      ...(statusCode === 200 ? {} : { id_token: tokens.idToken }),
    };
    return {
      headers: {
        'set-cookie': `password=${encodeURIComponent(PASSWORD)}`,
        'www-authenticate': `Basic ${Buffer.from(`app:${APP_SECRET}`).toString('base64')}`,
        'retry-after': encodeURIComponent(PASSWORD),
        'x-echo': Buffer.from(text).toString('base64'),
      },
      body: { ...everything, statusCode, apiCode, message: 'GenAuth says no', requestId: 'request-1', ...said, data },
    };
  });
  return tokens;
}

/** What a forger works with. */
interface Workshop {
  claims: Claims;
  kid: string;
  /** A token that is right but for these claims and members of the header. */
  sign: (changes?: object, header?: object) => string;
  build: (alg: string, key: SigningKey) => string;
  /** The public key as a PEM file has it. */
  pem: string;
}

const foreignKey = createRsaKey();
const WORKS: readonly (readonly [
  flaw: string,
  forge: (workshop: Workshop) => string,
  code: TokenVerificationErrorCode,
])[] = [
  ['expired', ({ sign, claims }) => sign({ iat: claims.iat - 9, exp: claims.iat - 8 }), 'token_expired'],
  ['of tomorrow', ({ sign, claims }) => sign({ nbf: claims.iat + 86_400 }), 'token_not_yet_valid'],
  ['of a foreign audience', ({ sign }) => sign({ aud: 'another-app' }), 'token_audience_mismatch'],
  ['of a foreign issuer', ({ sign }) => sign({ iss: 'https://issuer.invalid/oidc' }), 'token_issuer_mismatch'],
  ['without a subject', ({ sign }) => sign({ sub: undefined }), 'token_claim_invalid'],
  ['unsigned (alg none)', ({ build }) => build('none', ''), 'token_malformed'],
  ['signed, and says alg none', ({ sign }) => sign({}, { alg: 'none' }), 'token_algorithm_mismatch'],
  ['HS256, keyed with the public PEM', ({ build, pem }) => build('HS256', pem), 'token_algorithm_mismatch'],
  ['HS256, keyed with the app secret', ({ build }) => build('HS256', APP_SECRET), 'token_algorithm_mismatch'],
  ['of an unknown key', ({ sign }) => sign({}, { kid: 'a key of nobody' }), 'token_key_unknown'],
  ['signed with a foreign key', ({ build }) => build('RS256', foreignKey.privateKey), 'token_signature_invalid'],
  ['tampered with', ({ sign, claims }) => tamper(sign(), claims), 'token_signature_invalid'],
  ['with an extension', ({ sign }) => sign({}, { crit: ['b64'], b64: true }), 'token_malformed'],
  ['of another kind (typ)', ({ sign }) => sign({}, { typ: 'logout+jwt' }), 'token_type_mismatch'],
  ['in four parts', ({ sign }) => `${sign()}.x`, 'token_malformed'],
  ['padded', ({ sign }) => `${sign()}=`, 'token_malformed'],
];

function tamper(token: string, claims: Claims): string {
  const [header, , signature] = token.split('.');
  return `${header}.${encodeSegment({ ...claims, exp: claims.exp + 1 })}.${signature}`;
}

type Forge = (issuer: Issuer, claims: Claims) => string;

/** Tokens of either kind that must be refused: made of right claims, with one thing wrong. */
export const FORGERIES = WORKS.map(([flaw, work, code]) => {
  const forge: Forge = (issuer, claims) => {
    const { kid, publicKey } = issuer.key;
    return work({
      claims,
      kid,
      sign: (changes, header) => issuer.sign({ ...claims, ...changes }, header),
      build: (alg, key) => buildToken({ alg, typ: 'JWT', kid }, claims, key, alg),
      pem: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    });
  };
  return [flaw, forge, code] as const;
});

/** Answers of a server that fails, and the code that must come of each. */
export const BROKEN: readonly (readonly [name: string, reply: Reply, code: string])[] = [
  ['HTTP 500', { status: 500, body: EVERYTHING }, 'upstream_unavailable'],
  ['HTTP 429', { status: 429, body: EVERYTHING, headers: { 'retry-after': '7' } }, 'upstream_unavailable'],
  ['HTTP 403', { status: 403, body: EVERYTHING }, 'upstream_invalid_response'],
  ['a redirect', { status: 307, headers: { location: '/' }, body: EVERYTHING }, 'upstream_invalid_response'],
  ['a reset', { reset: true }, 'upstream_unreachable'],
  ['a page', { body: `<html>${EVERYTHING}` }, 'upstream_invalid_response'],
  ['too much', { body: EVERYTHING.repeat(6000) }, 'upstream_invalid_response'],
];

const NAMES = { account: 'alice', sAMAccountName: 'alice' };

/** Options of which one is wrong, with a secret where it is, or beside it. */
export const MISTAKEN_OPTIONS: readonly (readonly [name: string, options: Record<string, unknown>])[] = [
  ['nothing but the secret', { appId: undefined, appHost: undefined }],
  ['white space around the secret', { appSecret: ` ${APP_SECRET}\n` }],
  ['a secret in bytes', { appSecret: Buffer.from(APP_SECRET) }],
  ['a secret in an object', { appSecret: { value: APP_SECRET } }],
  ['a promise of a secret', { appSecret: Promise.resolve(APP_SECRET) }],
  ['a secret where none is wanted', { tokenEndpointAuthMethod: 'none' }],
  ['a secret that is too short for HS256', { idTokenSignedResponseAlg: 'HS256' }],
  ['other libraries’ words', { clientSecret: APP_SECRET, client_secret: APP_SECRET, secret: APP_SECRET }],
  ['another library’s form', { client: { secret: APP_SECRET }, http: { auth: { password: PROXY_PASSWORD } } }],
  ['a proxy of another kind', { proxy: `socks5://${PROXY_USER}proxy.example` }],
  ['a proxy without a scheme', { proxy: `${PROXY_USER}proxy.example:3128` }],
  ['a proxy without a host', { proxy: `http://${PROXY_USER}` }],
  ['a proxy whose password is not encoded', { proxy: `http://user:${PROXY_PASSWORD}%@proxy.example` }],
  ['a proxy as axios has it', { proxy: { host: 'proxy.example', auth: { password: PROXY_PASSWORD } } }],
  ['a list of proxies', { proxy: [`http://${PROXY_USER}proxy.example`] }],
  ['a password in appHost', { appHost: `https://${PROXY_USER}tenant.example` }],
  ['a password in issuer', { issuer: `https://${PROXY_USER}tenant.example/oidc` }],
  ['a password in jwksUri', { jwksUri: `https://${PROXY_USER}tenant.example/keys?x#y` }],
  ['credentials among the sign-in options', { signInOptions: { password: PASSWORD, client_secret: APP_SECRET } }],
  [
    'objects everywhere',
    { jwks: [{ APP_SECRET }], fields: [{ PASSWORD }], timeout: { PASSWORD }, scope: [{ PASSWORD }] },
  ],
];

/** Bodies of a login with a secret where it does not belong: neither by password nor by Active Directory. */
export const WRONG_BODIES: readonly (readonly [name: string, body: unknown])[] = [
  ['a list', ['alice', PASSWORD]],
  ['a password that is an object', { ...NAMES, password: { $ne: PASSWORD } }],
  ['a password that is a list', { ...NAMES, password: [PASSWORD] }],
  ['a password under another name', { ...NAMES, passwd: PASSWORD }],
  ['a password for a name', { ...NAMES, [PASSWORD]: PASSWORD }],
  ['a password as account', { account: PASSWORD, sAMAccountName: PASSWORD }],
  ['a password as a second account', { account: 'alice', email: PASSWORD, password: 'x' }],
  ['a password as captcha', { ...NAMES, password: PASSWORD, captchaCode: [PASSWORD] }],
  ['an account that is an object', { account: { PASSWORD }, sAMAccountName: { PASSWORD }, password: PASSWORD }],
  ['an endless password', { ...NAMES, password: PASSWORD.repeat(99) }],
];

/** A POST, and the very bytes that come back, status line and headers included. */
export async function exchange(url: string, path: string, body: unknown, headers: Secrets = {}): Promise<string> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const length = String(Buffer.byteLength(text));
  const all = { host: 'localhost', connection: 'close', 'content-type': 'application/json', 'content-length': length };
  const lines = Object.entries({ ...all, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('utf8');
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`);
  let received = '';
  socket.on('data', (chunk: string) => (received += chunk));
  await once(socket, 'close');
  return received;
}

/** An answer without the next step's token, which belongs there, and which anywhere else is a secret. */
export function withoutStepToken(answer: string): string {
  const [head = '', body = ''] = answer.split('\r\n\r\n', 2);
  if (!body.startsWith('{')) return answer;
  const { mfaToken: _, flowToken: __, ...rest } = JSON.parse(body) as Record<string, unknown>;
  return `${head}\r\n\r\n${JSON.stringify(rest)}`;
}

/** The HTTP status of what {@link exchange} brought. */
export const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);
