import type { HttpRequest } from '../http/http.js';
import { MAX_ANSWER_BYTES } from '../http/upstream.js';
import type { ClientProof } from '../oidc/client-authentication.js';
import type { Deadline } from '../util/deadline.js';
import { HEADERS, PATHS, type PasswordEncryptType, type WireSignInOptions } from '../wire/facts.js';
import { buildSignInBody } from '../wire/parse.js';
import type { ParsedCredentials } from './credentials.js';
import { parseIpAddress } from './ip-address.js';
import type { SignInOptions } from './sign-in-options.js';

/** The parts of a sign-in request. All parts are already checked. */
export interface SignInRequestParts {
  appId: string;
  credentials: ParsedCredentials;
  /** The merged options of the sign-in. In this object `scope` is required. */
  options: SignInOptions & { scope: readonly string[] };
  passwordEncryptType: PasswordEncryptType;
  /** The time limit of the login. */
  deadline: Deadline;
}

/**
 * Builds the sign-in request.
 *
 * @param password - The password as it is sent: encrypted, unless `passwordEncryptType` is `none`.
 * @param proof - Headers and body properties that prove the identity of the application.
 */
export function buildSignInRequest(parts: SignInRequestParts, password: string, proof: ClientProof): HttpRequest {
  const { appId, credentials, passwordEncryptType, deadline } = parts;
  const { scope, clientIp, context, tenantId, customData, autoRegister, captchaCode, captchaToken } = parts.options;
  // `JSON.stringify` leaves out members that are `undefined`.
  const options: WireSignInOptions = {
    scope: scope.join(' '),
    clientIp: parseIpAddress(clientIp),
    context,
    tenantId,
    customData,
    autoRegister,
    captchaCode,
    captchaToken,
    passwordEncryptType: passwordEncryptType === 'none' ? undefined : passwordEncryptType,
  };
  return {
    method: 'POST',
    path: PATHS.signIn,
    headers: Object.assign(buildAppHeaders(appId), proof.headers),
    body: Object.assign(buildSignInBody(credentials, password, options), proof.members),
    maxBytes: MAX_ANSWER_BYTES,
    secrets: [credentials.password, password, proof.secret],
    deadline,
  };
}

/**
 * Builds the request headers with the application ID. All GenAuth tenants know `x-authing-app-id`. Newer GenAuth
 * tenants also know `x-genauth-app-id`.
 */
export function buildAppHeaders(appId: string): Record<string, string> {
  return { [HEADERS.appId]: appId, [HEADERS.appIdOfGenAuth]: appId, [HEADERS.requestFrom]: 'sdk' };
}
