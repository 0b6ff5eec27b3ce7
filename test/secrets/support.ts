import { once } from 'node:events';
import { connect } from 'node:net';
import { jest } from '@jest/globals';
import type { SignInEvent } from '../../src/core/events.js';
import { APP_SECRET, PASSWORD, accessClaims, idClaims } from '../support/canary.js';
import { hostProcess } from '../support/host-process.js';
import type { Issuer } from '../support/issuer.js';
import { useSignInEvents } from '../support/sign-in-event.js';
import { buildToken } from '../support/token.js';

/** The members of an answer that the client shows to the operator, with secrets in them. */
export const REPEATED = { message: `Refused: ${PASSWORD} and ${APP_SECRET}`, requestId: PASSWORD, error: APP_SECRET };

/** An answer of GenAuth for each outcome without success: kind, `statusCode`, `apiCode`, and our HTTP status. */
export const REJECTIONS = [
  ['invalid_credentials', 403, 2333, 401],
  ['captcha_required', 403, 2000, 403],
  ['mfa_required', 301, 1636, 403],
  ['password_change_required', 301, 1639, 403],
  ['identity_binding_required', 301, 1640, 403],
  ['profile_completion_required', 301, 1642, 403],
  ['account_locked', 403, 2005, 403],
  ['access_denied', 403, 2120008, 403],
  ['rate_limited', 429, 2100, 429],
  ['rejected', 403, 424242, 403],
] as const;

/** One answer of GenAuth for each party besides the user and the caller. */
export const FAULTS = [
  ['client_authentication_failed', 401, undefined, 500],
  ['upstream_unavailable', 500, undefined, 503],
  ['upstream_invalid_response', 200, undefined, 502],
] as const;

/** Tokens that are refused, and the code. Each row changes valid claims or the header. */
export const FLAWS: readonly (readonly [flaw: string, claims: object, header: object, code: string])[] = [
  ['an expired token', { iat: 8, exp: 9 }, {}, 'token_expired'],
  ['a token for another application', { aud: 'another-app' }, {}, 'token_audience_mismatch'],
  ['a token of another issuer', { iss: 'https://issuer.invalid/oidc' }, {}, 'token_issuer_mismatch'],
  ['a token with an unknown key', {}, { kid: 'unknown' }, 'token_key_unknown'],
  ['a token with another algorithm', {}, { alg: 'HS256' }, 'token_algorithm_mismatch'],
  ['a token of another type', {}, { typ: 'logout+jwt' }, 'token_type_mismatch'],
];

/** Both tokens with one flaw. They are signed with the issuer's key, in spite of their header. */
export function forgeTokens(issuer: Issuer, claims: object, header: object): Record<'idToken' | 'accessToken', string> {
  const { kid, privateKey } = issuer.key;
  const sign = (own: object): string =>
    buildToken({ alg: 'RS256', typ: 'JWT', kid, ...header }, { ...own, ...claims }, privateKey);
  return { idToken: sign(idClaims(issuer)), accessToken: sign(accessClaims(issuer)) };
}

/** What a test makes this process print and publish. */
export interface Output {
  /** The events of `genauth:sign-in`. */
  readonly events: readonly SignInEvent[];
  readonly warnings: readonly unknown[];
  /** Events, warnings and everything that was printed, once pending writes are done. */
  read(): Promise<readonly unknown[]>;
}

/** Records events, warnings, `console`, stdout and stderr, anew for each test. */
export function useOutput(): Output {
  const events = useSignInEvents();
  const warnings: unknown[] = [];
  const printed: unknown[] = [];
  const record = (warning: unknown): number => warnings.push(warning);
  beforeEach(() => {
    warnings.length = printed.length = 0;
    hostProcess.on('warning', record);
    for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'table'] as const) {
      jest.spyOn(console, method).mockImplementation((...parts: unknown[]) => void printed.push(parts));
    }
    for (const stream of [hostProcess.stdout, hostProcess.stderr]) {
      jest.spyOn(stream, 'write').mockImplementation((text) => printed.push(text) > 0);
    }
  });
  afterEach(() => {
    hostProcess.off('warning', record);
    jest.restoreAllMocks();
  });
  return {
    events,
    warnings,
    read: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return [events, warnings, printed];
    },
  };
}

/** Sends a POST request and returns the bytes of the response: status line, headers and body. */
export async function post(
  url: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<string> {
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

export const statusOf = (response: string): number => Number(/^HTTP\/1\.1 (\d{3}) /.exec(response)?.[1]);
