import type { AppSecret } from './app-secret.js';
import { ConfigurationError, TokenVerificationError, UpstreamError } from '../errors.js';
import { quote } from '../util/quote.js';
import type { Http, HttpAnswer, HttpRequest } from '../http/http.js';
import type { ResolvedOptions } from '../options/types.js';
import { isRecord } from '../util/record.js';
import { PATHS } from '../wire/facts.js';
import {
  type Introspection,
  type UnverifiedTokens,
  parseEnvelope,
  parseIntrospection,
  parseOidcError,
  parseTokens,
} from '../wire/parse.js';
import { withholdSecrets } from '../http/redact.js';

/** Of an answer with tokens or claims. */
export const MAX_ANSWER_BYTES = 1024 * 1024;
/** Guarded requests wait for these, so not as long as a login may take. */
const MAX_WAIT_MS = 5_000;

/** What kind of token is sent; a server that wonders looks there first (RFC 7009 §2.1, RFC 7662 §2.1). */
export type TokenTypeHint = 'access_token' | 'refresh_token';

export interface OidcEndpointsSettings {
  options: Pick<ResolvedOptions, 'appId' | 'tokenEndpointAuthMethod'>;
  http: Http;
  appSecret: AppSecret;
}

/** GenAuth's OIDC endpoints that a server calls by itself, with its own proof of who it is. */
export class OidcEndpoints {
  readonly #settings: OidcEndpointsSettings;

  constructor(settings: OidcEndpointsSettings) {
    this.#settings = settings;
  }

  /**
   * RFC 6749 §6. Nobody has verified what comes back.
   *
   * @throws TokenVerificationError `refresh_token_refused`, UpstreamError, ConfigurationError
   */
  async requestRefresh(refreshToken: string): Promise<UnverifiedTokens> {
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken };
    const answer = await this.#post(PATHS.token, form);
    const refusal = parseOidcError(answer.body);
    if (refusal === 'unauthorized_client' || refusal === 'unsupported_grant_type') {
      throw new ConfigurationError(
        'grant_not_allowed',
        `GenAuth lets this application refresh no tokens (${refusal}): allow refresh_token in the console, application → protocol ` +
          'configuration → authorization mode.',
      );
    }
    if (refusal === 'invalid_grant') {
      throw new TokenVerificationError(
        'refresh_token_refused',
        'GenAuth refused the refresh token (invalid_grant): it expired, was revoked or is used up. The person signs in again.',
      );
    }
    expectSuccess(PATHS.token, answer);
    return parseTokens(isRecord(answer.body) ? answer.body : {});
  }

  /** RFC 7662. @throws UpstreamError, ConfigurationError */
  async requestIntrospection(token: string, hint: TokenTypeHint): Promise<Introspection> {
    const answer = await this.#post(PATHS.introspection, { token, token_type_hint: hint }, MAX_WAIT_MS);
    expectSuccess(PATHS.introspection, answer);
    const introspection = parseIntrospection(answer.body);
    if (introspection !== undefined) return introspection;
    throw unusable(PATHS.introspection, answer);
  }

  /** RFC 7009. GenAuth answers success in three forms, none of which says more than the HTTP status. */
  async requestRevocation(token: string, hint: TokenTypeHint): Promise<void> {
    expectSuccess(PATHS.revocation, await this.#post(PATHS.revocation, { token, token_type_hint: hint }));
  }

  /**
   * OpenID Connect Core 1.0 §5.3.
   *
   * @returns `undefined` for a good token whose scopes bring no claims (RFC 6750 §3.1).
   * @throws TokenVerificationError `token_revoked` where GenAuth does not take the token, UpstreamError
   */
  async requestUserInfo(accessToken: string): Promise<Record<string, unknown> | undefined> {
    const received = await this.#settings.http.request({
      method: 'GET',
      path: PATHS.userInfo,
      headers: { authorization: `Bearer ${accessToken}` },
      maxBytes: MAX_ANSWER_BYTES,
      timeout: MAX_WAIT_MS,
    });
    const answer = withholdSecrets(received, [accessToken]);
    const refusal = parseOidcError(answer.body);
    if (answer.status === 401 || readStatusCode(answer) === 401 || refusal === 'invalid_token') {
      throw new TokenVerificationError('token_revoked', 'GenAuth does not take the access token any more.');
    }
    if (refusal === 'insufficient_scope') return undefined;
    expectSuccess(PATHS.userInfo, answer);
    if (isRecord(answer.body)) return answer.body;
    throw unusable(PATHS.userInfo, answer);
  }

  /** Sends a form with the application's own credentials; once more, if a secret that was replaced is all that is wrong. */
  async #post(path: string, form: Readonly<Record<string, string>>, timeout?: number): Promise<HttpAnswer> {
    const { http, appSecret } = this.#settings;
    const send = async (secret: string | undefined): Promise<HttpAnswer> => {
      const answer = await http.request(this.#build(path, form, secret, timeout));
      return withholdSecrets(answer, [secret, form['token'], form['refresh_token']]);
    };
    const secret = await appSecret.get();
    const answer = await send(secret);
    if (!isClientRefused(answer)) return answer;
    if (await appSecret.renew(secret)) {
      const second = await send(await appSecret.get());
      if (!isClientRefused(second)) return second;
    }
    throw new ConfigurationError(
      'client_authentication_failed',
      `GenAuth refused the application itself at ${path}: check appSecret, and tokenEndpointAuthMethod against the console, ` +
        'application → configuration → token-exchange, introspection and revocation authentication methods.',
    );
  }

  #build(
    path: string,
    form: Readonly<Record<string, string>>,
    secret: string | undefined,
    timeout: number | undefined,
  ): HttpRequest {
    const { appId, tokenEndpointAuthMethod } = this.#settings.options;
    const request = {
      method: 'POST',
      path,
      maxBytes: MAX_ANSWER_BYTES,
      ...(timeout !== undefined && { timeout }),
    } as const;
    if (tokenEndpointAuthMethod === 'client_secret_basic') {
      return { ...request, form, headers: { authorization: buildBasicAuthorization(appId, secret ?? '') } };
    }
    return { ...request, form: { ...form, client_id: appId, ...(secret !== undefined && { client_secret: secret }) } };
  }
}

/** RFC 7617 §2. GenAuth's IDs and secrets are letters and digits, so nothing in them needs the escapes of RFC 6749 §2.3.1. */
export function buildBasicAuthorization(appId: string, secret: string): string {
  return `Basic ${Buffer.from(`${appId}:${secret}`).toString('base64')}`;
}

/** In V3's envelope too: GenAuth uses it in some places on these paths. */
function readStatusCode({ status, body }: Pick<HttpAnswer, 'status' | 'body'>): number {
  return parseEnvelope(body)?.statusCode ?? status;
}

function isClientRefused({ status, body }: HttpAnswer): boolean {
  const error = parseOidcError(body);
  if (error !== undefined) return error === 'invalid_client';
  return status === 401 || readStatusCode({ status, body }) === 401;
}

function expectSuccess(path: string, answer: HttpAnswer): void {
  const { status, body, retryAfter } = answer;
  const inner = readStatusCode(answer);
  if (status === 429 || status >= 500 || inner === 429 || inner >= 500) {
    throw new UpstreamError('upstream_unavailable', `GenAuth answered ${path} with ${inner}.`, { retryAfter });
  }
  if (status >= 300 || inner >= 300 || parseOidcError(body) !== undefined) throw unusable(path, answer);
}

function unusable(path: string, { status, body }: HttpAnswer): UpstreamError {
  const error = parseOidcError(body);
  return new UpstreamError(
    'upstream_invalid_response',
    `GenAuth answered ${path} with HTTP ${status}${error === undefined ? '' : ` and the error ${quote(error)}`}, which cannot be used.`,
  );
}
