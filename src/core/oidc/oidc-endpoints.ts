import { ConfigurationError, TokenVerificationError, type UpstreamError } from '../errors.js';
import type { Http, HttpAnswer } from '../http/http.js';
import { MAX_ANSWER_BYTES, MAX_WAIT_MS, toUpstreamError } from '../http/upstream.js';
import { quote } from '../util/quote.js';
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
import type { ClientAuthentication } from './client-authentication.js';

/** What kind of token is sent; a server that wonders looks there first (RFC 7009 §2.1, RFC 7662 §2.1). */
export type TokenTypeHint = 'access_token' | 'refresh_token';

export interface OidcEndpointsSettings {
  http: Http;
  authentication: ClientAuthentication;
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
        { details: { token: 'refresh_token' } },
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
    const answer = await this.#settings.http.request({
      method: 'GET',
      path: PATHS.userInfo,
      headers: { authorization: `Bearer ${accessToken}` },
      maxBytes: MAX_ANSWER_BYTES,
      timeout: MAX_WAIT_MS,
      secrets: [accessToken],
    });
    const refusal = parseOidcError(answer.body);
    if (answer.status === 401 || readStatusCode(answer) === 401 || refusal === 'invalid_token') {
      throw new TokenVerificationError('token_revoked', 'GenAuth does not take the access token any more.', {
        details: { token: 'access_token' },
      });
    }
    if (refusal === 'insufficient_scope') return undefined;
    expectSuccess(PATHS.userInfo, answer);
    if (isRecord(answer.body)) return answer.body;
    throw unusable(PATHS.userInfo, answer);
  }

  /** Sends a form with the application's own proof. */
  #post(path: string, form: Readonly<Record<string, string>>, timeout?: number): Promise<HttpAnswer> {
    const { http, authentication } = this.#settings;
    return authentication.prove('form', async ({ headers, members, secret }) => {
      const answer = await http.request({
        method: 'POST',
        path,
        headers,
        form: { ...form, ...members },
        maxBytes: MAX_ANSWER_BYTES,
        ...(timeout !== undefined && { timeout }),
        secrets: [secret, form['token'], form['refresh_token']],
      });
      if (!isClientRefused(answer)) return answer;
      throw new ConfigurationError(
        'client_authentication_failed',
        `GenAuth refused the application itself at ${path}: check appSecret, and tokenEndpointAuthMethod against the console, ` +
          'application → configuration → token-exchange, introspection and revocation authentication methods.',
      );
    });
  }
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
  const statusCode = readStatusCode(answer);
  const isSuccess = answer.status < 300 && statusCode < 300 && parseOidcError(answer.body) === undefined;
  if (!isSuccess) throw unusable(path, answer);
}

function unusable(path: string, { status, body, retryAfter }: HttpAnswer): UpstreamError {
  const request = `${path === PATHS.userInfo ? 'GET' : 'POST'} ${path}`;
  const error = parseOidcError(body);
  const said = error === undefined ? '' : ` and the error ${quote(error)}`;
  const statusCode = readStatusCode({ status, body });
  return toUpstreamError({ request, status, statusCode, retryAfter }, (decisive) =>
    decisive.isDown
      ? `GenAuth answered ${path} with ${decisive.status}.`
      : `GenAuth answered ${path} with HTTP ${status}${said}, which cannot be used.`,
  );
}
