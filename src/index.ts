/**
 * Entry point `passport-genauth`. It exports the class `GenAuthClient`, the Passport strategies, the Express middleware
 * and handlers, the error classes and the types.
 */
export * from './client.js';
export { GenAuthAdStrategy } from './passport/ad.strategy.js';
export { GenAuthBearerStrategy } from './passport/bearer.strategy.js';
export type { BearerInfo, BearerUser } from './web/authenticate-bearer.js';
export { type ErrorHandler, genAuthErrorHandler } from './express/error-handler.js';
export type { VerifyFunction } from './web/application-user.js';
export type { GenAuthStrategy } from './passport/genauth.strategy.js';
export { GenAuthPasswordStrategy } from './passport/password.strategy.js';
export { refuseCrossSite } from './express/refuse-cross-site.js';
export { type RequireAuthHandler, type RequireAuthOptions, requireAuth } from './express/require-auth.js';
export { type SignInHandler, type SignInStrategy, signInHandler } from './express/sign-in-handler.js';
export type { Refusal, RefusalBody, RefusalCode } from './web/refusal.js';
export type { TenantResolver } from './web/authorization.js';
export type { SignInInfo } from './web/sign-in.js';
