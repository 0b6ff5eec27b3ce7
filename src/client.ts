/**
 * Entry point `passport-genauth/client`. It exports the class `GenAuthClient`, the error classes and the types. It
 * loads neither Passport nor a web framework.
 */
export {
  type AnyGenAuthClient,
  type Captcha,
  type ClientStatus,
  GenAuthClient,
  type RefreshOptions,
  type RefreshedTokens,
} from './core/client.js';
export type { AppSecretSource } from './core/oidc/app-secret.js';
export {
  AuthorizationError,
  type AuthorizationErrorCode,
  type AnswerIds,
  type AuthorizationErrorDetails,
  ConfigurationError,
  type ConfigurationErrorCode,
  type ConfigurationErrorDetails,
  type ErrorDetails,
  GenAuthError,
  type OptionMistake,
  RequestError,
  type RequestErrorCode,
  type RequestErrorDetails,
  SignInRejectedError,
  type SignInRejectedErrorDetails,
  TokenVerificationError,
  type TokenVerificationErrorCode,
  type TokenVerificationErrorDetails,
  type TriedAddress,
  type UnusableKey,
  UpstreamError,
  type UpstreamErrorCode,
  type UpstreamErrorDetails,
} from './core/errors.js';
export type {
  GenAuthEvents,
  KeysEvent,
  RefreshEvent,
  RefusalEvent,
  RequestEvent,
  SignInEvent,
  StoreEvent,
  UserInfoEvent,
  VerificationEvent,
} from './core/events.js';
export type { KeySetStatus } from './core/tokens/jwks.js';
export type { LogoutParameters } from './core/oidc/logout-url.js';
export type { TokenTypeHint } from './core/oidc/oidc-endpoints.js';
export type {
  ClientIpResolver,
  GenAuthGuardedUserOf,
  GenAuthHttpRequest,
  GenAuthOptions,
  GenAuthRequest,
  GenAuthUserOf,
  JwksOptions,
  Language,
  LogDetails,
  LogFunction,
  LoginFields,
  LoginLimit,
  LoginThrottleOptions,
  ResolvedOptions,
  SignInOptionsResolver,
  UserResolver,
  UserClaimsSource,
  VerifiedTokenCacheOptions,
} from './core/options/types.js';
export { type Environment, genAuthOptionsFromEnvironment, type VariableOption } from './core/options/environment.js';
export { defineGenAuthOptions } from './core/options/resolve-options.js';
export type {
  ClaimScope,
  DefaultScope,
  GenAuthRole,
  GenAuthTokenUser,
  GenAuthUser,
  ScopeClaims,
  ScopeNames,
} from './core/scopes.js';
export type { LoginLimiter, LoginLimiterSettings, LoginStore } from './stores/login-limiter.js';
export type { RefreshStore } from './stores/refresh-store.js';
export type { AdCredentials, Credentials, PasswordCredentials } from './core/sign-in/credentials.js';
export type {
  ApplicationMfa,
  SignInAnswer,
  SignInOutcome,
  SignInRejection,
  SignInSuccess,
  TokenSet,
} from './core/sign-in/outcome.js';
export type { SignInOptions } from './core/sign-in/sign-in-options.js';
export type { AccessTokenClaims, IdTokenClaims, TokenClaims } from './core/tokens/claims.js';
export type { SigningAlgorithm } from './core/tokens/unverified-token.js';
export type { Introspection } from './core/wire/parse.js';
export type { PasswordEncryptType, TokenEndpointAuthMethod } from './core/wire/facts.js';
