import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { jest } from '@jest/globals';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify, type JWTVerifyOptions } from 'jose';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';

/** Any JSON, read by the tests without ceremony. */
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

/** One emulator for all tests of a `describe`, put back after each. */
export function useEmulator(options?: GenAuthEmulatorOptions): () => GenAuthEmulator {
  let emulator: GenAuthEmulator;
  beforeAll(async () => {
    emulator = await new GenAuthEmulator(options).start();
  });
  afterEach(() => emulator.reset());
  afterAll(() => emulator.stop());
  return () => emulator;
}

export const APP_HEADER = 'x-authing-app-id';

/** `POST /api/v3/signin` with the app's credentials in the body, as most backends send it. */
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

/** A body that signs alice in; `overrides` replace members of it. */
export function signInBody(emulator: GenAuthEmulator, overrides: Record<string, unknown> = {}): object {
  return {
    connection: 'PASSWORD',
    passwordPayload: { account: 'alice', password: 'passw0rd' },
    client_id: emulator.appId,
    client_secret: emulator.appSecret,
    ...overrides,
  };
}

/** Signs in and hands back the tokens; fails if there are none. */
export async function getTokens(emulator: GenAuthEmulator, overrides: Record<string, unknown> = {}): Promise<Tokens> {
  const { answer } = await postSignIn(emulator, signInBody(emulator, overrides));
  if (answer.statusCode !== 200 || !answer.data) throw new Error(JSON.stringify(answer));
  return answer.data;
}

export async function getJwks(emulator: GenAuthEmulator): Promise<JSONWebKeySet> {
  return (await getJson(`${emulator.url}/oidc/.well-known/jwks.json`)) as JSONWebKeySet;
}

export async function getJson(url: string): Promise<unknown> {
  return (await fetch(url)).json();
}

/** Verifies with jose alone, as strictly as an application should. */
export async function verify(emulator: GenAuthEmulator, token: string, options: JWTVerifyOptions = {}) {
  return jwtVerify(token, createLocalJWKSet(await getJwks(emulator)), {
    algorithms: ['RS256'],
    issuer: `${emulator.url}/oidc`,
    audience: emulator.appId,
    requiredClaims: ['sub', 'iat', 'exp'],
    ...options,
  });
}

/** The bytes of a sign-in's answer and its headers, without what differs from one answer to the next. */
export async function postSignInBytes(emulator: GenAuthEmulator, body: object) {
  const response = await fetch(`${emulator.url}/api/v3/signin`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const headers = Object.fromEntries([...response.headers].filter(([name]) => name !== 'date'));
  const text = (await response.text()).replace(/"requestId":"[^"]+"/, '');
  return { status: response.status, headers, text };
}

/** `GET /api/v3/system`, without an envelope. */
export async function getSystem(emulator: GenAuthEmulator) {
  return (await getJson(`${emulator.url}/api/v3/system`)) as {
    rsa: { publicKey: string };
    sm2: { publicKey: string };
    version: Record<string, string>;
    publicIps: string[];
  };
}

/** A captcha, and the code that its picture shows. */
export async function getCaptcha(emulator: GenAuthEmulator) {
  const { data } = (await getJson(`${emulator.url}/api/v3/get-captcha-code`)) as {
    data: { captchaCodeSvg: string; captchaToken: string };
  };
  const captchaCode = /<text[^>]*>([^<]+)<\/text>/.exec(data.captchaCodeSvg)?.[1] ?? '';
  return { captchaCode, captchaToken: data.captchaToken };
}

/** An answer of the OAuth endpoints: `body` is its JSON, where it is JSON. */
export interface OAuthAnswer {
  status: number;
  headers: Record<string, string>;
  text: string;
  body: Record<string, unknown>;
}

/** A request to an OAuth endpoint. An object is sent as a form, without those of its members that are `undefined`. */
export async function askOAuth(
  emulator: GenAuthEmulator,
  path: string,
  options: { method?: string; form?: Record<string, string | undefined>; headers?: Record<string, string> } = {},
): Promise<OAuthAnswer> {
  const { method = 'POST', form, headers = {} } = options;
  const given = Object.entries(form ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const response = await fetch(`${emulator.url}/oidc${path}`, {
    method,
    headers,
    redirect: 'manual',
    ...(form && { body: new URLSearchParams(given) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  const body = (isJson === true ? JSON.parse(text) : {}) as Record<string, unknown>;
  return { status: response.status, headers: Object.fromEntries(response.headers), text, body };
}

/** The same with the app's credentials in the form. */
export function askAsApp(
  emulator: GenAuthEmulator,
  path: string,
  form: Record<string, string | undefined>,
): Promise<OAuthAnswer> {
  const app = { client_id: emulator.appId, client_secret: emulator.appSecret };
  return askOAuth(emulator, path, { form: { ...app, ...form } });
}

/** `POST /oidc/token`, as GenAuth's SDK sends a refresh. */
export function refresh(emulator: GenAuthEmulator, refreshToken = '', form: Record<string, string> = {}) {
  return askAsApp(emulator, '/token', { grant_type: 'refresh_token', refresh_token: refreshToken, ...form });
}

export function introspect(emulator: GenAuthEmulator, token = '', form: Record<string, string> = {}) {
  return askAsApp(emulator, '/token/introspection', { token, ...form });
}

/** Whether introspection takes each token for live. */
export async function areActive(emulator: GenAuthEmulator, ...tokens: (string | undefined)[]): Promise<unknown[]> {
  const answers = await Promise.all(tokens.map((token) => introspect(emulator, token)));
  return answers.map(({ body }) => body['active']);
}

export function revoke(emulator: GenAuthEmulator, token = '', form: Record<string, string> = {}) {
  return askAsApp(emulator, '/token/revocation', { token, ...form });
}

export function getUserInfo(emulator: GenAuthEmulator, accessToken = ''): Promise<OAuthAnswer> {
  return askOAuth(emulator, '/me', { method: 'GET', headers: { authorization: `Bearer ${accessToken}` } });
}

/** Signs alice in with a refresh token. */
export function getRefreshable(emulator: GenAuthEmulator, scope = 'openid email offline_access'): Promise<Tokens> {
  return getTokens(emulator, { options: { scope } });
}

/** Runs something with the clock that many seconds ahead. */
export async function later<T>(seconds: number, run: () => Promise<T>): Promise<T> {
  const { now } = Date;
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + seconds * 1000);
  try {
    return await run();
  } finally {
    clock.mockRestore();
  }
}

/** A request to a control endpoint. */
export async function control(emulator: GenAuthEmulator, method: string, path: string, body?: unknown) {
  const response = await fetch(`${emulator.url}/emulator/v1${path}`, {
    method,
    ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  return { status: response.status, answer: (await response.json()) as unknown };
}

/** A request with headers that `fetch` would write itself (`Host`, `Origin`). */
export async function rawRequest(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number | undefined; headers: NodeJS.Dict<string | string[]>; body: string }> {
  const { body, ...rest } = options;
  const outgoing = httpRequest(url, { agent: false, ...rest });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, 'response')) as [import('node:http').IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return { status: incoming.statusCode, headers: incoming.headers, body: Buffer.concat(chunks).toString() };
}

/** Lets the event loop turn until something holds, and fails if it never does: a loop without an end would outlive its test. */
export async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 4000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Never came true: ${String(condition)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
