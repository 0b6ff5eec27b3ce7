import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { jest } from '@jest/globals';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify, type JWTVerifyOptions } from 'jose';
import { PATHS, type WireTokens } from '../../src/core/wire/facts.js';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';

export type Tokens = WireTokens & { access_token: string; id_token: string };

/** The answer to an unknown account and to a wrong password. */
export const WRONG = { statusCode: 403, apiCode: 2333, message: 'Account not exists or password is incorrect.' };

/** Starts one emulator for all tests of a `describe` or of a file. Resets it after each test. */
export function useEmulator(options?: GenAuthEmulatorOptions): () => GenAuthEmulator {
  let emulator: GenAuthEmulator;
  beforeAll(async () => {
    emulator = await new GenAuthEmulator(options).start();
  });
  afterEach(() => emulator.reset());
  afterAll(() => emulator.stop());
  return () => emulator;
}

/** Matches the error for a wrong option or argument whose message begins with this text, for example with a path. */
export function invalidInput(start: string): Error {
  const message: unknown = expect.stringMatching(new RegExp(`^${start.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')}`));
  return expect.objectContaining({ name: 'EmulatorError', code: 'invalid_input', message }) as Error;
}

/** Calls a function for each item, one after the other. */
export async function inTurn<Item, Result>(items: readonly Item[], run: (item: Item) => Promise<Result>) {
  const results: Result[] = [];
  for (const item of items) results.push(await run(item));
  return results;
}

/** An answer. `body` is the parsed JSON, or an empty object. */
export interface Reply {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  text: string;
  body: Record<string, unknown>;
}

/** Sends a request. Unlike `fetch` it also sends the headers `Host` and `Origin`. */
export async function send(
  url: string,
  { body, ...options }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Reply> {
  const outgoing = request(url, { agent: false, ...options });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const text = await readText(incoming);
  return { status: incoming.statusCode, headers: incoming.headers, text, body: parse(text) as Reply['body'] };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

export const asJson = (value: unknown) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});
export const asForm = (form: Record<string, string>) => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: String(new URLSearchParams(form)),
});

/** Builds the body of a sign-in of alice. `overrides` replace its members. */
export function signInBody(emulator: GenAuthEmulator, overrides: object = {}): object {
  const app = { client_id: emulator.appId, client_secret: emulator.appSecret };
  return { connection: 'PASSWORD', ...asUser('alice'), ...app, ...overrides };
}

/** Builds the overrides of {@link signInBody} for a user. */
export const asUser = (account: string, password = 'passw0rd', options: object = {}) => ({
  passwordPayload: { account, password },
  options,
});
/** Builds the overrides of {@link signInBody} for an AD account. */
export const asAd = (sAMAccountName: string, password = 'AdPassw0rd', options: object = {}) => ({
  connection: 'AD',
  adPayload: { sAMAccountName, password },
  options,
});

interface Answer {
  statusCode: number;
  apiCode?: number;
  code?: number;
  message: string;
  data?: Tokens;
}

/** Signs in. Returns the answer without its request id, and the outcome in the journal. */
export async function signIn(emulator: GenAuthEmulator, overrides: object = {}) {
  const { status, body } = await send(emulator.url + PATHS.signIn, asJson(signInBody(emulator, overrides)));
  const { requestId, ...answer } = body as unknown as Answer & { requestId: string };
  const record = emulator.signIns.find((each) => each.requestId === requestId);
  return { status, answer, code: answer.apiCode ?? answer.statusCode, outcome: record?.outcome };
}

/** Signs in and returns the tokens. Throws if there are none. */
export async function getTokens(emulator: GenAuthEmulator, overrides: object = {}): Promise<Tokens> {
  const { answer } = await signIn(emulator, overrides);
  if (answer.statusCode !== 200 || !answer.data) throw new Error(JSON.stringify(answer));
  return answer.data;
}

/** Signs in alice with a refresh token. */
export const getRefreshable = (emulator: GenAuthEmulator, scope = 'openid email offline_access') =>
  getTokens(emulator, { options: { scope } });

export async function getJwks(emulator: GenAuthEmulator): Promise<JSONWebKeySet> {
  return (await send(emulator.url + PATHS.jwks)).body as unknown as JSONWebKeySet;
}

/** Verifies a token with jose, as an application should. */
export async function verify(emulator: GenAuthEmulator, token: string, options: JWTVerifyOptions = {}) {
  return jwtVerify(token, createLocalJWKSet(await getJwks(emulator)), {
    algorithms: ['RS256'],
    issuer: `${emulator.url}/oidc`,
    audience: emulator.appId,
    requiredClaims: ['sub', 'iat', 'exp'],
    ...options,
  });
}

export async function getSystem(emulator: GenAuthEmulator) {
  const { body } = await send(emulator.url + PATHS.system);
  return body as { rsa: { publicKey: string }; sm2: { publicKey: string } };
}

/** Returns a captcha and the code that its picture shows. */
export async function getCaptcha(emulator: GenAuthEmulator) {
  const { body } = await send(emulator.url + PATHS.captcha);
  const { captchaCodeSvg, captchaToken } = body['data'] as { captchaCodeSvg: string; captchaToken: string };
  return { captchaCode: /<text[^>]*>([^<]+)<\/text>/.exec(captchaCodeSvg)?.[1] ?? '', captchaToken };
}

/** Sends a form to an OAuth endpoint with the app's credentials. */
function askAsApp(emulator: GenAuthEmulator, path: string, form: Record<string, string>): Promise<Reply> {
  const app = { client_id: emulator.appId, client_secret: emulator.appSecret };
  return send(emulator.url + path, asForm({ ...app, ...form }));
}

export const refresh = (emulator: GenAuthEmulator, refreshToken = '', form: Record<string, string> = {}) =>
  askAsApp(emulator, PATHS.token, { grant_type: 'refresh_token', refresh_token: refreshToken, ...form });

/** Refreshes and returns the new tokens. */
export async function getRefreshed(emulator: GenAuthEmulator, refreshToken = '', form: Record<string, string> = {}) {
  return (await refresh(emulator, refreshToken, form)).body as unknown as Tokens;
}

export const introspect = (emulator: GenAuthEmulator, token = '') => askAsApp(emulator, PATHS.introspection, { token });

/** Returns for each token whether introspection calls it active. */
export async function areActive(emulator: GenAuthEmulator, ...tokens: (string | undefined)[]): Promise<unknown[]> {
  const answers = await Promise.all(tokens.map((token) => introspect(emulator, token)));
  return answers.map(({ body }) => body['active']);
}

export const revoke = (emulator: GenAuthEmulator, token = '', form: Record<string, string> = {}) =>
  askAsApp(emulator, PATHS.revocation, { token, ...form });

export const getUserInfo = (emulator: GenAuthEmulator, accessToken = '') =>
  send(emulator.url + PATHS.userInfo, { headers: { authorization: `Bearer ${accessToken}` } });

/** Runs a function while the clock of this process is ahead. */
export async function later<T>(seconds: number, run: () => Promise<T>): Promise<T> {
  const { now } = Date;
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + seconds * 1000);
  try {
    return await run();
  } finally {
    clock.mockRestore();
  }
}
