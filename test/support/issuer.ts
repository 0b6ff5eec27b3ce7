import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, createServer } from 'node:http';
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

/** A response: a text or bytes are sent as they are, every other body as JSON. `reset` ends the connection instead. */
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
  /** All requests, oldest first. */
  readonly requests: ReceivedRequest[] = [];
  /** Signs the tokens by default. By default it is the only key of the key set. */
  readonly key: RsaKey = createRsaKey();
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #responders = new Map<string, Responder>();

  /** Listens on a free loopback port, with a valid discovery document and key set. */
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

  /** Sets the response of a path. */
  reply(path: string, responder: Responder): void {
    this.#responders.set(path, responder);
  }

  /** The response of a path. */
  responder(path: string): Responder | undefined {
    return this.#responders.get(path);
  }

  /** The number of requests for a path, or of all requests. */
  count(path?: string): number {
    return this.requests.filter((request) => path === undefined || request.path === path).length;
  }

  /** Removes all requests, and answers as at the start. */
  reset(): void {
    this.requests.length = 0;
    this.#responders.clear();
    this.reply(DISCOVERY_PATH, { body: { issuer: this.issuer, jwks_uri: `${this.url}${JWKS_PATH}` } });
    this.reply(JWKS_PATH, { body: { keys: [this.key.jwk] } });
  }

  /** Claims of a valid id_token. `undefined` removes a claim. */
  idTokenClaims(changes: Record<string, unknown> = {}, now = Date.now()): Record<string, unknown> {
    const iat = Math.floor(now / 1000);
    return { iss: this.issuer, sub: SUBJECT, aud: APP_ID, iat, exp: iat + 3600, ...changes };
  }

  /** Claims of a valid access token. */
  accessTokenClaims(changes: Record<string, unknown> = {}, now = Date.now()): Record<string, unknown> {
    return { ...this.idTokenClaims({}, now), scope: 'openid profile', jti: 'jti-of-the-test', ...changes };
  }

  /** A token with a valid header and a valid signature over any payload. */
  sign(payload: object | string, header: object = {}): string {
    return buildToken({ alg: 'RS256', typ: 'JWT', kid: this.key.kid, ...header }, payload, this.key.privateKey);
  }

  /** Answers the next sign-ins with these `data`, by default with two valid tokens. */
  replySignIn(data: Record<string, unknown> = {}): void {
    const tokens = { id_token: this.sign(this.idTokenClaims()), access_token: this.sign(this.accessTokenClaims()) };
    const body = { statusCode: 200, message: '', requestId: 'request-1', data: { ...tokens, ...data } };
    this.reply(SIGN_IN_PATH, { body });
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
    const responder = this.#responders.get(path) ?? this.#responders.get(path.replace(/\?.*/, '')) ?? { status: 404 };
    const reply = typeof responder === 'function' ? await responder(request) : responder;
    if (reply.reset === true) return void message.socket.resetAndDestroy();
    const { status = 200, body } = reply;
    const plain = typeof body === 'string' || Buffer.isBuffer(body);
    response.writeHead(status, { 'content-type': plain ? 'text/html' : 'application/json', ...reply.headers });
    response.end(plain || body === undefined ? body : JSON.stringify(body));
  }
}

/** One issuer for all tests of a file or `describe`. It is reset after each. */
export function useIssuer(): () => Issuer {
  let issuer: Issuer;
  beforeAll(async () => {
    issuer = await Issuer.start();
  });
  afterEach(() => issuer.reset());
  afterAll(() => issuer.close());
  return () => issuer;
}
