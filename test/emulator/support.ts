import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
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

/** Sends a request. Unlike `fetch` it also sends the headers `Host` and `Origin`. `body` is an object, or empty. */
export async function send(
  url: string,
  { body: sent, ...options }: { method?: string; headers?: Record<string, string>; body?: string } = {},
) {
  const outgoing = request(url, { agent: false, ...options });
  outgoing.end(sent);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const text = await readText(incoming);
  return {
    status: incoming.statusCode,
    headers: incoming.headers,
    text,
    // A getter, because the emulator also sends damaged responses, whose body no test reads.
    get body() {
      return (/^[[{]/.test(text) ? JSON.parse(text) : {}) as Record<string, unknown>;
    },
  };
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

type Answer = { statusCode: number; apiCode?: number; code?: number; message: string; data?: Tokens };

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

export const getJwks = async ({ url }: GenAuthEmulator) =>
  (await send(url + PATHS.jwks)).body as unknown as JSONWebKeySet;

/** Verifies a token with jose, as an application should. */
export async function verify(emulator: GenAuthEmulator, token: string) {
  const options = { algorithms: ['RS256'], audience: emulator.appId, requiredClaims: ['sub', 'iat', 'exp'] };
  const keys = createLocalJWKSet(await getJwks(emulator));
  return jwtVerify(token, keys, { issuer: `${emulator.url}/oidc`, ...options });
}

type System = Record<'rsa' | 'sm2', { publicKey: string }>;
export const getSystem = async ({ url }: GenAuthEmulator) => (await send(url + PATHS.system)).body as System;

/** Returns a captcha and the code that its picture shows. */
export async function getCaptcha(emulator: GenAuthEmulator) {
  const { body } = await send(emulator.url + PATHS.captcha);
  const { captchaCodeSvg, captchaToken } = body['data'] as { captchaCodeSvg: string; captchaToken: string };
  return { captchaCode: /<text[^>]*>([^<]+)<\/text>/.exec(captchaCodeSvg)?.[1] ?? '', captchaToken };
}
