import { ConfigurationError, RequestError, TokenVerificationError, type UpstreamError } from '../errors.js';
import type { Http, HttpAnswer } from '../http/http.js';
import { MAX_ANSWER_BYTES, MAX_WAIT_MS, toUpstreamError } from '../http/upstream.js';
import { quote } from '../util/quote.js';
import { isRecord } from '../util/record.js';
import { OAUTH_ERRORS, PATHS } from '../wire/facts.js';
import {
  type Introspection,
  type UnverifiedTokens,
  parseEnvelope,
  parseIntrospection,
  parseOidcError,
  parseTokens,
} from '../wire/parse.js';
import { Deadline } from '../util/deadline.js';
import type { ClientAuthentication, ClientProof } from './client-authentication.js';

/**
 * The type of the token in an introspection request or a revocation request. GenAuth may use this hint to find the
 * token faster ([RFC 7009 §2.1](https://www.rfc-editor.org/rfc/rfc7009#section-2.1),
 * [RFC 7662 §2.1](https://www.rfc-editor.org/rfc/rfc7662#section-2.1)).
 */
export type TokenTypeHint = 'access_token' | 'refresh_token';

/** An authorization code of GenAuth's hosted page, and the values of the sign-in for which it was issued. */
export interface CodeGrant {
  code: string;
  /** The same text as in the authorization request. */
  redirectUri: string;
  /** The secret to the `code_challenge` of the authorization request (RFC 7636 §4.1). */
  codeVerifier: string;
}

export interface OidcEndpointsSettings {
  http: Http;
  authentication: ClientAuthentication;
  /**
   * The time limit of a token request, with the function `appSecret`, in milliseconds. Default: the time limit of each
   * HTTP exchange.
   */
  timeout?: number;
}

/** Calls GenAuth's OIDC endpoints: code exchange, token refresh, introspection, revocation and user info. */
export class OidcEndpoints {
  readonly #settings: OidcEndpointsSettings;

  constructor(settings: OidcEndpointsSettings) {
    this.#settings = settings;
  }

  /**
   * Requests new tokens with a refresh token (RFC 6749 §6).
   *
   * @returns The new tokens, which are not verified yet.
   * @throws TokenVerificationError `refresh_token_refused` if GenAuth refuses the refresh token.
   * @throws ConfigurationError `grant_not_allowed` if the application may not refresh tokens, or
   * `client_authentication_failed` if GenAuth refuses the credentials of the application.
   * @throws UpstreamError if GenAuth or the network fails.
   */
  async requestRefresh(refreshToken: string): Promise<UnverifiedTokens> {
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken };
    const answer = await this.#requestTokens(form, 'refresh tokens');
    if (parseOidcError(answer.body) === 'invalid_grant') {
      throw new TokenVerificationError(
        'refresh_token_refused',
        'GenAuth refused the refresh token (invalid_grant): it expired, was revoked or was already used. ' +
          'Let the user sign in again.',
        { details: { token: 'refresh_token' } },
      );
    }
    return toTokens(answer);
  }

  /**
   * Exchanges an authorization code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.5).
   *
   * @returns The tokens, which are not verified yet.
   * @throws RequestError `sign_in_expired` if GenAuth refuses the code: it expired, was already used, or belongs to
   * another sign-in.
   * @throws ConfigurationError `grant_not_allowed` if the application may not use authorization codes, or
   * `client_authentication_failed` if GenAuth refuses the credentials of the application.
   * @throws UpstreamError if GenAuth or the network fails.
   */
  async requestCodeExchange({ code, redirectUri, codeVerifier }: CodeGrant): Promise<UnverifiedTokens> {
    const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: codeVerifier };
    const answer = await this.#requestTokens(form, 'use authorization codes');
    if (parseOidcError(answer.body) === 'invalid_grant') {
      const message =
        'GenAuth refused the authorization code (invalid_grant): it expired, was already used, or was issued for ' +
        'another sign-in. Let the user start the sign-in again.';
      throw new RequestError(message, { field: 'code' }, 'sign_in_expired');
    }
    return toTokens(answer);
  }

  /** Requests tokens with a grant that GenAuth's console can forbid. */
  async #requestTokens(form: Readonly<Record<string, string>> & { grant_type: string }, what: string) {
    const answer = await this.#post(PATHS.token, form);
    const refusal = parseOidcError(answer.body);
    if (refusal !== 'unauthorized_client' && refusal !== 'unsupported_grant_type') return answer;
    throw new ConfigurationError(
      'grant_not_allowed',
      `GenAuth does not allow this application to ${what} (${refusal}): allow ${form.grant_type} in the console ` +
        'under application → protocol configuration → authorization mode.',
    );
  }

  /**
   * Introspects a token (RFC 7662 §2).
   *
   * @throws UpstreamError if GenAuth or the network fails.
   * @throws ConfigurationError if GenAuth refuses the credentials of the application.
   */
  async requestIntrospection(token: string, hint: TokenTypeHint): Promise<Introspection> {
    const answer = await this.#post(PATHS.introspection, { token, token_type_hint: hint }, MAX_WAIT_MS);
    expectSuccess(PATHS.introspection, answer);
    const introspection = parseIntrospection(answer.body);
    if (introspection !== undefined) return introspection;
    throw unusable(PATHS.introspection, answer);
  }

  /**
   * Revokes a token (RFC 7009 §2). GenAuth reports success in three different body formats. None of these bodies
   * contains more information than the HTTP status.
   *
   * @throws UpstreamError if GenAuth or the network fails.
   * @throws ConfigurationError if GenAuth refuses the credentials of the application.
   */
  async requestRevocation(token: string, hint: TokenTypeHint): Promise<void> {
    expectSuccess(PATHS.revocation, await this.#post(PATHS.revocation, { token, token_type_hint: hint }));
  }

  /**
   * Requests the claims of a user with an access token (OpenID Connect Core 1.0 §5.3).
   *
   * @returns The claims. `undefined` for a valid token whose scopes grant no claims (`insufficient_scope`, RFC 6750
   * §3.1).
   * @throws TokenVerificationError `token_revoked` if GenAuth does not accept the token.
   * @throws UpstreamError if GenAuth or the network fails.
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
      throw new TokenVerificationError(
        'token_revoked',
        'GenAuth no longer accepts the access token: refresh it, or sign the user in again.',
        {
          details: { token: 'access_token' },
        },
      );
    }
    if (refusal === 'insufficient_scope') return undefined;
    expectSuccess(PATHS.userInfo, answer);
    if (isRecord(answer.body)) return answer.body;
    throw unusable(PATHS.userInfo, answer);
  }

  /** Sends a POST request with a form and with the credentials of the application. */
  #post(path: string, form: Readonly<Record<string, string>>, timeout?: number): Promise<HttpAnswer> {
    const { http, authentication, timeout: limit } = this.#settings;
    const deadline = path === PATHS.token && limit !== undefined ? new Deadline(limit) : undefined;
    const exchange = async ({ headers, members, secret }: ClientProof): Promise<HttpAnswer> => {
      const answer = await http.request({
        method: 'POST',
        // A refresh token and an authorization code can be used only once. A second introspection or revocation changes
        // nothing.
        isRepeatable: path !== PATHS.token,
        path,
        headers,
        form: { ...form, ...members },
        maxBytes: MAX_ANSWER_BYTES,
        ...(timeout !== undefined && { timeout }),
        ...(deadline !== undefined && { deadline }),
        secrets: [secret, form['token'], form['refresh_token'], form['code'], form['code_verifier']],
      });
      if (!isClientRefused(answer)) return answer;
      throw new ConfigurationError(
        'client_authentication_failed',
        `GenAuth refused the credentials of this application at ${path}: check appSecret, and set ` +
          'tokenEndpointAuthMethod to the value in the console under application → configuration → token-exchange, ' +
          'introspection and revocation authentication methods.',
      );
    };
    return authentication.prove('form', exchange, deadline);
  }
}

/**
 * Returns the `statusCode` in the body if the body is an envelope of GenAuth's V3 API, otherwise the HTTP status.
 * GenAuth's OIDC endpoints send an envelope of the V3 API in some responses.
 */
function readStatusCode({ status, body }: Pick<HttpAnswer, 'status' | 'body'>): number {
  return parseEnvelope(body)?.statusCode ?? status;
}

function isClientRefused({ status, body }: HttpAnswer): boolean {
  const error = parseOidcError(body);
  if (error !== undefined && OAUTH_ERRORS.includes(error)) return error === 'invalid_client';
  return [status, readStatusCode({ status, body })].some((each) => each === 401 || each === 499);
}

function toTokens(answer: HttpAnswer): UnverifiedTokens {
  expectSuccess(PATHS.token, answer);
  return parseTokens(isRecord(answer.body) ? answer.body : {});
}

function expectSuccess(path: string, answer: HttpAnswer): void {
  const statusCode = readStatusCode(answer);
  const isSuccess = answer.status < 300 && statusCode < 300 && parseOidcError(answer.body) === undefined;
  if (!isSuccess) throw unusable(path, answer);
}

function unusable(path: string, { status, body, retryAfter }: HttpAnswer): UpstreamError {
  const request = `${path === PATHS.userInfo ? 'GET' : 'POST'} ${path}`;
  const error = parseOidcError(body);
  const errorPart = error === undefined ? '' : `, error ${quote(error)}`;
  const statusCode = readStatusCode({ status, body });
  return toUpstreamError({ request, status, statusCode, retryAfter }, (decisive) =>
    decisive.isDown
      ? `GenAuth is not available: it answered ${request} with status ${decisive.status}.`
      : `GenAuth's response to ${request} cannot be used: HTTP ${status}${errorPart}.`,
  );
}
