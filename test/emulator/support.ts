import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { jest } from '@jest/globals';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify, type JWTVerifyOptions } from 'jose';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';

export interface Answer {
  statusCode: number;
  apiCode?: number;
  message: string;
  requestId: string;
  data?: Tokens;
}

export interface Tokens {
  access_token: string;
  id_token: string;
  refresh_token?: string;
  token_type: string;
  scope: string;
  expires_in?: number;
  expire_in?: number;
}

export const APP_HEADER = 'x-authing-app-id';
export const JWKS = '/oidc/.well-known/jwks.json';
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

/** Returns what a function returns or throws. */
export function attempt(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

/** Returns one row for each value of a table: its key and the value. */
export function listRows(table: Readonly<Record<string, readonly unknown[]>>): [key: string, value: unknown][] {
  return Object.entries(table).flatMap(([key, values]) => values.map((value): [string, unknown] => [key, value]));
}

/** Sends `POST /api/v3/signin`. By default the app id is also sent in a header, as GenAuth's SDKs do. */
export async function postSignIn(
  emulator: GenAuthEmulator,
  body: unknown,
  headers: Record<string, string> = { [APP_HEADER]: emulator.appId },
): Promise<{ status: number; answer: Answer }> {
  const response = await fetch(`${emulator.url}/api/v3/signin`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, answer: (await response.json()) as Answer };
}

/** Builds a body that signs in alice. `overrides` replace its members. */
export function signInBody(emulator: GenAuthEmulator, overrides: Record<string, unknown> = {}): object {
  return {
    connection: 'PASSWORD',
    passwordPayload: { account: 'alice', password: 'passw0rd' },
    client_id: emulator.appId,
    client_secret: emulator.appSecret,
    ...overrides,
  };
}

/** Builds the overrides of {@link signInBody} for a user. */
export const asUser = (account: string, password = 'passw0rd', options?: object) => ({
  passwordPayload: { account, password },
  ...(options && { options }),
});
/** Builds the overrides of {@link signInBody} for an AD account. */
export const asAd = (sAMAccountName: string, password = 'AdPassw0rd', options?: object) => ({
  connection: 'AD',
  adPayload: { sAMAccountName, password },
  ...(options && { options }),
});

/** Signs in. Returns the answer without its request id, and the outcome in the journal. */
export async function signIn(emulator: GenAuthEmulator, overrides: Record<string, unknown> = {}) {
  const { status, answer } = await postSignIn(emulator, signInBody(emulator, overrides));
  const { requestId, ...rest } = answer;
  const record = emulator.signIns.find((each) => each.requestId === requestId);
  return { status, answer: rest, code: answer.apiCode ?? answer.statusCode, outcome: record?.outcome };
}

/** Signs in and returns the tokens. Throws if there are none. */
export async function getTokens(emulator: GenAuthEmulator, overrides: Record<string, unknown> = {}): Promise<Tokens> {
  const { answer } = await postSignIn(emulator, signInBody(emulator, overrides));
  if (answer.statusCode !== 200 || !answer.data) throw new Error(JSON.stringify(answer));
  return answer.data;
}

/** Signs in alice with a refresh token. */
export function getRefreshable(emulator: GenAuthEmulator, scope = 'openid email offline_access') {
  return getTokens(emulator, { options: { scope } });
}

export async function getJson(url: string): Promise<unknown> {
  return (await fetch(url)).json();
}

export async function getJwks(emulator: GenAuthEmulator): Promise<JSONWebKeySet> {
  return (await getJson(emulator.url + JWKS)) as JSONWebKeySet;
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

/** Sends `GET /api/v3/system`. */
export async function getSystem(emulator: GenAuthEmulator) {
  return (await getJson(`${emulator.url}/api/v3/system`)) as {
    rsa: { publicKey: string };
    sm2: { publicKey: string };
  };
}

/** Returns a captcha and the code that its picture shows. */
export async function getCaptcha(emulator: GenAuthEmulator) {
  const { data } = (await getJson(`${emulator.url}/api/v3/get-captcha-code`)) as {
    data: { captchaCodeSvg: string; captchaToken: string };
  };
  const captchaCode = /<text[^>]*>([^<]+)<\/text>/.exec(data.captchaCodeSvg)?.[1] ?? '';
  return { captchaCode, captchaToken: data.captchaToken };
}

/** An answer of an OAuth endpoint. `body` is empty if the answer is not JSON. */
export interface OAuthAnswer {
  status: number;
  headers: Record<string, string>;
  text: string;
  body: Record<string, unknown>;
}

/** Sends a form to an OAuth endpoint with the app's credentials. */
export async function askAsApp(
  emulator: GenAuthEmulator,
  path: string,
  form: Record<string, string>,
): Promise<OAuthAnswer> {
  const app = { client_id: emulator.appId, client_secret: emulator.appSecret };
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return askOAuth(emulator, path, { method: 'POST', headers, body: String(new URLSearchParams({ ...app, ...form })) });
}

/** Sends a request to a path below `/oidc`. */
export async function askOAuth(
  emulator: GenAuthEmulator,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<OAuthAnswer> {
  const response = await fetch(`${emulator.url}/oidc${path}`, { redirect: 'manual', ...options });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  const body = (isJson === true ? JSON.parse(text) : {}) as Record<string, unknown>;
  return { status: response.status, headers: Object.fromEntries(response.headers), text, body };
}

export function refresh(emulator: GenAuthEmulator, refreshToken = '', form: Record<string, string> = {}) {
  return askAsApp(emulator, '/token', { grant_type: 'refresh_token', refresh_token: refreshToken, ...form });
}

/** Refreshes and returns the new tokens. */
export async function getRefreshed(emulator: GenAuthEmulator, refreshToken = '', form: Record<string, string> = {}) {
  return (await refresh(emulator, refreshToken, form)).body as unknown as Tokens;
}

export function introspect(emulator: GenAuthEmulator, token = '', form: Record<string, string> = {}) {
  return askAsApp(emulator, '/token/introspection', { token, ...form });
}

/** Returns for each token whether introspection calls it active. */
export async function areActive(emulator: GenAuthEmulator, ...tokens: (string | undefined)[]): Promise<unknown[]> {
  const answers = await Promise.all(tokens.map((token) => introspect(emulator, token)));
  return answers.map(({ body }) => body['active']);
}

export function revoke(emulator: GenAuthEmulator, token = '', form: Record<string, string> = {}) {
  return askAsApp(emulator, '/token/revocation', { token, ...form });
}

export function getUserInfo(emulator: GenAuthEmulator, accessToken = ''): Promise<OAuthAnswer> {
  return askOAuth(emulator, '/me', { headers: { authorization: `Bearer ${accessToken}` } });
}

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

/** Sends a request to a control path. */
export async function control(emulator: GenAuthEmulator, method: string, path: string, body?: unknown) {
  const response = await fetch(`${emulator.url}/emulator/v1${path}`, {
    method,
    ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  return { status: response.status, answer: (await response.json()) as unknown };
}

/** Sends a request with headers that `fetch` sets itself, such as `Host` and `Origin`. */
export async function rawRequest(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number | undefined; headers: NodeJS.Dict<string | string[]>; body: string }> {
  const { body, ...rest } = options;
  const outgoing = httpRequest(url, { agent: false, ...rest });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return { status: incoming.statusCode, headers: incoming.headers, body: Buffer.concat(chunks).toString() };
}
