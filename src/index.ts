/** `passport-genauth`: the client, the Passport strategies for any framework, errors and types. */
export { GenAuthClient } from './core/client.js';
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
export {
  type ClientIpResolver,
  type GenAuthOptions,
  type GenAuthRequest,
  type JwksOptions,
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
export type { TokenEndpointAuthMethod } from './core/wire.js';
export { GenAuthAdStrategy } from './passport/ad.strategy.js';
export { type BearerInfo, GenAuthBearerStrategy } from './passport/bearer.strategy.js';
export type { VerifyCallback } from './passport/genauth.strategy.js';
export { GenAuthPasswordStrategy } from './passport/password.strategy.js';
export { type SignInHandler, signInHandler } from './passport/sign-in-handler.js';
export type { SignInInfo } from './passport/sign-in-request.js';
