/**
 * The entry point `passport-genauth/nest/openapi`. It writes the guards and the logins into an OpenAPI
 * document.
 */
export { GenAuthAdLoginDto, GenAuthLoginDto } from './login-body.js';
export { type OpenApiDocument, applyGenAuthSecurity } from './openapi.js';
