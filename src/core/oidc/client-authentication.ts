import { ConfigurationError, buildCallbackTimeout } from '../errors.js';
import type { ResolvedOptions } from '../options/types.js';
import type { Deadline } from '../util/deadline.js';
import type { MaybePromise } from '../util/maybe-promise.js';
import type { AppSecret } from './app-secret.js';

/** The parts of a request to GenAuth that authenticate the application (RFC 6749 §2.3.1). */
export interface ClientProof {
  readonly headers: { readonly authorization?: string };
  /** Members to add to the request body, which is a form or JSON. */
  readonly members: { readonly client_id?: string; readonly client_secret?: string };
  /**
   * The application secret that is sent. The secret must not appear in errors or logs. `undefined` if no secret is
   * sent.
   */
  readonly secret: string | undefined;
}

/** The options that identify the application and select its authentication method. */
export type ClientIdentity = Pick<ResolvedOptions, 'appId' | 'tokenEndpointAuthMethod'>;

/**
 * Builds the parts of a request that authenticate the application with the method in the option
 * `tokenEndpointAuthMethod`.
 *
 * @param body - The type of the request body. With the method `none`, a form must contain `client_id` (RFC 6749
 * §3.2.1). With the method `none`, the JSON body of a sign-in does not contain `client_id`, because the headers of a
 * sign-in request have the application ID.
 */
export function buildClientProof(
  { appId, tokenEndpointAuthMethod: method }: ClientIdentity,
  secret: string | undefined,
  body: 'form' | 'json',
): ClientProof {
  switch (method) {
    case 'client_secret_basic':
      return { headers: { authorization: buildBasicAuthorization(appId, secret ?? '') }, members: {}, secret };
    case 'client_secret_post':
      return { headers: {}, members: { client_id: appId, client_secret: secret ?? '' }, secret };
    case 'none':
      return { headers: {}, members: body === 'form' ? { client_id: appId } : {}, secret: undefined };
  }
}

/**
 * Builds the value of the header `Authorization` for HTTP Basic authentication (RFC 7617 §2). GenAuth's application IDs
 * and application secrets consist of letters and digits, so the escaping of RFC 6749 §2.3.1 is not needed.
 */
function buildBasicAuthorization(appId: string, secret: string): string {
  return `Basic ${Buffer.from(`${appId}:${secret}`).toString('base64')}`;
}

/** Authenticates the application to GenAuth. Renews the application secret if GenAuth refuses the secret. */
export class ClientAuthentication {
  readonly #identity: ClientIdentity;
  readonly #appSecret: AppSecret;

  constructor(identity: ClientIdentity, appSecret: AppSecret) {
    this.#identity = identity;
    this.#appSecret = appSecret;
  }

  /**
   * Sends a request that authenticates the application. If GenAuth refuses the application secret, the function
   * `appSecret` is called again. If the function returns a different secret, the request is sent once more with the new
   * secret.
   *
   * @param body - The type of the request body.
   * @param exchange - Sends the request with the given proof. This function must throw ConfigurationError
   * `client_authentication_failed` if GenAuth refuses the credentials of the application.
   * @param deadline - The time limit of the login, which may end before the time limit of the function `appSecret`.
   * Default: none.
   * @throws ConfigurationError `app_secret_unavailable` if the function `appSecret` fails, or `callback_timeout` if it
   * exceeds the time limit. Errors of `exchange` are rethrown.
   */
  async prove<Result>(
    body: 'form' | 'json',
    exchange: (proof: ClientProof) => Promise<Result>,
    deadline?: Deadline,
  ): Promise<Result> {
    const wait = <T>(pending: MaybePromise<T>): MaybePromise<T> =>
      deadline?.wait(pending, (timeout) => buildCallbackTimeout('appSecret', timeout)) ?? pending;
    // With the method `none`, `appSecret` is only the key of HS256, so the request does not depend on it.
    if (this.#identity.tokenEndpointAuthMethod === 'none') {
      return exchange(buildClientProof(this.#identity, undefined, body));
    }
    const secret = await wait(this.#appSecret.get());
    try {
      return await exchange(buildClientProof(this.#identity, secret, body));
    } catch (error) {
      const isRefused = error instanceof ConfigurationError && error.code === 'client_authentication_failed';
      if (!isRefused || !(await wait(this.#appSecret.renew(secret)))) throw error;
      return exchange(buildClientProof(this.#identity, await this.#appSecret.get(), body));
    }
  }
}
