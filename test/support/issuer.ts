import { once } from 'node:events';
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  createServer,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { type RsaKey, createRsaKey } from './rsa-key.js';
import { buildToken } from './token.js';

export const DISCOVERY_PATH = '/oidc/.well-known/openid-configuration';
export const JWKS_PATH = '/oidc/.well-known/jwks.json';
export const SIGN_IN_PATH = '/api/v3/signin';
export const APP_ID = '65f0c1d2e3a4b5c6d7e8f901';
export const SUBJECT = '65f0c1d2e3a4b5c6d7e8f902';

/** A request as it arrived. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What is answered: a text or bytes go out as they are, anything else as JSON. `reset` ends the connection instead. */
export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  reset?: boolean;
}

type Responder = Reply | ((request: ReceivedRequest) => Reply | Promise<Reply>);

/**
 * An HTTP server in the place of GenAuth. The test sets the response of each path and builds each token. The server
 * shares only the paths with the emulator. It answers every path without a response with 404.
 */
export class Issuer {
  /** What arrived, oldest first. */
  readonly requests: ReceivedRequest[] = [];
  /** Signs the tokens that are not told otherwise; the only key of the key set until `reply` says otherwise. */
  readonly key: RsaKey = createRsaKey();
  readonly #server: Server;
  readonly #responders = new Map<string, Responder>();

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** Listens on a free loopback port, with a right discovery document and a right key set. */
  static async start(): Promise<Issuer> {
    const issuer = new Issuer();
    issuer.#server.listen(0, '127.0.0.1');
    await once(issuer.#server, 'listening');
    issuer.reset();
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get issuer(): string {
    return `${this.url}/oidc`;
  }

  /** Options of a client for this issuer. */
  get clientOptions(): { appId: string; appSecret: string; appHost: string } {
    return { appId: APP_ID, appSecret: 'app-secret-of-the-test', appHost: this.url };
  }

  /** Sets what a path answers from now on. */
  reply(path: string, responder: Responder): void {
    this.#responders.set(path, responder);
  }

  /** How many requests a path has met; all of them without a path. */
  count(path?: string): number {
    return this.requests.filter((request) => path === undefined || request.path === path).length;
  }

  /** Forgets what arrived, and answers as at the start. */
  reset(): void {
    this.requests.length = 0;
    this.#responders.clear();
    this.reply(DISCOVERY_PATH, { body: { issuer: this.issuer, jwks_uri: `${this.url}${JWKS_PATH}` } });
    this.reply(JWKS_PATH, { body: { keys: [this.key.jwk] } });
  }

  /** Claims of a right id_token; `undefined` takes one out. */
  idTokenClaims(changes: Record<string, unknown> = {}, now = Date.now()): Record<string, unknown> {
    const iat = Math.floor(now / 1000);
    return { iss: this.issuer, sub: SUBJECT, aud: APP_ID, iat, exp: iat + 3600, ...changes };
  }

  /** Claims of a right access token. */
  accessTokenClaims(changes: Record<string, unknown> = {}, now = Date.now()): Record<string, unknown> {
    return { ...this.idTokenClaims({}, now), scope: 'openid profile', jti: 'jti-of-the-test', ...changes };
  }

  /** A token with a right header and a right signature over any payload. */
  sign(payload: object | string, header: object = {}): string {
    return buildToken({ alg: 'RS256', typ: 'JWT', kid: this.key.kid, ...header }, payload, this.key.privateKey);
  }

  /** Answers the next sign-ins with these `data`, by default with two right tokens. */
  replySignIn(data: Record<string, unknown> = {}): void {
    const tokens = { id_token: this.sign(this.idTokenClaims()), access_token: this.sign(this.accessTokenClaims()) };
    this.reply(SIGN_IN_PATH, {
      body: { statusCode: 200, message: '', requestId: 'request-1', data: { ...tokens, ...data } },
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const { method = '', url: path = '', headers } = message;
    const request = { method, path, headers, body: Buffer.concat(chunks).toString() };
    this.requests.push(request);
    const responder = this.#responders.get(path) ?? { status: 404 };
    const {
      status = 200,
      headers: replied = {},
      body,
      reset,
    } = typeof responder === 'function' ? await responder(request) : responder;
    if (reset === true) return void message.socket.resetAndDestroy();
    const plain = typeof body === 'string' || Buffer.isBuffer(body);
    response.writeHead(status, { 'content-type': plain ? 'text/html' : 'application/json', ...replied });
    response.end(plain || body === undefined ? body : JSON.stringify(body));
  }
}

/** One issuer for all tests of a file or `describe`, put back after each. */
export function useIssuer(): () => Issuer {
  let issuer: Issuer;
  beforeAll(async () => {
    issuer = await Issuer.start();
  });
  afterEach(() => issuer.reset());
  afterAll(() => issuer.close());
  return () => issuer;
}
