import { ConfigurationError } from '../errors.js';
import type { ResolvedOptions } from '../options/types.js';
import type { AppSecret } from './app-secret.js';

/** What a request carries to prove which application sends it (RFC 6749 §2.3.1). */
export interface ClientProof {
  readonly headers: { readonly authorization?: string };
  /** Members of the form or of the JSON body. */
  readonly members: { readonly client_id?: string; readonly client_secret?: string };
  /** The secret that is sent, which no error and no log may repeat. */
  readonly secret: string | undefined;
}

export type ClientIdentity = Pick<ResolvedOptions, 'appId' | 'tokenEndpointAuthMethod'>;

/**
 * Builds the proof by the option `tokenEndpointAuthMethod`.
 *
 * @param body - A form of an OIDC endpoint names the application in any case (RFC 6749 §3.2.1). The JSON body of a
 * sign-in does so with `client_secret_post` only, because its headers name the application.
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

/** RFC 7617 §2. GenAuth's IDs and secrets are letters and digits, so nothing needs the escapes of RFC 6749 §2.3.1. */
function buildBasicAuthorization(appId: string, secret: string): string {
  return `Basic ${Buffer.from(`${appId}:${secret}`).toString('base64')}`;
}

/** Proves the application to GenAuth, and renews its secret when GenAuth refuses it. */
export class ClientAuthentication {
  readonly #identity: ClientIdentity;
  readonly #appSecret: AppSecret;

  constructor(identity: ClientIdentity, appSecret: AppSecret) {
    this.#identity = identity;
    this.#appSecret = appSecret;
  }

  /**
   * Runs an exchange. If GenAuth refuses the application and `appSecret` is a function that now returns another secret,
   * the exchange runs once more.
   *
   * @param exchange - Throws ConfigurationError `client_authentication_failed` if GenAuth refuses the application.
   * @throws what the exchange throws; ConfigurationError `app_secret_unavailable`
   */
  async prove<Result>(body: 'form' | 'json', exchange: (proof: ClientProof) => Promise<Result>): Promise<Result> {
    const secret = await this.#appSecret.get();
    try {
      return await exchange(buildClientProof(this.#identity, secret, body));
    } catch (error) {
      const isRefused = error instanceof ConfigurationError && error.code === 'client_authentication_failed';
      if (!isRefused || !(await this.#appSecret.renew(secret))) throw error;
      return exchange(buildClientProof(this.#identity, await this.#appSecret.get(), body));
    }
  }
}
