import type { GenAuthClient } from '../core/client.js';
import { ConfigurationError, RequestError, SignInRejectedError, UpstreamError } from '../core/errors.js';
import type { GenAuthUser } from '../core/scopes.js';
import { buildAuthorizationUrl } from '../core/oidc/authorization-url.js';
import type { SignInRejection } from '../core/sign-in/outcome.js';
import { LruMap } from '../core/util/lru-map.js';
import { quote } from '../core/util/quote.js';
import { isLoopback } from '../core/util/url.js';
import { setNextStep } from '../web/next-step.js';
import { type SignInInfo, resolveTenantId } from '../web/sign-in.js';
import { getTexts } from '../web/texts.js';
import { type RedirectOptions, type ResolvedRedirectOptions, resolveRedirectOptions, toRoute } from './options.js';
import { type RedirectRequest, getParameter, toUrl } from './request.js';
import { isLocalPath } from './return-to.js';
import { createTransaction, toCodeChallenge } from './transaction.js';
import { type TransactionStore, createTransactionStore } from './transaction-store.js';

/** The value of `req.authInfo` after a sign-in on GenAuth's hosted page. It contains tokens: do not log it. */
export interface RedirectInfo extends SignInInfo {
  /** The path of the application to which the user returns. */
  returnTo: string;
}

/** Maximum number of used states in the cache of a process. */
const MAX_USED_STATES = 10_000;

/**
 * A sign-in on GenAuth's hosted page: the authorization code flow (OpenID Connect Core 1.0 §3.1) with PKCE (RFC 7636).
 * `begin` answers the route that begins a sign-in, `finish` answers the callback.
 */
export class RedirectFlow<S extends string, ExtendedFields extends object> {
  readonly #client: GenAuthClient<S, ExtendedFields>;
  readonly #options: ResolvedRedirectOptions;
  readonly #store: TransactionStore;
  readonly #now: () => number;
  /**
   * The states of the callbacks of this process. A browser can send a removed cookie again, and two simultaneous
   * callbacks read the same session. Another process refuses a second callback too, because GenAuth accepts each
   * authorization code once.
   */
  readonly #used = new LruMap<string, true>(MAX_USED_STATES);

  /** @throws ConfigurationError `invalid_options` if an option is wrong. */
  constructor(client: GenAuthClient<S, ExtendedFields>, options: RedirectOptions, now = (): number => Date.now()) {
    this.#client = client;
    this.#options = resolveRedirectOptions(options);
    this.#store = createTransactionStore(this.#options, client.options.appId, now);
    this.#now = now;
    const { startPath } = this.#options;
    if (startPath !== undefined) setNextStep(client, { kind: 'redirect', url: startPath });
  }

  /** The paths of the two routes of the application. */
  get paths(): { callbackUrl: string; startPath: string | undefined } {
    const { callbackUrl, startPath } = this.#options;
    return { callbackUrl: new URL(callbackUrl).pathname, startPath };
  }

  /** Returns whether a request comes back from GenAuth's hosted page. Any other request begins a sign-in. */
  isCallback(req: RedirectRequest): boolean {
    const { pathname, searchParams } = toUrl(req);
    if (toRoute(pathname) === toRoute(new URL(this.#options.callbackUrl).pathname)) return true;
    // A proxy in front of the application can change the path. GenAuth can send an error without `state`.
    return searchParams.has('error') || (searchParams.has('state') && searchParams.has('code'));
  }

  /**
   * Begins a sign-in.
   *
   * @returns The URL of GenAuth's hosted page, to which the browser must be sent.
   * @throws RequestError if the query parameter `returnTo` is not a path of this application.
   * @throws ConfigurationError if the sign-in cannot be stored, or if the option `signInOptions` fails.
   */
  async begin(req: RedirectRequest): Promise<string> {
    const { scope, name } = this.#client.options;
    if (scope.includes('offline_access')) warnOfRefreshToken(name);
    warnOfOtherHost(req, this.#options.callbackUrl);
    const { searchParams } = toUrl(req);
    const given = searchParams.getAll('returnTo');
    const returnTo = given.length === 0 ? this.#options.returnTo : given[0];
    if (given.length > 1 || !isLocalPath(returnTo)) {
      throw new RequestError(
        `returnTo must be one path of this application, such as /orders, but is ${given.map(quote).join(' and ')}.`,
        {
          field: 'returnTo',
        },
      );
    }
    const tenantId = await resolveTenantId(this.#client, req);
    const transaction = createTransaction(returnTo, this.#now());
    await this.#store.save(req, transaction);
    return buildAuthorizationUrl(this.#client.options, {
      redirectUri: this.#options.callbackUrl,
      state: transaction.state,
      nonce: transaction.nonce,
      codeChallenge: toCodeChallenge(transaction),
      tenantId,
    });
  }

  /** Returns the path to which the browser is sent if a sign-in fails. `undefined`: it gets a JSON response. */
  toFailurePath(code: string): string | undefined {
    const { failurePath, callbackUrl } = this.#options;
    if (failurePath === undefined) return undefined;
    const url = new URL(failurePath, callbackUrl);
    url.searchParams.set('error', code);
    return url.pathname + url.search + url.hash;
  }

  /**
   * Completes a sign-in.
   *
   * @returns The user and the tokens, as after a password login.
   * @throws RequestError `sign_in_expired` if the callback belongs to no sign-in of this browser, or if GenAuth refuses
   * the code.
   * @throws SignInRejectedError if the user cancelled the sign-in or may not use this application.
   * @throws UpstreamError, ConfigurationError in the same cases as `GenAuthClient.exchangeCode`, or if GenAuth reports
   * such an error in the callback.
   */
  async finish(req: RedirectRequest): Promise<{ user: GenAuthUser<S, ExtendedFields>; info: RedirectInfo }> {
    const url = toUrl(req);
    const state = getParameter(url, 'state');
    const transaction = state === undefined ? undefined : await this.#store.take(req, state);
    if (transaction === undefined || this.#used.get(transaction.state) === true) {
      throw new RequestError(this.#explainExpired(req, state), { field: 'state' }, 'sign_in_expired');
    }
    this.#used.set(transaction.state, true);
    const code = getParameter(url, 'code');
    const isForeign = url.searchParams.has('iss') && !this.#isIssuer(getParameter(url, 'iss'));
    if (code === undefined || url.searchParams.has('error') || isForeign) {
      throw this.#client.publishCodeFailure(
        isForeign ? buildIssuerError(url) : this.#toError(req, getParameter(url, 'error'), url),
      );
    }
    const { nonce, codeVerifier, returnTo } = transaction;
    const { callbackUrl: redirectUri } = this.#options;
    const { user, tokens, claims, requestId } = await this.#client.exchangeCode({
      code,
      redirectUri,
      codeVerifier,
      nonce,
    });
    return { user: user as GenAuthUser<S, ExtendedFields>, info: { tokens, claims, requestId, returnTo } };
  }

  #isIssuer(issuer: string | undefined): boolean {
    return issuer !== undefined && this.#client.options.issuer.includes(issuer);
  }

  #explainExpired({ headers }: RedirectRequest, state: string | undefined): string {
    if (state === undefined)
      return 'The callback has no state: it was not sent by GenAuth. Let the user sign in again.';
    return (
      'The callback belongs to no sign-in of this browser: the sign-in is older than 15 minutes, was already ' +
      `completed, or was begun in another browser or under another host name. The request has the host ` +
      `${quote(headers.host)}, and callbackUrl has ${quote(new URL(this.#options.callbackUrl).host)}. ` +
      'Let the user start the sign-in again.'
    );
  }

  /** Converts an error of the callback (RFC 6749 §4.1.2.1, OpenID Connect Core 1.0 §3.1.2.6). */
  #toError(req: RedirectRequest, error: string | undefined, url: URL): Error {
    const description = getParameter(url, 'error_description');
    const text = description === undefined ? '' : ` (${quote(description)})`;
    if (error !== undefined && USER_ERRORS.includes(error)) {
      const message = `GenAuth's hosted page sent the browser back with ${error}${text}.`;
      const ids = { statusCode: 0, apiCode: undefined, requestId: undefined };
      const outcome: SignInRejection = { kind: 'access_denied', ...ids, message };
      const { language } = this.#client.options;
      const texts = getTexts(language, req.headers['accept-language']);
      return new SignInRejectedError(outcome, 403, texts.sign_in_cancelled, 'access_denied');
    }
    if (error === 'temporarily_unavailable' || error === 'server_error') {
      const code = error === 'server_error' ? 'upstream_invalid_response' : 'upstream_unavailable';
      return new UpstreamError(code, `GenAuth's hosted page reported ${error}${text}: try again later.`);
    }
    if (error === undefined) {
      const message = "GenAuth's callback has neither one code nor one error. Let the user start the sign-in again.";
      return new UpstreamError('upstream_invalid_response', message);
    }
    return new ConfigurationError(
      'authorization_refused',
      `GenAuth refused the authorization request with ${quote(error)}${text}: compare appId, scope and callbackUrl ` +
        'with the console, and allow the authorization code flow for the application.',
      // The report of errors with an answer is limited by their code, because any browser can send such a callback.
      { answer: { statusCode: 400, apiCode: undefined, requestId: undefined } },
    );
  }
}

/** The errors of a callback after which the end user must act. */
const USER_ERRORS = [
  'access_denied',
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
];

/** Builds the error for a callback of another issuer ([RFC 9207 §2.4](https://www.rfc-editor.org/rfc/rfc9207)). */
function buildIssuerError({ searchParams }: URL): UpstreamError {
  const shown = searchParams.getAll('iss').map(quote).join(' and ');
  const message = `The callback is from another issuer (iss ${shown}): correct appHost, or set the option issuer.`;
  return new UpstreamError('upstream_invalid_response', message);
}

/**
 * Warns once if a browser begins a sign-in under another host name of this machine than that of `callbackUrl`, because
 * it does not send the cookie of one to the other. Other host names are not compared: a proxy can change them.
 */
function warnOfOtherHost({ headers: { host } }: RedirectRequest, callbackUrl: string): void {
  const callback = new URL(callbackUrl);
  const used = typeof host === 'string' && URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : undefined;
  if (used === undefined || used.hostname === callback.hostname || warned.has(callbackUrl)) return;
  if (!isLoopback(used.hostname) || !isLoopback(callback.hostname)) return;
  warned.add(callbackUrl);
  process.emitWarning(
    `A sign-in began at ${used.host}, but callbackUrl is on ${callback.host}. For cookies these are two hosts, ` +
      `so the sign-in cannot be completed. Open the application at ${callback.origin}.`,
    { type: 'GenAuthWarning', code: 'GENAUTH_CALLBACK_HOST' },
  );
}

const warned = new Set<string>();

function warnOfRefreshToken(name: string): void {
  if (warned.has(name)) return;
  warned.add(name);
  process.emitWarning(
    `${name}: The scope contains offline_access, but a sign-in on GenAuth's hosted page may bring no refresh token, ` +
      'because it is requested with prompt=login. Remove offline_access, or expect that tokens.refreshToken can be ' +
      'undefined.',
    { type: 'GenAuthWarning', code: 'GENAUTH_REDIRECT_REFRESH_TOKEN' },
  );
}
