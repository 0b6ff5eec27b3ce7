/**
 * The entry point `passport-genauth/nest`: the module, guards and decorators for NestJS 11 and 12, on Express and
 * Fastify.
 */
export {
  AuthInfo,
  CurrentUser,
  Introspect,
  type IntrospectOptions,
  OptionalAuth,
  Public,
  RequireScopes,
  Roles,
  Tenant,
} from './genauth.decorators.js';
export { authenticateSocket } from './authenticate-socket.js';
export type { StartupCheck } from './applications.js';
export type { RequestContext as GenAuthRequestContext } from './contexts/request-context.js';
export { GenAuthErrorInterceptor } from './genauth-error.interceptor.js';
export { GenAuthException } from './genauth.exception.js';
export { GenAuthGuard } from './genauth.guard.js';
export { GenAuthModule, type GenAuthModuleOptions, type GenAuthOptionsFactory } from './genauth.module.js';
export { InjectGenAuthClient, getGenAuthClientToken } from './genauth.providers.js';
export { refuseUnreadableBodies } from './refuse-unreadable-bodies.js';
export { type GenAuthDecorators, createGenAuthDecorators } from './typed-decorators.js';
export { GenAuthAdGuard, GenAuthLoginGuard, GenAuthPasswordGuard } from './sign-in.guards.js';
