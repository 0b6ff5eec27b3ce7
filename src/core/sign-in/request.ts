import type { HttpRequest } from '../http/http.js';
import { MAX_ANSWER_BYTES, buildBasicAuthorization } from '../oidc/oidc-endpoints.js';
import type { ResolvedOptions } from '../options/types.js';
import { parseScope } from '../scopes.js';
import { ownProperties } from '../util/record.js';
import { HEADERS, PATHS, type PasswordEncryptType, type WireSignInOptions } from '../wire/facts.js';
import { buildSignInBody } from '../wire/parse.js';
import type { ParsedCredentials } from './credentials.js';
import { parseIpAddress } from './ip-address.js';
import type { SignInOptions } from './sign-in-options.js';

/** What goes into a sign-in beside the configuration: checked, and the password as it is to be sent. */
export interface SignInRequestParts {
  credentials: ParsedCredentials;
  options: SignInOptions;
  /** Encrypted, if `passwordEncryptType` says so. */
  password: string;
  passwordEncryptType: PasswordEncryptType;
  appSecret: string | undefined;
}

/** The request of a sign-in: configuration, what the person typed, and what the server's side adds. */
export function buildSignInRequest(configuration: ResolvedOptions, parts: SignInRequestParts): HttpRequest {
  const { appId, tokenEndpointAuthMethod } = configuration;
  const { credentials, password, passwordEncryptType, appSecret = '' } = parts;
  const { scope, clientIp, context, tenantId, customData, autoRegister, captchaCode, captchaToken } = ownProperties(
    parts.options,
  );
  const address = parseIpAddress(clientIp);
  const options: WireSignInOptions = {
    scope: (scope === undefined ? configuration.scope : parseScope(scope)).join(' '),
    ...(address === undefined ? {} : { clientIp: address }),
    ...(context === undefined ? {} : { context }),
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(customData === undefined ? {} : { customData }),
    ...(autoRegister === undefined ? {} : { autoRegister }),
    ...(captchaCode === undefined ? {} : { captchaCode }),
    ...(captchaToken === undefined ? {} : { captchaToken }),
    ...(passwordEncryptType === 'none' ? {} : { passwordEncryptType }),
  };
  const body = buildSignInBody({
    ...credentials,
    password,
    options,
    client: tokenEndpointAuthMethod === 'client_secret_post' ? { id: appId, secret: appSecret } : undefined,
  });
  return {
    method: 'POST',
    path: PATHS.signIn,
    headers: {
      ...buildAppHeaders(appId),
      ...(tokenEndpointAuthMethod === 'client_secret_basic'
        ? { authorization: buildBasicAuthorization(appId, appSecret) }
        : {}),
    },
    body,
    maxBytes: MAX_ANSWER_BYTES,
  };
}

/** Which application calls. Newer tenants know the second name, all know the first. */
export function buildAppHeaders(appId: string): Record<string, string> {
  return { [HEADERS.appId]: appId, [HEADERS.appIdOfGenAuth]: appId, [HEADERS.requestFrom]: 'sdk' };
}
