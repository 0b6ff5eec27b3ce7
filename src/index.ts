/** `passport-genauth`: the client, the Passport strategies for any framework, errors and types. */
export { type Captcha, GenAuthClient } from './core/client.js';
export type { AppSecretSource } from './core/app-secret.js';
export {
  ConfigurationError,
  type ConfigurationErrorCode,
  GenAuthError,
  RequestError,
  SignInRejectedError,
  TokenVerificationError,
  type TokenVerificationErrorCode,
  UpstreamError,
  type UpstreamErrorCode,
} from './core/errors.js';
export type { SignInEvent } from './core/events.js';
export {
  type ClientIpResolver,
  type GenAuthOptions,
  type GenAuthRequest,
  type GenAuthUserOf,
  type JwksOptions,
  type Language,
  type LoginFields,
  type SignInOptionsResolver,
  defineGenAuthOptions,
} from './core/options.js';
export type {
  ClaimScope,
  DefaultScope,
  GenAuthRole,
  GenAuthTokenUser,
  GenAuthUser,
  ScopeClaims,
  ScopeNames,
} from './core/scopes.js';
export type {
  AdCredentials,
  ApplicationMfa,
  Credentials,
  PasswordCredentials,
  SignInAnswer,
  SignInOptions,
  SignInOutcome,
  SignInRejection,
  SignInSuccess,
  TokenSet,
} from './core/sign-in.js';
export type { AccessTokenClaims, IdTokenClaims, SigningAlgorithm, TokenClaims } from './core/token-verifier.js';
export type { PasswordEncryptType, TokenEndpointAuthMethod } from './core/wire.js';
export { GenAuthAdStrategy } from './passport/ad.strategy.js';
export { bodyErrorHandler } from './passport/body-error-handler.js';
export { type BearerInfo, GenAuthBearerStrategy } from './passport/bearer.strategy.js';
export type { VerifyFunction } from './passport/genauth.strategy.js';
export { GenAuthPasswordStrategy } from './passport/password.strategy.js';
export { type SignInHandler, signInHandler } from './passport/sign-in-handler.js';
export type { RefusalBody } from './passport/outcome.js';
export type { SignInInfo } from './passport/sign-in-request.js';
