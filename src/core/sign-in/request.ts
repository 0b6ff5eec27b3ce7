import type { HttpRequest } from '../http/http.js';
import { MAX_ANSWER_BYTES } from '../http/upstream.js';
import type { ClientProof } from '../oidc/client-authentication.js';
import { parseScope } from '../scopes.js';
import { HEADERS, PATHS, type PasswordEncryptType, type WireSignInOptions } from '../wire/facts.js';
import { buildSignInBody } from '../wire/parse.js';
import type { ParsedCredentials } from './credentials.js';
import { parseIpAddress } from './ip-address.js';
import type { SignInOptions } from './sign-in-options.js';

/** What a sign-in is made of: checked, and the password as it is sent. */
export interface SignInRequestParts {
  appId: string;
  credentials: ParsedCredentials;
  /** With `scope`. */
  options: SignInOptions & { scope: string | readonly string[] };
  /** Encrypted, if `passwordEncryptType` says so. */
  password: string;
  passwordEncryptType: PasswordEncryptType;
  proof: ClientProof;
}

/** Builds the request of a sign-in. */
export function buildSignInRequest(parts: SignInRequestParts): HttpRequest {
  const { appId, credentials, password, passwordEncryptType, proof } = parts;
  const { scope, clientIp, context, tenantId, customData, autoRegister, captchaCode, captchaToken } = parts.options;
  const address = parseIpAddress(clientIp);
  const options: WireSignInOptions = {
    scope: parseScope(scope).join(' '),
    ...(address === undefined ? {} : { clientIp: address }),
    ...(context === undefined ? {} : { context }),
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(customData === undefined ? {} : { customData }),
    ...(autoRegister === undefined ? {} : { autoRegister }),
    ...(captchaCode === undefined ? {} : { captchaCode }),
    ...(captchaToken === undefined ? {} : { captchaToken }),
    ...(passwordEncryptType === 'none' ? {} : { passwordEncryptType }),
  };
  return {
    method: 'POST',
    path: PATHS.signIn,
    headers: { ...buildAppHeaders(appId), ...proof.headers },
    body: { ...buildSignInBody({ ...credentials, password, options }), ...proof.members },
    maxBytes: MAX_ANSWER_BYTES,
    secrets: [credentials.password, password, proof.secret],
  };
}

/** The headers that name the application. Newer tenants know the second name, all know the first. */
export function buildAppHeaders(appId: string): Record<string, string> {
  return { [HEADERS.appId]: appId, [HEADERS.appIdOfGenAuth]: appId, [HEADERS.requestFrom]: 'sdk' };
}
