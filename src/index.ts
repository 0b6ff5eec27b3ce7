/** `passport-genauth`: the client, the Passport strategies for any framework, errors and types. */
export {
  type Captcha,
  type ClientStatus,
  GenAuthClient,
  type LogoutParameters,
  type RefreshedTokens,
} from './core/client.js';
export type { AppSecretSource } from './core/app-secret.js';
export {
  AccessDeniedError,
  type AccessDeniedErrorCode,
  type AnswerIds,
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
export type { KeySetStatus } from './core/jwks.js';
export type { TokenTypeHint } from './core/oidc-endpoints.js';
export {
  type ClientIpResolver,
  type BearerTokenKind,
  type GenAuthOptions,
  type GenAuthRequest,
  type GenAuthUserOf,
  type JwksOptions,
  type Language,
  type LoginFields,
  type SignInOptionsResolver,
  type UserClaimsSource,
  type VerifiedTokenCacheOptions,
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
export type { AccessTokenClaims, IdTokenClaims, TokenClaims } from './core/token-verifier.js';
export type { SigningAlgorithm } from './core/unverified-token.js';
export type { Introspection, PasswordEncryptType, TokenEndpointAuthMethod } from './core/wire.js';
export { GenAuthAdStrategy } from './passport/ad.strategy.js';
export { type BearerInfo, type BearerUser, GenAuthBearerStrategy } from './passport/bearer.strategy.js';
export { type ErrorHandler, genAuthErrorHandler } from './passport/error-handler.js';
export type { VerifyFunction } from './passport/genauth.strategy.js';
export { GenAuthPasswordStrategy } from './passport/password.strategy.js';
export { type RequireAuthHandler, type RequireAuthOptions, requireAuth } from './passport/require-auth.js';
export { type SignInHandler, signInHandler } from './passport/sign-in-handler.js';
export type { RefusalBody } from './passport/outcome.js';
export type { TenantResolver } from './passport/access.js';
export type { SignInInfo } from './passport/sign-in-request.js';
